"""The past that the demo tells of a machine is what was to be seen at the time, and ends in what is shown now."""

from __future__ import annotations

import math
from typing import get_args

import pytest

from crashcart.backends.demo.host_history import GPU_METRICS
from crashcart.backends.demo.protocol import AskHistory, News, Past, Told
from crashcart.backends.metrics import HostMetric
from crashcart.backends.model import Alert
from tests.demo_world import START, HandCluster

MINUTE = 60.0


def told(cluster: HandCluster, *hosts: str, alerts: bool = False) -> dict[str, Past]:
    answer = cluster.ask(AskHistory(hosts, alerts))
    assert isinstance(answer, Told)
    return {past.subject: past for past in answer.pasts}


def series(past: Past) -> dict[str, list[float]]:
    """Name to values."""
    values: list[float] = list(past.values.cast("f"))
    points = len(values) // len(past.names)
    return {name: values[index * points : (index + 1) * points] for index, name in enumerate(past.names)}


def at(past: Past, when: float) -> dict[str, float]:
    """Name to the value at a time that was sampled."""
    point = (when - past.start) / past.step_seconds
    assert point == int(point)
    return {name: values[int(point)] for name, values in series(past).items()}


def column(news: News, cluster: HandCluster, metric: str, node: str) -> list[float]:
    index = list(cluster.desk.sim.node_by_name).index(node) * 8
    return list(news.columns[metric].cast("f")[index : index + 8])


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def test_an_hour_is_told_in_minutes_of_all_that_a_machine_has() -> None:
    cluster = HandCluster()
    cluster.wait(30)
    found = told(cluster, "gpu005", "nosuch", "gpu009")
    assert list(found) == ["host:gpu005", "host:gpu009"]
    past = found["host:gpu005"]
    assert (past.start, past.step_seconds) == (START - 3600, MINUTE)
    assert {len(values) for values in series(past).values()} == {61}
    wanted = {f"{metric}/{gpu}" for metric in GPU_METRICS for gpu in range(8)} | set(get_args(HostMetric))
    assert set(past.names) == wanted


def test_every_sample_that_was_shown_is_in_the_history() -> None:
    cluster = HandCluster()
    cluster.wait(MINUTE)
    shown: dict[float, News] = {}
    names = [f"gpu{number:03d}" for number in (7, 8, 18, 30, 37, 44, 49, 53, 54, 55, 56, 60, 62, 64)]
    for minute in range(12):
        shown[cluster.now] = cluster.poll()
        cluster.wait(2)  # what is done at the very moment of a sample could be on either side of it
        if minute == 3:
            cluster.run("scontrol update nodename=gpu007 state=drain reason=x")
            cluster.run(f"scontrol requeue {cluster.job_named('moe-8x22b-pretrain').id}")
        if minute == 5:
            cluster.run("scontrol reboot ASAP reason=x gpu007")
        cluster.wait(MINUTE - 2)
    found = told(cluster, *names)
    seen = {True: 0, False: 0}
    for when, news in shown.items():
        for name in names:
            past = at(found[f"host:{name}"], when)
            ages = column(news, cluster, "age_seconds", name)
            for metric in GPU_METRICS:
                for gpu, value in enumerate(column(news, cluster, metric, name)):
                    expected = value if ages[gpu] == 0.0 else math.nan  # what is only remembered was not sampled
                    assert same(past[f"{metric}/{gpu}"], expected), (name, metric, gpu, (when - START) / MINUTE)
                    seen[math.isnan(expected)] += 1
    assert min(seen.values()) > 100


def test_a_lost_gpu_has_no_samples_from_its_xid_on() -> None:
    cluster = HandCluster()
    past = told(cluster, "gpu007")["host:gpu007"]
    power = series(past)["power_watts/4"]
    assert [math.isnan(value) for value in power] == [False] * 59 + [True] * 2, "it was lost 95 seconds ago"
    peer = series(past)["power_watts/3"]
    assert sorted(peer[:59])[5] > 400 and max(peer[-1:]) < 140, "since then its peers wait for it"


