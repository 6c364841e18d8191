"""Sizes from one node to thousands, and the parts that make a big cluster cheap."""

from __future__ import annotations

import pytest

from crashcart.backends.demo.journal import Journal
from crashcart.backends.demo.samples import SampleTables
from crashcart.backends.demo.timeline import Timeline
from crashcart.backends.model import Node
from tests.demo_world import HandCluster


@pytest.mark.parametrize(("nodes", "gpus"), [(1, 1), (2, 8), (3, 4), (5, 2), (7, 8), (9, 16), (33, 8), (200, 4)])
def test_every_size_runs_for_an_hour(nodes: int, gpus: int) -> None:
    cluster = HandCluster(nodes, gpus)
    for _ in range(12):
        cluster.wait(300)
        news = cluster.poll()
        assert all(len(column) == nodes * gpus * 4 for column in news.columns.values())
    seen = cluster.seen()
    assert len(seen.nodes) == nodes
    assert any(job.is_running for job in seen.jobs)
    assert {queue.name for queue in seen.queues} == {"train", "batch", "dev"}


def test_ten_thousand_gpus_are_named_placed_and_answered() -> None:
    cluster = HandCluster(1250)
    news = cluster.poll()
    names = [entity.name for entity in news.entities if isinstance(entity, Node)]
    assert len(names) == 1250 and "gpu1250" in names
    cluster.wait(2)
    later = cluster.poll(news.epoch, news.revision)
    assert not later.whole
    assert len(later.entities) < 200
    assert "memory_total_bytes" not in later.columns, "what has not changed is not sent"


def test_nodes_that_are_out_of_service_in_a_big_cluster_have_reasons() -> None:
    out = [node for node in HandCluster(2000).seen().nodes if node.is_draining or node.is_down]
    assert 5 < len(out) < 100
    assert all(node.reason and node.reason_by and node.reason_at for node in out)


def test_journal_tells_changes_in_order_and_what_is_gone() -> None:
    journal = Journal()
    journal.touch("node", "a")
    journal.touch("node", "b")
    seen = journal.revision
    journal.touch("node", "a")
    journal.touch("job", "1")
    journal.drop("job", "1")
    assert journal.since(seen) == ([("node", "a")], [("job", "1")])
    assert journal.since(journal.revision) == ([], [])


def test_journal_forgets_what_is_long_gone_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crashcart.backends.demo.journal.KEEP", 10)
    journal = Journal()
    journal.touch("node", "a")
    early = journal.revision
    for number in range(20):
        journal.touch("job", str(number))
        journal.drop("job", str(number))
    assert not journal.covers(early)
    assert journal.covers(journal.revision)
    assert not journal.covers(journal.revision + 1)
    assert journal.since(0)[0] == [("node", "a")]


def test_timeline_plays_events_at_their_own_time() -> None:
    timeline = Timeline(100.0)
    seen: list[float] = []
    timeline.after(5, lambda: seen.append(timeline.now))
    timeline.after(5, lambda: timeline.after(1, lambda: seen.append(timeline.now)))
    timeline.after(50, lambda: seen.append(timeline.now))
    timeline.advance(110)
    assert seen == [105.0, 106.0]
    assert timeline.now == 110
    timeline.advance(90)
    assert timeline.now == 110


def test_a_gpu_keeps_its_character_from_turn_to_turn() -> None:
    tables = SampleTables(1, 4096)
    cuts = tables.cuts([("train", 4096)])
    first = memoryview(tables.join(cuts, "temperature_celsius", 0)).cast("f")
    later = memoryview(tables.join(cuts, "temperature_celsius", 3)).cast("f")
    assert first != later
    assert max(abs(one - other) for one, other in zip(first, later, strict=True)) < 12


@pytest.mark.parametrize("rows", [1, 8, 511, 1531, 100_000])
def test_every_gpu_has_its_sample_whatever_its_neighbours_do(rows: int) -> None:
    tables = SampleTables(1, rows)
    for runs in (
        [("idle", rows)],
        [("idle", rows // 2), ("serve", rows - rows // 2)],
        [("serve", rows - 1), ("hot", 1)],
    ):
        column = memoryview(tables.join(tables.cuts(runs), "power_watts", 3)).cast("f")
        assert len(column) == rows
        loads = [load for load, count in runs for _ in range(count)]
        for row in {0, rows // 2, rows - 1}:
            assert column[row] == tables.value(loads[row], "power_watts", 2.0 * 7, row), "turn 3 is the seventh"
