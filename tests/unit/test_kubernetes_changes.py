"""What becomes of a change when the server, or what stands before it, answers badly: never a guess, asked once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from crashcart.backends.contract import Change
from crashcart.backends.errors import BadIdentifier, Denied, Malformed, Unreachable
from crashcart.backends.kubernetes.powers import KubernetesPowers
from crashcart.backends.kubernetes.signals import send

from .rude_api_server import Reply, RudeServer, powers_at, status

PATCH = "PATCH /api/v1/nodes/gpu01"
SELF = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews"
ACCESS = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
EXEC = "GET /api/v1/namespaces/train/pods/llm-0/exec"
PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@pytest.fixture
def server() -> Iterator[RudeServer]:
    with RudeServer() as running:
        yield running


@pytest.fixture
def powers(server: RudeServer, tmp_path: Path) -> Iterator[KubernetesPowers]:
    with powers_at(server, tmp_path) as made:
        yield made


def drain(powers: KubernetesPowers) -> Change:
    return powers.drain("gpu01", "crashcart:ada fan")


@pytest.mark.parametrize(
    ("reply", "state", "words"),
    [
        (Reply(200, b"not JSON at all"), "ok", ""),
        (Reply(502, PAGE, "text/html"), "unknown", "502 Bad Gateway"),
        (Reply(504, b"", "text/plain"), "unknown", "answer 504 without words"),
        (Reply(503, b"no healthy upstream", "text/plain"), "failed", "no healthy upstream"),
        (Reply(manner="drop"), "unknown", "the connection broke at node gpu01"),
        (Reply(manner="half"), "unknown", "the connection broke at node gpu01"),
        (Reply(302, b"", headers={"Location": "http://127.0.0.1:9/login"}), "failed", "answer 302 without words"),
        (status(500, "etcdserver: request timed out"), "unknown", "etcdserver: request timed out"),
        (
            status(500, 'Internal error occurred: failed calling webhook "node.example": no endpoints'),
            "failed",
            'failed calling webhook "node.example"',
        ),
        (
            status(403, 'admission webhook "policy.example" denied the request: frozen for the holidays'),
            "failed",
            'admission webhook "policy.example" denied the request: frozen for the holidays',
        ),
        (status(422, "Node is invalid:\n\x1b[2J spec"), "failed", "Node is invalid:␊␛[2J spec"),
        (status(409, "the object has been modified"), "failed", "node gpu01 has changed since you looked: look again"),
    ],
)
async def test_how_a_change_ended_is_never_guessed(
    powers: KubernetesPowers, server: RudeServer, reply: Reply, state: str, words: str
) -> None:
    server.say[PATCH] = reply
    result = await powers.apply(drain(powers), timeout=10)

    assert result.state == state
    assert words in result.detail
    assert "\x1b" not in result.detail and "<" not in result.detail
    assert server.lines("PATCH") == [PATCH], "once"


async def test_what_is_sent_says_who_why_and_when(powers: KubernetesPowers, server: RudeServer) -> None:
    server.say[PATCH] = Reply()
    await powers.apply(drain(powers), timeout=10)
    (asked,) = server.asked
    assert asked.headers["content-type"] == "application/merge-patch+json"
    assert asked.headers["authorization"] == "Bearer t"
    sent = json.loads(asked.body)
    marks = sent["metadata"]["annotations"]
    assert sent["spec"] == {"unschedulable": True}
    assert (marks["crashcart.io/cordoned-by"], marks["crashcart.io/cordoned-reason"]) == ("ada", "crashcart:ada fan")
    assert len(marks["crashcart.io/cordoned-at"]) == len("2026-11-25T09:12:10Z")

    await powers.apply(powers.resume("gpu01"), timeout=10)
    undone = json.loads(server.asked[-1].body)
    assert undone["spec"] == {"unschedulable": None}
    assert set(undone["metadata"]["annotations"].values()) == {None}


async def test_a_refused_token_is_raised_with_its_file(powers: KubernetesPowers, server: RudeServer) -> None:
    server.say[PATCH] = status(401, "Unauthorized")
    with pytest.raises(Denied, match=r"user 'ada' of .*kubeconfig \(401 Unauthorized\)"):
        await powers.apply(drain(powers), timeout=10)


@pytest.mark.parametrize("name", ["../secrets", "a/b", "gpu01?x", "", "-x", "gpu 01"])
def test_names_that_could_mean_something_else_never_reach_a_path(powers: KubernetesPowers, name: str) -> None:
    with pytest.raises(BadIdentifier):
        powers.drain(name, "crashcart:ada x")
    with pytest.raises(BadIdentifier):
        powers.cancel(f"train/{name}")


def test_a_reason_keeps_to_plain_letters(powers: KubernetesPowers) -> None:
    with pytest.raises(BadIdentifier):
        powers.drain("gpu01", "crashcart:ada $(reboot)")


async def test_a_change_of_another_plane_is_not_run(powers: KubernetesPowers, server: RudeServer) -> None:
    with pytest.raises(Malformed, match="is no change of Kubernetes"):
        await powers.apply(Change("gpu01", "rm", ("rm", "-rf", "/")), timeout=10)
    assert server.asked == []


# reviews


async def test_a_review_without_a_yes_is_a_no(powers: KubernetesPowers, server: RudeServer) -> None:
    server.say[SELF] = Reply(201, b'{"status":{"userInfo":{"username":"ada\\u202e","groups":[]}}}')
    for body, why in (
        (b'{"status":{}}', ""),
        (b'{"status":{"allowed":false,"reason":"policy says\\nno"}}', ": policy says no"),
        (b'{"status":{"allowed":false,"evaluationError":"webhook down"}}', ": webhook down"),
    ):
        server.say[ACCESS] = Reply(201, body)
        assert await powers.refusal("cordon", "gpu01") == (
            f'User "ada<U+202E>" cannot patch resource "nodes" in API group "" at the cluster scope{why}'
        )


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(201, b"[]"), Malformed),
        (Reply(201, b"\xff\xfe"), Malformed),
        (Reply(502, PAGE), Unreachable),
        (Reply(manner="drop"), Unreachable),
        (status(403, "selfsubjectaccessreviews is forbidden"), Denied),
    ],
)
async def test_a_review_that_is_not_understood_is_no_yes(
    powers: KubernetesPowers, server: RudeServer, reply: Reply, error: type[Exception]
) -> None:
    server.say[ACCESS] = reply
    with pytest.raises(error):
        await powers.refusal("cordon", "gpu01")


async def test_an_old_server_does_not_say_who_we_are_and_the_kubeconfig_does(
    powers: KubernetesPowers, server: RudeServer, tmp_path: Path
) -> None:
    assert await powers.acting_as() == f"user 'ada' of {tmp_path / 'kubeconfig'}"
    assert server.lines("POST") == [SELF]


async def test_many_groups_are_cut_short(powers: KubernetesPowers, server: RudeServer) -> None:
    groups = ",".join(f'"g{number}"' for number in range(40))
    server.say[SELF] = Reply(201, f'{{"status":{{"userInfo":{{"username":"ada","groups":[{groups}]}}}}}}'.encode())
    assert await powers.acting_as() == "ada (groups: g0, g1, g2, g3, g4, g5 and 34 more)"


# commands in containers

OK = b'{"metadata":{},"status":"Success"}'
EXIT_7 = json.dumps(
    {
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": "command terminated with non-zero exit code: exit status 7",
        "details": {"causes": [{"reason": "ExitCode", "message": "7"}]},
    }
).encode()
NO_SHELL = b'{"status":"Failure","message":"exec: sh: executable file not found","reason":"InternalError"}'


@pytest.mark.parametrize(
    ("frames", "state", "words"),
    [
        (((1, b""), (3, OK)), "ok", ""),
        (((1, b"done"), (9, b"?"), (3, OK)), "ok", ""),
        (((3, OK[:10]), (3, OK[10:])), "ok", ""),
        (((2, b"kill: no such process\n"), (3, EXIT_7)), "failed", "llm-0: kill: no such process"),
        (((3, EXIT_7),), "failed", "llm-0: exit status 7"),
        (((3, EXIT_7[:99]),), "unknown", "its end is not understood"),
        (((3, NO_SHELL),), "failed", "executable file not found"),
        (((1, b"half"),), "unknown", "pod train/llm-0: "),
        ((), "unknown", "pod train/llm-0: "),
        (((3, b"not JSON"),), "unknown", "its end is not understood: not JSON"),
    ],
)
async def test_only_a_word_on_channel_3_is_an_end(
    powers: KubernetesPowers, server: RudeServer, frames: tuple[tuple[int, bytes], ...], state: str, words: str
) -> None:
    server.say[EXEC] = Reply(frames=frames)
    result = await send(powers._asking, "train", ["llm-0"], "main", ["sh", "-c", "kill -USR1 1"], lambda news: None)
    assert result.state == state
    assert words in result.detail


async def test_a_command_is_run_as_whom_we_act(server: RudeServer, tmp_path: Path) -> None:
    server.say[EXEC] = Reply(frames=((3, OK),))
    with powers_at(server, tmp_path, impersonate="viewer") as powers:
        await send(powers._asking, "train", ["llm-0"], "main", ["true"], lambda news: None)
    (asked,) = server.asked
    assert asked.headers["impersonate-user"] == "viewer"
    assert asked.headers["authorization"] == "Bearer t"
    assert "origin" not in asked.headers


async def test_a_proxy_that_knows_no_websockets_is_named(powers: KubernetesPowers, server: RudeServer) -> None:
    server.say[EXEC] = Reply(502, PAGE, "text/html")
    with pytest.raises(Unreachable, match=r"pod train/llm-0: 127.0.0.1:.* answers 502: 502 Bad Gateway"):
        await send(powers._asking, "train", ["llm-0"], "main", ["true"], lambda news: None)
