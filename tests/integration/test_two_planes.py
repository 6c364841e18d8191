"""One machine, two schedulers: a real Slurm and a Kubernetes behind a real executor agree about it afterwards."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crashcart.ops.protocol import Finished, Progress, Refused
from crashcart.ops.session import ClusterSession
from tests.fakes.kubeapi.objects.jobs import budget, job
from tests.fakes.kubeapi.objects.pods import pod

from .executor_desk import Desk
from .kubernetes_cluster import KubernetesCluster
from .slurm_cluster import SlurmCluster

pytestmark = pytest.mark.real

NODE, OWN = "gpu01", "gpu-0001"
ONLY_KUBERNETES = "gpu00"
RULES = ((r"gpu-00(\d\d)", r"gpu\1"),)


class Machine:
    """gpu01 of Slurm, which is gpu-0001 of Kubernetes."""

    def __init__(self, slurm: SlurmCluster, kubernetes: KubernetesCluster) -> None:
        self.slurm, self.kubernetes = slurm, kubernetes

    @property
    def slurm_state(self) -> str:
        return self.slurm.show_node(NODE)["State"]

    @property
    def slurm_reason(self) -> str:
        return self.slurm.show_node(NODE).get("Reason", "")

    @property
    def is_cordoned(self) -> bool:
        return bool(self.kubernetes.get("nodes", OWN)["spec"].get("unschedulable"))

    @property
    def kube_reason(self) -> str:
        annotations: dict[str, str] = self.kubernetes.get("nodes", OWN)["metadata"].get("annotations") or {}
        return annotations.get("crashcart.io/cordoned-reason", "")

    def pods(self) -> list[str]:
        """Pods on the machine, by name."""
        found = self.kubernetes.items("pods", query=f"fieldSelector=spec.nodeName={OWN}")
        return sorted(one["metadata"]["name"] for one in found)

    def runs(self, name: str, *, healthy: int | None = None, gpus: int = 2) -> str:
        """A job of one pod on the machine, which a budget may keep there; the pod's name."""
        self.kubernetes.create(job(name, gpus=gpus, node_selector={"kubernetes.io/hostname": OWN}))
        (made,) = self.kubernetes.running(f"app={name}", 1)
        if healthy is not None:
            self.kubernetes.create(budget(name, match={"app": name}, min_available=healthy))
            self.kubernetes.until(lambda: self._is_counted(name), f"budget {name} that is counted")
        return str(made["metadata"]["name"])

    def _is_counted(self, name: str) -> bool:
        status = self.kubernetes.get("poddisruptionbudgets.policy", name)["status"]
        return bool(status.get("observedGeneration")) and status["currentHealthy"] == status["expectedPods"]


def session_of(slurm: SlurmCluster, kubernetes: KubernetesCluster, user: str = "oncall", **more: str) -> ClusterSession:
    table = {"kubeconfig": str(kubernetes.kubeconfig), "context": user, "timeout_seconds": 2.0}
    backends = {"slurm": slurm.table(**more), "kubernetes": table}
    return ClusterSession(slurm.name, backends=backends, node_rules=RULES)


@pytest.fixture
def machine(slurm: SlurmCluster, kubernetes: KubernetesCluster) -> Machine:
    kubernetes.control  # noqa: B018 - names and faults are those of the fake
    kubernetes.make_nodes(3)
    return Machine(slurm, kubernetes)


@pytest.fixture
async def desk(machine: Machine, tmp_path: Path) -> AsyncIterator[Desk]:
    async with Desk(session_of(machine.slurm, machine.kubernetes), tmp_path) as desk:
        yield desk


async def test_a_drain_stops_both_moves_the_pods_and_is_read_back_on_both(desk: Desk, machine: Machine) -> None:
    name = machine.runs("llm")
    plan = await desk.plan("drain", NODE, reason="xid 79", ticket="INC-1")

    (target,) = plan.targets
    assert [command.split()[0] for command in target.commands] == ["scontrol", "kubectl", "kubectl"]
    assert f"cordon {OWN} && " in target.commands[1]
    assert f" drain {OWN} --ignore-daemonsets" in target.commands[2]
    assert target.state == "slurm: idle (IDLE), kubernetes: mixed (MIXED)"
    assert f"evicts train/{name}, 2 GPUs: its Job counts a failure, 5 more may follow" in target.notes
    assert plan.acting_as == ("kubernetes: oncall (groups: oncall, system:authenticated)",)
    assert [hit.id for hit in plan.impact.jobs] == ["train/llm"]

    finished = await desk.confirm(plan)
    assert isinstance(finished, Finished)
    (result,) = finished.results
    assert (finished.state, result.detail) == ("VERIFIED", "")
    assert result.seen.startswith("slurm: drained (IDLE+DRAIN), reason: crashcart:root INC-1 xid 79")
    assert "kubernetes: cordoned (IDLE+CORDON), reason: crashcart:root INC-1 xid 79" in result.seen
    assert machine.slurm_state == "IDLE+DRAIN"
    assert machine.slurm_reason.startswith("crashcart:root INC-1 xid 79")
    assert machine.is_cordoned
    assert machine.kube_reason == "crashcart:root INC-1 xid 79"
    assert machine.pods() == []
    assert any("1 of 1 pods gone" in news.detail for news in desk.progress if isinstance(news, Progress))
    assert [record["phase"] for record in desk.audit()] == ["intent", "start", "end"]


