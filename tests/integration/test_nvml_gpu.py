"""The nvml feed on a real GPU, where there is one."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from array import array
from contextlib import aclosing

import pytest

from crashcart.backends.contract import Context
from crashcart.backends.model import GpuColumn, GpuRows
from crashcart.backends.nvml import NvmlBackend
from crashcart.backends.nvml.options import Options
from crashcart.backends.testing import Turns
from crashcart.ops.links import SessionLinks
from crashcart.ops.session import ClusterSession

pytestmark = pytest.mark.gpu


async def test_a_real_gpu_is_read_as_nvidia_smi_reads_it() -> None:
    backend = NvmlBackend()
    if not backend.found() or shutil.which("nvidia-smi") is None:
        pytest.skip("no GPU: NVIDIA's driver is not installed")
    feed = backend.feed(Context("lab", Options(host="here"), SessionLinks(ClusterSession(name="lab"))))
    columns: dict[str, list[float]] = {}
    rows: GpuRows | None = None
    try:
        async with asyncio.timeout(60), aclosing(feed.watch(Turns(1))) as items:
            while "age_seconds" not in columns:
                item = await anext(items)
                if isinstance(item, GpuRows):
                    rows = item
                elif isinstance(item, GpuColumn):
                    columns[item.metric] = array("f", item.values.cast("f")).tolist()
    finally:
        await feed.close()
    said = await asyncio.to_thread(_memory_totals)
    assert rows is not None and rows.counts == (len(said),)
    assert columns["memory_total_bytes"] == pytest.approx([mib * (1 << 20) for mib in said], rel=0.02)
    assert all(0 <= value <= 100 for value in columns["util_percent"])
    assert all(10 <= value <= 110 for value in columns["temperature_celsius"])


def _memory_totals() -> list[float]:
    argv = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    done = subprocess.run(argv, capture_output=True, check=True, timeout=60, text=True)
    return [float(line) for line in done.stdout.splitlines()]
