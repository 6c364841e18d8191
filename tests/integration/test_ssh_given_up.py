"""What was given up is never run later, holds no session, and harms no neighbour."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crashcart.backends.ssh.powers import SshPowers
from tests.integration.fault_proxy import FaultProxy

pytestmark = pytest.mark.real


async def test_a_command_given_up_before_it_was_sent_never_runs_and_holds_no_session(
    powers: SshPowers, proxy: FaultProxy, tmp_path: Path
) -> None:
    runner, mark = powers.host_runner("frail"), tmp_path / "mark"
    await runner.run(["true"], timeout=10)
    for _ in range(12):  # the server has ten sessions
        proxy.freeze()
        result = await runner.run(["sh", "-c", f"echo ran >> {mark}"], timeout=0.1)
        proxy.thaw()
        assert (result.state, result.exit_status) == ("not_sent", None)
        assert (await runner.run(["true"], timeout=10)).state == "ok"
    assert (mark.exists(), proxy.connections) == (False, 1)


async def test_a_cancelled_caller_leaves_nothing_that_runs_later(
    powers: SshPowers, proxy: FaultProxy, tmp_path: Path
) -> None:
    runner, mark = powers.host_runner("frail"), tmp_path / "mark"
    await runner.run(["true"], timeout=10)
    proxy.freeze()
    task = asyncio.create_task(runner.run(["sh", "-c", f"echo ran >> {mark}"], timeout=10))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    proxy.thaw()
    assert (await runner.run(["true"], timeout=10)).state == "ok"
    assert (mark.exists(), proxy.connections) == (False, 1)


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.25, 0.35, 0.45, 0.55])
async def test_a_shell_given_up_at_any_moment_harms_no_neighbour(
    powers: SshPowers, proxy: FaultProxy, seconds: float
) -> None:
    runner = powers.host_runner("frail")
    await runner.run(["true"], timeout=10)
    neighbour = asyncio.create_task(runner.run(["sleep", "1"], timeout=10))
    proxy.delay(0.05)  # each question and answer takes 0.1 s: session, terminal, shell
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await powers.open_shell("frail", term="xterm", columns=80, rows=24)
            await asyncio.sleep(seconds)
    assert (await neighbour).state == "ok"
    assert (await runner.run(["true"], timeout=10)).state == "ok"
    assert proxy.connections == 1
