"""Pictures of walls at the distances they are read from: 60x17 at five metres, 100x28 at three, 160x45 at a desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from textual.pilot import Pilot

from crashcart.backends import wire
from crashcart.tui.wall.options import PAGES

from .clock import ManualClock
from .monitoring import monitored
from .telemetry import telemetry
from .test_snapshots import SnapCompare
from .wall_desk import make_wall
from .wall_pictures import PIPELINE_DEAD, SLURM_GONE, alerts, critical, healthy, sources

SIZES = [(60, 17), (100, 28), (160, 45)]
NAMES = ["60x17", "100x28", "160x45"]
LARGE = (320, 90)


def when(clock: ManualClock, seconds: float, *later: wire.Message) -> Callable[[Pilot[None]], Awaitable[None]]:
    """When the picture is there, let time pass and these be heard."""

    async def before(pilot: Pilot[None]) -> None:
        app: Any = pilot.app
        await app._reader.applied.wait()
        app.draw_now()
        clock.advance(seconds)
        app._reader.push(*later)
        if later:
            await app._reader.applied.wait()
        app.draw_now()
        await pilot.pause()

    return before


STATES: dict[str, tuple[list[wire.Message], float, tuple[wire.Message, ...]]] = {
    "healthy": (healthy(), 0.0, ()),
    "critical": (healthy(), 0.0, tuple(alerts(critical(), critical("c2", host="gpu009", since=20)))),
    "pipeline_dead": ([*healthy(critical(since=3_000)), *PIPELINE_DEAD], 0.0, ()),
    "backend_gone": (healthy(), 190.0, (*sources(190.0)[1:], *SLURM_GONE)),
    "data_old": (monitored(), 1_000.0, ()),
}


@pytest.mark.parametrize("size", SIZES, ids=NAMES)
@pytest.mark.parametrize("state", STATES)
def test_overview(snap_compare: SnapCompare, state: str, size: tuple[int, int]) -> None:
    messages, seconds, later = STATES[state]
    app, _, clock = make_wall(messages, pages=("overview", "jobs"))
    assert snap_compare(app, terminal_size=size, run_before=when(clock, seconds, *later))


@pytest.mark.parametrize("size", [*SIZES, LARGE], ids=[*NAMES, "320x90"])
@pytest.mark.parametrize("page", PAGES)
def test_page(snap_compare: SnapCompare, page: str, size: tuple[int, int]) -> None:
    app, _, clock = make_wall([*monitored(), *telemetry()], pages=(page,))
    assert snap_compare(app, terminal_size=size, run_before=when(clock, 0.0))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("theme", ["mono", "ansi", "colour-blind"])
def test_other_colours(snap_compare: SnapCompare, theme: str, state: str) -> None:
    messages, seconds, later = STATES[state]
    app, _, clock = make_wall(messages, theme=theme, pages=("overview", "jobs"))
    assert snap_compare(app, terminal_size=SIZES[0], run_before=when(clock, seconds, *later))


@pytest.mark.parametrize("theme", ["mono", "night"])
def test_heatmap_without_its_scheduler(snap_compare: SnapCompare, theme: str) -> None:
    messages: Sequence[wire.Message] = [*monitored(), *telemetry(), *SLURM_GONE]
    app, _, clock = make_wall(messages, theme=theme, pages=("heatmap",))
    assert snap_compare(app, terminal_size=SIZES[1], run_before=when(clock, 190.0, *sources(190.0)[1:]))
