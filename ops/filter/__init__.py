"""The filter language: one grammar for every table, the heatmap and `get --filter`.

`state=drained & gpus>4`, `name in gpu[001-064] | reason~=xid`, `!user=alice`, `elapsed>2h`, bare words match anywhere
(fuzzily, letters in order); words side by side must all match. A value that is not known matches no comparison, and
no negated comparison either: `temp!=0` is not true of a GPU that nobody has measured.
"""

from __future__ import annotations

from .match import Filter, compile_filter
from .parse import FilterError

__all__ = ["Filter", "FilterError", "compile_filter"]
