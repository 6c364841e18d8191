"""Alerts, failing targets, owners and checks, as odd as servers may tell them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from crashcart.backends.errors import Unreachable
from crashcart.backends.model import Alert, Check, Target
from crashcart.backends.prometheus.alerts import AlertReader, concerns, fingerprint
from crashcart.backends.prometheus.checks import CheckReader
from crashcart.backends.prometheus.desk import Desk
from crashcart.backends.prometheus.durations import seconds_of, unix_time
from crashcart.backends.prometheus.fleet import Fleet
from crashcart.backends.prometheus.gpus import GpuReader
from crashcart.backends.prometheus.owners import owner_of
from crashcart.backends.prometheus.sample_times import SampleTimes
from crashcart.backends.prometheus.selector import parse_selector
from crashcart.backends.prometheus.targets import TargetReader
from crashcart.backends.text import clean

from .prometheus_server import PrometheusServer, Reply, error, vector

NOW = 1_700_000_000.0
TIME = Reply(b'{"status":"success","data":{"resultType":"scalar","result":[1700000000,"1700000000"]}}')


@pytest.fixture
def server() -> Iterator[PrometheusServer]:
    with PrometheusServer().running() as running:
        yield running


@pytest.fixture
async def desk(server: PrometheusServer) -> AsyncIterator[Desk]:
    made = Desk("a100", server.context(selector='{cluster="a100"}', timeout_seconds=0.5).options)
    made.clock.measured(NOW, NOW - 100.0, NOW - 100.0)  # our clock is behind
    yield made
    made.client.close()


@pytest.fixture
def gpus(desk: Desk) -> GpuReader:
    return GpuReader(desk, Fleet(), SampleTimes())


def success(data: Any) -> Reply:
    return Reply(msgspec.json.encode({"status": "success", "data": data}))


def alert(state: str = "firing", active: str = "2023-11-14T22:00:00.123456789Z", **labels: str) -> dict[str, Any]:
    return {"labels": labels, "annotations": {"summary": "x"}, "state": state, "activeAt": active, "value": "7.9e+01"}


async def alerts(server: PrometheusServer, desk: Desk, *told: dict[str, Any]) -> list[Alert]:
    server.say = {"/api/v1/alerts": success({"alerts": list(told)})}
    batch = await AlertReader(desk).read()
    assert batch is not None and batch.complete
    return [one for one in batch.upserts if isinstance(one, Alert)]


async def test_an_alert_has_its_times_on_our_clock(server: PrometheusServer, desk: Desk) -> None:
    (one,) = await alerts(server, desk, alert("pending", alertname="GpuXid", severity="critical"))
    assert (one.name, one.state, one.severity) == ("GpuXid", "pending", "critical")
    assert one.since == pytest.approx(1_699_999_200.123 - 100.0, abs=0.01)
    assert one.when == NOW - 100.0


async def test_the_same_labels_of_two_rules_are_one_alert_and_firing_wins(server: PrometheusServer, desk: Desk) -> None:
    found = await alerts(server, desk, alert("firing", alertname="A"), alert("pending", alertname="A"))
    assert [one.state for one in found] == ["firing"]
    found = await alerts(server, desk, alert("pending", alertname="A"), alert("firing", alertname="A"))
    assert [one.state for one in found] == ["firing"]


async def test_alerts_of_another_cluster_are_left_out_and_those_of_none_are_kept(
    server: PrometheusServer, desk: Desk
) -> None:
    told = (alert(alertname="A", cluster="a100"), alert(alertname="B", cluster="h100"), alert(alertname="C"))
    assert [one.name for one in await alerts(server, desk, *told)] == ["A", "C"]


async def test_odd_alerts_are_shown_harmlessly(server: PrometheusServer, desk: Desk) -> None:
    told = (
        alert(active="0001-01-01T00:00:00Z"),
        alert("inactive", alertname="no"),
        alert(alertname="\x1b[2J", a="b\nc"),
    )
    nameless, nasty = await alerts(server, desk, *told)
    assert nameless.name == "(no name)" and nameless.since == nameless.when
    assert nasty.name == "␛[2J" and dict(nasty.labels)["a"] == "b␊c"


def test_a_fingerprint_is_alertmanagers_own_and_marked_as_ours() -> None:
    assert fingerprint({}) == "prom-cbf29ce484222325"
    assert fingerprint({"b": "2", "a": "1"}) == fingerprint({"a": "1", "b": "2"}) != fingerprint({"a": "12", "b": ""})
    assert fingerprint({"alertname": "\ud800"}).startswith("prom-")


def test_a_missing_label_concerns_everybody() -> None:
    selector = parse_selector('{cluster="a",rack!="r1"}')
    assert concerns({}, selector) and concerns({"cluster": "a", "rack": "r2"}, selector)
    assert not concerns({"cluster": "b"}, selector) and not concerns({"rack": "r1"}, selector)


async def targets(
    server: PrometheusServer, gpus: GpuReader, desk: Desk, since: dict[tuple[str, str], float]
) -> list[Target]:
    batch = await TargetReader(desk, gpus.census, since).read()
    assert batch is not None and batch.complete
    return [one for one in batch.upserts if isinstance(one, Target)]


def failing(*slots: tuple[str, str]) -> Reply:
    return vector(*(({"job": job, "instance": instance}, 0) for job, instance in slots))


async def test_a_target_without_a_list_has_no_error_and_is_known_by_its_instance(
    server: PrometheusServer, gpus: GpuReader, desk: Desk
) -> None:
    server.say = {
        ") == 0": failing(("dcgm", "gpu7:9400"), ("x\x1b", "[::1]:1\n")),
        "/api/v1/targets": Reply(b"", 404),
        "[3600s]": error("execution", "too many samples", 422),
    }
    since: dict[tuple[str, str], float] = {}
    known, odd = await targets(server, gpus, desk, since)
    assert (known.host, known.error, known.interval_seconds) == ("gpu7", "", None)
    assert known.since == NOW - 100.0, "first seen now"
    assert odd.host is None and odd.job == "x␛" and odd.instance == "[::1]:1␊"
    assert set(desk.problems) == {"targets", "last good scrapes"}


async def test_since_is_the_last_good_scrape_and_is_kept_until_the_target_is_well(
    server: PrometheusServer, gpus: GpuReader, desk: Desk
) -> None:
    gpus.census.host_of_target[("dcgm", "10.0.0.7:9400")] = "gpu7"
    series = [
        {"metric": {"instance": "10.0.0.7:9400"}, "values": [[NOW - 90, "1"], [NOW - 60, "1"], [NOW - 30, "0"]]},
        {"metric": {"instance": "10.0.0.8:9400"}, "values": [[NOW - 3500, "0"], [NOW - 30, "0"]]},
    ]
    server.say = {
        ") == 0": failing(("dcgm", "10.0.0.7:9400"), ("dcgm", "10.0.0.8:9400")),
        "[3600s]": success({"resultType": "matrix", "result": series}),
        "/api/v1/targets": success({"activeTargets": [
            {"labels": {"job": "dcgm", "instance": "10.0.0.7:9400"}, "health": "down", "lastError": "EOF\x07",
             "scrapeInterval": "1m30s"}, {"labels": None}]}),
    }  # fmt: skip
    since: dict[tuple[str, str], float] = {}
    first, second = await targets(server, gpus, desk, since)
    assert (first.host, first.error, first.interval_seconds) == ("gpu7", "EOF␇", 90.0)
    assert first.since == NOW - 60.0 - 100.0
    assert second.since == NOW - 3500.0 - 100.0, "at least since then"
    asked = len(server.queries("[3600s]"))
    await targets(server, gpus, desk, since)
    assert len(server.queries("[3600s]")) == asked
    server.say[") == 0"] = vector()
    assert await targets(server, gpus, desk, since) == [] and since == {}


@pytest.mark.parametrize(
    ("labels", "owner"),
    [
        (("42", "", "", "", "", ""), "job:42"),
        (("", "184204", "", "", "", ""), "job:184204"),
        (("0", "", "", "", "", ""), ""),
        (("$(id)", "", "", "train", "", "research"), "pod:research/train"),
        (("", "", "train", "dcgm-exporter-x", "research", "gpu-operator"), "pod:research/train"),
        (("", "", "", "dcgm-exporter-x", "", "gpu-operator"), ""),
        (("", "", "", "train\x1b", "", "a\nb"), "pod:a␊b/train␛"),
        (("", "", "", "", "", "research"), ""),
    ],
)
def test_owners_are_read_from_labels_and_an_exporter_owns_nothing(labels: tuple[str, ...], owner: str) -> None:
    assert owner_of(labels, frozenset({"dcgm-exporter-x"})) == owner


async def checks(gpus: GpuReader, desk: Desk) -> dict[str, Check]:
    batch = await CheckReader(desk, gpus).read()
    found = {one.name: one for one in batch.upserts if isinstance(one, Check)}
    assert all(clean(one.detail) == one.detail for one in found.values())
    return found


def rules(*groups: dict[str, Any]) -> Reply:
    return success({"groups": list(groups)})


def group(at: float, *told: tuple[str, str, str]) -> dict[str, Any]:
    last = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    listed = [{"name": name, "health": health, "lastError": said} for name, health, said in told]
    return {"name": "g", "interval": 15, "lastEvaluation": last, "rules": listed}


@pytest.mark.parametrize(
    ("reply", "state", "said"),
    [
        (rules(group(NOW, ("A", "ok", ""), ("B", "unknown", ""))), "ok", "2 alerting rules are evaluated"),
        (rules(group(NOW, ("A", "ok", ""), ("B", "err", "many\x1b matches"))), "critical", "1 of 2 .*B: many␛ matches"),
        (rules(group(NOW - 300.0, ("A", "ok", ""))), "critical", "not evaluated any more"),
        (rules(), "unknown", "no alerting rules"),
        (Reply(b"", 404), "unknown", "404"),
        (Reply(b'{"status":"success","data":{"groups":[{"rules":3}]}}'), "unknown", "unknown shape"),
    ],
)
async def test_rules_that_fail_or_stand_still_are_critical(
    server: PrometheusServer, gpus: GpuReader, desk: Desk, reply: Reply, state: str, said: str
) -> None:
    server.say = {"/api/v1/rules": reply}
    check = (await checks(gpus, desk))["rule evaluation"]
    assert check.state == state and re.search(said, check.detail), check.detail
    assert (check.since is not None) == ("any more" in said)


@pytest.mark.parametrize(
    ("dropped", "known", "state"), [("3", "1", "critical"), ("0", "1", "ok"), ("0", "0", "critical"), (None, None, "")]
)
async def test_dropped_notifications_are_critical_and_unknown_ones_no_news(
    server: PrometheusServer, gpus: GpuReader, desk: Desk, dropped: str | None, known: str | None, state: str
) -> None:
    server.say = {
        name: vector(({}, value)) if value is not None else vector()
        for name, value in (("notifications_dropped", dropped), ("alertmanagers_discovered", known))
    }
    found = (await checks(gpus, desk)).get("notifications")
    assert (found.state if found else "") == state


async def test_a_server_that_scrapes_no_more_is_critical_though_it_answers(gpus: GpuReader, desk: Desk) -> None:
    assert (await checks(gpus, desk))["scrapes"].state == "unknown"
    gpus.times.newest_scrape = NOW - 10.0
    assert (await checks(gpus, desk))["scrapes"].state == "ok"
    gpus.times.newest_scrape = NOW - 100.0
    stopped = (await checks(gpus, desk))["scrapes"]
    assert stopped.state == "critical" and stopped.since == NOW - 200.0


async def test_a_part_that_fails_is_left_alone_for_a_while(server: PrometheusServer, desk: Desk) -> None:
    server.say = {"/api/v1/alerts": Reply(b"", 500), "time()": TIME}
    reader = AlertReader(desk)
    assert await reader.read() is None and await reader.read() is None
    assert [asked.path for asked in server.asked] == ["/api/v1/alerts", "/api/v1/query"]
    assert "500" in desk.problems["alerts"]


async def test_a_server_that_hangs_in_the_middle_of_a_turn_is_noticed_at_once(
    server: PrometheusServer, desk: Desk
) -> None:
    server.everything(Reply(manner="hang"))
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unreachable, match="no answer"):
        await AlertReader(desk).read()
    assert asyncio.get_running_loop().time() - began < 2 * 0.5 + 2.5, "two deadlines, not one for each part"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15s", 15.0), ("1m30s", 90.0), ("500ms", 0.5), ("2h", 7200.0), ("", None), ("15", None), ("x1s", None)],
)
def test_durations_are_read_as_prometheus_writes_them(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "0001-01-01T00:00:00Z", "9999-99-99T00:00:00Z"])
def test_times_that_are_none_are_not_known(text: str) -> None:
    assert unix_time(text) is None
