"""What a typed verb is about: the targets that were typed, in the cluster that has them, or what is selected."""

from __future__ import annotations

from collections.abc import Sequence

from crashcart.ops.alert_joins import EVALUATOR
from crashcart.ops.verbs import TargetKind, Verb

from .command_line import Act
from .selection import Selection
from .shown import Shown


class TargetingError(ValueError):
    """It is not clear what is meant; the text says why."""


def selection_for(shown: Shown, act: Act, selections: Sequence[Selection]) -> Selection:
    """The selection for a typed verb. Raises TargetingError."""
    verb = act.verb
    if not act.targets:
        found = next((selection for selection in selections if verb.takes(selection.kind)), None)
        if found is None:
            raise TargetingError(f"{verb.name}: no {verb.target} is selected; name one: {verb.name} TARGET")
        return found
    kinds = (act.kind,) if act.kind else (verb.target, *verb.also)
    having = [
        (kind, name, keys) for kind in kinds for name in _clusters(shown) if (keys := _have(shown, kind, name, act))
    ]
    if len({name for _, name, _ in having}) > 1:
        names = ", ".join(sorted({name for _, name, _ in having}))
        raise TargetingError(f"{verb.name}: several clusters have these: {names}; choose with :cluster NAME")
    if not having:
        raise TargetingError(
            f"{verb.name}: there is no {' or '.join(kinds)} {_missing(shown, kinds, act)} in the picture"
        )
    kind, name, targets = having[0]
    return Selection(kind, name, targets)


def typeable(shown: Shown, verb: Verb) -> set[str]:
    """Everything that can be typed as a target of this verb."""
    kinds = (verb.target, *verb.also)
    return {name for kind in kinds for cluster in _clusters(shown) for name in _known(shown, kind, cluster)}


def _clusters(shown: Shown) -> list[str]:
    return [shown.cluster] if shown.cluster else shown.live.clusters()


def _have(shown: Shown, kind: TargetKind, cluster: str, act: Act) -> tuple[str, ...]:
    """The targets as this cluster knows them; nothing unless it knows all."""
    known = _known(shown, kind, cluster)
    found = [known.get(target, ()) for target in act.targets]
    return tuple(dict.fromkeys(name for names in found for name in names)) if all(found) else ()


def _known(shown: Shown, kind: TargetKind, cluster: str) -> dict[str, list[str]]:
    """What can be typed -> targets; an alert's name stands for all alerts of that name."""
    if kind == "rack":
        racks = {node.rack for node in shown.store.nodes.values() if node.cluster == cluster and node.rack}
        return {rack: [rack] for rack in racks}
    if kind == "alert":
        return _known_alerts(shown, cluster)
    names = [key.split("/", 1)[1] for key in shown.store.entities[kind] if key.startswith(f"{cluster}/")]
    return {name: [name] for name in names}


def _known_alerts(shown: Shown, cluster: str) -> dict[str, list[str]]:
    """Those that Alertmanager has: what has not reached it cannot be silenced there."""
    merged = shown.joins.alerts.merged().values()
    alerts = [alert for alert in merged if alert.cluster == cluster and alert.source != EVALUATOR]
    known = {alert.fingerprint: [alert.fingerprint] for alert in alerts}
    for alert in alerts:
        if alert.state == "firing":
            known.setdefault(alert.name, []).append(alert.fingerprint)
    return known


def _missing(shown: Shown, kinds: Sequence[TargetKind], act: Act) -> str:
    known = {name for kind in kinds for cluster in _clusters(shown) for name in _known(shown, kind, cluster)}
    return next((target for target in act.targets if target not in known), act.targets[0])
