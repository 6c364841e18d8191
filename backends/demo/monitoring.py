"""What the monitoring knows about itself: scrape targets that fail, and whether its own pipeline is whole."""

from __future__ import annotations

from collections.abc import Iterator

from crashcart.backends.model import Check, Target

from .alerts import AlertBook
from .board import Board
from .entities import SOURCE
from .simulation import Simulation
from .state import SimNode

SCRAPE_SECONDS = 15.0
SILENT_SECONDS = 30.0
"""After two evaluations without any update of an alert, Prometheus counts as silent."""
DCGM = ("dcgm-exporter", 9400)
NODE = ("node-exporter", 9100)


class Monitoring:
    """Failing targets and checks, kept in step with the journal."""

    def __init__(self, sim: Simulation, alerts: AlertBook) -> None:
        self._sim = sim
        self._alerts = alerts
        self._died_at: float | None = None
        self.targets: Board[Target] = Board(sim.journal, "target")
        self.checks: Board[Check] = Board(sim.journal, "check")

    def stop(self) -> None:
        """Prometheus dies."""
        self.refresh()
        self._died_at = self._sim.now

    def refresh(self) -> None:
        """Look at all targets and at the pipeline."""
        now = self._sim.now
        if self._died_at is None:
            self.targets.show(_targets(self._sim, now))
        self.checks.show(self._checks(now))

    def _checks(self, now: float) -> Iterator[Check]:
        died = self._died_at
        yield _check("notifications", now, "ok", "no notification failed")
        if died is None:
            yield _check("dead-man alert", now, "ok", "Watchdog fires")
            yield _check("alert delivery", now, "ok", "Prometheus sends its alerts")
            yield _check("rule evaluation", now, "ok", "all rules evaluate")
            return
        yield _check("rule evaluation", now, "unknown", "Prometheus does not answer", died)
        if now >= died + SILENT_SECONDS:
            yield _check("alert delivery", now, "critical", "no update of any alert: Prometheus is silent", died)
        else:
            yield _check("alert delivery", now, "ok", "Prometheus sends its alerts")
        if self._alerts.are_forgotten:
            yield _check("dead-man alert", now, "critical", "Watchdog is missing: alerts do not reach you", died)
        else:
            yield _check("dead-man alert", now, "ok", "Watchdog fires")


def _check(name: str, now: float, state: str, detail: str, since: float | None = None) -> Check:
    return Check(cluster="", source=SOURCE, when=now, name=name, state=state, detail=detail, since=since)


def _targets(sim: Simulation, now: float) -> Iterator[Target]:
    for node in sim.troubled_nodes():
        since = node.dark_since
        if since is None:
            continue
        if node.is_reachable:
            yield _target(node, now, *DCGM, "context deadline exceeded", since)
            continue
        for job, port in (DCGM, NODE):
            yield _target(node, now, job, port, f"dial tcp {node.address}:{port}: connect: no route to host", since)


def _target(node: SimNode, now: float, job: str, port: int, why: str, since: float) -> Target:
    return Target(
        cluster="",
        source=SOURCE,
        when=now,
        job=job,
        instance=f"{node.name}:{port}",
        host=node.name,
        error=f'Get "http://{node.name}:{port}/metrics": {why}',
        since=since,
        interval_seconds=SCRAPE_SECONDS,
    )
