"""Pods across planes: of a node, of a job, their events, their budgets, and whose GPUs they have."""

from __future__ import annotations

from crashcart.backends import wire
from crashcart.backends.model import Batch, GpuColumn, GpuOwners, GpuRows
from crashcart.ops.joins import Joins
from crashcart.ops.store import Store
from tests.entities import alert, float_column, job, listing, node, queue
from tests.kube_entities import budget, event, kube_node, pod, workload

KEY = "a100/gpu001"


def kube(kind: str, *entities: object) -> Batch:
    return listing(kind, *entities, source="kubernetes")  # type: ignore[arg-type]


def store_with(*batches: Batch) -> Store:
    store = Store()
    for batch in batches:
        for part in wire.slices(batch, 1):
            store.apply(part)
    return store


def owners(joins: Joins) -> dict[int, tuple[str, str]]:
    return {gpu: (owner.name, owner.source) for gpu, owner in sorted(joins.owners_on_node(KEY).items())}


def test_pods_are_found_by_node_and_by_job_the_largest_first() -> None:
    pods = (pod("a", gpus=1), pod("b", gpus=4), pod("c", node=None), pod("d", phase="FAILED", gpus=8))
    joins = Joins(store_with(kube("pod", *pods), kube("job", workload()), kube("node", kube_node()))).pods

    assert [one.name for one in joins.of_node(KEY)] == ["b", "a", "d"], "what has ended comes last"
    assert [one.name for one in joins.of_job("a100/train/llm")] == ["b", "c", "a", "d"]
    assert joins.of_node("a100/gpu002") == []
    found, host = joins.job(pods[0]), joins.node(pods[0])
    assert found is not None and host is not None
    assert (found.id, host.name) == ("train/llm", "gpu001")
    assert joins.job(pod(job="train/gone")) is None


def test_pods_follow_the_store() -> None:
    store = store_with(kube("pod", pod()))
    joins = Joins(store)
    assert len(joins.pods.of_node(KEY)) == 1
    for part in wire.slices(kube("pod", pod(node="gpu002")), 2):
        store.apply(part)
    assert joins.pods.of_node(KEY) == []


def test_events_of_a_node_are_those_of_its_pods_too() -> None:
    events = (
        event("Node/gpu001", id="default/n.1", last_seen=980.0),
        event("Pod/train/llm-0"),
        event("Pod/train/other-0", id="train/o.1"),
        event("Job/train/llm", id="train/j.1", last_seen=985.0),
    )
    batches = (kube("event", *events), kube("pod", pod()), kube("job", workload()), kube("node", kube_node()))
    store = store_with(*batches)
    joins = Joins(store).pods

    assert [one.about for one in joins.events_of_node(store.nodes[KEY])] == ["Pod/train/llm-0", "Node/gpu001"]
    assert [one.about for one in joins.events_of_job(workload())] == ["Pod/train/llm-0", "Job/train/llm"]
    assert [one.about for one in joins.events_of_pod(pod())] == ["Pod/train/llm-0"]
    assert [joins.place(one) for one in events] == [
        ("node", KEY), ("pod", "a100/train/llm-0"), None, ("job", "a100/train/llm"),
    ]  # fmt: skip


def test_a_budget_guards_the_pods_of_its_namespace_that_it_selects() -> None:
    pods = (pod(), pod("llm-1", labels=("app=other",)), pod("llm-2", namespace="dev"), pod("llm-3", labels=None))
    store = store_with(kube("pod", *pods), kube("budget", budget(), budget("spare", allowed=3)))
    joins = Joins(store).pods

    assert [(guard.budget.name, guard.is_sure) for guard in joins.guards(pods[0])] == [("llm", True), ("spare", True)]
    assert joins.guards(pods[1]) == []
    assert joins.guards(pods[2]) == []
    assert [guard.is_sure for guard in joins.guards(pods[3])] == [False, False], "labels that are not known may match"
    assert [one.name for one in joins.guarded(budget())] == ["llm-0"]


def test_only_what_a_drain_would_move_can_block_it() -> None:
    pods = (pod(), pod("daemon", is_daemon=True), pod("over", phase="SUCCEEDED"), pod("mirror", is_mirror=True))
    joins = Joins(store_with(kube("pod", *pods), kube("budget", budget(), budget("spare", allowed=3)))).pods

    assert [(block.budget.name, [one.name for one in block.pods]) for block in joins.blocks(KEY)] == [
        ("llm", ["llm-0"])
    ]  # fmt: skip
    assert joins.blocks("a100/gpu002") == []


def test_a_budget_that_does_not_say_how_many_may_go_blocks_nothing_for_sure() -> None:
    joins = Joins(store_with(kube("pod", pod()), kube("budget", budget(allowed=None)))).pods
    assert joins.blocks(KEY) == []


def test_annotations_of_pods_tell_which_gpus_they_have() -> None:
    pods = (pod(gpu_indexes=(0, 1), gpus=2), pod("llm-1", gpu_indexes=(4, 5), gpus=2))
    store = store_with(kube("pod", *pods), kube("job", workload()), kube("node", kube_node(gpus_used=4)))

    owner = ("job train/llm", "device annotation")
    assert owners(Joins(store)) == {0: owner, 1: owner, 4: owner, 5: owner}


