"""`nvidia-smi -q`, the parts that matter in an incident."""

from __future__ import annotations

from .loads import CUDA, DRIVER, MAX_CLOCK_MHZ, POWER_LIMIT_WATTS, PRODUCT, SLOWDOWN_CELSIUS
from .reading import MIB, Reading, bus_id, lost_line, uuid

Row = tuple[int, str, str | None]  # depth, name, value; None heads a group


def query(reading: Reading) -> str:
    """All GPUs; a lost one is a line in place of its block."""
    head = [
        "",
        "==============NVSMI LOG==============",
        "",
        f"{'Timestamp':<42}: {reading.clock}",
        f"{'Driver Version':<42}: {DRIVER}",
        f"{'CUDA Version':<42}: {CUDA}",
        "",
        f"{'Attached GPUs':<42}: {len(reading.gpus)}",
    ]
    parts = [lost_line(gpu) if reading.is_lost(gpu) else _block(reading, gpu) for gpu in reading.gpus]
    return "\n".join(head) + "\n" + "".join(parts)


def _block(reading: Reading, gpu: int) -> str:
    rows: list[Row] = [
        (1, "Product Name", PRODUCT),
        (1, "GPU UUID", uuid(reading.node, gpu)),
        *_health(reading, gpu),
        *_use(reading, gpu),
        *_physics(reading, gpu),
    ]
    lines = [f"\nGPU {bus_id(gpu)}"]
    for depth, name, text in rows:
        label = "    " * depth + name
        lines.append(label if text is None else f"{label:<42}: {text}")
    return "\n".join(lines) + "\n"


def _health(reading: Reading, gpu: int) -> list[Row]:
    errors = int(reading.value("ecc_uncorrected", gpu))
    reasons = int(reading.value("throttle_reasons", gpu))
    return [
        (1, "GPU Recovery Action", "GPU Reset" if errors else "None"),
        (1, "Clocks Event Reasons", None),
        (2, "Idle", _active(reasons & 0x1)),
        (2, "SW Power Cap", _active(reasons & 0x4)),
        (2, "HW Slowdown", _active(reasons & 0x8)),
        (3, "HW Thermal Slowdown", _active(reasons & 0x40)),
        (3, "HW Power Brake Slowdown", _active(reasons & 0x80)),
        (1, "ECC Errors", None),
        (2, "Volatile", None),
        (3, "DRAM Correctable", f"{reading.value('ecc_corrected', gpu):.0f}"),
        (3, "DRAM Uncorrectable", str(errors)),
        (1, "Remapped Rows", None),
        (2, "Correctable Error", f"{reading.value('remapped_correctable', gpu):.0f}"),
        (2, "Uncorrectable Error", "1" if errors else "0"),
        (2, "Pending", "Yes" if errors else "No"),
        (2, "Remapping Failure Occurred", "No"),
    ]


def _use(reading: Reading, gpu: int) -> list[Row]:
    return [
        (1, "PCI", None),
        (2, "Replays Since Reset", f"{reading.value('pcie_replays', gpu):.0f}"),
        (1, "FB Memory Usage", None),
        (2, "Total", f"{reading.value('memory_total_bytes', gpu) / MIB:.0f} MiB"),
        (2, "Used", f"{reading.value('memory_used_bytes', gpu) / MIB:.0f} MiB"),
        (1, "Utilization", None),
        (2, "GPU", f"{reading.value('util_percent', gpu):.0f} %"),
    ]


def _physics(reading: Reading, gpu: int) -> list[Row]:
    return [
        (1, "Temperature", None),
        (2, "GPU Current Temp", f"{reading.value('temperature_celsius', gpu):.0f} C"),
        (2, "GPU T.Limit Temp", f"{reading.value('temperature_margin_celsius', gpu):.0f} C"),
        (2, "GPU Slowdown Temp", f"{SLOWDOWN_CELSIUS:.0f} C"),
        (2, "Memory Current Temp", f"{reading.value('memory_temperature_celsius', gpu):.0f} C"),
        (1, "GPU Power Readings", None),
        (2, "Instantaneous Power Draw", f"{reading.value('power_watts', gpu):.2f} W"),
        (2, "Current Power Limit", f"{POWER_LIMIT_WATTS:.2f} W"),
        (1, "Clocks", None),
        (2, "SM", f"{reading.value('sm_clock_mhz', gpu):.0f} MHz"),
        (1, "Max Clocks", None),
        (2, "SM", f"{MAX_CLOCK_MHZ:.0f} MHz"),
    ]


def _active(bit: int) -> str:
    return "Active" if bit else "Not Active"
