"""Cordon, eviction and budgets of the fake Kubernetes, step by step as a drain meets them."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from tests.fakes.kubeapi.kubelets import STUBBORN
from tests.fakes.kubeapi.objects.jobs import budget
from tests.fakes.kubeapi.objects.nodes import GPU_TAINT
from tests.fakes.kubeapi.objects.pods import daemon_set, pod, scratch, static_pod

from .kubernetes_cluster import KubernetesCluster

Object = dict[str, Any]

CORDON_TAINT = "node.kubernetes.io/unschedulable"


def evict(cluster: KubernetesCluster, name: str, *, dry: bool = False, **options: Any) -> tuple[int, Any]:
    body: Object = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    if options:
        body["deleteOptions"] = options
    path = cluster.path("pods", name) + "/eviction"
    return cluster.call("POST", f"{path}?dryRun=All" if dry else path, body)


def taints(cluster: KubernetesCluster, node: str) -> list[str]:
    return [taint["key"] for taint in cluster.get("nodes", node)["spec"].get("taints") or []]


def status(cluster: KubernetesCluster, name: str) -> Object:
    return dict(cluster.get("poddisruptionbudgets.policy", name).get("status") or {})


def three_pods(cluster: KubernetesCluster, **options: Any) -> list[str]:
    (node,) = cluster.make_nodes(1)
    names = [f"web-{number}" for number in range(3)]
    for name in names:
        cluster.create(pod(name, node=node, gpus=1, labels={"app": "web"}, **options))
    cluster.running("app=web", 3)
    return names


def test_a_cordon_brings_a_taint_and_an_uncordon_takes_it(kubernetes: KubernetesCluster) -> None:
    (node,) = kubernetes.make_nodes(1, taints=[GPU_TAINT])
    done = kubernetes.patch("nodes", node, {"spec": {"unschedulable": True}})
    assert done["spec"]["unschedulable"] is True
    kubernetes.until(lambda: taints(kubernetes, node) == [GPU_TAINT["key"], CORDON_TAINT], "taint of the cordon")
    kubernetes.patch("nodes", node, {"spec": {"unschedulable": False}})
    kubernetes.until(lambda: taints(kubernetes, node) == [GPU_TAINT["key"]], "end of the taint")
    assert "unschedulable" not in kubernetes.get("nodes", node)["spec"]


def test_a_cordon_of_a_node_seen_earlier_is_a_conflict(kubernetes: KubernetesCluster) -> None:
    (node,) = kubernetes.make_nodes(1)
    seen = kubernetes.get("nodes", node)["metadata"]["resourceVersion"]
    kubernetes.patch("nodes", node, {"metadata": {"annotations": {"somebody": "else"}}})
    change = {"metadata": {"resourceVersion": seen}, "spec": {"unschedulable": True}}
    code, body = kubernetes.call("PATCH", kubernetes.path("nodes", node), change)
    assert (code, body["reason"]) == (409, "Conflict")


def test_who_may_not_cordon_may_not_try_it_dry(kubernetes: KubernetesCluster) -> None:
    (node,) = kubernetes.make_nodes(1)
    path = kubernetes.path("nodes", node)
    code, body = kubernetes.call("PATCH", f"{path}?dryRun=All", {"spec": {"unschedulable": True}}, user="viewer")
    name = kubernetes.username("viewer")
    said = f'User "{name}" cannot patch resource "nodes" in API group "" at the cluster scope'
    assert (code, body["message"]) == (403, f'nodes "{node}" is forbidden: {said}')


def test_a_budget_counts_its_pods(kubernetes: KubernetesCluster) -> None:
    three_pods(kubernetes)
    kubernetes.create(budget("web", match={"app": "web"}, max_unavailable="34%"))
    kubernetes.until(lambda: status(kubernetes, "web").get("expectedPods") == 3, "count of the pods")
    now = status(kubernetes, "web")
    assert (now["disruptionsAllowed"], now["currentHealthy"], now["desiredHealthy"]) == (2, 3, 1)
    assert now["observedGeneration"] == 1
    assert now["conditions"][0]["reason"] == "SufficientPods"


def test_evictions_spend_the_budget_and_are_refused_after_it(kubernetes: KubernetesCluster) -> None:
    first, second, third = three_pods(kubernetes)
    kubernetes.create(budget("web", match={"app": "web"}, min_available=2))
    kubernetes.until(lambda: status(kubernetes, "web").get("disruptionsAllowed") == 1, "one disruption")
    assert evict(kubernetes, second, dry=True)[0] == 201
    assert evict(kubernetes, third, dry=True)[0] == 201
    assert status(kubernetes, "web")["disruptionsAllowed"] == 1
    assert evict(kubernetes, first)[0] == 201
    code, body = evict(kubernetes, second)
    assert (code, body["reason"]) == (429, "TooManyRequests")
    assert body["details"]["causes"][0]["reason"] == "DisruptionBudget"
    assert body["details"]["causes"][0]["message"].startswith("The disruption budget web needs 2 healthy pods and has ")
    kubernetes.until(lambda: len(kubernetes.items("pods")) == 2, "end of the first pod")
    kubernetes.until(lambda: status(kubernetes, "web")["currentHealthy"] == 2, "count without it")
    code, body = evict(kubernetes, second, dryRun=["All"])
    assert code == 429
    assert (
        body["details"]["causes"][0]["message"] == "The disruption budget web needs 2 healthy pods and has 2 currently"
    )


def test_a_pod_that_waits_to_start_is_evicted_past_any_budget(kubernetes: KubernetesCluster) -> None:
    kubernetes.create(pod("late", labels={"app": "late"}, scheduler="nobody"))
    kubernetes.create(budget("late", match={"app": "late"}, min_available=1))
    assert evict(kubernetes, "late")[0] == 201
    assert kubernetes.items("pods") == []


def test_an_eviction_may_be_bound_to_one_pod(kubernetes: KubernetesCluster) -> None:
    first, *_ = three_pods(kubernetes)
    uid = kubernetes.get("pods", first)["metadata"]["uid"]
    assert evict(kubernetes, first, preconditions={"uid": "of-another"})[0] == 409
    assert evict(kubernetes, first, preconditions={"uid": uid})[0] == 201


def test_an_evicted_pod_says_so_until_it_is_gone(kubernetes: KubernetesCluster) -> None:
    first, *_ = three_pods(kubernetes)
    kubernetes.control.exits_after(60)
    assert evict(kubernetes, first, gracePeriodSeconds=7)[0] == 201
    now = kubernetes.get("pods", first)
    assert (now["metadata"]["deletionGracePeriodSeconds"], now["status"]["phase"]) == (7, "Running")
    condition = next(one for one in now["status"]["conditions"] if one["type"] == "DisruptionTarget")
    assert (condition["reason"], condition["message"]) == ("EvictionByEvictionAPI", "Eviction API: evicting")
    assert evict(kubernetes, first)[0] == 201
    assert kubernetes.call("DELETE", kubernetes.path("pods", first) + "?gracePeriodSeconds=0")[0] == 200
    kubernetes.until(lambda: first not in {one["metadata"]["name"] for one in kubernetes.items("pods")}, "its end")


def test_a_pod_that_ignores_sigterm_takes_its_whole_grace(kubernetes: KubernetesCluster) -> None:
    first, *_ = three_pods(kubernetes, annotations={STUBBORN: "true"}, grace_seconds=2)
    kubernetes.control.exits_after(0)
    assert evict(kubernetes, first)[0] == 201
    assert kubernetes.get("pods", first)["metadata"]["deletionTimestamp"]
    kubernetes.until(lambda: len(kubernetes.items("pods")) == 2, "end of the pod", seconds=5)


def test_a_pod_of_a_dead_kubelet_ends_never(kubernetes: KubernetesCluster) -> None:
    first, second, _ = three_pods(kubernetes)
    node = kubernetes.get("pods", first)["spec"]["nodeName"]
    kubernetes.control.kubelet_down(node)
    assert evict(kubernetes, first, gracePeriodSeconds=0)[0] == 201
    assert evict(kubernetes, second, gracePeriodSeconds=1)[0] == 201
    kubernetes.until(lambda: first not in {one["metadata"]["name"] for one in kubernetes.items("pods")}, "forced end")
    kubernetes.control.kubelet_up(node)
    kubernetes.until(lambda: len(kubernetes.items("pods")) == 1, "end of the other")


@pytest.mark.real
def test_kubectl_drains_a_node_of_it(kubernetes: KubernetesCluster) -> None:
    """Another client, with another opinion of what a drain is."""
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl")
    node, _ = kubernetes.make_nodes(2)
    daemons = kubernetes.create(daemon_set("dcgm", kubernetes.namespace))
    kubernetes.create(pod("dcgm-x", node=node, gpus=0, owner=daemons, labels={"app": "all"}))
    kubernetes.create(pod("bare", node=node, gpus=1, volumes=scratch(), labels={"app": "all"}))
    kubernetes.running("app=all", 2)
    if not kubernetes.is_real:
        kubernetes.create(static_pod("proxy", node))
    drain = ("drain", node, "--ignore-daemonsets", "--force", "--grace-period=1", "--timeout=30s")
    refused = kubectl(kubernetes, *drain)
    assert "cannot delete Pods with local storage" in refused.stderr
    tried = kubectl(kubernetes, *drain, "--delete-emptydir-data", "--dry-run=server")
    assert tried.returncode == 0, tried.stderr
    assert "bare" in {one["metadata"]["name"] for one in kubernetes.items("pods")}
    done = kubectl(kubernetes, *drain, "--delete-emptydir-data")
    assert done.returncode == 0, done.stderr
    assert f"node/{node} drained" in done.stdout
    assert [one["metadata"]["name"] for one in kubernetes.items("pods")] == ["dcgm-x"]
    assert CORDON_TAINT in taints(kubernetes, node)


def kubectl(cluster: KubernetesCluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["kubectl", f"--kubeconfig={cluster.kubeconfig}", f"--cache-dir={cluster.home}/kubectl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
