"""Every way in which a server can answer wrongly or not at all is one line for an operator."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from crashcart.backends.contract import Context
from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.model import Batch, Check, Item
from crashcart.backends.prometheus import BACKEND, transport
from crashcart.backends.testing import Turns

from .prometheus_server import PrometheusServer, Reply, context, error, vector

HTML = Reply(b"<html><head><title>Grafana\x1b[31m</title></head>login</html>", content_type="text/html")


@pytest.fixture
def server() -> Iterator[PrometheusServer]:
    with PrometheusServer("healthy").running() as running:
        yield running


async def turn(items: AsyncGenerator[Item, None]) -> list[Check]:
    """The checks at the end of one more turn."""
    while True:
        item = await anext(items)
        if isinstance(item, Batch) and item.kind == "check":
            return [check for check in item.upserts if isinstance(check, Check)]


async def first_failure(where: Context) -> BackendError:
    """What the feed ends with, as one printable line."""
    feed = BACKEND.feed(where)
    try:
        with pytest.raises(BackendError) as caught:
            async with asyncio.timeout(20), aclosing(feed.watch(Turns(1000))) as items:
                while True:
                    await anext(items)
    finally:
        await feed.close()
    assert str(caught.value).isprintable(), "one line, and nothing that a terminal obeys"
    return caught.value


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (HTML, Unsupported, "answers, but is no Prometheus: .*web page \\(Grafana␛\\[31m\\); check url"),
        (Reply(b"OK", content_type="text/plain"), Unsupported, "no Prometheus: .*is not JSON: OK"),
        (Reply(b""), Unsupported, "no Prometheus: .*is empty"),
        (Reply(b'{"version":"1"}'), Unsupported, "no Prometheus: its answer is not that of Prometheus"),
        (Reply(b"404 page not found", 404), Unsupported, "no Prometheus: /api/v1/query is answered with 404"),
        (Reply(b"", 405), Unsupported, "no Prometheus: /api/v1/query takes no POST \\(405\\), or a proxy"),
        (Reply(b"", 302, headers={"Location": "https://sso/login"}), Unsupported, "sends us on to https://sso/login"),
        (Reply(b"Client sent an HTTP request to an HTTPS server.\n", 400), Unsupported, "speaks TLS; write https://"),
        (Reply(b"Unauthorized\n", 401), Denied, "refused us \\(401\\): no token_file or username is configured"),
        (Reply(b"", 403), Denied, "refused us \\(403\\)"),
        (error("unavailable", "TSDB not ready", 503), Unreachable, "answered 503 .*: TSDB not ready; look at its log"),
        (Reply(b"<h1>Bad Gateway</h1>", 502), Unreachable, "answered 502 .*: Bad Gateway"),
        (Reply(b"slow down", 429), Unreachable, "fewer requests .*slow down.*raise interval_seconds"),
        (error("bad_data", "parse error", 400), Unsupported, "does not answer .* \\(400\\): parse error"),
        (error("execution", "too many samples", 422), Unsupported, "\\(422\\): too many samples"),
        (Reply(manner="hang"), Unreachable, "no answer to server time within 0.5 s; .*raise timeout_seconds"),
        (Reply(manner="trickle"), Unreachable, "no answer .* within 0.5 s"),
        (Reply(manner="drop"), Unreachable, "the connection broke"),
        (Reply(manner="garbage"), Unreachable, "does not speak HTTP"),
        (Reply(manner="half"), Unreachable, "the answer breaks off"),
    ],
)
async def test_a_bad_answer_to_the_first_question_is_told_in_one_line(
    server: PrometheusServer, reply: Reply, kind: type[BackendError], said: str
) -> None:
    server.everything(reply)
    caught = await first_failure(server.context(timeout_seconds=0.5))
    assert isinstance(caught, kind)
    assert re.search(said, str(caught)), str(caught)
    assert server.url in str(caught)


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply(b'{"status":"success","data":{"resultType":"vector","resu'), Malformed, "breaks off after 55 bytes"),
        (
            Reply(b'{"status":"success","data":{"result":[{"metric":{},"value":["x","y"]}]}}'),
            Malformed,
            "unknown shape",
        ),
        (Reply(manner="endless"), Malformed, "larger than 1 MiB and was cut; narrow it with selector"),
        (Reply(manner="hang"), Unreachable, "no answer to"),
        (Reply(b"gone", 401), Denied, "401"),
    ],
)
async def test_a_bad_answer_to_what_all_rests_on_ends_the_feed(
    server: PrometheusServer, monkeypatch: pytest.MonkeyPatch, reply: Reply, kind: type[BackendError], said: str
) -> None:
    monkeypatch.setattr(transport, "REPLY_LIMIT", 1 << 20)
    server.say = {"max by (Hostname, gpu, gpu_id) (DCGM_FI_DEV_GPU_UTIL{})": reply}
    caught = await first_failure(server.context(timeout_seconds=1.0))
    assert isinstance(caught, kind) and said in str(caught), str(caught)


async def test_nobody_listening_is_told_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = f"http://127.0.0.1:{unused.getsockname()[1]}"
        caught = await first_failure(context(server))
    assert isinstance(caught, Unreachable)
    assert str(caught) == f"{server}: connection refused; nothing listens there: start it, or check url"


async def test_an_unknown_name_is_told() -> None:
    caught = await first_failure(context("http://no-such-host.invalid:9090", timeout_seconds=5.0))
    assert isinstance(caught, Unreachable)
    assert "no-such-host.invalid" in str(caught) and "DNS" in str(caught)


async def test_tls_against_a_server_without_it_is_told(server: PrometheusServer) -> None:
    caught = await first_failure(context(server.url.replace("http:", "https:")))
    assert isinstance(caught, Unsupported) and "does not speak TLS; write http://" in str(caught)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read \\(No such file or directory\\)"),
        (b"", "is empty"),
        (b"two words", "does not hold one token"),
        (b"a\r\nX-Evil: b", "does not hold one token"),
        (b"\xff\xfe", "is not text"),
        (b"x" * 70_000, "is too large"),
    ],
)
async def test_a_token_that_cannot_be_used_names_its_file(
    server: PrometheusServer, tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    caught = await first_failure(server.context(token_file=str(file)))
    with pytest.raises(Denied, match=said):
        raise caught
    assert str(file) in str(caught)
    assert not server.asked, "nothing is asked without the token"


async def test_a_renewed_token_is_taken_at_once_and_a_refusal_names_the_file(
    server: PrometheusServer, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("old\n")
    feed = BACKEND.feed(server.context(token_file=str(file), headers={"X-Scope-OrgID": "gpu"}))
    turns = Turns()
    async with asyncio.timeout(20), aclosing(feed.watch(turns)) as items:
        await turn(items)
        file.write_text("new\n")
        server.everything(Reply(b"", 401))
        turns.give()
        with pytest.raises(Denied, match=f"does not accept the token in {file}"):
            while True:
                await anext(items)
    await feed.close()
    used = [asked.headers.get("Authorization") for asked in server.asked]
    assert used[0] == "Bearer old" and used[-1] == "Bearer new"
    assert {asked.headers.get("X-Scope-OrgID") for asked in server.asked} == {"gpu"}


@pytest.mark.parametrize("header", [None, "Basic Ym9iOnMzY3JldA=="])
async def test_a_password_is_sent_as_basic_and_nothing_from_netrc(
    server: PrometheusServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: str | None
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password stolen\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    (tmp_path / "password").write_text("s3cret\n")
    signed = {"username": "bob", "password_file": str(tmp_path / "password")} if header else {}
    feed = BACKEND.feed(server.context(**signed))
    async with asyncio.timeout(20), aclosing(feed.watch(Turns())) as items:
        await turn(items)
    await feed.close()
    assert {asked.headers.get("Authorization") for asked in server.asked} == {header}


async def test_an_idle_connection_that_was_closed_is_made_anew(server: PrometheusServer) -> None:
    feed = BACKEND.feed(server.context())
    turns = Turns()
    async with asyncio.timeout(20), aclosing(feed.watch(turns)) as items:
        await turn(items)
        server.drop_once()
        turns.give()
        assert await turn(items)
    await feed.close()


async def test_a_close_while_a_server_hangs_leaves_no_thread_for_long(server: PrometheusServer) -> None:
    before = set(threading.enumerate())
    server.everything(Reply(manner="hang"))
    feed = BACKEND.feed(server.context(timeout_seconds=1.0))
    watch = feed.watch(Turns())
    reading = asyncio.ensure_future(anext(watch))
    await asyncio.to_thread(server.wait_for, "time()")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await watch.aclose()
    await feed.close()
    workers = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("prometheus")]
    for worker in workers:
        await asyncio.to_thread(worker.join, 5.0)
    assert workers and not any(worker.is_alive() for worker in workers)


async def test_warnings_of_partial_data_are_told(server: PrometheusServer) -> None:
    server.say = {"max(timestamp(up": vector(({}, 1.0), warnings=["store \x1b[2J down"], infos=["i"])}
    feed = BACKEND.feed(server.context())
    async with asyncio.timeout(20), aclosing(feed.watch(Turns())) as items:
        answers = next(check for check in await turn(items) if check.name == "answers")
    await feed.close()
    assert answers.state == "warning" and answers.detail == "i; store ␛[2J down"


@pytest.mark.parametrize("option", ["ca_file", "cert_file"])
async def test_a_tls_file_that_is_not_there_is_named(option: str) -> None:
    caught = await first_failure(context("https://127.0.0.1:1", **{option: "/nowhere/x.pem"}))
    assert isinstance(caught, Denied) and "/nowhere/x.pem" in str(caught) and option in str(caught)


async def test_packed_answers_are_read_and_bounded_as_unpacked(
    server: PrometheusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "REPLY_LIMIT", 1 << 20)
    packed = {"Content-Encoding": "gzip"}
    time_body = server.recorded[("/api/v1/query", "time()")]
    server.say = {
        "time()": Reply(gzip.compress(time_body), headers=packed),
        "max(timestamp(up": Reply(gzip.compress(b" " * (8 << 20)), headers=packed),
    }
    feed = BACKEND.feed(server.context())
    async with asyncio.timeout(20), aclosing(feed.watch(Turns())) as items:
        answers = next(check for check in await turn(items) if check.name == "answers")
    await feed.close()
    assert "newest scrape" in answers.detail and "larger than 1 MiB" in answers.detail


def test_no_client_is_loaded_before_it_is_used() -> None:
    script = "import sys, crashcart.backends.prometheus.feed; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"requests", "urllib3", "prometheus_api_client", "numpy", "pandas"} & set(done.stdout.split())
