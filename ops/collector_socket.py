"""The socket of a shared collector: who may connect, and that only one collector serves it.

A lock beside the socket tells a live collector, also one that hangs, from the socket that a dead one left behind.
"""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

OTHERS_MAY_WRITE = 0o022


class CannotServe(Exception):
    """The socket cannot be had; the text says what, where and the next step."""


class CollectorSocket:
    """A bound socket that only its owner, or owner and one group, may connect to. Call `close` at the end."""

    def __init__(self, path: Path, group: str | None = None) -> None:
        """Raises CannotServe; replaces the socket of a collector that has died and never that of one that lives."""
        self.path = path
        self._inode: int | None = None
        gid = None if group is None else _gid(group)
        _check_folder(path.parent)
        self._lock = _locked(path.with_name(f"{path.name}.lock"), path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _make_room(path)
            self._bind(gid, group)
        except CannotServe:
            self.close()
            raise

    def close(self) -> None:
        """Take the socket away."""
        self.socket.close()
        with suppress(FileNotFoundError):
            if self._inode == self.path.lstat().st_ino:
                self.path.unlink()
        os.close(self._lock)

    def _bind(self, gid: int | None, group: str | None) -> None:
        before = os.umask(0o177)  # never connectable for others, not even for a moment
        try:
            self.socket.bind(str(self.path))
        except OSError as error:
            raise CannotServe(f"cannot make {self.path}: {error.strerror}") from error
        finally:
            os.umask(before)
        self._inode = self.path.lstat().st_ino
        if gid is None:
            return
        try:
            os.chown(self.path, -1, gid)
            self.path.chmod(0o660)
        except OSError as error:
            raise CannotServe(
                f"cannot give {self.path} to group {group}: {error.strerror}; the collector's own user must be in it"
            ) from error


def _gid(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise CannotServe(f"there is no group {group!r} on this machine") from error


def _check_folder(folder: Path) -> None:
    """Whoever may write into the folder could serve a picture of his own."""
    try:
        found = folder.stat()
    except OSError as error:
        raise CannotServe(
            f"cannot use {folder}: {error.strerror}; make it, or let systemd do so with RuntimeDirectory="
        ) from error
    if found.st_mode & OTHERS_MAY_WRITE and not found.st_mode & stat.S_ISVTX:
        raise CannotServe(f"others may write into {folder} and could put their own socket there: chmod go-w {folder}")


def _locked(lock: Path, path: Path) -> int:
    """The lock, held by us from now on."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CannotServe(f"cannot make {lock}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
        os.close(descriptor)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise CannotServe(f"cannot lock {lock}: {error.strerror}; name a path on a local disk") from error
        raise CannotServe(
            f"a collector serves {path} already (process {holder}); attach to it, end it, or name another --socket"
        ) from error
    os.truncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def _make_room(path: Path) -> None:
    """Take away the socket of a collector that has died."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise CannotServe(f"{path} is there and is no socket; name another path")
    if _answers(path):
        raise CannotServe(f"another program serves {path}; name another path")
    try:
        path.unlink()
    except OSError as error:
        raise CannotServe(f"cannot take the old socket {path} away: {error.strerror}") from error


def _answers(path: Path) -> bool:
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe,
        suppress(BlockingIOError, TimeoutError, PermissionError),
    ):
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
    return True  # it answers, or hangs, or is not for us to ask
