"""The fake Kubernetes says, request by request, what a real 1.36 control plane said when it was recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.kubeapi.objects.jobs import budget, job
from tests.fakes.kubeapi.objects.pods import pod

from .kubernetes_cluster import KubernetesCluster

Object = dict[str, Any]

RECORDED = Path(__file__).parents[1] / "data" / "kubernetes" / "1.36.2" / "replies.jsonl"
REPLIES = [json.loads(line) for line in RECORDED.read_text().splitlines()]
EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction", "deleteOptions": {"gracePeriodSeconds": 5}}
LLM = "/api/v1/namespaces/train/pods/llm-002-0"


@pytest.fixture
def recorded(kubernetes: KubernetesCluster) -> KubernetesCluster:
    """As much of the recorded cluster as the replies are about."""
    kubernetes.control.fleet(70, 192)
    wait_for_budget(kubernetes, "llm-002")
    return kubernetes


def wait_for_budget(cluster: KubernetesCluster, name: str) -> None:
    def is_counted() -> object:
        return cluster.get("poddisruptionbudgets.policy", name).get("status", {}).get("disruptionsAllowed")

    cluster.until(is_counted, f"a disruption that {name} allows")


# what had happened before the request


def cordoned(cluster: KubernetesCluster) -> None:
    cluster.patch("nodes", "gpu-0000", {"spec": {"unschedulable": True}})
    cluster.until(lambda: len(cluster.get("nodes", "gpu-0000")["spec"]["taints"]) == 2, "taint of the cordon")


def exhausted(cluster: KubernetesCluster) -> None:
    evicted(cluster)
    cluster.until(lambda: healthy(cluster) == 63, "budget that knows of the eviction")


def healthy(cluster: KubernetesCluster) -> int:
    return int(cluster.get("poddisruptionbudgets.policy", "llm-002")["status"]["currentHealthy"])


def unobserved(cluster: KubernetesCluster) -> None:
    cluster.control.hold("disruption")
    cluster.patch("poddisruptionbudgets.policy", "llm-002", {"spec": {"minAvailable": 60}})


def doubled(cluster: KubernetesCluster) -> None:
    cluster.create(budget("another", match={"job": "llm-002"}, min_available=1))


def evicted(cluster: KubernetesCluster) -> None:
    cluster.control.hold("kubelets")
    assert cluster.call("POST", f"{LLM}0/eviction", EVICTION)[0] == 201


def two_pods_run(cluster: KubernetesCluster) -> list[str]:
    cluster.create(job("ft", pods=2, gpus=1, grace_seconds=60))
    return [one["metadata"]["name"] for one in cluster.running("app=ft", 2)]


def suspended(cluster: KubernetesCluster) -> None:
    first, _ = two_pods_run(cluster)
    assert cluster.call("DELETE", cluster.path("pods", first))[0] == 200
    cluster.until(lambda: cluster.get("jobs.batch", "ft")["status"].get("failed") == 1, "a failure that is counted")
    cluster.running("app=ft", 2)
    cluster.control.hold("kubelets")
    cluster.patch("jobs.batch", "ft", {"spec": {"suspend": True}})
    cluster.until(lambda: cluster.get("jobs.batch", "ft")["status"].get("terminating") == 2, "two pods that end")


def resumed(cluster: KubernetesCluster) -> None:
    suspended(cluster)
    cluster.control.release("kubelets")
    cluster.patch("jobs.batch", "ft", {"spec": {"suspend": False}})
    cluster.running("app=ft", 2)
    cluster.until(lambda: cluster.get("jobs.batch", "ft")["status"].get("ready") == 2, "two ready pods")


def made_job(cluster: KubernetesCluster) -> None:
    two_pods_run(cluster)


def unschedulable(cluster: KubernetesCluster) -> None:
    cluster.control.clear()
    cluster.control.fleet(1000, 0)
    big = pod("big", labels={"app": "big"})
    del big["spec"]["tolerations"]
    cluster.create(big)
    cluster.until(lambda: cluster.get("pods", "big")["status"].get("conditions"), "a pod that cannot be placed")


def no_kubelet(cluster: KubernetesCluster) -> None:
    cluster.control.kubelet_down("gpu-0064")


def compacted(cluster: KubernetesCluster) -> None:
    cluster.control.forget_history()


BEFORE: dict[str, Callable[[KubernetesCluster], None]] = {
    "2 s after a real cordon": cordoned,
    "/llm-002-01/eviction": exhausted,
    "PDB status.observedGeneration is old": unobserved,
    "two PDBs match": doubled,
    "after eviction": evicted,
    "3 s after suspend:true (one pod was requeued by delete before)": suspended,
    "5 s after suspend:false": resumed,
    "/jobs/ft": made_job,
    "app%3Dbig": unschedulable,
    "FailedScheduling": unschedulable,
    "/llm-001-00/log": no_kubelet,
    "after compaction and restart": compacted,
}
"""By the recording's own words for the moment, or by the end of the path."""


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: f"{reply['status']}-{reply['request']['path'][:60]}")
def test_it_answers_as_recorded(recorded: KubernetesCluster, reply: Object) -> None:
    asked = reply["request"]
    if before := BEFORE.get(asked.get("when", "")):
        before(recorded)
    else:
        for end, prepare in BEFORE.items():
            if asked["path"].endswith(end):
                prepare(recorded)
    code, headers, body = exchanged(recorded, asked)
    assert code == reply["status"]
    assert code != 429 or ("retry-after" in headers) == ("Retry-After" in reply["headers"])
    for name in ("Retry-After", "content-type"):
        if said := reply["headers"].get(name):
            assert headers[name.lower()].startswith(said)
    assert_says(body, reply["body"])


