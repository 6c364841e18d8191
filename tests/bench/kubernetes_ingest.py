"""What reading Kubernetes costs, in a process of its own: `python kubernetes_ingest.py WHAT KUBECONFIG`.

WHAT is `list` or `watch`, by us (`ours`) or by the typed client (`typed`, `paged`): `list-ours`, `watch-typed`.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import msgspec

WATCH_SECONDS = 8.0
HEARTBEAT = "fake-kubeapi/heartbeat"  # an annotation that the fake changes; taken for a user's name it is to be seen


class Ingest(msgspec.Struct):
    """CPU seconds and wall seconds for so many objects or events, MiB at most, the longest stall of the loop.

    `updates` counts batches that changed something, by kind.
    """

    count: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    import_cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    stall_ms: float = 0.0
    updates: dict[str, int] = {}


class OneTurn:
    """The pace of a feed that keeps its own time."""

    async def turn(self) -> None:
        """Now."""


@contextmanager
def measured(found: Ingest) -> Iterator[None]:
    """Fill in what is spent inside."""
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    found.cpu_seconds = time.process_time() - cpu
    found.wall_seconds = time.perf_counter() - wall
    found.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def stalls(found: Ingest) -> None:
    """Note how late the loop comes back to us at worst."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        found.stall_ms = max(found.stall_ms, (time.perf_counter() - before) * 1e3 - 1.0)


def our_feed(kubeconfig: str) -> Any:
    from crashcart.backends.kubernetes import BACKEND
    from crashcart.ops.links import SessionLinks
    from crashcart.ops.session import ClusterSession

    options = BACKEND.options(kubeconfig=kubeconfig, user_labels=(HEARTBEAT,), interval_seconds=0.25)
    return BACKEND.feed(SessionLinks(ClusterSession("lab")).context(options))


async def list_ours(kubeconfig: str, found: Ingest) -> None:
    """Until nodes, pods and jobs are told completely, with the jobs put together."""
    feed = our_feed(kubeconfig)
    await asyncio.to_thread(feed._client.api)  # the import is counted apart, as it is for the others
    found.import_cpu_seconds = time.process_time()
    missing = {"node", "pod", "job"}
    ticking = asyncio.create_task(stalls(found))
    with measured(found):
        async with aclosing(feed.watch(OneTurn())) as items:
            async for item in items:
                kind = getattr(item, "kind", "")
                found.count += len(item.upserts) if kind in ("node", "pod") and item.complete else 0
                missing.discard(kind)
                if not missing:
                    break
    ticking.cancel()
    await feed.close()


async def watch_ours(kubeconfig: str, found: Ingest) -> None:
    """Count events that come and batches that change something, after the listing."""
    from crashcart.backends.model import Load

    feed, updates, ticking = our_feed(kubeconfig), Counter[str](), None
    async with aclosing(feed.watch(OneTurn())) as items:
        missing = {"node", "pod", "job"}
        async for item in items:
            missing.discard(getattr(item, "kind", ""))
            if not missing:
                break
        print("listed", flush=True)
        ticking = asyncio.create_task(stalls(found))
        feed._ledger.item("", "", 0.0)
        end = time.monotonic() + WATCH_SECONDS
        with measured(found):
            async for item in items:
                if not isinstance(item, Load) and not item.complete and (item.upserts or item.gone):
                    updates[item.kind] += 1
                if time.monotonic() > end:
                    break
    ticking.cancel()
    found.count = sum(one.rows for one in feed._ledger.item("", "", 0.0).requests if one.what == "watch pods")
    found.updates = dict(updates)
    await feed.close()


def typed_api(kubeconfig: str, found: Ingest) -> Any:
    from kubernetes import client, config

    api = client.CoreV1Api(config.new_client_from_config(kubeconfig))
    found.import_cpu_seconds = time.process_time()
    return api


def list_typed(kubeconfig: str, found: Ingest, page: int | None) -> None:
    """Nodes and pods by the models of the official client, in one body or in pages."""
    api = typed_api(kubeconfig, found)
    kept: list[Any] = []
    with measured(found):
        for listing in (api.list_node, api.list_pod_for_all_namespaces):
            token = None
            while True:
                answer = listing(limit=page, _continue=token)
                kept += answer.items
                token = answer.metadata._continue
                if not token:
                    break
    found.count = len(kept)


def watch_typed(kubeconfig: str, found: Ingest) -> None:
    """Events of pods by the official client."""
    from kubernetes import watch

    api = typed_api(kubeconfig, found)
    version = api.list_pod_for_all_namespaces(limit=1).metadata.resource_version
    print("listed", flush=True)
    with measured(found):
        stream = watch.Watch().stream(
            api.list_pod_for_all_namespaces, resource_version=version, timeout_seconds=int(WATCH_SECONDS)
        )
        found.count = sum(1 for _ in stream)


def main(what: str, kubeconfig: str) -> Ingest:
    found = Ingest()
    match what:
        case "list-ours":
            asyncio.run(list_ours(kubeconfig, found))
        case "watch-ours":
            asyncio.run(watch_ours(kubeconfig, found))
        case "list-typed":
            list_typed(kubeconfig, found, None)
        case "list-paged":
            list_typed(kubeconfig, found, 500)
        case "watch-typed":
            watch_typed(kubeconfig, found)
    return found


if __name__ == "__main__":
    ended = main(*sys.argv[1:3])
    sys.stdout.write(msgspec.json.encode(ended).decode() + "\n")
