"""The only door to changes besides the command line: the verbs for what is selected, and why one cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from crashcart.tui import commands
from crashcart.tui.cells import Span, fit
from crashcart.tui.look import Look
from crashcart.tui.offers import Offer
from crashcart.tui.selection import Selection
from crashcart.tui.widgets.text_body import BodyLine

from .dialog import Dialog

RISK_ROLES = {"low": "muted", "medium": "warn", "high": "crit", "critical": "crit"}


class ActionMenu(Dialog[Offer | None]):
    """Choosing here opens a preview and changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("menu")]
    scope = "menu"
    box_width = 84

    def __init__(self, look: Look, offers: Sequence[Offer], name_of: Callable[[Selection], str]) -> None:
        super().__init__(look)
        self._offers = list(offers)
        self._name_of = name_of
        self._said = ""
        self._lines_of: dict[int, Offer] = {}

    def title_spans(self) -> tuple[Span, ...]:
        return (("Act", "title"), ("  choose by its key; a preview comes first", "faint"))

    def body_lines(self) -> list[BodyLine]:
        lines: list[BodyLine] = []
        self._lines_of.clear()
        selection: Selection | None = None
        for offer in self._offers:
            if offer.selection != selection:
                selection = offer.selection
                if lines:
                    lines.append(())
                lines.append(_heading(selection, self._name_of(selection)))
            self._lines_of[len(lines)] = offer
            lines.append(_offer_line(offer))
        if self._said:
            lines += [(), ((self._said, "warn"),)]
        return lines

    def on_mount(self) -> None:
        super().on_mount()
        self.body.put_cursor(next((n for n, offer in self._lines_of.items() if not offer.why_not), None))

    def on_key(self, event: events.Key) -> None:
        """A verb's key chooses it."""
        for offer in self._offers:
            if event.character == offer.verb.key:
                event.stop()
                event.prevent_default()
                self._choose(offer)
                return

    def _choose(self, offer: Offer) -> None:
        if offer.why_not:
            self._said = f"{offer.verb.title}: {offer.why_not}"
            self.say_again()
        else:
            self.dismiss(offer)

    def action_step(self, steps: int) -> None:
        lines = list(self._lines_of)
        if not lines:
            return
        index = lines.index(self.body.cursor) + steps if self.body.cursor in lines else 0
        self.body.put_cursor(lines[index % len(lines)])

    def action_choose(self) -> None:
        offer = self._lines_of.get(self.body.cursor if self.body.cursor is not None else -1)
        if offer is not None:
            self._choose(offer)

    def action_close(self) -> None:
        self.dismiss(None)


def _heading(selection: Selection, name: str) -> BodyLine:
    count = len(selection.targets)
    more = f"  ({count} {selection.kind}s)" if count > 1 else ""
    return ((selection.kind.capitalize(), "muted"), (f" {name}", "strong"), (more, "muted"))


def _offer_line(offer: Offer) -> BodyLine:
    verb = offer.verb
    if offer.why_not:
        return ((f"  {verb.key}  {fit(verb.title, 18)}", "faint"), (offer.why_not, "faint"))
    return (
        (f"  {verb.key}  ", "accent"),
        (fit(verb.title, 18), "text"),
        (fit(verb.risk, 9), RISK_ROLES.get(verb.risk, "muted")),
        (offer.note or verb.help, "accent" if offer.note else "muted"),
    )
