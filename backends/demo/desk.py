"""Answers the questions of feeds and powers from one simulation."""

from __future__ import annotations

import time
from collections.abc import Callable

from crashcart.backends.model import AnyEntity, Job, Node, Queue

from . import amtool, commands, disk, node_commands
from .alert_history import alert_history
from .alerts import AlertBook
from .entities import job_entity, node_entity, queue_entity
from .faults import FaultScript
from .host_history import HostHistory
from .kube_board import KubeBoard
from .monitoring import Monitoring
from .options import Faults
from .protocol import (
    AlertsSeen,
    AskFiles,
    AskHistory,
    AskSignals,
    Caught,
    News,
    Observe,
    ObserveAlerts,
    ObserveKube,
    Poll,
    Ran,
    Reply,
    Request,
    Run,
    Seen,
    Told,
)
from .reading import Reading
from .scheduler import schedule
from .shape import Shape
from .silence_script import make_silences
from .silences import SilenceBook
from .simulation import Simulation
from .telemetry import Telemetry
from .workload import Workload

PROMETHEUS_DIES_AFTER_SECONDS = 20.0
MOST_HOSTS = 64
"""Machines in one answer about the past; a screen shows fewer in detail."""


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
        is_incident = faults != "none"
        workload = Workload(self.sim)
        workload.fill()
        self._silences = SilenceBook(self.sim, seed)
        if is_incident:
            FaultScript(self.sim, workload.roles).play()
            make_silences(self._silences, self.sim.now)
        self.kube = KubeBoard(self.sim, is_incident=is_incident)
        self.telemetry = Telemetry(self.sim, seed)
        self.telemetry.refresh()  # what a silent exporter last showed is fixed now, not when somebody first looks
        self._alerts = AlertBook(self.sim, self._silences, is_incident=is_incident)
        self._monitoring = Monitoring(self.sim, self._alerts)
        self._history = HostHistory(self.sim, self.telemetry.tables)
        self._queues = {part.name: part for part in self.sim.partitions}
        if faults == "monitoring-dead":
            self.sim.timeline.after(PROMETHEUS_DIES_AFTER_SECONDS, self._kill_prometheus)

    def _kill_prometheus(self) -> None:
        self.telemetry.stop(self.sim.now)
        self._alerts.stop()
        self._monitoring.stop()

    def answer(self, request: Request) -> Reply:
        """The answer as of now."""
        now = self.sim.advance()
        match request:
            case Poll():
                return self.poll(request, now)
            case Observe():
                return self.observe(request, now)
            case ObserveKube():
                return self.kube.observe(request, now)
            case ObserveAlerts():
                return self.observe_alerts(now)
            case AskHistory():
                return self.history(request, now)
            case Run():
                return self.run(request, now)
            case AskSignals(job_id):
                return self.signals(job_id)
            case AskFiles(job_id, directory):
                return disk.list_files(self.sim, job_id, directory)

    def poll(self, request: Poll, now: float) -> News:
        """What changed since the revision that the client has."""
        begun = time.perf_counter()
        self._alerts.refresh()
        self._monitoring.refresh()
        journal = self.sim.journal
        whole = request.epoch != self.epoch or request.revision == 0 or not journal.covers(request.revision)
        whole = whole or not self.kube.covers(request.kube_revision)
        changed, gone = journal.since(0 if whole else request.revision)
        entities = tuple(self._entity(kind, name, now) for kind, name in changed)
        columns = self.telemetry.columns(now, since=-1 if whole else request.revision)
        shape = self.sim.shape
        kube, kube_gone = self.kube.since(0 if whole else request.kube_revision, now)
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
            seconds=time.perf_counter() - begun,
            kube=kube,
            kube_gone=() if whole else kube_gone,
            kube_revision=self.kube.revision,
        )

    def _entity(self, kind: str, name: str, when: float) -> AnyEntity:
        match kind:
            case "node":
                return node_entity(self.sim.node_by_name[name], when)
            case "job":
                return job_entity(self.sim.jobs[name], self.sim.shape, when)
            case "queue":
                return queue_entity(self._queues[name], self.sim.shape, when)
            case "silence":
                return self._silences.entity(name, when)
            case "target":
                return self._monitoring.targets.entities[name]
            case "check":
                return self._monitoring.checks.entities[name]
        return self._alerts.alerts[name]

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

    def observe_alerts(self, now: float) -> AlertsSeen:
        """All alerts, and all silences of the last day."""
        self._alerts.refresh()
        silences = tuple(self._silences.entity(name, now) for name in self._silences.silences)
        return AlertsSeen(now, tuple(self._alerts.alerts.values()), silences)

    def history(self, request: AskHistory, now: float) -> Told:
        """What machines and alerts were like."""
        begun = time.perf_counter()
        self._alerts.refresh()
        died = self._alerts.stopped_at
        known = [self.sim.node_by_name[name] for name in request.hosts[:MOST_HOSTS] if name in self.sim.node_by_name]
        pasts = [self._history.of(node, now, died) for node in known]
        if request.alerts:
            pasts.append(alert_history(self._alerts, now))
        return Told(now, tuple(pasts), time.perf_counter() - begun)

    def run(self, request: Run, now: float) -> Ran:
        """A command on a node or on the login node."""
        if request.host:
            node = self.sim.node_by_name.get(request.host)
            if node is None:
                return Ran(255, unreachable=f"no node is called {request.host}")
            if not node.is_reachable:
                return Ran(255, unreachable=f"ssh: connect to host {request.host} port 22: No route to host")
        result = commands.run(self.sim, request.user, request.argv)
        if result is None:
            result = self.kube.run(request.user, request.argv)
        if result is None:
            result = amtool.run(self._silences, request.user, now, request.argv)
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
