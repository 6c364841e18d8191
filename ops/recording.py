"""Records a terminal session as asciicast v2: what was on the operator's screen, with its times."""

from __future__ import annotations

import codecs
import json
import os
from pathlib import Path

from .clock import Clock


class Recording:
    """One recording, readable by its owner only. Every event is in the file when the method returns."""

    def __init__(self, path: Path, columns: int, rows: int, clock: Clock) -> None:
        """Make the file. Raises FileExistsError, and OSError when it cannot be written."""
        self.path = path
        self._clock = clock
        self._start = clock.monotonic()
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._write({"version": 2, "width": columns, "height": rows, "timestamp": int(clock.now())})

    def output(self, data: bytes) -> None:
        """What the terminal showed; a character cut between two calls is kept until it is whole."""
        text = self._decoder.decode(data)
        if text:
            self._write([self._elapsed(), "o", text])

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has another size now."""
        self._write([self._elapsed(), "r", f"{columns}x{rows}"])

    def close(self) -> None:
        """End the recording; may be called twice."""
        if self._file < 0:
            return
        rest = self._decoder.decode(b"", final=True)
        if rest:
            self._write([self._elapsed(), "o", rest])
        os.close(self._file)
        self._file = -1

    def _elapsed(self) -> float:
        return round(self._clock.monotonic() - self._start, 6)

    def _write(self, event: object) -> None:
        line = json.dumps(event).encode() + b"\n"  # ASCII only: the file is safe to show in a terminal
        while line:
            line = line[os.write(self._file, line) :]
