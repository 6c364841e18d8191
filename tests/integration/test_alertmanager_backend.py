"""The alertmanager backend against real Alertmanagers: one picture of two, and silences from the making to the end."""

from __future__ import annotations

import asyncio
import shlex
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from crashcart.backends.alertmanager import BACKEND
from crashcart.backends.contract import AlertPicture, Context
from crashcart.backends.errors import Unreachable
from crashcart.backends.model import Matcher, Silence
from tests.unit.alertmanager_server import Reply, ScriptedServer

from .alertmanager_cluster import AlertmanagerCluster, not_installed
from .alertmanager_reading import new_silence, turn
from .fault_proxy import FaultProxy

pytestmark = pytest.mark.real

XID = {"alertname": "GpuXid", "severity": "critical", "Hostname": "gpu001", "gpu": "3"}
HOT = {"alertname": "GpuHot", "severity": "warning", "instance": "gpu002"}
DOWN = {"alertname": "ExporterDown", "severity": "warning", "instance": "gpu002"}
SECONDS = 15.0


@pytest.fixture(scope="module")
def running() -> Iterator[AlertmanagerCluster]:
    """Two members of one cluster; nobody may stop them."""
    if reason := not_installed():
        pytest.skip(f"no Alertmanager: {reason}")
    with AlertmanagerCluster(2) as cluster:
        yield cluster


@pytest.fixture
def pair(running: AlertmanagerCluster) -> AlertmanagerCluster:
    """The two with the same alerts and no silence."""
    running.forget_silences()
    running.fire(XID, HOT, DOWN)
    return running


@pytest.fixture
def frail() -> Iterator[AlertmanagerCluster]:
    """Two members of their own, for tests that stop them."""
    if reason := not_installed():
        pytest.skip(f"no Alertmanager: {reason}")
    with AlertmanagerCluster(2) as cluster:
        yield cluster


@pytest.fixture
async def proxy(pair: AlertmanagerCluster) -> AsyncIterator[FaultProxy]:
    """A way to the first member that can be broken."""
    async with FaultProxy(pair.ports[0]) as running:
        yield running


async def seen(context: Context, check: Callable[[AlertPicture], bool]) -> AlertPicture:
    """The first picture for which `check` holds. Raises TimeoutError."""
    powers = BACKEND.powers(context)
    ends = time.monotonic() + SECONDS
    while True:
        picture = await powers.observe_alerts()
        if check(picture):
            return picture
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {SECONDS:g} s: {picture}")
        await asyncio.sleep(0.1)


def state_of(picture: AlertPicture, name: str) -> str | None:
    return next((alert.state for alert in picture.alerts if alert.name == name), None)


def silence_of(picture: AlertPicture, id: str) -> Silence:
    return next(silence for silence in picture.silences if silence.id == id)


async def silenced(context: Context, *matchers: Matcher, **fields: float) -> Silence:
    """A silence that all members know."""
    made = await BACKEND.powers(context).apply(new_silence(context, *matchers, **fields), timeout=10)
    assert made.state == "ok", made
    id = made.stdout.decode()
    return silence_of(await seen(context, lambda picture: id in {one.id for one in picture.silences}), id)


# reading


async def test_two_members_are_one_picture(pair: AlertmanagerCluster) -> None:
    found = await turn(pair.context())
    alerts = found["alert"]
    assert {name: alert.state for name, alert in alerts.items()} == {
        "GpuXid": "firing",
        "GpuHot": "inhibited",
        "ExporterDown": "firing",
    }
    assert alerts["GpuHot"].inhibited_by == (alerts["ExporterDown"].fingerprint,)
    assert (alerts["GpuXid"].receivers, alerts["GpuXid"].severity) == (("pager",), "critical")
    assert abs(alerts["GpuXid"].since - time.time()) < 60
    assert {check.state for check in found["check"].values()} == {"ok"}
    assert {"alert delivery", *(f"alertmanager 127.0.0.1:{port}" for port in pair.ports)} <= found["check"].keys()


