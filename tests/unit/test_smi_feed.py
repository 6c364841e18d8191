"""Asking a thousand nodes: a few at a time, told as they answer, equal failures said once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing

import msgspec
import pytest

from crashcart.backends.contract import CommandResult, CommandRunner, Context, Interest
from crashcart.backends.errors import Unreachable
from crashcart.backends.model import Batch, Check, GpuColumn, GpuRows
from crashcart.backends.smi import BACKEND, SmiBackend
from crashcart.backends.smi.feed import SmiFeed
from crashcart.backends.smi.fields import FIELDS
from crashcart.backends.smi.memory import Memory
from crashcart.backends.smi.options import Options
from crashcart.backends.testing import BackendCase, BackendCompliance, Turns
from crashcart.backends.wire import Beat, Source
from crashcart.ops.store import Store
from tests.entities import float_column

OK = CommandResult("ok", 0)


class Nodes:
    """Links and runner in one: every node has eight GPUs; those in `dead` refuse."""

    def __init__(self, *, dead: Sequence[str] = ()) -> None:
        self.dead = frozenset(dead)
        self.running = 0
        self.most = 0
        self.asked: list[str] = []

    def runner(self, via: str) -> CommandRunner:
        return _Node(self, via.removeprefix("ssh:"))


class _Node:
    def __init__(self, nodes: Nodes, name: str) -> None:
        self._nodes = nodes
        self._name = name
        self.where = f"ssh:{name}"

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109 - the contract's
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        limit: int = 64 << 20,
    ) -> CommandResult:
        nodes = self._nodes
        if self._name in nodes.dead:
            raise Unreachable("connection refused; is sshd running there?")
        nodes.running += 1
        nodes.most = max(nodes.most, nodes.running)
        await asyncio.sleep(0)
        nodes.running -= 1
        if "nvidia-smi" not in argv:
            return OK
        nodes.asked.append(self._name)
        rows = [["50"] * len(FIELDS) for _ in range(8)]
        for gpu, row in enumerate(rows):
            row[0] = str(gpu)
        return msgspec.structs.replace(OK, stdout="\n".join(", ".join(row) for row in rows).encode())


def context(at: Nodes, **options: object) -> Context:
    return Context("a100", Options(**options), at)  # type: ignore[arg-type]


class TestSmi(BackendCompliance):
    @pytest.fixture
    def backend_case(self) -> BackendCase:
        nodes = Nodes(dead=("gpu003",))
        return BackendCase(
            backend=SmiBackend(),
            context=context(nodes, nodes="gpu[001-004]", always=True),
            kinds=("check",),
            has_numbers=True,
            table={"nodes": "gpu[001-004]", "always": True, "at_once": 8},
        )


@pytest.mark.parametrize(
    "table",
    [{"always": True}, {"nodes": "gpu[1-"}, {"at_once": 0}, {"interval_seconds": 0.1}, {"timeout_seconds": 60}],
)
def test_options_that_cannot_work_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, Options)


async def test_a_thousand_nodes_are_asked_a_few_at_a_time_and_reach_the_cockpit_without_a_stall() -> None:
    nodes = Nodes(dead=[f"gpu{number:04d}" for number in range(990, 1000)])
    feed = SmiFeed(context(nodes, nodes="gpu[0000-0999]", always=True, at_once=32), Memory())
    store = Store()
    store.collector_up()
    longest = 0.0
    async with asyncio.timeout(60), aclosing(feed.watch(Turns(1))) as items:
        while "a100" not in store.gpus or len(store.gpus["a100"].offsets) < 990 or not _has_ages(store):
            item = await anext(items)
            if isinstance(item, GpuRows | GpuColumn):
                begun = time.perf_counter()
                store.apply(item)
                longest = max(longest, time.perf_counter() - begun)
            elif isinstance(item, Batch) and isinstance(item.upserts[0], Check):
                said = item.upserts[0].detail
    assert nodes.most <= 32
    assert len(nodes.asked) == 990
    assert longest < 0.05
    assert said.startswith("gpu[0990-0999]: connection refused; is sshd running there?")


def _has_ages(store: Store) -> bool:
    return len(store.gpus["a100"].columns.get("age_seconds", ())) == 990 * 8


async def test_a_node_whose_exporter_fell_silent_is_shown_from_what_it_says_itself() -> None:
    store = Store()
    store.collector_up()
    for name in ("prometheus", "smi"):
        store.apply(Source("a100", name, "live", 10.0, time.time(), 0, ""))
    store.apply(Beat(time.time()))
    store.apply(GpuRows("prometheus", "a100", 1, ("gpu001", "gpu002"), (8, 8)))
    for metric, values in (("util_percent", [97.0] * 16), ("age_seconds", [0.0] * 8 + [400.0] * 8)):
        store.apply(GpuColumn("prometheus", "a100", 1, metric, time.time(), float_column(values)))
    feed = SmiFeed(context(Nodes()), Memory())
    feed.attend(Interest(hosts=("gpu001", "gpu002")))
    async with asyncio.timeout(20), aclosing(feed.watch(Turns(0))) as items:
        while store.gpus["a100"].source_of("gpu002") != "smi":
            item = await anext(items)
            if isinstance(item, GpuRows | GpuColumn):
                store.apply(item)
    table = store.gpus["a100"]
    assert (table.source_of("gpu001"), table.value("util_percent", "gpu001", 0)) == ("prometheus", 97)
    assert table.value("util_percent", "gpu002", 0) == 50


async def test_a_node_that_nobody_looks_at_any_more_is_let_go_of_when_its_numbers_are_old() -> None:
    memory = Memory()
    feed = SmiFeed(context(Nodes()), memory)
    feed.attend(Interest(hosts=("gpu001",)))
    async with asyncio.timeout(20), aclosing(feed.watch(Turns(0))) as items:
        while not memory.rows:
            await anext(items)
    assert memory.arrange((), time.time(), 60.0) is False, "for a while it stays: people come back"
    assert memory.arrange((), time.time() + 61.0, 60.0) is True
    assert memory.rows == ()


def test_it_asks_nobody_without_being_configured() -> None:
    assert BACKEND.found() is False
