"""The whole picture of one cluster, led from step to step by what the readers bring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from crashcart.backends.entity import Kind
from crashcart.backends.model import AnyEntity, Batch

from . import resources
from .budgets import budget
from .declared import (
    Declared,
    Gate,
    Place,
    declared_job,
    declared_job_set,
    gate_of_pod_group,
    gate_of_workload,
)
from .events import KEPT_SECONDS, event
from .inbox import Delivery, Objects, merge
from .job_board import JobBoard
from .node_board import NodeBoard
from .owners import Owner
from .pods import PodFact, pod_fact
from .queues import cluster_queue, local_queue, volcano_queue
from .shapes import RawEvent
from .showing import Showing
from .site import Site

_SWEEP_SECONDS = 60.0
_MOST_EVENTS = 1000
"""A storm of warnings must not fill the memory: the latest are kept."""

_ORDER = [resource.name for resource in resources.ALL]
_Convert = Callable[[Any, Site, float], AnyEntity | None]
_PLAIN: dict[str, tuple[Kind, _Convert]] = {
    resources.CLUSTER_QUEUES.name: ("queue", cluster_queue),
    resources.LOCAL_QUEUES.name: ("queue", local_queue),
    resources.VOLCANO_QUEUES.name: ("queue", volcano_queue),
    resources.BUDGETS.name: ("budget", budget),
    resources.EVENTS.name: ("event", event),
}
"""Resources of which each object is an entity by itself."""

_DECLARING: dict[str, tuple[str, Callable[[Any, Site], Declared | None]]] = {
    resources.JOBS.name: ("Job", declared_job),
    resources.JOB_SETS.name: ("JobSet", declared_job_set),
}
_GATING: dict[str, Callable[[Any, Site], Gate | None]] = {
    resources.WORKLOADS.name: gate_of_workload,
    resources.POD_GROUPS.name: gate_of_pod_group,
}


class Picture:
    """Takes deliveries in and tells what changed; used by one thread at a time."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.nodes = NodeBoard(site)
        self.jobs = JobBoard(site)
        self.showings: dict[Kind, Showing] = {"node": self.nodes.showing, "job": self.jobs.showing}
        kinds: tuple[Kind, ...] = ("pod", "queue", "budget", "event", "check")
        self.showings |= {kind: Showing(kind, site.cluster) for kind in kinds}
        self._pods: dict[str, PodFact] = {}
        self._known: dict[str, dict[str, Any]] = {}  # resource -> key -> what it became
        self._swept = 0.0

    def take(self, deliveries: dict[str, Delivery], when: float) -> None:
        """Bring the picture up to date with these."""
        for name in sorted(deliveries, key=_ORDER.index):
            if name == resources.NODES.name:
                self.nodes.take(merge(deliveries[name], self.nodes.known), when)
            elif name == resources.PODS.name:
                self._take_pods(merge(deliveries[name], set(self._pods)), when)
            else:
                self._take_other(name, deliveries[name], when)
        self._sweep(when)
        self.jobs.refresh(when)
        self.nodes.refresh()
        self._name_jobs()

    def entities(self, kind: Kind) -> tuple[AnyEntity, ...]:
        """Everything of a kind as it is now."""
        return tuple(self.showings[kind].entities.values())

    def batches(self, when: Callable[[Kind], float]) -> list[Batch]:
        """What is new of each kind that is ready, true at the time that `when` tells for it."""
        found = [showing.batch(when(kind)) for kind, showing in self.showings.items()]
        return [batch for batch in found if batch is not None]

    def _take_pods(self, changes: Objects, when: float) -> None:
        for key, raw in changes.items():
            old = self._pods.pop(key, None)
            new = None if raw is None else pod_fact(raw, self._site, old.pod.when if old is not None else when)
            if new is not None:
                self._pods[key] = new
                if new == old:
                    continue  # most changes are of no part that we look at
                new.pod = msgspec.structs.replace(new.pod, when=when)
            self._site.leave_out("pod", key, is_left_out=raw is not None and new is None)
            self.nodes.place(key, old, new)
            self.jobs.place_pod(key, old, new)
            self.jobs.regrouped.add(key)

    def _name_jobs(self) -> None:
        """Show the pods that changed, or whose job did."""
        showing = self.showings["pod"]
        for key in self.jobs.regrouped:
            fact = self._pods.get(key)
            if fact is None or not fact.is_listed:
                showing.drop(f"{self._site.cluster}/{key}")
            else:
                showing.put(msgspec.structs.replace(fact.pod, job=self.jobs.job_of(fact)))
        self.jobs.regrouped.clear()

    def _take_other(self, name: str, delivery: Delivery, when: float) -> None:
        known = self._known.setdefault(name, {})
        for key, raw in merge(delivery, set(known)).items():
            old = known.pop(key, None)
            if name in _DECLARING:
                kind, declare = _DECLARING[name]
                declared = None if raw is None else declare(raw, self._site)
                self.jobs.declare(_place(key, kind), declared)
                known[key] = declared
            elif name in _GATING:
                gate = None if raw is None else _GATING[name](raw, self._site)
                self.jobs.gate(key, old, gate)
                known[key] = gate
            else:
                known[key] = self._show_plain(name, raw, old, when)
            if known[key] is None:
                del known[key]
        if len(known) > _MOST_EVENTS and name == resources.EVENTS.name:
            for key in sorted(known, key=lambda key: known[key].last_seen)[:-_MOST_EVENTS]:
                self.showings["event"].drop(known.pop(key).key)

    def _show_plain(self, name: str, raw: Any, old: AnyEntity | None, when: float) -> AnyEntity | None:
        kind, convert = _PLAIN[name]
        is_shown = raw is not None and (kind != "event" or self._concerns_us(raw))
        entity = convert(raw, self._site, when) if is_shown else None
        if old is not None and (entity is None or entity.key != old.key):
            self.showings[kind].drop(old.key)
        if entity is not None:
            self.showings[kind].put(entity)
        return entity

    def _concerns_us(self, raw: RawEvent) -> bool:
        """Not a warning about a pod that has no GPUs, as far as that is known."""
        about = raw.involved_object
        fact = self._pods.get(f"{about.namespace}/{about.name}") if about.kind == "Pod" else None
        return fact is None or fact.pod.gpus > 0

    def _sweep(self, when: float) -> None:
        """Once a minute what time alone makes old goes: ended jobs, warnings of more than an hour ago."""
        if when - self._swept < _SWEEP_SECONDS:
            return
        self._swept = when
        self.jobs.look_again()
        known = self._known.get(resources.EVENTS.name, {})
        for key in [key for key, one in known.items() if when - one.last_seen > KEPT_SECONDS]:
            self.showings["event"].drop(known.pop(key).key)


def _place(key: str, kind: str) -> Place:
    namespace, _, name = key.partition("/")
    return (namespace, Owner(kind, name))