def exchanged(cluster: KubernetesCluster, asked: Object) -> tuple[int, dict[str, str], Any]:
    """The answer to a recorded request; of a stream the first event."""
    path, method = asked["path"], asked["method"]
    if method == "GET (watch)":
        return 200, {}, first_event(cluster, path)
    if method == "GET (websocket)":
        caller = cluster.user(asked["user"])
        return with_json(*caller.exchange("GET", path, headers={"Upgrade": "websocket", "Connection": "Upgrade"}))
    return with_json(*cluster.user(asked["user"]).exchange(method, path, asked.get("body")))


def with_json(code: int, headers: dict[str, str], data: bytes) -> tuple[int, dict[str, str], Any]:
    is_json = headers["content-type"] == "application/json"
    return code, headers, json.loads(data) if is_json else data.decode()


def first_event(cluster: KubernetesCluster, path: str) -> Object:
    """The first that is an error, or a bookmark."""
    for event in cluster.user("admin").events(path):
        if event["type"] in ("ERROR", "BOOKMARK"):
            return event
    raise AssertionError("the stream ended")


def assert_says(said: Any, recorded: Any, where: str = "") -> None:
    """All that was recorded is said too. Moments, and the revision at which history begins, may differ."""
    if isinstance(recorded, dict):
        for key, part in recorded.items():
            assert key in said, f"{where} lacks {key}"
            assert_says(said[key], part, f"{where}.{key}")
    elif isinstance(recorded, list):
        for index, part in enumerate(recorded):
            assert any(says(one, part) for one in said), f"{where} lacks entry {index}: {part}, has {said}"
    elif isinstance(recorded, str):
        assert re.fullmatch(pattern_of(recorded), str(said)), f"{where}: {said!r} is not {recorded!r}"
    else:
        assert said == recorded, where


def says(said: Any, recorded: Any) -> bool:
    try:
        assert_says(said, recorded)
    except AssertionError:
        return False
    return True


def pattern_of(recorded: str) -> str:
    """A recorded text with what was cut off, moments and the oldest revision left open."""
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", recorded):
        return r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    pattern = re.escape(recorded.replace("(12553)", "REVISION").replace(': {"labels":{"app":"ft", ...', ": ..."))
    return pattern.replace("REVISION", r"\(\d+\)").replace(r"\.\.\.", ".*") + r"\.?"