async def test_a_resume_takes_both_back(desk: Desk, machine: Machine) -> None:
    await desk.act_on("cordon", NODE, reason="looking")
    result = await desk.act_on("resume", NODE)

    assert result.state == "VERIFIED", result
    assert machine.slurm_state == "IDLE"
    assert not machine.is_cordoned
    assert machine.kube_reason == ""


async def test_a_budget_that_blocks_is_shown_before_and_after_with_its_numbers(desk: Desk, machine: Machine) -> None:
    kept, free = machine.runs("kept", healthy=1), machine.runs("free")
    plan = await desk.plan("drain", NODE, reason="fan", evict="once")
    (target,) = plan.targets
    why = "budget kept needs 1 healthy pods and has 1"
    assert any(line.startswith(f"blocked: train/{kept}, 2 GPUs: {why}") for line in target.warnings)

    finished = await desk.confirm(plan)
    assert isinstance(finished, Finished)
    (result,) = finished.results
    assert result.state == "FAILED"
    assert f"train/{kept} was not evicted: {why}; 1 of 2 pods are gone" in result.detail
    assert "slurm: drained" in result.seen, "what was done stays, and is said"
    assert machine.is_cordoned
    assert machine.pods() == [kept]
    assert free not in machine.pods()


async def test_a_budget_that_frees_lets_the_drain_come_to_its_end(desk: Desk, machine: Machine) -> None:
    machine.runs("kept", healthy=1)
    draining = asyncio.create_task(desk.act_on("drain", NODE, reason="fan", minutes="1"))
    async with asyncio.timeout(30):
        while not any("waits: budget kept" in news.detail for news in desk.progress):
            assert not draining.done(), draining.result()
            await asyncio.sleep(0.05)
    machine.kubernetes.call("DELETE", machine.kubernetes.path("poddisruptionbudgets.policy", "kept"))

    assert (await draining).state == "VERIFIED"
    assert machine.pods() == []


async def test_a_slurm_job_runs_on_while_pods_are_moved(desk: Desk, machine: Machine) -> None:
    running = machine.slurm.running("--gres=gpu:h100:4", f"--nodelist={NODE}")
    machine.runs("llm")
    result = await desk.act_on("drain", NODE, reason="fan")

    assert result.state == "VERIFIED"
    assert machine.slurm_state == "MIXED+DRAIN"
    assert machine.slurm.show_job(running)["JobState"] == "RUNNING"
    assert machine.pods() == []


async def test_somebody_elses_cordon_is_not_taken_away_by_accident(desk: Desk, machine: Machine) -> None:
    marks = {"k8saas.nvidia.com/cordon-by": "NVSentinel", "k8saas.nvidia.com/cordon-reason": "GPU-fatal-error"}
    machine.kubernetes.patch("nodes", OWN, {"metadata": {"labels": marks}, "spec": {"unschedulable": True}})
    plan = await desk.plan("resume", NODE)
    assert plan.targets[0].held_by == "NVSentinel: GPU-fatal-error"
    assert any(note.startswith("nothing to do in slurm: ") for note in plan.targets[0].notes)

    refused = await desk.confirm(plan)
    assert isinstance(refused, Refused) and refused.code == "confirmation"
    assert machine.is_cordoned

    finished = await desk.confirm(plan, foreign_typed="override")
    assert isinstance(finished, Finished) and finished.state == "VERIFIED"
    assert not machine.is_cordoned


async def test_a_node_that_changed_since_the_preview_is_left(desk: Desk, machine: Machine) -> None:
    plan = await desk.plan("cordon", NODE, reason="fan")
    machine.kubernetes.patch("nodes", OWN, {"spec": {"unschedulable": True}})
    refused = await desk.confirm(plan)

    assert isinstance(refused, Refused) and refused.code == "expired"
    assert machine.slurm_state == "IDLE"


