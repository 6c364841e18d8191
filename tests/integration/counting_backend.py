"""A backend that counts what it is asked, lists as many nodes as it is told, and has a secret in its table."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec

from crashcart.backends.contract import Context, Feed, Interest, Pace
from crashcart.backends.model import Batch, Item, Node
from tests.unit.slow_backend import ROOT


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`folder` is where it counts: a file `polls` and a file `looks`, one byte each time."""

    folder: str
    password: str = ""
    nodes: int = 2
    interval_seconds: float = 0.2


class CountingFeed:
    """The reason of every node is the number of the poll, so that each poll changes the whole listing."""

    def __init__(self, cluster: str, options: Options) -> None:
        self._cluster = cluster
        self._options = options

    def attend(self, interest: Interest) -> None:
        if interest.hosts or interest.alerts:
            self._count("looks")

    async def watch(self, pace: Pace) -> AsyncGenerator[Item, None]:
        while True:
            await pace.turn()
            yield Batch(
                "counting", self._cluster, "node", time.time(), self._nodes(self._count("polls")), complete=True
            )

    async def close(self) -> None:
        """Nothing is held."""

    def _nodes(self, poll: int) -> tuple[Node, ...]:
        padding = "x" * 80
        return tuple(
            Node(
                cluster=self._cluster,
                source="counting",
                when=time.time(),
                name=f"n{number:05}",
                state="IDLE",
                reason=f"{poll} {padding}",
            )
            for number in range(self._options.nodes)
        )

    def _count(self, what: str) -> int:
        with Path(self._options.folder, what).open("ab") as file:
            file.write(b".")
            return file.tell()


class CountingBackend:
    name = "counting"
    options: type[msgspec.Struct] = Options

    def found(self) -> bool:
        return False

    def feed(self, context: Context) -> Feed | None:
        return CountingFeed(context.cluster, context.options)

    def powers(self, context: Context) -> object:
        return None


BACKEND = CountingBackend()


def install(folder: Path) -> str:
    """Make `folder` look like an installed package with this backend; return the PYTHONPATH that finds it."""
    info = folder / "crashcart_counting-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crashcart-counting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[crashcart.backends]\ncounting = {__name__}:BACKEND\n")
    return f"{folder}:{ROOT}"
