"""One turn of the feed: what it yields, what it costs, and each way in which an Alertmanager can fail to answer."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from crashcart.backends.alertmanager import BACKEND, reading
from crashcart.backends.alertmanager.parse import rfc3339
from crashcart.backends.contract import Context
from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.model import Alert, Batch, Check, Item, Load
from crashcart.backends.testing import Turns

from .alertmanager_server import Reply, ScriptedServer, context, sample

PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer().running() as running:
        yield running


@pytest.fixture
def other() -> Iterator[ScriptedServer]:
    with ScriptedServer().running() as running:
        yield running


async def turn(made: Context) -> list[Item]:
    """The items of one turn."""
    feed = BACKEND.feed(made)
    items: list[Item] = []
    try:
        async with asyncio.timeout(20), aclosing(feed.watch(Turns())) as watch:
            while not items or not isinstance(items[-1], Load):
                items.append(await anext(watch))
    finally:
        await feed.close()
    return items


def listed(items: list[Item], kind: str) -> dict[str, Any]:
    batch = next(item for item in items if isinstance(item, Batch) and item.kind == kind)
    assert batch.complete
    return {entity.key: entity for entity in batch.upserts}


def checks_of(items: list[Item]) -> dict[str, Check]:
    return {check.name: check for check in listed(items, "check").values()}


def free_port_url() -> str:
    """Where nothing listens."""
    with ScriptedServer().running() as server:
        return server.url


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("alertmanager")}


async def threads_end() -> None:
    """Return when no thread of a link runs any more, soon."""
    for thread in threads():
        await asyncio.to_thread(thread.join, 5.0)
    assert not threads()


async def test_a_turn_lists_alerts_silences_and_checks_completely(server: ScriptedServer) -> None:
    items = await turn(context(server.url))
    assert [type(item).__name__ for item in items] == ["Batch", "Batch", "Batch", "Load"]
    assert len(listed(items, "alert")) == 6
    assert {check.state for check in checks_of(items).values()} <= {"ok", "critical"}
    assert {silence.source for silence in listed(items, "silence").values()} <= {"alertmanager"}


async def test_the_configuration_is_never_asked_for(server: ScriptedServer) -> None:
    await turn(context(server.url))
    assert {asked.line for asked in server.asked} == {"GET /api/v2/alerts", "GET /api/v2/silences", "GET /metrics"}


async def test_requests_are_counted_as_load(server: ScriptedServer) -> None:
    load = (await turn(context(server.url, interval_seconds=7)))[-1]
    assert isinstance(load, Load)
    alerts, silences, metrics = load.requests
    assert (metrics.what, metrics.every_seconds, metrics.rows) == (f"metrics of {server.name}", 30.0, 10)
    assert alerts.what == f"alerts of {server.name}" and silences.what == f"silences of {server.name}"
    assert (alerts.every_seconds, alerts.size_bytes, alerts.rows) == (7.0, len(sample("alerts.json")), 6)
    assert alerts.seconds > 0


async def test_a_prefix_headers_and_the_secret_go_with_each_request(server: ScriptedServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    server.say = {f"GET /am{line.removeprefix('GET ')}": reply for line, reply in server.say.items()}
    made = context(f"{server.url}/am/", headers={"X-Scope-OrgID": "gpu"}, token_file=str(token))
    await turn(made)
    assert len(server.asked) == 3
    for asked in server.asked:
        assert (asked.headers["Authorization"], asked.headers["X-Scope-OrgID"]) == ("Bearer s3cret", "gpu")


async def test_a_login_in_netrc_is_not_sent(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login bob password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    await turn(context(server.url))
    assert all("Authorization" not in asked.headers for asked in server.asked)


async def test_metrics_that_are_kept_back_take_away_one_check_only(server: ScriptedServer) -> None:
    server.say["GET /metrics"] = Reply(b"no", 403, "text/plain")
    items = await turn(context(server.url))
    assert "notifications" not in checks_of(items)
    assert len(listed(items, "alert")) == 6


async def test_metrics_that_hang_do_not_take_the_alerts_with_them(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "METRICS_SECONDS", 0.3)
    server.say["GET /metrics"] = Reply(manner="hang")
    items = await turn(context(server.url))
    assert "notifications" not in checks_of(items)
    assert len(listed(items, "alert")) == 6
    await threads_end()


# one of several


async def test_one_dead_of_two_is_a_check_and_the_picture_goes_on(server: ScriptedServer) -> None:
    items = await turn(context(free_port_url(), server.url))
    dead, alive = (one for name, one in checks_of(items).items() if name.startswith("alertmanager "))
    assert (dead.state, alive.name) == ("critical", f"alertmanager {server.name}")
    assert "connection refused" in dead.detail
    assert len(listed(items, "alert")) == 6


async def test_one_that_hangs_does_not_hold_up_the_other(
    server: ScriptedServer, other: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "GRACE_SECONDS", 0.3)
    other.everything(Reply(manner="hang"))
    started = time.monotonic()
    items = await turn(context(server.url, other.url, timeout_seconds=20))
    assert time.monotonic() - started < 5
    assert "no answer within 0.3 s after the others" in checks_of(items)[f"alertmanager {other.name}"].detail
    assert len(listed(items, "alert")) == 6
    await threads_end()


async def test_one_that_hangs_is_asked_again_at_every_turn(
    server: ScriptedServer, other: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "GRACE_SECONDS", 0.1)
    other.everything(Reply(manner="hang"))
    feed = BACKEND.feed(context(server.url, other.url, timeout_seconds=20))
    turns = 0
    async with asyncio.timeout(20), aclosing(feed.watch(Turns(5))) as watch:
        while turns < 5:
            turns += isinstance(await anext(watch), Load)
    await feed.close()
    assert other.times("GET /api/v2/alerts") == 5


async def test_two_members_are_one_picture(server: ScriptedServer, other: ScriptedServer) -> None:
    other.say["GET /api/v2/alerts"] = Reply(sample("alerts.json").replace(b"5475c6e589abe0a6", b"aaaabbbbccccdddd"))
    items = await turn(context(server.url, other.url))
    assert len(listed(items, "alert")) == 7
    load = items[-1]
    assert isinstance(load, Load) and len(load.requests) == 6


async def test_all_dead_is_unreachable_and_names_each() -> None:
    with pytest.raises(Unreachable) as caught:
        await turn(context(free_port_url(), free_port_url()))
    assert str(caught.value).count("connection refused") == 2


async def test_where_one_may_come_back_it_is_no_refusal(server: ScriptedServer) -> None:
    server.everything(Reply(b"", 401))
    with pytest.raises(Unreachable, match="token_file or username is configured"):
        await turn(context(server.url, free_port_url()))


# each way to fail


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        (Reply(PAGE, content_type="text/html"), Unsupported, "a web page"),
        (Reply(b"ok", content_type="text/plain"), Unsupported, "is no Alertmanager"),
        (Reply(b"404 page not found\n", 404, "text/plain"), Unsupported, "is no Alertmanager"),
        (Reply(b"", 302, headers={"Location": "https://sso.example.org/login"}), Unsupported, "sso.example.org"),
        (
            Reply(b"Client sent an HTTP request to an HTTPS server.\n", 400, "text/plain"),
            Unsupported,
            "write https://",
        ),
        (Reply(b'{"code":400,"message":"bad \\u001b[2J"}', 400), Unsupported, "bad ␛"),
        (Reply(b"", 401), Denied, "token_file or username is configured"),
        (Reply(b"", 403), Denied, "token_file or username is configured"),
        (Reply(b"slow down", 429, "text/plain"), Unreachable, "slow down"),
        (Reply(b"", 503), Unreachable, "HTTP 503"),
        (Reply(b"{}"), Malformed, "alerts are not understood"),
        (Reply(b"[{]"), Malformed, "alerts are not understood"),
        (Reply(b"[\xff]"), Malformed, "alerts are not understood"),
        (Reply(manner="half"), Unreachable, "breaks off in the middle"),
        (Reply(manner="drop"), Unreachable, "broke in the middle"),
        (Reply(manner="headless"), Unreachable, "broke in the middle"),
        (Reply(manner="garbage"), Unreachable, "does not speak HTTP"),
    ],
)
async def test_each_bad_answer_is_one_clear_error(
    server: ScriptedServer, reply: Reply, error: type[BackendError], said: str
) -> None:
    server.everything(reply)
    with pytest.raises(error, match=server.name) as caught:
        await turn(context(server.url))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


async def test_silences_that_are_not_understood_are_an_error_too(server: ScriptedServer) -> None:
    server.say["GET /api/v2/silences"] = Reply(b'{"status":"success"}')
    with pytest.raises(Malformed, match="silences are not understood"):
        await turn(context(server.url))


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_names_the_file_and_not_the_secret(server: ScriptedServer, tmp_path: Path, status: int) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2")
    server.everything(Reply(b"Unauthorized\n", status, "text/plain"))
    with pytest.raises(Denied, match=str(file)) as caught:
        await turn(context(server.url, username="bob", password_file=str(file)))
    assert "hunter2" not in str(caught.value)


async def test_a_file_that_is_missing_is_denied_before_anything_is_asked(
    server: ScriptedServer, tmp_path: Path
) -> None:
    with pytest.raises(Denied, match="none cannot be read"):
        await turn(context(server.url, token_file=str(tmp_path / "none")))
    assert server.asked == []


@pytest.mark.parametrize("manner", ["hang", "trickle"])
async def test_no_answer_in_time_is_unreachable_and_leaves_no_thread(server: ScriptedServer, manner: Any) -> None:
    server.everything(Reply(manner=manner))
    started = time.monotonic()
    with pytest.raises(Unreachable, match="no answer within 1 s"):
        await turn(context(server.url, timeout_seconds=1))
    assert time.monotonic() - started < 5
    await threads_end()


async def test_an_endless_answer_is_cut(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.everything(Reply(manner="endless"))
    with pytest.raises((Malformed, Unreachable), match=r"larger than 64 MiB|no answer within"):
        await turn(context(server.url, timeout_seconds=5))
    await threads_end()


async def test_plain_http_behind_https_says_what_to_write(server: ScriptedServer) -> None:
    with pytest.raises(Unsupported, match="write http://"):
        await turn(context(server.url.replace("http:", "https:")))


async def test_an_unknown_name_is_told() -> None:
    with pytest.raises(Unreachable, match="its name is not known"):
        await turn(context("http://no-such-host.invalid:9093"))


async def test_a_missing_ca_file_is_named(server: ScriptedServer, tmp_path: Path) -> None:
    made = context(server.url.replace("http:", "https:"), ca_file=str(tmp_path / "ca.pem"))
    with pytest.raises(Denied, match=r"ca\.pem"):
        await turn(made)


async def test_closing_in_the_middle_of_a_turn_ends_its_thread(server: ScriptedServer) -> None:
    server.everything(Reply(manner="hang"))
    feed = BACKEND.feed(context(server.url, timeout_seconds=20))
    watch = feed.watch(Turns())
    waiting = asyncio.ensure_future(anext(watch))
    await asyncio.to_thread(server.wait_for, "GET /api/v2/alerts")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await watch.aclose()
    await feed.close()
    await feed.close()
    await threads_end()


async def test_a_fresh_feed_remembers_since_when_prometheus_is_silent(server: ScriptedServer) -> None:
    """The recorded alerts are old; a failure in between makes a fresh feed, and then they are gone."""
    made = context(server.url, silent_seconds=10)
    first = checks_of(await turn(made))["alert delivery"]
    server.everything(Reply(b"", 503))
    with pytest.raises(Unreachable):
        await turn(made)
    server.everything(Reply())
    last = checks_of(await turn(made))["alert delivery"]
    assert first.state == last.state == "critical"
    assert first.since == last.since is not None


async def test_ages_are_taken_by_the_servers_own_clock(server: ScriptedServer) -> None:
    """Its clock is an hour fast: what it refreshed 400 s ago seems to come from the future."""
    now = time.time()
    updated = f'"updatedAt":"{rfc3339(now + 3600 - 400)}"'.encode()
    body = re.sub(rb'"updatedAt":"[^"]*"', updated, sample("alerts.json"))
    server.say["GET /api/v2/alerts"] = Reply(body, headers={"Date": formatdate(now + 3600, usegmt=True)})
    delivery = checks_of(await turn(context(server.url)))["alert delivery"]
    assert delivery.state == "critical"
    assert delivery.since is not None and abs(delivery.since - (now - 400)) < 5


async def test_alerts_are_the_same_from_turn_to_turn(server: ScriptedServer) -> None:
    def of(items: list[Item]) -> list[tuple[Any, ...]]:
        return [(one.key, one.state, one.since, one.labels, one.annotations) for one in alerts(items)]

    def alerts(items: list[Item]) -> list[Alert]:
        return list(listed(items, "alert").values())

    made = context(server.url)
    assert of(await turn(made)) == of(await turn(made))
