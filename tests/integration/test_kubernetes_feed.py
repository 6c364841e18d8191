"""What happens in a cluster is seen: nodes, pods, jobs and queues, as they are and as they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashcart.ops.session import ClusterSession, Session
from tests.fakes.kubeapi.objects.events import event
from tests.fakes.kubeapi.objects.jobs import budget, job, job_set
from tests.fakes.kubeapi.objects.nodes import condition, node, not_ready
from tests.fakes.kubeapi.objects.pods import pod, scratch
from tests.fakes.kubeapi.objects.queues import cluster_queue, local_queue, waiting, workload

from .kubernetes_cluster import KubernetesCluster
from .kubernetes_feeding import CLUSTER, context, feeding
from .monitoring_watch import watching


async def test_a_real_collector_brings_nodes_and_pods_into_the_store(
    kubernetes: KubernetesCluster, tmp_path: Path
) -> None:
    first, _ = kubernetes.make_nodes(2)
    kubernetes.create(job("llm", pods=2, gpus=4))
    kubernetes.running("app=llm", 2)
    table = {"kubeconfig": str(kubernetes.kubeconfig), "context": "admin"}
    cluster = ClusterSession(CLUSTER, backends={"kubernetes": table})
    async with watching(Session((cluster,), audit_file=str(tmp_path / "audit"))) as watch:
        store = watch.store
        key = f"{CLUSTER}/{kubernetes.namespace}/llm"
        await watch.until("a running job", lambda: key in store.jobs and store.jobs[key].state == "RUNNING", 20)
        assert store.nodes[f"{CLUSTER}/{first}"].gpus_total == 8
        assert sum(store.nodes[f"{CLUSTER}/{name}"].gpus_used or 0 for name in _ours(kubernetes)) == 8
        assert watch.freshness("kubernetes") == "live"
        kubernetes.patch("nodes", first, {"spec": {"unschedulable": True}})
        await watch.until("a cordon", lambda: store.nodes[f"{CLUSTER}/{first}"].is_draining, 10)


async def test_each_kind_is_told_completely_first_and_in_steps_from_then_on(kubernetes: KubernetesCluster) -> None:
    (name,) = kubernetes.make_nodes(1)
    async with feeding(context(kubernetes)) as feed:
        await feed.until(lambda: len(set(feed.completes)) == 7, "all kinds")
        kubernetes.patch("nodes", name, {"spec": {"unschedulable": True}})
        await feed.until(lambda: feed.nodes[name].is_draining, "the cordon")
        kubernetes.patch("nodes", name, {"spec": {"unschedulable": None}})
        await feed.until(lambda: not feed.nodes[name].is_draining, "its end")
    assert len(feed.completes) == 7, "one complete batch of each kind"


async def test_gpus_of_a_node_are_those_of_pods_that_are_not_over(kubernetes: KubernetesCluster) -> None:
    (name,) = kubernetes.make_nodes(1)
    async with feeding(context(kubernetes)) as feed:
        await feed.until(lambda: name in feed.nodes and feed.nodes[name].state == "IDLE", "an idle node")
        kubernetes.create(pod("notebook", node=name, gpus=3, volumes=scratch()))
        await feed.until(lambda: feed.nodes[name].gpus_used == 3, "three used")
        assert feed.nodes[name].state == "MIXED"
        assert feed.pods["notebook"].owner is None
        assert feed.pods["notebook"].has_local_data
        assert feed.jobs["notebook"].id == f"{kubernetes.namespace}/notebook.pod"
        assert feed.jobs["notebook"].requeueable is False
        kubernetes.create(pod("rest", node=name, gpus=5))
        await feed.until(lambda: feed.nodes[name].state == "ALLOCATED", "a full node")
        kubernetes.call("DELETE", f"{kubernetes.path('pods', 'rest')}?gracePeriodSeconds=0")
        await feed.until(lambda: feed.nodes[name].gpus_used == 3, "three again")
        assert "rest" not in feed.pods and "rest" not in feed.jobs


async def test_a_job_that_does_not_fit_says_why_in_short(kubernetes: KubernetesCluster) -> None:
    kubernetes.make_nodes(3)
    kubernetes.create(job("big", pods=2, gpus=16))
    async with feeding(context(kubernetes)) as feed:
        await feed.until(lambda: "big" in feed.jobs and feed.jobs["big"].reason, "a reason")
        waits = feed.jobs["big"]
    assert waits.state == "PENDING"
    assert waits.gpus == 32
    if not kubernetes.is_real:
        assert waits.reason == "3 Insufficient nvidia.com/gpu"
    assert waits.start_time is None and waits.node_list == ""


async def test_a_suspended_job_is_suspended_and_a_pod_deleted_counts_as_a_restart(
    kubernetes: KubernetesCluster,
) -> None:
    kubernetes.make_nodes(2)
    kubernetes.create(job("llm", pods=2, gpus=8))
    names = [one["metadata"]["name"] for one in kubernetes.running("app=llm", 2)]
    async with feeding(context(kubernetes)) as feed:
        await feed.until(lambda: "llm" in feed.jobs and feed.jobs["llm"].state == "RUNNING", "a running job")
        assert feed.jobs["llm"].gpus == 16 and feed.jobs["llm"].workload == "Job"
        assert feed.pods[names[0]].job == feed.jobs["llm"].id
        kubernetes.call("DELETE", kubernetes.path("pods", names[0]))
        await feed.until(lambda: feed.jobs["llm"].restarts == 1, "a restart")
        kubernetes.patch("jobs.batch", "llm", {"spec": {"suspend": True}})
        await feed.until(lambda: feed.jobs["llm"].state == "SUSPENDED", "a suspended job")
        assert feed.jobs["llm"].node_list == ""
        assert not [one for one in feed.pods.values() if one.job == feed.jobs["llm"].id]


async def test_pods_of_a_job_set_belong_to_it_and_not_to_its_jobs(kubernetes: KubernetesCluster) -> None:
    control = kubernetes.control
    control.install("jobset")
    kubernetes.make_nodes(2)
    whole = kubernetes.create(job_set("pre", replicas=1, pods=2, gpus=8))
    part = {**job("pre-workers-0", pods=2, gpus=8)}
    part["metadata"]["ownerReferences"] = [
        {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "name": "pre", "uid": whole["metadata"]["uid"],
         "controller": True}
    ]  # fmt: skip
    kubernetes.create(part)
    kubernetes.running("app=pre-workers-0", 2)
    async with feeding(context(kubernetes)) as feed:
        await feed.until(lambda: "pre" in feed.jobs and feed.jobs["pre"].state == "RUNNING", "the job set")
        await feed.until(lambda: len(feed.pods) == 2, "its pods")
        assert set(feed.jobs) == {"pre"}
        assert feed.jobs["pre"].id == f"{kubernetes.namespace}/pre.jobset"
        assert feed.jobs["pre"].gpus == 16
        assert {one.job for one in feed.pods.values()} == {feed.jobs["pre"].id}
        assert {one.owner for one in feed.pods.values()} == {"Job/pre-workers-0"}


async def test_what_kueue_does_not_admit_waits_with_its_words(kubernetes: KubernetesCluster) -> None:
    control = kubernetes.control
    control.install("kueue")
    control.hold("kueue")
    kubernetes.make_nodes(1)
    kubernetes.create(cluster_queue("research", quota=64))
    kubernetes.create(local_queue("team-a", kubernetes.namespace, "research"))
    made = kubernetes.create(job("ft", pods=1, gpus=8, suspend=True, queue="team-a"))
    why = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu, 8 more needed"
    kubernetes.create(workload("job-ft-1a2b3", queue="team-a", owner=made, conditions=waiting(why), priority=7))
    async with feeding(context(kubernetes)) as feed:
        await feed.until(lambda: "ft" in feed.jobs and feed.jobs["ft"].managed_by, "a gated job")
        waits = feed.jobs["ft"]
        assert (waits.state, waits.managed_by, waits.priority) == ("PENDING", "kueue", 7)
        assert waits.reason is not None and waits.reason.startswith("not admitted: couldn't assign flavors")
        assert waits.partition == f"{kubernetes.namespace}/team-a"
        await feed.until(lambda: len(feed.queues) == 2, "queues")
        assert feed.queues["clusterqueue/research"].gpus_total == 64
        assert waits.partition in feed.queues
        kubernetes.patch("workloads.kueue.x-k8s.io", "job-ft-1a2b3", {"spec": {"active": False}})
        await feed.until(lambda: feed.jobs["ft"].state == "SUSPENDED", "a held job")
        assert feed.jobs["ft"].reason == "held in Kueue"


async def test_a_sick_node_says_what_is_wrong_with_it(kubernetes: KubernetesCluster) -> None:
    control = kubernetes.control
    xid = condition("GpuXidError", True, "GpuXidErrorIsNotHealthy", "ErrorCode:79 GPU:3 Recommended Action=RESTART_BM")
    marks = {
        "k8saas.nvidia.com/cordon-by": "NVSentinel",
        "k8saas.nvidia.com/cordon-reason": "GPU-fatal-error-ruleset",
        "k8saas.nvidia.com/cordon-timestamp": "2026-11-23T18-48-11Z",
    }
    control.load(
        [
            node("gpu-0000", healthy=7, conditions=[xid], labels=marks, cordoned=True),
            node("gpu-0001", conditions=[not_ready()]),
            node("gpu-0002", labels={"nvidia.com/gpu-driver-upgrade-state": "upgrade-failed"}, cordoned=True),
        ]
    )
    async with feeding(context(kubernetes)) as feed:
        await feed.until(lambda: len(feed.nodes) == 3, "three nodes")
        xids, silent, upgrade = feed.nodes["gpu-0000"], feed.nodes["gpu-0001"], feed.nodes["gpu-0002"]
    assert (xids.gpus_total, xids.gpus_allocatable) == (8, 7)
    assert xids.conditions[0].startswith("GpuXidError: GpuXidErrorIsNotHealthy ErrorCode:79")
    assert "1 of 8 GPUs unhealthy: not allocatable" in xids.conditions
    assert (xids.reason_by, xids.reason) == ("NVSentinel", "GPU-fatal-error-ruleset")
    assert xids.reason_at == 1795459691.0
    assert silent.is_down and silent.conditions[0].startswith("Ready Unknown: NodeStatusUnknown")
    assert "UPGRADE" in upgrade.flags and upgrade.reason_by == "gpu-operator"


async def test_warnings_of_pods_and_budgets_are_told(kubernetes: KubernetesCluster) -> None:
    kubernetes.make_nodes(1)
    kubernetes.create(job("llm", pods=1, gpus=8, labels={"tier": "gold"}))
    (running,) = kubernetes.running("app=llm", 1)
    kubernetes.create(budget("llm", match={"app": "llm"}, min_available=1))
    about = {**running, "kind": "Pod", "apiVersion": "v1"}
    name = running["metadata"]["name"]
    async with feeding(context(kubernetes)) as feed:
        await feed.until(lambda: "event" in feed.completes, "events")
        kubernetes.create(event(about, "BackOff", "Back-off restarting failed container"))
        kubernetes.create(event(about, "Pulled", "Image is there", kind="Normal"))
        await feed.until(lambda: feed.events, "a warning")
        told = [one for one in feed.events if one.reason == "BackOff"]
        assert [one.about for one in told] == [f"Pod/{kubernetes.namespace}/{name}"]
        assert not [one for one in feed.events if one.reason == "Pulled"]
        key = f"{CLUSTER}/{kubernetes.namespace}/llm"
        await feed.until(lambda: key in feed.entities["budget"], "a budget")
        await feed.until(lambda: feed.entities["budget"][key].healthy == 1, "its numbers")  # type: ignore[union-attr]


@pytest.mark.parametrize("namespaces", [("default",), ("train",), ("default", "train")])
async def test_only_the_namespaces_that_are_named_are_read(
    kubernetes: KubernetesCluster, namespaces: tuple[str, ...]
) -> None:
    control = kubernetes.control
    control.load([node("gpu-0000"), pod("one", "train", node="gpu-0000", gpus=1),
                  pod("two", "default", node="gpu-0000", gpus=2)])  # fmt: skip
    expected = {name for name, where in (("one", "train"), ("two", "default")) if where in namespaces}
    async with feeding(context(kubernetes, namespaces=namespaces)) as feed:
        await feed.until(lambda: {"node", "pod", "job"} <= set(feed.completes), "a picture")
        await feed.until(lambda: set(feed.pods) == expected, f"exactly {expected}")
        control.remove("pods", "one", "train")
        await feed.until(lambda: set(feed.pods) == expected - {"one"}, "the others")


def _ours(kubernetes: KubernetesCluster) -> list[str]:
    return [one["metadata"]["name"] for one in kubernetes.items("nodes")]
