"""Jobs are put together from pods, owners, and what queues say of them."""

from __future__ import annotations

from typing import Any

import pytest

from crashcart.backends.kubernetes.jobs import COMPLETED_SECONDS
from crashcart.backends.pods import Event
from crashcart.ops.actions.checkpoint_profile import profile_of
from tests.fakes.kubeapi.objects.jobs import job, job_set
from tests.fakes.kubeapi.objects.nodes import node
from tests.fakes.kubeapi.objects.pods import MIRROR, pod
from tests.fakes.kubeapi.objects.queues import pod_group, waiting, workload
from tests.unit.kubernetes_scene import NOW, Scene, site, stamp

Object = dict[str, Any]
UNSCHEDULABLE = (
    "0/1000 nodes are available: 3 Insufficient nvidia.com/gpu, 1 node(s) had untolerated taint {nvidia.com/gpu: }. "
    "preemption: 0/1000 nodes are available: 1000 Preemption is not helpful for scheduling."
)


def made_by(kind: str, name: str, api: str = "batch/v1") -> Object:
    return {"kind": kind, "apiVersion": api, "metadata": {"name": name, "uid": f"uid-of-{name}"}}


def running(name: str, owner: Object | None = None, *, on: str = "gpu-0000", gpus: int = 8, **options: Any) -> Object:
    value = pod(name, node=on, gpus=gpus, owner=owner, **options)
    return {**value, "status": {"phase": "Running", "startTime": stamp(NOW - 100)}}


def waits(name: str, owner: Object | None = None, message: str = UNSCHEDULABLE, **options: Any) -> Object:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {**pod(name, owner=owner, **options), "status": {"phase": "Pending", "conditions": [condition]}}


def job_with(name: str = "llm", *, status: Object | None = None, **options: Any) -> Object:
    value = job(name, **options)
    value["metadata"] |= {"uid": f"uid-of-{name}", "creationTimestamp": stamp(NOW - 500)}
    return {**value, "status": status or {}}


def ended(kind: str, when: float, reason: str = "", message: str = "") -> Object:
    return {"conditions": [{"type": kind, "status": "True", "reason": reason, "message": message,
                            "lastTransitionTime": stamp(when)}]}  # fmt: skip


def test_pods_of_a_job_are_one_job_with_its_nodes_and_gpus() -> None:
    owner = made_by("Job", "llm")
    pods = [running(f"llm-{number}", owner, on=f"gpu-000{number}") for number in range(3)]
    found = Scene(job_with(pods=3), *pods).jobs["train/llm"]
    assert (found.state, found.gpus, found.node_list, found.node_count) == ("RUNNING", 24, "gpu-[0000-0002]", 3)
    assert (found.user, found.account, found.partition, found.workload) == ("train", "train", "train", "Job")
    assert (found.raw_id, found.submit_time, found.requeueable) == ("uid-of-llm", NOW - 500, True)
    assert found.start_time == NOW - 100


def test_a_job_with_pods_that_wait_beside_those_that_run_says_so() -> None:
    owner = made_by("Job", "llm")
    found = Scene(job_with(pods=3), running("a", owner), waits("b", owner), waits("c", owner)).jobs["train/llm"]
    assert found.state == "RUNNING"
    assert found.reason == "2 of 3 pods wait: 3 Insufficient nvidia.com/gpu, 1 untolerated taint nvidia.com/gpu"


def test_reasons_of_pods_are_grouped() -> None:
    owner = made_by("Job", "llm")
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "no"}}
    status = {"phase": "Pending", "containerStatuses": [{"name": "main", "restartCount": 0, "state": state}]}
    pulls = {**pod("p", owner=owner), "status": status}
    found = Scene(job_with(pods=3), waits("a", owner), waits("b", owner), pulls).jobs["train/llm"]
    assert found.state == "PENDING"
    assert found.reason == (
        "3 Insufficient nvidia.com/gpu, 1 untolerated taint nvidia.com/gpu (2 pods); ImagePullBackOff (1 pod)"
    )


