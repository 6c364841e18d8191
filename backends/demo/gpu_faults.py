"""What a broken GPU shows in place of what its load would show."""

from __future__ import annotations

from .loads import THROTTLE_IDLE
from .metrics import METRICS, READINGS
from .samples import NAN
from .state import GpuFault

STRAGGLER_WATTS = 402.0
SILENT_WATTS = 92.0
STARVED: dict[str, float] = {
    "util_percent": 64.0,
    "tensor_percent": 23.0,
    "power_watts": 312.0,
    "sm_clock_mhz": 1980.0,
    "nvlink_bytes_per_second": 131e9,
    "pcie_bytes_per_second": 0.7e9,
}
STARVED_REPLAYS = 41_207.0
_NOTHING = dict.fromkeys(METRICS, NAN)
_NO_READINGS = dict.fromkeys(READINGS, NAN)


def shown(fault: GpuFault, load: str) -> dict[str, float]:
    """Metric to value of a GPU with this fault under this load."""
    if fault.has_vanished:
        return _NOTHING
    if fault.is_lost:
        return {**_NO_READINGS, "xid": float(fault.xid)}
    errors = float(fault.ecc_uncorrected)
    values = {"xid": float(fault.xid), "ecc_uncorrected": errors, "remapped_uncorrectable": float(errors > 0)}
    if fault.sm_clock_mhz is not None and load != "idle":
        values |= {"sm_clock_mhz": fault.sm_clock_mhz, "power_watts": STRAGGLER_WATTS}
    if fault.is_silent and load == "hang":
        values |= {"util_percent": 0.0, "power_watts": SILENT_WATTS, "throttle_reasons": float(THROTTLE_IDLE)}
    if fault.is_starved:
        values |= {"pcie_replays": STARVED_REPLAYS, **(STARVED if load in ("train", "moe") else {})}
    return values
