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
from typing import Any, get_args

import pytest

from crashcart.backends.contract import Interest
from crashcart.backends.demo.client import WorldLink
from crashcart.backends.demo.feed import DemoFeed
from crashcart.backends.demo.metrics import FAST, READINGS
from crashcart.backends.demo.options import Faults, Options
from crashcart.backends.demo.place import socket_path
from crashcart.backends.demo.powers import DemoPowers
from crashcart.backends.demo.protocol import News, Poll
from crashcart.backends.entity import Kind
from crashcart.backends.errors import BadIdentifier, Denied, Unreachable, Unsupported
from crashcart.backends.model import Batch, GpuColumn, GpuRows, History, Item, Load, Matcher, Node
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


async def turns_of(feed: DemoFeed, turns: Turns, count: int) -> AsyncIterator[list[Item]]:
    """The items of each turn; the next begins when the caller wants more."""
    async with aclosing(feed.watch(turns)) as watch:
        for _ in range(count):
            items: list[Item] = []
            while not items or not isinstance(items[-1], Load):
                items.append(await anext(watch))
            yield items
            turns.give()


async def test_later_turns_bring_changes_only_and_what_moves(directory: Path, powers: DemoPowers) -> None:
    feed, told = DemoFeed(demo_context(directory)), []
    async for items in turns_of(feed, Turns(), 2):
        told.append(items)
        await powers.apply(powers.drain("gpu003", "new"), timeout=5)
    await feed.close()
    batches = [[item for item in items if isinstance(item, Batch)] for items in told]
    assert [[batch.kind for batch in turn] for turn in batches] == [list(get_args(Kind))] * 2
    assert [{batch.complete for batch in turn} for turn in batches] == [{True}, {False}]
    (changed,) = [batch for batch in batches[1] if batch.kind == "node"]
    assert "gpu003" in {node.name for node in changed.upserts if isinstance(node, Node)}
    assert len(changed.upserts) < 16
    first, later = ({item.metric: item for item in items if isinstance(item, GpuColumn)} for items in told)
    assert first.keys() == {*READINGS, "age_seconds"}
    assert {*FAST, "age_seconds"} <= later.keys() < first.keys()
    assert all(later[metric].when >= first[metric].when for metric in later)


async def test_a_turn_says_what_it_cost(directory: Path) -> None:
    feed = DemoFeed(demo_context(directory))
    async for items in turns_of(feed, Turns(), 1):
        (load,) = [item for item in items if isinstance(item, Load)]
        rows = next(item for item in items if isinstance(item, GpuRows))
    await feed.close()
    (poll,) = load.requests
    assert 0 < (poll.server_seconds or 0) < poll.seconds < 10
    assert poll.size_bytes > 16 * 8 * 4 * 20 and poll.rows > 16 + 20
    assert rows.stale_after_seconds == 34.0


async def test_what_is_looked_at_is_told_at_once_and_again_at_each_turn(directory: Path) -> None:
    feed, turns = DemoFeed(demo_context(directory)), Turns()
    async with asyncio.timeout(10), aclosing(feed.watch(turns)) as watch:
        async for item in watch:
            if isinstance(item, Load):
                break
        waiting = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        feed.attend(Interest(("gpu003",), alerts=True))
        at_once = [await waiting, await anext(watch)]  # no turn was given
        turns.give()
        later = [item async for item in until_load(watch)]
        feed.attend(Interest())
        turns.give()
        last = [item async for item in until_load(watch)]
    await feed.close()
    subjects = [item.subject for item in at_once if isinstance(item, History)]
    assert subjects == ["host:gpu003", "alerts"]
    assert [item.subject for item in later if isinstance(item, History)] == subjects
    assert not [item for item in last if isinstance(item, History)]


async def until_load(watch: AsyncIterator[Item]) -> AsyncIterator[Item]:
    """The rest of a turn."""
    async for item in watch:
        yield item
        if isinstance(item, Load):
            return


async def test_a_silence_is_made_read_back_and_ended(powers: DemoPowers) -> None:
    picture = await powers.observe_alerts()
    alert = next(alert for alert in picture.alerts if alert.name == "GpuXidCritical")
    matchers = tuple(Matcher(name, value) for name, value in alert.labels)
    made = powers.silence(
        alert.fingerprint, matchers, starts=picture.when, ends=picture.when + 3600, author="alice", comment="INC-1 x y"
    )
    result = await powers.apply(made, timeout=5)
    assert result.state == "ok", result.stderr
    after = await powers.observe_alerts()
    (silence,) = [found for found in after.silences if found.id == result.stdout.decode().strip()]
    assert (silence.created_by, silence.comment, silence.state) == ("alice", "INC-1 x y", "active")
    assert silence.matchers == matchers and abs(silence.ends - picture.when - 3600) < 0.002
    (quiet,) = [found for found in after.alerts if found.fingerprint == alert.fingerprint]
    assert (quiet.state, quiet.silenced_by) == ("silenced", (silence.id,))
    assert {entity.cluster for entity in (*after.alerts, *after.silences)} == {"demo"}
    longer = powers.extend(silence, ends=silence.ends + 600, comment="INC-1 longer")
    assert (await powers.apply(longer, timeout=5)).state == "ok"
    assert (await powers.apply(powers.expire(silence), timeout=5)).state == "ok"
    (over,) = [found for found in (await powers.observe_alerts()).silences if found.id == silence.id]
    assert (over.state, over.comment) == ("expired", "INC-1 longer")


@pytest.mark.parametrize(
    ("matcher", "comment"),
    [
        (Matcher("a b", "x"), "why"),
        (Matcher("node", "gpu(", is_regex=True), "why"),
        (Matcher("node", "gpu003"), " "),
        (Matcher("node", "gpu003"), "two\nlines"),
        (Matcher("node", "gpu003"), "\x1b[31m"),
    ],
)
def test_silences_that_could_be_misread_are_not_built(tmp_path: Path, matcher: Matcher, comment: str) -> None:
    powers = DemoPowers(demo_context(tmp_path))
    with pytest.raises(BadIdentifier):
        powers.silence("gpu003", [matcher], starts=0.0, ends=1.0, author="alice", comment=comment)


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


@pytest.mark.parametrize("faults", get_args(Faults))
async def test_every_kind_of_faults_comes_up(directory: Path, faults: str) -> None:
    powers = DemoPowers(demo_context(directory, faults=faults))
    assert [alert for alert in (await powers.observe_alerts()).alerts if alert.name == "Watchdog"]
    await powers.close()


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
        shapes: tuple[dict[str, Any], ...] = (
            {},
            {"nodes": 8},
            {"seed": 2},
            {"faults": "none"},
            {"faults": "monitoring-dead"},
        )
        places = {socket_path(Options(**options)) for options in shapes}
        assert len(places) == 5
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
