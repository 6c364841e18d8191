"""Alerts of the demo are in the states that Prometheus and Alertmanager would give them."""

from __future__ import annotations

import math

from crashcart.backends.demo.protocol import AlertsSeen, ObserveAlerts
from crashcart.backends.model import Alert, Check, Silence, Target
from tests.demo_world import HandCluster


def seen(cluster: HandCluster) -> AlertsSeen:
    answer = cluster.ask(ObserveAlerts())
    assert isinstance(answer, AlertsSeen)
    return answer


def alerts(cluster: HandCluster, name: str) -> list[Alert]:
    return [alert for alert in seen(cluster).alerts if alert.name == name]


def checks(cluster: HandCluster) -> dict[str, Check]:
    return {entity.name: entity for entity in cluster.poll().entities if isinstance(entity, Check)}


def targets(cluster: HandCluster) -> dict[str, Target]:
    return {entity.instance: entity for entity in cluster.poll().entities if isinstance(entity, Target)}


def silence_of(cluster: HandCluster, comment: str) -> Silence:
    (found,) = [silence for silence in seen(cluster).silences if silence.comment.startswith(comment)]
    return found


def test_an_alert_is_pending_until_its_time_and_then_has_receivers() -> None:
    cluster = HandCluster(64)
    (missing,) = alerts(cluster, "GpuMissing")
    assert (missing.state, missing.receivers) == ("pending", ())
    cluster.wait(41)
    hang = {alert.labels: alert for alert in alerts(cluster, "NcclHangSuspected")}
    fresh = next(alert for alert in hang.values() if alert.state == "pending")
    cluster.wait(60)
    later = next(alert for alert in alerts(cluster, "NcclHangSuspected") if alert.fingerprint == fresh.fingerprint)
    assert (later.state, later.since) == ("firing", fresh.since)
    assert "oncall-pager" in later.receivers


def test_a_missing_gpu_is_inhibited_by_its_xid() -> None:
    cluster = HandCluster()
    cluster.wait(300)
    (missing,) = alerts(cluster, "GpuMissing")
    (xid,) = [alert for alert in alerts(cluster, "GpuXidCritical") if dict(alert.labels)["xid"] == "79"]
    assert (missing.state, missing.inhibited_by) == ("inhibited", (xid.fingerprint,))


def test_exporters_of_a_node_that_is_down_are_inhibited_by_the_node() -> None:
    cluster = HandCluster()
    (down,) = alerts(cluster, "SlurmNodeDown")
    node = dict(down.labels)["node"]
    quiet = [alert for alert in seen(cluster).alerts if alert.state == "inhibited"]
    assert {alert.name for alert in quiet} == {"DcgmExporterDown", "NodeExporterDown"}
    assert {dict(alert.labels)["node"] for alert in quiet} == {node}
    assert {alert.inhibited_by for alert in quiet} == {(down.fingerprint,)}
    (loud,) = [alert for alert in alerts(cluster, "DcgmExporterDown") if alert.state == "firing"]
    assert dict(loud.labels)["node"] != node


def test_every_alert_has_a_runbook() -> None:
    for alert in seen(HandCluster()).alerts:
        assert dict(alert.annotations)["runbook_url"] == f"https://runbooks.example.com/{alert.name}"


def test_the_silenced_alert_names_a_silence_that_exists() -> None:
    cluster = HandCluster()
    (storage,) = alerts(cluster, "LustreOstAlmostFull")
    silence = silence_of(cluster, "INC-3187")
    assert (storage.state, storage.silenced_by) == ("silenced", (silence.id,))
    assert silence.state == "active" and silence.ends > cluster.now


def test_silences_begin_end_and_are_forgotten_by_themselves() -> None:
    cluster = HandCluster()
    states = sorted(silence.state for silence in seen(cluster).silences)
    assert states == ["active", "expired", "pending"]
    first = cluster.poll()
    ends = silence_of(cluster, "INC-3187").ends
    cluster.wait(ends - cluster.now - 1)
    assert silence_of(cluster, "INC-3187").state == "active"
    cluster.wait(1)
    news = cluster.poll(first.epoch, first.revision)
    (over,) = [entity for entity in news.entities if isinstance(entity, Silence)]
    assert (over.state, over.comment[:8]) == ("expired", "INC-3187")
    assert alerts(cluster, "LustreOstAlmostFull")[0].state == "firing"
    cluster.wait(9 * 3600 - 4.5 * 3600)
    assert silence_of(cluster, "CHG-204").state == "active"
    cluster.wait(19 * 3600)
    assert ("silence", over.id) not in cluster.poll(first.epoch, first.revision).gone
    cluster.wait(3600)
    assert ("silence", over.id) in cluster.poll(first.epoch, first.revision).gone
    assert "INC-3187" not in {silence.comment[:8] for silence in seen(cluster).silences}