async def test_an_api_that_freezes_half_way_leaves_slurm_done_and_says_so(machine: Machine, tmp_path: Path) -> None:
    done, go = tmp_path / "done", tmp_path / "go"
    slow = slow_slurm(tmp_path / "bin", done, go)
    async with Desk(session_of(machine.slurm, machine.kubernetes, bin_dir=str(slow)), tmp_path) as desk:
        plan = await desk.plan("drain", NODE, reason="fan")
        draining = asyncio.create_task(desk.confirm(plan))
        await asyncio.to_thread(machine.kubernetes.until, done.exists, "a node that Slurm has drained")
        machine.kubernetes.control.freeze()
        go.touch()
        try:
            finished = await draining
        finally:
            machine.kubernetes.control.heal()

    assert isinstance(finished, Finished)
    (result,) = finished.results
    assert result.state in ("UNKNOWN", "FAILED")
    assert "kubernetes" in result.detail or "does not answer" in result.detail
    assert "slurm: drained" in result.seen
    assert machine.slurm_state == "IDLE+DRAIN"


async def test_an_api_that_is_frozen_from_the_start_is_said_and_left_alone(desk: Desk, machine: Machine) -> None:
    await desk.plan("drain", NODE, reason="fan")
    machine.kubernetes.control.freeze()
    try:
        plan = await desk.plan("drain", NODE, reason="fan")
        (warning,) = plan.warnings
        assert warning.startswith("not read, so nothing is done there: 127.0.0.1:")
        assert warning.endswith("timed out)")
        assert [command.split()[0] for command in plan.targets[0].commands] == ["scontrol"]
        finished = await desk.confirm(plan)
    finally:
        machine.kubernetes.control.heal()
    assert isinstance(finished, Finished) and finished.state == "VERIFIED"
    assert machine.slurm_state == "IDLE+DRAIN"
    assert not machine.is_cordoned


async def test_a_viewer_is_refused_before_slurm_is_touched(machine: Machine, tmp_path: Path) -> None:
    async with Desk(session_of(machine.slurm, machine.kubernetes, "viewer"), tmp_path) as desk:
        refused = await desk.refused("drain", NODE, reason="fan")
    assert refused.why == (
        f'kubernetes would refuse drain on {NODE}: User "viewer" cannot patch resource "nodes" in API group ""'
        " at the cluster scope"
    )
    assert machine.slurm_state == "IDLE"


async def test_a_machine_that_only_kubernetes_knows_is_drained_there(desk: Desk, machine: Machine) -> None:
    machine.kubernetes.create(pod("bare", node="gpu-0000", gpus=1))
    result = await desk.act_on("drain", ONLY_KUBERNETES, reason="fan")

    assert result.state == "VERIFIED", result
    assert result.seen == "cordoned (IDLE+CORDON), reason: crashcart:root fan"
    assert machine.slurm_state == "IDLE"


async def test_jobs_of_both_stand_side_by_side_and_each_goes_to_its_own(desk: Desk, machine: Machine) -> None:
    running = machine.slurm.running(f"--nodelist={NODE}")
    machine.runs("llm")
    results = await desk.act("requeue", "train/llm")
    assert [result.state for result in results] == ["VERIFIED"], results
    assert machine.slurm.show_job(running)["JobState"] == "RUNNING"
    machine.kubernetes.running("app=llm", 1)

    held = await desk.act_on("requeue-hold", "train/llm")
    assert (held.state, held.seen) == ("VERIFIED", "SUSPENDED (suspended), restarts 0")
    released = await desk.act_on("release", "train/llm")
    assert released.state == "VERIFIED", released
    machine.kubernetes.running("app=llm", 1)
    cancelled = await desk.act_on("cancel", "train/llm")
    assert cancelled.state == "VERIFIED", cancelled
    machine.kubernetes.until(lambda: machine.pods() == [], "machine without pods")


def slow_slurm(folder: Path, done: Path, go: Path) -> Path:
    """Slurm's commands; one that changed something waits for `go` once it has made `done`."""
    folder.mkdir()
    for name in ("squeue", "sinfo", "scancel"):
        (folder / name).symlink_to(shutil.which(name) or name)
    script = folder / "scontrol"
    script.write_text(
        f'#!/bin/sh\n{shutil.which("scontrol")} "$@"\ncode=$?\ncase " $* " in *" update "*)\n'
        f"  touch {done}; while [ ! -e {go} ]; do sleep 0.05; done;;\nesac\nexit $code\n"
    )
    script.chmod(0o755)
    return folder
