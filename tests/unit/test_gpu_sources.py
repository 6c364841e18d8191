"""GPUs that several sources measure: each host from the best one that has it now, in one table for all readers."""

from __future__ import annotations

import math

from crashcart.backends.model import GpuColumn, GpuOwners, GpuRows
from crashcart.backends.wire import Beat, Source
from crashcart.ops.gpu_sources import CombinedTable
from crashcart.ops.gpu_table import GpuTable
from crashcart.ops.joins import Joins
from crashcart.ops.store import Store
from tests.entities import float_column, listing, node

NOW = 1000.0
HOSTS = ("gpu001", "gpu002", "gpu003")
SCRAPES, DRIVER, ASKED = "prometheus", "nvml", "smi"


def live(store: Store, *names: str, state: str = "live", when: float = NOW) -> None:
    for name in names:
        store.apply(Source("a100", name, state, 15.0, when, 0, ""))  # type: ignore[arg-type]


def rows(store: Store, source: str, *hosts: str, gpus: int = 2, generation: int = 1, stale: float = 60.0) -> None:
    store.apply(GpuRows(source, "a100", generation, hosts, (gpus,) * len(hosts), stale))


def tell(store: Store, source: str, metric: str, *values: float, when: float = NOW) -> None:
    store.apply(GpuColumn(source, "a100", 1, metric, when, float_column(list(values))))


def scraped() -> Store:
    """Three hosts of two GPUs in Prometheus: utilisation 10 to 15."""
    store = Store()
    store.collector_up()
    live(store, SCRAPES, DRIVER, ASKED)
    rows(store, SCRAPES, *HOSTS)
    tell(store, SCRAPES, "util_percent", 10, 11, 12, 13, 14, 15)
    tell(store, SCRAPES, "age_seconds", *[0.0] * 6)
    return store


def table(store: Store) -> GpuTable:
    return store.gpus["a100"]


def column(store: Store, metric: str = "util_percent") -> dict[str, list[float]]:
    """Host to the values of its GPUs, as a reader of columns and offsets sees them."""
    held = table(store)
    values = [float(value) for value in held.columns[metric]]
    return {host: values[first : first + held.counts[host]] for host, first in held.offsets.items()}


def test_a_single_source_is_shown_as_it_is() -> None:
    store = scraped()
    values = float_column([1.0] * 6)
    store.apply(GpuColumn(SCRAPES, "a100", 1, "power_watts", NOW, values))
    assert not isinstance(table(store), CombinedTable)
    assert table(store).columns["power_watts"].obj is values.obj, "nothing is copied"
    assert table(store).source_of("gpu002") == SCRAPES
    assert table(store).sources == {SCRAPES}


def test_the_driver_of_the_own_host_comes_before_the_exporter() -> None:
    store = scraped()
    rows(store, DRIVER, "gpu002")
    tell(store, DRIVER, "util_percent", 88, 89)
    tell(store, DRIVER, "age_seconds", 0, 0)
    assert column(store) == {"gpu001": [10, 11], "gpu002": [88, 89], "gpu003": [14, 15]}
    assert [table(store).source_of(host) for host in HOSTS] == [SCRAPES, DRIVER, SCRAPES]
    assert table(store).rows.source == "nvml, prometheus"
    assert table(store).value("util_percent", "gpu002", 1) == 89


def test_a_source_that_has_told_no_number_yet_takes_nothing_away() -> None:
    store = scraped()
    rows(store, DRIVER, "gpu002")
    assert column(store)["gpu002"] == [12, 13]


def test_columns_that_one_source_lacks_are_missing_for_its_hosts_alone() -> None:
    store = scraped()
    rows(store, DRIVER, "gpu002")
    tell(store, DRIVER, "util_percent", 88, 89)
    tell(store, DRIVER, "age_seconds", 0, 0)
    tell(store, DRIVER, "pcie_replays", 7, 8)
    found = column(store, "pcie_replays")
    assert found["gpu002"] == [7, 8]
    assert all(math.isnan(value) for value in (*found["gpu001"], *found["gpu003"]))


def test_a_host_goes_back_to_the_exporter_when_its_driver_is_no_longer_read() -> None:
    store = scraped()
    rows(store, DRIVER, "gpu002")
    tell(store, DRIVER, "util_percent", 88, 89)
    tell(store, DRIVER, "age_seconds", 0, 0)
    live(store, DRIVER, state="down")
    assert "gpu" in store.apply(Beat(NOW + 1))
    assert column(store)["gpu002"] == [12, 13]
    assert store.apply(Beat(NOW + 2)) == frozenset(), "nothing changed"


def test_what_is_asked_over_ssh_stands_in_for_stale_and_missing_metrics_only() -> None:
    store = scraped()
    rows(store, ASKED, "gpu001", "gpu003", "gpu009")
    tell(store, ASKED, "util_percent", 51, 52, 53, 54, 55, 56)
    tell(store, ASKED, "age_seconds", *[0.0] * 6)
    assert {host: table(store).source_of(host) for host in (*HOSTS, "gpu009")} == {
        "gpu001": SCRAPES, "gpu002": SCRAPES, "gpu003": SCRAPES, "gpu009": ASKED,
    }  # fmt: skip
    tell(store, SCRAPES, "age_seconds", 0, 0, 0, 0, 400, 400)
    assert table(store).source_of("gpu003") == ASKED
    assert column(store)["gpu003"] == [53, 54]
    tell(store, SCRAPES, "age_seconds", *[0.0] * 6)
    assert column(store)["gpu003"] == [14, 15]


