"""Alerts: what fires first, then what will, then what somebody or something keeps quiet; groups fold into one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import BindingType

from crashcart.backends.model import Alert
from crashcart.tui import commands, subjects
from crashcart.tui.cells import Span
from crashcart.tui.columns import alert_groups
from crashcart.tui.columns.alert_groups import GROUPINGS, TITLES, Group, Grouping
from crashcart.tui.columns.column import Cell, Column
from crashcart.tui.commands import Scope
from crashcart.tui.look import Look
from crashcart.tui.monitoring import alert_counts, alert_verdict
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown
from crashcart.tui.states import alert_section

from .emptiness import hides_all
from .entity_list import EntityList, ListSpec

OPEN_UP_TO = 4
"""A group that is met with at most this many alerts is shown unfolded."""


class AlertList(EntityList):
    """The list of alerts. A group's row stands for all of its alerts: marking and acting take them together."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("alerts")]
    scopes: tuple[Scope, ...] = ("motion", "list", "alerts", "app")

    def __init__(self, look: Look, shown: Shown, spec: ListSpec, *, id: str | None = None) -> None:
        self.grouping: Grouping = "name"
        self._groups: dict[str, Group] = {}  # by the key of the group's row
        self._grouped: frozenset[str] = frozenset()  # keys that stand below a group's row
        self._is_open: dict[str, bool] = {}
        super().__init__(look, shown, spec, id=id)

    # rows

    def arranged(self, order: list[str]) -> list[str]:
        """By state, then in groups in the order of their first; a group of one is that alert's own row."""
        merged = self._shown.joins.alerts.merged()
        ordered = sorted(order, key=lambda key: alert_section(merged[key]))
        self._groups = {}
        if self.grouping == "none":
            self._grouped = frozenset()
            return ordered
        scene, alike = self._shown.scene, dict[tuple[str, str, str], list[str]]()
        for key in ordered:
            alert = merged[key]
            label = alert_groups.label_of(scene, alert, self.grouping)
            alike.setdefault((alert.state, alert.cluster, label), []).append(key)
        rows: list[str] = []
        for (state, cluster, label), keys in alike.items():
            if len(keys) == 1:
                rows += keys
                continue
            row = f"{self.grouping} {state} {cluster}/{label}"
            self._groups[row] = Group(label, self.grouping, scene, tuple(merged[key] for key in keys))
            is_open = self._is_open.setdefault(row, len(keys) <= OPEN_UP_TO)
            rows += [row, *keys] if is_open else [row]
        self._grouped = frozenset(alert.key for group in self._groups.values() for alert in group.alerts)
        return rows

    def row(self, key: str, columns: Sequence[Column[Any]]) -> tuple[tuple[Cell, ...], bool]:
        """An alert's row or a group's."""
        scene, group = self._shown.scene, self._groups.get(key)
        if group is not None:
            sources = {(alert.cluster, alert.source) for alert in group.alerts}
            stale = any(scene.store.freshness(*source, scene.now) != "live" for source in sources)
            return alert_groups.cells(scene, group, columns, is_open=self._is_open[key]), stale
        cells, stale = super().row(key, columns)
        if key in self._grouped and (found := self._alerts([key])):
            return alert_groups.member_cells(scene, found[0], self.grouping, columns), stale
        return cells, stale

    def _alerts(self, keys: Sequence[str]) -> list[Alert]:
        merged = self._shown.joins.alerts.merged()
        return [merged[key] for key in keys if key in merged]

    # keys

    def action_open(self) -> None:
        """Details of an alert; a group folds or unfolds."""
        if self.cursor_key not in self._groups:
            super().action_open()
            return
        self._is_open[self.cursor_key] = not self._is_open[self.cursor_key]
        self.refresh_picture()

    def action_mark(self) -> None:
        """Mark or unmark the alert, or all alerts of the group."""
        if self.cursor_key not in self._groups:
            super().action_mark()
            return
        keys = self._keys(self.cursor_key)
        if all(key in self.marks for key in keys):
            self.drop_marks(lambda key: key in keys)
        else:
            self.marks.update(keys)
        self.action_step(0, 1)
        self.repaint()

    def action_mark_range(self) -> None:
        """Mark from the last mark to here; folded groups in between with all of their alerts."""
        super().action_mark_range()
        self.marks = {key: None for row in self.marks for key in self._keys(row)}

    def _keys(self, row: str) -> dict[str, None]:
        """The alerts that a row stands for."""
        group = self._groups.get(row)
        return {row: None} if group is None else {alert.key: None for alert in group.alerts}

    def action_group(self) -> None:
        """Group otherwise."""
        self.grouping = GROUPINGS[(GROUPINGS.index(self.grouping) + 1) % len(GROUPINGS)]
        self.refresh_picture()
        if self.cursor_key is not None:
            self.move_to(self.cursor_key)
        self.post_message(self.Moved())

    # words

    def why_empty(self) -> Sequence[tuple[Span, ...]]:
        """Nothing to see is good news only from a monitoring that is whole."""
        if self._shown.store.is_loading("alert") or hides_all(self._shown, "alert", self.filter_text):
            return super().why_empty()
        return alert_verdict(self._shown, self.look.clock.now())

    def counts(self) -> Sequence[Span]:
        """`2 firing  ◔ 1 pending  ~ 3 silenced`."""
        shown, total = len(self.listing.order), self.listing.total
        few = ((f"  {shown:,} of {total:,} shown", "muted"),) if shown != total else ()
        return (*alert_counts(self._shown, self.look.clock.now()), *few)

    def headline(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """What there is, how it is grouped, and the row."""
        left, right = super().headline()
        return left, ((f"{TITLES[self.grouping]}  ", "muted"), *right) if right else ()

    def selections(self) -> list[Selection]:
        """The alerts, the silences that keep them quiet, and the nodes and jobs they are about."""
        keys = [key for row in self.chosen for key in self._keys(row)]
        return subjects.of_alerts(self._shown.scene, self._alerts(keys))
