"""The collector process: reads the clusters, keeps the newest picture, serves it. It can change nothing.

`python -m crashcart.ops.collector --fd N` serves the one cockpit at the other end of an inherited socket and ends when
that side closes.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from crashcart.backends import registry, wire
from crashcart.backends.contract import Backend, Context, Feed
from crashcart.backends.errors import BackendError, Unsupported

from .backend_options import convert
from .clock import SystemClock
from .greeting import receive
from .hub import Hub
from .links import SessionLinks
from .lookout import Lookout
from .session import ClusterSession, Session, decode_session
from .supervisor import Supervisor

log = logging.getLogger("crashcart.collector")

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


@asynccontextmanager
async def collecting(session: Session) -> AsyncIterator[Hub]:
    """Collect as long as the context lasts, whoever reads; the hub serves readers meanwhile."""
    clock = SystemClock()
    lookout = Lookout(clock)
    hub = Hub(lookout.look_at)
    links = [SessionLinks(cluster) for cluster in session.clusters]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_beat(hub, clock), name="beat")]
            tasks.append(group.create_task(lookout.run(), name="lookout"))
            for cluster, link in zip(session.clusters, links, strict=True):
                for supervisor in supervisors(cluster, link, hub, clock):
                    lookout.add(supervisor)
                    tasks.append(group.create_task(supervisor.run(), name=f"{cluster.name}/{supervisor.name}"))
            yield hub
            for task in tasks:
                task.cancel()
    finally:
        for link in links:
            await link.close()


async def _beat(hub: Hub, clock: SystemClock) -> None:
    while True:
        hub.beat(clock.now())
        await clock.sleep(BEAT_SECONDS)


async def _main(fd: int) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=fd), limit=SESSION_LIMIT)
    line = await reader.readline()
    if not line:
        return
    async with collecting(decode_session(line)) as hub:
        try:
            await receive(reader, writer, "the collector of this cockpit")
        except BackendError as error:
            log.warning("cockpit.refused %s", error)
            return
        await hub.serve(reader, writer)


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
