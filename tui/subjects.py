"""What an action could be about when the cursor is on something that is no target itself: all that it leads to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crashcart.backends.model import Alert, Silence, Target
from crashcart.backends.pods import Event, Pod
from crashcart.ops.alert_joins import EVALUATOR
from crashcart.ops.fields import Scene

from .selection import Selection, from_keys


def of_alerts(scene: Scene, alerts: Sequence[Alert]) -> list[Selection]:
    """The alerts that Alertmanager has, the silences that keep them quiet, the nodes and the jobs they are about."""
    joins = scene.joins.alerts
    silences = [silence for alert in alerts for silence in joins.silences(alert) if silence.state != "expired"]
    found = (
        from_keys("alert", _each(alert.key for alert in alerts if alert.source != EVALUATOR)),
        from_keys("silence", _each(silence.key for silence in silences)),
        from_keys("node", _each(node.key for alert in alerts if (node := joins.node(alert)) is not None)),
        from_keys("job", _each(job.key for alert in alerts if (job := joins.job(alert)) is not None)),
    )
    return [selection for selection in found if selection is not None]


def of_silences(silences: Iterable[Silence]) -> list[Selection]:
    """Those that have not ended."""
    found = from_keys("silence", _each(silence.key for silence in silences if silence.state != "expired"))
    return [found] if found else []


def of_targets(scene: Scene, targets: Iterable[Target]) -> list[Selection]:
    """The nodes whose exporters these are."""
    keys = (
        f"{target.cluster}/{scene.joins.node_name(target.cluster, target.host)}" for target in targets if target.host
    )
    found = from_keys("node", _each(key for key in keys if key in scene.store.nodes))
    return [found] if found else []


def of_pods(scene: Scene, pods: Sequence[Pod]) -> list[Selection]:
    """The jobs they belong to and the nodes they are on."""
    joins = scene.joins.pods
    found = (
        from_keys("job", _each(job.key for pod in pods if (job := joins.job(pod)) is not None)),
        from_keys("node", _each(node.key for pod in pods if (node := joins.node(pod)) is not None)),
    )
    return [selection for selection in found if selection is not None]


def of_events(scene: Scene, events: Sequence[Event]) -> list[Selection]:
    """The nodes and jobs they are about, and those of the pods they are about."""
    places = [place for event in events if (place := scene.joins.pods.place(event)) is not None]
    pods = [scene.store.pods[key] for kind, key in places if kind == "pod"]
    found = [
        from_keys("node", _each(key for kind, key in places if kind == "node")),
        from_keys("job", _each(key for kind, key in places if kind == "job")),
        *of_pods(scene, pods),
    ]
    return [selection for selection in found if selection is not None]


def _each(keys: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(keys))
