"""One list of alerts out of two sources, and what each alert is about."""

from __future__ import annotations

import pytest

from crashcart.backends import wire
from crashcart.backends.model import Alert, Batch
from crashcart.ops.alert_joins import AlertJoins
from crashcart.ops.joins import Joins
from crashcart.ops.store import Store
from tests.entities import alert, job, listing, node
from tests.monitoring_entities import silence

EXTERNAL = (("Hostname", "gpu001"), ("gpu", "3"), ("site", "north"))
LABELS = (("Hostname", "gpu001"), ("gpu", "3"))


def evaluated(fingerprint: str = "p1", **fields: object) -> Alert:
    return alert(fingerprint, source="prometheus", **{"labels": LABELS, **fields})


def routed(fingerprint: str = "f1", **fields: object) -> Alert:
    return alert(fingerprint, **{"labels": EXTERNAL, **fields})


def store_with(*batches: Batch, dead: tuple[str, ...] = ()) -> Store:
    store = Store()
    store.collector_up()
    for name in ("alertmanager", "prometheus"):
        store.apply(wire.Source("a100", name, "down" if name in dead else "live", 5.0, 1000.0, 0, ""))
    for batch in batches:
        for part in wire.slices(batch, 1):
            store.apply(part)
    return store


def two_lists(ours: tuple[Alert, ...], theirs: tuple[Alert, ...], dead: tuple[str, ...] = ()) -> AlertJoins:
    return Joins(
        store_with(
            listing("alert", *ours, source="alertmanager"), listing("alert", *theirs, source="prometheus"), dead=dead
        )
    ).alerts


def test_an_alert_of_both_sources_is_shown_once_as_alertmanager_has_it() -> None:
    joins = two_lists((routed(state="silenced"),), (evaluated(),))
    assert [found.state for found in joins.merged().values()] == ["silenced"]


def test_the_page_of_a_hidden_alert_is_that_of_the_one_that_stands_for_it() -> None:
    joins = two_lists((routed(state="silenced"),), (evaluated(), evaluated("p2", name="GpuHot")))
    shown = joins.standing_for("a100/p1")
    assert shown is not None
    assert (shown.fingerprint, joins.sources(shown)) == ("f1", frozenset(("alertmanager", "prometheus")))
    alone = joins.standing_for("a100/p2")
    assert alone is not None
    assert (alone.fingerprint, joins.sources(alone)) == ("p2", frozenset(("prometheus",)))
    assert joins.standing_for("a100/gone") is None


def test_a_machine_that_no_scheduler_knows_is_named_by_the_labels() -> None:
    joins = Joins(store_with()).alerts
    assert joins.place(alert(labels=(("instance", "storage7:9100"),))) == "storage7"
    assert joins.place(alert(labels=(("team", "nlp"),))) == ""


def test_an_alert_name_in_the_labels_of_one_source_only_makes_no_difference() -> None:
    named = evaluated(labels=(("alertname", "GpuXid"), *LABELS))
    assert list(two_lists((routed(),), (named,)).merged()) == ["a100/f1"]


@pytest.mark.parametrize(
    "other",
    [evaluated(name="GpuHot"), evaluated(labels=(("Hostname", "gpu001"), ("gpu", "4"))), evaluated(cluster="b")],
    ids=["another name", "another label", "another cluster"],
)
def test_an_alert_that_differs_is_another_alert(other: Alert) -> None:
    assert len(two_lists((routed(),), (other,)).merged()) == 2


def test_a_pending_alert_is_known_to_prometheus_alone_and_no_finding() -> None:
    joins = two_lists((), (evaluated(state="pending"),))
    assert [found.state for found in joins.merged().values()] == ["pending"]
    assert not joins.is_unrouted("a100/p1")


def test_an_alert_that_fires_and_is_not_in_alertmanager_tells_nobody() -> None:
    joins = two_lists((routed(),), (evaluated(), evaluated("p2", name="GpuHot")))
    assert (joins.is_unrouted("a100/p1"), joins.is_unrouted("a100/p2")) == (False, True)


@pytest.mark.parametrize("dead", ["alertmanager", "prometheus"])
def test_what_a_dead_source_lacks_is_no_finding(dead: str) -> None:
    assert not two_lists((), (evaluated(),), dead=(dead,)).is_unrouted("a100/p1")


