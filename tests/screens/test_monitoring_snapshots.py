"""Pictures of alerts and of the monitoring's own health: a change of look is seen in review, not by an operator."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from crashcart.backends import wire

from .cluster import listing, source
from .desk import make_app
from .monitoring import SILENT, day, monitored
from .scripted import ScriptedExecutor
from .test_snapshots import LARGE, SMALL, SnapCompare, walk

MISSING_DEADMAN = tuple(listing("check", *SILENT, origin="alertmanager", version=2))
NO_PROMETHEUS = (source("prometheus", "down", 240.0, "connection refused: http://prometheus:9090"),)


def compare(
    snap_compare: SnapCompare,
    size: tuple[int, int],
    *keys: str,
    more: Iterable[wire.Message] = (),
    theme: str = "night",
) -> bool:
    app, _, clock = make_app(messages=[*monitored(), *more], executor=ScriptedExecutor(), theme=theme)
    return snap_compare(app, terminal_size=size, run_before=walk(*keys, clock=clock))


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
def test_alerts_of_every_state(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert compare(snap_compare, size, "4", "j", "enter")


@pytest.mark.parametrize("theme", ["mono", "ansi", "day"])
def test_alerts_in_other_colours(snap_compare: SnapCompare, theme: str) -> None:
    assert compare(snap_compare, SMALL, "4", theme=theme)


def test_alert_page(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, LARGE, "4", "G", "enter", more=[day()])


def test_silences(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, SMALL, "4", "S")


def test_dead_man_missing(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, SMALL, "4", more=MISSING_DEADMAN)


def test_counts_unknown(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, LARGE, "4", more=NO_PROMETHEUS)


def test_load(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, LARGE, "colon", *"load", "enter")


def test_sources(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, SMALL, "colon", *"sources", "enter", more=NO_PROMETHEUS)
