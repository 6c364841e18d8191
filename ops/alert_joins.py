"""Alerts across planes: one list out of what Alertmanager and Prometheus say, and what each alert is about.

Alertmanager knows who is told, Prometheus what it evaluates. An alert that both list is shown as Alertmanager has it,
unless Alertmanager no longer answers and Prometheus does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from crashcart.backends.model import Alert, Job, Node, Silence

from . import alert_subjects
from .identity import NodeNames
from .remembered import Remembered
from .store import Store

T = TypeVar("T")

EVALUATOR = "prometheus"
"""The source that lists what it evaluates, pending alerts among them; every other source of alerts is a router."""

Label = tuple[str, str]


@dataclass(slots=True)
class Merged:
    """The one list, and what became of the alerts that are not in it."""

    shown: dict[str, Alert]
    stands_for: dict[str, str] = field(default_factory=dict)  # hidden key -> the key that is shown instead
    also_in: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # shown key -> other sources
    unrouted: set[str] = field(default_factory=set)

    def hide(self, hidden: Alert, shown: Alert) -> None:
        """Let the second stand for the first."""
        self.shown.pop(hidden.key, None)
        self.stands_for[hidden.key] = shown.key
        self.also_in[shown.key].add(hidden.source)


class AlertJoins:
    """Derived pictures of the alerts of one store. `names` gives a cluster's node names, as they are now known."""

    def __init__(self, store: Store, names: Callable[[str], NodeNames]) -> None:
        self._store = store
        self._names = names
        self._memory = Remembered()

    # one list

    def merged(self) -> Mapping[str, Alert]:
        """All alerts by key, each once."""
        return self._merged.shown

    def standing_for(self, key: str) -> Alert | None:
        """The alert by this key, or the one that is shown in its place."""
        return self._store.alerts.get(self._merged.stands_for.get(key, key))

    def sources(self, alert: Alert) -> frozenset[str]:
        """Every source that lists it."""
        return frozenset((alert.source, *self._merged.also_in.get(alert.key, ())))

    def is_unrouted(self, key: str) -> bool:
        """Whether Prometheus lets it fire while a live Alertmanager does not have it: nobody is told."""
        return key in self._merged.unrouted

    def tally(self, cluster: str | None) -> Counter[tuple[str, str]]:
        """How many there are by (state, severity), in one cluster or in all; heartbeats are left out."""
        return self._remember(f"tally of {cluster}", lambda: self._count(cluster))

    def _count(self, cluster: str | None) -> Counter[tuple[str, str]]:
        alerts = (alert for alert in self.merged().values() if cluster in (None, alert.cluster))
        return Counter((alert.state, alert.severity) for alert in alerts if not is_heartbeat(alert))

    def _remember(self, what: str, make: Callable[[], T], *more: str) -> T:
        revisions = tuple(self._store.revision[kind] for kind in ("alert", "node", "job", *more))
        return self._memory.get(what, (*revisions, self._live()), make)

    def _live(self) -> frozenset[tuple[str, str]]:
        """Sources that answer; ages do not count here, so that nothing changes but by news."""
        if not self._store.collector_alive:
            return frozenset()
        return frozenset(slot for slot, source in self._store.sources.items() if source.state == "live")

    @property
    def _merged(self) -> Merged:
        return self._remember("merged", self._merge)

    def _merge(self) -> Merged:
        everything = self._store.alerts
        evaluated = [alert for alert in everything.values() if alert.source == EVALUATOR]
        if not evaluated:
            return Merged(everything)
        routed = Routed(alert for alert in everything.values() if alert.source != EVALUATOR)
        live, made = self._live(), Merged(dict(everything))
        for alert in evaluated:
            twins = routed.twins(alert)
            router_is_live = all((alert.cluster, source) in live for source in routed.sources.get(alert.cluster, ()))
            if not twins:
                if alert.state == "firing" and self._routes(alert.cluster, live):
                    made.unrouted.add(alert.key)
            elif router_is_live or (alert.cluster, EVALUATOR) not in live or any(t.state != "firing" for t in twins):
                made.hide(alert, twins[0])
            else:
                for twin in twins:
                    made.hide(twin, alert)
        return made

    def _routes(self, cluster: str, live: frozenset[tuple[str, str]]) -> bool:
        """Whether both sides answer, so that what one of them lacks is really missing there."""
        routers = {s for (where, s, kind) in self._store.confirmed if (where, kind) == (cluster, "alert")} - {EVALUATOR}
        return bool(routers) and all((cluster, source) in live for source in (*routers, EVALUATOR))

    # what an alert is about

    def node(self, alert: Alert) -> Node | None:
        """The node an alert is about, by its labels."""
        known: dict[str, Node | None] = self._remember("nodes of alerts", dict)
        if alert.key not in known:
            known[alert.key] = self._node(alert)
        return known[alert.key]

    def _node(self, alert: Alert) -> Node | None:
        names = alert_subjects.node_names(alert, self._names(alert.cluster)).values()
        keys = (f"{alert.cluster}/{name}" for name in names)
        return next((node for key in keys if (node := self._store.nodes.get(key)) is not None), None)

    def place(self, alert: Alert) -> str:
        """The machine it is about: a node's name, else what a label says, "" where none does."""
        node = self.node(alert)
        if node is not None:
            return node.name
        return next(iter(alert_subjects.node_names(alert, self._names(alert.cluster)).values()), "")

    def gpu(self, alert: Alert) -> int | None:
        """The GPU index an alert is about, by its labels."""
        return alert_subjects.gpu_index(alert)

    def job(self, alert: Alert) -> Job | None:
        """The job an alert is about, by its labels or by those of its pod; a label counts when such a job exists."""
        labels = dict(alert.labels)
        pod = self._store.pods.get(f"{alert.cluster}/{alert_subjects.pod_name(labels)}")
        ids = (*alert_subjects.job_labels(labels).values(), *((pod.job,) if pod is not None else ()))
        keys = (f"{alert.cluster}/{job}" for job in ids)
        return next((job for key in keys if (job := self._store.jobs.get(key)) is not None), None)

    def rack(self, alert: Alert) -> str | None:
        """The rack of its node, else the one that a label names."""
        node = self.node(alert)
        if node is not None and node.rack is not None:
            return node.rack
        labels = dict(alert.labels)
        return next((labels[label] for label in alert_subjects.RACK_LABELS if label in labels), None)

    def of_node(self, key: str) -> list[Alert]:
        """Alerts about the node `cluster/name`, those that fire first, then the newest."""
        return self._remember("by node", self._by_node).get(key, [])

    def firing_on(self, key: str) -> list[Alert]:
        """Those of the node `cluster/name` that fire; what is pending or kept quiet is left out."""
        return [alert for alert in self.of_node(key) if alert.state == "firing"]

    def of_job(self, key: str) -> list[Alert]:
        """Alerts whose labels name the job `cluster/id`."""
        return self._remember("by job", self._by_job, "pod").get(key, [])

    def _by_node(self) -> dict[str, list[Alert]]:
        return _grouped((self.node(alert), alert) for alert in self.merged().values())

    def _by_job(self) -> dict[str, list[Alert]]:
        return _grouped((self.job(alert), alert) for alert in self.merged().values())

    # why it is quiet

    def silences(self, alert: Alert) -> list[Silence]:
        """The silences that keep it quiet, the one that ends last first; those not in the picture are left out."""
        known = self._store.silences
        found = [known[key] for name in alert.silenced_by if (key := f"{alert.cluster}/{name}") in known]
        return sorted(found, key=lambda silence: -silence.ends)

    def inhibitors(self, alert: Alert) -> list[Alert]:
        """The alerts that inhibit it, as far as they are in the picture."""
        known = self._store.alerts
        return [known[key] for name in alert.inhibited_by if (key := f"{alert.cluster}/{name}") in known]

    def silenced_by(self, silence: Silence) -> list[Alert]:
        """The alerts that this silence keeps quiet."""
        return self._remember("by silence", self._by_silence).get(silence.key, [])

    def _by_silence(self) -> dict[str, list[Alert]]:
        found: dict[str, list[Alert]] = defaultdict(list)
        for alert in self.merged().values():
            for silence in alert.silenced_by:
                found[f"{alert.cluster}/{silence}"].append(alert)
        return found


