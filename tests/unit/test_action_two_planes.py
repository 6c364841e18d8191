"""A node of two schedulers is drained on both, in the right order, and read back on both."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from crashcart.ops.protocol import Finished, Progress, Refused
from tests.unit.runner_desk import Desk, content, is_private
from tests.unit.small_cluster import SmallCluster, job, node
from tests.unit.small_kube import SmallKube, kube_node, pod


@pytest.fixture
def kube() -> SmallKube:
    return SmallKube(
        [kube_node("gpu001", gpus_used=4), kube_node("gpu009")],
        [pod("llm-0", "gpu001"), pod("dcgm-x", "gpu001", gpus=0, is_daemon=True)],
    )


@pytest.fixture
def desk(kube: SmallKube, tmp_path: Path) -> Desk:
    slurm = SmallCluster(
        nodes=[replace(node(name), source="slurm") for name in ("gpu001", "gpu002")],
        jobs=[replace(job("41"), source="slurm")],
    )
    slurm.plane = "slurm"  # type: ignore[attr-defined]
    desk = Desk(slurm, tmp_path)
    desk.powers.append(kube)
    return desk


async def test_scheduling_stops_on_both_before_any_pod_is_moved(desk: Desk, kube: SmallKube) -> None:
    plan = await desk.previews("drain", "gpu001", reason="xid 79")

    (target,) = plan.targets
    assert target.commands == (
        "scontrol update nodename=gpu001 state=drain reason='crashcart:alice xid 79'",
        "kubectl cordon gpu001 crashcart:alice xid 79",
        "kubectl evict gpu001 llm-0 again",
    )
    assert target.state == "slurm: idle (IDLE), kubernetes: mixed (MIXED)"
    assert "evicts train/llm-0, 4 GPUs" in target.notes
    assert "1 pod stays: DaemonSets and static pods" in target.notes

    ended = await desk.confirms(plan)

    assert isinstance(ended, Finished)
    assert ended.state == "VERIFIED"
    assert ended.results[0].seen.startswith("slurm: drained (IDLE+DRAIN)")
    assert "kubernetes: cordoned (IDLE+CORDON)" in ended.results[0].seen
    assert set(kube.pods) == {"dcgm-x"}
    assert desk.cluster.nodes["gpu001"].is_draining
    told = [reply.detail for reply in desk.answers.sent if isinstance(reply, Progress)]
    assert "1 of 1 pods gone" in told


async def test_a_budget_that_blocks_is_shown_before_and_fails_with_its_numbers(desk: Desk, kube: SmallKube) -> None:
    kube.blocked["llm-0"] = "budget llm needs 63 healthy pods and has 63"

    plan = await desk.previews("drain", "gpu001", reason="xid 79")
    ended = await desk.confirms(plan)

    assert plan.targets[0].warnings == (
        "blocked: train/llm-0, 4 GPUs: budget llm needs 63 healthy pods and has 63",
    )  # fmt: skip
    assert isinstance(ended, Finished)
    assert ended.state == "FAILED"
    assert "budget llm needs 63" in ended.results[0].detail
    assert "cordoned" in ended.results[0].seen, "what was done stays, and is said"


async def test_without_eviction_pods_go_on(desk: Desk, kube: SmallKube) -> None:
    ended = await desk.does("drain", "gpu001", reason="xid 79", evict="no")

    assert ended.state == "VERIFIED"
    assert "llm-0" in kube.pods


async def test_a_cordon_moves_nothing(desk: Desk, kube: SmallKube) -> None:
    ended = await desk.does("cordon", "gpu001", reason="looking at it")

    assert ended.state == "VERIFIED"
    assert [change.argv[0] for change in kube.applied] == ["cordon"]
    assert desk.cluster.nodes["gpu001"].is_draining
    assert "llm-0" in kube.pods


async def test_a_node_of_one_plane_only_is_changed_there_only(desk: Desk, kube: SmallKube) -> None:
    await desk.does("drain", "gpu002", reason="fan")
    await desk.does("drain", "gpu009", reason="fan")

    assert [change.target for change in kube.applied] == ["gpu009"]
    assert [change.target for change in desk.cluster.applied] == ["gpu002"]


async def test_somebody_elses_cordon_is_not_overruled_by_accident(desk: Desk, kube: SmallKube) -> None:
    kube.nodes["gpu001"] = kube_node("gpu001", "CORDON", reason="XID 79 RESTART_BM", by="nvsentinel")

    plan = await desk.previews("resume", "gpu001")

    assert plan.targets[0].held_by == "nvsentinel: XID 79 RESTART_BM"
    assert plan.confirmation.foreign == "override"
    assert any(note.startswith("nothing to do in slurm: ") for note in plan.targets[0].notes)


async def test_resume_takes_both_back(desk: Desk, kube: SmallKube) -> None:
    await desk.does("cordon", "gpu001", reason="looking")

    ended = await desk.does("resume", "gpu001")

    assert ended.state == "VERIFIED"
    assert kube.nodes["gpu001"].flags == ()
    assert not desk.cluster.nodes["gpu001"].is_draining


async def test_a_reboot_waits_until_the_other_plane_is_drained(desk: Desk, kube: SmallKube) -> None:
    refused = await desk.is_refused("reboot", "gpu001", reason="kernel")
    assert "kubernetes still places work on it: drain it first" in refused.why

    await desk.does("drain", "gpu001", reason="kernel")
    assert (await desk.does("reboot", "gpu001", reason="kernel")).state == "VERIFIED"


async def test_a_plane_that_does_not_answer_is_said_and_left_alone(desk: Desk, kube: SmallKube) -> None:
    kube.is_cut = True

    plan = await desk.previews("drain", "gpu001", reason="xid 79")
    ended = await desk.confirms(plan)

    assert plan.warnings == ("not read, so nothing is done there: kubernetes: the API does not answer",)
    assert isinstance(ended, Finished)
    assert ended.state == "VERIFIED"
    assert kube.applied == []


async def test_a_plane_that_is_lost_in_the_middle_is_never_verified(desk: Desk, kube: SmallKube) -> None:
    plan = await desk.previews("drain", "gpu001", reason="xid 79")

    def cut() -> None:
        kube.is_cut = True

    desk.cluster.on_apply = cut
    ended = await desk.confirms(plan)

    assert isinstance(ended, Finished)
    assert ended.state in ("FAILED", "UNKNOWN", "PARTIAL")
    assert "kubernetes" in ended.results[0].detail


async def test_jobs_whose_pods_are_evicted_are_at_risk(desk: Desk, kube: SmallKube) -> None:
    kube.jobs["train/llm"] = replace(job("7"), id="train/llm", source="kubernetes", node_list="gpu001", gpus=8)

    drained = await desk.previews("drain", "gpu001", reason="xid 79")
    cordoned = await desk.previews("cordon", "gpu001", reason="xid 79")

    assert [hit.id for hit in drained.impact.jobs] == ["41", "train/llm"]
    assert (drained.impact.gpu_hours_at_risk or 0) > 0
    assert cordoned.impact.gpu_hours_at_risk == 0


@pytest.mark.parametrize(
    ("name", "value"), [("evict", "maybe"), ("minutes", "0"), ("minutes", "999"), ("minutes", "x")]
)
async def test_wrong_ways_of_draining_are_refused(desk: Desk, name: str, value: str) -> None:
    refused = await desk.is_refused("drain", "gpu001", reason="x", **{name: value})

    assert refused.code == "usage"
    assert name in refused.why


async def test_the_cluster_says_who_we_are_and_what_it_would_refuse(desk: Desk, kube: SmallKube) -> None:
    plan = await desk.previews("drain", "gpu001", reason="x")
    assert plan.acting_as == ("kubernetes: oncall (groups: system:authenticated)",)

    kube.refusals[("drain", "gpu001")] = 'User "viewer" cannot patch resource "nodes"'
    answer = await desk.confirms(plan)

    assert isinstance(answer, Refused)
    assert answer.why == 'kubernetes would refuse drain on gpu001: User "viewer" cannot patch resource "nodes"'
    assert (await desk.is_refused("drain", "gpu001", reason="x")).code == "unavailable"
    assert kube.applied == []
    assert (await desk.previews("drain", "gpu002", reason="x")).acting_as == ()


async def test_what_a_job_printed_is_read_saved_and_cleaned(desk: Desk, kube: SmallKube) -> None:
    kube.jobs["train/llm"] = replace(job("7"), id="train/llm", source="kubernetes", node_list="gpu001")

    ended = await desk.does("logs", "train/llm", lines="2")

    (result,) = ended.results
    assert (result.state, result.detail) == ("VERIFIED", "2 lines")
    assert result.output == "loss ␛[31m0.5␛[0m\nTraceback"
    assert content(result.saved).decode() == result.output
    assert is_private(result.saved or "")
    assert "can read what jobs of slurm print" in (await desk.is_refused("logs", "41")).why
