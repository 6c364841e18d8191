"""One look at all GPUs of this machine, in a thread: whatever fails is part of what was found."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from typing import Any

import pynvml as nvml

from crashcart.backends.errors import BackendError
from crashcart.backends.text import clean

from .counters import Counters
from .failures import DriverGone, GpuGone, is_serious, words
from .gpu import Gpu, GpuReader
from .library import Library
from .processes import ProcessTable

XID_EVENT = 8
MOST_EVENTS = 256
"""Events taken in one look; the rest waits in the driver for the next."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one look found. `failure` says why nothing was read; `xids` are (GPU index, Xid) in the order they came."""

    when: float
    seconds: float
    gpus: tuple[Gpu, ...] = ()
    version: str = ""
    failure: str = ""
    xids: tuple[tuple[int, int], ...] = ()
    heard: frozenset[int] = frozenset()  # GPUs whose Xids we are told of


class Driver:
    """NVIDIA's driver. All but `asking` is used by one thread alone."""

    def __init__(self, path: str | None, processes: ProcessTable) -> None:
        self._library = Library(path)
        self._processes = processes
        self._counters = Counters()
        self._reader = GpuReader(self._counters, self._ask)
        self._events: Any = None
        self._heard: dict[int, int] = {}  # handle -> GPU index
        self._gpu: int | None = None
        self.asking = ""

    def sweep(self) -> Sweep | BackendError:
        """Read everything; where there is no library at all, return why."""
        begun = time.monotonic()
        try:
            self._library.open()
            return self._sweep(begun)
        except BackendError as error:
            return error
        except nvml.NVMLError as error:
            return self._failed(words(error), begun)
        except DriverGone as error:
            self._reset()
            return self._failed(str(error), begun)

    def close(self) -> BackendError:
        """Let go of the driver. What it returns means nothing: the thread's work has one type."""
        self._reset()
        return BackendError("closed")

    def _sweep(self, begun: float) -> Sweep:
        count = self._count()
        gpus = tuple(self._read(index) for index in range(count))
        return Sweep(
            when=time.time(),
            seconds=time.monotonic() - begun,
            gpus=gpus,
            version=self._version(),
            xids=self._take_events(),
            heard=frozenset(self._heard.values()),
        )

    def _failed(self, why: str, begun: float) -> Sweep:
        return Sweep(time.time(), time.monotonic() - begun, failure=why)

    def _reset(self) -> None:
        """What we hold belongs to a driver that is gone."""
        self._events = None
        self._heard.clear()
        self._counters.forget()
        self._library.close()

    def _count(self) -> int:
        self._ask("nvmlDeviceGetCount", None)
        try:
            return int(nvml.nvmlDeviceGetCount())
        except nvml.NVMLError as error:
            is_serious(error)
            raise DriverGone(words(error)) from error

    def _read(self, index: int) -> Gpu:
        bus = ""
        try:
            self._ask("nvmlDeviceGetHandleByIndex", index)
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            bus = self._reader.bus(handle)
            self._listen(index, handle)
            gpu = self._reader.read(index, handle)
            running = self._reader.running(handle)
        except GpuGone as error:
            return Gpu(index, bus, lost=str(error))
        except nvml.NVMLError as error:
            if error.value in (nvml.NVML_ERROR_UNINITIALIZED, nvml.NVML_ERROR_DRIVER_NOT_LOADED):
                raise DriverGone(words(error)) from error
            return Gpu(index, bus, lost=words(error))
        gpu.bus = bus
        gpu.processes = tuple(self._processes.look_up(*one) for one in running)
        return gpu

    def _version(self) -> str:
        try:
            return clean(nvml.nvmlSystemGetDriverVersion(), limit=32)
        except nvml.NVMLError:
            return ""

    def _listen(self, index: int, handle: Any) -> None:
        """Have the driver tell us of Xids of this GPU; where it does not, none are known."""
        address = _address(handle)
        if self._heard.get(address) == index:
            return
        self._ask("nvmlDeviceRegisterEvents", index)
        try:
            if self._events is None:
                self._events = nvml.nvmlEventSetCreate()
            nvml.nvmlDeviceRegisterEvents(handle, XID_EVENT, self._events)
        except nvml.NVMLError as error:
            is_serious(error)
            return
        self._heard[address] = index

    def _take_events(self) -> tuple[tuple[int, int], ...]:
        found: list[tuple[int, int]] = []
        self._ask("nvmlEventSetWait", None)
        while self._events is not None and len(found) < MOST_EVENTS:
            try:
                event = nvml.nvmlEventSetWait_v2(self._events, 0)
            except nvml.NVMLError as error:
                if error.value != nvml.NVML_ERROR_TIMEOUT:
                    self._heard.clear()  # register anew
                    self._events = None
                break
            index = self._heard.get(_address(event.device))
            if index is not None and event.eventType == XID_EVENT:
                found.append((index, int(event.eventData)))
        return tuple(found)

    def _ask(self, call: str, gpu: int | None = -1) -> None:
        """Say what is asked next; -1 keeps the GPU."""
        self._gpu = self._gpu if gpu == -1 else gpu
        self.asking = call if self._gpu is None else f"{call} of GPU {self._gpu}"


def _address(handle: Any) -> int:
    return int(ctypes.cast(handle, ctypes.c_void_p).value or 0)
