"""A node that several schedulers know is one node; what each says is kept, and contradictions are told."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from crashcart.backends import wire
from crashcart.backends.model import Batch, Node
from crashcart.ops.planes import disagreements, merged, sides
from crashcart.ops.store import Store


def slurm(name: str = "gpu001", **more: Any) -> Node:
    return Node(cluster="a100", source="slurm", when=1.0, name=name, **{"state": "IDLE", "gpus_total": 8, **more})


def kube(name: str = "gpu001", **more: Any) -> Node:
    told = {"state": "IDLE", "gpus_total": 8, "gpus_used": 0, "gpus_allocatable": 8, "own_name": f"{name}.example"}
    return Node(cluster="a100", source="kubernetes", when=2.0, name=name, **{**told, **more})


def take(store: Store, source: str, *nodes: Node, complete: bool = True, gone: tuple[str, ...] = ()) -> frozenset[str]:
    batch = Batch(source, "a100", "node", 1.0, nodes, gone, complete)
    return frozenset().union(*(store.apply(part) for part in wire.slices(batch, 1)))


def test_slurm_leads_whatever_comes_first() -> None:
    node = merged([kube(state="ALLOCATED", gpus_used=8, rack="r1"), slurm(partitions=("train",), gpus_used=2)])

    assert (node.source, node.partitions, node.rack) == ("slurm", ("train",), "r1")
    assert [(plane.source, plane.name, plane.gpus_used) for plane in node.planes] == [
        ("slurm", "gpu001", 2), ("kubernetes", "gpu001.example", 8),
    ]  # fmt: skip
    assert (node.state, node.gpus_used) == ("ALLOCATED", 8)


def test_the_sides_are_what_each_source_said() -> None:
    first, second = slurm(flags=("DRAIN",), reason="xid", gpus_used=None), kube(flags=("CORDON",), reason="anna")
    left, right = sides(merged([second, first]))

    assert (left.source, left.flags, left.reason) == ("slurm", ("DRAIN",), "xid")
    assert (right.source, right.flags, right.reason, right.own_name) == (
        "kubernetes", ("CORDON",), "anna", "gpu001.example",
    )  # fmt: skip


def test_agreeing_planes_find_nothing() -> None:
    assert disagreements(merged([slurm(), kube()])) == ()
    assert disagreements(merged([slurm(flags=("DRAIN",)), kube(flags=("CORDON",))])) == ()
    assert disagreements(slurm(flags=("DRAIN",))) == ()


def test_a_drain_on_one_plane_only_is_a_finding() -> None:
    (found,) = disagreements(merged([slurm(flags=("DRAIN",)), kube(gpus_used=4)]))
    assert found == "drained in slurm, kubernetes may still place work on it, and 4 GPUs are in use there"
    (found,) = disagreements(merged([slurm(), kube(flags=("CORDON",))]))
    assert found == "cordoned in kubernetes, slurm may still place work on it"


def test_lost_and_miscounted_gpus_are_findings() -> None:
    assert disagreements(merged([slurm(), kube(gpus_allocatable=7)])) == ("1 of 8 GPUs unhealthy to kubernetes",)
    assert disagreements(merged([slurm(gpus_total=7), kube()])) == (
        "GPUs are counted differently: slurm 7, kubernetes 8",
    )
    assert disagreements(merged([slurm(), kube(flags=("NOT_READY",))])) == ("down to kubernetes only",)


def test_two_sources_list_one_node_in_the_store() -> None:
    store = Store()
    assert take(store, "kubernetes", kube(), kube("gpu002"))
    assert take(store, "slurm", slurm(), slurm("gpu003"))

    assert {key: len(node.planes) for key, node in store.nodes.items()} == {
        "a100/gpu001": 2, "a100/gpu002": 0, "a100/gpu003": 0,
    }  # fmt: skip
    assert not take(store, "slurm", slurm(), slurm("gpu003")), "nothing has changed"


def test_what_one_source_no_longer_lists_stays_with_the_other() -> None:
    store = Store()
    take(store, "kubernetes", kube())
    take(store, "slurm", slurm())

    assert take(store, "slurm")
    assert store.nodes["a100/gpu001"].source == "kubernetes"
    assert store.nodes["a100/gpu001"].planes == ()
    assert take(store, "kubernetes", gone=("a100/gpu001",), complete=False)
    assert store.nodes == {}


def test_a_change_of_one_plane_is_seen_in_the_merged_node() -> None:
    store = Store()
    take(store, "kubernetes", kube())
    take(store, "slurm", slurm())

    take(store, "kubernetes", replace(kube(), flags=("CORDON",), reason="anna: bad nvlink"), complete=False)

    node = store.nodes["a100/gpu001"]
    assert node.planes[1].reason == "anna: bad nvlink"
    assert disagreements(node)
