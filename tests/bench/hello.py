"""The floor: the smallest Textual app that fills its screen and answers a key."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.widgets import Static


class Hello(App[None]):
    """A screen full of lines; j moves a number."""

    BINDINGS: ClassVar = [("j", "count", "count")]
    CSS = "#count { dock: bottom; }"
    count = 0

    def compose(self) -> ComposeResult:
        yield Static("\n".join(f"line {number} of a screen that is full of lines" for number in range(60)))
        yield Static("0", id="count")

    def action_count(self) -> None:
        self.count += 1
        self.query_one("#count", Static).update(str(self.count))


if __name__ == "__main__":
    Hello().run()
