"""`nvidia-smi` of a simulated node: lists, processes, topology; the summary and `-q` have modules of their own."""

from __future__ import annotations

from .loads import PRODUCT
from .protocol import Ran
from .reading import Reading, lost_line, uuid
from .smi_query import query
from .smi_table import table

TOPOLOGY_LEGEND = """

Legend:

  X    = Self
  SYS  = Connection traversing PCIe as well as the SMP interconnect between NUMA nodes
  NODE = Connection traversing PCIe as well as the interconnect between PCIe Host Bridges within a NUMA node
  PXB  = Connection traversing multiple PCIe bridges
  NV#  = Connection traversing a bonded set of # NVLinks
"""


def run(reading: Reading, argv: list[str]) -> Ran:
    """nvidia-smi with the options that operators use."""
    if not argv:
        return Ran(0, table(reading))
    if argv[0] == "-q":
        return Ran(0, query(reading))
    if argv[0] == "-L":
        return Ran(0, listing(reading))
    if argv[:2] == ["topo", "-m"]:
        return Ran(0, topology(reading))
    if argv[0].startswith("--query-compute-apps"):
        return Ran(0, compute_apps(reading, argv))
    return Ran(2, f"Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n{argv[0]}\n")


def compute_apps(reading: Reading, argv: list[str]) -> str:
    """`--query-compute-apps=gpu_uuid,pid,process_name,used_gpu_memory --format=csv`: the fields in the order asked."""
    fields = argv[0].partition("=")[2].split(",")
    form = next((word for word in argv if word.startswith("--format")), "")
    units = {"used_gpu_memory": "used_gpu_memory [MiB]", "used_memory": "used_memory [MiB]"}
    rows = [] if "noheader" in form else [", ".join(units.get(field, field) for field in fields)]
    for gpu, pid, name, memory in reading.processes():
        size = f"{memory:.0f}" if "nounits" in form else f"{memory:.0f} MiB"
        values = {
            "gpu_uuid": uuid(reading.node, gpu),
            "pid": str(pid),
            "process_name": name,
            "name": name,
            "used_gpu_memory": size,
            "used_memory": size,
        }
        rows.append(", ".join(values.get(field.strip(), "[N/A]") for field in fields))
    lost = [lost_line(gpu) for gpu in reading.gpus if reading.is_lost(gpu)]
    return "".join(f"{row}\n" for row in rows) + "".join(lost)


def listing(reading: Reading) -> str:
    """`nvidia-smi -L`."""
    return "".join(
        lost_line(gpu) if reading.is_lost(gpu) else f"GPU {gpu}: {PRODUCT} (UUID: {uuid(reading.node, gpu)})\n"
        for gpu in reading.gpus
    )


def topology(reading: Reading) -> str:
    """`nvidia-smi topo -m`: all GPUs behind NVSwitch, one NIC beside each."""
    count = len(reading.gpus)
    names = [f"GPU{gpu}" for gpu in range(count)] + [f"NIC{nic}" for nic in range(count)]
    lines = ["\t" + "\t".join([*names, "CPU Affinity", "NUMA Affinity"])]
    for row, name in enumerate(names):
        cells = [_link(row, column, count) for column in range(len(names))]
        side = int(row % count >= (count + 1) // 2)
        tail = [f"{side * 48}-{side * 48 + 47}", str(side)] if row < count else []
        lines.append("\t".join([name, *cells, *tail]))
    return "\n".join(lines) + TOPOLOGY_LEGEND


def _link(row: int, column: int, count: int) -> str:
    if row == column:
        return " X "
    if row < count and column < count:
        return "NV18"
    if row % count == column % count:
        return "PXB"
    half = (count + 1) // 2
    return "NODE" if (row % count < half) == (column % count < half) else "SYS"
