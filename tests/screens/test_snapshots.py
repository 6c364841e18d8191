"""Pictures of the main views: a change of look is seen in review, not by an operator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from .clock import ManualClock
from .desk import make_app
from .scripted import ScriptedExecutor

SMALL, LARGE = (80, 24), (120, 40)
SnapCompare = Callable[..., bool]


def walk(*keys: str, clock: ManualClock, seconds: float = 0.0) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press these when the picture is there; then let time pass."""

    async def before(pilot: Pilot[None]) -> None:
        app: Any = pilot.app
        await app._collector.applied.wait()
        app._draw_changes()
        await pilot.pause()
        for key in keys:
            clock.advance(0.1)
            await pilot.press(key)
            await pilot.pause(0.15 if key == "enter" else None)
        clock.advance(seconds - clock.passed if seconds else -clock.passed)
        app.cockpit.tick()
        app.cockpit.forget()
        await pilot.pause()

    return before


VIEWS: dict[str, tuple[str, ...]] = {
    "heatmap": ("1",),
    "nodes": ("2",),
    "jobs": ("3",),
    "alerts": ("4",),
    "node_page": ("2", "j", "enter"),
}


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("view", VIEWS)
def test_view(snap_compare: SnapCompare, view: str, size: tuple[int, int]) -> None:
    app, _, clock = make_app(executor=ScriptedExecutor())
    assert snap_compare(app, terminal_size=size, run_before=walk(*VIEWS[view], clock=clock))


SMALL_VIEWS: dict[str, tuple[str, ...]] = {
    "utilisation": ("1", "m"),
    "one_cell_a_node": ("1", "z"),
    "queues": ("5",),
    "job_page": ("3", "j", "j", "enter"),
    "help": ("2", "question_mark"),
    "action_menu": ("2", "x"),
    "confirmation": ("2", "x", "d", "w", "h", "y", "enter"),
}


@pytest.mark.parametrize("view", SMALL_VIEWS)
def test_small_view(snap_compare: SnapCompare, view: str) -> None:
    app, _, clock = make_app(executor=ScriptedExecutor())
    assert snap_compare(app, terminal_size=SMALL, run_before=walk(*SMALL_VIEWS[view], clock=clock))


@pytest.mark.parametrize("theme", ["day", "high-contrast", "colour-blind", "ansi", "mono"])
def test_theme(snap_compare: SnapCompare, theme: str) -> None:
    app, _, clock = make_app(executor=ScriptedExecutor(), theme=theme)
    assert snap_compare(app, terminal_size=SMALL, run_before=walk("1", clock=clock))


def test_loading(snap_compare: SnapCompare) -> None:
    app, _, _ = make_app(messages=())
    assert snap_compare(app, terminal_size=SMALL)


def test_stale(snap_compare: SnapCompare) -> None:
    app, _, clock = make_app(executor=ScriptedExecutor())
    assert snap_compare(app, terminal_size=SMALL, run_before=walk("1", clock=clock, seconds=90.0))


def test_read_only(snap_compare: SnapCompare) -> None:
    app, _, clock = make_app()
    assert snap_compare(app, terminal_size=SMALL, run_before=walk("2", "x", clock=clock))
