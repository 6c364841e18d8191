"""Read-only checks of a node, as argument lists: what an operator looks at before a reset wipes the evidence."""

from __future__ import annotations

import msgspec

from .contract import CommandResult


class Check(msgspec.Struct, frozen=True):
    """One check. `needs_drained` ones disturb running work and are refused on a node that is in service.

    `nothing_status` is the exit status by which a search says that it found nothing, as `grep` does.
    """

    name: str
    title: str
    argv: tuple[str, ...]
    timeout_seconds: float
    help: str
    needs_drained: bool = False
    nothing_status: int | None = None

    def found_nothing(self, result: CommandResult) -> bool:
        """Whether it looked and there was nothing. With words on stderr it may not have been allowed to look."""
        return (
            self.nothing_status is not None and result.exit_status == self.nothing_status and not result.stderr.strip()
        )


_PROCESSES = "--query-compute-apps=gpu_uuid,pid,process_name,used_gpu_memory"

_ALL = (
    Check("gpu", "GPU state", ("nvidia-smi", "-q"), 30.0, "All that the driver says of every GPU."),
    Check(
        "xids",
        "Xids of the last day",
        ("journalctl", "-k", "-o", "short-iso", "--since", "-24h", "--no-pager", "-g", "NVRM"),
        30.0,
        "Driver faults in the kernel log.",
        nothing_status=1,
    ),
    Check("kernel", "Kernel errors", ("dmesg", "-T", "--level=err,warn"), 20.0, "Errors and warnings of the kernel."),
    Check(
        "processes",
        "Processes on GPUs",
        ("nvidia-smi", _PROCESSES, "--format=csv"),
        30.0,
        "Who holds GPU memory: empty before a node goes back into service.",
    ),
    Check(
        "dcgm-quick", "DCGM quick test", ("dcgmi", "diag", "-r", "1"), 120.0, "NVIDIA's level 1 test, seconds.", True
    ),
    Check("infiniband", "InfiniBand ports", ("ibstat",), 20.0, "State and rate of every port."),
    Check("mounts", "Mounts", ("findmnt", "-D"), 20.0, "File systems and their room."),
    Check("topology", "GPU topology", ("nvidia-smi", "topo", "-m"), 30.0, "NVLink and PCIe between the GPUs."),
)

CHECKS: dict[str, Check] = {check.name: check for check in _ALL}
