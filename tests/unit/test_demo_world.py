"""The simulated cluster lives in a process of its own: shared, restarted, refused, ended."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from crashcart.backends.demo.client import WorldLink
from crashcart.backends.demo.feed import DemoFeed
from crashcart.backends.demo.options import Options
from crashcart.backends.demo.place import socket_path
from crashcart.backends.demo.powers import DemoPowers
from crashcart.backends.demo.protocol import News, Poll
from crashcart.backends.errors import Denied, Unreachable, Unsupported
from crashcart.backends.model import Batch, GpuColumn, Node
from crashcart.backends.testing import Turns
from tests.demo_world import demo_context, is_running, until_ended, world_directory, world_pid


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    with world_directory(tmp_path) as made:
        yield made


@pytest.fixture
async def powers(directory: Path) -> AsyncIterator[DemoPowers]:
    made = DemoPowers(demo_context(directory))
    yield made
    await made.close()


async def next_nodes(feed: DemoFeed, turns: Turns) -> dict[str, Node]:
    """Nodes of the first batch of a feed."""
    async with aclosing(feed.watch(turns)) as watch:
        async for item in watch:
            if isinstance(item, Batch) and item.kind == "node":
                return {entity.name: entity for entity in item.upserts if isinstance(entity, Node)}
    raise AssertionError("the feed ended")


async def test_feed_and_powers_see_the_same_cluster(directory: Path, powers: DemoPowers) -> None:
    result = await powers.apply(powers.drain("gpu003", "seen by both"), timeout=5)
    assert result.state == "ok"
    feed = DemoFeed(demo_context(directory))
    nodes = await next_nodes(feed, Turns())
    await feed.close()
    assert nodes["gpu003"].reason == "seen by both"
    assert nodes["gpu003"].cluster == "demo"


async def test_the_cluster_outlives_its_clients_for_a_while(directory: Path) -> None:
    first = DemoPowers(demo_context(directory))
    await first.apply(first.drain("gpu003", "remembered"), timeout=5)
    await first.close()
    second = DemoPowers(demo_context(directory))
    (node,) = await second.observe_nodes(("gpu003",))
    await second.close()
    assert node.reason == "remembered"


async def test_it_ends_by_itself_and_leaves_no_socket(directory: Path) -> None:
    link = WorldLink(demo_context(directory).options)
    await link.ask(Poll(0, 0), News)
    await link.close()
    await link.close()
    await asyncio.to_thread(until_ended, directory)
    assert not (directory / "w").exists()


async def test_several_that_come_at_once_meet_in_one_cluster(directory: Path) -> None:
    links = [WorldLink(demo_context(directory).options) for _ in range(4)]
    news = await asyncio.gather(*(link.ask(Poll(0, 0), News) for link in links))
    assert len({answer.epoch for answer in news}) == 1
    for link in links:
        await link.close()


async def test_a_killed_cluster_is_told_and_the_next_question_starts_another(directory: Path) -> None:
    link = WorldLink(demo_context(directory).options)
    before = await link.ask(Poll(0, 0), News)
    os.kill(world_pid(directory), signal.SIGKILL)
    with pytest.raises(Unreachable):
        await link.ask(Poll(before.epoch, before.revision), News)
    await asyncio.to_thread(until_ended, directory)  # a dying process may still take a connection
    after = await link.ask(Poll(before.epoch, before.revision), News)
    assert after.epoch != before.epoch
    assert after.whole, "a delta of another cluster would be no picture"
    await link.close()


async def test_an_answer_that_does_not_come_is_unknown_and_not_taken_for_the_next(
    powers: DemoPowers, directory: Path
) -> None:
    await powers.observe()
    pid = world_pid(directory)
    os.kill(pid, signal.SIGSTOP)
    try:
        result = await powers.apply(powers.drain("gpu003", "lost"), timeout=0.2)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (result.state, result.exit_status) == ("unknown", None)
    (node,) = await powers.observe_nodes(("gpu003",))
    assert node.name == "gpu003"


async def test_later_turns_bring_changes_only_and_all_columns(directory: Path, powers: DemoPowers) -> None:
    feed, turns = DemoFeed(demo_context(directory)), Turns()
    batches: list[Batch] = []
    columns: list[GpuColumn] = []
    async with aclosing(feed.watch(turns)) as watch:
        async for item in watch:
            if isinstance(item, Batch):
                batches.append(item)
            elif isinstance(item, GpuColumn):
                columns.append(item)
            if len(columns) == 10:
                await powers.apply(powers.drain("gpu003", "new"), timeout=5)
                turns.give()
            if len(columns) == 20:
                break
    await feed.close()
    assert [batch.complete for batch in batches] == [True] * 4 + [False] * 4
    changed = next(batch for batch in batches[4:] if batch.kind == "node")
    assert "gpu003" in {node.name for node in changed.upserts if isinstance(node, Node)}
    assert len(changed.upserts) < 16
    assert {column.metric for column in columns[:10]} == {column.metric for column in columns[10:]}
    assert all(later.when >= first.when for first, later in zip(columns[:10], columns[10:], strict=True))


async def test_a_client_that_is_cancelled_while_it_starts_leaves_nothing(directory: Path) -> None:
    before = asyncio.all_tasks()
    link = WorldLink(demo_context(directory).options)
    asking = asyncio.create_task(link.ask(Poll(0, 0), News))
    async with asyncio.timeout(10):
        while not (directory / "w.lock").exists():  # noqa: ASYNC110 - the starter cannot set an event here
            await asyncio.sleep(0.001)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert asyncio.all_tasks() <= before
    assert (await link.ask(Poll(0, 0), News)).whole
    await link.close()


async def test_a_cluster_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "w.lock").mkdir()
    link = WorldLink(demo_context(tmp_path).options)
    with pytest.raises(Unreachable, match="did not start: IsADirectoryError"):
        await link.ask(Poll(0, 0), News)


async def test_garbage_ends_its_own_connection_only(directory: Path, powers: DemoPowers) -> None:
    await powers.observe()
    with socket.socket(socket.AF_UNIX) as garbage:
        garbage.settimeout(5)
        garbage.connect(os.fspath(directory / "w"))
        garbage.sendall(struct.pack("<I", 1 << 30) + b"x")
        assert garbage.recv(1) == b""
    with socket.socket(socket.AF_UNIX) as garbage:
        garbage.settimeout(5)
        garbage.connect(os.fspath(directory / "w"))
        garbage.sendall(struct.pack("<I", 3) + b"abc")
        assert garbage.recv(1) == b""
    assert (await powers.observe()).nodes


async def test_the_socket_is_for_its_owner_alone(directory: Path, powers: DemoPowers) -> None:
    await powers.observe()
    assert (directory / "w").stat().st_mode & 0o077 == 0
    assert is_running(directory)


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_directory_that_others_can_enter_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(Denied, match="mode 0700"):
        socket_path(Options(socket=str(tmp_path / "w")))


def test_a_link_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(Denied, match="of your own"):
        socket_path(Options(socket=str(tmp_path / "link" / "w")))


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Denied, match="cannot use"):
        socket_path(Options(socket=str(tmp_path / "no" / "w")))


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="longer than"):
        socket_path(Options(socket=str(tmp_path / ("w" * 120))))


def test_each_shape_has_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="cc-") as short:  # a socket's path has room for 100 bytes
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        places = {socket_path(Options(**options)) for options in ({}, {"nodes": 8}, {"seed": 2}, {"faults": "none"})}
        assert len(places) == 4
        assert {place.parent for place in places} == {Path(short) / "crashcart"}
        assert (Path(short) / "crashcart").stat().st_mode & 0o777 == 0o700


def test_a_runtime_directory_that_is_not_there_is_passed_over(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path_factory.mktemp("t")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place / "gone"))
    monkeypatch.setattr("tempfile.tempdir", str(place))
    assert socket_path(Options()).parent == place / f"crashcart-{os.getuid()}"


def test_without_a_runtime_directory_the_place_is_named_by_user(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path_factory.mktemp("t")  # a short name: socket paths are limited
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(place))
    assert socket_path(Options()).parent == place / f"crashcart-{os.getuid()}"
