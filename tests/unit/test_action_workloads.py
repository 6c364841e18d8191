"""Workloads of Kubernetes are held by suspending them: what that means for each verb, and what proves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from crashcart.backends.contract import Change, CommandResult
from crashcart.backends.model import Job
from crashcart.ops.protocol import Refused
from tests.unit.runner_desk import Desk
from tests.unit.small_cluster import NOW, SmallCluster, job, node
from tests.unit.small_kube import SmallKube, kube_node


class KubeJobs(SmallKube):
    """Suspends and resumes its jobs; `resumes` is False where a requeue gets stuck half way."""

    resumes = True
    uncordoned_flags: tuple[str, ...] = ()

    def hold(self, job: str) -> Change:
        return self._change(job, "suspend", job)

    def release(self, job: str) -> Change:
        return self._change(job, "resume", job)

    def requeue(self, job: str) -> Change:
        return self._change(job, "requeue", job)

    def requeue_hold(self, job: str) -> Change:
        return self._change(job, "suspend", job)

    def cancel(self, job: str) -> Change:
        return self._change(job, "delete", job)

    async def observe_jobs(self, ids: object) -> tuple[Job, ...]:
        self._reach()
        return tuple(self.jobs.values())

    async def apply_telling(
        self,
        change: Change,
        *,
        timeout: float,  # noqa: ASYNC109
        told: Callable[[str], None],
    ) -> CommandResult:
        verb, name = change.argv
        if verb == "uncordon":
            self.nodes[name] = replace(self.nodes[name], flags=self.uncordoned_flags, reason=None, reason_by=None)
            return CommandResult("ok", None)
        before = self.jobs[name]
        match verb:
            case "suspend":
                self.jobs[name] = suspended(before)
            case "resume":
                self.jobs[name] = replace(before, state="PENDING")
            case "requeue":
                again = replace(before, start_time=NOW + 1, restarts=0)
                self.jobs[name] = again if self.resumes else suspended(before)
            case "delete":
                del self.jobs[name]
        return CommandResult("unknown" if self.loses_answers else "ok", None)


def workload(name: str, state: str = "RUNNING", kind: str = "Job", **more: object) -> Job:
    made = replace(job("1", state), id=f"train/{name}", source="kubernetes", workload=kind, priority=0, restarts=2)
    return replace(made, **more) if more else made


def suspended(before: Job) -> Job:
    return replace(before, state="SUSPENDED", start_time=None, node_list="", reason="suspended")


@pytest.fixture
def kube() -> KubeJobs:
    return KubeJobs(
        [kube_node("gpu009")],
        jobs=[
            workload("llm"),
            workload("waits", "PENDING"),
            workload("held", "SUSPENDED", node_list="", start_time=None),
            workload("bare.pod", kind="Pod", requeueable=False),
            workload("queued", "SUSPENDED", node_list="", start_time=None, managed_by="kueue"),
        ],
    )


@pytest.fixture
def desk(kube: KubeJobs, tmp_path: Path) -> Desk:
    slurm = SmallCluster(jobs=[replace(job("41", "SUSPENDED"), source="slurm")])
    slurm.plane = "slurm"  # type: ignore[attr-defined]
    desk = Desk(slurm, tmp_path)
    desk.powers.append(kube)
    return desk


async def test_a_workload_that_waits_is_held_and_released(desk: Desk, kube: KubeJobs) -> None:
    assert (await desk.does("hold", "train/waits")).state == "VERIFIED"
    assert kube.jobs["train/waits"].state == "SUSPENDED"

    ended = await desk.does("release", "train/waits")
    assert (ended.state, ended.results[0].seen) == ("VERIFIED", "PENDING (suspended)")


async def test_priority_zero_of_pods_is_no_hold(desk: Desk) -> None:
    refused = await desk.is_refused("release", "train/waits")
    assert refused.why == "job train/waits is not held (PENDING)"


async def test_a_hold_never_stops_what_runs(desk: Desk, kube: KubeJobs) -> None:
    refused = await desk.is_refused("hold", "train/llm")
    assert "requeue-hold" in refused.why
    assert kube.jobs["train/llm"].state == "RUNNING"


async def test_a_requeue_is_proved_by_a_new_start(desk: Desk) -> None:
    plan = await desk.previews("requeue", "train/llm")
    assert "it is suspended until its pods are gone; that counts as no failure of it" in plan.targets[0].notes
    assert not any("BeginTime" in note for note in plan.targets[0].notes)

    ended = await desk.does("requeue", "train/llm")
    assert (ended.state, ended.results[0].seen) == ("VERIFIED", "RUNNING, restarts 0, started anew")


async def test_a_requeue_that_stays_suspended_is_not_verified(desk: Desk, kube: KubeJobs) -> None:
    kube.resumes = False
    ended = await desk.does("requeue", "train/llm")
    assert ended.state == "FAILED"
    assert "it is suspended and was not resumed: release it" in ended.results[0].detail


async def test_a_requeue_whose_answer_was_lost_and_that_stays_suspended_is_not_known(
    desk: Desk, kube: KubeJobs
) -> None:
    kube.resumes, kube.loses_answers = False, True
    assert (await desk.does("requeue", "train/llm")).state == "UNKNOWN"


async def test_requeue_hold_is_proved_by_the_suspension(desk: Desk) -> None:
    ended = await desk.does("requeue-hold", "train/llm")
    assert (ended.state, ended.results[0].seen) == ("VERIFIED", "SUSPENDED (suspended), restarts 2")


@pytest.mark.parametrize(
    ("verb", "target", "why"),
    [
        ("requeue", "train/held", "job train/held waits in the queue already (SUSPENDED)"),
        ("hold", "train/held", "job train/held is held already (SUSPENDED)"),
        ("requeue", "train/bare.pod", "is a bare Pod: nothing makes it again; it can be cancelled, not requeued"),
    ],
)
async def test_what_makes_no_sense_is_refused(desk: Desk, verb: str, target: str, why: str) -> None:
    assert why in (await desk.is_refused(verb, target)).why


async def test_a_suspended_workload_loses_no_work_when_it_is_cancelled(desk: Desk, kube: KubeJobs) -> None:
    plan = await desk.previews("cancel", "train/held")
    assert plan.targets[0].notes == ("it has not started, so no work is lost",)
    assert plan.impact.gpu_hours_at_risk == 0.0
    assert (await desk.does("cancel", "train/held")).state == "VERIFIED"
    assert "train/held" not in kube.jobs


async def test_who_decides_is_said_before_a_release(desk: Desk) -> None:
    plan = await desk.previews("release", "train/queued")
    assert plan.targets[0].warnings == ("kueue decides when it starts",)


async def test_a_suspended_job_of_slurm_still_holds_its_nodes(desk: Desk) -> None:
    suspended_job = job("41", "SUSPENDED")
    assert suspended_job.is_running
    assert not suspended_job.is_pending


async def test_an_uncordon_does_not_wait_for_a_kubelet_that_is_gone(desk: Desk, kube: KubeJobs) -> None:
    kube.nodes["gpu009"] = kube_node("gpu009", "CORDON", "NOT_READY", reason="crashcart:alice x", by="alice")
    kube.uncordoned_flags = ("NOT_READY",)
    ended = await desk.does("resume", "gpu009")
    assert ended.state == "VERIFIED"
    assert ended.results[0].detail == "it is not ready all the same"


async def test_a_node_that_is_only_not_ready_has_nothing_to_resume(desk: Desk, kube: KubeJobs) -> None:
    kube.nodes["gpu009"] = kube_node("gpu009", "NOT_READY")
    refused = await desk.is_refused("resume", "gpu009")
    assert refused.why == "gpu009 is down (IDLE+NOT_READY): it is not cordoned, so there is nothing to resume"


async def test_what_another_plane_says_of_a_node_binds_the_preview_too(desk: Desk, kube: KubeJobs) -> None:
    desk.cluster.nodes["gpu009"] = replace(node("gpu009"), source="slurm")
    plan = await desk.previews("drain", "gpu009", reason="fan")
    kube.nodes["gpu009"] = kube_node("gpu009", "CORDON", reason="GPU-fatal-error", by="NVSentinel")
    refused = await desk.confirms(plan)

    assert isinstance(refused, Refused)
    assert refused.why == (
        "gpu009 has changed since the preview: in kubernetes was idle (IDLE),"
        " is cordoned (IDLE+CORDON), GPU-fatal-error"
    )
    assert desk.cluster.applied == []


async def test_a_plane_that_answers_again_makes_a_preview_without_it_untrue(desk: Desk, kube: KubeJobs) -> None:
    desk.cluster.nodes["gpu009"] = replace(node("gpu009"), source="slurm")
    kube.is_cut = True
    plan = await desk.previews("drain", "gpu009", reason="fan")
    kube.is_cut = False
    refused = await desk.confirms(plan)

    assert isinstance(refused, Refused)
    assert refused.why == "gpu009 has changed since the preview: in kubernetes was not known, is idle (IDLE)"
