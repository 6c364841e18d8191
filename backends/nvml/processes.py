"""Who is behind a process on a GPU: its user, and its Slurm job or pod by the control group that it is in."""

from __future__ import annotations

import pwd
import re
from dataclasses import dataclass
from pathlib import Path

from crashcart.backends.text import clean

_JOB = re.compile(r"/job_(\d{1,12})(?:/|$)", re.MULTILINE)
_POD = re.compile(r"pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})")
_LOG_FOLDER = re.compile(r"([a-z0-9-]{1,63})_([a-z0-9.-]{1,253})_([0-9a-f-]{36})\Z")


@dataclass(frozen=True, slots=True)
class Process:
    """One process on a GPU. `label` is `job:42`, `pod:NAMESPACE/NAME` or "" where it belongs to neither."""

    pid: int
    memory_bytes: int | None
    name: str = ""
    user: str = ""
    label: str = ""


class ProcessTable:
    """Looks processes up in /proc; pods are named by kubelet's log folders `NAMESPACE_POD_UID`."""

    def __init__(self, proc: Path = Path("/proc"), pod_logs: Path = Path("/var/log/pods")) -> None:
        self._proc = proc
        self._pod_logs = pod_logs
        self._pods: dict[str, str] = {}

    def look_up(self, pid: int, memory_bytes: int | None) -> Process:
        """What is known of the process; a process of another PID namespace, or one that is gone, stays a number."""
        folder = self._proc / str(pid)
        try:
            name = clean((folder / "comm").read_text(errors="replace").strip(), limit=64)
            groups = (folder / "cgroup").read_text(errors="replace")
            owner = folder.stat().st_uid
        except OSError:
            return Process(pid, memory_bytes)
        return Process(pid, memory_bytes, name, _user(owner), self._label(groups))

    def _label(self, groups: str) -> str:
        job = _JOB.search(groups)
        if job is not None:
            return f"job:{job[1]}"
        pod = _POD.search(groups)
        return "" if pod is None else self._pod(pod[1].replace("_", "-"))

    def _pod(self, uid: str) -> str:
        if uid not in self._pods:
            self._pods = self._read_pods()
        return self._pods.setdefault(uid, "")

    def _read_pods(self) -> dict[str, str]:
        try:
            names = [_LOG_FOLDER.match(path.name) for path in self._pod_logs.iterdir()]
        except OSError:
            return {}
        return {found[3]: f"pod:{found[1]}/{found[2]}" for found in names if found is not None}


def owner_of(processes: tuple[Process, ...]) -> str:
    """The label of the process that holds the most memory of those that belong to a job or pod; "" for none."""
    labelled = [process for process in processes if process.label]
    largest = max(labelled, key=lambda process: process.memory_bytes or 0, default=None)
    return "" if largest is None else largest.label


def _user(uid: int) -> str:
    try:
        return clean(pwd.getpwuid(uid).pw_name, limit=64)
    except KeyError:
        return str(uid)