@pytest.mark.parametrize(
    ("kind", "api", "expected"),
    [
        ("PyTorchJob", "kubeflow.org/v1", "train/x.pytorchjob"),
        ("RayCluster", "ray.io/v1", "train/x.raycluster"),
        ("StatefulSet", "apps/v1", "train/x.statefulset"),
        ("DaemonSet", "apps/v1", "train/x.daemonset"),
        ("Job", "batch.volcano.sh/v1alpha1", "train/x.volcanojob"),
    ],
)
def test_any_owner_of_pods_with_gpus_is_a_job(kind: str, api: str, expected: str) -> None:
    found = Scene(running("x-0", made_by(kind, "x", api))).jobs[expected]
    assert (found.gpus, found.raw_id, found.requeueable) == (8, "uid-of-x", None)


def test_pods_of_a_deployment_belong_to_it_and_not_to_its_replica_set() -> None:
    labels = {"pod-template-hash": "5d9f7c"}
    scene = Scene(running("serve-5d9f7c-abc", made_by("ReplicaSet", "serve-5d9f7c", "apps/v1"), labels=labels))
    assert set(scene.jobs) == {"train/serve.deployment"}
    assert scene.pods["serve-5d9f7c-abc"].owner == "ReplicaSet/serve-5d9f7c"


def test_owners_above_a_job_are_followed_whatever_comes_first() -> None:
    top = made_by("MPIJob", "mpi", "kubeflow.org/v2beta1")
    launcher = job_with("mpi-launcher", gpus=0)
    launcher["metadata"]["ownerReferences"] = [{**_reference(top)}]
    pods = [running("mpi-launcher-0", made_by("Job", "mpi-launcher"), gpus=0), running("mpi-worker-0", top)]
    late = Scene(*pods)
    assert set(late.jobs) == {"train/mpi.mpijob"}
    late.change(launcher)
    assert set(late.jobs) == {"train/mpi.mpijob"}
    assert {one.job for one in late.pods.values()} == {"train/mpi.mpijob"}
    assert late.jobs == Scene(launcher, *pods).jobs


def test_owners_in_a_circle_hold_nobody_up() -> None:
    first, second = job_with("a"), job_with("b")
    first["metadata"]["ownerReferences"] = [_reference(made_by("Job", "b"))]
    second["metadata"]["ownerReferences"] = [_reference(made_by("Job", "a"))]
    Scene(first, second, running("a-0", made_by("Job", "a")))


def test_jobs_without_gpus_are_no_jobs_here_but_a_drain_would_move_their_pods() -> None:
    scene = Scene(job_with(gpus=0), running("web", made_by("Job", "llm"), gpus=0))
    assert scene.jobs == {}
    assert scene.pods["web"].job is None


def test_what_a_drain_leaves_is_not_listed_unless_it_has_gpus() -> None:
    daemon = made_by("DaemonSet", "dcgm-exporter", "apps/v1")
    scene = Scene(
        node("gpu-0000"),
        running("dcgm-exporter-x", daemon, gpus=0),
        running("kube-proxy-gpu-0000", made_by("Node", "gpu-0000", "v1"), gpus=0, annotations=MIRROR),
        running("burn-x", made_by("DaemonSet", "burn", "apps/v1"), gpus=1),
    )
    assert set(scene.pods) == {"burn-x"}
    assert scene.pods["burn-x"].is_daemon
    assert scene.nodes["gpu-0000"].state == "MIXED"


def test_a_bare_pod_is_its_own_job_and_cannot_be_requeued() -> None:
    found = Scene(running("notebook")).jobs["train/notebook.pod"]
    assert (found.workload, found.requeueable) == ("Pod", False)


def test_gpu_indexes_are_known_where_every_pod_says_them() -> None:
    owner, said = made_by("Job", "llm"), {"crashcart.io/gpu-indexes": "0,1"}
    other = {"volcano.sh/gpu-index": "5"}
    one = running("a", owner, gpus=2, annotations=said)
    both = Scene(one, running("b", owner, on="gpu-0001", gpus=1, annotations=other)).jobs["train/llm"]
    assert both.gpu_map == (("gpu-0000", (0, 1)), ("gpu-0001", (5,)))
    half = Scene(one, running("b", owner, gpus=1))
    assert half.jobs["train/llm"].gpu_map is None
    assert {pod.name: pod.gpus_known_by for pod in half.pods.values()} == {"a": "device annotation", "b": "count only"}