def test_without_any_alertmanager_nothing_is_missing_in_it() -> None:
    joins = Joins(store_with(listing("alert", evaluated(), source="prometheus"))).alerts
    assert not joins.is_unrouted("a100/p1")


def test_when_alertmanager_is_dead_the_living_prometheus_is_shown() -> None:
    joins = two_lists((routed(), routed("f2", name="GpuHot")), (evaluated(),), dead=("alertmanager",))
    assert sorted(joins.merged()) == ["a100/f2", "a100/p1"]


def test_a_silence_outlives_the_alertmanager_that_told_of_it() -> None:
    joins = two_lists((routed(state="silenced", silenced_by=("s1",)),), (evaluated(),), dead=("alertmanager",))
    assert list(joins.merged()) == ["a100/f1"]


def test_when_both_are_dead_alertmanager_s_last_word_stays() -> None:
    joins = two_lists((routed(),), (evaluated(),), dead=("alertmanager", "prometheus"))
    assert list(joins.merged()) == ["a100/f1"]


def test_the_list_follows_the_death_of_a_source() -> None:
    store = store_with(
        listing("alert", routed(), source="alertmanager"), listing("alert", evaluated(), source="prometheus")
    )
    joins = Joins(store).alerts
    assert list(joins.merged()) == ["a100/f1"]
    store.apply(wire.Source("a100", "alertmanager", "down", 5.0, 1000.0, 3, "connection refused"))
    assert list(joins.merged()) == ["a100/p1"]


def test_thousands_of_alerts_of_one_name_are_merged_one_by_one() -> None:
    hosts = range(3000)
    ours = tuple(routed(f"f{n}", labels=(("Hostname", f"gpu{n}"), ("site", "north"))) for n in hosts)
    theirs = tuple(evaluated(f"p{n}", labels=(("Hostname", f"gpu{n}"),)) for n in hosts)
    assert set(two_lists(ours, theirs).merged()) == {f"a100/f{n}" for n in hosts}


def test_an_alert_finds_its_node_its_gpu_its_rack_and_its_job() -> None:
    about = alert(labels=(("instance", "gpu001.example.org:9400"), ("device", "nvidia5"), ("hpc_job", "42")))
    store = store_with(
        listing("node", node(rack="r07")), listing("job", job("42")), listing("alert", about, source="alertmanager")
    )
    joins = Joins(store).alerts
    found_node, found_job = joins.node(about), joins.job(about)
    assert found_node is not None
    assert found_job is not None
    assert (found_node.name, joins.gpu(about), joins.rack(about), found_job.id) == ("gpu001", 5, "r07", "42")
    assert (joins.of_node("a100/gpu001"), joins.of_job("a100/42")) == ([about], [about])


def test_the_scrape_job_of_prometheus_is_no_cluster_job() -> None:
    assert Joins(store_with(listing("job", job("42")))).alerts.job(alert(labels=(("job", "dcgm"),))) is None


def test_the_silence_that_ends_last_comes_first() -> None:
    quiet = alert(state="silenced", silenced_by=("s1", "s2", "gone"))
    store = store_with(
        listing("alert", quiet, source="alertmanager"),
        listing("silence", silence("s1", ends=2000.0), silence("s2", ends=9000.0), source="alertmanager"),
    )
    joins = Joins(store).alerts
    assert [found.id for found in joins.silences(quiet)] == ["s2", "s1"]
    assert joins.silenced_by(store.silences["a100/s1"]) == [quiet]


def test_an_inhibited_alert_names_the_alert_above_it() -> None:
    above, below = alert("f1", name="NodeDown"), alert("f2", state="inhibited", inhibited_by=("f1",))
    joins = Joins(store_with(listing("alert", above, below, source="alertmanager"))).alerts
    assert joins.inhibitors(below) == [above]


def test_the_tally_counts_one_cluster_or_all() -> None:
    joins = two_lists((routed(), routed("f2", severity="warning", state="pending"), routed("f3", cluster="b")), ())
    assert joins.tally("a100") == {("firing", "critical"): 1, ("pending", "warning"): 1}
    assert joins.tally(None)[("firing", "critical")] == 2
