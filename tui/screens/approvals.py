"""What waits for a second person: a list of requests, and the card of one with the same preview that its asker saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from crashcart.ops.approvals import Posted
from crashcart.tui import commands
from crashcart.tui.cells import Span, fit
from crashcart.tui.look import Look
from crashcart.tui.preview import RISK_ROLES, preview_lines
from crashcart.tui.typing_guard import TypingGuard
from crashcart.tui.widgets.guarded_input import GuardedInput
from crashcart.tui.widgets.text_body import BodyLine, TextBody

from .dialog import Dialog

DENY = "deny"

Verdict = Literal["approved", "denied"]


class ApprovalList(Dialog[Posted | None]):
    """Choosing opens the card and answers nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("menu")]
    scope = "menu"

    def __init__(self, look: Look, posted: Sequence[Posted]) -> None:
        super().__init__(look)
        self._posted = list(posted)

    def title_spans(self) -> tuple[Span, ...]:
        return (("Waiting for a second person", "title"), (f"  {len(self._posted)}", "muted"))

    def body_lines(self) -> list[BodyLine]:
        return [self._line(posted) for posted in self._posted]

    def _line(self, posted: Posted) -> BodyLine:
        request = posted.request
        return (
            (f"  {fit(request.requester, 12)}", "strong"),
            (fit(request.plan.title, 36), "text"),
            (fit(request.plan.cluster, 12), "muted"),
            (fit(request.plan.risk, 9), RISK_ROLES.get(request.plan.risk, "muted")),
            (f"{left_words(posted, self.look)} left", "faint"),
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.body.put_cursor(0)

    def action_step(self, steps: int) -> None:
        self.body.put_cursor(((self.body.cursor or 0) + steps) % len(self._posted))

    def action_choose(self) -> None:
        self.dismiss(self._posted[self.body.cursor or 0])

    def action_close(self) -> None:
        self.dismiss(None)


class ApprovalCard(Dialog[tuple[Verdict, str] | None]):
    """Dismissed with approved, with denied and why, or with None: nothing is answered. Only typing by hand answers."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("confirm")]
    scope = "confirm"
    extra_lines = 4

    def __init__(self, look: Look, posted: Posted) -> None:
        super().__init__(look)
        self._posted = posted
        self._guard = TypingGuard(look.clock)
        self._said = TextBody(look, [()], id="said")

    def title_spans(self) -> tuple[Span, ...]:
        request = self._posted.request
        return (
            (f"{request.requester} asks: ", "warn"),
            (request.plan.title, "title"),
            (f"  on {request.plan.cluster}", "strong"),
            (f"   {request.plan.risk} risk", RISK_ROLES.get(request.plan.risk, "muted")),
            (f"   {left_words(self._posted, self.look)} left", "faint"),
        )

    def body_lines(self) -> list[BodyLine]:
        return preview_lines(self._posted.request.plan, self.text_width)

    def extras(self) -> Iterator[Widget]:
        wanted = self._posted.request.plan.confirmation
        question: BodyLine = (
            ("To agree, type ", "strong"),
            (wanted.expect, "accent"),
            ("; to deny for good, ", "muted"),
            (f"{DENY} WHY", "accent"),
            ("; nothing answers nothing", "muted"),
        )
        yield TextBody(self.look, [question], id="question")
        yield Horizontal(
            TextBody(self.look, [((" ▸ ", "accent"),)], id="typed-sign"), GuardedInput(self._guard, id="typed")
        )
        yield self._said

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(1.0, lambda: self.title_body.say([self.title_spans()]))
        self.query_one(GuardedInput).focus()

    @on(GuardedInput.Refused)
    def _refused(self, event: GuardedInput.Refused) -> None:
        self._said.say([((event.why, "crit"),)])

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        typed = event.value.strip()
        expect = self._posted.request.plan.confirmation.expect
        word, _, why = typed.partition(" ")
        if not typed:
            self.dismiss(None)
        elif typed == expect:
            self.dismiss(("approved", ""))
        elif word == DENY:
            self.dismiss(("denied", why.strip()))
        else:
            self._said.say([((f"that is neither {expect} nor {DENY}. Nothing was answered.", "crit"),)])

    def action_scroll(self, pages: int) -> None:
        self.body.scroll_lines(pages * 3)

    def action_cancel(self) -> None:
        self.dismiss(None)


def left_words(posted: Posted, look: Look) -> str:
    """How long the request still waits, `14:32`."""
    left = max(0, int(posted.request.expires - look.clock.now()))
    return f"{left // 60}:{left % 60:02}"
