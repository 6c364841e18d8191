"""Pictures of GPUs: groups, doubts, outliers, the past hour, an Xid."""

from __future__ import annotations

import pytest

from .cluster import everything
from .desk import make_app
from .scripted import ScriptedExecutor
from .telemetry import history, telemetry
from .test_snapshots import LARGE, SMALL, SnapCompare, walk


def compare(snap_compare: SnapCompare, size: tuple[int, int], *keys: str, theme: str = "night") -> bool:
    messages = [*everything(), *telemetry(), history("gpu007", 4), history("gpu006", 5)]
    app, _, clock = make_app(messages=messages, executor=ScriptedExecutor(), theme=theme)
    return snap_compare(app, terminal_size=size, run_before=walk(*keys, clock=clock))


def test_grouped_by_job(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, SMALL, "1", "b", "b", "b")


@pytest.mark.parametrize("theme", ["night", "mono", "ansi"])
def test_missing_stale_and_odd(snap_compare: SnapCompare, theme: str) -> None:
    assert compare(snap_compare, SMALL, "1", "m", "n", theme=theme)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
def test_gpu_page_with_an_xid(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert compare(snap_compare, size, "1", "M", "M", "M", "M", "M", "n", "n", "n", "enter")


def test_node_page_with_its_machine(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, (120, 60), "2", "slash", *"gpu006", "enter", "enter")


def test_job_page_with_an_odd_rank(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, LARGE, "3", "slash", *"4713", "enter", "enter")
