"""Runbooks that lie on this machine, read off the loop; a page says what it wants and shows it when it is there.

The link comes from an alert, so from whoever may write one: only plain documents are opened, never a hidden file, a
device or a pipe, and nothing large.
"""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from crashcart.backends.text import clean

LIMIT_BYTES = 64 << 10
SUFFIXES = frozenset((".md", ".markdown", ".txt", ".rst", ".adoc", ".org"))
LINES_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Runbook:
    """What is known of the document behind a link; `text` is safe to show, or why there is none."""

    state: Literal["elsewhere", "reading", "there", "refused"]
    text: str = ""
    stamp: tuple[int, int] | None = None  # time of change and size


ELSEWHERE = Runbook("elsewhere")
READING = Runbook("reading")


class Runbooks:
    """Documents by path, as they were when they were last read."""

    def __init__(self) -> None:
        self._held: dict[Path, Runbook] = {}
        self._wanted: dict[Path, None] = {}

    def behind(self, link: str) -> Runbook:
        """What is known now; the document is read by the next `fill`. Does no I/O."""
        path = local_path(link)
        if path is None:
            return ELSEWHERE
        self._wanted[path] = None
        return self._held.get(path, READING)

    @property
    def is_wanted(self) -> bool:
        """Whether anything was asked for since the last `fill`."""
        return bool(self._wanted)

    async def fill(self) -> bool:
        """Read what was asked for since the last time; whether anything is other than it was."""
        wanted, self._wanted = list(self._wanted), {}
        changed = False
        for path in wanted:
            before = self._held.get(path)
            now = await asyncio.to_thread(read, path, before)
            changed |= now != before
            self._held[path] = now
        return changed


def local_path(link: str) -> Path | None:
    """The file on this machine that a link names: `file:///path` or an absolute path; None for anything else."""
    if link.startswith("/") and not link.startswith("//"):
        return Path(link)
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        return None
    return Path(unquote(parts.path))


def read(path: Path, before: Runbook | None = None) -> Runbook:
    """The document; `before` itself when the file is as it was. Blocks."""
    if path.suffix.lower() not in SUFFIXES:
        return Runbook("refused", f"only {' '.join(sorted(SUFFIXES))} files are shown")
    if any(part.startswith(".") for part in path.parts) or "\0" in str(path):
        return Runbook("refused", "hidden files are not shown")
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        return Runbook("refused", f"it cannot be read here: {error.strerror}")
    try:
        return _document(handle, before)
    except OSError as error:
        return Runbook("refused", f"it cannot be read here: {error.strerror}")
    finally:
        os.close(handle)


def _document(handle: int, before: Runbook | None) -> Runbook:
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        return Runbook("refused", "it is not a plain file")
    if found.st_size > LIMIT_BYTES:
        return Runbook("refused", f"it is larger than {LIMIT_BYTES >> 10} kB")
    stamp = (found.st_mtime_ns, found.st_size)
    if before is not None and before.stamp == stamp:
        return before
    text = clean(os.read(handle, LIMIT_BYTES), limit=LIMIT_BYTES, multiline=True)
    return Runbook("there", text.rstrip(), stamp)