def test_where_no_source_is_good_the_last_one_keeps_its_host() -> None:
    store = scraped()
    rows(store, DRIVER, "gpu002")
    tell(store, DRIVER, "util_percent", 88, 89)
    tell(store, DRIVER, "age_seconds", 0, 0)
    live(store, DRIVER, SCRAPES, state="down")
    store.apply(Beat(NOW + 1))
    assert column(store)["gpu002"] == [88, 89]


def test_each_host_is_stale_by_its_own_source() -> None:
    store = scraped()
    for part in (node("gpu001", gpus_total=2), node("gpu002", gpus_total=2)):
        store.entities["node"][part.key] = part
    rows(store, DRIVER, "gpu002", stale=5.0)
    tell(store, DRIVER, "util_percent", 88, 89)
    tell(store, DRIVER, "age_seconds", 0, 0)
    gpus = Joins(store).gpus
    assert (table(store).stale_after("gpu001"), table(store).stale_after("gpu002")) == (60.0, 5.0)
    live(store, DRIVER, when=NOW + 20)
    live(store, SCRAPES, when=NOW - 100)
    assert gpus.state("a100/gpu001", 0, NOW + 20) == "stale"
    assert gpus.state("a100/gpu002", 0, NOW + 20) == "live"
    assert gpus.source("a100/gpu002") == DRIVER


def test_missing_gpus_are_counted_where_their_own_source_is_live() -> None:
    store = scraped()
    rows(store, DRIVER, "gpu002")
    tell(store, DRIVER, "util_percent", 88, math.nan)
    tell(store, DRIVER, "age_seconds", 0, math.nan)
    gpus = Joins(store).gpus
    assert gpus.missing_by_node(NOW) == {"a100/gpu002": 1}
    live(store, SCRAPES, state="down")
    assert gpus.missing_by_node(NOW) == {"a100/gpu002": 1}
    live(store, DRIVER, state="down")
    assert gpus.missing_by_node(NOW) == {}


def test_times_and_the_past_are_those_of_the_hosts_own_source() -> None:
    store = scraped()
    rows(store, DRIVER, "gpu002")
    for turn in range(3):
        tell(store, DRIVER, "util_percent", 80 + turn, 90, when=NOW + 2 * turn)
        tell(store, DRIVER, "age_seconds", 0, 0, when=NOW + 2 * turn)
    held = table(store)
    assert held.sample_time("util_percent", "gpu001", 0) == NOW
    assert held.sample_time("util_percent", "gpu002", 0) == NOW + 4
    assert held.recent("util_percent", "gpu002", 0) == [(NOW, 80), (NOW + 2, 81), (NOW + 4, 82)]
    assert held.recent("util_percent", "gpu001", 1) == [(NOW, 11)]
    earlier = held.earlier("util_percent", 2)
    first = held.offsets["gpu002"]
    assert [past[first] for past in earlier] == [81, 80]
    assert all(math.isnan(past[held.offsets["gpu001"]]) for past in earlier), "Prometheus told one column only"


def test_owners_come_from_the_hosts_own_source() -> None:
    store = scraped()
    store.apply(GpuOwners(SCRAPES, "a100", 1, NOW, ("job:1",) * 6))
    rows(store, DRIVER, "gpu002")
    tell(store, DRIVER, "util_percent", 88, 89)
    tell(store, DRIVER, "age_seconds", 0, 0)
    assert "gpu" in store.apply(GpuOwners(DRIVER, "a100", 1, NOW, ("job:7", "")))
    held = [table(store).owner(host, gpu) for host in HOSTS for gpu in range(2)]
    assert held == ["job:1", "job:1", "job:7", "", "job:1", "job:1"]


def test_a_source_whose_last_host_went_leaves_the_others_table_uncopied() -> None:
    store = scraped()
    rows(store, ASKED, "gpu009")
    assert isinstance(table(store), CombinedTable)
    rows(store, ASKED, generation=2)
    assert not isinstance(table(store), CombinedTable)
    assert column(store)["gpu003"] == [14, 15]


def test_a_frozen_copy_does_not_follow_its_sources() -> None:
    store = scraped()
    rows(store, DRIVER, "gpu002")
    tell(store, DRIVER, "util_percent", 88, 89)
    tell(store, DRIVER, "age_seconds", 0, 0)
    frozen = table(store).snapshot()
    tell(store, DRIVER, "util_percent", 1, 2, when=NOW + 2)
    assert frozen.value("util_percent", "gpu002", 0) == 88
    assert frozen.sample_time("util_percent", "gpu002", 0) == NOW
    assert frozen.recent("util_percent", "gpu002", 0) == [(NOW, 88)]


def test_findings_wait_for_all_sources_of_a_cluster() -> None:
    store = scraped()
    for part in (listing("node", *(node(name) for name in HOSTS)),):
        for entity in part.upserts:
            store.entities["node"][entity.key] = entity
    store.confirmed[("a100", "slurm", "node")] = NOW
    live(store, "slurm")
    rows(store, DRIVER, "stray")
    tell(store, DRIVER, "util_percent", 1, 2)
    joins = Joins(store)
    assert joins.findings.strays(NOW) == (("a100", "stray"),)
    live(store, SCRAPES, state="down")
    assert joins.findings.strays(NOW) == ()
