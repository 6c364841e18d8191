"""The terminal is killed in the middle of an action: the executor finishes it, reads it back and puts it on record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crashcart.ops.audit_read import Record, open_actions, read, verify
from crashcart.ops.session import ClusterSession, encode_session

from .executor_desk import session_of
from .slurm_cluster import SlurmCluster
from .slurm_daemons import until
from .test_slurm_checkpoints import PROFILE

pytestmark = pytest.mark.real


def test_an_action_outlives_its_killed_terminal_and_ends_verified(slurm: SlurmCluster, tmp_path: Path) -> None:
    job = slurm.running("--gres=gpu:h100:8", directory=slurm.directory())
    cluster = ClusterSession(slurm.name, backends={"slurm": slurm.table()}, checkpoint=(PROFILE,))
    session = session_of(cluster, tmp_path)
    session_file = tmp_path / "session.json"
    session_file.write_bytes(encode_session(session))
    audit = Path(session.audit_file)
    cockpit = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("doomed_cockpit.py")), str(session_file), "checkpoint", job],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with cockpit:
        assert cockpit.stdout is not None
        plan_id = cockpit.stdout.readline().strip()
        os.killpg(cockpit.pid, signal.SIGHUP)
        os.killpg(cockpit.pid, signal.SIGKILL)
        cockpit.wait()
        assert "finished" not in cockpit.stdout.read()
    phases: list[Record] = list(read(audit))
    assert [record["phase"] for record in phases] == ["intent", "start"], "it was killed in the middle"
    until("the action has ended on record", lambda: len(list(read(audit))) == 3, 30)
    end = list(read(audit))[-1]
    assert (end["id"], end["phase"], end["state"]) == (plan_id, "end", "VERIFIED")
    assert open_actions(audit) == ()
    assert verify(audit).bad is None
    assert slurm.show_job(job)["JobState"] == "RUNNING"
