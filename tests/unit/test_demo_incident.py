"""The first screen of the demo: what is broken, that all planes agree about it, and what breaks next."""

from __future__ import annotations

import math

from crashcart.backends.demo.protocol import AskHistory, ObserveAlerts
from crashcart.backends.model import Alert
from tests.demo_world import HandCluster


def alerts(cluster: HandCluster) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for entity in cluster.poll().entities:
        if isinstance(entity, Alert):
            found.setdefault(entity.name, []).append({**dict(entity.labels), "state": entity.state})
    return found


def test_a_gpu_of_the_big_job_has_fallen_off_the_bus() -> None:
    cluster = HandCluster()
    (alert,) = [labels for labels in alerts(cluster)["GpuXidCritical"] if labels["xid"] == "79"]
    node, gpu = alert["node"], int(alert["gpu"])
    columns = cluster.poll().columns
    assert {metric for metric in columns if not math.isnan(cluster.column(metric, node)[gpu])} == set()
    assert not any(math.isnan(cluster.column(metric, node)[(gpu + 1) % 8]) for metric in columns)
    job = cluster.job(alert["job"])
    assert job is not None and (job.gpus or 0) >= 128 and node in dict(job.gpu_map or ())
    assert "fallen off the bus" in cluster.run("dmesg", host=node).stdout


def test_the_other_gpus_of_that_job_spin_at_idle_like_power() -> None:
    cluster = HandCluster()
    job = cluster.job_named("moe-8x22b-pretrain")
    healthy = cluster.column("util_percent", "gpu001"), cluster.column("power_watts", "gpu001")
    assert set(healthy[0]) == {100.0}
    assert max(healthy[1]) < 140
    assert job.id in {labels["job"] for labels in alerts(cluster)["NcclHangSuspected"]}


def test_a_hung_job_has_one_gpu_that_does_not_spin_and_no_xid() -> None:
    cluster = HandCluster()
    job = cluster.job_named("rlhf-ppo-34b")
    silent = [
        (node, gpu)
        for node, _ in job.gpu_map or ()
        for gpu, util in enumerate(cluster.column("util_percent", node))
        if util == 0.0
    ]
    assert len(silent) == 1
    assert cluster.column("xid", silent[0][0])[silent[0][1]] == 0


def test_one_rack_is_hot_and_slowed_by_hardware() -> None:
    cluster = HandCluster()
    hot = alerts(cluster)["GpuThermalSlowdown"]
    assert len(hot) == 8 and len({labels["rack"] for labels in hot}) == 1
    node = hot[0]["node"]
    assert min(cluster.column("temperature_celsius", node)) > 82
    assert set(cluster.column("throttle_reasons", node)) == {float(0x48)}
    assert max(cluster.column("sm_clock_mhz", node)) < 1400


def test_a_straggler_is_slow_where_its_peers_are_not() -> None:
    cluster = HandCluster()
    (alert,) = alerts(cluster)["GpuStraggler"]
    clocks = cluster.column("sm_clock_mhz", alert["node"])
    assert clocks[int(alert["gpu"])] == 990
    assert sorted(clocks)[1] > 1700


def test_double_bit_errors_wait_for_a_row_remap() -> None:
    cluster = HandCluster()
    (alert,) = alerts(cluster)["GpuRowRemapPending"]
    node, gpu = alert["node"], int(alert["gpu"])
    assert cluster.column("ecc_uncorrected", node)[gpu] == 2
    assert cluster.column("xid", node)[gpu] == 48
    assert "Row Remapper" in cluster.run("journalctl -k -o short-iso --since -1h -g NVRM", host=node).stdout


def test_samples_of_a_dead_exporter_freeze_and_age() -> None:
    cluster = HandCluster()
    (alert,) = [found for found in alerts(cluster)["DcgmExporterDown"] if found["state"] == "firing"]
    before, age = cluster.column("power_watts", alert["node"]), cluster.column("age_seconds", alert["node"])
    cluster.wait(60)
    assert cluster.column("power_watts", alert["node"]) == before
    assert cluster.column("age_seconds", alert["node"])[0] == age[0] + 60
    assert set(cluster.column("age_seconds", "gpu001")) == {0.0}


