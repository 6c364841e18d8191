"""One GPU as the driver has it: every number that it tells, NaN for what it does not, GpuGone when it lost the GPU."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pynvml as nvml

from crashcart.backends.metrics import Metric
from crashcart.backends.text import clean

from .counters import NAN, Counters
from .failures import RECOVERY, is_serious
from .processes import Process

ALL_LINKS = 0xFFFFFFFF
MOST_LINKS = 18
_NVLINK_BYTES = (
    (nvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX, ALL_LINKS),
    (nvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX, ALL_LINKS),
)
_NVLINK_ERRORS = (
    nvml.NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL,
    nvml.NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL,
    nvml.NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL,
    nvml.NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL,
)
_NVLINK_ERRORS_OF_LINKS = tuple(
    (which, ALL_LINKS)
    for which in (
        nvml.NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY,
        nvml.NVML_FI_DEV_NVLINK_ERROR_DL_RECOVERY,
        nvml.NVML_FI_DEV_NVLINK_ERROR_DL_CRC,
    )
)
_PCIE_BYTES = (nvml.NVML_FI_DEV_PCIE_COUNT_TX_BYTES, nvml.NVML_FI_DEV_PCIE_COUNT_RX_BYTES)
_MEMORY_TEMPERATURE = nvml.NVML_FI_DEV_MEMORY_TEMP
_RECOVERY = nvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION
_FIELDS = (
    _MEMORY_TEMPERATURE,
    _RECOVERY,
    *_NVLINK_BYTES,
    *_NVLINK_ERRORS,
    *_NVLINK_ERRORS_OF_LINKS,
    *_PCIE_BYTES,
)


@dataclass(slots=True)
class Gpu:
    """What one look at a GPU found. `bus` is "" where the driver does not even tell that."""

    index: int
    bus: str = ""
    name: str = ""
    values: dict[Metric, float] = field(default_factory=dict)
    lost: str = ""  # how it was lost, in words
    recovery: str = ""  # what the driver itself recommends
    is_remap_pending: bool = False
    links_up: frozenset[int] = frozenset()
    links_down: frozenset[int] = frozenset()
    processes: tuple[Process, ...] = ()


class GpuReader:
    """Reads GPUs by their handles. Told before each call what it is about to ask, so that a hanging call has a name."""

    def __init__(self, counters: Counters, asking: Callable[[str], None]) -> None:
        self._counters = counters
        self._asking = asking

    def read(self, index: int, handle: Any) -> Gpu:
        """Read one GPU. Raises GpuGone, DriverGone."""
        gpu = Gpu(index)
        gpu.name = clean(self._text(nvml.nvmlDeviceGetName, handle), limit=64)
        fields = self._fields(handle)
        gpu.values = self._load(handle) | self._power(handle) | self._faults(handle, gpu)
        gpu.values["memory_temperature_celsius"] = fields.get((_MEMORY_TEMPERATURE, 0), NAN) or NAN
        gpu.values |= self._traffic(index, handle, fields)
        recovery = fields.get((_RECOVERY, 0), 0.0)
        gpu.recovery = RECOVERY.get(int(recovery), "") if recovery == recovery else ""  # noqa: PLR0124 - NaN
        gpu.links_up, gpu.links_down = self._links(handle)
        return gpu

    def bus(self, handle: Any) -> str:
        """The PCI address, `00000000:1B:00.0`; "" where it is not told."""
        info = self._call(nvml.nvmlDeviceGetPciInfo_v3, handle)
        return "" if info is None else clean(info.busId, limit=32)

    def running(self, handle: Any) -> list[tuple[int, int | None]]:
        """(pid, bytes) of the processes that compute on it, of all its parts where it is split."""
        found = self._call(nvml.nvmlDeviceGetComputeRunningProcesses_v3, handle) or []
        if not found:
            found = [
                one
                for part in self._parts(handle)
                for one in self._call(nvml.nvmlDeviceGetComputeRunningProcesses_v3, part) or []
            ]
        return [(int(one.pid), None if one.usedGpuMemory is None else int(one.usedGpuMemory)) for one in found]

    def _load(self, handle: Any) -> dict[Metric, float]:
        use = self._call(nvml.nvmlDeviceGetUtilizationRates, handle)
        used, total = self._memory(handle)
        return {
            "util_percent": NAN if use is None else float(use.gpu),
            "memory_used_bytes": used,
            "memory_total_bytes": total,
        }

    def _memory(self, handle: Any) -> tuple[float, float]:
        """Bytes used and in all; the first version counts what the driver keeps for itself as used."""
        told = self._call(nvml.nvmlDeviceGetMemoryInfo, handle, nvml.nvmlMemory_v2)
        told = told or self._call(nvml.nvmlDeviceGetMemoryInfo, handle)
        if told is not None:
            return float(told.used), float(told.total)
        parts = [self._call(nvml.nvmlDeviceGetMemoryInfo, part) for part in self._parts(handle)]
        known = [part for part in parts if part is not None]
        if not known:
            return NAN, NAN
        return float(sum(part.used for part in known)), float(sum(part.total for part in known))

    def _parts(self, handle: Any) -> Iterable[Any]:
        """Handles of the MIG devices of a split GPU."""
        mode = self._call(nvml.nvmlDeviceGetMigMode, handle)
        if mode is None or not mode[0]:
            return []
        most = self._call(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0
        parts = (self._call(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index) for index in range(most))
        return [part for part in parts if part is not None]

    def _power(self, handle: Any) -> dict[Metric, float]:
        temperature = self._number(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
        margin = self._number(nvml.nvmlDeviceGetMarginTemperature, handle)
        if math.isnan(margin):
            slow = nvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN
            margin = self._number(nvml.nvmlDeviceGetTemperatureThreshold, handle, slow) - temperature
        reasons = self._number(nvml.nvmlDeviceGetCurrentClocksEventReasons, handle)
        if math.isnan(reasons):
            reasons = self._number(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
        return {
            "temperature_celsius": temperature,
            "temperature_margin_celsius": margin,
            "power_watts": self._number(nvml.nvmlDeviceGetPowerUsage, handle) / 1000.0,
            "power_limit_watts": self._number(nvml.nvmlDeviceGetEnforcedPowerLimit, handle) / 1000.0,
            "sm_clock_mhz": self._number(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM),
            "memory_clock_mhz": self._number(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_MEM),
            "throttle_reasons": reasons,
        }

    def _faults(self, handle: Any, gpu: Gpu) -> dict[Metric, float]:
        def errors(kind: int) -> float:
            return self._number(nvml.nvmlDeviceGetTotalEccErrors, handle, kind, nvml.NVML_VOLATILE_ECC)

        rows = self._call(nvml.nvmlDeviceGetRemappedRows, handle) or (NAN, NAN, 0, NAN)
        gpu.is_remap_pending = bool(rows[2])
        return {
            "ecc_corrected": errors(nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED),
            "ecc_uncorrected": errors(nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED),
            "remapped_correctable": float(rows[0]),
            "remapped_uncorrectable": float(rows[1]),
            "remap_failure": float(rows[3]),
            "pcie_replays": self._number(nvml.nvmlDeviceGetPcieReplayCounter, handle),
        }

    def _traffic(self, index: int, handle: Any, fields: dict[tuple[int, int], float]) -> dict[Metric, float]:
        now = time.monotonic()

        def rate(name: str, which: Iterable[tuple[int, int]], unit: float) -> float:
            totals = [fields[slot] for slot in which if slot in fields]
            return self._counters.rate(index, name, sum(totals) * unit, now) if totals else NAN

        links = rate("nvlink", _NVLINK_BYTES, 1024.0)
        has_counters = any((which, 0) in fields for which in _PCIE_BYTES)
        pcie = rate("pcie", ((which, 0) for which in _PCIE_BYTES), 1.0) if has_counters else self._pcie(handle)
        errors = [fields[which, 0] for which in _NVLINK_ERRORS if (which, 0) in fields]
        errors = errors or [fields[slot] for slot in _NVLINK_ERRORS_OF_LINKS if slot in fields]
        return {
            "nvlink_bytes_per_second": links,
            "nvlink_errors": sum(errors) if errors else NAN,
            "pcie_bytes_per_second": pcie,
        }

    def _pcie(self, handle: Any) -> float:
        """What older GPUs measure for 20 ms when asked, in kB/s."""
        sent = self._number(nvml.nvmlDeviceGetPcieThroughput, handle, nvml.NVML_PCIE_UTIL_TX_BYTES)
        return 1000.0 * (sent + self._number(nvml.nvmlDeviceGetPcieThroughput, handle, nvml.NVML_PCIE_UTIL_RX_BYTES))

    def _fields(self, handle: Any) -> dict[tuple[int, int], float]:
        """(field, scope) to value, of those that the GPU has."""
        told = self._call(nvml.nvmlDeviceGetFieldValues, handle, list(_FIELDS)) or ()
        good = [one for one in told if one.nvmlReturn == nvml.NVML_SUCCESS]
        return {(int(one.fieldId), int(one.scopeId)): _value(one) for one in good}

    def _links(self, handle: Any) -> tuple[frozenset[int], frozenset[int]]:
        """NVLinks that are up, and those that are not."""
        states: dict[int, int] = {}
        for link in range(MOST_LINKS):
            state = self._call(nvml.nvmlDeviceGetNvLinkState, handle, link)
            if state is None:
                break
            states[link] = int(state)
        up = frozenset(link for link, state in states.items() if state)
        return up, frozenset(states.keys() - up)

    def _number(self, call: Callable[..., Any], *arguments: Any) -> float:
        told = self._call(call, *arguments)
        return NAN if told is None else float(told)

    def _text(self, call: Callable[..., Any], *arguments: Any) -> str:
        return str(self._call(call, *arguments) or "")

    def _call(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """What the driver answers; None where it does not know. Raises GpuGone, DriverGone."""
        self._asking(call.__name__)
        try:
            return call(*arguments)
        except nvml.NVMLError as error:
            is_serious(error)
            return None


def _value(one: Any) -> float:
    """The number in a field's union, by the type it says it has."""
    kind = one.valueType
    if kind == nvml.NVML_VALUE_TYPE_DOUBLE:
        return float(one.value.dVal)
    if kind == nvml.NVML_VALUE_TYPE_UNSIGNED_INT:
        return float(one.value.uiVal)
    if kind == nvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG:
        return float(one.value.sllVal)
    if kind == nvml.NVML_VALUE_TYPE_SIGNED_INT:
        return float(one.value.siVal)
    return float(one.value.ullVal)