def test_the_map_of_a_workload_is_told_by_annotations_too() -> None:
    mapped = workload(gpu_map=(("gpu001", (2, 3)),))
    store = store_with(kube("job", mapped), kube("node", kube_node(gpus_used=2)))
    assert set(owners(Joins(store)).values()) == {("job train/llm", "device annotation")}


def labelled(store: Store, *labels: str) -> Joins:
    store.apply(GpuRows("dcgm", "a100", 1, ("gpu001",), (8,)))
    store.apply(GpuColumn("dcgm", "a100", 1, "util_percent", 1000.0, float_column([5.0] * 8)))
    store.apply(GpuOwners("dcgm", "a100", 1, 1000.0, labels))
    return Joins(store)


def test_a_pod_that_the_exporter_names_leads_to_its_job() -> None:
    store = store_with(kube("pod", pod(gpus=2)), kube("job", workload()), kube("node", kube_node(gpus_used=2)))
    joins = labelled(store, "", "", "", "pod:train/llm-0", "pod:train/llm-0", "pod:dev/gone", "", "")

    assert owners(joins) == {
        3: ("job train/llm", "exporter label"), 4: ("job train/llm", "exporter label"),
        5: ("pod dev/gone", "exporter label"),
    }  # fmt: skip


def test_a_pod_that_tells_only_how_many_gpus_is_not_said_to_have_a_certain_one() -> None:
    pods = (pod(gpus=2), pod("llm-1", gpus=1, gpu_indexes=(0,)))
    store = store_with(kube("pod", *pods), kube("job", workload()), kube("node", kube_node(gpus_used=3)))
    joins = Joins(store)

    assert owners(joins) == {
        0: ("job train/llm", "device annotation"), 1: ("job train/llm", "count only"),
        2: ("job train/llm", "count only"),
    }  # fmt: skip
    assert joins.job_on_gpu("a100", "gpu001", 0) is not None
    assert joins.owner_of_gpu("a100", "gpu001", 1) is None, "which of the GPUs it has is not known"


def test_gpus_that_are_only_counted_are_compared_with_no_others() -> None:
    store = store_with(kube("pod", pod(gpus=4)), kube("job", workload(gpus=4)), kube("node", kube_node(gpus_used=4)))
    joins = labelled(store, *[""] * 8)
    assert joins.gpus.runs(store.jobs["a100/train/llm"], store.gpus["a100"]) == []


def test_the_only_workload_of_a_full_node_has_all_its_gpus() -> None:
    node_ = kube_node(gpus_used=8, state="ALLOCATED")
    store = store_with(kube("pod", pod(gpus=8)), kube("job", workload()), kube("node", node_))
    assert owners(Joins(store))[7] == ("job train/llm", "whole node")


def test_slurm_is_believed_before_a_pod_that_runs_its_daemon() -> None:
    daemon = pod("slurmd-0", namespace="slurm", gpus=8, gpu_indexes=tuple(range(8)), job="slurm/slurmd.statefulset")
    store = store_with(
        listing("node", node(gpus_used=8)), kube("node", kube_node(gpus_used=8)), kube("pod", daemon),
        listing("job", job("1", gpu_map=(("gpu001", (0, 1)),))),
    )  # fmt: skip
    assert owners(Joins(store))[1] == ("job 1", "scheduler")
    assert owners(Joins(store))[2] == ("pod slurm/slurmd-0", "device annotation")


def test_a_namespace_is_not_counted_into_a_partition_of_the_same_name() -> None:
    quota = queue("train/gpus", source="kubernetes", gpus_total=16)
    waiting = workload("train/next", state="SUSPENDED", node_list="", reason="not admitted: quota")
    store = store_with(
        listing("queue", queue("train")), kube("queue", quota), listing("job", job("1")),
        kube("job", workload(partition="train"), workload("train/b", gpus=4), waiting),
    )  # fmt: skip
    joins = Joins(store)

    partition = joins.queue_counts(store.queues["a100/train"])
    assert (partition.running, partition.gpus_used) == (1, None)
    counts = joins.queue_counts(store.queues["a100/train/gpus"])
    assert (counts.running, counts.pending, counts.gpus_used, counts.gpus_total) == (1, 1, 4, 16)
    assert counts.reasons == {"not admitted: quota": 1}


def test_an_alert_about_a_pod_is_about_its_job() -> None:
    told = alert(labels=(("namespace", "monitoring"), ("pod", "dcgm-exporter-x"), ("exported_namespace", "train"),
                         ("exported_pod", "llm-0")))  # fmt: skip
    batches = (kube("pod", pod()), kube("job", workload()), listing("alert", told, source="alertmanager"))
    joins = Joins(store_with(*batches))
    found = joins.alerts.job(told)
    assert found is not None and found.id == "train/llm"
    assert joins.alerts.of_job("a100/train/llm") == [told]
