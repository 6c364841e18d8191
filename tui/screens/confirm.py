"""The preview of an action and the confirmation it asks for. Cancel is the default; only typing by hand confirms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from crashcart.ops.protocol import Plan
from crashcart.tui import commands
from crashcart.tui.cells import Span
from crashcart.tui.look import Look
from crashcart.tui.preview import RISK_ROLES, preview_lines
from crashcart.tui.typing_guard import TypingGuard
from crashcart.tui.widgets.guarded_input import GuardedInput
from crashcart.tui.widgets.text_body import BodyLine, TextBody

from .dialog import Dialog

Typed = tuple[str, str]
"""What was typed, and the second line for somebody else's hold."""


class ConfirmScreen(Dialog[Typed | None]):
    """Dismissed with what was typed, which the executor checks, or with None: nothing is done."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("confirm")]
    scope = "confirm"

    def __init__(self, look: Look, plan: Plan) -> None:
        super().__init__(look)
        self._plan = plan
        self._guard = TypingGuard(look.clock)
        self._expires = look.clock.monotonic() + plan.expires_in_seconds
        self._said = TextBody(look, [()], id="said")
        self._wants_input = plan.confirmation.kind != "key"
        self.extra_lines = 2 + 2 * self._wants_input + 2 * (plan.confirmation.foreign is not None)

    def title_spans(self) -> tuple[Span, ...]:
        plan = self._plan
        left = max(0, int(self._expires - self.look.clock.monotonic()))
        glass: tuple[Span, ...] = ((f" BREAK GLASS {plan.break_glass} ", "crit"),) if plan.break_glass else ()
        return (
            *glass,
            (plan.title, "title"),
            (f"  on {plan.cluster}", "strong"),
            (f"   {plan.risk} risk", RISK_ROLES.get(plan.risk, "muted")),
            (f"   as {plan.actor}, {plan.role}", "muted"),
            (f"   {left}s left", "faint"),
        )

    def body_lines(self) -> list[BodyLine]:
        return preview_lines(self._plan, self.text_width)

    def extras(self) -> Iterator[Widget]:
        wanted = self._plan.confirmation
        yield TextBody(self.look, [self._question()], id="question")
        if self._wants_input:
            yield self._field("typed")
        if wanted.foreign is not None:
            line: BodyLine = (("Somebody else holds it. Type ", "warn"), (wanted.foreign, "strong"), (" too", "warn"))
            yield TextBody(self.look, [line], id="foreign-question")
            yield self._field("foreign")
        yield self._said

    def _question(self) -> BodyLine:
        wanted = self._plan.confirmation
        if wanted.kind == "second-person":
            asks = ("; then somebody else must agree, within 15 minutes: ", "warn")
            return ((wanted.prompt, "strong"), asks, (wanted.expect, "accent"))
        if wanted.kind == "key":
            return ((wanted.prompt, "strong"), ("; any other key but the arrows cancels", "muted"))
        return ((wanted.prompt, "strong"), (": ", "muted"), (wanted.expect, "accent"))

    def _field(self, name: str) -> Horizontal:
        return Horizontal(
            TextBody(self.look, [((" ▸ ", "accent"),)], id=f"{name}-sign"), GuardedInput(self._guard, id=name)
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(1.0, self.tick)
        fields = self.query(GuardedInput)
        if fields:
            fields.first().focus()

    def tick(self) -> None:
        """Count down; an expired preview cannot be confirmed."""
        self.title_body.say([self.title_spans()])
        if self.look.clock.monotonic() >= self._expires:
            self.say("this preview has expired: close it and ask again", "crit")

    def say(self, text: str, role: str = "warn") -> None:
        """One line below the question."""
        self._said.say([((text, role),)])

    def on_key(self, event: events.Key) -> None:
        """`y` for a single-key confirmation, when it came by itself and not early."""
        if self._wants_input or event.key in ("escape", "up", "down", "pageup", "pagedown", "tab", "shift+tab"):
            return
        event.stop()
        event.prevent_default()
        early, burst = self._guard.is_early(), self._guard.is_burst()
        if early or burst or not self._guard.is_alone:
            return
        if self._plan.confirmation.kind == "key" and event.key == "y" and not self.query(GuardedInput):
            self._confirm("y", "")
        elif event.key in ("n", "q", "enter"):
            self.dismiss(None)

    @on(GuardedInput.Refused)
    def _refused(self, event: GuardedInput.Refused) -> None:
        self.say(event.why, "crit")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value:
            self.say("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not event.value.strip():
            self.dismiss(None)
            return
        typed, foreign = self._value("typed"), self._value("foreign")
        wanted = self._plan.confirmation
        if wanted.kind == "key":
            typed = "y"
        if typed.strip() != wanted.expect:
            self.say(f"that is not it: {wanted.expect} is expected. Nothing was done.", "crit")
        elif wanted.foreign is not None and foreign.strip() != wanted.foreign:
            self.query_one("#foreign", GuardedInput).focus()
            self.say(f"now the second line: {wanted.foreign}")
        else:
            self._confirm(typed, foreign)

    def _value(self, name: str) -> str:
        fields = self.query(f"#{name}")
        return fields.first(GuardedInput).value if fields else ""

    def _confirm(self, typed: str, foreign: str) -> None:
        if self.look.clock.monotonic() < self._expires:
            self.dismiss((typed, foreign))

    def action_cancel(self) -> None:
        self.dismiss(None)

    def action_scroll(self, pages: int) -> None:
        self.body.scroll_lines(pages * 3)
