"""Simulated clusters for tests: one in this process with a clock moved by hand, and the real process."""

from __future__ import annotations

import fcntl
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crashcart.backends.contract import CommandRunner, Context
from crashcart.backends.demo import Options
from crashcart.backends.demo.desk import Desk
from crashcart.backends.demo.options import Faults
from crashcart.backends.demo.protocol import News, Observe, Poll, Ran, Request, Run, Seen
from crashcart.backends.errors import Unsupported
from crashcart.backends.model import Job, Node

DEADLINE_SECONDS = 10.0
LINGER_SECONDS = 0.3
START = 1_800_000_000.0


class HandCluster:
    """A simulation whose time only moves when told to, used through its own questions."""

    def __init__(self, nodes: int = 64, gpus: int = 8, seed: int = 1, faults: Faults = "incident") -> None:
        self.now = START
        self.desk = Desk(nodes, gpus, seed, faults, clock=lambda: self.now)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def run(self, command: str, host: str = "") -> Ran:
        """Run a command line on the login node or on a node."""
        ran = self.desk.answer(Run(host, "alice", tuple(shlex.split(command))))
        assert isinstance(ran, Ran)
        return ran

    def poll(self, epoch: int = 0, revision: int = 0) -> News:
        news = self.desk.answer(Poll(epoch, revision))
        assert isinstance(news, News)
        return news

    def ask(self, request: Request) -> Any:
        return self.desk.answer(request)

    def node(self, name: str) -> Node:
        return next(node for node in self.seen().nodes if node.name == name)

    def job(self, job_id: str) -> Job | None:
        return next((job for job in self.seen().jobs if job.id == job_id), None)

    def job_named(self, name: str, state: str = "RUNNING") -> Job:
        return next(job for job in self.seen().jobs if job.name == name and job.state == state)

    def seen(self) -> Seen:
        seen = self.desk.answer(Observe(None, None))
        assert isinstance(seen, Seen)
        return seen

    def column(self, metric: str, node: str) -> tuple[float, ...]:
        """Samples of one node, one a GPU."""
        news = self.poll()
        hosts, counts = news.hosts or (), news.counts or ()
        index = hosts.index(node)
        values = news.columns[metric].cast("f")
        return tuple(values[index * counts[0] : (index + 1) * counts[0]])


class NoLinks:
    """The simulation runs nothing on this machine and reaches no host."""

    def runner(self, via: str) -> CommandRunner:
        raise Unsupported(f"no way to {via} in this test")


def demo_context(directory: Path, **options: Any) -> Context:
    """A context whose world lives in `directory` and ends soon after its last client."""
    made = Options(**{"nodes": 16, "socket": str(directory / "w"), "linger_seconds": LINGER_SECONDS, **options})
    return Context("demo", made, NoLinks())


def is_running(directory: Path) -> bool:
    """Whether a world holds the lock of this directory."""
    lock = directory / "w.lock"
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def until_ended(directory: Path) -> None:
    """Wait until the world of this directory has ended by itself."""
    ends = time.monotonic() + DEADLINE_SECONDS
    while is_running(directory):
        assert time.monotonic() < ends, f"the world in {directory} does not end"
        time.sleep(0.02)


@contextmanager
def world_directory(parent: Path) -> Iterator[Path]:
    """A private directory; its world must be gone at the end."""
    directory = parent / "d"
    directory.mkdir(mode=0o700)
    yield directory
    until_ended(directory)


def world_pid(directory: Path) -> int:
    """The process in which the cluster lives, as it wrote into its lock file."""
    return int((directory / "w.lock").read_text())
