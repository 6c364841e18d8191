"""What an action could be about when the cursor is on an alert, a silence or a target: all that it leads to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crashcart.backends.model import Alert, Silence, Target
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


def _each(keys: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(keys))
