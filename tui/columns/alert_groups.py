"""A group of alerts in one row: how many, how bad, where, since when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from crashcart.backends.model import Alert
from crashcart.ops.fields import Scene
from crashcart.ops.targets import fold
from crashcart.tui import words
from crashcart.tui.states import severity_rank

from . import alerts
from .column import Cell, Column, plain

Grouping = Literal["name", "node", "rack", "none"]
GROUPINGS: tuple[Grouping, ...] = ("name", "node", "rack", "none")
JOB = "job "
TITLES: dict[Grouping, str] = {"name": "by name", "node": "by node", "rack": "by rack", "none": "not grouped"}


@dataclass(frozen=True)
class Group:
    """Alerts of one state that have something in common, as they were listed; what a row says is worked out once."""

    label: str
    by: Grouping
    scene: Scene
    alerts: tuple[Alert, ...]

    @cached_property
    def worst(self) -> Alert:
        return min(self.alerts, key=severity_rank)

    @cached_property
    def since(self) -> float:
        """When the oldest began."""
        return min(alert.since for alert in self.alerts)

    @cached_property
    def places(self) -> tuple[str, ...]:
        """Nodes and jobs that they are about, each once."""
        return tuple(dict.fromkeys(name for alert in self.alerts if (name := alerts.about(self.scene, alert))))

    @cached_property
    def summary(self) -> str:
        """Where it is, or what it is."""
        if self.by != "name":
            return ", ".join(dict.fromkeys(alert.name for alert in self.alerts))
        nodes = [name for name in self.places if not name.startswith(JOB)]
        return fold(nodes) if nodes else alerts.summary(self.alerts[0])


def label_of(scene: Scene, alert: Alert, by: Grouping) -> str:
    """What this alert is grouped under."""
    match by:
        case "name":
            return alert.name
        case "node":
            return alerts.about(scene, alert) or "no node"
        case "rack":
            return scene.joins.alerts.rack(alert) or "no rack"
    return alert.key


def cells(scene: Scene, group: Group, columns: Sequence[Column[Any]], *, is_open: bool) -> tuple[Cell, ...]:
    """The group's row."""
    return tuple(
        _name(group, is_open) if column.id == "name" else _CELLS[column.id](scene, group) for column in columns
    )


def member_cells(scene: Scene, alert: Alert, by: Grouping, columns: Sequence[Column[Any]]) -> tuple[Cell, ...]:
    """The row of an alert below its group's: set in, and without what the group's row says."""
    made: list[Cell] = []
    for column in columns:
        if column.id == "name":
            made.append((("  ", "text"), (alert.name, "muted" if by == "name" else "strong")))
        elif column.id == "day" and by == "name":
            made.append(plain(""))
        else:
            made.append(column.cell(scene, alert))
    return tuple(made)


def _name(group: Group, is_open: bool) -> Cell:
    arrow = "▾ " if is_open else "▸ "
    return ((arrow, "accent"), (f"{len(group.alerts):,}× ", "accent"), (group.label, "strong"))


def _about(scene: Scene, group: Group) -> Cell:
    if len(group.places) == 1:
        return plain(group.places[0])
    what = "job" if all(name.startswith(JOB) for name in group.places) else "node"
    return plain(words.plural(len(group.places), what) if group.places else "", "muted")


def _day(scene: Scene, group: Group) -> Cell:
    return alerts.day(scene, group.alerts[0]) if group.by == "name" else plain("")


def _summary(scene: Scene, group: Group) -> Cell:
    """Why the first of them is quiet, then where they are."""
    quiet = alerts.quietness(scene, group.alerts[0])
    lead: Cell = ((f"{quiet}  ", "accent"),) if quiet else ()
    return (*lead, (group.summary, "text"))


_CELLS: dict[str, Callable[[Scene, Group], Cell]] = {
    "severity": lambda scene, group: alerts.severity(scene, group.worst),
    "cluster": lambda scene, group: plain(group.alerts[0].cluster, "muted"),
    "about": _about,
    "since": lambda scene, group: plain(words.age(scene.now - group.since), "muted"),
    "day": _day,
    "summary": _summary,
}
