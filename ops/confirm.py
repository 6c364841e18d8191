"""What an operator must type before something happens; the executor checks it, the screen only shows it."""

from __future__ import annotations

from collections.abc import Sequence

from .protocol import Confirmation, ConfirmKind
from .targets import fold
from .verbs import TargetKind, Verb

OVERRIDE = "override"
"""The second line that overrides somebody else's drain."""


def confirmation(
    kind: ConfirmKind, verb: Verb, what: TargetKind, names: Sequence[str], *, is_foreign: bool, incident: str = ""
) -> Confirmation:
    """The confirmation of this strength for targets of the kind `what`, by the names that people call them.

    Whoever breaks the glass types that, whatever the targets are.
    """
    foreign = OVERRIDE if is_foreign else None
    if incident:
        return Confirmation("type-name", f"BREAK GLASS {incident}", "Type, as it will be on record", foreign)
    if kind == "key":
        return Confirmation(kind, "y", f"Press y to {verb.title.lower()}", foreign)
    if kind == "type-count" or (kind == "second-person" and len(names) > 1):
        return Confirmation(kind, str(len(names)), f"Type the number of {what}s", foreign)
    if len(names) == 1:
        return Confirmation(kind, names[0], f"Type the {what}'s {'id' if what == 'job' else 'name'}", foreign)
    expect = fold(names) if what in ("node", "job") else ",".join(names)
    return Confirmation(kind, expect, f"Type the {what} set", foreign)


def mismatch(wanted: Confirmation, typed: str, foreign_typed: str) -> str | None:
    """Why what was typed does not confirm, or None. Blanks at the ends do not matter, letters do."""
    if typed.strip() != wanted.expect:
        return f"expected {wanted.expect!r}"
    if wanted.foreign is not None and foreign_typed.strip() != wanted.foreign:
        return f"somebody else holds it: expected {wanted.foreign!r} as the second line"
    return None
