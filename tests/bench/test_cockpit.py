"""Figures of the cockpit next to a hello-world app in the same run; printed and written down, judged by people."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest

from .measure import Figures, cockpit, hello

ROUNDS = 3
RESULTS = Path("bench-results")
SIZES = (64, 1_000, 10_000)

ROWS: tuple[tuple[str, Callable[[Figures], float | None], str], ...] = (
    ("first paint", lambda figures: figures.first_paint_ms, "ms"),
    ("whole screen, still loading", lambda figures: figures.first_screen_ms or figures.first_paint_ms, "ms"),
    ("first data", lambda figures: figures.first_data_ms, "ms"),
    ("key, median", lambda figures: figures.key_p50_ms, "ms"),
    ("key, slowest of 60", lambda figures: figures.key_p99_ms, "ms"),
    ("bytes a key", lambda figures: figures.key_bytes, "B"),
    ("idle, cockpit", lambda figures: figures.idle_cpu_percent, "% of a core"),
    ("idle, collector", lambda figures: figures.collector_cpu_percent, "% of a core"),
    ("idle, terminal", lambda figures: figures.idle_bytes_per_second, "B/s"),
    ("memory, cockpit", lambda figures: figures.memory_mb, "MiB"),
)


def best(rounds: list[Figures]) -> Figures:
    """The smallest of each figure: what the machine can do when nothing else runs on it."""
    smallest = Figures(min(one.first_paint_ms for one in rounds))
    for name in Figures.__struct_fields__:
        values = [getattr(one, name) for one in rounds if getattr(one, name) is not None]
        setattr(smallest, name, min(values, default=None))
    return smallest


def table(floor: Figures, measured: dict[int, Figures]) -> str:
    """Markdown: one row a figure, one column a size, the ratio to the floor where it has one."""
    lines = ["| 200x50, demo | hello-world app | " + " | ".join(f"{size:,} nodes" for size in measured) + " |"]
    lines.append("|---" * (len(measured) + 2) + "|")
    for name, read, unit in ROWS:
        cells = [_cell(read(floor), None, unit)]
        cells += [_cell(read(figures), read(floor), unit) for figures in measured.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: float | None, floor: float | None, unit: str) -> str:
    if value is None:
        return ""
    ratio = f" ({value / floor:.2f} x)" if floor else ""
    return f"{value:,.1f} {unit}{ratio}" if value < 100 else f"{value:,.0f} {unit}{ratio}"


@pytest.mark.bench
def test_cockpit_beside_its_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="cc-", ignore_cleanup_errors=True) as home:
        for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            monkeypatch.setenv(name, home)
        cockpit(["demo", "--nodes", "64"], "GPUs .* in use")  # compiles
        floors: list[Figures] = []
        rounds: dict[int, list[Figures]] = {size: [] for size in SIZES}
        for _ in range(ROUNDS):
            floors.append(hello())
            for size in SIZES:
                rounds[size].append(cockpit(["demo", "--nodes", str(size)], "GPUs .* in use"))
    floor, measured = best(floors), {size: best(found) for size, found in rounds.items()}
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, Textual {version('textual')}"
    text = f"{table(floor, measured)}\n\nBest of {ROUNDS} rounds; {machine}.\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "cockpit.md").write_text(text)
    (RESULTS / "cockpit.json").write_bytes(msgspec.json.encode({"floor": floor, "cockpit": measured, "on": machine}))
    print(f"\n{text}")
    assert all(figures.first_data_ms for figures in measured.values())
