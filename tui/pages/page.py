"""Details as lines of spans, some of which lead to other details."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from crashcart.tui.cells import Span, fit, padded
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection

LABEL = 13


@dataclass(frozen=True, slots=True)
class PageLine:
    """One line; `link` is where enter leads, `selection` what an action on this line would be about."""

    spans: tuple[Span, ...] = ()
    link: Place | None = None
    selection: Selection | None = None
    is_heading: bool = False


@dataclass(slots=True)
class Page:
    """What a details view shows."""

    title: tuple[Span, ...]
    subject: Selection | None = None
    name: str = ""  # what "copy" copies
    others: tuple[Selection, ...] = ()  # what else an action could be about
    lines: list[PageLine] = field(default_factory=list)
    watched: tuple[tuple[str, str], ...] = ()  # (cluster, host) of machines whose series the page shows

    def heading(self, text: str, note: str = "") -> None:
        """A heading after a blank line."""
        if self.lines:
            self.lines.append(PageLine())
        self.lines.append(PageLine(((text, "title"), (f"  {note}" if note else "", "faint")), is_heading=True))

    def pair(self, label: str, *spans: Span) -> None:
        """A label and what belongs to it."""
        self.lines.append(PageLine(((fit(label, LABEL), "muted"), *spans)))

    def text(self, label: str, text: str, width: int, role: str = "text") -> None:
        """A label and a text that may take several lines."""
        room = max(20, width - LABEL - 2)
        for index, line in enumerate(wrapped(text, room)):
            self.pair(label if index == 0 else "", (line, role))

    def link(self, spans: Iterable[Span], place: Place | None = None, selection: Selection | None = None) -> None:
        """A line that leads somewhere."""
        self.lines.append(PageLine(tuple(spans), place, selection))

    def spans(self, *spans: Span) -> None:
        """A line of spans that leads nowhere."""
        self.lines.append(PageLine(spans))

    def note(self, text: str, role: str = "faint") -> None:
        """A line of plain text."""
        self.lines.append(PageLine(((text, role),)))


def wrapped(text: str, width: int) -> list[str]:
    """Text in lines of at most `width` characters; its own line breaks stay."""
    lines: list[str] = []
    for part in text.split("\n"):
        lines += textwrap.wrap(part, width, break_long_words=True, replace_whitespace=False) or [""]
    return lines


def columns(parts: Sequence[tuple[str, int, str]]) -> tuple[Span, ...]:
    """Spans from (text, width, role), two blanks between; a negative width aligns to the right."""
    spans: list[Span] = []
    for text, width, role in parts:
        spans += padded(text, abs(width), role, "right" if width < 0 else "left")
        spans.append(("  ", "text"))
    return tuple(spans)
