"""The record of what was asked, refused, started and how it ended: append-only JSON lines in a hash chain, synced.

Without a record on disk no action starts. The operator owns the file, so it is evidence against accidents: an edited or
deleted line is found, a cut tail is not. The records of Slurm, sudo and sshd are the ones to hold against people.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .audit_read import (
    GENESIS,
    Record,
    blocks_backwards,
    canonical,
    digest,
    open_actions,
    parse_line,
    read,
    since,
    tail,
    verify,
)

__all__ = ["AuditLog", "AuditUnavailable", "Record", "open_actions", "read", "since", "tail", "verify"]


class AuditUnavailable(RuntimeError):
    """The record could not be written and nothing of it is in the file. No action may start."""


class AuditLog:
    """Appends records. Several processes and threads may write to one file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file, mode 0600. Raises AuditUnavailable, also for a symbolic link."""
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.open(path, flags, 0o600)
            _sync_directory(path.parent)
        except OSError as error:
            raise AuditUnavailable(f"audit log {path} cannot be opened: {error.strerror}") from error

    def append(self, phase: str, fields: Mapping[str, Any]) -> Record:
        """Write one record and return it when it is on disk. Raises AuditUnavailable."""
        with self._lock:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX)
            except OSError as error:
                raise AuditUnavailable(f"audit log {self.path} cannot be locked: {error.strerror}") from error
            try:
                return self._append(phase, fields)
            except OSError as error:
                raise AuditUnavailable(f"audit log {self.path} cannot be written: {error.strerror}") from error
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file; no record can be written after."""
        with self._lock:
            os.close(self._file)

    def _append(self, phase: str, fields: Mapping[str, Any]) -> Record:
        if not os.fstat(self._file).st_nlink:
            raise OSError(errno.ENOENT, "the file was removed while in use")
        size = self._fence()
        number, previous = self._last()
        record: Record = {**fields, "seq": number + 1, "ts": time.time(), "phase": phase, "prev": previous}
        record["h"] = digest(record)
        line = canonical(record) + b"\n"
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            raise
        return record

    def _fence(self) -> int:
        """Close a line that a crash left open, keeping its bytes; return where the next record begins."""
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")
            size += 1
        return size

    def _last(self) -> tuple[int, str]:
        for block in blocks_backwards(self._file):
            for line in block:
                record = parse_line(line)
                if record is not None:
                    return int(record["seq"]), str(record["h"])
        return 0, GENESIS


def _sync_directory(path: Path) -> None:
    """Make the name of a new file as durable as its content."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
