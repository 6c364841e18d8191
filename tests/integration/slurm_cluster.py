"""A real Slurm cluster on this host, on loopback: four GPU nodes of eight fake H100 and a CPU node."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from crashcart.backends.contract import Context
from crashcart.backends.slurm.options import Options
from crashcart.ops.links import SessionLinks
from crashcart.ops.session import ClusterSession

from .slurm_config import write
from .slurm_daemons import POLL_SECONDS, Daemons, missing, until

DATA = Path(__file__).parents[1] / "data" / "slurm"
NEEDED = ("slurmctld", "slurmd", "scontrol", "munged", "setpriv")
NEEDED_FOR_ACCOUNTING = ("slurmdbd", "mariadbd")
COMMANDS = ("scontrol", "squeue", "sinfo", "scancel")
START_SECONDS = 60.0

Fields = dict[str, str]

_KEY = re.compile(r"(?:^|\s)([A-Z][A-Za-z/:]*)=")


def fields(line: str) -> Fields:
    """A `scontrol -o` line, split without the product's own parser so that the two can disagree."""
    parts = _KEY.split(line)
    return dict(zip(parts[1::2], (value.strip() for value in parts[2::2]), strict=True))


class SlurmCluster:
    """Up after `with SlurmCluster() as cluster`; all of it is gone afterwards, also after a failure."""

    def __init__(self, *, gpu_nodes: int = 4, dbd: bool = False) -> None:
        self.gpu_nodes = tuple(f"gpu{number:02}" for number in range(1, gpu_nodes + 1))
        self.nodes = (*self.gpu_nodes, "cpu01")
        self.name = "crash"
        self._dbd = dbd
        self.home = Path(tempfile.mkdtemp(prefix="cc-slurm-"))
        self.env = {
            "SLURM_CONF": str(self.home / "slurm.conf"),
            "PATH": os.environ["PATH"],
            "LC_ALL": "C",
            "SLURM_TIME_FORMAT": "standard",
        }
        self.daemons = Daemons(self.home, self.env)

    def __enter__(self) -> SlurmCluster:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End jobs and daemons, remove the directory."""
        try:
            if self.daemons.runs("slurmctld"):
                self._end_jobs()
        finally:
            self.daemons.stop_all()
            shutil.rmtree(self.home, ignore_errors=True)

    # what an operator does

    def run(self, *argv: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run a Slurm command against this cluster."""
        return subprocess.run(
            argv, capture_output=True, text=True, errors="surrogateescape", env=self.env, check=False, timeout=timeout
        )

    def must(self, *argv: str) -> str:
        """Run a command that has to succeed and return its output."""
        done = self.run(*argv)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr or done.stdout}"
        return done.stdout

    def submit(
        self, *sbatch_args: str, script: str | Path = "checkpointing-job.sh", directory: Path | None = None
    ) -> str:
        """Submit a script of tests/data/slurm (or a path), working in `directory` or `home/out`; return the job id."""
        where = directory or self.home / "out"
        done = self.must(
            "sbatch", "--parsable", f"--chdir={where}", f"--output={where}/%j.log", *sbatch_args, str(DATA / script)
        )
        return done.strip()

    def show_node(self, name: str) -> Fields:
        """Fields of `scontrol show node -o`."""
        return fields(self.must("scontrol", "show", "node", "-d", "-o", name))

    def show_job(self, job: str) -> Fields:
        """Fields of `scontrol show job -o`; empty when the job is gone."""
        done = self.run("scontrol", "show", "job", "-d", "-o", job)
        return fields(done.stdout.splitlines()[0]) if done.returncode == 0 else {}

    def wait_node(self, name: str, predicate: Callable[[Fields], bool], timeout: float = 15.0) -> Fields:
        """Poll a node until `predicate` holds of its fields. Raises TimeoutError with what was seen last."""
        return self._wait(f"node {name}", lambda: self.show_node(name), predicate, timeout)

    def wait_job(self, job: str, predicate: Callable[[Fields], bool], timeout: float = 15.0) -> Fields:
        """Poll a job until `predicate` holds of its fields (empty: gone). Raises TimeoutError."""
        return self._wait(f"job {job}", lambda: self.show_job(job), predicate, timeout)

    def running(self, *sbatch_args: str, script: str = "checkpointing-job.sh", directory: Path | None = None) -> str:
        """Submit a job and wait until its script has begun; return its id."""
        job = self.submit(*sbatch_args, script=script, directory=directory)
        log = (directory or self.home / "out") / f"{job}.log"
        until(f"job {job} has begun", lambda: log.exists() and "begun" in log.read_text(), 20)
        return job

    def wait_text(self, path: Path, text: str, timeout: float = 15.0) -> None:
        """Poll until a file holds `text`. Raises TimeoutError."""
        until(f"{text!r} in {path}", lambda: path.exists() and text in path.read_text(), timeout)

    def directory(self) -> Path:
        """A fresh directory for one job."""
        return Path(tempfile.mkdtemp(dir=self.home / "out"))

    def commands_directory(self, **scripts: str) -> Path:
        """A directory for the option `bin_dir`: Slurm's commands, some replaced by shell text that may call `$real`."""
        commands = self.directory()
        commands.chmod(0o755)
        for name in COMMANDS:
            real = shutil.which(name)
            text = scripts.get(name, 'exec "$real" "$@"')
            (commands / name).write_text(f"#!/bin/sh\nreal={real}\n{text}\n")
            (commands / name).chmod(0o755)
        return commands

    # between tests

    def reset(self) -> None:
        """Cancel all jobs, resume all nodes, and wait until everything is idle."""
        self._end_jobs()
        for name in self.nodes:
            self._bring_back(name)
        until("all nodes idle", self.is_idle, 30)

    def is_idle(self) -> bool:
        """Whether no job is there and every node may take one."""
        states = self.must("sinfo", "-h", "-N", "-o", "%T").split()
        return len(states) > 0 and set(states) == {"idle"} and not self.must("squeue", "-h", "-o", "%A").split()

    # for Crashcart

    def table(self, **options: Any) -> dict[str, Any]:
        """The table `[cluster.NAME.slurm]` for this cluster."""
        return {"env": {"SLURM_CONF": self.env["SLURM_CONF"]}, "interval_seconds": 1.0, **options}

    def context(self, **options: Any) -> Context:
        """What the slurm backend is made from."""
        cluster = ClusterSession(self.name, backends={"slurm": self.table(**options)})
        return SessionLinks(cluster).context(msgspec.convert(self.table(**options), Options))

    def start_controller(self) -> None:
        """Start slurmctld (again)."""
        self.daemons.start("slurmctld", ("slurmctld", "-D"))

    def start_node(self, name: str) -> None:
        """Start the slurmd of a node (again)."""
        self.daemons.start(f"slurmd-{name}", ("slurmd", "-D", "-N", name))

    def _start(self) -> None:
        needed = (*NEEDED, *(NEEDED_FOR_ACCOUNTING if self._dbd else ()))
        assert (reason := missing(*needed)) is None, reason
        self.home.chmod(0o755)  # nobody, too, must find the configuration and the munge socket
        for name in ("munge", "state", "run", "log", "spool", "dev", "out", *(f"spool/{node}" for node in self.nodes)):
            (self.home / name).mkdir()
            (self.home / name).chmod(0o755)
        write(self.home, len(self.gpu_nodes), dbd=self._dbd)
        self.daemons.start_munge()
        if self._dbd:
            self.daemons.start_accounting()
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)
        until(f"all nodes idle ({self.home}/log)", self._has_come_up, START_SECONDS)

    def _has_come_up(self) -> bool:
        return self.run("sinfo", "-h", "-o", "%T").stdout.split() == ["idle"]

    def _end_jobs(self) -> None:
        jobs = self.run("squeue", "-h", "-o", "%A").stdout.split()
        if jobs:
            self.run("scancel", "--signal=KILL", "--full", *jobs)
            self.run("scancel", *jobs)
            until("no job is left", lambda: not self.run("squeue", "-h", "-o", "%A").stdout.split(), 30)

    def _bring_back(self, name: str) -> None:
        flags = set(self.show_node(name)["State"].split("+"))
        if "REBOOT_REQUESTED" in flags:
            self.run("scontrol", "cancel_reboot", name)
        if flags & {"DRAIN", "DOWN", "FAIL"}:
            self.run("scontrol", "update", f"nodename={name}", "state=resume")

    def _wait(
        self, what: str, read: Callable[[], Fields], predicate: Callable[[Fields], bool], timeout: float
    ) -> Fields:
        ends = time.monotonic() + timeout
        while True:
            seen = read()
            if predicate(seen):
                return seen
            if time.monotonic() > ends:
                raise TimeoutError(f"{what} after {timeout:g} s: {seen}")
            time.sleep(POLL_SECONDS)