async def test_a_killed_member_is_told_and_the_picture_and_the_changes_go_on(frail: AlertmanagerCluster) -> None:
    context = frail.context()
    frail.fire(XID)
    frail.kill(0)
    found = await turn(context)
    dead = found["check"][f"alertmanager 127.0.0.1:{frail.ports[0]}"]
    assert (dead.state, dead.since is not None) == ("critical", True)
    assert "connection refused" in dead.detail
    assert set(found["alert"]) == {"GpuXid"}
    silence = await silenced(context, Matcher("alertname", "GpuXid"))
    assert (await BACKEND.powers(context).apply(BACKEND.powers(context).expire(silence), timeout=10)).state == "ok"
    frail.kill(1)
    with pytest.raises(Unreachable) as caught:
        await turn(context)
    assert str(caught.value).count("connection refused") == 2
    frail.start(0)
    again = await turn(context)
    assert again["check"][f"alertmanager 127.0.0.1:{frail.ports[0]}"].state != "critical"
    assert again["check"]["alert delivery"].state != "ok"  # it has forgotten all alerts, which is no good news


async def test_a_frozen_member_does_not_hold_up_the_picture(frail: AlertmanagerCluster) -> None:
    frail.fire(XID)
    frail.signal(0, signal.SIGSTOP)
    try:
        started = time.monotonic()
        found = await turn(frail.context())
        assert time.monotonic() - started < 8
        assert "no answer" in found["check"][f"alertmanager 127.0.0.1:{frail.ports[0]}"].detail
        assert set(found["alert"]) == {"GpuXid"}
    finally:
        frail.signal(0, signal.SIGCONT)


async def test_notifications_that_fail_are_seen() -> None:
    if reason := not_installed():
        pytest.skip(f"no Alertmanager: {reason}")
    with ScriptedServer().running() as pager:
        pager.say["POST /hook"] = Reply(b"no such channel", 400, "text/plain")
        with AlertmanagerCluster(webhook=f"{pager.url}/hook") as cluster:
            context = cluster.context()
            feed = BACKEND.feed(context)
            assert (await turn(context))["check"]["notifications"].state == "ok"
            cluster.fire(XID)
            await asyncio.to_thread(pager.wait_for, "POST /hook")
            feed.memory.metrics_at = 0.0
            check = (await turn(context))["check"]["notifications"]
            assert (check.state, "1 by webhook failed" in check.detail) == ("critical", True)


# silences


async def test_a_silence_is_made_extended_under_its_id_and_ended(pair: AlertmanagerCluster) -> None:
    context = pair.context()
    powers = BACKEND.powers(context)
    silence = await silenced(context)
    picture = await seen(context, lambda one: state_of(one, "GpuXid") == "silenced")
    assert next(one for one in picture.alerts if one.name == "GpuXid").silenced_by == (silence.id,)
    assert (silence.state, silence.created_by, silence.comment) == ("active", "crashcart:bob", "INC-43 it's known")

    ends = silence.ends + 3600.5
    extended = await powers.apply(powers.extend(silence, ends=ends, comment="INC-43 longer"), timeout=10)
    assert (extended.state, extended.stdout.decode()) == ("ok", silence.id)
    picture = await seen(context, lambda one: abs(silence_of(one, silence.id).ends - ends) < 0.01)
    after = silence_of(picture, silence.id)
    assert (after.state, after.starts, after.matchers) == ("active", silence.starts, silence.matchers)
    assert after.comment == "INC-43 longer"
    assert [one.id for one in picture.silences if one.state == "active"] == [silence.id]

    assert (await powers.apply(powers.expire(after), timeout=10)).state == "ok"
    picture = await seen(context, lambda one: state_of(one, "GpuXid") == "firing")
    assert silence_of(picture, silence.id).state == "expired"
    refused = await powers.apply(powers.extend(after, ends=ends, comment="too late"), timeout=10)
    assert refused.state == "failed" and "has ended" in refused.detail
    assert {one["status"]["state"] for one in pair.silences().values()} == {"expired"}


async def test_a_silence_that_is_not_shown_as_it_is_keeps_its_id_too(pair: AlertmanagerCluster) -> None:
    """Its matcher holds a tab, which is shown as something else; sent back like that it would be another silence."""
    matchers = [{"name": "job", "value": "a\tb", "isRegex": False}, {"name": "z", "value": "1", "isRegex": False}]
    times = {"startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z"}
    body = {"matchers": matchers, **times, "createdBy": "x\ty", "comment": "y"}
    id = pair.call(0, "POST", "/api/v2/silences", body)["silenceID"]
    context = pair.context()
    powers = BACKEND.powers(context)
    silence = silence_of(await powers.observe_alerts(), id)
    assert silence.matchers[0].value == "a␉b"
    result = await powers.apply(powers.extend(silence, ends=time.time() + 600, comment="z"), timeout=10)
    assert (result.state, result.stdout.decode()) == ("ok", id)
    kept = pair.silences()[id]
    assert (kept["matchers"][0]["value"], kept["createdBy"], kept["comment"]) == ("a\tb", "x\ty", "z")


