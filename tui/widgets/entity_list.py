"""A list of nodes, jobs, alerts or queues: the table, fed from the picture by a listing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crashcart.backends.model import Kind
from crashcart.ops.filter import compile_filter
from crashcart.tui import words
from crashcart.tui.cells import Span
from crashcart.tui.columns import alerts, jobs, nodes, queues
from crashcart.tui.columns.column import Column
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
    )
}


class EntityList(Table):
    """One list view."""

    scopes: tuple[Scope, ...] = ("motion", "list", "app")

    def __init__(self, look: Look, shown: Shown, spec: ListSpec, *, id: str | None = None) -> None:
        self._shown = shown
        self.spec = spec
        self.listing = Listing(shown, spec.kind, spec.columns, sort=spec.sort, newest_first=spec.newest_first)
        super().__init__(look, spec.columns, self.listing.row, id=id)
        self.sorted_by = self.listing.sort
        self.message = why_empty(shown, spec.kind, spec.plural, "", look.clock.now())

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
        order = self.listing.update()
        entities = self._shown.store.entities[self.spec.kind]
        self.drop_marks(lambda key: key not in entities)
        self.tick()
        self.set_order(order)

    def tick(self) -> None:
        """Ages in the rows on the screen."""
        if not self.order:
            self.message = why_empty(
                self._shown, self.spec.kind, self.spec.plural, self.filter_text, self.look.clock.now()
            )
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
        shown, total = len(self.order), self.listing.total
        left: list[Span] = [(self.spec.title, "title"), ("  ", "text")]
        left.append((words.count(total) if shown == total else f"{shown:,} of {total:,}", "muted"))
        if self.filter_text:
            left += [("   / ", "accent"), (self.filter_text, "text")]
        if self.marks:
            left += [("   ◆ ", "mark"), (f"{len(self.marks):,} marked", "mark")]
        right: tuple[Span, ...] = ((f"{self.position + 1:,}/{shown:,}", "faint"),) if shown else ()
        return tuple(left), right

    def selections(self) -> list[Selection]:
        """The marked things, else the one under the cursor; for an alert its node or job."""
        keys = list(self.marks) or ([self.cursor_key] if self.cursor_key else [])
        match self.spec.kind:
            case "node" | "job" as kind:
                found = from_keys(kind, keys)
            case "alert":
                return self._about_alerts(keys)
            case _:
                found = None
        return [found] if found else []

    def _about_alerts(self, keys: list[str]) -> list[Selection]:
        """The nodes and the jobs that these alerts are about."""
        scene = self._shown.scene
        here = [scene.store.alerts[key] for key in keys if key in scene.store.alerts]
        on_nodes = [node.key for alert in here if (node := scene.joins.alert_node(alert)) is not None]
        of_jobs = [job.key for alert in here if (job := alerts.alert_job(scene, alert)) is not None]
        found = (from_keys("node", dict.fromkeys(on_nodes)), from_keys("job", dict.fromkeys(of_jobs)))
        return [selection for selection in found if selection is not None]
