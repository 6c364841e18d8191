"""A group of alerts in one row: how many, how bad, where, since when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
TITLES: dict[Grouping, str] = {"name": "by name", "node": "by node", "rack": "by rack", "none": "not grouped"}


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts of one state that have something in common; the worst and newest comes first."""

    label: str
    by: Grouping
    alerts: tuple[Alert, ...]
    is_open: bool


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


def cells(scene: Scene, group: Group, columns: Sequence[Column[Any]]) -> tuple[Cell, ...]:
    """The group's row."""
    return tuple(_CELLS[column.id](scene, group) for column in columns)


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


def _severity(scene: Scene, group: Group) -> Cell:
    return alerts.severity(scene, min(group.alerts, key=severity_rank))


def _name(scene: Scene, group: Group) -> Cell:
    arrow = "▾ " if group.is_open else "▸ "
    return ((arrow, "accent"), (f"{len(group.alerts):,}× ", "accent"), (group.label, "strong"))


def _about(scene: Scene, group: Group) -> Cell:
    names = {name for alert in group.alerts if (name := alerts.about(scene, alert))}
    if len(names) == 1:
        return plain(names.pop())
    what = "job" if all(name.startswith("job ") for name in names) else "node"
    return plain(words.plural(len(names), what) if names else "", "muted")


def _since(scene: Scene, group: Group) -> Cell:
    return plain(words.age(scene.now - min(alert.since for alert in group.alerts)), "muted")


def _day(scene: Scene, group: Group) -> Cell:
    return alerts.day(scene, group.alerts[0]) if group.by == "name" else plain("")


def _summary(scene: Scene, group: Group) -> Cell:
    """Where it is, or what it is, and why the first of them is quiet."""
    quiet = alerts.quietness(scene, group.alerts[0])
    lead: Cell = ((f"{quiet}  ", "accent"),) if quiet else ()
    if group.by == "name":
        names = {name for alert in group.alerts if (name := alerts.node_name(scene, alert))}
        return (*lead, (fold(names) if names else alerts.summary(group.alerts[0]), "text"))
    return (*lead, (", ".join(dict.fromkeys(alert.name for alert in group.alerts)), "text"))


_CELLS: dict[str, Callable[[Scene, Group], Cell]] = {
    "severity": _severity,
    "name": _name,
    "cluster": lambda scene, group: plain(group.alerts[0].cluster, "muted"),
    "about": _about,
    "since": _since,
    "day": _day,
    "summary": _summary,
}
