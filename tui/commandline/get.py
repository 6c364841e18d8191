"""`crashcart get`: one listing, filtered, in a form for people or programs."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from typing import Any

from crashcart.ops.fields import GpuRow, Scene
from crashcart.ops.filter import FilterError, compile_filter
from crashcart.ops.store import Store

from .exits import OK, UNKNOWN, USAGE, CommandError
from .listing import joins_for, list_once
from .opening import open_session
from .output import render
from .rows import COLUMNS, ROWS

KINDS = {
    "nodes": "node", "gpus": "gpu", "jobs": "job", "queues": "queue", "alerts": "alert", "silences": "silence",
    "targets": "target", "checks": "check", "pods": "pod", "events": "event", "budgets": "budget",
}  # fmt: skip
TABLE_COLUMNS = {
    "nodes": ("cluster", "name", "state", "gpus_used", "gpus_total", "jobs", "partitions", "reason", "findings"),
    "gpus": (
        "cluster", "host", "index", "util_percent", "temperature_celsius", "power_watts", "xid", "job", "user",
        "age_seconds",
    ),
    "jobs": ("cluster", "id", "name", "user", "partition", "state", "reason", "node_list", "gpus", "elapsed_seconds"),
    "queues": ("cluster", "name", "state", "nodes_total", "gpus_used", "gpus_total", "jobs_running", "jobs_pending"),
    "alerts": ("cluster", "name", "severity", "state", "age_seconds", "labels"),
    "silences": ("cluster", "id", "state", "by", "left_seconds", "matchers", "comment", "alerts"),
    "targets": ("cluster", "job", "instance", "node", "silent_seconds", "error"),
    "pods": ("cluster", "namespace", "name", "state", "node", "gpus", "job", "restarts", "budgets", "reason"),
    "events": ("cluster", "seen_seconds", "count", "about", "reason", "message"),
    "budgets": ("cluster", "namespace", "name", "allowed", "healthy", "desired", "expected", "selector", "nodes"),
    "checks": ("cluster", "source", "name", "state", "detail"),
}  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """List once and print. Exit 5 when no source answered."""
    kind = KINDS[arguments.kind]
    try:
        wanted = compile_filter(arguments.filter, kind)
    except FilterError as error:
        pointer = " " * error.position + "^"
        raise CommandError(f"--filter: {error}\n  {arguments.filter}\n  {pointer}", USAGE) from error
    session, _ = open_session(arguments)
    needed = ("node", "job") if kind == "gpu" else (kind,)
    store = asyncio.run(list_once(session, needed))
    scene = Scene(store, joins_for(session, store), time.time())
    rows = [
        ROWS[kind](scene, entity)
        for entity in _entities(scene, kind)
        if wanted.matches(scene, entity) and arguments.cluster in (None, entity.cluster)
    ]
    columns = TABLE_COLUMNS[arguments.kind] if arguments.output == "table" else COLUMNS[kind]
    print(render(rows, columns, arguments.output))
    return _report_sources(store)


def _report_sources(store: Store) -> int:
    bad = [source for source in store.sources.values() if source.state != "live"]
    for source in bad:
        print(f"crashcart: {source.cluster}/{source.name} is {source.state}: {source.detail}", file=sys.stderr)
    if not store.sources:
        why = store.collector_trouble or "the collector did not answer; see `crashcart doctor`"
        print(f"crashcart: {why}", file=sys.stderr)
    return UNKNOWN if len(bad) == len(store.sources) else OK


def _entities(scene: Scene, kind: str) -> Iterator[Any]:
    store = scene.store
    if kind != "gpu":
        listed = scene.joins.alerts.merged() if kind == "alert" else store.entities[kind]
        yield from sorted(listed.values(), key=lambda entity: entity.key)
        return
    measured = {(cluster, host) for cluster, table in store.gpus.items() for host in table.counts}
    for cluster, table in store.gpus.items():
        for host, count in table.counts.items():
            yield from (GpuRow(cluster, host, index) for index in range(count))
    for node in store.nodes.values():
        if (node.cluster, node.name) not in measured:
            yield from (GpuRow(node.cluster, node.name, index) for index in range(node.gpus_total or 0))
