"""GPUs across planes: names, owners by label, what is missing and what cannot be trusted."""

from __future__ import annotations

import math

from crashcart.backends.model import Batch, GpuColumn, GpuOwners, GpuRows, Target
from crashcart.backends.wire import Source, slices
from crashcart.ops.fields import FIELDS, GpuRow, Scene
from crashcart.ops.identity import NodeNames
from crashcart.ops.joins import Joins
from crashcart.ops.store import Store
from tests.entities import float_column, job, listing, node

NOW = 1001.0
KEY = "a100/gpu001"


def store_with(*batches: Batch, hosts: tuple[str, ...] = ("gpu001",), counts: tuple[int, ...] = (8,)) -> Store:
    store = Store()
    store.collector_up()
    for name in ("slurm", "dcgm", "prometheus"):
        store.apply(Source("a100", name, "live", 5.0, NOW, 0, ""))
    for batch in batches:
        for part in slices(batch, 1):
            store.apply(part)
    store.apply(GpuRows("dcgm", "a100", 1, hosts, counts))
    return store


def tell(store: Store, when: float = NOW, **columns: list[float]) -> Store:
    for name, values in columns.items():
        store.apply(GpuColumn("dcgm", "a100", 1, name, when, float_column(values)))
    return store


def failing(job_name: str = "dcgm", since: float = NOW - 60, host: str | None = "gpu001") -> Batch:
    target = Target(
        cluster="a100", source="prometheus", when=NOW, job=job_name, instance="gpu001:9400", host=host,
        error="connection refused", since=since, interval_seconds=15.0,
    )  # fmt: skip
    return listing("target", target, source="prometheus")


def test_a_node_has_its_telemetry_under_whatever_name() -> None:
    names = {"a100": NodeNames([(r"node-(\d+)\.example\.org", r"gpu\1")])}
    nodes = listing("node", node("gpu001"), node("gpu002"), node("gpu003"))
    store = store_with(nodes, hosts=("gpu001", "node-002.example.org"), counts=(8, 8))
    gpus = Joins(store, names).gpus
    assert gpus.host("a100/gpu001") == "gpu001"
    assert gpus.host("a100/gpu002") == "node-002.example.org"
    assert gpus.host("a100/gpu003") is None


def owners(store: Store, *labels: str) -> Joins:
    store.apply(GpuOwners("dcgm", "a100", 1, NOW, labels))
    return Joins(store)


def test_a_label_of_the_exporter_tells_whose_a_gpu_is_where_the_scheduler_does_not() -> None:
    one, two = job("77", raw_id="1077", gpu_map=None), job("78", gpu_map=None)
    store = store_with(listing("node", node(gpus_used=8)), listing("job", one, two))
    joins = owners(store, "job:77", "job:1077", "job:999", "pod:ml/train-0", "", "", "", "")
    held = [joins.owner_of_gpu("a100", "gpu001", gpu) for gpu in range(5)]
    assert [owner.name if owner else None for owner in held] == [
        "job 77", "job 77", "job 999", "pod ml/train-0", None,
    ]  # fmt: skip
    assert {owner.source for owner in held if owner} == {"exporter label"}
    assert joins.job_on_gpu("a100", "gpu001", 3) is None


def test_the_scheduler_is_asked_before_the_label() -> None:
    store = store_with(
        listing("node", node(gpus_used=4, gpus_used_indexes=(0, 1, 2, 3))),
        listing("job", job("1", gpus=4, gpu_map=(("gpu001", (0, 1)),)), job("2", gpu_map=None)),
    )
    joins = owners(store, *["job:2"] * 8)
    held = [joins.owner_of_gpu("a100", "gpu001", gpu) for gpu in (0, 2, 5)]
    assert [owner and (owner.name, owner.source) for owner in held] == [
        ("job 1", "scheduler"),
        ("job 2", "exporter label"),
        None,
    ], "a GPU that the scheduler knows to be free has no owner, whatever an old label says"


def test_owners_follow_new_labels() -> None:
    store = store_with(listing("node", node(gpus_used=7)), listing("job", job("77", gpu_map=None)))
    joins = owners(store, *[""] * 8)
    assert joins.owner_of_gpu("a100", "gpu001", 0) is None
    store.apply(GpuOwners("dcgm", "a100", 1, NOW + 5, ("job:77", *[""] * 7)))
    owner = joins.owner_of_gpu("a100", "gpu001", 0)
    assert owner is not None and owner.name == "job 77"


