"""The simulated cluster understands Slurm's own commands: what the preview shows is what it is given.

Exit codes and texts are those of slurmctld 22.05 and 24.11.
"""

from __future__ import annotations

from collections.abc import Callable

from .listings import sinfo, squeue
from .protocol import Ran
from .saving import save
from .simulation import Simulation
from .state import SimJob, SimNode

SAVE_SECONDS = 2.0
REACHED_SECONDS = 0.3
"""From scancel to the first byte that the job writes."""
UNREACHABLE_SECONDS = 20.0
CHECK_SECONDS = 45.0
NOT_ALTERED = "Job can not be altered now, try again later"


def run(sim: Simulation, user: str, argv: tuple[str, ...]) -> Ran | None:
    """Run a Slurm command; None when it is none."""
    match argv:
        case ("scontrol", "update", *words):
            return _update(sim, user, _pairs(words))
        case ("scontrol", "reboot", *words) if words:
            return _reboot(sim, user, _pairs(words[:-1]), words[-1])
        case ("scontrol", ("requeue" | "requeuehold" | "hold" | "release") as verb, job_id):
            return _job_verb(sim, verb, job_id)
        case ("scontrol", *_):
            return Ran(1, stderr=f"invalid keyword: {' '.join(argv[1:2])}\n")
        case ("scancel", *words):
            return _scancel(sim, words)
        case ("squeue", *_):
            return Ran(0, squeue(sim))
        case ("sinfo", *_):
            return Ran(0, sinfo(sim))
    return None


def _pairs(words: list[str]) -> dict[str, str]:
    """`state=drain reason=x` and single words, keys in lower case."""
    pairs = (word.partition("=") for word in words)
    return {key.lower(): value for key, _, value in pairs}


# nodes


def _update(sim: Simulation, user: str, given: dict[str, str]) -> Ran:
    node = sim.node_by_name.get(given.get("nodename", ""))
    if node is None:
        return Ran(1, stderr="slurm_update error: Invalid node name specified\n")
    match given.get("state", "").lower():
        case "drain":
            return _drain(sim, node, user, given.get("reason", ""))
        case "resume" | "undrain":
            return _resume(sim, node)
    return Ran(1, stderr="slurm_update error: Invalid node state specified\n")


def _drain(sim: Simulation, node: SimNode, user: str, reason: str) -> Ran:
    if not reason:
        text = "You must specify a reason when DOWNING or DRAINING a node. Request denied\n"
        return Ran(1, stderr=text)
    node.flags.add("DRAIN")
    node.explain(reason, user, sim.now)
    sim.touch_node(node)
    return Ran(0)


def _resume(sim: Simulation, node: SimNode) -> Ran:
    if not node.is_down and "DRAIN" not in node.flags:
        return Ran(1, stderr="slurm_update error: Invalid node state specified\n")
    if node.is_rebooting:
        return Ran(1, stderr="slurm_update error: Invalid node state specified\n")
    check, was_down = node.failed_check, node.is_down
    node.flags -= {"DRAIN", "REBOOT_REQUESTED"}
    node.is_down = False
    node.forget_reason()
    sim.touch_node(node)
    sim.want_schedule()
    if check is not None:
        sim.timeline.after(CHECK_SECONDS, lambda: _check_fails_again(sim, node, check))
    if was_down and not node.responds:
        sim.timeline.after(UNREACHABLE_SECONDS, lambda: _still_silent(sim, node))
    return Ran(0)


def _check_fails_again(sim: Simulation, node: SimNode, check: str) -> None:
    if node.failed_check == check and "DRAIN" not in node.flags:
        _drain(sim, node, "root", check)


def _still_silent(sim: Simulation, node: SimNode) -> None:
    if not node.responds and not node.is_down:
        node.is_down = True
        node.explain("Not responding", "slurm", sim.now)
        sim.touch_node(node)