def test_init_containers_and_sidecars_count_as_the_scheduler_counts_them() -> None:
    value = running("x", gpus=2)
    gpu = {"resources": {"limits": {"nvidia.com/gpu": "4"}}}
    value["spec"]["initContainers"] = [{"name": "warm", **gpu}]
    assert Scene(value).pods["x"].gpus == 4
    value["spec"]["initContainers"] = [{"name": "sidecar", "restartPolicy": "Always", **gpu}]
    assert Scene(value).pods["x"].gpus == 6


def test_restarts_are_failed_pods_and_restarted_containers() -> None:
    value = running("a", made_by("Job", "llm"))
    value["status"]["containerStatuses"] = [{"name": "main", "restartCount": 2}]
    found = Scene(job_with(status={"failed": 1, "active": 1}), value).jobs["train/llm"]
    assert (found.restarts, found.reason) == (3, "2 container restarts")


def test_ended_jobs_say_how_and_go_after_a_while() -> None:
    done = job_with("done", status={"completionTime": stamp(NOW - 60), **ended("Complete", NOW - 60)})
    words = "Job has reached the specified backoff limit"
    failed = job_with("failed", status=ended("Failed", NOW - 60, "BackoffLimitExceeded", words))
    scene = Scene(done, failed)
    assert (scene.jobs["train/done"].state, scene.jobs["train/done"].end_time) == ("COMPLETED", NOW - 60)
    assert scene.jobs["train/failed"].state == "FAILED"
    assert scene.jobs["train/failed"].reason == f"BackoffLimitExceeded: {words}"
    scene.now += COMPLETED_SECONDS
    scene.change()
    assert set(scene.jobs) == {"train/failed"}


def test_a_job_that_is_being_stopped_completes_and_then_is_suspended() -> None:
    owner, stopped = made_by("Job", "llm"), job_with(suspend=True)
    going = running("a", owner)
    going["metadata"]["deletionTimestamp"] = stamp(NOW)
    scene = Scene(stopped, going)
    assert (scene.jobs["train/llm"].state, scene.pods["a"].phase) == ("COMPLETING", "TERMINATING")
    scene.change(gone=[going])
    found = scene.jobs["train/llm"]
    assert (found.state, found.reason, found.node_list) == ("SUSPENDED", "suspended", "")


def test_a_job_set_counts_all_its_parts() -> None:
    value = job_set("pre", replicas=2, pods=4, gpus=8)
    value["metadata"]["uid"] = "u"
    found = Scene(value).jobs["train/pre.jobset"]
    assert (found.state, found.gpus, found.requeueable) == ("PENDING", 64, True)


def test_kueues_words_are_the_reason_while_there_are_no_pods() -> None:
    owner = made_by("Job", "llm")
    why = waiting("couldn't assign flavors to pod set main: insufficient quota for nvidia.com/gpu")
    gate = workload("job-llm-1", queue="team-a", owner=owner, conditions=why, priority=9)
    found = Scene(job_with(suspend=True, queue="team-a"), gate).jobs["train/llm"]
    assert (found.state, found.managed_by, found.partition, found.priority) == ("PENDING", "kueue", "train/team-a", 9)
    assert (
        found.reason == "not admitted: couldn't assign flavors to pod set main: insufficient quota for nvidia.com/gpu"
    )
    admitted = workload("job-llm-1", queue="team-a", owner=owner, admitted_by="research")
    assert Scene(job_with(queue="team-a"), admitted, waits("a", owner)).jobs["train/llm"].reason == (
        "3 Insufficient nvidia.com/gpu, 1 untolerated taint nvidia.com/gpu"
    )


def test_volcanos_words_are_told_for_a_gang_that_waits() -> None:
    owner = made_by("Job", "gang", "batch.volcano.sh/v1alpha1")
    why = "2/4 tasks in gang unschedulable: pod group is not ready, 2 Pending, 4 minAvailable"
    group = pod_group("gang-1", "train", "research", members=4, why=why)
    group["metadata"]["ownerReferences"] = [_reference(owner)]
    found = Scene(group, {**pod("gang-0", owner=owner), "status": {"phase": "Pending"}}).jobs["train/gang.volcanojob"]
    assert (found.managed_by, found.partition, found.reason) == ("volcano", "volcano/research", why)


