"""How the driver and its GPUs are, in words: what is lost, pending or down, and who computes on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from crashcart.backends.model import Check

from .driver import Sweep
from .gpu import Gpu
from .memory import Memory
from .processes import Process

SOURCE = "nvml"
MOST_WORDS = 600


class CheckBook:
    """Makes the checks of one machine, and remembers since when each is as it is."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._since: dict[str, tuple[str, float]] = {}

    def of_sweep(self, sweep: Sweep, memory: Memory) -> tuple[Check, ...]:
        """Checks `nvml` and `GPU processes` of one look."""
        if sweep.failure:
            return (self._check(SOURCE, "critical", sweep.failure, sweep.when),)
        faults = list(_faults(memory))
        worst = "critical" if any(is_critical for is_critical, _ in faults) else "warning" if faults else "ok"
        detail = "; ".join([*(text for _, text in faults), _equipment(sweep, memory)])
        return (
            self._check(SOURCE, worst, detail, sweep.when),
            self._check("GPU processes", "ok", _processes(memory), sweep.when),
        )

    def hanging(self, asking: str, seconds: float, now: float) -> tuple[Check, ...]:
        """The check while the driver does not answer."""
        detail = f"the driver has not answered {asking} for over {seconds:g} s; look into the kernel log for Xid 119"
        return (self._check(SOURCE, "critical", detail, now),)

    def _check(self, name: str, state: str, detail: str, when: float) -> Check:
        before = self._since.get(name)
        if before is None or before[0] != state:
            before = self._since[name] = (state, when)
        text = detail if len(detail) <= MOST_WORDS else f"{detail[:MOST_WORDS]}…"
        return Check(
            cluster=self._cluster, source=SOURCE, when=when, name=name, state=state, detail=text, since=before[1]
        )


def _faults(memory: Memory) -> Iterator[tuple[bool, str]]:
    """(whether it is critical, what is wrong), GPU by GPU."""
    if not memory.rows:
        yield False, "the driver lists no GPU; look for them with lspci"
    for row, gpu in enumerate(memory.rows):
        if gpu is None:
            yield True, f"GPU {row} at {memory.slots[row] or 'an unknown address'} is gone; look into the kernel log"
        elif gpu.lost:
            at = f" at {memory.slots[row]}" if memory.slots[row] else ""
            yield True, f"GPU {row}{at}: {gpu.lost}"
        else:
            yield from _lesser_faults(row, gpu, memory)


def _lesser_faults(row: int, gpu: Gpu, memory: Memory) -> Iterator[tuple[bool, str]]:
    if gpu.recovery:
        yield True, f"GPU {row}: the driver recommends to {gpu.recovery}"
    if gpu.is_remap_pending:
        yield False, f"GPU {row}: row remapping is pending; it is done at the next reset"
    down = sorted(gpu.links_down & memory.ever_up.get(row, frozenset()))
    if down:
        yield False, f"GPU {row}: NVLink {', '.join(map(str, down))} went down"


def _equipment(sweep: Sweep, memory: Memory) -> str:
    names = Counter(gpu.name for gpu in memory.rows if gpu is not None and gpu.name)
    found = ", ".join(f"{number} {name}" for name, number in names.items())
    deaf = sum(1 for gpu in sweep.gpus if not gpu.lost and gpu.index not in sweep.heard)
    parts = [f"driver {sweep.version}" if sweep.version else "", found]
    parts.append(f"Xids of {deaf} GPUs are not told: the driver has no events for them" if deaf else "")
    return ", ".join(part for part in parts if part)


def _processes(memory: Memory) -> str:
    held = [
        f"GPU {row}: {_process(process)}"
        for row, gpu in enumerate(memory.rows)
        if gpu is not None
        for process in gpu.processes
    ]
    return "; ".join(held) or "none"


def _process(process: Process) -> str:
    """`python3 (4242) of alice, job 42, 63.0 GiB`."""
    who = f" of {process.user}" if process.user else ""
    where = f", {process.label.replace(':', ' ', 1)}" if process.label else ""
    size = "" if process.memory_bytes is None else f", {process.memory_bytes / (1 << 30):.1f} GiB"
    return f"{process.name or 'process'} ({process.pid}){who}{where}{size}"