def _reboot(sim: Simulation, user: str, given: dict[str, str], name: str) -> Ran:
    node = sim.node_by_name.get(name)
    if node is None:
        return Ran(1, stderr="scontrol_reboot_nodes error: Invalid node name specified\n")
    if not node.responds or node.is_rebooting:
        return Ran(1, stderr="scontrol_reboot_nodes error: Invalid node state specified\n")
    node.explain(given.get("reason", "") or "Reboot ASAP", user, sim.now)
    sim.reboot_when_empty(node)
    return Ran(0)


# jobs


def _find(sim: Simulation, job_id: str) -> list[SimJob]:
    """The job, or an array's bundle and running tasks."""
    whole = [job for job in sim.jobs.values() if job.array is not None and str(job.array.raw_id) == job_id]
    exact = sim.jobs.get(job_id)
    by_raw = [job for job in sim.jobs.values() if str(job.raw_id) == job_id and job.array is not None]
    return ([exact] if exact is not None else []) + whole or by_raw


def _job_verb(sim: Simulation, verb: str, job_id: str) -> Ran:
    jobs = _find(sim, job_id)
    if not jobs:
        return Ran(1, stderr="slurm_update error: Invalid job id specified\n")
    act: dict[str, Callable[[Simulation, SimJob], str]] = {
        "requeue": _requeue,
        "requeuehold": _requeue_hold,
        "hold": _hold,
        "release": _release,
    }
    errors = [error for error in (act[verb](sim, job) for job in jobs) if error]
    return Ran(1 if errors else 0, stderr="".join(f"{error} for job {job_id}\n" for error in errors))


def _requeue(sim: Simulation, job: SimJob, *, held: bool = False) -> str:
    if job.state == "PENDING":
        return "Job is pending execution"
    if not job.recipe.requeueable:
        return "Requested operation is presently disabled"
    if job.state != "RUNNING":
        return "Job/step already completing or completed"
    sim.requeue(job, held=held)
    return ""


def _requeue_hold(sim: Simulation, job: SimJob) -> str:
    return _requeue(sim, job, held=True)


def _hold(sim: Simulation, job: SimJob) -> str:
    """A running job runs on and is held when it is requeued, as in Slurm."""
    if job.state == "PENDING":
        job.gate = job.reason = "JobHeldUser"
        sim.touch_job(job)
    return ""


def _release(sim: Simulation, job: SimJob) -> str:
    if job.gate == "JobHeldUser":
        job.gate, job.reason = None, "BeginTime" if job.begins > sim.now else "Priority"
        sim.touch_job(job)
        sim.want_schedule()
    return ""


def _scancel(sim: Simulation, words: list[str]) -> Ran:
    signal, ids = "", []
    for word in words:
        if word.startswith("--signal="):
            signal = word.removeprefix("--signal=")
        elif not word.startswith("-"):
            ids.append(word)
    worst, errors = 0, ""
    for job_id in ids:
        jobs = _find(sim, job_id)
        if not jobs:
            worst, text = 1, "Invalid job id specified"
            errors += f"scancel: error: Kill job error on job id {job_id}: {text}\n"
        for job in jobs:
            if not signal:
                _cancel(sim, job)
            elif job.state != "RUNNING":
                worst = 228
                errors += f"scancel: error: Signal {signal} to job {job_id}: {NOT_ALTERED}\n"
            else:
                _signal(sim, job, signal)
    return Ran(worst, stderr=errors)


def _cancel(sim: Simulation, job: SimJob) -> None:
    sim.end(job)


def _signal(sim: Simulation, job: SimJob, signal: str) -> None:
    """A handler writes a checkpoint; without one the signal's default is to end the process."""
    run_number = job.run

    def arrive() -> None:
        if job.run != run_number:
            return
        if signal in job.recipe.catches:
            save(sim, job, SAVE_SECONDS)
        else:
            sim.end(job)

    sim.timeline.after(REACHED_SECONDS, arrive)
