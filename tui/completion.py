"""What could come next on the filter and command lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crashcart.ops.fields import FIELDS
from crashcart.ops.verbs import BY_NAME, VERBS

from .command_line import SELECTION, SIMPLE
from .natural import natural
from .places import ROOT_VIEWS, SIDE_VIEWS
from .shown import Shown
from .targeting import typeable

MOST = 40
_LAST_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
WORDS: tuple[str, ...] = (
    *ROOT_VIEWS,
    *SIDE_VIEWS,
    *(verb.name for verb in VERBS),
    "filter",
    "theme",
    "cluster",
    *SIMPLE,
)


def complete_command(text: str, shown: Shown, themes: Sequence[str]) -> list[str]:
    """Whole lines that the text could become."""
    word, blank, rest = text.partition(" ")
    if not blank:
        return [f"{known} " if _takes_more(known) else known for known in sorted(set(WORDS)) if known.startswith(word)]
    if word == "theme":
        return [f"theme {name}" for name in themes if name.startswith(rest)]
    if word == "cluster":
        return [f"cluster {name}" for name in ("all", *shown.live.clusters()) if name.startswith(rest)]
    if word == "filter":
        return [f"filter {line}" for line in complete_filter(rest, "node")]
    if word in BY_NAME and " " not in rest:
        names = [name for name in typeable(shown, BY_NAME[word]) if name.startswith(rest)]
        found = ([] if rest else [SELECTION]) + sorted(names, key=natural)[:MOST]
        return [f"{word} {name} " for name in found]
    return []


def complete_filter(text: str, kind: str) -> list[str]:
    """Whole filters that the text could become: the last word completed to a field."""
    match = _LAST_WORD.search(text)
    start = match.start() if match else len(text)
    if match is None and text and text[-1] not in " (&|!":
        return []
    word = text[start:]
    return [text[:start] + name for name in FIELDS.get(kind, {}) if name.startswith(word) and name != word]


def _takes_more(word: str) -> bool:
    return word in BY_NAME or word in ("filter", "theme", "cluster")