def test_missing_gpus_are_counted_by_telemetry_and_by_the_scheduler() -> None:
    nodes = [node("gpu001"), node("gpu002", gpus_total=8), node("gpu003")]
    store = store_with(listing("node", *nodes), hosts=("gpu001", "gpu002"), counts=(8, 6))
    tell(store, util_percent=[math.nan, *[5.0] * 13], power_watts=[math.nan, *[70.0] * 13])
    gpus = Joins(store).gpus
    assert gpus.missing_by_node(NOW) == {"a100/gpu001": 1, "a100/gpu002": 2}
    assert gpus.missing_gpus(nodes[1], NOW) == 2
    assert gpus.missing_gpus(nodes[2], NOW) == 0, "a node without telemetry misses nothing that is known"


def test_a_gpu_that_lacks_one_number_is_not_missing() -> None:
    store = tell(store_with(listing("node", node())), util_percent=[math.nan, *[5.0] * 7], power_watts=[70.0] * 8)
    assert Joins(store).gpus.missing_by_node(NOW) == {}


def test_nothing_is_called_missing_of_a_host_that_does_not_report() -> None:
    short = listing("node", node(gpus_total=9))
    store = tell(store_with(short), util_percent=[5.0] * 8, age_seconds=[400.0] * 8)
    assert Joins(store).gpus.missing_by_node(NOW) == {}
    store = tell(store_with(short, failing()), NOW - 70, util_percent=[5.0] * 8)
    assert Joins(store).gpus.missing_by_node(NOW) == {}
    store = tell(store_with(short), util_percent=[5.0] * 8)
    assert Joins(store).gpus.missing_by_node(NOW + 900) == {}, "the source is silent"


def states(store: Store, now: float = NOW) -> list[str]:
    return [Joins(store).gpus.state(KEY, gpu, now) for gpu in (0, 1, 8)]


def test_each_kind_of_doubt_has_its_own_word() -> None:
    nodes = listing("node", node(gpus_total=9))
    values = [math.nan, *[5.0] * 7]
    assert states(tell(store_with(nodes), util_percent=values)) == ["missing", "live", "missing"]
    assert states(tell(store_with(nodes), util_percent=[math.nan] * 8)) == ["no data"] * 3
    assert states(tell(store_with(nodes), util_percent=[5.0] * 8, age_seconds=[99.0] * 8)) == [
        "stale",
        "stale",
        "no data",
    ]
    assert states(tell(store_with(nodes), util_percent=values), NOW + 900) == ["stale"] * 3
    assert states(tell(store_with(nodes, failing()), NOW - 70, util_percent=values)) == ["exporter down"] * 3
    assert states(store_with(nodes, hosts=("other",))) == ["no data"] * 3


def test_a_failing_target_is_believed_to_be_the_gpu_exporter_only_until_newer_samples_come() -> None:
    for job_name, host, sampled, expected in (
        ("dcgm", "gpu001", NOW - 60, True),
        ("dcgm", None, NOW - 60, True),
        ("some-exporter", "gpu001", NOW - 60, True),
        ("node-exporter", "gpu001", NOW - 60, False),
        ("dcgm", "gpu001", NOW - 5, False),
    ):
        store = tell(store_with(listing("node", node()), failing(job_name, host=host)), sampled, util_percent=[5.0] * 8)
        failure = Joins(store).gpus.exporter_failure(KEY)
        assert (failure is not None) is expected, (job_name, host, sampled)


def test_filters_read_what_telemetry_says() -> None:
    nodes = listing("node", node(gpus_used=8))
    store = tell(
        store_with(nodes, listing("job", job("1"))),
        power_watts=[650.0] * 6 + [200.0, math.nan], util_percent=[99.0] * 7 + [math.nan], xid=[79.0] + [0.0] * 7,
    )  # fmt: skip
    scene = Scene(store, Joins(store), NOW)

    def read(name: str, gpu: int) -> object:
        return FIELDS["gpu"][name].read(scene, GpuRow("a100", "gpu001", gpu))

    assert [read("outlier", gpu) for gpu in (0, 6, 7)] == [False, True, False]
    assert [read("missing", gpu) for gpu in (0, 7)] == [False, True]
    assert read("xid_name", 0) == "Xid 79: GPU has fallen off the bus"
    assert read("xid_name", 1) is None
    assert read("telemetry", 1) == "live"
    assert read("margin", 1) is None
