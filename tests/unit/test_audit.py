"""The audit log: a record is on disk or the action does not start, and any later change of a line is found."""

from __future__ import annotations

import json
import multiprocessing
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crashcart.ops.audit import AuditLog, AuditUnavailable, open_actions, read, since, tail, verify
from crashcart.ops.audit_read import BLOCK, OpenRecords, executor_mark


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.jsonl"


def write(path: Path, count: int) -> None:
    log = AuditLog(path)
    for number in range(count):
        log.append("note", {"n": number})
    log.close()


def test_records_are_numbered_chained_and_private(path: Path) -> None:
    write(path, 3)

    assert [record["seq"] for record in read(path)] == [1, 2, 3]
    assert path.stat().st_mode & 0o777 == 0o600
    checked = verify(path)
    assert (checked.count, checked.bad) == (3, None)
    assert checked.head == list(read(path))[-1]["h"]


def test_the_file_is_safe_to_show_in_a_terminal(path: Path) -> None:
    AuditLog(path).append("note", {"job": "\x1b]52;c;ZXZpbA==\x07 \u202e \x9b"})

    assert all(32 <= byte < 127 or byte == 10 for byte in path.read_bytes())


def test_an_edited_line_is_found(path: Path) -> None:
    write(path, 20)
    lines = path.read_bytes().split(b"\n")
    lines[9] = lines[9].replace(b'"n":9', b'"n":7')
    path.write_bytes(b"\n".join(lines))

    bad = verify(path).bad
    assert bad is not None
    assert (bad.line, bad.what) == (10, "record 10 was edited: its hash does not fit its content")


def test_a_removed_line_is_found_at_the_next_one(path: Path) -> None:
    write(path, 20)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(lines[:9] + lines[10:]))

    bad = verify(path).bad
    assert bad is not None
    assert (bad.line, bad.what) == (
        10,
        "record 11 does not follow record 9: something in between was removed or put in",
    )


def test_two_lines_that_changed_places_are_found(path: Path) -> None:
    write(path, 5)
    lines = path.read_bytes().split(b"\n")
    lines[1], lines[2] = lines[2], lines[1]
    path.write_bytes(b"\n".join(lines))

    bad = verify(path).bad
    assert bad is not None
    assert bad.line == 2


def test_a_line_torn_by_a_crash_is_fenced_off_and_the_chain_goes_on(path: Path) -> None:
    write(path, 3)
    with path.open("ab") as file:
        file.write(b'{"half a rec')
    AuditLog(path).append("note", {"n": 3})

    checked = verify(path)
    assert (checked.count, checked.fenced, checked.bad) == (4, (4,), None)
    assert b'{"half a rec\n' in path.read_bytes()


def _append_many(path: Path, count: int) -> None:
    write(path, count)


def test_several_processes_may_write_at_once(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(path, 50)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    checked = verify(path)
    assert (checked.count, checked.bad) == (150, None)


def test_a_full_disk_refuses_the_record_and_leaves_the_file_whole(path: Path) -> None:
    write(path, 2)
    log = AuditLog(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, hard))  # stands for the end of the disk
    try:
        with pytest.raises(AuditUnavailable, match="cannot be written"):
            log.append("note", {"pad": "x" * 500})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)

    checked = verify(path)
    assert (checked.count, checked.fenced, checked.bad) == (2, (), None)
    assert log.append("note", {"n": 3})["seq"] == 3


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(AuditUnavailable, match="cannot be opened"):
        AuditLog(tmp_path / "audit.jsonl")
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_removed_while_in_use_is_noticed(path: Path) -> None:
    log = AuditLog(path)
    path.unlink()

    with pytest.raises(AuditUnavailable, match="cannot be written"):
        log.append("note", {})


