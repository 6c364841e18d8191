"""A list of things of one kind: the table, fed from the picture by a listing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crashcart.backends.entity import Kind
from crashcart.ops.filter import compile_filter
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.columns import alerts, budgets, events, jobs, nodes, pods, queues, silences, targets
from crashcart.tui.columns.column import Cell, Column
from crashcart.tui.commands import Scope
from crashcart.tui.listing import Listing
from crashcart.tui.look import Look
from crashcart.tui.selection import Selection, from_keys
from crashcart.tui.shown import Shown

from .emptiness import why_empty
from .table import Table


@dataclass(frozen=True, slots=True)
class ListSpec:
    """What makes one list different from another."""

    view: str
    kind: Kind
    title: str
    plural: str
    columns: Sequence[Column[Any]]
    sort: str
    newest_first: bool = False


LISTS: dict[str, ListSpec] = {
    spec.view: spec
    for spec in (
        ListSpec("nodes", "node", "Nodes", "nodes", nodes.COLUMNS, "state"),
        ListSpec("jobs", "job", "Jobs", "jobs", jobs.COLUMNS, "state", newest_first=True),
        ListSpec("alerts", "alert", "Alerts", "alerts", alerts.COLUMNS, "severity"),
        ListSpec("queues", "queue", "Queues", "queues", queues.COLUMNS, "name"),
        ListSpec("silences", "silence", "Silences", "silences", silences.COLUMNS, "state"),
        ListSpec("targets", "target", "Failing targets", "failing targets", targets.COLUMNS, "since"),
        ListSpec("pods", "pod", "Pods", "pods", pods.COLUMNS, "state"),
        ListSpec("budgets", "budget", "Disruption budgets", "budgets", budgets.COLUMNS, "state"),
        ListSpec("events", "event", "Events", "events", events.COLUMNS, "seen"),
    )
}


class EntityList(Table):
    """One list view."""

    scopes: tuple[Scope, ...] = ("motion", "list", "app")

    def __init__(self, look: Look, shown: Shown, spec: ListSpec, *, id: str | None = None) -> None:
        self._shown = shown
        self.spec = spec
        self.listing = Listing(shown, spec.kind, spec.columns, sort=spec.sort, newest_first=spec.newest_first)
        super().__init__(look, spec.columns, self.row, id=id)
        self.sorted_by = self.listing.sort
        self.message = self.why_empty()

    @property
    def filter_kind(self) -> str:
        return self.spec.kind

    @property
    def filter_text(self) -> str:
        return self.listing.filter.text

    def apply_filter(self, text: str) -> None:
        """Show only what matches. Raises FilterError."""
        self.listing.filter = compile_filter(text, self.spec.kind)
        self.refresh_picture()

    def refresh_picture(self) -> None:
        """Filter and sort anew; marks of things that are gone are dropped."""
        self.columns = self.listing.visible_columns()
        order = self.arranged(self.listing.update())
        entities = self._shown.table(self.spec.kind)
        self.drop_marks(lambda key: key not in entities)
        self.set_order(order)
        self.tick()

    def arranged(self, order: list[str]) -> list[str]:
        """The rows, from the keys that are shown in their order."""
        return order

    def row(self, key: str, columns: Sequence[Column[Any]]) -> tuple[tuple[Cell, ...], bool]:
        """The cells of a row, and whether what they show is stale."""
        return self.listing.row(key, columns)

    def why_empty(self) -> Sequence[tuple[Span, ...]]:
        """What the empty list says."""
        return why_empty(self._shown, self.spec.kind, self.spec.plural, self.filter_text, self.look.clock.now())

    def tick(self) -> None:
        """Ages in the rows on the screen."""
        if not self.order:
            self.message = self.why_empty()
        self.repaint()

    def on_table_sort_asked(self, event: Table.SortAsked) -> None:
        """Sort otherwise; the cursor stays on its row and stays in view."""
        if event.reverse:
            self.listing.sort_reverse()
        else:
            self.listing.sort_next()
        self.sorted_by = self.listing.sort
        self.refresh_picture()
        if self.cursor_key is not None:
            self.move_to(self.cursor_key)

    def headline(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """`Nodes  12 of 1,024  / state=drained  ◆ 3 marked`, and the row."""
        left: list[Span] = [(self.spec.title, "title"), ("  ", "text"), *self.counts()]
        if self.filter_text:
            left += [("   / ", "accent"), (self.filter_text, "text")]
        if self.marks:
            left += [("   ◆ ", "mark"), (f"{len(self.marks):,} marked", "mark")]
        right: tuple[Span, ...] = ((f"{self.position + 1:,}/{len(self.order):,}", "faint"),) if self.order else ()
        return tuple(left), right

    def counts(self) -> Sequence[Span]:
        """How many there are, and how many of them are shown."""
        shown, total = len(self.listing.order), self.listing.total
        return ((words.count(total) if shown == total else f"{shown:,} of {total:,}", "muted"),)

    @property
    def chosen(self) -> list[str]:
        """Keys of the marked things, else of the one under the cursor."""
        return list(self.marks) or ([self.cursor_key] if self.cursor_key else [])

    def selections(self) -> list[Selection]:
        """The marked things, else the one under the cursor."""
        kind = self.spec.kind
        found = from_keys(kind, self.chosen) if kind in ("node", "job") else None
        return [found] if found else []
