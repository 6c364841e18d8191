"""Changes as an operator would type them: the same request, by amtool."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from crashcart.backends.model import Matcher

from .parse import rfc3339


def add(url: str, matchers: Sequence[Matcher], *, starts: float, ends: float, author: str, comment: str) -> str:
    """`amtool silence add`."""
    words = (f"--author={author}", f"--comment={comment}", f"--start={rfc3339(starts)}", f"--end={rfc3339(ends)}")
    return _line(url, "add", *words, *(str(one) for one in matchers))


def update(url: str, silence: str, *, ends: float, comment: str) -> str:
    """`amtool silence update`: another end, the same id."""
    return _line(url, "update", f"--end={rfc3339(ends)}", f"--comment={comment}", silence)


def expire(url: str, silence: str) -> str:
    """`amtool silence expire`."""
    return _line(url, "expire", silence)


def _line(url: str, *words: str) -> str:
    return shlex.join(("amtool", f"--alertmanager.url={url}", "silence", *words))
