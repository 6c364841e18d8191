"""Silences made, extended and ended: what is previewed is what is sent, once, and a lost answer is "unknown"."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crashcart.backends.alertmanager import BACKEND
from crashcart.backends.alertmanager.powers import AlertmanagerPowers
from crashcart.backends.contract import AlertSilencer, Applier, Change, Context
from crashcart.backends.errors import BadIdentifier, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.model import Matcher, Silence

from .alertmanager_server import Reply, ScriptedServer, context

ID = "117b8174-a4fe-48c9-8d7e-30684a12a21c"
POST = "POST /api/v2/silences"
GET = f"GET /api/v2/silence/{ID}"
DELETE = f"DELETE /api/v2/silence/{ID}"
NOT_FOUND = b'"silence not found"'
KEPT = {
    "id": ID,
    "status": {"state": "active"},
    "updatedAt": "2026-11-25T08:41:05.794Z",
    "startsAt": "2026-11-25T08:41:05.794Z",
    "endsAt": "2027-01-01T00:00:00.123Z",
    "matchers": [
        {"isEqual": True, "isRegex": False, "name": "alertname", "value": "Lus\ttre"},
        {"isEqual": False, "isRegex": True, "name": "target", "value": "OST.*"},
    ],
    "createdBy": "crashcart:bob",
    "comment": "INC-7",
}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer().running() as running:
        running.say[POST] = Reply(msgspec.json.encode({"silenceID": ID}))
        running.say[GET] = Reply(msgspec.json.encode(KEPT))
        running.say[DELETE] = Reply(b"")
        yield running


@pytest.fixture
def second() -> Iterator[ScriptedServer]:
    with ScriptedServer().running() as running:
        running.say[POST] = Reply(msgspec.json.encode({"silenceID": ID}))
        running.say[GET] = Reply(msgspec.json.encode(KEPT))
        running.say[DELETE] = Reply(b"")
        yield running


def powers(*urls: str, **options: Any) -> AlertmanagerPowers:
    return BACKEND.powers(context(*urls, **options))


def free_port_url() -> str:
    """Where nothing listens."""
    with ScriptedServer().running() as server:
        return server.url


def made(of: AlertmanagerPowers, *matchers: Matcher, comment: str = "INC-7 it's known", **fields: Any) -> Change:
    """A change that makes a silence."""
    wanted = matchers or (Matcher("alertname", "GpuXid"), Matcher("Hostname", 'gpu0"1.*', is_regex=True))
    times = {"starts": 1795596066.0, "ends": 1795603266.25, **fields}
    return of.silence("gpu001", wanted, author="crashcart:bob", comment=comment, **times)


def known(**fields: Any) -> Silence:
    base: dict[str, Any] = {
        "cluster": "a100", "source": "alertmanager", "when": 1.0, "id": ID, "state": "active",
        "matchers": (Matcher("alertname", "Lus␉tre"), Matcher("target", "OST.*", is_regex=True, is_equal=False)),
        "starts": 1795596065.794, "ends": 1798761600.123, "created_by": "crashcart:bob", "comment": "INC-7",
    }  # fmt: skip
    return Silence(**{**base, **fields})


def every_change(of: AlertmanagerPowers) -> list[Change]:
    return [made(of), of.extend(known(), ends=1798761700.0, comment="more"), of.expire(known())]


# building


def test_the_powers_are_those_of_the_contract() -> None:
    made_of = powers("http://am:9093")
    assert isinstance(made_of, AlertSilencer) and isinstance(made_of, Applier)


def test_a_new_silence_is_previewed_as_amtool_and_sent_as_json() -> None:
    change = made(powers("http://am:9093/", "http://bm:9093"))
    assert shlex.split(change.text) == [
        "amtool", "--alertmanager.url=http://am:9093", "silence", "add", "--author=crashcart:bob",
        "--comment=INC-7 it's known", "--start=2026-11-25T08:41:06.000Z", "--end=2026-11-25T10:41:06.250Z",
        'alertname="GpuXid"', 'Hostname=~"gpu0\\"1.*"',
    ]  # fmt: skip
    method, path, body = change.argv
    assert (method, path, change.target) == ("POST", "/api/v2/silences", "gpu001")
    assert change.where == "alertmanager am:9093, bm:9093"
    assert msgspec.json.decode(body) == {
        "matchers": [
            {"name": "alertname", "value": "GpuXid", "isRegex": False, "isEqual": True},
            {"name": "Hostname", "value": 'gpu0"1.*', "isRegex": True, "isEqual": True},
        ],
        "startsAt": "2026-11-25T08:41:06.000Z",
        "endsAt": "2026-11-25T10:41:06.250Z",
        "createdBy": "crashcart:bob",
        "comment": "INC-7 it's known",
    }


def test_extending_and_ending_are_previewed_as_amtool() -> None:
    _, extend, expire = every_change(powers("http://am:9093"))
    tool = ["amtool", "--alertmanager.url=http://am:9093", "silence"]
    assert shlex.split(extend.text) == [*tool, "update", "--end=2027-01-01T00:01:40.000Z", "--comment=more", ID]
    assert shlex.split(expire.text) == [*tool, "expire", ID]
    assert expire.argv == ("DELETE", f"/api/v2/silence/{ID}")
    assert extend.target == expire.target == ID


def test_a_change_holds_no_secret(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")
    for change in every_change(powers("http://am:9093", token_file=str(token))):
        assert "s3cret" not in repr(change)


def test_a_comment_cannot_play_tricks_on_the_preview() -> None:
    change = made(powers("http://am:9093"), comment="x\x1b[2J\n--end=never")
    assert "\x1b" not in change.text and "\n" not in change.text
    assert msgspec.json.decode(change.argv[2])["comment"] == "x␛[2J␊--end=never"


@pytest.mark.parametrize("id", ["", "../alerts", "a/b", "a b", "x" * 65, "é", "a\n"])
def test_the_id_of_a_silence_is_checked(id: str) -> None:
    with pytest.raises(BadIdentifier):
        powers("http://am:9093").expire(known(id=id))
    with pytest.raises(BadIdentifier):
        powers("http://am:9093").extend(known(id=id), ends=1.0, comment="x")


def test_a_silence_of_everything_or_nothing_is_refused() -> None:
    with pytest.raises(Malformed, match="matcher"):
        powers("http://am:9093").silence("x", (), starts=1.0, ends=2.0, author="bob", comment="y")
    with pytest.raises(Malformed, match="comment"):
        made(powers("http://am:9093"), comment="  ")
    with pytest.raises(Malformed, match="must end"):
        made(powers("http://am:9093"), ends=1.0)


@pytest.mark.parametrize("matcher", [Matcher("", "x"), Matcher("a\n", "x"), Matcher("a", "x\x1b")])
def test_matchers_that_cannot_be_shown_are_refused(matcher: Matcher) -> None:
    with pytest.raises(BadIdentifier):
        made(powers("http://am:9093"), matcher)


# applying


async def test_a_new_silence_is_sent_as_built_and_its_id_comes_back(server: ScriptedServer) -> None:
    of = powers(server.url)
    change = made(of)
    result = await of.apply(change, timeout=10)
    assert (result.state, result.exit_status, result.stdout) == ("ok", 0, ID.encode())
    assert [asked.line for asked in server.asked] == [POST]
    assert server.asked[0].body.decode() == change.argv[2]
    assert server.asked[0].headers["Content-Type"] == "application/json"


async def test_extending_sends_start_and_matchers_as_alertmanager_has_them(server: ScriptedServer) -> None:
    of = powers(server.url)
    result = await of.apply(of.extend(known(), ends=1798761700.0, comment="more"), timeout=10)
    assert (result.state, result.stdout) == ("ok", ID.encode())
    assert [asked.line for asked in server.asked] == [GET, POST]
    sent = server.asked[1].json()
    assert (sent["id"], sent["startsAt"], sent["createdBy"]) == (ID, KEPT["startsAt"], "crashcart:bob")
    assert sent["matchers"] == KEPT["matchers"]
    assert (sent["endsAt"], sent["comment"]) == ("2027-01-01T00:01:40.000Z", "more")


async def test_an_extension_is_sent_over_a_connection_of_its_own(server: ScriptedServer) -> None:
    """Over the one that was just used, "nothing was sent" could not be told from "the answer was lost"."""
    of = powers(server.url)
    await of.apply(of.extend(known(), ends=1798761700.0, comment="more"), timeout=10)
    assert len({asked.client_port for asked in server.asked}) == 2


async def test_an_ended_silence_is_not_extended(server: ScriptedServer) -> None:
    server.say[GET] = Reply(msgspec.json.encode({**KEPT, "status": {"state": "expired"}}))
    of = powers(server.url)
    result = await of.apply(of.extend(known(), ends=1798761700.0, comment="more"), timeout=10)
    assert result.state == "failed" and "has ended; make a new one" in result.detail
    assert server.times(POST) == 0


async def test_a_new_id_where_the_old_should_stay_is_told(server: ScriptedServer) -> None:
    server.say[POST] = Reply(b'{"silenceID":"another"}')
    of = powers(server.url)
    result = await of.apply(of.extend(known(), ends=1798761700.0, comment="more"), timeout=10)
    assert result.state == "failed" and "made a new one, another" in result.detail


@pytest.mark.parametrize("status", [404, 500])
async def test_a_silence_that_is_gone_is_clear(server: ScriptedServer, status: int) -> None:
    server.say[DELETE] = server.say[GET] = Reply(NOT_FOUND, status)
    of = powers(server.url)
    for change in (of.expire(known()), of.extend(known(), ends=1798761700.0, comment="x")):
        result = await of.apply(change, timeout=10)
        assert (result.state, result.detail) == ("failed", f"Alertmanager does not know silence {ID} any more")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            Reply(b'"silence invalid: at least one matcher must not match the empty string"', 400),
            "it would silence every alert",
        ),
        (Reply(b'{"code":602,"message":"comment in body is required"}', 422), "a silence needs a comment"),
        (Reply(b'"Failed to create silence: start time must be before end time"', 400), "compare the clocks"),
        (Reply(b'"silence invalid: something \\u001b new"', 400), "something ␛ new"),
        (Reply(b'"internal"', 500), "internal"),
        (Reply(b"404 page not found", 404, "text/plain"), "is no Alertmanager"),
        (Reply(b"", 302, headers={"Location": "https://sso/login"}), "sends us to https://sso/login"),
        (Reply(b"", 405), "HTTP 405"),
    ],
)
async def test_a_refusal_is_a_failure_in_clear_words(server: ScriptedServer, reply: Reply, said: str) -> None:
    server.say[POST] = reply
    of = powers(server.url)
    result = await of.apply(made(of), timeout=10)
    assert (result.state, result.exit_status) == ("failed", None)
    assert said in result.detail and server.name in result.detail


async def test_whoever_may_not_silence_is_denied(server: ScriptedServer) -> None:
    server.say[POST] = Reply(b"", 403)
    of = powers(server.url)
    with pytest.raises(Denied, match="token_file or username is configured"):
        await of.apply(made(of), timeout=10)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(manner="drop"),
        Reply(manner="headless"),
        Reply(manner="hang"),
        Reply(manner="trickle"),
        Reply(manner="half"),
        Reply(manner="garbage"),
        Reply(b"not packed at all", headers={"Content-Encoding": "gzip"}),
        Reply(b"<html>bad gateway</html>", 502, "text/html"),
        Reply(b"", 504),
        Reply(b"<html>oops</html>", 500, "text/html"),
        Reply(b"<html>welcome</html>", content_type="text/html"),
    ],
)
async def test_a_lost_answer_is_unknown_and_goes_to_no_other(
    server: ScriptedServer, second: ScriptedServer, reply: Reply
) -> None:
    server.say[POST] = reply
    of = powers(server.url, second.url, timeout_seconds=1)
    result = await of.apply(made(of), timeout=10)
    assert result.state == "unknown" and result.detail
    assert server.times(POST) == 1 and second.asked == []


async def test_a_lost_answer_to_an_end_or_an_extension_is_unknown_too(
    server: ScriptedServer, second: ScriptedServer
) -> None:
    server.say[POST] = server.say[DELETE] = Reply(manner="drop")
    of = powers(server.url, second.url)
    for change in (of.expire(known()), of.extend(known(), ends=1798761700.0, comment="x")):
        result = await of.apply(change, timeout=10)
        assert result.state == "unknown" and "may have done it" in result.detail
    assert second.asked == []


async def test_what_was_surely_not_received_goes_to_the_next(server: ScriptedServer) -> None:
    of = powers(free_port_url(), server.url)
    for change in every_change(of):
        assert (await of.apply(change, timeout=10)).state == "ok"
    assert [asked.line for asked in server.asked] == [POST, GET, POST, DELETE]


async def test_a_silence_that_only_the_second_has_is_changed_there(
    server: ScriptedServer, second: ScriptedServer
) -> None:
    server.say[GET] = server.say[DELETE] = Reply(NOT_FOUND, 404)
    of = powers(server.url, second.url)
    _, extend, expire = every_change(of)
    assert (await of.apply(extend, timeout=10)).state == (await of.apply(expire, timeout=10)).state == "ok"
    assert second.times(POST) == second.times(DELETE) == 1
    assert server.times(POST) == 0


async def test_with_none_there_nothing_was_sent() -> None:
    of = powers(free_port_url(), free_port_url())
    for change in every_change(of):
        with pytest.raises(Unreachable, match="connection refused"):
            await of.apply(change, timeout=10)


async def test_the_deadline_of_the_caller_holds(server: ScriptedServer) -> None:
    server.say[DELETE] = Reply(manner="hang")
    of = powers(server.url, timeout_seconds=20)
    started = time.monotonic()
    assert (await of.apply(of.expire(known()), timeout=0.5)).state == "unknown"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("argv", [("GET", "/api/v2/status"), ("POST", "/-/reload", "{}"), ("DELETE", "/x"), ("rm",)])
async def test_nothing_but_changes_of_silences_is_sent(server: ScriptedServer, argv: tuple[str, ...]) -> None:
    with pytest.raises(Unsupported):
        await powers(server.url).apply(Change("x", "x", argv), timeout=5)
    assert server.asked == []


async def test_a_picture_is_read_afresh_from_all_that_answer(server: ScriptedServer) -> None:
    picture = await powers(server.url, free_port_url()).observe_alerts()
    assert len(picture.alerts) == 6 and {one.id for one in picture.silences} >= {ID}
    assert abs(picture.when - time.time()) < 10
    with pytest.raises(Unreachable):
        await powers(free_port_url()).observe_alerts()


def test_building_needs_nothing_of_the_context_but_its_options() -> None:
    plain = context("http://am:9093")
    assert (
        made(BACKEND.powers(Context("other", plain.options, plain.links))).argv == made(powers("http://am:9093")).argv
    )