def test_a_dead_exporter_hides_the_gpus_and_not_the_machine() -> None:
    cluster = HandCluster()
    host = next(alert for alert in alerts(cluster) if alert.name == "DcgmExporterDown" and alert.state == "firing")
    name = dict(host.labels)["node"]
    past = series(told(cluster, name)[f"host:{name}"])
    assert math.isnan(past["util_percent/0"][-1]) and not math.isnan(past["util_percent/0"][0])
    assert not any(math.isnan(value) for value in past["cpu_percent"])


def test_host_series_fit_what_the_scheduler_says() -> None:
    cluster = HandCluster()
    for name in ("gpu001", "gpu049", "gpu062"):
        now = at(told(cluster, name)[f"host:{name}"], START)
        node = cluster.node(name)
        assert now["memory_total_bytes"] == pytest.approx(node.memory_total_bytes)
        assert now["memory_available_bytes"] == pytest.approx(node.memory_free_bytes, rel=1e-6)
        assert now["load"] == pytest.approx(node.load, rel=0.1)
        assert 0 <= now["cpu_percent"] <= 100


def test_the_sick_port_is_down() -> None:
    cluster = HandCluster()
    sick = next(node.name for node in cluster.seen().nodes if "mlx5_3" in (node.reason or ""))
    assert at(told(cluster, sick)[f"host:{sick}"], START)["infiniband_ports_down"] == 1
    assert at(told(cluster, "gpu001")["host:gpu001"], START)["infiniband_ports_down"] == 0


def alerts(cluster: HandCluster) -> list[Alert]:
    return [entity for entity in cluster.poll().entities if isinstance(entity, Alert)]


def test_a_day_of_alerts_ends_in_what_fires_now() -> None:
    cluster = HandCluster()
    past = told(cluster, alerts=True)["alerts"]
    assert (past.start, past.step_seconds) == (START - 86_400, 1800.0)
    found = series(past)
    assert {len(values) for values in found.values()} == {49}
    now: dict[str, float] = {}
    for alert in alerts(cluster):
        if alert.state != "pending":
            now[alert.name] = now.get(alert.name, 0.0) + 1
    assert {name: values[-1] for name, values in found.items() if values[-1]} == now
    assert set(found["Watchdog"]) == {1.0}
    assert max(found["GpuThermalSlowdown"][:-2]) > 0, "it was hot before"


def test_what_has_stopped_firing_stays_in_the_strip() -> None:
    cluster = HandCluster()
    cluster.poll()
    hung = {cluster.job_named(name).id for name in ("rlhf-ppo-34b", "moe-8x22b-pretrain")}
    for job in hung:
        cluster.run(f"scancel {job}")
    cluster.wait(5)
    assert not [alert for alert in alerts(cluster) if dict(alert.labels).get("job") in hung and "Hang" in alert.name]
    cluster.wait(600)
    assert series(told(cluster, alerts=True)["alerts"])["NcclHangSuspected"][-1] >= 2


def test_nothing_is_known_from_the_death_of_prometheus_on() -> None:
    cluster = HandCluster(faults="monitoring-dead")
    cluster.wait(600)
    found = told(cluster, "gpu001", alerts=True)
    known = [not math.isnan(value) for value in series(found["host:gpu001"])["cpu_percent"]]
    assert known == [True] * 51 + [False] * 10
    assert math.isnan(series(found["alerts"])["Watchdog"][-1])
    assert series(found["alerts"])["Watchdog"][0] == 1


def test_a_cluster_without_faults_has_a_quiet_past() -> None:
    cluster = HandCluster(faults="none")
    found = told(cluster, "gpu001", alerts=True)
    assert found["alerts"].names == ("Watchdog",)
    assert min(series(found["host:gpu001"])["power_watts/0"]) > 60
