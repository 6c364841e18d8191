"""What was asked, refused, started and how it ended: the tail of the audit log, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.message import Message

from crashcart.tui.cells import Span
from crashcart.tui.columns import audit
from crashcart.tui.columns.column import Cell, Column
from crashcart.tui.commands import Scope
from crashcart.tui.look import Look
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown

from .table import Table


class AuditList(Table):
    """Records are read by the app, off the loop; this view asks for them and shows them."""

    scopes: tuple[Scope, ...] = ("motion", "app")
    filter_kind = None
    filter_text = ""

    class Wanted(Message):
        """The view is looked at and wants the newest entries."""

    def __init__(self, look: Look, shown: Shown, *, where: str, id: str | None = None) -> None:
        super().__init__(look, audit.COLUMNS, self._entry_cells, id=id)
        self._shown = shown
        self._where = where
        self.entries: dict[str, audit.Entry] = {}
        self.message = (((("◌ ", "accent")), ("Reading the audit log …", "text")),)

    def apply_filter(self, text: str) -> None:
        """The audit log is not filtered here."""

    def refresh_picture(self) -> None:
        """Ask for the newest entries."""
        self.post_message(self.Wanted())

    def take(self, entries: Sequence[audit.Entry], error: str = "") -> None:
        """Show these entries, newest first as they come."""
        self.entries = {str(entry["seq"]): entry for entry in entries}
        if error:
            self.message = ((("✕ ", "crit"), (error, "strong")),)
        else:
            self.message = ((("Nothing has been done yet.", "text"),), ((self._where, "faint"),))
        self.set_order(list(self.entries))

    def _entry_cells(self, key: str, columns: Sequence[Column[Any]]) -> tuple[tuple[Cell, ...], bool]:
        scene = self._shown.scene
        return tuple(column.cell(scene, self.entries[key]) for column in columns), False

    def tick(self) -> None:
        """Times here are absolute."""

    def headline(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """The title and where the log is."""
        return (("Audit", "title"), (f"  last {len(self.order)} entries", "muted")), ((self._where, "faint"),)

    def selections(self) -> list[Selection]:
        """Nothing here can be acted on."""
        return []
