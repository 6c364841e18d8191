"""Asks what a verb needs to know before it is planned: a reason, or one of a few ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from crashcart.backends.errors import BadIdentifier
from crashcart.backends.text import reason as checked_reason
from crashcart.tui import commands
from crashcart.tui.cells import Span, fit
from crashcart.tui.forms import Choice, FormField
from crashcart.tui.look import Look
from crashcart.tui.widgets.text_body import BodyLine, TextBody

from .dialog import Dialog

Params = dict[str, str]
LABEL = 10


class FormScreen(Dialog[Params | None]):
    """Lines to fill in; what may not be written as a reason is said here, before anything is planned."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("form")]
    scope = "form"
    box_width = 78

    def __init__(self, look: Look, title: str, help_text: str, fields: Sequence[FormField]) -> None:
        super().__init__(look)
        self._help = help_text
        self._title = title
        self._fields = fields
        self._said = TextBody(look, [()], id="said")
        self.extra_lines = len(fields) + 1

    def title_spans(self) -> tuple[Span, ...]:
        return ((self._title, "title"), ("  a preview comes next", "faint"))

    def body_lines(self) -> list[BodyLine]:
        return [((self._help, "muted"),), ()]

    def extras(self) -> Iterator[Widget]:
        for field in self._fields:
            label = TextBody(self.look, [((fit(field.label, LABEL), "muted"),)])
            yield Horizontal(label, Input(id=field.name, compact=True, max_length=200, placeholder=field.hint))
        yield self._said

    def on_mount(self) -> None:
        super().on_mount()
        self.query(Input).first().focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_next()

    def action_next(self) -> None:
        """To the next line that is needed and empty, or done."""
        values = {field.name: self.query_one(f"#{field.name}", Input).value.strip() for field in self._fields}
        for field in self._fields:
            wrong = self._wrong(field, values[field.name])
            if wrong:
                self._said.say([((wrong, "crit"),)])
                self.query_one(f"#{field.name}", Input).focus()
                return
        self.dismiss({name: value for name, value in values.items() if value})

    def _wrong(self, field: FormField, value: str) -> str:
        if not value:
            return f"{field.label}: needed, {field.hint}" if field.is_required else ""
        try:
            checked_reason(value)
        except BadIdentifier as error:
            return f"{field.label}: {error}"
        return ""

    def action_close(self) -> None:
        self.dismiss(None)


class ChoiceScreen(Dialog[Params | None]):
    """A few ways; one is chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("menu")]
    scope = "menu"
    box_width = 84

    def __init__(self, look: Look, title: str, choices: Sequence[Choice]) -> None:
        super().__init__(look)
        self._title = title
        self._choices = choices

    def title_spans(self) -> tuple[Span, ...]:
        return ((self._title, "title"), ("  a preview comes next", "faint"))

    def body_lines(self) -> list[BodyLine]:
        return [((f"  {fit(choice.title, 28)}", "text"), (choice.help, "muted")) for choice in self._choices]

    def on_mount(self) -> None:
        super().on_mount()
        self.body.put_cursor(0)

    def action_step(self, steps: int) -> None:
        self.body.put_cursor(((self.body.cursor or 0) + steps) % len(self._choices))

    def action_choose(self) -> None:
        self.dismiss(dict(self._choices[self.body.cursor or 0].params))

    def action_close(self) -> None:
        self.dismiss(None)
