"""What planes disagree about, and what is not known because one of them does not answer."""

from __future__ import annotations

import math
from typing import Any

from crashcart.backends.model import Batch, GpuColumn, GpuRows, Node, Target
from crashcart.backends.wire import Source, slices
from crashcart.ops.fields import FIELDS, GpuRow, Scene
from crashcart.ops.filter import compile_filter
from crashcart.ops.holds import held_since, holders, holds, reasons
from crashcart.ops.joins import Joins
from crashcart.ops.planes import merged
from crashcart.ops.store import Store
from tests.entities import float_column, listing, node
from tests.kube_entities import kube_node

NOW = 1001.0
KEY = "a100/gpu001"


def source(name: str, state: str = "live", last: float = NOW) -> Source:
    return Source("a100", name, state, 5.0, last, 0, "")  # type: ignore[arg-type]


def store_with(*batches: Batch) -> Store:
    store = Store()
    store.collector_up()
    for name in ("slurm", "kubernetes", "prometheus", "dcgm"):
        store.apply(source(name))
    for batch in batches:
        hear(store, batch)
    return store


def hear(store: Store, batch: Batch) -> None:
    for part in slices(batch, 1):
        store.apply(part)


def two_planes(slurm: dict[str, Any], kube: dict[str, Any]) -> Store:
    nodes = listing("node", node(**slurm)), listing("node", kube_node(**kube), source="kubernetes")
    return store_with(*nodes)


def texts(store: Store, key: str = KEY) -> list[tuple[str, bool]]:
    return [(one.text, one.is_known) for one in Joins(store).findings.of(key, NOW)]


def verdict(store: Store, key: str = KEY) -> str:
    return Joins(store).findings.verdict(store.nodes[key], NOW)


def test_planes_that_say_the_same_agree() -> None:
    store = two_planes({}, {})
    assert texts(store) == []
    assert verdict(store) == "agree"
    assert verdict(store_with(listing("node", node()))) == "alone"


def test_a_cordon_that_slurm_does_not_know_of_is_a_finding() -> None:
    store = two_planes({}, {"flags": ("CORDON",), "reason": "GpuXidError", "reason_at": 940.0})
    assert texts(store) == [("cordoned in kubernetes, slurm may still place work on it", True)]
    assert verdict(store) == "disagree"
    assert Joins(store).findings.of(KEY, NOW)[0].since == 940.0


def test_what_a_plane_said_that_is_gone_is_kept_and_not_called_known() -> None:
    store = two_planes({}, {"flags": ("CORDON",)})
    store.apply(source("kubernetes", "down", 900.0))
    assert texts(store) == [("cordoned in kubernetes, slurm may still place work on it", False)]
    assert verdict(store) == "unknown"


def test_planes_of_which_one_is_late_do_not_agree() -> None:
    store = two_planes({}, {})
    store.apply(source("kubernetes", "live", NOW - 60))
    assert verdict(store) == "unknown"
    assert Joins(store).findings.unknown(NOW) == {KEY}


def test_nothing_is_known_once_the_collector_is_lost() -> None:
    store = two_planes({}, {"flags": ("CORDON",)})
    joins = Joins(store)
    assert joins.findings.verdict(store.nodes[KEY], NOW) == "disagree"
    store.collector_lost()
    assert joins.findings.verdict(store.nodes[KEY], NOW) == "unknown"


def test_what_one_live_plane_finds_alone_stays_known() -> None:
    store = two_planes({}, {"gpus_allocatable": 7})
    store.apply(source("slurm", "down", 900.0))
    assert texts(store) == [("1 of 8 GPUs unhealthy to kubernetes", True)]
    assert verdict(store) == "disagree"


def failing(job: str = "dcgm", **fields: Any) -> Batch:
    base: dict[str, Any] = {"instance": "gpu001:9400", "host": "gpu001", "error": "connection refused", "since": 940.0}
    target = Target(cluster="a100", source="prometheus", when=NOW, job=job, interval_seconds=15.0, **{**base, **fields})
    return listing("target", target, source="prometheus")


