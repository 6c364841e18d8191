"""What all pages of a wall draw from: the picture, how far it may be believed, and numbers that are counted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass

from crashcart.backends.model import Alert, Job
from crashcart.ops.alert_joins import is_heartbeat
from crashcart.ops.clock import Clock
from crashcart.ops.remembered import Remembered
from crashcart.tui import monitoring
from crashcart.tui.attention import Attention, attention
from crashcart.tui.shown import Shown
from crashcart.tui.states import severity_rank, word_mark

from .masks import Masks
from .source_doubt import Sources


@dataclass(frozen=True, slots=True)
class NodeNumbers:
    """None is not known."""

    total: int
    down: int
    out: int
    odd: int  # in a state that we do not know
    gpus: int | None
    gpus_used: int | None
    is_least: bool  # some nodes do not tell


@dataclass(frozen=True, slots=True)
class AlertNumbers:
    """Alerts that are listed; whether that is all of them is `Board.alerts_known`."""

    critical: int
    firing: int
    silenced: int
    pending: int
    inhibited: int


class Board:
    """One picture at one moment."""

    def __init__(self, shown: Shown, clock: Clock, masks: Masks) -> None:
        self.shown = shown
        self.clock = clock
        self.masks = masks
        self.sources = Sources(shown, clock)
        self._memory = Remembered()
        self._attention_of: object = None
        self._attention = Attention()

    @property
    def now(self) -> float:
        return self.clock.now()

    # alerts

    @property
    def alerts_known(self) -> bool:
        """Whether a number of alerts may be given."""
        return monitoring.alerts_known(self.shown, self.now)

    @property
    def is_whole(self) -> bool:
        """Whether no alerts is good news."""
        return monitoring.is_whole(self.shown, self.now)

    @property
    def alerts(self) -> AlertNumbers:
        tally = self.shown.joins.alerts.tally(self.shown.cluster)
        by_state: Counter[str] = Counter()
        for (state, _), number in tally.items():
            by_state[state] += number
        quiet = (by_state[state] for state in ("silenced", "pending", "inhibited"))
        return AlertNumbers(tally[("firing", "critical")], by_state["firing"], *quiet)

    def listed_alerts(self) -> list[Alert]:
        """All but heartbeats: what fires first, the worst first, the newest first."""
        return self._memory.get("alerts", self._alerts_stamp(), self._sorted_alerts)

    def _sorted_alerts(self) -> list[Alert]:
        order = {"firing": 0, "pending": 1, "inhibited": 2, "silenced": 3}
        merged = self.shown.joins.alerts.merged()
        alerts = [alert for key in self.shown.keys("alert") if not is_heartbeat(alert := merged[key])]
        return sorted(alerts, key=lambda one: (order.get(one.state, 4), severity_rank(one), -one.since))

    def criticals(self) -> dict[Hashable, float]:
        """What is critical and fires, by what it is about, with since when: the same from whichever source."""
        return self._memory.get("criticals", self._alerts_stamp(), self._criticals)

    def _criticals(self) -> dict[Hashable, float]:
        joins = self.shown.joins.alerts
        found: dict[Hashable, float] = {}
        for alert in self.listed_alerts():
            if alert.state == "firing" and alert.severity == "critical":
                place = joins.place(alert)
                about: Hashable = (place, joins.gpu(alert)) if place else alert.labels
                found[(alert.cluster, alert.name, about)] = alert.since
        return found

    def _alerts_stamp(self) -> Hashable:
        store = self.shown.live
        live = tuple(sorted((slot, source.state) for slot, source in store.sources.items()))
        return (self.shown.picture_of("alert", "node", "job"), live, store.collector_alive)

    # nodes and jobs

    def attention(self) -> Attention:
        """What asks for attention, worst first."""
        findings = self.shown.joins.findings
        now = self.now
        odd = (findings.by_node(now), findings.unknown(now), findings.strays(now))
        stamp = (self.shown.picture_of("node", "alert", "check"), odd)
        if stamp != self._attention_of:
            self._attention_of, self._attention = stamp, attention(self.shown)
        return self._attention

    def nodes(self) -> NodeNumbers:
        """Counted once for each picture."""
        return self._memory.get("nodes", self.shown.picture_of("node"), self._count_nodes)

    def _count_nodes(self) -> NodeNumbers:
        nodes = [self.shown.store.nodes[key] for key in self.shown.keys("node")]
        roles = Counter(word_mark(node.word)[1] for node in nodes)
        totals = [node.gpus_total for node in nodes if node.gpus_total]
        used = [node.gpus_used for node in nodes if node.gpus_total]
        told = [number for number in used if number is not None]
        return NodeNumbers(
            total=len(nodes),
            down=roles["crit"],
            out=roles["warn"],
            odd=roles["unknown"],
            gpus=sum(totals) if totals else None,
            gpus_used=sum(told) if told else None,
            is_least=len(told) < len(used),
        )

    def running(self) -> list[Job]:
        """Running jobs, the largest first."""
        return self._memory.get("running", self.shown.picture_of("job"), self._running)

    def _running(self) -> list[Job]:
        jobs = [self._job(key) for key in self.shown.keys("job")]
        return sorted((job for job in jobs if job.is_running), key=lambda job: (-(job.gpus or 0), job.start_time or 0))

    def waiting(self) -> list[Job]:
        """Jobs that wait, those that wait longest first."""
        return self._memory.get("waiting", self.shown.picture_of("job"), self._waiting)

    def _waiting(self) -> list[Job]:
        jobs = [self._job(key) for key in self.shown.keys("job")]
        return sorted((job for job in jobs if job.is_pending), key=lambda job: job.submit_time or float("inf"))

    def _job(self, key: str) -> Job:
        return self.shown.store.jobs[key]

    def waiting_number(self) -> int:
        """Jobs that wait, each task of an array."""
        return sum(job.array_tasks for job in self.waiting())

    def missing_gpus(self) -> int:
        """GPUs that are gone while their host reports others."""
        found = self.shown.joins.gpus.missing_by_node(self.now)
        cluster = self.shown.cluster
        return sum(number for key, number in found.items() if cluster in (None, key.partition("/")[0]))
