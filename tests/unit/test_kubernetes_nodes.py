"""A node says what it has, what is wrong with it, and who took it out of service."""

from __future__ import annotations

from typing import Any

import pytest

from crashcart.backends.model import Node
from tests.fakes.kubeapi.objects.meta import managed_fields
from tests.fakes.kubeapi.objects.nodes import condition, node, not_ready
from tests.fakes.kubeapi.objects.pods import pod
from tests.unit.kubernetes_scene import NOW, Scene, site, stamp

Object = dict[str, Any]
SENTINEL = {
    "k8saas.nvidia.com/cordon-by": "NVSentinel",
    "k8saas.nvidia.com/cordon-reason": "GPU-fatal-error-ruleset",
    "dgxc.nvidia.com/nvsentinel-state": "drain-failed",
}
OURS = {
    "crashcart.io/cordoned-by": "ada",
    "crashcart.io/cordoned-reason": "ticket 42: xid 79",
    "crashcart.io/cordoned-at": stamp(NOW - 60),
}
UPGRADE = {"nvidia.com/gpu-driver-upgrade-state": "cordon-required"}
SCALER = [{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule", "timeAdded": stamp(NOW - 30)}]


def cordoned_by_hand(when: float, manager: str = "kubectl-cordon") -> list[Object]:
    return managed_fields(manager, {"f:spec": {"f:unschedulable": {}}}, stamp(when))


def seen(value: Object) -> Node:
    return Scene(value).nodes["gpu-0000"]


def cordoned(fields: list[Object] | None = None, **options: Any) -> Node:
    value = node("gpu-0000", cordoned=True, **options)
    value["metadata"]["managedFields"] += fields or []
    return seen(value)


def test_our_own_mark_of_a_cordon_counts_most() -> None:
    found = cordoned(cordoned_by_hand(NOW - 60, "crashcart"), annotations=OURS, labels=SENTINEL | UPGRADE)
    assert (found.reason, found.reason_by, found.reason_at) == ("ticket 42: xid 79", "ada", NOW - 60)
    assert "CORDON" in found.flags and found.is_draining


def test_our_mark_is_not_believed_when_somebody_cordoned_the_node_anew() -> None:
    found = cordoned(cordoned_by_hand(NOW - 10, "kubectl"), annotations=OURS)
    assert (found.reason, found.reason_by, found.reason_at) == (None, "kubectl", NOW - 10)


def test_sentinel_upgrade_and_autoscaler_are_told_before_who_owns_the_field() -> None:
    hand = cordoned_by_hand(NOW)
    assert cordoned(hand, labels=SENTINEL).reason == "GPU-fatal-error-ruleset, drain-failed"
    assert cordoned(hand, labels=SENTINEL | UPGRADE).reason_by == "NVSentinel"
    assert cordoned(hand, labels=UPGRADE, taints=SCALER).reason_by == "gpu-operator"
    scaler = cordoned(hand, taints=SCALER)
    assert (scaler.reason_by, scaler.reason_at) == ("cluster-autoscaler", NOW - 30)


def test_without_any_mark_the_owner_of_the_field_is_told_and_else_nobody() -> None:
    found = cordoned(cordoned_by_hand(NOW - 5))
    assert (found.reason, found.reason_by, found.reason_at) == (None, "kubectl-cordon", NOW - 5)
    nobody = cordoned()
    assert (nobody.reason, nobody.reason_by, nobody.reason_at) == (None, None, None)


def test_marks_on_a_node_that_is_in_service_tell_nothing() -> None:
    found = seen(node("gpu-0000", annotations=OURS, labels=SENTINEL))
    assert found.flags == () and found.reason is None and found.reason_by is None


def test_a_time_that_people_wrote_may_be_anything() -> None:
    found = cordoned(annotations=OURS | {"crashcart.io/cordoned-at": "yesterday"})
    assert (found.reason_by, found.reason_at) == ("ada", None)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (condition("MemoryPressure", True, "KubeletHasInsufficientMemory", "low"), "MemoryPressure: KubeletHas"),
        (condition("KernelDeadlock", True, "DockerHung", "task docker blocked"), "KernelDeadlock: DockerHung task"),
        (condition("NetworkingReady", False, "NoCni", "cni down"), "NetworkingReady False: NoCni cni down"),
        (not_ready(), "Ready Unknown: NodeStatusUnknown Kubelet stopped"),
    ],
)
def test_bad_conditions_are_told(bad: Object, told: str) -> None:
    found = seen(node("gpu-0000", conditions=[bad]))
    assert len(found.conditions) == 1
    assert found.conditions[0].startswith(told)


@pytest.mark.parametrize(
    "good",
    [
        condition("KernelDeadlock", False, "KernelHasNoDeadlock", "fine"),
        condition("GpuMemWatch", None, "Unknown", "not asked yet"),
        condition("AcceleratedHardwareReady", True, "Fine", "fine"),
        condition("EtcdIsVoter", True, "MemberNotLearner", "Node is a voting member"),
    ],
)
def test_good_conditions_are_not_told(good: Object) -> None:
    assert seen(node("gpu-0000", conditions=[good])).conditions == ()


