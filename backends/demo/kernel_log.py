"""Kernel messages of NVIDIA's driver in the forms that real nodes print."""

from __future__ import annotations

import time

PCI_BUSES = ("1b", "43", "52", "61", "9d", "c3", "d1", "df", "1c", "44", "53", "62", "9e", "c4", "d2", "e0")

_TEXTS = {
    48: "pid=41877, name=python3, DBE (Double Bit Error) ECC Error detected in FBPA 6 subpartition 1",
    63: "pid='<unknown>', name=<unknown>, Row Remapper: New row marked for remapping, reset gpu to activate.",
    79: "pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
    119: "pid=61203, name=python3, Timeout after 6s of waiting for RPC response from GPU GSP! Expected function 76 "
    "(GSP_RM_CONTROL) (0x2080a0bd 0x4).",
}

BOOT_LINES = (
    (11.2, "nvidia: loading out-of-tree module taints kernel."),
    (11.9, "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  580.95.05"),
    (14.1, "nvidia-uvm: Loaded the UVM driver, major device number 510."),
    (21.6, "mlx5_core 0000:18:00.0 mlx5_0: Port: 1 Link ACTIVE"),
    (33.0, "Lustre: Mounted lustre-client"),
)


def pci_bus(gpu: int) -> str:
    """Bus id as the kernel writes it: `0000:9d:00`."""
    return f"0000:{PCI_BUSES[gpu % len(PCI_BUSES)]}:00"


def xid_line(xid: int, gpu: int, text: str | None = None) -> str:
    """The driver's line for an Xid on this GPU."""
    return f"NVRM: Xid (PCI:{pci_bus(gpu)}): {xid}, {text or _TEXTS[xid]}"


def as_dmesg(when: float, line: str) -> str:
    """As `dmesg -T` prints it."""
    return f"[{time.strftime('%a %b %e %H:%M:%S %Y', time.gmtime(when))}] {line}"


def as_journal(when: float, host: str, line: str) -> str:
    """As `journalctl -k -o short-iso` prints it."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S+0000', time.gmtime(when))} {host} kernel: {line}"
