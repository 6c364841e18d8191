"""What the GPUs of a node did during the last hour, so that a history fits what was seen at the time."""

from __future__ import annotations

from .state import Darkness, SimJob, SimNode, Stint

REMEMBERED_SECONDS = 3700.0
"""How long a node remembers what its GPUs did; histories go back one hour."""


def remember(job: SimJob, now: float) -> None:
    """Write down what the GPUs of a job did until now, when it stops."""
    if job.started is None:
        return
    for node, gpus in job.placement:
        stint = Stint(gpus, job.recipe.load, job.started, now, job.hung_since)
        node.stints = [old for old in node.stints if old.ended > now - REMEMBERED_SECONDS] + [stint]


def end_darkness(node: SimNode, now: float) -> None:
    """Write down the times without samples that a reboot ends."""
    past = [time for time in node.darkness if time.until > now - REMEMBERED_SECONDS]
    whole = [since for since in (node.unreachable_since, node.exporter_down_at) if since is not None]
    lost = [Darkness(fault.at, now, gpu) for gpu, fault in node.faults.items() if fault.is_lost]
    node.darkness = [*past, *(Darkness(since, now) for since in whole), *lost]


def host_answered(node: SimNode, when: float) -> bool:
    """Whether the machine itself gave samples at `when`."""
    is_dark = node.unreachable_since is not None and when >= node.unreachable_since
    return not is_dark and not any(dark.gpu is None and dark.since <= when < dark.until for dark in node.darkness)


def load_at(node: SimNode, gpu: int, when: float) -> str:
    """The load that a GPU was under; "gone" when nobody could read it."""
    dark, fault = node.dark_since, node.faults.get(gpu)
    if (dark is not None and when >= dark) or (fault is not None and fault.is_lost and when >= fault.at):
        return "gone"
    if any(time.gpu in (None, gpu) and time.since <= when < time.until for time in node.darkness):
        return "gone"
    owner = node.owners[gpu]
    if owner is not None and owner.state == "RUNNING" and owner.started is not None and when >= owner.started:
        return _of_job(node, owner, when)
    guest = node.guests.get(gpu)
    if guest is not None and when >= guest.since:
        return guest.load
    for stint in reversed(node.stints):
        if gpu in stint.gpus and stint.started <= when < stint.ended:
            is_hung = stint.hung_since is not None and when >= stint.hung_since
            return "hang" if is_hung else _heated(node, stint.load, when)
    return "idle"


def _of_job(node: SimNode, job: SimJob, when: float) -> str:
    if job.hung_since is not None and when >= job.hung_since:
        return "hang"
    if any(save.started <= when < save.complete_at for save in job.checkpoints):
        return "save"
    return _heated(node, job.recipe.load, when)


def _heated(node: SimNode, load: str, when: float) -> str:
    is_hot = node.hot_since is not None and when >= node.hot_since
    return "hot" if is_hot and load in ("train", "moe") else load
