"""The executor as a process: it outlives its terminal, and its own death is told as UNKNOWN."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from crashcart.ops.audit import open_actions, read, tail, verify
from crashcart.ops.executor_link import ExecutorLink
from crashcart.ops.protocol import ConfirmRequest, Finished, Planned, Progress, Refused
from crashcart.ops.session import ClusterSession, Session, encode_session
from tests.pty_terminal import PtyTerminal
from tests.unit.slow_backend import install

POLICY = """
version = 1
default = "deny"
[[role]]
name = "oncall"
allow = [{ verbs = ["*"], scope = "*" }]
[[bind]]
role = "oncall"
users = ["*"]
"""


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session with the slow backend, installed for child processes."""
    monkeypatch.setenv("PYTHONPATH", install(tmp_path / "site"))
    (tmp_path / "cluster").mkdir()
    cluster = ClusterSession(name="slow", backends={"slow": {"folder": str(tmp_path / "cluster")}})
    return Session((cluster,), str(tmp_path / "state" / "audit.jsonl"), policy_text=POLICY)


@pytest.fixture
async def link(session: Session) -> AsyncIterator[ExecutorLink]:
    made = ExecutorLink(session)
    yield made
    go(session)
    await made.close()


def folder(session: Session) -> Path:
    return Path(session.clusters[0].backends["slow"]["folder"])


def go(session: Session) -> None:
    """Let the change that waits go on."""
    (folder(session) / "go").touch()


def has_begun(session: Session) -> Callable[[], bool]:
    return (folder(session) / "begun").exists


def log(session: Session) -> list[dict[str, Any]]:
    return list(read(Path(session.audit_file)))


def executor_pid(session: Session) -> int:
    return next(int(record["executor"]["pid"]) for record in log(session) if record["phase"] == "start")


def is_gone(pid: int) -> bool:
    """Ended; a zombie has, too."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


async def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.02)


async def planned(link: ExecutorLink) -> Planned:
    answer = await link.plan("slow", "drain", ("gpu001",), {"reason": "xid 79"})
    assert isinstance(answer, Planned), answer
    return answer


async def test_a_plan_is_confirmed_run_and_proved_in_another_process(session: Session, link: ExecutorLink) -> None:
    go(session)
    told: list[Progress] = []

    plan = (await planned(link)).plan
    finished = await link.confirm(plan.plan_id, plan.confirmation.expect, on_progress=told.append)

    assert isinstance(finished, Finished)
    assert finished.state == "VERIFIED"
    assert [progress.state for progress in told] == ["RUNNING", "VERIFYING", "VERIFIED"]
    assert link.ready is not None
    assert link.ready.pid == executor_pid(session) != os.getpid()
    user = pwd.getpwuid(os.getuid()).pw_name
    assert (folder(session) / "gpu001").read_text() == f"crashcart:{user} xid 79"
    assert verify(Path(session.audit_file)).bad is None


@pytest.mark.parametrize("death", ["hang up the terminal", "kill the cockpit"])
async def test_a_terminal_lost_in_the_middle_leaves_an_executor_that_ends_verified(
    session: Session, tmp_path: Path, death: str
) -> None:
    session_file = tmp_path / "session.json"
    session_file.write_bytes(encode_session(session))
    cockpit = Path(__file__).with_name("executor_cockpit.py")

    with PtyTerminal([sys.executable, str(cockpit), str(session_file)]) as terminal:
        await until(has_begun(session))
        if death == "kill the cockpit":
            os.killpg(terminal.process.pid, signal.SIGKILL)
    pid = executor_pid(session)
    assert not is_gone(pid)
    assert log(session)[-1]["state"] == "RUNNING"
    go(session)

    await until(lambda: is_gone(pid))
    assert log(session)[-1]["state"] == "VERIFIED"
    assert open_actions(Path(session.audit_file)) == ()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
async def test_no_signal_stops_an_action_that_runs(
    session: Session, link: ExecutorLink, number: signal.Signals
) -> None:
    plan = (await planned(link)).plan
    confirmed = asyncio.create_task(link.confirm(plan.plan_id, "gpu001"))
    await until(has_begun(session))

    pid = executor_pid(session)
    os.kill(pid, number)
    go(session)
    finished = await confirmed

    assert isinstance(finished, Finished)
    assert finished.state == "VERIFIED"
    if number == signal.SIGTERM:
        await until(lambda: is_gone(pid))
    else:
        assert isinstance(await link.plan("slow", "resume", ("gpu001",)), Planned)
        assert not is_gone(pid)


async def test_the_death_of_the_executor_is_unknown_and_listed_at_the_next_start(
    session: Session, link: ExecutorLink
) -> None:
    plan = (await planned(link)).plan
    confirmed = asyncio.create_task(link.confirm(plan.plan_id, "gpu001"))
    await until(has_begun(session))

    os.kill(executor_pid(session), signal.SIGKILL)
    finished = await confirmed

    assert isinstance(finished, Finished)
    assert finished.state == "UNKNOWN"
    assert "it may or may not have happened" in finished.results[0].detail
    (left,) = await link.open_actions()
    assert (left.action_id, left.verb, left.targets, left.state) == (plan.plan_id, "drain", ("gpu001",), "UNKNOWN")
    assert link.ready is not None
    assert link.ready.pid != executor_pid(session)


async def test_a_plan_dies_with_its_executor(session: Session, link: ExecutorLink) -> None:
    plan = (await planned(link)).plan
    assert link.ready is not None
    os.kill(link.ready.pid, signal.SIGKILL)
    await until(lambda: link.ready is None)

    answer = await link.confirm(plan.plan_id, "gpu001")

    assert isinstance(answer, Refused)
    assert answer.code == "expired"
    assert not (folder(session) / "begun").exists()


async def test_an_executor_that_cannot_start_refuses_plainly(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    link = ExecutorLink(session)

    answer = await link.plan("slow", "drain", ("gpu001",), {"reason": "x"})
    await link.close()

    assert isinstance(answer, Refused)
    assert answer.code == "unreachable"
    assert "nothing was done" in answer.why


async def test_a_session_without_policy_may_do_nothing(session: Session) -> None:
    link = ExecutorLink(Session(session.clusters, session.audit_file))

    answer = await link.plan("slow", "drain", ("gpu001",), {"reason": "x"})
    ready = link.ready
    await link.close()

    assert isinstance(answer, Refused)
    assert answer.code == "policy"
    assert ready is not None
    assert "there is no policy" in ready.policy
    assert tail(Path(session.audit_file), 1)[0]["phase"] == "refused"


async def test_a_backend_that_is_misconfigured_says_so(session: Session) -> None:
    wrong = ClusterSession(name="slow", backends={"slow": {"folder": 7}})
    link = ExecutorLink(Session((wrong,), session.audit_file, policy_text=POLICY))

    answer = await link.plan("slow", "drain", ("gpu001",), {"reason": "x"})
    await link.close()

    assert isinstance(answer, Refused)
    assert answer.why == "slow: Expected `str`, got `int` - at `$.folder`"


async def test_nonsense_on_the_line_hurts_nobody(session: Session, link: ExecutorLink) -> None:
    await link.warm()
    assert link._writer is not None
    link._writer.write(b'{"type":"confirm"}\n\xff\xfe\n[]\n')
    link._send(ConfirmRequest("no-such-plan", "y"))

    assert isinstance(await planned(link), Planned)
