"""A shell: bytes pass both ways, everything shown is recorded, and a lost link is unknown."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crashcart.ops.protocol import Finished, Plan, Refused
from tests.unit.runner_desk import Desk, content
from tests.unit.small_cluster import SmallCluster, node


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(SmallCluster(nodes=[node("gpu001")]), tmp_path)


async def opened(desk: Desk) -> tuple[Plan, asyncio.Task[Finished | Refused]]:
    plan = await desk.previews("shell", "gpu001", columns="120", rows="40", term="xterm")
    task = asyncio.create_task(desk.confirms(plan))
    await desk.answers.show(b"$ ")
    return plan, task


async def test_what_is_typed_goes_in_and_what_is_shown_comes_back(desk: Desk) -> None:
    plan, task = await opened(desk)
    assert desk.cluster.terminal.size == (120, 40)

    desk.runner.shell_input(plan.plan_id, b"uptime\r")
    await desk.answers.show(b"uptime\r")
    desk.runner.shell_resize(plan.plan_id, 80, 25)
    desk.runner.shell_input(plan.plan_id, b"exit 3")
    finished = await task

    assert isinstance(finished, Finished)
    assert (finished.state, finished.results[0].detail) == ("VERIFIED", "the shell ended with exit status 3")
    assert desk.cluster.terminal.size == (80, 25)
    assert b"uptime" in content(finished.results[0].saved)


async def test_a_shell_whose_link_is_lost_is_unknown(desk: Desk) -> None:
    plan, task = await opened(desk)

    desk.runner.shell_input(plan.plan_id, b"cut")
    finished = await task

    assert isinstance(finished, Finished)
    assert finished.state == "UNKNOWN"


async def test_a_shell_is_hung_up_when_the_operator_has_gone(desk: Desk) -> None:
    _, task = await opened(desk)

    desk.runner.hang_up()
    finished = await task

    assert isinstance(finished, Finished)
    assert finished.results[0].detail == "hung up from here"


async def test_a_shell_that_cannot_be_opened_is_failed(desk: Desk) -> None:
    plan = await desk.previews("shell", "gpu001")
    desk.cluster.shell_is_refused = True

    finished = await desk.confirms(plan)

    assert isinstance(finished, Finished)
    assert finished.results[0].detail == "no shell was opened: small: port 22 refused us"
    assert not any((desk.audit_file.parent / "recordings").iterdir())
