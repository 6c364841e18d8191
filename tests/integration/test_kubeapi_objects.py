"""Objects of the fake Kubernetes: versions, patches, conflicts, selectors, pages, dry runs; true of a real one too."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from kubernetes.client import ApiException, CoreV1Api

from tests.fakes.kubeapi.objects.jobs import job
from tests.fakes.kubeapi.objects.nodes import node
from tests.fakes.kubeapi.objects.pods import pod

from .kubernetes_cluster import KubernetesCluster

Object = dict[str, Any]


def test_what_the_server_owns_is_its_own(kubernetes: KubernetesCluster) -> None:
    (name,) = kubernetes.make_nodes(1)
    made = kubernetes.create(pod("one", node=name))
    forged = {"metadata": {"uid": "forged"}}
    code, body = kubernetes.call("PATCH", kubernetes.path("pods", "one"), forged)
    assert code == 409
    assert "Precondition failed: UID" in body["message"]
    kubernetes.patch("pods", "one", {"metadata": {"labels": {"a": "b"}, "creationTimestamp": "2020-01-01T00:00:00Z"}})
    now = kubernetes.get("pods", "one")
    assert now["metadata"]["uid"] == made["metadata"]["uid"]
    assert now["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]
    assert now["metadata"]["labels"] == {"a": "b"}
    assert int(now["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    assert kubernetes.running("a=b", 1)


def test_a_patch_of_what_is_so_already_writes_nothing(kubernetes: KubernetesCluster) -> None:
    (name,) = kubernetes.make_nodes(1)
    kubernetes.control.hold("taints")
    first = kubernetes.patch("nodes", name, {"metadata": {"annotations": {"why": "xid"}}})
    again = kubernetes.patch("nodes", name, {"metadata": {"annotations": {"why": "xid"}}})
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_status_and_spec_are_each_others_secret(kubernetes: KubernetesCluster) -> None:
    made = kubernetes.create(job("ft", suspend=True))
    kubernetes.patch("jobs.batch", "ft", {"status": {"failed": 7}, "spec": {"backoffLimit": 9}})
    now = kubernetes.get("jobs.batch", "ft")
    assert now["status"].get("failed") != 7
    assert now["spec"]["backoffLimit"] == 9
    assert now["metadata"]["generation"] == made["metadata"]["generation"] + 1
    code, _ = kubernetes.call("PATCH", kubernetes.path("jobs.batch", "ft") + "/status", {"spec": {"backoffLimit": 3}})
    assert code == 200
    assert kubernetes.get("jobs.batch", "ft")["spec"]["backoffLimit"] == 9


def test_the_second_of_a_name_is_refused(kubernetes: KubernetesCluster) -> None:
    kubernetes.create(pod("one"))
    code, body = kubernetes.call("POST", kubernetes.path("pods"), pod("one", kubernetes.namespace))
    assert (code, body["reason"], body["message"]) == (409, "AlreadyExists", 'pods "one" already exists')
    assert body["details"] == {"name": "one", "kind": "pods"}


def test_generated_names_differ(kubernetes: KubernetesCluster) -> None:
    value = pod("one", kubernetes.namespace, scheduler="nobody")
    value["metadata"] = {"generateName": "some-"}
    made = [kubernetes.call("POST", kubernetes.path("pods"), value)[1]["metadata"]["name"] for _ in range(3)]
    assert len(set(made)) == 3
    assert all(name.startswith("some-") and len(name) == len("some-") + 5 for name in made)


def test_the_typed_client_patches_strategically(kubernetes: KubernetesCluster) -> None:
    """A dict goes out as a strategic merge patch: containers are merged by name, not replaced."""
    kubernetes.create(pod("one", containers=("main", "sidecar")))
    core = CoreV1Api(kubernetes.client())
    change = {"spec": {"containers": [{"name": "sidecar", "image": "registry.example/other:v2"}]}}
    core.patch_namespaced_pod("one", kubernetes.namespace, change)
    images = {entry["name"]: entry["image"] for entry in kubernetes.get("pods", "one")["spec"]["containers"]}
    assert images == {"main": "registry.example/train:v1", "sidecar": "registry.example/other:v2"}


def test_taints_are_replaced_as_a_whole(kubernetes: KubernetesCluster) -> None:
    (name,) = kubernetes.make_nodes(1, taints=[{"key": "a", "effect": "NoSchedule"}])
    core = CoreV1Api(kubernetes.client())
    core.patch_node(name, {"spec": {"taints": [{"key": "b", "effect": "NoSchedule"}]}})
    assert [taint["key"] for taint in kubernetes.get("nodes", name)["spec"]["taints"]] == ["b"]


def test_a_json_patch_can_insist(kubernetes: KubernetesCluster) -> None:
    (name,) = kubernetes.make_nodes(1, labels={"rack": "r1"})
    path = kubernetes.path("nodes", name)
    insist = [{"op": "test", "path": "/metadata/labels/rack", "value": "r2"},
              {"op": "replace", "path": "/metadata/labels/rack", "value": "r3"}]  # fmt: skip
    assert kubernetes.call("PATCH", path, insist, content_type="application/json-patch+json")[0] == 422
    insist[0]["value"] = "r1"
    assert kubernetes.call("PATCH", path, insist, content_type="application/json-patch+json")[0] == 200
    assert kubernetes.get("nodes", name)["metadata"]["labels"]["rack"] == "r3"


def test_a_put_of_an_old_version_is_a_conflict(kubernetes: KubernetesCluster) -> None:
    old = kubernetes.create(pod("one"))
    kubernetes.patch("pods", "one", {"metadata": {"labels": {"a": "b"}}})
    code, body = kubernetes.call("PUT", kubernetes.path("pods", "one"), old)
    assert (code, body["reason"]) == (409, "Conflict")


def test_a_deletion_can_be_bound_to_one_object(kubernetes: KubernetesCluster) -> None:
    (name,) = kubernetes.make_nodes(1)
    made = kubernetes.create(pod("one", node=name))
    path = kubernetes.path("pods", "one")
    code, body = kubernetes.call("DELETE", path, {"preconditions": {"uid": "another"}})
    assert (code, body["reason"]) == (409, "Conflict")
    assert "the UID in the precondition (another) does not match the UID in record" in body["message"]
    code, _ = kubernetes.call("DELETE", path, {"preconditions": {"uid": made["metadata"]["uid"]}})
    assert code == 200


def test_dry_runs_change_nothing(kubernetes: KubernetesCluster) -> None:
    (name,) = kubernetes.make_nodes(1)
    kubernetes.create(pod("one", node=name))
    before = kubernetes.get("pods", "one")["metadata"]["uid"]
    dry = "?dryRun=All"
    code, body = kubernetes.call("POST", kubernetes.path("pods") + dry, pod("two", kubernetes.namespace))
    assert (code, body["metadata"]["name"]) == (201, "two")
    code, body = kubernetes.call("DELETE", kubernetes.path("pods", "one") + dry)
    assert code == 200
    code, body = kubernetes.call("PATCH", kubernetes.path("nodes", name) + dry, {"spec": {"unschedulable": True}})
    assert body["spec"]["unschedulable"] is True
    assert [one["metadata"]["name"] for one in kubernetes.items("pods")] == ["one"]
    now = kubernetes.get("pods", "one")
    assert (now["metadata"]["uid"], now["metadata"].get("deletionTimestamp")) == (before, None)
    assert "unschedulable" not in kubernetes.get("nodes", name)["spec"]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=a", ["a1", "a2"]),
        ("app==a,tier=1", ["a1"]),
        ("app!=a", ["b1", "c1"]),
        ("app in (a,b)", ["a1", "a2", "b1"]),
        ("app notin (a)", ["b1", "c1"]),
        ("tier", ["a1", "a2"]),
        ("!tier,app", ["b1"]),
    ],
)
def test_labels_select(kubernetes: KubernetesCluster, selector: str, names: list[str]) -> None:
    labels: dict[str, dict[str, str]] = {
        "a1": {"app": "a", "tier": "1"},
        "a2": {"app": "a", "tier": "2"},
        "b1": {"app": "b"},
        "c1": {},
    }
    for name, shown in labels.items():
        kubernetes.create(pod(name, labels=shown))
    core = CoreV1Api(kubernetes.client())
    found = core.list_namespaced_pod(kubernetes.namespace, label_selector=selector).items
    assert [one.metadata.name for one in found if one.metadata] == names


def test_fields_select_where_the_server_knows_them(kubernetes: KubernetesCluster) -> None:
    first, second = kubernetes.make_nodes(2)
    kubernetes.create(pod("one", node=first))
    kubernetes.create(pod("two", node=second))
    found = kubernetes.items("pods", query=f"fieldSelector=spec.nodeName={second}")
    assert [one["metadata"]["name"] for one in found] == ["two"]
    kubernetes.until(lambda: not kubernetes.items("pods", query="fieldSelector=status.phase=Pending"), "pods that run")
    code, body = kubernetes.call("GET", kubernetes.path("pods") + "?fieldSelector=spec.colour=red")
    assert (code, body["reason"]) == (400, "BadRequest")
    assert "not supported" in body["message"]


def test_pages_are_those_of_the_first_pages_moment(kubernetes: KubernetesCluster) -> None:
    for number in range(5):
        kubernetes.create(pod(f"p{number}"))
    path = kubernetes.path("pods")
    _, first = kubernetes.call("GET", f"{path}?limit=2")
    assert first["metadata"]["remainingItemCount"] == 3
    kubernetes.create(pod("p1b"))
    assert kubernetes.call("DELETE", kubernetes.path("pods", "p3"))[0] == 200
    _, second = kubernetes.call("GET", f"{path}?limit=2&continue={first['metadata']['continue']}")
    _, third = kubernetes.call("GET", f"{path}?limit=2&continue={second['metadata']['continue']}")
    names = [one["metadata"]["name"] for page in (first, second, third) for one in page["items"]]
    assert names == ["p0", "p1", "p2", "p3", "p4"]
    versions = {page["metadata"]["resourceVersion"] for page in (first, second, third)}
    assert len(versions) == 1
    assert "continue" not in third["metadata"]


@pytest.mark.parametrize("token", ["garbage", base64.b64encode(b'{"v":"meta.k8s.io/v1"}').decode().rstrip("=")])
def test_a_garbage_continue_token_is_a_bad_request(kubernetes: KubernetesCluster, token: str) -> None:
    code, body = kubernetes.call("GET", f"{kubernetes.path('pods')}?limit=2&continue={token}")
    assert (code, body["reason"]) == (400, "BadRequest")


def test_what_stands_in_lists_has_no_kind(kubernetes: KubernetesCluster) -> None:
    """Built-in kinds are named once, by the list."""
    kubernetes.create(pod("one"))
    _, body = kubernetes.call("GET", kubernetes.path("pods"))
    assert (body["kind"], body["apiVersion"]) == ("PodList", "v1")
    assert not {"kind", "apiVersion"} & body["items"][0].keys()


def test_a_list_from_the_future_times_out(kubernetes: KubernetesCluster) -> None:
    code, body = kubernetes.call("GET", kubernetes.path("pods") + "?resourceVersion=99999999999")
    assert (code, body["reason"]) == (504, "Timeout")
    assert body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


def test_a_finalizer_holds_what_is_deleted(kubernetes: KubernetesCluster) -> None:
    value = job("ft", suspend=True)
    value["metadata"]["finalizers"] = ["example.com/held"]
    kubernetes.create(value)
    code, body = kubernetes.call("DELETE", kubernetes.path("jobs.batch", "ft"))
    assert code == 200
    assert body["metadata"]["deletionTimestamp"]
    kubernetes.patch("jobs.batch", "ft", {"metadata": {"finalizers": None}})
    assert kubernetes.call("GET", kubernetes.path("jobs.batch", "ft"))[0] == 404


def test_an_object_of_no_namespace_is_refused(kubernetes: KubernetesCluster) -> None:
    code, body = kubernetes.call("POST", "/api/v1/namespaces/none-such/pods", pod("one", "none-such"))
    assert (code, body["message"]) == (404, 'namespaces "none-such" not found')


def test_the_typed_client_reads_what_the_builders_make(kubernetes: KubernetesCluster) -> None:
    kubernetes.create(node("typed-0000", more={"rdma/hca": 4}, healthy=7))
    status = CoreV1Api(kubernetes.client()).read_node("typed-0000").status
    assert status is not None
    assert (status.capacity or {})["nvidia.com/gpu"] == "8"
    assert (status.allocatable or {})["nvidia.com/gpu"] == "7"
    with pytest.raises(ApiException) as refused:
        CoreV1Api(kubernetes.client()).read_node("nope")
    assert refused.value.status == 404
