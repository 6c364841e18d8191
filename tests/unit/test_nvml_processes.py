"""Whose a process is, by the control group it is in: Slurm's and Kubernetes' of both versions."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest

from crashcart.backends.nvml.processes import Process, ProcessTable, owner_of

UID = "2c48913c-b29f-11e7-9350-020968147796"
POD = UID.replace("-", "_")


def table(tmp_path: Path, groups: str, *pods: str) -> ProcessTable:
    folder = tmp_path / "proc" / "42"
    folder.mkdir(parents=True)
    (folder / "comm").write_text("py\x1bthon\n")
    (folder / "cgroup").write_text(groups)
    for pod in pods:
        (tmp_path / "pods" / pod).mkdir(parents=True)
    return ProcessTable(tmp_path / "proc", tmp_path / "pods")


@pytest.mark.parametrize(
    ("groups", "label"),
    [
        ("0::/system.slice/slurmstepd.scope/job_1077/step_batch/user/task_0\n", "job:1077"),
        ("9:memory:/slurm/uid_1000/job_12/step_0\n4:cpuset:/slurm/uid_1000/job_12\n", "job:12"),
        (f"0::/kubepods.slice/kubepods-burstable-pod{POD}.slice/cri-containerd-x.scope\n", "pod:ml/train-0"),
        (f"11:devices:/kubepods/besteffort/pod{UID}/0f3a\n", "pod:ml/train-0"),
        ("0::/user.slice/user-1000.slice/session-1.scope\n", ""),
        ("0::/job_x/step_0\n", ""),
    ],
)
def test_a_control_group_tells_the_job_or_pod(tmp_path: Path, groups: str, label: str) -> None:
    found = table(tmp_path, groups, f"ml_train-0_{UID}", "not-a-pod").look_up(42, 1)
    assert found == Process(42, 1, "py␛thon", getpass.getuser(), label)


def test_a_pod_that_kubelet_does_not_name_has_no_label(tmp_path: Path) -> None:
    assert table(tmp_path, f"0::/kubepods/pod{UID}/x\n").look_up(42, 1).label == ""


def test_a_process_that_is_gone_stays_a_number(tmp_path: Path) -> None:
    assert ProcessTable(tmp_path, tmp_path).look_up(7, None) == Process(7, None)


def test_our_own_process_is_found_in_the_real_proc() -> None:
    assert ProcessTable().look_up(os.getpid(), None).user == getpass.getuser()


def test_the_largest_process_with_a_job_or_pod_has_the_gpu() -> None:
    small, large = Process(1, 5, label="job:1"), Process(2, 9, label="job:2")
    assert owner_of((small, large, Process(3, 99))) == "job:2"
    assert owner_of((Process(3, 99),)) == ""
    assert owner_of((Process(1, None, label="pod:a/b"),)) == "pod:a/b"
