"""Builds the stand-in for NVIDIA's library and writes the file that its GPUs are read from."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("nvml_stand_in.c")
VARIABLE = "NVML_STAND_IN"
GIB = 1 << 30

H100 = {
    "name": "NVIDIA H100 80GB HBM3", "utilization": "97", "memory": f"{63 * GIB} {80 * GIB} {GIB // 2}",
    "temperature": "64", "margin": "23", "power": "652310", "power_limit": "700000", "sm_clock": "1755",
    "memory_clock": "2619", "reasons": "4", "ecc.corrected": "3", "ecc.uncorrected": "0", "remapped": "1 0 0 0",
    "pcie.replays": "2", "links": "18", "mig": "0", "field.82": "71", "field.230": "0", "field.138": "1000",
    "field.139": "1000", "field.38": "5", "field.52": "2", "field.197": "4096", "field.198": "4096", "pstate": "0",
    "persistence": "1", "compute_mode": "0", "display": "0", "fan": "30",
}  # fmt: skip
"""What an H100 under load says."""


def build(folder: Path) -> Path:
    """The library's path; skips where there is no C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not Path("/usr/include/stdio.h").exists():
        pytest.skip("no stand-in for NVIDIA's library: gcc and libc6-dev are not installed")
    library = folder / "libnvidia-ml.so.1"
    flags = ("-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-Wl,-soname,libnvidia-ml.so.1")
    subprocess.run([compiler, *flags, str(SOURCE), "-o", str(library)], check=True, capture_output=True, timeout=60)
    return library


class StandIn:
    """GPUs as a test wants them. Every change is seen by the next call of whoever reads them."""

    def __init__(self, library: Path, state: Path, gpus: int = 4) -> None:
        self.library = library
        self.state = state
        self._lines: dict[str, str] = {"driver": "580.95.05", "count": str(gpus)}
        self._lists: list[str] = []
        for gpu in range(gpus):
            self._lines[f"{gpu}.bus"] = f"00000000:{0x1B + 0x10 * gpu:02X}:00.0"
            self._lines[f"{gpu}.uuid"] = f"GPU-0000000{gpu}-1111-2222-3333-444444444444"
            self._lines[f"{gpu}.serial"] = f"165012301{gpu}"
        self._lines |= {f"*.{key}": value for key, value in H100.items()}
        self._write()

    def set(self, **values: str | int) -> None:
        """Change values that belong to no GPU: `driver`, `count`, `fail_nvmlInit`."""
        self._lines |= {key.replace("_", ".", 1): str(value) for key, value in values.items()}
        self._write()

    def gpu(self, gpu: int | str, key: str, value: str | int | None) -> None:
        """Change one value of a GPU (`*`: of all that have none of their own); None takes it away."""
        if value is None:
            self._lines.pop(f"{gpu}.{key}", None)
        else:
            self._lines[f"{gpu}.{key}"] = str(value)
        self._write()

    def unset(self, key: str) -> None:
        """Take a line away."""
        self._lines.pop(key, None)
        self._write()

    def xid(self, gpu: int, xid: int) -> None:
        """The driver reports this Xid once."""
        self._lists.append(f"event {gpu} 8 {xid}")
        self._write()

    def process(self, gpu: int, pid: int, used: int | None) -> None:
        """A process computes on the GPU; None is memory that the driver does not tell."""
        self._lists.append(f"{gpu}.process {pid}" + ("" if used is None else f" {used}"))
        self._write()

    def part(self, gpu: int, used: int, total: int) -> None:
        """Another MIG device of the GPU."""
        self._lists.append(f"{gpu}.part {used} {total}")
        self._write()

    def unload_driver(self) -> None:
        """There is no driver from now on."""
        self.state.unlink()

    def load_driver(self) -> None:
        """There is a driver again."""
        self._write()

    def _write(self) -> None:
        new = self.state.with_suffix(".new")
        new.write_text(
            "".join(f"{key} {value}\n" for key, value in self._lines.items()) + "\n".join(self._lists) + "\n"
        )
        new.replace(self.state)
