"""Refusals reach an operator in the server's words, as the error that calls for the right reaction."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.http.server_clock import ServerClock
from crashcart.backends.kubernetes.failures import (
    Expired,
    NoAnswer,
    NotSent,
    NotSignedIn,
    failure,
    status_of,
    unreachable,
)
from crashcart.backends.kubernetes.shapes import RawNode
from crashcart.backends.kubernetes.watch_events import Refusal, event

RECORDED = Path(__file__).parents[1] / "data" / "kubernetes" / "1.36.2" / "replies.jsonl"


def recorded(method: str, path: str) -> dict[str, Any]:
    replies = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    return next(one for one in replies if (one["request"]["method"], one["request"]["path"]) == (method, path))


def error_of(reply: dict[str, Any]) -> BackendError:
    body = reply["body"] if isinstance(reply["body"], str) else json.dumps(reply["body"])
    return failure(
        reply["status"], body.encode(), what="nodes", where="api:6443", who="user 'viewer' of ~/.kube/config"
    )


def test_a_forbidden_request_is_told_in_the_servers_words() -> None:
    error = error_of(recorded("PATCH", "/api/v1/nodes/gpu-0000"))
    assert type(error) is Denied
    assert str(error) == (
        'nodes: nodes "gpu-0000" is forbidden: User "viewer" cannot patch resource "nodes" in API group "" at the '
        "cluster scope"
    )


def test_a_crd_that_nobody_installed_is_unsupported() -> None:
    error = error_of(recorded("GET", "/apis/kueue.x-k8s.io/v1beta2/workloads"))
    assert isinstance(error, Unsupported)
    assert "404 page not found" in str(error)


def test_the_recorded_end_of_a_watch_is_a_refusal_with_its_code() -> None:
    line = json.dumps(recorded("GET (watch)", "/api/v1/nodes?watch=1&resourceVersion=1")["body"]).encode()
    told = event(line, RawNode, "nodes")
    assert isinstance(told, Refusal) and told.code == 410
    error = failure(told.code, told.body, what="nodes", where="api", who="me")
    assert isinstance(error, Expired)
    assert "too old resource version: 1 (12553)" in str(error)


@pytest.mark.parametrize(
    ("code", "expected"),
    [(401, NotSignedIn), (403, Denied), (404, Unsupported), (410, Expired), (429, Unreachable), (500, Unreachable),
     (503, Unreachable), (302, Malformed), (400, Malformed)],
)  # fmt: skip
def test_each_status_calls_for_its_own_reaction(code: int, expected: type[BackendError]) -> None:
    error = failure(code, b"", what="pods", where="api:6443", who="user 'ada' of /home/ada/.kube/config")
    assert isinstance(error, expected)
    assert "pods" in str(error) or "api:6443" in str(error)


def test_who_is_not_known_is_named_with_the_file() -> None:
    error = failure(401, b"", what="pods", where="api:6443", who="user 'ada' of /home/ada/.kube/config")
    assert str(error) == (
        "api:6443 does not accept user 'ada' of /home/ada/.kube/config (401 Unauthorized); sign in anew or renew the "
        "token"
    )


def test_a_web_page_of_a_proxy_is_told_as_its_words() -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head><body>\x1b[31mnginx</body></html>"
    assert status_of(page).message == "502 Bad Gateway ␛[31mnginx"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[Errno 111] Connection refused", "nothing listens there"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate", "check certificate-authority"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] Hostname mismatch, certificate is not valid", "is for another name"),
        ("Failed to resolve 'api.example'", "no such host"),
        ("Read timed out. (read timeout=10.0)", "does not answer"),
        ("odd\x1b[0m", "odd␛[0m"),
    ],
)
def test_a_broken_connection_says_what_to_do(said: str, told: str) -> None:
    error = unreachable(OSError(said), what="pods", where="api:6443", file="~/.kube/config", sent=False)
    assert told in str(error) and str(error).startswith("api:6443")
    assert type(error) is NotSent
    assert type(unreachable(ssl.SSLError(said), what="p", where="w", file="f", sent=True)) is NoAnswer


def test_a_server_ahead_of_us_dates_things_on_our_clock() -> None:
    clock = ServerClock()
    clock.dated("Tue, 24 Nov 2026 12:00:30 GMT", 1_795_521_600.0, 1_795_521_600.2)
    assert clock.ahead_seconds == pytest.approx(30.4, abs=0.5)
    assert clock.ours(1_795_521_630.0) == pytest.approx(1_795_521_599.6, abs=0.6)


def test_seconds_of_a_date_and_slow_answers_are_no_skew() -> None:
    clock = ServerClock()
    clock.dated("Tue, 24 Nov 2026 12:00:00 GMT", 1_795_521_600.9, 1_795_521_600.95)
    clock.dated("Tue, 24 Nov 2026 11:59:00 GMT", 1_795_521_600.0, 1_795_521_700.0)
    clock.dated(None, 0.0, 0.0)
    clock.dated("yesterday", 0.0, 0.0)
    assert clock.ahead_seconds == 0.0
