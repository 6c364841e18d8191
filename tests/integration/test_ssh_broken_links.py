"""Links that break: what had no exit status is unknown, in bounded time, and nothing runs twice."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from crashcart.backends.contract import CommandResult
from crashcart.backends.errors import Unreachable
from crashcart.backends.ssh.powers import SshPowers
from tests.integration.fault_proxy import FaultProxy
from tests.integration.ssh_server import SshServer

pytestmark = pytest.mark.real

GIVEN_UP_SECONDS = 1.5  # keepalive of the tests: 0.5 s, twice unanswered
SLACK_SECONDS = 3.5


def noted(mark: Path) -> list[str]:
    return mark.read_text().split() if mark.exists() else []


async def sees(mark: Path, words: list[str]) -> None:
    async with asyncio.timeout(10):
        while noted(mark) != words:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)


async def broken(powers: SshPowers, proxy: FaultProxy, fault: str, mark: Path) -> CommandResult:
    """Break the link while a command runs that notes its begin and its end."""
    script = f"echo begin >> {mark}; echo out; sleep 1; echo end >> {mark}"
    task = asyncio.create_task(powers.host_runner("frail").run(["sh", "-c", script], timeout=30))
    await sees(mark, ["begin"])
    begun = time.monotonic()
    getattr(proxy, fault)()
    result = await task
    assert time.monotonic() - begun < GIVEN_UP_SECONDS + SLACK_SECONDS
    return result


@pytest.mark.parametrize("fault", ["fin", "rst", "freeze", "garbage"])
async def test_a_link_that_breaks_under_a_command_leaves_it_unknown(
    powers: SshPowers, proxy: FaultProxy, tmp_path: Path, fault: str
) -> None:
    mark = tmp_path / "mark"
    result = await broken(powers, proxy, fault, mark)
    assert (result.state, result.exit_status) == ("unknown", None)
    assert "the link was lost; the command may have run" in result.detail
    await sees(mark, ["begin", "end"])  # which is why it must not be called failed


@pytest.mark.parametrize("fault", ["fin", "rst", "freeze"])
async def test_the_next_command_opens_a_new_link(
    powers: SshPowers, proxy: FaultProxy, tmp_path: Path, fault: str
) -> None:
    await broken(powers, proxy, fault, tmp_path / "mark")
    proxy.thaw()
    result = await powers.host_runner("frail").run(["echo", "again"], timeout=10)
    assert (result.state, result.stdout, proxy.connections) == ("ok", b"again\n", 2)


async def test_a_broken_link_ends_all_commands_on_it_and_none_elsewhere(powers: SshPowers, proxy: FaultProxy) -> None:
    frail, sound = powers.host_runner("frail"), powers.host_runner("node02")
    await frail.run(["true"], timeout=10)
    tasks = [asyncio.create_task(frail.run(["sleep", "1"], timeout=10)) for _ in range(5)]
    other = asyncio.create_task(sound.run(["sleep", "1"], timeout=10))
    await asyncio.sleep(0.5)
    proxy.rst()
    assert [(await task).state for task in tasks] == ["unknown"] * 5
    assert (await other).state == "ok"


async def test_while_the_way_is_shut_a_host_is_unreachable_and_afterwards_it_is_not(
    powers: SshPowers, proxy: FaultProxy, tmp_path: Path
) -> None:
    runner = powers.host_runner("frail")
    await broken(powers, proxy, "freeze", tmp_path / "mark")
    with pytest.raises(Unreachable):
        await runner.run(["true"], timeout=1)
    proxy.thaw()
    proxy.fin()
    async with asyncio.timeout(15):
        while True:
            try:
                assert (await runner.run(["true"], timeout=10)).state == "ok"
                break
            except Unreachable:
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("passed", [0, 60, 100, 150, 200, 230, 260, 400])
async def test_wherever_a_link_is_cut_nothing_runs_twice_and_nothing_is_told_wrongly(
    powers: SshPowers, proxy: FaultProxy, tmp_path: Path, way: str, passed: int
) -> None:
    runner = powers.host_runner("frail")
    await runner.run(["true"], timeout=10)
    mark = tmp_path / "mark"
    proxy.cut_after(**{way: passed})
    result = await runner.run(["sh", "-c", f"echo ran >> {mark}; exit 3"], timeout=10)
    if result.state == "failed":
        assert (result.exit_status, noted(mark)) == (3, ["ran"])
    else:
        assert (result.state, result.exit_status, proxy.connections) == ("unknown", None, 1)
        await asyncio.sleep(0.2)  # time to run twice, would it do so
        assert len(noted(mark)) <= 1


async def test_a_link_cut_before_the_command_was_sent_costs_nothing(
    powers: SshPowers, proxy: FaultProxy, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    await powers.host_runner("frail").run(["true"], timeout=10)
    proxy.cut_after(up=0)
    result = await powers.host_runner("frail").run(["sh", "-c", f"echo ran >> {mark}"], timeout=10)
    assert (result.state, proxy.connections, noted(mark)) == ("ok", 2, ["ran"])


async def test_a_link_lost_while_idle_is_replaced_without_a_word(powers: SshPowers, proxy: FaultProxy) -> None:
    runner = powers.host_runner("frail")
    await runner.run(["true"], timeout=10)
    proxy.rst()
    result = await runner.run(["true"], timeout=10)
    assert (result.state, result.detail, proxy.connections) == ("ok", "", 2)


async def test_a_lost_bastion_takes_its_nodes_with_it_and_both_come_back(server: SshServer) -> None:
    async with FaultProxy(server.bastion_port) as proxy:
        more = f"Host gate\n  Port {proxy.port}\n  HostKeyAlias bastion\nHost inner*\n  ProxyJump gate\n"
        powers = SshPowers(server.options(config=server.config_with({}, more=more)))
        runner = powers.host_runner("inner01")
        await runner.run(["true"], timeout=10)
        task = asyncio.create_task(runner.run(["sleep", "1"], timeout=10))
        await asyncio.sleep(0.3)
        proxy.fin()
        assert (await task).state == "unknown"
        assert (await runner.run(["true"], timeout=10)).state == "ok"
        assert proxy.connections == 2
        await powers.close()


async def test_a_slow_link_is_not_a_broken_one(powers: SshPowers, proxy: FaultProxy) -> None:
    runner = powers.host_runner("frail")
    await runner.run(["true"], timeout=10)
    proxy.throttle(100_000)
    result = await runner.run(["head", "-c", "200000", "/dev/zero"], timeout=20)
    assert (result.state, len(result.stdout)) == ("ok", 200_000)


async def test_closing_many_silent_links_is_bounded(server: SshServer, proxy: FaultProxy) -> None:
    hosts = [f"frail{number}" for number in range(6)]
    config = server.config_with(dict.fromkeys(hosts, proxy.port))
    powers = SshPowers(server.options(config=config, keepalive_seconds=60.0))
    await asyncio.gather(*(powers.host_runner(host).run(["true"], timeout=10) for host in hosts))
    proxy.freeze()
    async with asyncio.timeout(5):
        await powers.close()


async def test_closing_under_a_command_leaves_it_unknown(powers: SshPowers, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = f"echo begin >> {mark}; sleep 1"
    task = asyncio.create_task(powers.host_runner("frail").run(["sh", "-c", script], timeout=10))
    await sees(mark, ["begin"])
    await powers.close()
    assert (await task).state == "unknown"
