"""Jobs, the scheduler and Kueue of the fake Kubernetes: requeue, suspend and resume, and why a pod waits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.kubeapi.objects.jobs import job, job_set
from tests.fakes.kubeapi.objects.pods import pod
from tests.fakes.kubeapi.objects.queues import (
    cluster_queue,
    local_queue,
    pod_group,
    volcano_queue,
    waiting,
    workload,
)

from .kubernetes_cluster import KubernetesCluster

Object = dict[str, Any]

KUEUE = "/apis/kueue.x-k8s.io"


def status(cluster: KubernetesCluster, name: str = "ft") -> Object:
    return dict(cluster.get("jobs.batch", name).get("status") or {})


def condition(thing: Object, kind: str) -> Object:
    return next((one for one in thing.get("status", {}).get("conditions") or [] if one["type"] == kind), {})


def ours(cluster: KubernetesCluster, **options: Any) -> Object:
    """A job whose pods can only come to our nodes."""
    return job("ft", cluster.namespace, node_selector=cluster.label, **options)


def two_nodes(cluster: KubernetesCluster) -> tuple[str, ...]:
    return cluster.make_nodes(2, labels=cluster.label)


def test_a_job_makes_its_pods_and_owns_them(kubernetes: KubernetesCluster) -> None:
    two_nodes(kubernetes)
    made = kubernetes.create(ours(kubernetes, pods=2))
    pods = kubernetes.running("app=ft", 2)
    owner = pods[0]["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Job", "ft", made["metadata"]["uid"])
    assert pods[0]["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "ft"
    kubernetes.until(lambda: status(kubernetes).get("ready") == 2, "two ready pods")


def test_a_pod_that_is_deleted_is_replaced_and_counts_as_failed(kubernetes: KubernetesCluster) -> None:
    two_nodes(kubernetes)
    kubernetes.create(ours(kubernetes, pods=1))
    (first,) = kubernetes.running("app=ft", 1)
    assert kubernetes.call("DELETE", kubernetes.path("pods", first["metadata"]["name"]))[0] == 200
    kubernetes.until(lambda: status(kubernetes).get("failed") == 1, "a failure")
    (second,) = kubernetes.running("app=ft", 1)
    assert second["metadata"]["uid"] != first["metadata"]["uid"]


def test_the_replacement_waits_until_the_old_pod_is_gone(kubernetes: KubernetesCluster) -> None:
    two_nodes(kubernetes)
    kubernetes.create(ours(kubernetes, pods=1))
    (first,) = kubernetes.running("app=ft", 1)
    kubernetes.control.hold("kubelets")
    assert kubernetes.call("DELETE", kubernetes.path("pods", first["metadata"]["name"]))[0] == 200
    kubernetes.until(lambda: status(kubernetes).get("terminating") == 1, "a pod that ends")
    assert len(kubernetes.items("pods")) == 1
    kubernetes.control.release("kubelets")
    kubernetes.running("app=ft", 1)


def test_suspending_takes_the_pods_and_costs_nothing(kubernetes: KubernetesCluster) -> None:
    two_nodes(kubernetes)
    kubernetes.create(ours(kubernetes, pods=2))
    kubernetes.running("app=ft", 2)
    kubernetes.patch("jobs.batch", "ft", {"spec": {"suspend": True}})
    kubernetes.until(lambda: not kubernetes.items("pods"), "end of the pods")
    kubernetes.until(lambda: condition(kubernetes.get("jobs.batch", "ft"), "Suspended"), "condition")
    said = condition(kubernetes.get("jobs.batch", "ft"), "Suspended")
    assert (said["status"], said["reason"], said["message"]) == ("True", "JobSuspended", "Job suspended")
    assert "startTime" not in status(kubernetes)
    kubernetes.patch("jobs.batch", "ft", {"spec": {"suspend": False}})
    kubernetes.running("app=ft", 2)
    said = condition(kubernetes.get("jobs.batch", "ft"), "Suspended")
    assert (said["status"], said["reason"], said["message"]) == ("False", "JobResumed", "Job resumed")
    assert not status(kubernetes).get("failed")


def test_a_job_ends_with_its_pods(kubernetes: KubernetesCluster) -> None:
    two_nodes(kubernetes)
    kubernetes.create(ours(kubernetes, pods=1))
    (only,) = kubernetes.running("app=ft", 1)
    kubernetes.control.end_pod("train", only["metadata"]["name"])
    kubernetes.until(lambda: condition(kubernetes.get("jobs.batch", "ft"), "Complete"), "completion")
    assert status(kubernetes)["succeeded"] == 1
    assert len(kubernetes.items("pods")) == 1


def test_a_job_that_fails_too_often_is_given_up(kubernetes: KubernetesCluster) -> None:
    two_nodes(kubernetes)
    kubernetes.create(ours(kubernetes, pods=1, backoff_limit=0))
    (only,) = kubernetes.running("app=ft", 1)
    kubernetes.control.end_pod("train", only["metadata"]["name"], "Failed", 1)
    kubernetes.until(lambda: condition(kubernetes.get("jobs.batch", "ft"), "Failed"), "failure of the job")
    assert condition(kubernetes.get("jobs.batch", "ft"), "Failed")["reason"] == "BackoffLimitExceeded"


def test_pods_go_with_their_job(kubernetes: KubernetesCluster) -> None:
    two_nodes(kubernetes)
    kubernetes.create(ours(kubernetes, pods=2))
    kubernetes.running("app=ft", 2)
    assert kubernetes.call("DELETE", kubernetes.path("jobs.batch", "ft") + "?propagationPolicy=Background")[0] == 200
    kubernetes.until(lambda: not kubernetes.items("pods"), "end of the pods")


def test_immutable_fields_are_named(kubernetes: KubernetesCluster) -> None:
    kubernetes.create(ours(kubernetes, pods=1))
    code, body = kubernetes.call("PATCH", kubernetes.path("jobs.batch", "ft"), {"spec": {"completions": 3}})
    assert (code, body["reason"]) == (422, "Invalid")
    assert body["message"] == 'Job.batch "ft" is invalid: spec.completions: Invalid value: 3: field is immutable'
    assert body["details"]["causes"][0]["field"] == "spec.completions"


def test_a_pod_says_why_it_waits_and_goes_when_it_can(kubernetes: KubernetesCluster) -> None:
    first, second = two_nodes(kubernetes)
    kubernetes.patch("nodes", second, {"spec": {"unschedulable": True}})
    for name in ("one", "two"):
        kubernetes.create(pod(name, gpus=5, labels={"app": "big"}))
    kubernetes.running("app=big", 1)
    kubernetes.until(lambda: "Insufficient" in reason(kubernetes), "a pod that cannot be placed")
    said = reason(kubernetes)
    assert said.startswith("0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) were unschedulable.")
    events = kubernetes.items("events", query="fieldSelector=reason=FailedScheduling,type=Warning")
    assert said in {event["message"] for event in events}
    assert events[0].get("count") is None
    kubernetes.patch("nodes", second, {"spec": {"unschedulable": None}})
    placed = {one["spec"]["nodeName"] for one in kubernetes.running("app=big", 2)}
    assert placed == {first, second}


def reason(cluster: KubernetesCluster) -> str:
    """Of the pod that waits."""
    waiting_pods = [one for one in cluster.items("pods") if one["status"].get("phase") == "Pending"]
    return "".join(condition(one, "PodScheduled").get("message", "") for one in waiting_pods)


def test_an_absent_crd_is_no_page_at_all(kubernetes: KubernetesCluster) -> None:
    kubernetes.control.uninstall("kueue")
    assert kubernetes.call("GET", KUEUE) == (404, "404 page not found\n")
    assert kubernetes.call("GET", f"{KUEUE}/v1beta2/workloads", user="oncall") == (404, "404 page not found\n")
    code, body = kubernetes.call("GET", f"{KUEUE}/v1beta2/workloads", user="nobody")
    assert (code, body["reason"]) == (403, "Forbidden")


@pytest.mark.parametrize("versions", [["v1beta2", "v1beta1"], ["v1beta1", "v1beta2"], ["v1beta1"]])
def test_kueue_is_served_in_its_versions(kubernetes: KubernetesCluster, versions: list[str]) -> None:
    kubernetes.control.install("kueue")
    kubernetes.control.serve("kueue", versions)
    kubernetes.control.load([cluster_queue("gpus", quota=64, used=16, cohort="all")])
    _, group = kubernetes.call("GET", KUEUE)
    assert group["preferredVersion"]["version"] == versions[0]
    assert [one["version"] for one in group["versions"]] == versions
    for version, name in (("v1beta2", "cohortName"), ("v1beta1", "cohort")):
        code, body = kubernetes.call("GET", f"{KUEUE}/{version}/clusterqueues")
        assert code == (200 if version in versions else 404)
        if version in versions:
            (queue,) = body["items"]
            assert (queue["apiVersion"], queue["spec"][name]) == (f"kueue.x-k8s.io/{version}", "all")


def test_an_inactive_workload_suspends_its_job(kubernetes: KubernetesCluster) -> None:
    kubernetes.control.install("kueue")
    two_nodes(kubernetes)
    owner = kubernetes.create(ours(kubernetes, pods=1, queue="team"))
    kubernetes.control.load(
        [
            cluster_queue("gpus", quota=16, used=8),
            local_queue("team", "train", "gpus", admitted=1),
            workload("job-ft", queue="team", owner=owner, admitted_by="gpus"),
            workload("job-later", queue="team", conditions=waiting("couldn't assign flavors to pod set main")),
        ]
    )
    kubernetes.running("app=ft", 1)
    kubernetes.patch("workloads.kueue.x-k8s.io", "job-ft", {"spec": {"active": False}})
    kubernetes.until(lambda: kubernetes.get("jobs.batch", "ft")["spec"]["suspend"], "suspension")
    said = condition(kubernetes.get("workloads.kueue.x-k8s.io", "job-ft"), "Evicted")
    assert (said["status"], said["reason"], said["message"]) == ("True", "Deactivated", "The workload is deactivated")
    kubernetes.patch("workloads.kueue.x-k8s.io", "job-ft", {"spec": {"active": True}})
    kubernetes.running("app=ft", 1)
    assert condition(kubernetes.get("workloads.kueue.x-k8s.io", "job-ft"), "Admitted")["status"] == "True"


def test_a_job_set_is_suspended_with_all_its_jobs(kubernetes: KubernetesCluster) -> None:
    kubernetes.control.install("jobset")
    two_nodes(kubernetes)
    kubernetes.create(job_set("big", replicas=2, pods=1, gpus=1))
    running = kubernetes.running("jobset.sigs.k8s.io/jobset-name=big", 2)
    assert {one["metadata"]["labels"]["job-name"] for one in running} == {"big-workers-0", "big-workers-1"}
    kubernetes.patch("jobsets.jobset.x-k8s.io", "big", {"spec": {"suspend": True}})
    kubernetes.until(lambda: not kubernetes.items("pods"), "end of the pods")
    said = condition(kubernetes.get("jobsets.jobset.x-k8s.io", "big"), "Suspended")
    assert (said["status"], said["reason"], said["message"]) == ("True", "SuspendedJobs", "jobset is suspended")
    kubernetes.patch("jobsets.jobset.x-k8s.io", "big", {"spec": {"suspend": False}})
    kubernetes.running("jobset.sigs.k8s.io/jobset-name=big", 2)
    assert kubernetes.call("DELETE", kubernetes.path("jobsets.jobset.x-k8s.io", "big"))[0] == 200
    kubernetes.until(lambda: not kubernetes.items("jobs.batch") and not kubernetes.items("pods"), "end of all of it")


def test_custom_kinds_come_and_go(kubernetes: KubernetesCluster) -> None:
    for name in ("jobset", "volcano"):
        kubernetes.control.install(name)
    kubernetes.create(job_set("big"))
    kubernetes.control.load([volcano_queue("default", capability=64, allocated=8)])
    kubernetes.control.load([pod_group("gang", "train", "default", members=4, why="1/0 tasks in gang unschedulable")])
    (one,) = kubernetes.items("jobsets.jobset.x-k8s.io")
    assert (one["kind"], one["apiVersion"]) == ("JobSet", "jobset.x-k8s.io/v1alpha2"), "custom kinds are named in lists"
    (queue,) = kubernetes.items("queues.scheduling.volcano.sh", namespace="")
    assert queue["status"]["allocated"] == {"nvidia.com/gpu": "8"}
    kubernetes.control.uninstall("volcano")
    assert kubernetes.call("GET", kubernetes.path("podgroups.scheduling.volcano.sh"))[0] == 404