async def test_a_silence_that_waits_for_its_start_can_be_extended_and_ended(pair: AlertmanagerCluster) -> None:
    context = pair.context()
    powers = BACKEND.powers(context)
    silence = await silenced(context, Matcher("alertname", "GpuXid"), later=600.0)
    assert silence.state == "pending"
    extended = await powers.apply(powers.extend(silence, ends=silence.ends + 60, comment="x"), timeout=10)
    assert (extended.state, extended.stdout.decode()) == ("ok", silence.id)
    assert (await powers.apply(powers.expire(silence), timeout=10)).state == "ok"
    await seen(context, lambda one: silence_of(one, silence.id).state == "expired")


async def test_the_previewed_commands_do_the_same(pair: AlertmanagerCluster) -> None:
    context = pair.context()
    powers = BACKEND.powers(context)
    matchers = (
        Matcher("alertname", "GpuXid"),
        Matcher("Hostname", 'gpu0"1\\d+', is_regex=True),
        Matcher("rack", "it's $HOME", is_equal=False),
    )
    ours = await silenced(context, *matchers)
    typed = pair.amtool(shlex.split(new_silence(context, *matchers).text))
    theirs = silence_of(await powers.observe_alerts(), typed)
    assert (theirs.matchers, theirs.created_by, theirs.comment) == (ours.matchers, ours.created_by, ours.comment)
    assert abs(theirs.ends - ours.ends) < 30
    pair.amtool(shlex.split(powers.extend(theirs, ends=theirs.ends + 60, comment="longer").text))
    after = silence_of(await powers.observe_alerts(), typed)
    assert (round(after.ends - theirs.ends), after.comment) == (60, "longer")
    pair.amtool(shlex.split(powers.expire(theirs).text))
    assert silence_of(await powers.observe_alerts(), typed).state == "expired"


async def test_refusals_of_a_real_alertmanager_are_clear(pair: AlertmanagerCluster) -> None:
    context = pair.context()
    powers = BACKEND.powers(context)
    for change, said in (
        (new_silence(context, Matcher("a", ".*", is_regex=True)), "it would silence every alert"),
        (new_silence(context, Matcher("a", "(", is_regex=True)), "does not accept the regular expression"),
        (new_silence(context, later=-7200.0), "compare the clocks"),
    ):
        result = await powers.apply(change, timeout=10)
        assert result.state == "failed" and said in result.detail
    gone = Silence(
        cluster="a100", source="alertmanager", when=1.0, id="11111111-1111-4111-8111-111111111111", state="active",
        matchers=(), starts=1.0, ends=2.0, created_by="", comment="",
    )  # fmt: skip
    for change in (powers.expire(gone), powers.extend(gone, ends=time.time() + 60, comment="x")):
        result = await powers.apply(change, timeout=10)
        assert result.state == "failed" and "does not know silence" in result.detail
    assert all(one["status"]["state"] == "expired" for one in pair.silences().values())


async def test_a_lost_answer_is_unknown_and_makes_one_silence_only(
    pair: AlertmanagerCluster, proxy: FaultProxy
) -> None:
    context = pair.context(f"http://127.0.0.1:{proxy.port}", pair.urls[1])
    proxy.cut_after(down=20)
    result = await BACKEND.powers(context).apply(new_silence(context), timeout=10)
    assert result.state == "unknown" and "may have done it" in result.detail
    picture = await seen(pair.context(), lambda one: state_of(one, "GpuXid") == "silenced")
    assert len([one for one in picture.silences if one.state == "active"]) == 1


async def test_a_cable_pulled_out_is_unknown_within_the_timeout(pair: AlertmanagerCluster, proxy: FaultProxy) -> None:
    context = pair.context(f"http://127.0.0.1:{proxy.port}", pair.urls[1], timeout_seconds=1.0)
    proxy.freeze()
    result = await BACKEND.powers(context).apply(new_silence(context), timeout=10)
    assert result.state == "unknown"
    assert [one for one in pair.silences(1).values() if one["status"]["state"] != "expired"] == []
