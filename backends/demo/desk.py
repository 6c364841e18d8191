"""Answers the questions of feeds and powers from one simulation."""

from __future__ import annotations

import time
from collections.abc import Callable

from crashcart.backends.model import Alert, AnyEntity, Job, Node, Queue

from . import commands, disk, node_commands
from .alerts import AlertBook
from .entities import job_entity, node_entity, queue_entity
from .faults import FaultScript
from .options import Faults
from .protocol import (
    AskFiles,
    AskSignals,
    Caught,
    News,
    Observe,
    Poll,
    Ran,
    Reply,
    Request,
    Run,
    Seen,
)
from .reading import Reading
from .scheduler import schedule
from .shape import Shape
from .simulation import Simulation
from .telemetry import Telemetry
from .workload import Workload


class Desk:
    """A filled simulation and its one way in. Not for use by several threads."""

    def __init__(
        self,
        nodes: int,
        gpus_per_node: int,
        seed: int,
        faults: Faults,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.sim = Simulation(Shape(nodes, gpus_per_node), seed, clock)
        self.sim.schedule = lambda: schedule(self.sim)
        self.epoch = int(self.sim.now * 1000)
        workload = Workload(self.sim)
        workload.fill()
        if faults == "incident":
            FaultScript(self.sim, workload.roles).play()
        self.telemetry = Telemetry(self.sim, seed)
        self.telemetry.refresh()  # what a silent exporter last showed is fixed now, not when somebody first looks
        self._alerts = AlertBook(self.sim, is_incident=faults == "incident")
        self._queues = {part.name: part for part in self.sim.partitions}

    def answer(self, request: Request) -> Reply:
        """The answer as of now."""
        now = self.sim.advance()
        match request:
            case Poll():
                return self.poll(request, now)
            case Observe():
                return self.observe(request, now)
            case Run():
                return self.run(request, now)
            case AskSignals(job_id):
                return self.signals(job_id)
            case AskFiles(job_id, directory):
                return disk.list_files(self.sim, job_id, directory)

    def poll(self, request: Poll, now: float) -> News:
        """What changed since the revision that the client has."""
        self.telemetry.refresh()
        self._alerts.refresh()
        journal = self.sim.journal
        whole = request.epoch != self.epoch or request.revision == 0 or not journal.covers(request.revision)
        changed, gone = journal.since(0 if whole else request.revision)
        entities = tuple(self._entity(kind, name, now) for kind, name in changed)
        columns = self.telemetry.columns(now, since=-1 if whole else request.revision)
        shape = self.sim.shape
        return News(
            epoch=self.epoch,
            revision=journal.revision,
            when=now,
            whole=whole,
            entities=entities,
            gone=() if whole else tuple(gone),
            hosts=tuple(self.sim.node_by_name) if whole else None,
            counts=(shape.gpus_per_node,) * shape.nodes if whole else None,
            columns={metric: memoryview(values) for metric, values in columns.items()},
        )

    def _entity(self, kind: str, name: str, when: float) -> AnyEntity:
        if kind == "node":
            return node_entity(self.sim.node_by_name[name], when)
        if kind == "job":
            return job_entity(self.sim.jobs[name], self.sim.shape, when)
        if kind == "queue":
            return queue_entity(self._queues[name], self.sim.shape, when)
        alert: Alert = self._alerts.alerts[name]
        return alert

    def observe(self, request: Observe, now: float) -> Seen:
        """Nodes and jobs as they are; names that do not exist are left out."""
        nodes = self.sim.node_by_name if request.nodes is None else request.nodes
        jobs = self.sim.jobs if request.jobs is None else request.jobs
        known_nodes: tuple[Node, ...] = tuple(
            node_entity(self.sim.node_by_name[name], now) for name in nodes if name in self.sim.node_by_name
        )
        known_jobs: tuple[Job, ...] = tuple(
            job_entity(self.sim.jobs[name], self.sim.shape, now) for name in jobs if name in self.sim.jobs
        )
        is_all = request.nodes is None and request.jobs is None
        queues: tuple[Queue, ...] = tuple(
            queue_entity(part, self.sim.shape, now) for part in self.sim.partitions if is_all
        )
        return Seen(now, known_nodes, known_jobs, queues)

    def run(self, request: Run, now: float) -> Ran:
        """A command on a node or on the login node."""
        if request.host:
            node = self.sim.node_by_name.get(request.host)
            if node is None:
                return Ran(255, unreachable=f"no node is called {request.host}")
            if not node.is_reachable:
                return Ran(255, unreachable=f"ssh: connect to host {request.host} port 22: No route to host")
        result = commands.run(self.sim, request.user, request.argv)
        if result is not None:
            return result
        if not request.host:
            return Ran(127, stderr=f"bash: {' '.join(request.argv[:1])}: command not found\n")
        node = self.sim.node_by_name[request.host]
        return node_commands.run(Reading(node, self.telemetry.of_node(node, now), now), request.argv)

    def signals(self, job_id: str) -> Caught:
        """Signals that every process of a running job handles."""
        job = self.sim.jobs.get(job_id)
        if job is None or job.state != "RUNNING":
            return Caught(None)
        return Caught(job.recipe.catches)
