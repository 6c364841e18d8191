"""Loads NVIDIA's library, and anew after the driver was replaced: what is loaded speaks to one driver version only."""

from __future__ import annotations

import _ctypes
import ctypes
import threading

import pynvml

from crashcart.backends.errors import Unsupported

SONAME = "libnvidia-ml.so.1"
_lock = threading.Lock()


class _Loaded:
    """What pynvml holds: one library a process, and who uses it."""

    path = ""
    users = 0


class Library:
    """NVIDIA's library, initialised between `open` and `close`. pynvml holds one library a process."""

    def __init__(self, path: str | None) -> None:
        self._path = path or SONAME
        self.is_open = False

    def open(self) -> None:
        """Load and initialise it; does nothing while it is open.

        Raises Unsupported where there is no library, pynvml.NVMLError where there is no driver behind it.
        """
        if self.is_open:
            return
        with _lock:
            self._load()
            try:
                pynvml.nvmlInit()
            except pynvml.NVMLError as error:
                if error.value == pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH and not _Loaded.users:
                    _unload()  # the library on disk is that of the new driver
                raise
            _Loaded.users += 1
            self.is_open = True

    def close(self) -> None:
        """Let go of it; may be called twice, and when the driver is gone."""
        if not self.is_open:
            return
        with _lock:
            self.is_open = False
            _Loaded.users -= 1
            try:
                pynvml.nvmlShutdown()
            except pynvml.NVMLError:
                return  # a driver that went took the state with it

    def _load(self) -> None:
        if not hasattr(pynvml, "nvmlDeviceGetCurrentClocksEventReasons"):
            raise Unsupported("the module pynvml is not NVIDIA's: uninstall the package pynvml, install nvidia-ml-py")
        if pynvml.nvmlLib is not None and _Loaded.path != self._path:
            if _Loaded.users:
                raise Unsupported(f"{_Loaded.path} is in use; one process reads through one NVML library")
            _unload()
        if pynvml.nvmlLib is None:
            try:
                pynvml.nvmlLib = ctypes.CDLL(self._path)
            except OSError as error:
                raise Unsupported(
                    f"NVIDIA's library does not load ({error}); install the driver, or set library to its path"
                ) from error
            _Loaded.path = self._path


def _unload() -> None:
    library, pynvml.nvmlLib = pynvml.nvmlLib, None
    pynvml._nvmlGetFunctionPointer_cache.clear()
    if library is not None:
        _ctypes.dlclose(library._handle)