def test_who_a_job_belongs_to_is_read_from_labels_that_the_site_names() -> None:
    value = job_with(labels={"crashcart.io/user": "ada"})
    assert Scene(value).jobs["train/llm"].user == "ada"
    team = job_with(labels={"team": "vision", "crashcart.io/user": "ada"})
    assert Scene(team, where=site(user_labels=("team",))).jobs["train/llm"].user == "vision"
    assert Scene(job_with(labels={"user": "a b;c"})).jobs["train/llm"].user == "train"


def test_a_checkpoint_annotation_reads_like_a_jobs_comment() -> None:
    notes = {"crashcart.io/checkpoint": "signal=USR2,target=steps,dir=/ckpt/llm,layout=megatron"}
    found = Scene(job_with(annotations=notes)).jobs["train/llm"]
    profile = profile_of(found, (), {})
    assert (profile.signal, profile.target, profile.directory) == ("USR2", "steps", "/ckpt/llm")
    assert profile.origin == "the job's comment"


def test_failed_pods_say_why() -> None:
    value = running("a", made_by("Job", "llm"))
    killed = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    value["status"] |= {"phase": "Failed", "containerStatuses": [{"name": "main", "restartCount": 0, "state": killed}]}
    assert Scene(value).pods["a"].reason == "OOMKilled (exit 137)"
    value["status"] = {"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": "Allocate failed: no GPU"}
    scene = Scene(value)
    assert (scene.pods["a"].reason, scene.pods["a"].message) == ("UnexpectedAdmissionError", "Allocate failed: no GPU")


def test_an_evicted_pod_says_who_moves_it() -> None:
    value = running("a", made_by("Job", "llm"))
    value["metadata"]["deletionTimestamp"] = stamp(NOW - 1)
    value["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                                      "message": "Eviction API: evicting"}]  # fmt: skip
    found = Scene(value).pods["a"]
    assert (found.phase, found.reason, found.deleted) == ("TERMINATING", "EvictionByEvictionAPI", NOW - 1)


def warning(number: int, about: str, kind: str = "Pod", when: float = NOW - 60) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about}.{number}", "namespace": "train"},
        "involvedObject": {"kind": kind, "namespace": "train", "name": about},
        "reason": "Failed\x1b[31m",
        "message": "first\nsecond",
        "type": "Warning",
        "lastTimestamp": stamp(when),
        "count": 3,
    }


def test_warnings_about_pods_without_gpus_are_left_out_and_those_of_the_last_hour_kept() -> None:
    pods = (running("gpu"), running("web", gpus=0))
    old = warning(4, "gpu", when=NOW - 4000)
    told = [warning(1, "gpu"), warning(2, "web"), warning(3, "gpu-0000", kind="Node"), old]
    scene = Scene(node("gpu-0000"), *pods, *told)
    found = {one.about: one for one in scene.picture.entities("event") if isinstance(one, Event)}
    assert set(found) == {"Pod/train/gpu", "Node/gpu-0000"}
    assert found["Pod/train/gpu"].reason == "Failed␛[31m"
    assert found["Pod/train/gpu"].message == "first second"
    assert (found["Pod/train/gpu"].count, found["Pod/train/gpu"].last_seen) == (3, NOW - 60)
    scene.now += 3600
    scene.change()
    assert scene.picture.entities("event") == ()


def test_of_a_storm_of_warnings_the_latest_are_kept() -> None:
    scene = Scene(*[warning(number, "x", when=NOW - 3000 + number) for number in range(1_200)])
    found = [one for one in scene.picture.entities("event") if isinstance(one, Event)]
    assert len(found) == 1_000
    assert min(one.last_seen for one in found) == NOW - 3000 + 200


def _reference(owner: Object) -> Object:
    return {"kind": owner["kind"], "apiVersion": owner["apiVersion"], "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"], "controller": True}  # fmt: skip


def test_a_pod_tells_the_labels_that_budgets_select_it_by() -> None:
    value = running("llm-0", made_by("Job", "llm"))
    value["metadata"]["labels"] = {"team": "nlp\x1b[31m", "app": "llm"}
    (found,) = Scene(value).pods.values()
    assert found.labels == ("app=llm", "team=nlp␛[31m")
