"""How an action goes, target by target, and how it ended, as read back from the cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from textual.binding import BindingType

from crashcart.ops.protocol import ActionState, Finished, Plan, Progress, Refused, TargetResult
from crashcart.tui import commands, words
from crashcart.tui.cells import Span
from crashcart.tui.look import Look
from crashcart.tui.preview import result_line
from crashcart.tui.states import action_mark
from crashcart.tui.widgets.text_body import BodyLine

from .dialog import Dialog
from .text import TextScreen

RETRIED: frozenset[ActionState] = frozenset(("FAILED", "CANCELLED", "EXPIRED"))
"""What did not happen may be asked for again. UNKNOWN may have happened and is not."""

SAID = {
    "VERIFIED": "Done, and read back from the cluster.",
    "FAILED": "It failed; what the cluster shows is below.",
    "UNKNOWN": "Nobody knows whether it happened. Look before you do anything again.",
    "PARTIAL": "Not the same for every target: read each line.",
    "CANCELLED": "Stopped. What had begun ran to its end.",
    "EXPIRED": "The preview had expired; nothing was done.",
}


class ProgressScreen(Dialog[Literal["retry"] | None]):
    """Closing it does not stop the action."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("progress")]
    scope = "progress"

    def __init__(self, look: Look, plan: Plan, stop: Callable[[str], None]) -> None:
        super().__init__(look)
        self.plan = plan
        self.ended: Finished | Refused | None = None
        self._results = {target.target: TargetResult(target.target, "CONFIRMED") for target in plan.targets}
        self._started = look.clock.monotonic()
        self._stopping = False
        self._stop = stop

    @property
    def state(self) -> ActionState:
        """Of the whole action."""
        if isinstance(self.ended, Refused):
            return "FAILED"
        return self.ended.state if self.ended else "RUNNING"

    def title_spans(self) -> tuple[Span, ...]:
        glyph, role = action_mark(self.state)
        seconds = self.look.clock.monotonic() - self._started if self.ended is None else None
        running = f"  {words.age(seconds)}" if seconds is not None else ""
        stopping = "  stopping: no more targets are started" if self._stopping and self.ended is None else ""
        return (
            (self.plan.title, "title"),
            (f"  {glyph} {self.state.lower()}", role),
            (running, "faint"),
            (stopping, "warn"),
        )

    def body_lines(self) -> list[BodyLine]:
        return [result_line(result) for result in self._results.values()] + self._said()

    def _said(self) -> list[BodyLine]:
        if self.ended is None:
            return []
        if isinstance(self.ended, Refused):
            refused: list[BodyLine] = [(), (("✕ ", "crit"), (self.ended.why, "strong"))]
            return refused + [((f"  {gate}", "muted"),) for gate in self.ended.gates]
        role = action_mark(self.ended.state)[1]
        return [(), ((SAID.get(self.ended.state, ""), role),)]

    def on_mount(self) -> None:
        super().on_mount()
        self.body.put_cursor(0)
        self.set_interval(1.0, self.tick)

    def tick(self) -> None:
        """Count the seconds while it runs."""
        if self.ended is None:
            self.title_body.say([self.title_spans()])

    def progress(self, news: Progress) -> None:
        """One target went on."""
        self._results[news.target] = TargetResult(news.target, news.state, news.detail)
        self._say()

    def finish(self, ended: Finished | Refused) -> None:
        """The action ended, or was refused at the last moment."""
        self.ended = ended
        if isinstance(ended, Finished):
            self._results.update({result.target: result for result in ended.results})
        self._say()

    def _say(self) -> None:
        if self.is_attached:
            self.say_again()

    @property
    def failed_targets(self) -> tuple[str, ...]:
        """Targets that may be asked for again."""
        return tuple(name for name, result in self._results.items() if result.state in RETRIED)

    def action_step(self, steps: int) -> None:
        last = len(self._results) - 1
        self.body.put_cursor(max(0, min(last, (self.body.cursor or 0) + steps)))

    def action_output(self) -> None:
        results = list(self._results.values())
        if not results:
            return
        result = results[min(self.body.cursor or 0, len(results) - 1)]
        parts = [result.detail, f"read back: {result.seen}" if result.seen else "", result.output]
        parts.append(f"saved in {result.saved}" if result.saved else "")
        text = "\n\n".join(part for part in parts if part) or "It has said nothing so far."
        glyph, role = action_mark(result.state)
        title = ((result.target, "title"), (f"  {glyph} {result.state.lower()}", role))
        self.app.push_screen(TextScreen(self.look, title, text))

    def action_retry(self) -> None:
        if self.ended is not None and self.failed_targets:
            self.dismiss("retry")

    def action_stop(self) -> None:
        if self.ended is None and not self._stopping:
            self._stopping = True
            self._stop(self.plan.plan_id)
            self._say()

    def action_close(self) -> None:
        self.dismiss(None)