def is_heartbeat(alert: Alert) -> bool:
    """Whether it is there to fire all the time, like Watchdog: its rule says `severity: none`."""
    return alert.severity == "none" and any(value.lower() == "none" for _, value in alert.labels)


class Routed:
    """Alerts that a router has, found by labels of which they may have more."""

    def __init__(self, alerts: Iterable[Alert]) -> None:
        self.sources: dict[str, set[str]] = defaultdict(set)
        self._named: dict[tuple[str, str], list[Alert]] = defaultdict(list)
        self._with: dict[tuple[str, str, Label], list[Alert]] = defaultdict(list)
        for alert in alerts:
            self.sources[alert.cluster].add(alert.source)
            self._named[(alert.cluster, alert.name)].append(alert)
            for label in alert.labels:
                self._with[(alert.cluster, alert.name, label)].append(alert)

    def twins(self, alert: Alert) -> list[Alert]:
        """Alerts of the same name whose labels include all of this one's (a server may add external labels)."""
        wanted = {label for label in alert.labels if label[0] != "alertname"}
        rarest = self._named.get((alert.cluster, alert.name), [])
        for label in wanted:
            rarest = min(rarest, self._with.get((alert.cluster, alert.name, label), []), key=len)
        return [other for other in rarest if wanted <= set(other.labels)]


def _grouped(pairs: Iterable[tuple[Node | Job | None, Alert]]) -> dict[str, list[Alert]]:
    found: dict[str, list[Alert]] = defaultdict(list)
    for subject, alert in pairs:
        if subject is not None:
            found[subject.key].append(alert)
    for alerts in found.values():
        alerts.sort(key=lambda alert: (alert.state != "firing", -alert.since))
    return found
