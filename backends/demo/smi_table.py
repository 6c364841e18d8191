"""The summary that plain `nvidia-smi` prints, 91 columns wide."""

from __future__ import annotations

from .loads import CUDA, DRIVER, POWER_LIMIT_WATTS, PRODUCT
from .reading import MIB, Reading, bus_id

_FULL = "+" + "-" * 89 + "+"
_SPLIT = "+" + "-" * 41 + "+" + "-" * 24 + "+" + "-" * 22 + "+"
_HEAD = f"""\
{_FULL}
| NVIDIA-SMI {DRIVER:<22} Driver Version: {DRIVER:<14} CUDA Version: {CUDA:<8} |
|{_SPLIT[1:-1]}+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|{_SPLIT[1:-1].replace("-", "=")}|
"""


def table(reading: Reading) -> str:
    """GPUs, then their processes."""
    rows = "".join(_gpu(reading, gpu) + _SPLIT + "\n" for gpu in reading.gpus)
    return f"{reading.clock}\n{_HEAD}{rows}\n{_processes(reading)}"


def _row(left: str, middle: str, right: str) -> str:
    return f"| {left:<39} | {middle:>22} | {right:>20} |\n"


def _gpu(reading: Reading, gpu: int) -> str:
    head = f"{gpu:>3}  {PRODUCT:<31} On"
    place = f"{bus_id(gpu)} Off"
    if reading.is_lost(gpu):
        return (
            _row(head, place, "ERR!")
            + _row("ERR! ERR!  ERR!             N/A  /  N/A", "ERR! /      ERR!", "ERR!            ERR!")
            + _row("", "", "ERR!")
        )
    power, util = reading.value("power_watts", gpu), reading.value("util_percent", gpu)
    used, total = reading.value("memory_used_bytes", gpu) / MIB, reading.value("memory_total_bytes", gpu) / MIB
    celsius, perf = reading.value("temperature_celsius", gpu), "P0" if util > 0 else "P8"
    return (
        _row(head, place, f"{reading.value('ecc_uncorrected', gpu):.0f}")
        + _row(
            f"N/A  {celsius:>3.0f}C    {perf}          {power:>5.0f}W / {POWER_LIMIT_WATTS:>4.0f}W",
            f"{used:>6.0f}MiB / {total:>6.0f}MiB",
            f"{util:.0f}%      Default",
        )
        + _row("", "", "Disabled")
    )


def _processes(reading: Reading) -> str:
    lines = [
        "Processes:",
        " GPU   GI   CI              PID   Type   Process name                        GPU Memory",
        "       ID   ID                                                               Usage",
    ]
    rows = [
        f"{gpu:>4}   N/A  N/A    {pid:>12}      C   {name:<35} {memory:>7.0f}MiB"
        for gpu, pid, name, memory in reading.processes()
    ]
    head = "".join(f"| {line:<87} |\n" for line in lines)
    body = "".join(f"| {row:<87} |\n" for row in rows or [" No running processes found"])
    return f"{_FULL}\n{head}|{'=' * 89}|\n{body}{_FULL}\n"
