"""One fault across planes."""

from __future__ import annotations

from crashcart.backends import wire
from crashcart.backends.model import Batch
from crashcart.ops.identity import NodeNames
from crashcart.ops.joins import Joins
from crashcart.ops.store import Store
from tests.entities import alert, job, listing, node, queue


def store_with(*batches: Batch) -> Store:
    store = Store()
    for batch in batches:
        for part in wire.slices(batch, 1):
            store.apply(part)
    return store


def test_a_gpu_belongs_to_the_job_whose_allocation_has_its_index() -> None:
    halves = (
        job("1", gpus=4, gpu_map=(("gpu001", (0, 1, 2, 3)),)),
        job("2", gpus=4, gpu_map=(("gpu001", (4, 5, 6, 7)),)),
    )
    joins = Joins(store_with(listing("node", node(gpus_used=8)), listing("job", *halves)))
    owner = joins.owner_of_gpu("a100", "gpu001", 5)
    assert owner is not None and owner.job is not None
    assert (owner.job.id, owner.source) == ("2", "scheduler")


def test_without_indexes_the_only_job_of_a_full_node_owns_its_gpus() -> None:
    joins = Joins(store_with(listing("node", node(gpus_used=8)), listing("job", job("1", gpu_map=None))))
    owner = joins.owner_of_gpu("a100", "gpu001", 7)
    assert owner is not None and owner.job is not None
    assert (owner.job.id, owner.source) == ("1", "whole node")


def test_without_indexes_a_shared_node_has_no_owner_named() -> None:
    jobs = (job("1", gpus=4, gpu_map=None), job("2", gpus=4, gpu_map=None))
    joins = Joins(store_with(listing("node", node(gpus_used=8)), listing("job", *jobs)))
    assert joins.owner_of_gpu("a100", "gpu001", 0) is None


def test_an_exporter_name_with_domain_and_port_is_the_node() -> None:
    joins = Joins(store_with(listing("node", node(gpus_used=8)), listing("job", job("1"))))
    assert joins.job_on_gpu("a100", "gpu001.example.org:9400", 0) is not None


def test_a_site_rule_maps_a_foreign_name() -> None:
    names = {"a100": NodeNames([(r"dgx-(\d+)-bmc", r"gpu\1")])}
    joins = Joins(store_with(listing("node", node())), names)
    assert joins.node_name("a100", "dgx-001-bmc") == "gpu001"


def test_a_job_is_on_every_node_of_its_folded_list() -> None:
    nodes = [node(f"gpu{number:03}") for number in range(1, 5)]
    joins = Joins(store_with(listing("node", *nodes), listing("job", job("1", node_list="gpu[001-003]"))))
    assert [found.id for found in joins.jobs_on_node("a100/gpu003")] == ["1"]
    assert joins.jobs_on_node("a100/gpu004") == []


def test_joins_follow_the_store() -> None:
    store = store_with(listing("node", node()), listing("job", job("1")))
    joins = Joins(store)
    assert len(joins.jobs_on_node("a100/gpu001")) == 1
    for part in wire.slices(listing("job"), 2):
        store.apply(part)
    assert joins.jobs_on_node("a100/gpu001") == []


def test_queue_counts_tasks_of_bundled_arrays_and_reasons() -> None:
    waiting = job("9", state="PENDING", node_list="", reason="Resources", array="9_[1-50]", array_tasks=50)
    store = store_with(listing("queue", queue()), listing("node", node(gpus_used=8)), listing("job", job("1"), waiting))
    counts = Joins(store).queue_counts(store.queues["a100/train"])
    assert (counts.running, counts.pending, counts.gpus_used, counts.reasons["Resources"]) == (1, 50, 8, 50)


def test_gpus_of_a_queue_are_unknown_when_no_node_tells() -> None:
    store = store_with(listing("queue", queue()), listing("node", node(gpus_total=None, gpus_used=None)))
    assert Joins(store).queue_counts(store.queues["a100/train"]).gpus_used is None


def test_an_alert_finds_its_node() -> None:
    store = store_with(listing("node", node()), listing("alert", alert(), source="alertmanager"))
    assert [found.name for found in Joins(store).alerts.of_node("a100/gpu001")] == ["GpuXid"]
