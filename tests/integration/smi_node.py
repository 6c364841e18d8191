"""Programs that stand in for nvidia-smi, amd-smi and journalctl on a node that is reached over real SSH."""

from __future__ import annotations

from pathlib import Path

from crashcart.backends.smi.fields import FIELDS

ROW = {
    "utilization.gpu": "100", "memory.used": "64513", "memory.total": "81559", "temperature.gpu": "59",
    "temperature.memory": "[N/A]", "power.draw": "631.95", "power.limit": "700.00", "clocks.current.sm": "1980",
    "clocks_event_reasons.active": "0x0000000000000000", "clocks_throttle_reasons.active": "0x0000000000000048",
    "ecc.errors.uncorrected.volatile.total": "0", "remapped_rows.failure": "No",
}  # fmt: skip

NVIDIA_SMI = """#!/usr/bin/env python3
import pathlib, sys, time
here = pathlib.Path(__file__).parent
with (here / "asked").open("a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
if (here / "hang").exists():
    time.sleep(60)
fields = sys.argv[1].partition("=")[2].split(",")
unknown = (here / "unknown").read_text().split()
for field in fields:
    if field in unknown:
        sys.exit(f'Field "{field}" is not a valid field to query.')
rows = dict(line.split("\\t") for line in (here / "row").read_text().splitlines())
for gpu in range(int((here / "count").read_text())):
    if (here / f"lost{gpu}").exists():
        print(f"Unable to determine the device handle for GPU0000:{gpu + 27:02X}:00.0: Unknown Error")
        continue
    own = {"index": str(gpu), "pci.bus_id": f"00000000:{gpu + 27:02X}:00.0"}
    print(", ".join(own.get(field) or rows.get(field, "[Not Supported]") for field in fields))
"""

PRINT = "#!/bin/sh\ncat '{path}'\n"


class SmiNode:
    """What the node's tools say. `home` is the home directory of whoever logs in there."""

    def __init__(self, home: Path, gpus: int = 4) -> None:
        self.folder = home / "smi"
        self.folder.mkdir(exist_ok=True)
        for old in self.folder.iterdir():
            old.unlink()
        (home / ".bashrc").write_text(f"export PATH={self.folder}:$PATH\n")
        self.write("count", str(gpus))
        self.write("unknown", "")
        self.write("asked", "")
        self.values(**ROW)
        self.program("nvidia-smi", NVIDIA_SMI)
        self.prints("journalctl", "")

    def values(self, **changes: str) -> None:
        """What all GPUs say of these fields."""
        held = ROW | changes
        self.write("row", "".join(f"{name}\t{value}\n" for name, value in held.items() if name in held))

    def write(self, name: str, text: str) -> None:
        """A file that the programs read."""
        (self.folder / name).write_text(text)

    def program(self, name: str, script: str) -> None:
        """A program on the node."""
        path = self.folder / name
        path.write_text(script)
        path.chmod(0o755)

    def prints(self, name: str, text: str) -> None:
        """A program that only prints this."""
        self.write(f"{name}.out", text)
        self.program(name, PRINT.format(path=self.folder / f"{name}.out"))

    def remove(self, name: str) -> None:
        """Take a program or a file away."""
        (self.folder / name).unlink()

    @property
    def asked(self) -> list[str]:
        """The command lines of nvidia-smi so far."""
        return (self.folder / "asked").read_text().splitlines()

    @property
    def all_fields(self) -> str:
        """The first question to any node."""
        return f"--query-gpu={','.join(FIELDS)} --format=csv,noheader,nounits"