def test_the_tail_is_read_from_the_end_across_blocks(path: Path) -> None:
    log = AuditLog(path)
    for number in range(10):
        log.append("note", {"n": number, "pad": "x" * (BLOCK // 3)})

    assert [record["n"] for record in tail(path, 7)] == [3, 4, 5, 6, 7, 8, 9]
    assert [record["n"] for record in tail(path, 100)] == list(range(10))
    assert [record["n"] for record in since(path, list(read(path))[8]["ts"])] == [8, 9]
    assert tail(path.with_name("none"), 5) == []


def intent(log: AuditLog, action: str, verb: str = "drain") -> None:
    log.append(
        "intent",
        {
            "id": action,
            "state": "CONFIRMED",
            "verb": verb,
            "cluster": "a",
            "targets": ["n1", "n2"],
            "actor": {"user": "al"},
        },
    )


def test_an_action_without_an_end_is_unknown_when_its_executor_is_gone(path: Path) -> None:
    gone = subprocess.run(
        [
            sys.executable,
            "-c",
            "from crashcart.ops.audit_read import *; import json; print(json.dumps(executor_mark()))",
        ],
        check=True,
        capture_output=True,
    )
    log = AuditLog(path)
    intent(log, "dead")
    log.append("start", {"id": "dead", "state": "RUNNING", "executor": json.loads(gone.stdout)})
    intent(log, "alive")
    log.append("start", {"id": "alive", "state": "RUNNING", "executor": executor_mark()})

    assert [(action.action_id, action.state) for action in open_actions(path)] == [
        ("dead", "UNKNOWN"),
        ("alive", "RUNNING"),
    ]
    assert open_actions(path)[0].targets == ("n1", "n2")


def test_actions_that_ended_never_began_or_were_reconciled_are_not_open(path: Path) -> None:
    log = AuditLog(path)
    for action, end in (("good", "VERIFIED"), ("bad", "FAILED"), ("lost", "UNKNOWN"), ("later", "UNKNOWN")):
        intent(log, action)
        log.append("start", {"id": action, "state": "RUNNING", "executor": executor_mark()})
        log.append("end", {"id": action, "state": end, "results": []})
    log.append("reconciled", {"id": "later", "state": "VERIFIED", "results": []})
    intent(log, "never begun")
    log.append("refused", {"verb": "drain", "targets": ["n1"], "why": "policy"})

    assert [(action.action_id, action.state) for action in open_actions(path)] == [("lost", "UNKNOWN")]


def test_an_unknown_that_nothing_can_settle_is_not_open(path: Path) -> None:
    log = AuditLog(path)
    intent(log, "checkpoint", "checkpoint")
    log.append("start", {"id": "checkpoint", "state": "RUNNING", "executor": executor_mark()})
    log.append("end", {"id": "checkpoint", "state": "UNKNOWN", "settled": True, "results": []})

    assert open_actions(path) == ()


def test_a_partial_end_is_open_for_its_unknown_targets_only(path: Path) -> None:
    log = AuditLog(path)
    intent(log, "some")
    results = [{"target": "n1", "state": "VERIFIED"}, {"target": "n2", "state": "UNKNOWN"}]
    log.append("start", {"id": "some", "state": "RUNNING", "executor": executor_mark()})
    log.append("end", {"id": "some", "state": "PARTIAL", "results": results})

    assert [(action.targets, action.state) for action in open_actions(path)] == [(("n2",), "PARTIAL")]


def test_open_actions_follow_a_log_that_grows_and_one_that_is_replaced(path: Path) -> None:
    records = OpenRecords(path)
    assert records.actions() == ()
    log = AuditLog(path)
    intent(log, "first")
    log.append("start", {"id": "first", "state": "RUNNING", "executor": executor_mark()})
    assert [action.action_id for action in records.actions()] == ["first"]
    with path.open("ab") as file:
        file.write(b'{"half')
    assert [action.action_id for action in records.actions()] == ["first"]
    log.append("end", {"id": "first", "state": "VERIFIED", "results": []})
    assert records.actions() == ()

    path.unlink()
    again = AuditLog(path)
    intent(again, "second")
    again.append("start", {"id": "second", "state": "RUNNING", "executor": executor_mark()})
    assert [action.action_id for action in records.actions()] == ["second"]


def test_there_are_no_open_actions_before_the_first_one(path: Path) -> None:
    assert open_actions(path) == ()
    assert not path.exists()
