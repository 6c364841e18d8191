"""Targets given as arguments: single names, all of one kind."""

from __future__ import annotations

from collections.abc import Sequence

from crashcart.ops.targets import TargetError, expand_typed
from crashcart.ops.verbs import TargetKind, Verb


def typed_targets(verb: Verb, texts: Sequence[str]) -> tuple[TargetKind, tuple[str, ...]]:
    """What the targets are, and their names. Raises TargetError."""
    found = [expand_typed(verb, text) for text in texts]
    kinds = {kind for kind, _ in found}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None:
        known = ", ".join(f"{kind}:NAME" for kind in (verb.target, *verb.also))
        raise TargetError(f"{verb.name}: say what the targets are, all of one kind: {known}")
    return kind, tuple(name for _, names in found for name in names)
