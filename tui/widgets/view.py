"""What the cockpit asks of every view it shows."""

from __future__ import annotations

from typing import Protocol

from crashcart.tui.cells import Span
from crashcart.tui.commands import Scope
from crashcart.tui.selection import Selection


class View(Protocol):
    """A view pulls from the picture when it is told that something changed."""

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Whose keys it answers to, the most useful first."""
        ...

    @property
    def filter_kind(self) -> str | None:
        """Kind of the rows its filter is about; None when it cannot be filtered."""
        ...

    @property
    def filter_text(self) -> str: ...

    def apply_filter(self, text: str) -> None:
        """Narrow or dim. Raises FilterError and stays as it was."""
        ...

    def refresh_picture(self) -> None:
        """Take the picture in."""
        ...

    def tick(self) -> None:
        """A second has passed: ages."""
        ...

    def headline(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """What is shown, to the left and to the right."""
        ...

    def selections(self) -> list[Selection]:
        """What an action could be about, the most likely first."""
        ...
