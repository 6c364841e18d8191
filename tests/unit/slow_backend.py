"""A backend for executor processes: its state is files, and a change waits until the test lets it go on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

import msgspec

from crashcart.backends.contract import Change, CommandResult, Context, Feed, Picture
from crashcart.backends.local import LocalRunner
from crashcart.backends.model import Job, Node

ROOT = Path(__file__).parents[2]
NAMES = ("gpu001", "gpu002")

# The change is a command of its own, as a real one would be: what hangs up the executor must not hang up this.
SCRIPT = 'touch "$1/begun"; while [ ! -e "$1/go" ]; do sleep 0.02; done; printf %s "$3" > "$1/$2"'


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    folder: str


class SlowPowers:
    """Drains nodes by writing the reason into a file named after the node."""

    def __init__(self, options: Options) -> None:
        self._folder = Path(options.folder)

    async def observe(self) -> Picture:
        return Picture(tuple(map(self._node, NAMES)), (), (), time.time())

    async def observe_nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        return tuple(self._node(name) for name in names if name in NAMES)

    async def observe_jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        return ()

    def _node(self, name: str) -> Node:
        file = self._folder / name
        reason = file.read_text() if file.exists() else None
        return Node(
            cluster="slow",
            source="slow",
            when=time.time(),
            name=name,
            state="IDLE",
            flags=("DRAIN",) if reason else (),
            reason=reason,
            partitions=("all",),
        )

    async def apply(self, change: Change, *, timeout: float) -> CommandResult:  # noqa: ASYNC109
        return await LocalRunner().run(change.argv, timeout=timeout)

    def drain(self, node: str, reason: str) -> Change:
        return Change(node, f"drain {node}", ("sh", "-c", SCRIPT, "sh", str(self._folder), node, reason))

    def resume(self, node: str) -> Change:
        return Change(node, f"resume {node}", ("rm", str(self._folder / node)))

    def reboot(self, node: str, reason: str) -> Change:
        return Change(node, f"reboot {node}", ("true",))


class SlowBackend:
    name = "slow"
    options: type[msgspec.Struct] = Options

    def found(self) -> bool:
        return False

    def feed(self, context: Context) -> Feed | None:
        return None

    def powers(self, context: Context) -> object:
        return SlowPowers(context.options)


BACKEND = SlowBackend()


def install(folder: Path) -> str:
    """Make `folder` look like an installed package with this backend; return the PYTHONPATH that finds it."""
    info = folder / "crashcart_slow-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crashcart-slow\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        dedent(
            f"""\
            [crashcart.backends]
            slow = {__name__}:BACKEND
            """
        )
    )
    return f"{folder}:{ROOT}"
