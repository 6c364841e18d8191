"""Reads the audit log: whole, from its end, checked against its hash chain, and for actions that never ended."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .protocol import ActionState, OpenAction

Record = dict[str, Any]

GENESIS = "0" * 64
BLOCK = 64 << 10
OPEN_STATES = frozenset({"RUNNING", "VERIFYING", "UNKNOWN"})


@dataclass(frozen=True, slots=True)
class BadRecord:
    """The first line that is not as it was written."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Verified:
    """`count` readable records; `head` is the last hash, worth keeping elsewhere because a cut tail leaves no trace."""

    count: int
    head: str
    fenced: tuple[int, ...]  # lines that a crash tore; they are kept and are not faults
    bad: BadRecord | None


def canonical(record: Record) -> bytes:
    """The one spelling of a record, ASCII only, so that the file is safe to show in a terminal."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def digest(record: Record) -> str:
    """The hash of a record over everything but `h`; `prev` in it ties it to the record before."""
    return hashlib.sha256(canonical({key: value for key, value in record.items() if key != "h"})).hexdigest()


def parse_line(line: bytes) -> Record | None:
    """The record in a line, or None when it is torn."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or not isinstance(record.get("seq"), int) or "h" not in record:
        return None
    return record


def read(path: Path) -> Iterator[Record]:
    """Yield all readable records in order; nothing when there is no file yet."""
    try:
        with path.open("rb") as file:
            for line in file:
                record = parse_line(line)
                if record is not None:
                    yield record
    except FileNotFoundError:
        return


def tail(path: Path, count: int) -> list[Record]:
    """The last `count` records, oldest first, without reading the whole file."""
    found: list[Record] = []
    for record in _newest_first(path):
        if len(found) >= count:
            break
        found.append(record)
    return found[::-1]


def since(path: Path, when: float) -> list[Record]:
    """Records written at or after `when` (Unix seconds), oldest first; reads no further back than needed."""
    found: list[Record] = []
    for record in _newest_first(path):
        if float(record.get("ts", 0.0)) < when:
            break
        found.append(record)
    return found[::-1]


def verify(path: Path) -> Verified:
    """Check every hash and the chain. Raises FileNotFoundError when there is no file."""
    previous, count = GENESIS, 0
    fenced: list[int] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            record = parse_line(line)
            if record is None:
                fenced.append(number)
                continue
            what = _fault(record, previous, count)
            if what:
                return Verified(count, previous, tuple(fenced), BadRecord(number, what))
            previous, count = str(record["h"]), count + 1
    return Verified(count, previous, tuple(fenced), None)


def open_actions(path: Path) -> tuple[OpenAction, ...]:
    """Actions whose records end at RUNNING, VERIFYING or UNKNOWN, or at PARTIAL with an unknown target; oldest first.

    An action whose executor still lives keeps its state, one whose executor is gone is UNKNOWN. `settled` in an end
    record says that no reading can tell more.
    """
    return OpenRecords(path).actions()


def open_records(path: Path) -> list[tuple[Record, Record]]:
    """The intent and the last record of each open action, oldest first."""
    return OpenRecords(path).records()


class OpenRecords:
    """Open actions of a log that grows: each look reads what was added since the one before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._read_to = 0
        self._begun: dict[str, Record] = {}
        self._last: dict[str, Record] = {}

    def records(self) -> list[tuple[Record, Record]]:
        """The intent and the last record of each open action, oldest first."""
        with self._lock:
            self._read_on()
            return [(self._begun[action], record) for action, record in self._last.items() if action in self._begun]

    def actions(self) -> tuple[OpenAction, ...]:
        """The same in short, with the state as it is now."""
        return tuple(_open_action(intent, last) for intent, last in self.records())

    def _read_on(self) -> None:
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._read_to:  # another file by now
                    self._read_to, self._begun, self._last = 0, {}, {}
                file.seek(self._read_to)
                for line in file:
                    if not line.endswith(b"\n"):  # somebody is writing it
                        return
                    self._read_to += len(line)
                    self._take(parse_line(line))
        except FileNotFoundError:
            return

    def _take(self, record: Record | None) -> None:
        action = "" if record is None else str(record.get("id", ""))
        if record is None or not action:
            return
        if record["phase"] == "intent":
            self._begun[action] = record
        elif _is_open(record):
            self._last[action] = record
        else:
            self._begun.pop(action, None)
            self._last.pop(action, None)


def is_abandoned(last: Record) -> bool:
    """Whether nobody works on the action any more: it has an end, or its executor has."""
    return last["phase"] != "start" or not _is_alive(last.get("executor", {}))


def unknown_targets(record: Record) -> tuple[str, ...]:
    """Targets of an end record whose outcome is not known."""
    return tuple(str(result["target"]) for result in record.get("results", ()) if result.get("state") == "UNKNOWN")


def executor_mark() -> Record:
    """What tells this process from any other, also after its number was given out again."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}


def blocks_backwards(descriptor: int) -> Iterator[list[bytes]]:
    """Yield the file's lines from its end, in blocks, each block newest first."""
    position = os.fstat(descriptor).st_size
    rest = b""
    while position > 0:
        size = min(BLOCK, position)
        position -= size
        lines = (os.pread(descriptor, size, position) + rest).split(b"\n")
        rest = lines.pop(0)
        yield [line for line in reversed(lines) if line]
    if rest:
        yield [rest]


def _newest_first(path: Path) -> Iterator[Record]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        for block in blocks_backwards(descriptor):
            for line in block:
                record = parse_line(line)
                if record is not None:
                    yield record
    finally:
        os.close(descriptor)


def _fault(record: Record, previous: str, count: int) -> str:
    if digest(record) != record["h"]:
        return f"record {record['seq']} was edited: its hash does not fit its content"
    if record.get("prev") != previous or record["seq"] != count + 1:
        return f"record {record['seq']} does not follow record {count}: something in between was removed or put in"
    return ""


def _is_open(record: Record) -> bool:
    state = record.get("state")
    if record.get("settled"):
        return False
    return state in OPEN_STATES or (state == "PARTIAL" and bool(unknown_targets(record)))


def _open_action(intent: Record, last: Record) -> OpenAction:
    return OpenAction(
        action_id=str(intent["id"]),
        verb=str(intent.get("verb", "")),
        cluster=str(intent.get("cluster", "")),
        targets=unknown_targets(last) or tuple(map(str, intent.get("targets", ()))),
        actor=str(intent.get("actor", {}).get("user", "")),
        when=float(intent["ts"]),
        state=_state_now(last),
    )


def _state_now(last: Record) -> ActionState:
    if is_abandoned(last):
        return "PARTIAL" if last["state"] == "PARTIAL" else "UNKNOWN"
    return "RUNNING"


def _is_alive(mark: Record) -> bool:
    if mark.get("host") != socket.gethostname() or not isinstance(mark.get("pid"), int):
        return False
    started = _started(mark["pid"])
    return started is not None and started == mark.get("started")


def _started(pid: int) -> str | None:
    """When a process of this machine started, in the kernel's words; None when it has ended."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in ("Z", "X") else fields[18]
