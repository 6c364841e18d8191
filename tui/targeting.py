"""What a typed verb is about: the targets that were typed, in the cluster that has them, or what is selected."""

from __future__ import annotations

from collections.abc import Sequence

from crashcart.ops.verbs import Verb

from .selection import Selection
from .shown import Shown


class TargetingError(ValueError):
    """It is not clear what is meant; the text says why."""


def selection_for(shown: Shown, verb: Verb, targets: tuple[str, ...], selections: Sequence[Selection]) -> Selection:
    """The selection for a verb. Raises TargetingError."""
    if not targets:
        found = next((selection for selection in selections if selection.kind == verb.target), None)
        if found is None:
            raise TargetingError(f"{verb.name}: no {verb.target} is selected; name one: {verb.name} TARGET")
        return found
    table = shown.store.entities[verb.target]
    clusters = [shown.cluster] if shown.cluster else shown.live.clusters()
    having = [name for name in clusters if all(f"{name}/{target}" in table for target in targets)]
    if len(having) > 1:
        raise TargetingError(
            f"{verb.name}: several clusters have these: {', '.join(having)}; choose with :cluster NAME"
        )
    if not having:
        missing = next((t for t in targets if not any(f"{name}/{t}" in table for name in clusters)), targets[0])
        raise TargetingError(f"{verb.name}: there is no {verb.target} {missing} in the picture")
    return Selection(verb.target, having[0], targets)
