"""A node that Slurm and Kubernetes know, workloads among jobs, pods: what the screen shows and what can be done."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from crashcart.backends.model import GpuColumn, GpuRows
from tests.entities import float_column

from .clock import START
from .cluster import CLUSTER, everything, listing, source
from .desk import Desk, desk
from .scripted import ScriptedExecutor
from .two_planes import BUDGETS, EVENTS, JOBS, NODES, ORIGIN, PODS, kube_node, kubernetes, two_planes, workload

DOWN = source(ORIGIN, "down", 190.0, "connection refused: https://api.example:6443")


async def command(it: Desk, line: str) -> Desk:
    await it.press("colon")
    await it.types(line)
    return await it.press("enter")


async def filtered(it: Desk, text: str) -> Desk:
    await it.press("slash")
    await it.types(text)
    return await it.press("enter")


async def test_the_node_list_says_where_planes_disagree_and_who_holds_what_where() -> None:
    async with desk(messages=two_planes()) as it:
        await it.press("2")
        await it.shows("≠ 3 disagree")
        assert "≠ disagree" in it.row("gpu011") and "kubernetes GpuXidError" in it.row("gpu011")
        assert "○ idle" in it.row("gpu011"), "the state is that of the leading plane"
        assert "slurm NHC: check_hw_ib" in it.row("gpu005")
        assert "= agree" in it.row("gpu003")
        assert "1 of 8 GPUs unhealthy" in it.row("gpu012"), "without a reason the finding says why it is marked"


async def test_disagreement_is_a_filter_that_empties_when_planes_agree_again() -> None:
    async with desk(messages=two_planes()) as it:
        await it.press("2")
        await filtered(it, "planes=disagree")
        await it.shows("3 of 13", "gpu005", "gpu011", "gpu012")
        await it.lacks("gpu003")
        healed = [
            kube_node(number, flags=(), reason=None, gpus_used=0, gpus_allocatable=8) for number in (3, 4, 11, 12)
        ]
        await it.hears(*listing("node", *healed, origin=ORIGIN, version=2))
        await it.shows("No nodes match")
        await it.lacks("≠")


async def test_a_plane_that_is_gone_agrees_with_nobody() -> None:
    async with desk(messages=two_planes()) as it:
        await it.press("2")
        await it.hears(DOWN)
        await it.shows("? 5 not known to agree")
        await it.lacks("= agree", "≠ disagree")
        assert "? unknown" in it.row("gpu003") and "? unknown" in it.row("gpu011")
        await filtered(it, "planes=disagree")
        await it.shows("0 of 13")


async def test_the_heatmap_lists_disagreement_among_what_needs_attention() -> None:
    async with desk(messages=two_planes()) as it:
        await it.shows("planes disagree", "×3", "gpu[005,011-012]")
        await it.hears(DOWN)
        await it.shows("planes not known", "×5", "gpu[003-005,011-012]")
        await it.lacks("planes disagree")


async def test_a_host_that_only_metrics_know_is_listed() -> None:
    async with desk(messages=two_planes()) as it:
        await it.hears(
            GpuRows("dcgm", CLUSTER, 9, ("gpu001", "lost-17"), (8, 8)),
            GpuColumn("dcgm", CLUSTER, 9, "util_percent", START - 2, memoryview(float_column([5.0] * 16))),
        )
        await it.shows("in metrics only", "lost-17: no scheduler")
        await it.press("2")
        await it.shows("+ 1 host in metrics only")


async def test_a_node_page_has_every_plane_its_pods_what_would_stop_a_drain_and_warnings() -> None:
    async with desk(size=(130, 60), messages=two_planes()) as it:
        await it.press("2")
        await filtered(it, "name=gpu005")
        await it.press("enter")
        await it.shows(
            "≠ drained in slurm, kubernetes may still place work on it, and 4 GPUs are in use there",
            "they do not agree",
            "held by root, 3 h 3 min ago: NHC: check_hw_ib",
            "ip-10-0-0-5.example",
            "4 of 8 GPUs in use",
            "one of: train/llm-7b",
            "train/llm-7b-0",
            "Would stop a drain",
            "none may go     2 of 3 healthy, needs 2   keeps llm-7b-0",
            "Back-off restarting failed container",
        )


async def test_a_node_page_marks_what_a_silent_plane_said_last() -> None:
    async with desk(size=(130, 60), messages=two_planes()) as it:
        await it.press("2")
        await filtered(it, "name=gpu011")
        await it.press("enter")
        await it.shows("held by nvsentinel", "▲ GpuXidError: XID 79", "nvidia.com/gpu:NoSchedule")
        await it.hears(DOWN)
        await it.shows("not live", "whether they agree is not known", "kubernetes is down, last heard 3m ago")


async def test_a_node_without_kubernetes_has_no_section_of_it() -> None:
    async with desk(size=(130, 60), messages=two_planes()) as it:
        await it.press("2")
        await filtered(it, "name=gpu001")
        await it.press("enter")
        await it.shows("Node gpu001")
        await it.lacks("Planes", "Pods", "Events")


async def test_jobs_of_both_schedulers_stand_in_one_list() -> None:
    async with desk(messages=two_planes()) as it:
        await it.press("3")
        await it.shows("train/llm-7b", "4711", "● running")
        assert "◇ held" in it.row("batch/sweep-9"), "a suspended workload is held"
        await filtered(it, "state=pending & workload=pytorchjob")
        await it.shows("train/tune", "1 of 10")


async def test_a_workload_page_groups_why_its_pods_wait() -> None:
    async with desk(size=(130, 50), messages=two_planes()) as it:
        await it.press("3")
        await filtered(it, "workload=pytorchjob")
        await it.press("enter")
        await it.shows(
            "Workload     PyTorchJob",
            "Why pods wait  4 pods",
            "3  3 Insufficient nvidia.com/gpu, 1 untolerated taint",
            "1  ImagePullBackOff",
            "4 of 4 workers wait",
        )


async def test_a_bare_pod_cannot_be_requeued_and_kueue_is_named() -> None:
    async with desk(messages=two_planes()) as it:
        await it.press("3")
        await filtered(it, "name=notebook")
        await it.press("x")
        await it.shows("a bare Pod: nothing would make it again")
        await it.press("escape", "escape")
        await filtered(it, "name=llm-7b")
        await it.press("x")
        await it.shows("kueue decides when it starts again")
        assert "a hold would stop it" in it.row("Hold  ")


async def test_a_node_that_only_kubernetes_holds_can_be_resumed() -> None:
    async with desk(messages=two_planes()) as it:
        await it.press("2")
        await filtered(it, "name=gpu011")
        await it.press("x")
        assert "Take the node back" in it.row("Resume")


async def test_pods_lead_to_their_job_and_node_for_actions() -> None:
    executor = ScriptedExecutor()
    async with desk(messages=two_planes(), executor=executor) as it:
        await command(it, "pods")
        await it.shows("Pods  9", "train/llm-7b-0", "✕ llm-7b", "● notebooks", "2: 6,7")
        await filtered(it, "node=gpu005")
        await it.press("x")
        await it.shows("Job train/llm-7b", "Node gpu005")


async def test_pods_filter_by_what_they_wait_for_and_what_protects_them() -> None:
    async with desk(messages=two_planes()) as it:
        await command(it, "pods")
        await filtered(it, "reason~=insufficient & blocked=yes")
        await it.shows("1 of 9", "train/llm-7b-2")


async def test_a_pod_page_tells_everything_and_leads_on() -> None:
    async with desk(size=(130, 40), messages=two_planes()) as it:
        await command(it, "pods")
        await filtered(it, "name=train/llm-7b-0")
        await it.press("enter")
        await it.shows(
            "Pod train/llm-7b-0", "4   which ones is not known", "Job/llm-7b", "its emptyDir data are lost",
            "app=llm-7b  team=nlp", "protected by", "none may go", "×14",
        )  # fmt: skip
        await it.press("enter")
        await it.shows("Node gpu005")


async def test_budgets_and_events_are_lists_with_pages() -> None:
    async with desk(messages=two_planes()) as it:
        await command(it, "budgets")
        await it.shows("✕ none may go", "2 of 3 healthy, needs 2", "gpu[005,013]", "● 1 pod may go")
        await it.press("enter")
        await it.shows("Budget train/llm-7b", "3 pods of those in the picture", "nowhere")
        await command(it, "events")
        await it.shows("FailedScheduling", "Node/gpu011", "×14")
        await filtered(it, "node=gpu011")
        await it.press("enter")
        await it.shows("XID 79 on GPU 3, cordoned", "About", "Node/gpu011")
        await it.press("x")
        await it.shows("Node gpu011")


async def test_queues_of_kueue_say_what_they_are_and_what_they_do_not_know() -> None:
    async with desk(messages=two_planes()) as it:
        await it.press("5")
        assert "8/–" in it.row("train/gpus")
        cluster_queue = it.row("clusterqueue/")
        assert "–/32" in cluster_queue and cluster_queue.split("–/32")[1].split()[:2] == ["–", "–"]
        await filtered(it, "name~=h100")
        await it.press("enter")
        await it.shows("ClusterQueue of Kueue", "32 GPUs", "not told here")


@pytest.mark.parametrize("view", ["pods", "budgets", "events"])
async def test_without_kubernetes_an_empty_list_says_what_to_add(view: str) -> None:
    async with desk(messages=everything()) as it:
        await command(it, view)
        await it.shows(f"No source lists {view}.", "[cluster.NAME.kubernetes]")


async def test_without_kubernetes_nothing_of_it_is_on_the_screen() -> None:
    async with desk(messages=everything()) as it:
        await it.press("2")
        await it.lacks("PLANES", "agree")
        await it.press("3")
        await it.lacks("QUEUE ")


async def test_pods_that_may_not_be_listed_are_not_called_none() -> None:
    without = [message for message in kubernetes() if getattr(message, "kind", "") != "pod"]
    async with desk(size=(130, 60), messages=[*everything(), *without]) as it:
        await it.press("2")
        await filtered(it, "name=gpu011")
        await it.press("enter")
        await it.shows("Pods  not known: nobody lists them")


async def test_a_pod_whose_labels_are_not_known_may_be_protected() -> None:
    pods = [replace(pod, labels=None) for pod in PODS]
    async with desk(size=(130, 60), messages=two_planes()) as it:
        await it.hears(*listing("pod", *pods, origin=ORIGIN, version=2))
        await it.press("2")
        await filtered(it, "name=gpu005")
        await it.press("enter")
        await it.shows("may keep llm-7b-0")


async def test_what_goes_away_in_kubernetes_goes_from_the_screen() -> None:
    async with desk(messages=two_planes()) as it:
        await command(it, "pods")
        await it.shows("dev/notebook")
        await it.hears(
            *listing("pod", *(pod for pod in PODS if pod.namespace != "dev"), origin=ORIGIN, version=2),
            *listing("job", *JOBS[:2], workload("train/new", gpus=1), origin=ORIGIN, version=2),
            *listing("budget", BUDGETS[0], origin=ORIGIN, version=2),
            *listing("event", *EVENTS[:1], origin=ORIGIN, version=2),
            *listing("node", *NODES[:3], origin=ORIGIN, version=2),
        )
        await it.lacks("dev/notebook")
        await command(it, "jobs")
        await it.shows("train/new", "4711")
        await it.lacks("batch/sweep-9")
