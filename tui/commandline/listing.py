"""One listing of the clusters for commands that look once and end."""

from __future__ import annotations

import asyncio

from crashcart.backends.wire import Source
from crashcart.ops.collector_ends import collector_end
from crashcart.ops.collector_link import CollectorLink
from crashcart.ops.config import state_dir
from crashcart.ops.identity import NodeNames
from crashcart.ops.joins import Joins
from crashcart.ops.listers import lists_any
from crashcart.ops.session import Session
from crashcart.ops.store import Store

PATIENCE_SECONDS = 20.0
"""How long a first listing may take: three poll timeouts of a slow slurmctld would be longer than anyone waits."""

SETTLE_SECONDS = 0.05
"""After a source's listing its numbers follow in the same burst; wait for a pause of this length."""

MEASURING = frozenset({"nvml", "smi"})
"""Sources of GPUs that list nothing but checks: when they are live, their numbers follow in the same burst."""

CHECKING = frozenset({"alertmanager", "demo", "kubernetes", "prometheus"}) | MEASURING
"""Sources that list checks of themselves; these come at the end of a turn, when they have been live for a while."""


def joins_for(session: Session, store: Store) -> Joins:
    """Joins with the node-name rules of the session."""
    return Joins(store, {cluster.name: NodeNames(cluster.node_rules) for cluster in session.clusters})


async def list_once(session: Session, kinds: tuple[str, ...]) -> Store:
    """A store that every source has spoken to once, well or badly, or that has waited long enough.

    A live source is waited for until any of `kinds` is listed; and for its checks, where these are among them.
    """
    store = Store()
    log = state_dir() / "collector.log"
    link = CollectorLink(session, log=log, first=collector_end(session, log))
    news = asyncio.Event()
    follow = asyncio.create_task(link.run(store, lambda _: news.set()), name="collector")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (store.collector_trouble or _heard(store, session, kinds)):
                await _more(news)
            while await _more(news):
                pass
    except TimeoutError:
        pass
    finally:
        follow.cancel()
        await asyncio.wait({follow})
    return store


def _heard(store: Store, session: Session, kinds: tuple[str, ...]) -> bool:
    if session.attach is not None:  # a beat ends the first whole picture of a collector that has run for a while
        return store.last_beat is not None and all(one.state != "starting" for one in store.sources.values())
    spoken = {cluster for cluster, _ in store.sources}
    if not {cluster.name for cluster in session.clusters} <= spoken:
        return False
    for source in store.sources.values():
        if source.state == "starting":
            return False
        if source.state == "live" and not _has_listed(store, source, kinds):
            return False
    return True


def _has_listed(store: Store, source: Source, kinds: tuple[str, ...]) -> bool:
    if "check" in kinds and source.name in CHECKING and (source.cluster, source.name, "check") not in store.confirmed:
        return False
    match lists_any(source.name, kinds):
        case True:
            return any((source.cluster, source.name, kind) in store.confirmed for kind in kinds)
        case False:
            return True
    return source.name in MEASURING or any((source.cluster, kind) in store.listed for kind in kinds)


async def _more(news: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            await news.wait()
    except TimeoutError:
        return False
    news.clear()
    return True