def measure(store: Store, values: list[float], hosts: tuple[str, ...] = ("gpu001",), when: float = NOW) -> Store:
    store.apply(GpuRows("dcgm", "a100", 1, hosts, tuple(len(values) // len(hosts) for _ in hosts)))
    store.apply(GpuColumn("dcgm", "a100", 1, "util_percent", when, float_column(values)))
    return store


def test_a_silent_exporter_of_a_node_in_service_is_a_finding() -> None:
    store = store_with(listing("node", node()), failing())
    assert texts(store) == [("idle to slurm, but its exporter dcgm is silent: connection refused", True)]
    assert verdict(store) == "disagree"


def test_a_silent_exporter_of_a_node_out_of_service_is_none() -> None:
    for fields in ({"flags": ("DRAIN",)}, {"state": "DOWN"}):
        assert texts(store_with(listing("node", node(**fields)), failing())) == []


def test_newer_samples_prove_that_the_gpu_exporter_is_not_silent() -> None:
    store = measure(store_with(listing("node", node()), failing()), [5.0] * 8)
    assert texts(store) == []
    hear(store, failing("node-exporter"))
    assert [text for text, _ in texts(store)] == [
        "idle to slurm, but its exporter node-exporter is silent: connection refused"
    ], "another exporter has nothing to do with these samples"


def test_gpus_that_the_telemetry_lacks_are_a_finding() -> None:
    store = measure(store_with(listing("node", node())), [math.nan, *[5.0] * 7])
    assert texts(store) == [("1 of its GPUs missing from the telemetry", True)]


def test_hosts_that_only_metrics_know_are_listed_while_that_can_be_known() -> None:
    store = measure(store_with(listing("node", node())), [5.0] * 8, ("gpu001.example.org:9400", "stray"))
    joins = Joins(store)
    assert joins.findings.strays(NOW) == (("a100", "stray"),)
    store.apply(source("slurm", "late", 900.0))
    assert joins.findings.strays(NOW) == (), "a list of nodes that is old may lack a new one"
    assert Joins(measure(store_with(), [5.0], ("stray",))).findings.strays(NOW) == (), "no list of nodes has come yet"


def listed(store: Store, text: str) -> list[str]:
    scene, wanted = Scene(store, Joins(store), NOW), compile_filter(text, "node")
    return [node.name for node in store.nodes.values() if wanted.matches(scene, node)]


def cluster() -> Store:
    slurm = [node("agree"), node("odd"), node("alone")]
    kube = [kube_node("agree"), kube_node("odd", flags=("CORDON",), reason="xid 79", reason_by="nvsentinel")]
    return store_with(listing("node", *slurm), listing("node", *kube, source="kubernetes"))


def test_disagreement_is_a_filter() -> None:
    store = cluster()
    assert listed(store, "planes=disagree") == ["odd"]
    assert listed(store, "planes=kubernetes") == ["agree", "odd"]
    assert listed(store, "planes!=kubernetes") == ["alone"]
    assert listed(store, "finding~=cordoned") == ["odd"]
    assert listed(store, "reason~=xid") == ["odd"], "a reason is found on whatever plane it is"
    assert listed(store, "reason_by=nvsentinel") == ["odd"]


def test_what_is_not_known_matches_neither_agreement_nor_disagreement() -> None:
    store = cluster()
    store.apply(source("kubernetes", "down", 900.0))
    assert listed(store, "planes=disagree") == []
    assert listed(store, "planes!=disagree") == ["alone"]
    assert listed(store, "!planes=disagree") == ["alone"]
    assert listed(store, "planes=unknown") == ["agree", "odd"]
    assert listed(store, "planes=kubernetes") == ["agree", "odd"], "who knows them is known all the same"


def test_gpus_have_the_planes_of_their_node_and_strays_disagree() -> None:
    store = measure(store_with(listing("node", node())), [5.0] * 16, ("gpu001", "stray"))
    scene = Scene(store, Joins(store), NOW)
    read = FIELDS["gpu"]["planes"].read
    assert read(scene, GpuRow("a100", "gpu001", 0)) == ("slurm", "dcgm")
    assert read(scene, GpuRow("a100", "stray", 0)) == ("dcgm", "disagree")


def both(slurm: dict[str, Any], kube: dict[str, Any]) -> Node:
    return merged([node(**slurm), kube_node(**kube)])


def test_a_reason_is_told_with_its_plane_where_there_are_several() -> None:
    held = both(
        {"flags": ("DRAIN",), "reason": "RMA", "reason_by": "rkapoor", "reason_at": 900.0}, {"flags": ("CORDON",)}
    )
    assert reasons(held) == "slurm: RMA; kubernetes: cordoned, no reason given"
    assert (holders(held), held_since(held)) == ("rkapoor", 900.0)
    assert [(hold.source, hold.word) for hold in holds(held)] == [("slurm", "drained"), ("kubernetes", "cordoned")]
    assert reasons(both({}, {})) is None
    assert reasons(node(reason="noted", reason_by="x")) == "noted"