def test_a_node_is_down_and_its_last_samples_age() -> None:
    cluster = HandCluster()
    (node,) = [node for node in cluster.seen().nodes if node.word == "down"]
    assert node.flags == ("NOT_RESPONDING",)
    assert (node.reason, node.reason_by) == ("Not responding", "slurm")
    before, ages = cluster.column("util_percent", node.name), cluster.column("age_seconds", node.name)
    assert not any(map(math.isnan, before)) and min(ages) > 1000
    cluster.wait(30)
    assert cluster.column("util_percent", node.name) == before
    assert cluster.column("age_seconds", node.name) == tuple(age + 30 for age in ages)
    assert cluster.run("hostname", host=node.name).unreachable


def test_nodes_are_drained_by_the_health_check_and_by_a_colleague() -> None:
    drained = {node.reason_by: node.reason or "" for node in HandCluster().seen().nodes if "DRAIN" in node.flags}
    assert drained["root"].startswith("NHC: ")
    assert "RMA" in drained["rkapoor"]


def test_the_queue_says_why_jobs_wait() -> None:
    cluster = HandCluster()
    cluster.wait(5)
    waiting = [job for job in cluster.seen().jobs if job.is_pending]
    reasons = {job.reason for job in waiting}
    assert {"Resources", "Priority", "QOSMaxGRESPerUser", "JobHeldUser", "Dependency"} <= reasons
    assert any(job.array_tasks > 1 and job.array for job in waiting)


def test_a_second_gpu_is_lost_after_forty_seconds() -> None:
    cluster = HandCluster()
    before = len(alerts(cluster)["GpuXidCritical"])
    cluster.wait(39)
    assert len(alerts(cluster)["GpuXidCritical"]) == before
    cluster.wait(2)
    fresh = [labels for labels in alerts(cluster)["GpuXidCritical"] if labels["xid"] == "119"]
    assert len(fresh) == 1
    cluster.wait(10)
    assert cluster.job_named("vit-giant-384").id in {job["job"] for job in alerts(cluster)["NcclHangSuspected"]}


def test_one_alert_is_silenced_and_the_watchdog_fires() -> None:
    found = alerts(HandCluster())
    assert found["LustreOstAlmostFull"][0]["state"] == "silenced"
    assert found["Watchdog"][0]["state"] == "firing"


def test_without_faults_only_the_watchdog_fires() -> None:
    cluster = HandCluster(faults="none")
    cluster.wait(120)
    assert set(alerts(cluster)) == {"Watchdog"}
    assert {node.word for node in cluster.seen().nodes} <= {"allocated", "mixed", "idle"}


def test_equal_seeds_and_times_give_equal_pictures() -> None:
    one, other = HandCluster(seed=7), HandCluster(seed=7)
    for _ in range(60):
        one.wait(5)
        one.poll()  # looking more often must not matter
    other.wait(300)
    assert one.seen().jobs == other.seen().jobs
    assert one.seen().nodes == other.seen().nodes
    assert one.poll().columns == other.poll().columns
    assert one.ask(ObserveAlerts()).silences == other.ask(ObserveAlerts()).silences
    assert (
        one.ask(AskHistory(("gpu007", "gpu050"), False)).pasts
        == other.ask(AskHistory(("gpu007", "gpu050"), False)).pasts
    )


def test_other_seeds_give_other_clusters() -> None:
    assert HandCluster(seed=1).seen().jobs != HandCluster(seed=2).seen().jobs


def test_jobs_end_and_others_start_within_minutes() -> None:
    cluster = HandCluster()
    before = {job.id for job in cluster.seen().jobs if job.is_running}
    cluster.wait(180)
    after = {job.id for job in cluster.seen().jobs if job.is_running}
    assert before - after and after - before
