"""What a failing call of NVML means: this number is not to be had, this GPU is gone, or the driver is."""

from __future__ import annotations

import pynvml

from crashcart.backends.text import clean

GPU_GONE = frozenset({pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED, pynvml.NVML_ERROR_GPU_NOT_FOUND})
DRIVER_GONE = frozenset(
    {
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
    }
)

_WORDS = {
    pynvml.NVML_ERROR_UNINITIALIZED: "the driver was restarted; it is opened anew",
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "the driver is not loaded; load the kernel module nvidia (modprobe nvidia)",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "the driver's kernel module and library differ, as after an upgrade; "
    "reload the module or reboot",
    pynvml.NVML_ERROR_NO_PERMISSION: "the driver refuses us; check the rights on /dev/nvidia*",
    pynvml.NVML_ERROR_GPU_IS_LOST: "lost: it fell off the bus; drain the node, then reset the GPU or reboot",
    pynvml.NVML_ERROR_RESET_REQUIRED: "needs a reset before it can be used again; drain the node first",
    pynvml.NVML_ERROR_GPU_NOT_FOUND: "not found by the driver; look into the kernel log",
    pynvml.NVML_ERROR_CORRUPTED_INFOROM: "its infoROM is corrupted; contact support",
    pynvml.NVML_ERROR_IRQ_ISSUE: "an interrupt does not arrive; look into the kernel log",
}

RECOVERY = {
    1: "reset the GPU",
    2: "reboot the node",
    3: "drain peer-to-peer traffic",
    4: "drain, then reset the GPU",
    5: "recover IMEX",
    6: "reset the bus",
    7: "reboot the system",
}
"""NVML_FI_DEV_GET_GPU_RECOVERY_ACTION in words; 0 is none."""


class GpuGone(Exception):
    """The driver has lost this GPU; the text says how."""


class DriverGone(Exception):
    """Nothing can be read until the driver is there again; the text says why."""


def words(error: pynvml.NVMLError) -> str:
    """What the error means, and where that is known what to do about it."""
    known = _WORDS.get(error.value)
    return known or f"NVML error {error.value}: {clean(str(error), limit=120)}"


def is_serious(error: pynvml.NVMLError) -> None:
    """Raise GpuGone or DriverGone when more than one number is concerned."""
    if error.value in DRIVER_GONE:
        raise DriverGone(words(error)) from error
    if error.value in GPU_GONE:
        raise GpuGone(words(error)) from error
