"""What comparing every GPU with the others of its job costs at 10,000 GPUs; printed, judged by people."""

from __future__ import annotations

import random
import time
from array import array

import pytest

from crashcart.ops.outliers import find

from .test_stalls import RESULTS

GPUS = 10_000
REPEATS = 7


@pytest.mark.bench
def test_cost_of_finding_outliers_among_ten_thousand_gpus() -> None:
    random.seed(1)
    columns = {
        "power_watts": column(640.0, 12.0),
        "util_percent": column(97.0, 1.5),
        "temperature_celsius": column(66.0, 2.0),
    }
    lines = ["| 10,000 GPUs in jobs of | ms |", "|---|---|"]
    for size in (8, 32, 128, 1_024, GPUS):
        jobs = [[(first, min(size, GPUS - first))] for first in range(0, GPUS, size)]
        lines.append(f"| {size:,} | {min(run(columns, jobs) for _ in range(REPEATS)):.1f} |")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "outliers.md").write_text("\n".join(lines) + "\n")
    print("\n" + "\n".join(lines))
    assert len(lines) == 7


def column(mean: float, deviation: float) -> memoryview[float]:
    return memoryview(array("f", [random.gauss(mean, deviation) for _ in range(GPUS)]))


def run(columns: dict[str, memoryview[float]], jobs: list[list[tuple[int, int]]]) -> float:
    """Milliseconds for one look at every job."""
    start = time.perf_counter()
    for runs in jobs:
        find(columns, runs)
    return (time.perf_counter() - start) * 1e3
