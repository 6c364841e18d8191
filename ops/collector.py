"""The collector process: reads the clusters, keeps the newest picture, serves it. It can change nothing.

`python -m crashcart.ops.collector --fd N` serves the one cockpit at the other end of an inherited socket and ends when
that side closes.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Sequence
from importlib.metadata import version

from crashcart.backends import registry, wire
from crashcart.backends.contract import Backend, Context, Feed, Interest
from crashcart.backends.errors import BackendError, Unsupported

from .backend_options import convert
from .clock import SystemClock
from .hub import Hub
from .links import SessionLinks
from .session import ClusterSession, Session, decode_session
from .supervisor import Supervisor

BEAT_SECONDS = 1.0
DEFAULT_INTERVAL_SECONDS = 5.0
SESSION_LIMIT = 1 << 20


def supervisors(cluster: ClusterSession, links: SessionLinks, hub: Hub, clock: SystemClock) -> list[Supervisor]:
    """One supervisor for each feed of a cluster; a backend that cannot be loaded becomes a source that says why."""
    made: list[Supervisor] = []
    for name, table in cluster.backends.items():
        try:
            backend = registry.load(name)
            options = convert(backend, table)
            context = links.context(options)
            feed = backend.feed(context)
        except BackendError as error:
            hub.publish_source(wire.Source(cluster.name, name, "denied", 0.0, None, 1, str(error)))
            continue
        if feed is None:
            continue
        made.append(
            Supervisor(
                cluster.name,
                name,
                _maker(backend, context, feed),
                interval_seconds=getattr(options, "interval_seconds", DEFAULT_INTERVAL_SECONDS),
                publish=hub.publish,
                report=hub.publish_source,
                clock=clock,
            )
        )
    return made


def _maker(backend: Backend, context: Context, first: Feed) -> Callable[[], Feed]:
    """Hand out the feed made while probing first, then a fresh one after each failure."""
    waiting = [first]

    def make() -> Feed:
        made = waiting.pop() if waiting else backend.feed(context)
        if made is None:
            raise Unsupported(f"{backend.name} has no feed any more")
        return made

    return make


async def collect(session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Collect for one reader until it closes."""
    clock = SystemClock()
    running: list[Supervisor] = []
    hello = wire.Hello(wire.PROTOCOL, os.getpid(), version("crashcart"))
    hub = Hub(hello, lambda focus: _attend(running, focus))
    links = [SessionLinks(cluster) for cluster in session.clusters]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_beat(hub, clock), name="beat")]
        for cluster, link in zip(session.clusters, links, strict=True):
            for supervisor in supervisors(cluster, link, hub, clock):
                running.append(supervisor)
                tasks.append(group.create_task(supervisor.run(), name=f"{cluster.name}/{supervisor.name}"))
        await hub.serve(reader, writer)
        for task in tasks:
            task.cancel()
    for link in links:
        await link.close()


def _attend(supervisors: Sequence[Supervisor], focus: wire.Focus) -> None:
    """Tell every feed what of its cluster is on a screen."""
    for supervisor in supervisors:
        hosts = tuple(host for cluster, host in focus.hosts if cluster == supervisor.cluster)
        supervisor.attend(Interest(hosts, focus.alerts))


async def _beat(hub: Hub, clock: SystemClock) -> None:
    while True:
        hub.beat(clock.now())
        await clock.sleep(BEAT_SECONDS)


async def _main(fd: int) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=fd), limit=SESSION_LIMIT)
    line = await reader.readline()
    if line:
        await collect(decode_session(line), reader, writer)


def main() -> None:
    """Entry of the process."""
    parser = argparse.ArgumentParser(description="Crashcart collector; started by the cockpit.")
    parser.add_argument("--fd", type=int, required=True, help="inherited socket of the cockpit")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the cockpit's; the end of its socket ends us
    asyncio.run(_main(arguments.fd))


if __name__ == "__main__":
    main()