def test_a_node_without_a_ready_condition_is_not_ready() -> None:
    value = node("gpu-0000")
    value["status"]["conditions"] = []
    assert seen(value).is_down


def test_every_kind_of_gpu_is_counted() -> None:
    more = {"nvidia.com/mig-1g.10gb": 7, "nvidia.com/mig-3g.40gb": 1, "rdma/hca": 4}
    sliced = seen(node("gpu-0000", gpus=2, more=more, labels={"nvidia.com/mig.strategy": "mixed"}))
    assert sliced.gpus_total == 10
    assert sliced.gpu_type == "NVIDIA-H100-80GB-HBM3 mig-1g.10gb mig-3g.40gb"
    assert seen(node("gpu-0000", gpus=8, resource="amd.com/gpu")).gpus_total == 8
    assert seen(node("gpu-0000", gpus=4, resource="google.com/tpu")).gpus_total == 4
    assert seen(node("gpu-0000", gpus=0)).gpus_total == 0
    own = Scene(
        node("gpu-0000", gpus=3, resource="example.com/npu-910"), where=site(gpu_resources=("example.com/npu-*",))
    )
    assert own.nodes["gpu-0000"].gpus_total == 3


def test_gpus_that_are_missing_are_told() -> None:
    unhealthy = seen(node("gpu-0000", healthy=6))
    assert (unhealthy.gpus_total, unhealthy.gpus_allocatable) == (8, 6)
    assert "2 of 8 GPUs unhealthy: not allocatable" in unhealthy.conditions
    lost = seen(node("gpu-0000", gpus=7, labels={"nvidia.com/gpu.count": "8"}))
    assert lost.conditions == ("7 of 8 GPUs offered: lost, or the device plugin is down",)


def test_what_an_upgrade_does_is_a_flag_and_a_condition() -> None:
    found = seen(node("gpu-0000", labels=UPGRADE | {"nvidia.com/gpu.deploy.dcgm": "paused-for-driver-upgrade"}))
    assert found.flags == ("UPGRADE",)
    assert found.conditions == ("driver upgrade: cordon-required", "GPU operands paused for a driver upgrade")


@pytest.mark.parametrize(("gpus", "state"), [((), "IDLE"), ((3,), "MIXED"), ((3, 4), "ALLOCATED")])
def test_state_counts_what_is_requested_of_what_can_be_allocated(gpus: tuple[int, ...], state: str) -> None:
    pods = [running(pod(f"p{number}", node="gpu-0000", gpus=count)) for number, count in enumerate(gpus)]
    found = Scene(node("gpu-0000", healthy=7), *pods).nodes["gpu-0000"]
    assert (found.state, found.gpus_used) == (state, sum(gpus))


def test_pods_that_are_over_take_nothing_and_a_crash_loop_keeps_its_gpu() -> None:
    over = pod("over", node="gpu-0000", gpus=4) | {"status": {"phase": "Succeeded"}}
    loops = running(pod("loops", node="gpu-0000", gpus=2))
    loops["status"]["containerStatuses"] = [
        {"name": "main", "restartCount": 9, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    ]
    assert Scene(node("gpu-0000"), over, loops).nodes["gpu-0000"].gpus_used == 2


def test_without_leave_to_list_pods_use_is_not_known() -> None:
    scene = Scene()
    scene.picture.nodes.knows_pods = False
    scene.change(node("gpu-0000"))
    found = scene.nodes["gpu-0000"]
    assert (found.state, found.gpus_used, found.cpus_used) == ("UNKNOWN", None, None)


def test_a_node_is_called_as_the_sites_rules_say_and_keeps_its_own_name() -> None:
    where = site(rules=((r"ip-10-0-0-(\d+)\.ec2\.internal", r"gpu\1"),))
    name = "ip-10-0-0-7.ec2.internal"
    scene = Scene(node(name), running(pod("one", node=name, gpus=1)), where=where)
    assert scene.nodes["gpu7"].own_name == name
    assert scene.nodes["gpu7"].gpus_used == 1
    assert scene.pods["one"].node == "gpu7"
    assert Scene(node("gpu-0000")).nodes["gpu-0000"].own_name is None


def test_of_two_nodes_that_rules_call_the_same_one_is_left_out_and_told() -> None:
    where = site(rules=((r"(gpu\d)\..*", r"\1"),))
    scene = Scene(node("gpu1.east"), node("gpu1.west"), where=where)
    assert scene.nodes["gpu1"].own_name == "gpu1.east"
    assert where.left_out["node"] == {"gpu1.west"}


def test_rack_switch_and_pool_come_from_labels() -> None:
    labels = {"topology.kubernetes.io/rack": "r07", "switch": "leaf3", "karpenter.sh/nodepool": "h100"}
    found = seen(node("gpu-0000", labels=labels))
    assert (found.rack, found.switch, found.partitions) == ("r07", "leaf3", ("pool/h100",))
    other = Scene(node("gpu-0000", labels={"dc/row": "b"}), where=site(rack_labels=("dc/row",)))
    assert other.nodes["gpu-0000"].rack == "b"


def running(value: Object) -> Object:
    return {**value, "status": {"phase": "Running", "startTime": stamp(NOW - 100)}}
