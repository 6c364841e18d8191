"""One session: what is trusted, what is sent again, what is bounded, and each way in which there is no answer."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509

from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.http import adapter
from crashcart.backends.http.answer_lost import AnswerLost
from crashcart.backends.http.failures import failure
from crashcart.backends.http.options import HttpOptions
from crashcart.backends.http.session import HttpSession

from .alertmanager_server import Reply, ScriptedServer
from .certificates import Authority

PATH = "/api/v2/alerts"
MIB = 1 << 20


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer().running() as running:
        running.say[f"POST {PATH}"] = Reply(b"{}")
        yield running


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def session(url: str, *methods: str, **table: Any) -> HttpSession:
    options = HttpOptions(url=url, interval_seconds=5.0, **table)
    return HttpSession(url, "server x", options, limit=MIB, narrower="; ask for less", repeatable=frozenset(methods))


def status(of: HttpSession) -> int:
    try:
        return of.request("GET", PATH).status_code
    finally:
        of.cut()


def error_of(of: HttpSession, method: str = "GET") -> BackendError:
    """What a request ends with, as one printable line that names the server."""
    try:
        with pytest.raises(BackendError) as caught:
            of.request(method, PATH)
    finally:
        of.cut()
    assert str(caught.value).isprintable() and str(caught.value).startswith("server x: ")
    return caught.value


# TLS


@pytest.mark.parametrize(
    ("of", "day", "said"),
    [
        (x509.DNSName("other.example.org"), 0, "is for another address; use its name in url"),
        (None, -10, "has expired; renew it there"),
        (None, 10, "is not valid yet; compare the clocks"),
    ],
)
def test_each_fault_of_a_certificate_has_its_own_next_step(
    authority: Authority, of: x509.GeneralName | None, day: int, said: str
) -> None:
    file = authority.signs("server", **({"of": of} if of else {}), day=day)
    with ScriptedServer(authority.server(file)).running() as server:
        caught = error_of(session(server.url, ca_file=str(authority.file)))
        assert isinstance(caught, Denied) and f"its certificate {said}" in str(caught)
        assert status(session(server.url, insecure=True)) == 200


def test_a_certificate_for_another_name_is_told(authority: Authority) -> None:
    file = authority.signs("server", of=x509.DNSName("other.example.org"))
    with ScriptedServer(authority.server(file)).running() as server:
        caught = error_of(session(f"https://localhost:{server.port}", ca_file=str(authority.file)))
    assert isinstance(caught, Denied) and "is for another name; use that name in url" in str(caught)


def test_an_authority_is_trusted_when_it_is_named(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    with ScriptedServer(authority.server(authority.signs("server"))).running() as server:
        caught = error_of(session(server.url))
        assert isinstance(caught, Denied) and "is not trusted" in str(caught) and "set ca_file" in str(caught)
        assert status(session(server.url, ca_file=str(authority.file))) == 200
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.file))
        assert status(session(server.url, ca_file=str(authority.file))) == 200, "ca_file goes before the environment"
        assert status(session(server.url, insecure=True)) == 200
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
        assert status(session(server.url)) == 200


def test_the_certificates_of_this_machine_are_those_of_curl(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with ScriptedServer(authority.server(authority.signs("server"))).running() as server:
        assert status(session(server.url)) == 200


def test_a_certificate_of_ours_is_shown_and_asked_for(authority: Authority) -> None:
    context = authority.server(authority.signs("server"), wants_ours=True)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # its refusal comes before our request, so it is never lost
    ours = str(authority.signs("ours"))
    with ScriptedServer(context).running() as server:
        assert status(session(server.url, ca_file=str(authority.file), cert_file=ours)) == 200
        assert status(session(server.url, ca_file=str(authority.file), cert_file=ours, key_file=ours)) == 200
        caught = error_of(session(server.url, ca_file=str(authority.file)))
    assert isinstance(caught, Denied) and "cert_file and key_file" in str(caught)


def test_a_certificate_asked_for_after_the_greeting_is_a_refusal_too() -> None:
    refused = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required")
    refused.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    made = failure("server x", requests.exceptions.SSLError(refused), has_connected=True)
    assert isinstance(made, Denied) and "it wants a certificate of ours" in str(made)
    refused.reason = "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"
    assert isinstance(failure("server x", requests.exceptions.SSLError(refused), has_connected=True), AnswerLost)


@pytest.mark.parametrize("option", ["ca_file", "cert_file", "key_file"])
def test_a_file_that_is_not_there_is_named(authority: Authority, option: str) -> None:
    server_file = str(authority.signs("server"))
    table = {"cert_file": server_file} if option == "key_file" else {}
    with ScriptedServer(authority.server(Path(server_file))).running() as server:
        caught = error_of(session(server.url, **table, **{option: "/nowhere/x.pem"}))
    assert isinstance(caught, Denied) and "/nowhere/x.pem" in str(caught) and option in str(caught)


def test_a_file_that_holds_no_certificate_is_told(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with ScriptedServer(authority.server(authority.signs("server"))).running() as server:
        for table in ({"ca_file": str(tmp_path / "text")}, {"cert_file": str(tmp_path / "text")}):
            caught = error_of(session(server.url, **table))
            assert isinstance(caught, Denied) and "check ca_file, cert_file and key_file" in str(caught)


def test_plain_http_behind_https_says_what_to_write(server: ScriptedServer) -> None:
    caught = error_of(session(server.url.replace("http:", "https:")))
    assert isinstance(caught, Unsupported) and "does not speak TLS; write http:// in url" in str(caught)


# no connection


def test_nobody_listening_is_told_at_once_and_also_after_a_good_answer() -> None:
    with ScriptedServer().running() as server:
        server.say[f"GET {PATH}"] = Reply(headers={"Connection": "close"})
        used = session(server.url, "GET")
        assert used.request("GET", PATH).status_code == 200
    caught = error_of(used)
    assert isinstance(caught, Unreachable) and not isinstance(caught, AnswerLost)
    assert "connection refused; nothing listens there" in str(caught)


def test_a_host_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:  # what the queue cannot hold is dropped, as by a firewall
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        caught = error_of(session(f"http://127.0.0.1:{full.getsockname()[1]}"))
        for one in waiting:
            one.close()
    assert isinstance(caught, Unreachable) and "no connection in time" in str(caught)


@pytest.mark.parametrize(
    ("number", "said"),
    [(socket.EAI_NONAME, "its name is not known here; check url and DNS"), (socket.EAI_AGAIN, "DNS does not answer")],
)
def test_a_name_that_is_not_found_is_told(monkeypatch: pytest.MonkeyPatch, number: int, said: str) -> None:
    def failing(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "no")

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    caught = error_of(session("http://monitoring.example.org"))
    assert isinstance(caught, Unreachable) and said in str(caught)


def test_a_dead_proxy_is_told_apart_from_a_dead_server(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        caught = error_of(session(server.url))
    assert isinstance(caught, Unreachable) and not isinstance(caught, AnswerLost)
    assert "the proxy of the environment failed" in str(caught) and "NO_PROXY" in str(caught)


# answers


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply(manner="drop"), AnswerLost, "the connection broke in the middle of an answer"),
        (Reply(manner="headless"), AnswerLost, "the connection broke in the middle of an answer"),
        (Reply(manner="half"), AnswerLost, "the answer breaks off in the middle; look for a proxy"),
        (Reply(manner="garbage"), AnswerLost, "does not speak HTTP; check url"),
        (Reply(b"not packed at all", headers={"Content-Encoding": "gzip"}), Malformed, "cannot be unpacked"),
        (Reply(b" " * (2 * MIB)), Malformed, "larger than 1 MiB and was cut; ask for less"),
        (Reply(gzip.compress(b" " * (8 * MIB)), headers={"Content-Encoding": "gzip"}), Malformed, "larger than 1 MiB"),
    ],
)
def test_each_bad_answer_is_one_clear_line(
    server: ScriptedServer, reply: Reply, kind: type[BackendError], said: str
) -> None:
    server.everything(reply)
    caught = error_of(session(server.url))
    assert type(caught) is kind and said in str(caught)


def test_a_silent_server_is_given_up_even_when_nobody_cuts(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "SILENT_SECONDS", 0.2)
    server.everything(Reply(manner="hang"))
    caught = error_of(session(server.url))
    assert isinstance(caught, AnswerLost) and "it hangs" in str(caught)


def test_any_status_is_an_answer_and_no_redirect_is_followed(server: ScriptedServer) -> None:
    used = session(server.url)
    server.say[f"GET {PATH}"] = Reply(b"no", 503)
    assert (used.request("GET", PATH).status_code, used.request("GET", PATH).content) == (503, b"no")
    server.say[f"GET {PATH}"] = Reply(b"", 302, headers={"Location": f"{server.url}/metrics"})
    assert used.request("GET", PATH).status_code == 302
    assert server.times("GET /metrics") == 0
    assert len({asked.client_port for asked in server.asked}) == 1
    used.cut()


@pytest.mark.parametrize(("methods", "times"), [((), 1), (("GET",), 1), (("GET", "POST"), 2)])
def test_only_what_may_be_is_sent_again_over_an_idle_connection_that_was_closed(
    server: ScriptedServer, methods: tuple[str, ...], times: int
) -> None:
    used = session(server.url, *methods)
    assert used.request("GET", PATH).status_code == 200
    server.say[f"POST {PATH}"] = Reply(manner="drop")
    assert isinstance(error_of(used, "POST"), AnswerLost)
    assert server.times(f"POST {PATH}") == times


def test_nothing_is_sent_again_over_a_new_connection(server: ScriptedServer) -> None:
    server.say[f"POST {PATH}"] = Reply(manner="drop")
    assert isinstance(error_of(session(server.url, "POST"), "POST"), AnswerLost)
    assert server.times(f"POST {PATH}") == 1


def test_after_it_was_cut_nothing_is_sent(server: ScriptedServer) -> None:
    used = session(server.url)
    used.cut()
    caught = error_of(used)
    assert "nothing was sent" in str(caught) and not isinstance(caught, AnswerLost)
    assert server.asked == [] and not used.has_connected


def test_the_servers_clock_is_read_from_its_answers(server: ScriptedServer) -> None:
    used = session(server.url)
    assert status(used) == 200 and used.ahead_seconds == 0.0
    fast = session(server.url)
    server.say[f"GET {PATH}"] = Reply(headers={"Date": formatdate(time.time() + 3600, usegmt=True)})
    assert status(fast) == 200
    assert abs(fast.ahead_seconds - 3600) < 2


def test_a_header_that_cannot_be_sent_is_no_answer_that_was_lost(server: ScriptedServer) -> None:
    used = session(server.url)
    with pytest.raises(Unsupported, match="check url, headers"):
        used.request("GET", PATH, headers={"X-A": "a\nb"})
    used.cut()
    assert server.asked == []
