"""A kubeconfig is read as kubectl reads it, and what is wrong with one is told with its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from crashcart.backends.errors import Unsupported
from crashcart.backends.kubernetes import BACKEND
from crashcart.backends.kubernetes.access import open_access
from crashcart.backends.kubernetes.options import Options


def config(name: str, *, user: dict[str, Any] | None = None, current: str | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}.example:6443"}}],
        "users": [{"name": f"{name}-user", "user": user or {"token": f"token-of-{name}"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": f"{name}-user"}}],
        "current-context": name if current is None else current,
    }


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory, outside of any pod."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def written(path: Path, told: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(told if isinstance(told, bytes) else msgspec.json.encode(told))
    return path


def test_the_current_context_of_the_file_in_the_home_is_taken(home: Path) -> None:
    file = written(home / ".kube" / "config", config("east"))
    access = open_access(Options())
    assert access.where == "east.example:6443"
    assert access.who == f"user 'east-user' of {file}"
    assert access.configuration.api_key["BearerToken"] == "Bearer token-of-east"
    assert BACKEND.found()


def test_files_of_kubeconfig_are_read_together_and_a_context_is_chosen(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [written(home / "a", config("east")), home / "missing", written(home / "b", config("west"))]
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, files)))
    assert open_access(Options(context="west")).where == "west.example:6443"
    assert open_access(Options(context="east")).where == "east.example:6443"


def test_a_context_that_is_not_there_names_those_that_are(home: Path) -> None:
    file = written(home / "config", config("east"))
    with pytest.raises(Unsupported, match=r"no context 'prod'; it has: east; set context") as caught:
        open_access(Options(kubeconfig=str(file), context="prod"))
    assert str(file) in str(caught.value)
    none = written(home / "none", config("east", current=""))
    with pytest.raises(Unsupported, match="no current context; it has: east"):
        open_access(Options(kubeconfig=str(none)))


@pytest.mark.parametrize(
    "told", [b"", b"[]", b"a: [", b"\x00", b"contexts: 7", b"contexts: [{name: x}]\ncurrent-context: x"]
)
def test_a_file_that_is_no_kubeconfig_is_named(home: Path, told: bytes) -> None:
    file = written(home / "config", told)
    with pytest.raises(Unsupported, match=str(file)):
        open_access(Options(kubeconfig=str(file)))


def test_a_file_that_does_not_exist_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unsupported, match="/nowhere/config: no such file; correct kubeconfig"):
        open_access(Options(kubeconfig="/nowhere/config"))
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    with pytest.raises(Unsupported, match="correct KUBECONFIG"):
        open_access(Options())


def test_without_any_file_outside_of_a_pod_it_says_what_to_set(home: Path) -> None:
    assert not BACKEND.found()
    with pytest.raises(Unsupported, match="set kubeconfig, or KUBECONFIG"):
        open_access(Options())
    with pytest.raises(Unsupported, match="there is no kubeconfig"):
        open_access(Options(context="prod"))


def test_whom_a_kubeconfig_acts_as_is_heeded_though_the_client_does_not(home: Path) -> None:
    file = written(home / "config", config("east", user={"token": "t", "as": "oncall"}))
    assert open_access(Options(kubeconfig=str(file))).impersonate == "oncall"
    assert open_access(Options(kubeconfig=str(file), impersonate="viewer")).impersonate == "viewer"
    groups = written(home / "groups", config("east", user={"token": "t", "as": "x", "as-groups": ["y"]}))
    with pytest.raises(Unsupported, match="as-groups"):
        open_access(Options(kubeconfig=str(groups)))


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"interval_seconds": 0.1}, "interval_seconds"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"context": " "}, "context"),
        ({"kubeconfig": "a\nb"}, "kubeconfig"),
        ({"namespaces": ["Train"]}, "namespaces: 'Train'"),
        ({"namespaces": ["a", "a"]}, "twice"),
        ({"namespaces": [f"n{number}" for number in range(40)]}, "at most"),
        ({"rack_labels": ["a b"]}, "rack_labels"),
        ({"gpu_resources": ["a b*"]}, "gpu_resources"),
        ({"gpu_index_annotations": [""]}, "gpu_index_annotations"),
    ],
)
def test_wrong_options_are_refused_with_their_name(table: dict[str, Any], why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert(table, Options)


def test_options_of_all_kinds_are_taken() -> None:
    table = {
        "context": "prod",
        "namespaces": ["train", "research-1"],
        "gpu_resources": ["example.com/npu-*", "example.com/gpu"],
        "user_labels": ["team.example.org/owner"],
        "impersonate": "system:serviceaccount:ops:viewer",
    }
    assert msgspec.convert(table, Options).all_gpu_resources[-2:] == ("example.com/npu-*", "example.com/gpu")