def test_a_dead_exporter_and_a_dead_machine_are_failing_targets() -> None:
    cluster = HandCluster()
    found = targets(cluster)
    (exporter,) = [target for target in found.values() if "deadline" in target.error]
    assert exporter.error == f'Get "http://{exporter.instance}/metrics": context deadline exceeded'
    assert (exporter.job, exporter.instance) == ("dcgm-exporter", f"{exporter.host}:9400")
    assert cluster.column("age_seconds", exporter.host or "")[0] == cluster.now - exporter.since == 214
    (down,) = [node for node in cluster.seen().nodes if node.word == "down"]
    assert all(found[f"{down.name}:{port}"].error.endswith("connect: no route to host") for port in (9400, 9100))
    assert len(found) == 3


def test_a_reboot_brings_the_exporter_back() -> None:
    cluster = HandCluster()
    (exporter,) = [target for target in targets(cluster).values() if "deadline" in target.error]
    host = exporter.host or ""
    before = cluster.poll()
    cluster.run(f"scontrol update nodename={host} state=drain reason=x")
    for job in cluster.seen().jobs:
        if any(node == host for node, _ in job.gpu_map or ()):
            cluster.run(f"scancel {job.id}")
    cluster.run(f"scontrol reboot ASAP reason=x {host}")
    cluster.wait(10)
    assert targets(cluster)[f"{host}:9100"].error.endswith("no route to host")
    assert cluster.column("age_seconds", host)[0] == 224, "it has been dark all the time"
    cluster.wait(40)
    assert not [instance for instance in targets(cluster) if instance.startswith(host)]
    news = cluster.poll(before.epoch, before.revision)
    assert ("target", f"dcgm-exporter/{exporter.instance}") in news.gone
    assert set(cluster.column("age_seconds", host)) == {0.0}


def test_the_monitoring_is_whole_in_the_incident_and_without() -> None:
    for cluster in (HandCluster(), HandCluster(faults="none")):
        found = checks(cluster)
        assert found.keys() == {"dead-man alert", "alert delivery", "rule evaluation", "notifications"}
        assert {check.state for check in found.values()} == {"ok"}


def test_when_prometheus_dies_numbers_stay_and_age_and_the_checks_tell() -> None:
    cluster = HandCluster(faults="monitoring-dead")
    cluster.wait(19.5)
    before = cluster.poll()
    assert set(cluster.column("age_seconds", "gpu001")) == {0.0}
    cluster.wait(10.5)
    died = cluster.now - 10
    assert checks(cluster)["alert delivery"].state == "ok"
    assert checks(cluster)["rule evaluation"].state == "unknown"
    cluster.wait(30)
    assert (checks(cluster)["alert delivery"].state, checks(cluster)["alert delivery"].since) == ("critical", died)
    assert checks(cluster)["dead-man alert"].state == "ok"
    names = {alert.name for alert in seen(cluster).alerts}
    assert "Watchdog" in names, "Alertmanager still holds what it was last sent"
    powers, ages = cluster.column("power_watts", "gpu001"), cluster.column("age_seconds", "gpu001")
    assert set(ages) == {40.0}
    cluster.wait(20)
    assert (checks(cluster)["dead-man alert"].state, checks(cluster)["dead-man alert"].since) == ("critical", died)
    assert seen(cluster).alerts == (), "all is resolved, and nothing is well"
    assert cluster.column("power_watts", "gpu001") == powers
    assert set(cluster.column("age_seconds", "gpu001")) == {60.0}
    news = cluster.poll(before.epoch, before.revision)
    assert bytes(news.columns["power_watts"]) == bytes(cluster.poll().columns["power_watts"])


def test_the_scheduler_lives_on_when_prometheus_has_died() -> None:
    cluster = HandCluster(faults="monitoring-dead")
    cluster.wait(60)
    cluster.poll()
    cluster.run("scontrol update nodename=gpu003 state=drain reason=x")
    assert cluster.node("gpu003").is_draining
    made = cluster.run("amtool silence add --comment=x --duration=1h alertname=SlurmNodeDown")
    assert made.exit_status == 0
    assert alerts(cluster, "SlurmNodeDown")[0].silenced_by == (made.stdout.strip(),)


def test_a_gpu_of_the_largest_job_stands_out_and_no_alert_says_so() -> None:
    cluster = HandCluster()
    largest = max((job for job in cluster.seen().jobs if job.is_running), key=lambda job: job.gpus or 0)
    node, gpu = next(
        (node, gpu)
        for node, gpus in largest.gpu_map or ()
        for gpu in gpus
        if cluster.column("pcie_replays", node)[gpu] > 10_000
    )
    util, power = cluster.column("util_percent", node), cluster.column("power_watts", node)
    peers = [index for index in range(8) if index != gpu]
    assert util[gpu] < min(util[index] for index in peers) - 25
    assert power[gpu] < min(power[index] for index in peers) - 200
    about = [dict(alert.labels) for alert in seen(cluster).alerts]
    assert not [labels for labels in about if (labels.get("node"), labels.get("gpu")) == (node, str(gpu))]


def test_the_margin_is_what_is_left_to_the_slowdown_temperature() -> None:
    cluster = HandCluster()
    for node in ("gpu001", "gpu030"):
        pairs = zip(
            cluster.column("temperature_celsius", node),
            cluster.column("temperature_margin_celsius", node),
            strict=True,
        )
        assert all(math.isclose(degrees + margin, 87.0) for degrees, margin in pairs)
