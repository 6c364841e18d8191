"""What an operator must type before something happens; the executor checks it, the screen only shows it."""

from __future__ import annotations

from collections.abc import Sequence

from .protocol import Confirmation, ConfirmKind
from .targets import fold
from .verbs import Verb

OVERRIDE = "override"
"""The second line that overrides somebody else's drain."""


def confirmation(kind: ConfirmKind, verb: Verb, targets: Sequence[str], *, is_foreign: bool) -> Confirmation:
    """The confirmation of this strength for these targets."""
    foreign = OVERRIDE if is_foreign else None
    if kind == "key":
        return Confirmation(kind, "y", f"Press y to {verb.title.lower()}", foreign)
    if kind == "type-count":
        return Confirmation(kind, str(len(targets)), f"Type the number of {verb.target}s", foreign)
    if len(targets) == 1:
        return Confirmation(kind, targets[0], f"Type the {verb.target}'s {_word(verb)}", foreign)
    return Confirmation(kind, fold(targets), f"Type the {verb.target} set", foreign)


def mismatch(wanted: Confirmation, typed: str, foreign_typed: str) -> str | None:
    """Why what was typed does not confirm, or None. Blanks at the ends do not matter, letters do."""
    if wanted.kind == "second-person":
        return "this needs a second person, and approving for somebody else is not offered yet"
    if typed.strip() != wanted.expect:
        return f"expected {wanted.expect!r}"
    if wanted.foreign is not None and foreign_typed.strip() != wanted.foreign:
        return f"somebody else holds it: expected {wanted.foreign!r} as the second line"
    return None


def _word(verb: Verb) -> str:
    return "name" if verb.target == "node" else "id"
