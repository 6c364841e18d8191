"""`squeue` and `sinfo` of the simulated cluster, for its shells."""

from __future__ import annotations

from .simulation import Simulation
from .state import SimJob

ROWS = 200


def squeue(sim: Simulation) -> str:
    """The queue in squeue's default columns; at most ROWS entries."""
    lines = [
        f"{'JOBID':>18} {'PARTITION':>9} {'NAME':>20} {'USER':>9} {'ST':>2} {'TIME':>10} {'NODES':>5} NODELIST(REASON)"
    ]
    jobs = sorted(sim.jobs.values(), key=lambda job: (job.state != "PENDING", -job.priority, job.raw_id))
    for job in jobs[:ROWS]:
        lines.append(_row(sim, job))
    if len(jobs) > ROWS:
        lines.append(f"... and {len(jobs) - ROWS} more")
    return "\n".join(lines) + "\n"


def _row(sim: Simulation, job: SimJob) -> str:
    short = {"PENDING": "PD", "RUNNING": "R", "COMPLETING": "CG"}.get(job.state, job.state[:2])
    place = sim.shape.fold(node.index for node, _ in job.placement) or f"({job.reason})"
    name = f"{job.id}_[{len(job.tasks)} tasks]" if job.is_array else job.id
    time = _time(sim.now - job.started) if job.started is not None else "0:00"
    recipe = job.recipe
    return (
        f"{name:>18} {job.partition[:9]:>9} {recipe.name[:20]:>20} {recipe.user[:9]:>9} "
        f"{short:>2} {time:>10} {job.nodes_wanted:>5} {place}"
    )


def _time(seconds: float) -> str:
    whole = int(max(0.0, seconds))
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}-{hours:02d}:{minutes:02d}:{whole % 60:02d}"
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def sinfo(sim: Simulation) -> str:
    """Partitions by node state in sinfo's default columns."""
    lines = ["PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST"]
    for part in sim.partitions:
        states: dict[str, list[int]] = {}
        for index in part.members:
            states.setdefault(_word(sim, index), []).append(index)
        for word, members in sorted(states.items()):
            name = part.name + ("*" if part.is_default else "")
            days = f"{int(part.max_seconds // 86_400)}-{int(part.max_seconds % 86_400 // 3600):02d}:00:00"
            lines.append(f"{name:<9} {'up':>5} {days:>10} {len(members):>6} {word:>6} {sim.shape.fold(members)}")
    return "\n".join(lines) + "\n"


def _word(sim: Simulation, index: int) -> str:
    node = sim.nodes[index]
    star = "" if node.responds else "*"
    if "DRAIN" in node.flags:
        return ("drng" if node.gpus_used else "drain") + ("@" if "REBOOT_REQUESTED" in node.flags else "") + star
    return {"IDLE": "idle", "MIXED": "mix", "ALLOCATED": "alloc", "DOWN": "down"}[node.base_state] + star
