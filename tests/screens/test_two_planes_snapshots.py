"""Pictures of two planes: disagreement in lists and pages, workloads among jobs, pods and what protects them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from crashcart.backends import wire

from .cluster import source
from .desk import make_app
from .scripted import ScriptedExecutor
from .test_snapshots import LARGE, SMALL, SnapCompare, walk
from .two_planes import ORIGIN, two_planes

TALL = (120, 50)
GONE = (source(ORIGIN, "down", 190.0, "connection refused: https://api.example:6443"),)


def compare(
    snap_compare: SnapCompare,
    size: tuple[int, int],
    *keys: str,
    more: Iterable[wire.Message] = (),
    theme: str = "night",
) -> bool:
    app, _, clock = make_app(messages=[*two_planes(), *more], executor=ScriptedExecutor(), theme=theme)
    return snap_compare(app, terminal_size=size, run_before=walk(*keys, clock=clock))


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
def test_nodes_that_planes_disagree_about(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert compare(snap_compare, size, "2")


def test_nodes_while_kubernetes_is_gone(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, SMALL, "2", more=GONE)


@pytest.mark.parametrize("more", [(), GONE], ids=["live", "kubernetes_gone"])
def test_node_page_with_planes(snap_compare: SnapCompare, more: tuple[wire.Message, ...]) -> None:
    assert compare(snap_compare, TALL, "2", "slash", *"name=gpu005", "enter", "enter", more=more)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
def test_jobs_of_both_schedulers(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert compare(snap_compare, size, "3")


def test_workload_page(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, LARGE, "3", "slash", *"name=llm-7b", "enter", "enter")


@pytest.mark.parametrize("theme", ["night", "mono"])
def test_pods(snap_compare: SnapCompare, theme: str) -> None:
    assert compare(snap_compare, LARGE, "colon", *"pods", "enter", theme=theme)


def test_pod_page(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, SMALL, "colon", *"pods", "enter", "j", "j", "j", "j", "j", "j", "j", "enter")


def test_budgets(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, SMALL, "colon", *"budgets", "enter")


def test_events(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, SMALL, "colon", *"events", "enter")


def test_what_needs_attention(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, SMALL, "1")


def test_what_can_be_done_with_a_bare_pod(snap_compare: SnapCompare) -> None:
    assert compare(snap_compare, SMALL, "3", "slash", *"name=notebook", "enter", "x")
