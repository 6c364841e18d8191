"""What can be wrong with the fake Kubernetes, and how a client with read timeouts meets it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from urllib3.exceptions import HTTPError, ReadTimeoutError

from tests.fakes.kubeapi.objects.pods import pod
from tests.fakes.kubeapi.process import FakeProcess

from .kubernetes_calls import Caller
from .kubernetes_cluster import KubernetesCluster

PODS = "/api/v1/namespaces/train/pods"
SHORT = (2.0, 0.5)


@pytest.fixture
def caller(kubernetes: KubernetesCluster) -> Iterator[Caller]:
    """With connections of its own and little patience."""
    assert kubernetes.control.revision()
    made = Caller(kubernetes.kubeconfig, "oncall", seconds=SHORT)
    yield made
    kubernetes.control.heal()
    made.close()


def test_a_frozen_server_takes_the_request_and_says_nothing(kubernetes: KubernetesCluster, caller: Caller) -> None:
    assert caller.call("GET", PODS)[0] == 200
    kubernetes.control.freeze()
    with pytest.raises(ReadTimeoutError):
        caller.call("GET", PODS)
    kubernetes.control.thaw()
    assert caller.call("GET", PODS)[0] == 200


def test_a_half_open_server_answers_old_connections_only(kubernetes: KubernetesCluster, caller: Caller) -> None:
    assert caller.call("GET", PODS)[0] == 200
    kubernetes.control.half_open()
    assert caller.call("GET", PODS)[0] == 200
    fresh = Caller(kubernetes.kubeconfig, "nobody", seconds=SHORT)
    with pytest.raises((HTTPError, TimeoutError)):
        fresh.call("GET", "/version")
    kubernetes.control.thaw()
    assert fresh.call("GET", "/version")[0] == 200
    fresh.close()


def test_priority_and_fairness_refuses_without_a_status(kubernetes: KubernetesCluster, caller: Caller) -> None:
    kubernetes.control.refuse(429, times=2, method="POST", path="/eviction$")
    for _ in range(2):
        code, headers, data = caller.exchange("POST", f"{PODS}/nope/eviction", {})
        assert (code, headers["retry-after"]) == (429, "1")
        assert data == b"Too many requests, please try again later.\n"
    assert caller.call("POST", f"{PODS}/nope/eviction", {})[0] == 404


@pytest.mark.parametrize(("code", "reason"), [(500, "InternalError"), (503, "ServiceUnavailable")])
def test_it_can_fail_a_given_number_of_times(
    kubernetes: KubernetesCluster, caller: Caller, code: int, reason: str
) -> None:
    kubernetes.control.refuse(code, times=1)
    answered, body = caller.call("GET", PODS)
    assert (answered, body["reason"]) == (code, reason)
    assert caller.call("GET", PODS)[0] == 200


def test_a_body_can_end_in_the_middle(kubernetes: KubernetesCluster, caller: Caller) -> None:
    for number in range(5):
        kubernetes.create(pod(f"p{number}", scheduler="nobody"))
    kubernetes.control.truncate("/pods$")
    with pytest.raises(HTTPError):
        caller.call("GET", PODS)
    assert caller.call("GET", "/api/v1/nodes")[0] == 200
    kubernetes.control.truncate("")
    assert len(caller.call("GET", PODS)[1]["items"]) == 5


def test_answers_can_be_late(kubernetes: KubernetesCluster, caller: Caller) -> None:
    kubernetes.control.delay(0.2)
    began = time.monotonic()
    assert caller.call("GET", PODS)[0] == 200
    assert time.monotonic() - began >= 0.2


def test_a_server_that_is_not_ready_says_so(kubernetes: KubernetesCluster, caller: Caller) -> None:
    kubernetes.control.unready()
    code, text = caller.call("GET", "/readyz")
    assert code == 500
    assert "[-]etcd failed: reason withheld" in text
    assert caller.call("GET", "/livez") == (200, "ok")


def test_requests_are_on_record(kubernetes: KubernetesCluster, caller: Caller) -> None:
    kubernetes.control.requests()
    caller.call("GET", PODS)
    caller.call("DELETE", f"{PODS}/nope")
    assert kubernetes.control.requests() == [f"GET {PODS}", f"DELETE {PODS}/nope"]


def test_it_also_runs_as_a_process_that_can_be_stopped(tmp_path: Path) -> None:
    with FakeProcess(tmp_path, nodes=3, pods=6) as fake:
        caller = Caller(fake.kubeconfig, "oncall", seconds=SHORT)
        assert len(caller.call("GET", PODS)[1]["items"]) == 6
        fake.control.load([pod("more", node="gpu-0000")])
        fake.control.refuse(503, times=1)
        assert caller.call("GET", PODS)[0] == 503
        assert fake.control.get("pods", "more", "train")["spec"]["nodeName"] == "gpu-0000"
        fake.suspend()
        with pytest.raises(ReadTimeoutError):
            caller.call("GET", PODS)
        fake.resume()
        assert len(caller.call("GET", PODS)[1]["items"]) == 7
        caller.close()


def test_a_large_cluster_is_as_large_as_a_real_one(tmp_path: Path) -> None:
    with FakeProcess(tmp_path, nodes=1000, pods=5000) as fake:
        caller = Caller(fake.kubeconfig)
        _, _, body = caller.exchange("GET", "/api/v1/pods")
        items = json.loads(body)["items"]
        assert len(items) == 5000
        assert 4000 < len(body) / len(items) < 5500, "bytes of a pod; 4,700 in the recorded cluster"
        _, headers, unpacked = caller.exchange("GET", "/api/v1/pods", headers={"Accept-Encoding": "gzip"})
        assert headers["content-encoding"] == "gzip"
        assert len(json.loads(unpacked)["items"]) == 5000
        caller.close()


def test_churn_makes_so_many_events_a_second(tmp_path: Path) -> None:
    with FakeProcess(tmp_path, nodes=100, pods=0) as fake:
        caller = Caller(fake.kubeconfig)
        _, listed = caller.call("GET", "/api/v1/nodes")
        since = listed["metadata"]["resourceVersion"]
        fake.control.churn(2000, 0.5)
        events = caller.events(f"/api/v1/nodes?watch=1&resourceVersion={since}&timeoutSeconds=2")
        seen = sum(event["type"] == "MODIFIED" for event in events)
        assert 900 <= seen <= 1100
        caller.close()
