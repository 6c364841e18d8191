"""The shared directory of requests and answers: who wrote a file is what the kernel says, never what the file says.

Names are `ID.UID.request`, `ID.UID.approved`, `ID.UID.denied`, `tally.UID`. A file counts only when it is a regular
file of that user which nobody else can write. An answer is never overwritten, and a denial beats an approval.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from crashcart.backends.text import clean

from .approvals import Answer, ApprovalRequest, ApprovalsUnavailable, Posted, posted_of, spelled

MAX_BYTES = 4 << 20
MOST_REQUESTS = 500
KEPT_SECONDS = 24 * 3600.0
_NAME = re.compile(r"([0-9a-f]{32})\.([0-9]{1,10})\.(request|approved|denied)\Z")

_TALLY = re.compile(r"tally\.[0-9]{1,10}\Z")

OwnerOf = Callable[[str, os.stat_result], int]


def owner_by_kernel(name: str, found: os.stat_result) -> int:
    """The user id that the file system keeps for a file."""
    return found.st_uid


class Shelf:
    """All methods raise ApprovalsUnavailable; files of others that are not as they should be are passed over."""

    def __init__(self, directory: Path, uid: int, owner_of: OwnerOf = owner_by_kernel) -> None:
        self.directory = directory
        self._uid = uid
        self._owner_of = owner_of

    def check(self) -> None:
        """Raise unless the directory is one that only its group can use."""
        with self._opened():
            pass

    def put(self, request: ApprovalRequest) -> str:
        """Lay a request down; return the hash that an answer must name."""
        raw = spelled(request)
        self._sweep(request.created)
        self._write(f"{request.id}.{self._uid}.request", raw)
        return posted_of(raw).sha256

    def take_back(self, request_id: str) -> None:
        """Remove our own request; nothing when it is gone."""
        with self._opened() as folder, suppress(FileNotFoundError):
            os.unlink(f"{request_id}.{self._uid}.request", dir_fd=folder)

    def requests(self, now: float) -> tuple[Posted, ...]:
        """Requests that have not expired and nobody has denied, oldest first; what is no request is left out."""
        found: list[Posted] = []
        with self._opened() as folder:
            names = sorted(_names(folder))
            denied = {name[:32] for name in names if name.endswith(".denied") and self._is_whole(folder, name)}
            asked = [name for name in names if name.endswith(".request")]
            for name in asked[:MOST_REQUESTS]:
                posted = self._posted(folder, name) if name[:32] not in denied else None
                if posted is not None and posted.request.expires > now:
                    found.append(posted)
        return tuple(sorted(found, key=lambda posted: posted.request.created))

    def answer(self, answer: Answer) -> None:
        """Lay an answer down; a second one of the same kind by the same person is refused."""
        self._sweep(answer.when)
        self._write(f"{answer.request}.{self._uid}.{answer.verdict}", msgspec.json.encode(answer))

    def answers(self, request_id: str) -> tuple[tuple[Answer, int], ...]:
        """All answers to a request with the user id of their owner, denials first."""
        found: list[tuple[Answer, int]] = []
        with self._opened() as folder:
            for name in sorted(_names(folder), key=lambda name: not name.endswith(".denied")):
                match = _NAME.match(name)
                if match is None or match[1] != request_id or match[3] == "request":
                    continue
                with suppress(ApprovalsUnavailable, msgspec.DecodeError):
                    answer = msgspec.json.decode(self._read(folder, name), type=Answer)
                    if answer.request == request_id and answer.verdict == match[3] and answer.uid == int(match[2]):
                        found.append((answer, int(match[2])))
        return tuple(found)

    def own_tally(self) -> bytes:
        """Our own count of targets; empty when there is none yet."""
        with self._opened() as folder:
            name = f"tally.{self._uid}"
            return self._read(folder, name) if name in _names(folder) else b""

    def put_tally(self, raw: bytes) -> None:
        """Our own count anew."""
        self._write(f"tally.{self._uid}", raw, over=True)

    def other_tallies(self) -> tuple[bytes, ...]:
        """The counts of everybody else; what is no count of its owner is passed over."""
        found: list[bytes] = []
        with self._opened() as folder:
            for name in _names(folder):
                if _TALLY.match(name) and name != f"tally.{self._uid}":
                    with suppress(ApprovalsUnavailable):
                        found.append(self._read(folder, name))
        return tuple(found)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            folder = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise ApprovalsUnavailable(f"{self.directory}: cannot be opened: {error.strerror}") from error
        try:
            _check_directory(self.directory, os.fstat(folder))
            yield folder
        except OSError as error:
            raise ApprovalsUnavailable(f"{self.directory}: {error.strerror}: {error.filename}") from error
        finally:
            os.close(folder)

    def _posted(self, folder: int, name: str) -> Posted | None:
        match = _NAME.match(name)
        if match is None or match[3] != "request":
            return None
        try:
            posted = posted_of(self._read(folder, name))
        except ApprovalsUnavailable:
            return None
        request = posted.request
        return posted if (request.id, request.uid) == (match[1], int(match[2])) else None

    def _is_whole(self, folder: int, name: str) -> bool:
        try:
            return bool(_NAME.match(name)) and bool(self._read(folder, name))
        except ApprovalsUnavailable:
            return False

    def _read(self, folder: int, name: str) -> bytes:
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=folder)
        except OSError as error:
            raise ApprovalsUnavailable(f"{clean(name, limit=80)}: cannot be read: {error.strerror}") from error
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_mode & 0o022:
                raise ApprovalsUnavailable(f"{clean(name, limit=80)}: not a file that only its owner can write")
            if self._owner_of(name, found) != int(name.split(".")[1]):
                raise ApprovalsUnavailable(f"{clean(name, limit=80)}: belongs to user id {found.st_uid}")
            if found.st_size > MAX_BYTES:
                raise ApprovalsUnavailable(f"{clean(name, limit=80)}: larger than {MAX_BYTES} bytes")
            return os.read(descriptor, MAX_BYTES)
        finally:
            os.close(descriptor)

    def _sweep(self, now: float) -> None:
        """Remove what we laid down long ago: nobody else can."""
        with self._opened() as folder:
            for name in _names(folder):
                match = _NAME.match(name)
                if match is not None and int(match[2]) == self._uid:
                    with suppress(FileNotFoundError):
                        if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime < now - KEPT_SECONDS:
                            os.unlink(name, dir_fd=folder)

    def _write(self, name: str, raw: bytes, *, over: bool = False) -> None:
        """Write a whole file or none; over one that is there only when told so."""
        part = f".{name}.part"
        with self._opened() as folder:
            with suppress(FileNotFoundError):
                os.unlink(part, dir_fd=folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(part, flags, 0o640, dir_fd=folder)
            try:
                os.fchmod(descriptor, 0o640)  # the umask must not keep the group from reading
                if os.write(descriptor, raw) != len(raw):
                    raise ApprovalsUnavailable(f"{self.directory}: full")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if over:
                os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
                return
            try:
                os.link(part, name, src_dir_fd=folder, dst_dir_fd=folder)
            except FileExistsError as error:
                raise ApprovalsUnavailable(f"{name}: is there already") from error
            finally:
                os.unlink(part, dir_fd=folder)


def _names(folder: int) -> list[str]:
    return os.listdir(folder)


def _check_directory(path: Path, found: os.stat_result) -> None:
    if found.st_uid not in (0, os.geteuid()):
        raise ApprovalsUnavailable(f"{path}: belongs to user id {found.st_uid}; it must belong to root or to you")
    if found.st_mode & 0o007 or not found.st_mode & stat.S_ISGID or found.st_mode & 0o070 != 0o070:
        mode = oct(stat.S_IMODE(found.st_mode))[2:]
        raise ApprovalsUnavailable(
            f"{path}: mode {mode} is not that of a directory for one group; run: chmod 3770 {path}"
        )
