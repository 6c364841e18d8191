"""CPU that reading 10,000 GPUs from Prometheus costs, in a process of its own: `python prometheus_ingest.py URL`."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import aclosing

import msgspec

from crashcart.backends import wire
from crashcart.backends.contract import Context
from crashcart.backends.model import GpuColumn, GpuOwners, GpuRows, Item, Load
from crashcart.backends.prometheus import BACKEND
from crashcart.ops.links import SessionLinks
from crashcart.ops.session import ClusterSession
from crashcart.ops.store import Store

ROUNDS = 9
METRICS = ("GPU_UTIL", "FB_USED", "GPU_TEMP", "POWER_USAGE", "SM_CLOCK")


class Ingest(msgspec.Struct):
    """Milliseconds of CPU for five metrics of all GPUs, and of how many numbers that was measured."""

    collector_ms: float
    cockpit_ms: float
    slim_peer_ms: float
    raw_peer_ms: float
    rows: int
    numbers: int


class Turn:
    """A pace that lets a feed have one turn, and what came of it."""

    def __init__(self) -> None:
        self.rows: GpuRows | None = None
        self.owners: GpuOwners | None = None
        self.columns: dict[str, GpuColumn] = {}
        self.numbers = 0  # of all answers together

    async def turn(self) -> None:
        """Return: the turn is due."""

    def take(self, item: Item) -> bool:
        """Keep an item; return whether it is the last of the turn."""
        match item:
            case GpuRows():
                self.rows = item
            case GpuOwners():
                self.owners = item
            case GpuColumn():
                self.columns[item.metric] = item
            case Load():
                self.numbers = sum(request.rows for request in item.requests)
                return True
        return False


def cpu_ms(work: Callable[[], object]) -> float:
    """Median milliseconds of CPU that `work` takes."""
    spent: list[float] = []
    for _ in range(ROUNDS):
        before = time.process_time()
        work()
        spent.append((time.process_time() - before) * 1e3)
    return statistics.median(spent)


async def one_turn(context: Context) -> Turn:
    """The first turn of a feed: it reads every metric of every GPU, what others read one by one in later turns."""
    feed, turn = BACKEND.feed(context), Turn()
    try:
        async with aclosing(feed.watch(turn)) as items:
            async for item in items:
                if turn.take(item):
                    return turn
    finally:
        await feed.close()
    raise AssertionError("the feed ended")


def read(url: str) -> tuple[float, Turn]:
    """Milliseconds of CPU for as many numbers as five metrics are, by first turns, and the last of these."""
    context = Context("lab", BACKEND.options(url=url), SessionLinks(ClusterSession("lab")))
    spent: list[float] = []
    turn = asyncio.run(one_turn(context))  # imports the client
    for _ in range(ROUNDS):
        before = time.process_time()
        turn = asyncio.run(one_turn(context))
        assert turn.rows is not None
        wanted = sum(turn.rows.counts) * len(METRICS)
        spent.append((time.process_time() - before) * 1e3 * wanted / turn.numbers)
    return statistics.median(spent), turn


def frames(turn: Turn) -> bytes:
    """What the collector sends for five metrics, their age, and who has the GPUs."""
    wanted = [column for name, column in turn.columns.items() if name != "age_seconds"][: len(METRICS)]
    items: list[GpuRows | GpuColumn | GpuOwners | None]
    items = [turn.rows, *wanted, turn.columns["age_seconds"], turn.owners]
    return b"".join(wire.frame(item) for item in items if item is not None)


def take(sent: bytes) -> None:
    """What the cockpit does with it."""

    async def work() -> None:
        reader, store = asyncio.StreamReader(), Store()
        reader.feed_data(sent)
        reader.feed_eof()
        async for message in wire.messages(reader):
            store.apply(message)
        assert store.gpus["lab"].columns

    asyncio.run(work())


def peer(url: str, form: str) -> Callable[[], object]:
    """The same by prometheus-api-client: five queries, and a walk over what it returns."""
    from prometheus_api_client import PrometheusConnect

    server = PrometheusConnect(url=url)

    def work() -> dict[str, dict[tuple[str, str], float]]:
        found: dict[str, dict[tuple[str, str], float]] = {}
        for metric in METRICS:
            answer = server.custom_query(form.format(f"DCGM_FI_DEV_{metric}"))
            found[metric] = {
                (row["metric"]["Hostname"], row["metric"]["gpu"]): float(row["value"][1]) for row in answer
            }
        return found

    return work


def main(url: str) -> Ingest:
    collector, turn = read(url)
    sent = frames(turn)
    return Ingest(
        collector_ms=collector,
        cockpit_ms=cpu_ms(lambda: take(sent)),
        slim_peer_ms=cpu_ms(peer(url, "max by (Hostname, gpu)({})")),
        raw_peer_ms=cpu_ms(peer(url, "{}")),
        rows=sum(turn.rows.counts) if turn.rows else 0,
        numbers=turn.numbers,
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(main(sys.argv[1])))
