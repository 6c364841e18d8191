"""The Kubernetes half of the simulated cluster: what it shows, what its planes disagree about, what commands do."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashcart.backends.contract import Evictor, JobControl, NodeMaintainer, Observer
from crashcart.backends.demo.feed import DemoFeed
from crashcart.backends.demo.kube_powers import DemoKubePowers
from crashcart.backends.demo.powers import DemoPowers
from crashcart.backends.demo.protocol import KubeSeen, ObserveKube, Poll
from crashcart.backends.errors import BadIdentifier
from crashcart.backends.model import Job, Node
from crashcart.backends.pods import Event, Pod
from crashcart.ops.planes import disagreements, merged
from tests.demo_world import HandCluster, demo_context


def kube(cluster: HandCluster) -> KubeSeen:
    seen = cluster.ask(ObserveKube(None, None))
    assert isinstance(seen, KubeSeen)
    return seen


def job(cluster: HandCluster, id: str) -> Job:
    return next(job for job in kube(cluster).jobs if job.id == id)


def pods_of(cluster: HandCluster, id: str) -> list[Pod]:
    polled = cluster.poll().kube
    return [one for one in polled if isinstance(one, Pod) and one.job == id]


def both(cluster: HandCluster) -> list[Node]:
    own = {node.name: node for node in cluster.seen().nodes}
    return [merged([own[node.name], node]) for node in kube(cluster).nodes]


def test_a_third_of_the_nodes_are_known_to_both_planes() -> None:
    cluster = HandCluster()
    assert len(both(cluster)) == 22
    assert all(len(node.planes) == 2 for node in both(cluster))
    assert {entity.kind for entity in cluster.poll().kube} == {"node", "job", "queue", "pod", "budget", "event"}


def test_a_small_cluster_has_no_kubernetes_half() -> None:
    cluster = HandCluster(16)
    assert kube(cluster).nodes == ()
    assert cluster.poll().kube == ()
    assert DemoFeed(demo_context(Path("/nonexistent"), nodes=16)).voices == ()


def test_the_half_can_be_left_out() -> None:
    context = demo_context(Path("/nonexistent"), nodes=64, kubernetes=False)
    assert DemoFeed(context).voices == ()
    assert DemoPowers(context).others == ()


def test_the_incident_has_a_cordon_that_slurm_ignores_and_a_drain_that_kubernetes_ignores() -> None:
    told = [text for node in both(HandCluster()) for text in disagreements(node)]
    assert any("cordoned in kubernetes, demo may still place work on it" in text for text in told)
    assert any(
        "drained in demo, kubernetes may still place work" in text and "GPUs are in use" in text for text in told
    )


def test_without_an_incident_the_planes_agree() -> None:
    cluster = HandCluster(faults="none")
    assert [text for node in both(cluster) for text in disagreements(node)] == []


def test_both_planes_never_begin_with_the_same_gpu() -> None:
    cluster = HandCluster()
    own = {node.name: set(node.gpus_used_indexes or ()) for node in cluster.seen().nodes}
    pods = [pod for pod in kube(cluster).pods if pod.node is not None]
    assert pods
    for pod in pods:
        assert len(pod.gpu_indexes or ()) == pod.gpus
        assert not own[pod.node or ""] & set(pod.gpu_indexes or ())


def test_a_blocked_budget_keeps_its_pods_and_says_its_numbers() -> None:
    cluster = HandCluster()
    budget = next(budget for budget in kube(cluster).budgets if budget.name == "rerank")
    assert (budget.allowed, budget.healthy, budget.desired) == (0, 2, 2)
    pod = next(pod for pod in kube(cluster).pods if pod.job == "serving/rerank.deployment")
    ran = cluster.run(f"kubectl drain {pod.node} --force")
    assert ran.exit_status == 1
    assert "The disruption budget rerank needs 2 healthy pods and has 2 currently" in ran.stderr
    assert len(pods_of(cluster, "serving/rerank.deployment")) == 2


def test_a_drain_moves_what_may_go_and_it_starts_elsewhere() -> None:
    cluster = HandCluster()
    before = {pod.name: pod.node for pod in pods_of(cluster, "research/llama-sft")}
    name, node = next(iter(before.items()))
    assert cluster.run(f"kubectl cordon {node} xid 79").exit_status == 0
    ran = cluster.run(f"kubectl drain {node} --force")
    assert f"pod/{name} evicted" in ran.stdout
    assert name not in {pod.name for pod in pods_of(cluster, "research/llama-sft")}
    cluster.wait(10)
    after = pods_of(cluster, "research/llama-sft")
    assert len(after) == len(before)
    assert all(pod.node != node for pod in after)
    assert job(cluster, "research/llama-sft").restarts == 1


def test_a_cordon_has_its_author_and_reason_until_it_is_lifted() -> None:
    cluster = HandCluster()
    name = kube(cluster).nodes[0].name
    cluster.run(f"kubectl cordon {name} INC-7 fan")
    (node,) = cluster.ask(ObserveKube((name,), ())).nodes
    assert (node.flags, node.reason, node.reason_by) == (("CORDON",), "INC-7 fan", "alice")
    cluster.run(f"kubectl uncordon {name}")
    (node,) = cluster.ask(ObserveKube((name,), ())).nodes
    assert (node.flags, node.reason) == ((), None)


def test_a_job_is_suspended_and_comes_back() -> None:
    cluster = HandCluster()
    suspend = """kubectl -n research patch job llama-sft -p '{"spec":{"suspend":true}}'"""
    assert cluster.run(suspend).exit_status == 0
    assert job(cluster, "research/llama-sft").state == "SUSPENDED"
    assert pods_of(cluster, "research/llama-sft") == []
    cluster.run(suspend.replace("true", "false"))
    cluster.wait(30)
    assert job(cluster, "research/llama-sft").state == "RUNNING"


def test_a_job_that_fits_nowhere_says_why_and_an_event_does() -> None:
    cluster = HandCluster()
    waits = job(cluster, "research/eval-sweep.pytorchjob")
    assert (waits.state, waits.reason) == ("PENDING", "22 Insufficient nvidia.com/gpu, 1 untolerated taint")
    reasons = {event.reason for event in cluster.poll().kube if isinstance(event, Event)}
    assert reasons == {"GpuXidError", "FailedScheduling"}


def test_a_bare_pod_that_is_evicted_is_gone() -> None:
    cluster = HandCluster()
    (pod,) = pods_of(cluster, "dev/notebook.pod")
    cluster.run(f"kubectl drain {pod.node} --force")
    cluster.wait(60)
    assert "dev/notebook.pod" not in {job.id for job in kube(cluster).jobs}


def test_changes_come_alone_after_the_first_poll() -> None:
    cluster = HandCluster()
    first = cluster.poll()
    name = next(node.name for node in kube(cluster).nodes if not node.gpus_used)
    cluster.run(f"kubectl cordon {name} why")
    later = cluster.ask(Poll(first.epoch, first.revision, first.kube_revision))
    assert [entity.key for entity in later.kube] == [f"/{name}"]
    assert not later.whole


@pytest.mark.parametrize("command", ["kubectl cordon nope x", "kubectl drain nope", "kubectl get pods",
                                     "kubectl -n x delete job nope", "kubectl -n x patch job nope -p {}"])  # fmt: skip
def test_what_is_not_there_or_not_known_is_refused(command: str) -> None:
    ran = HandCluster().run(command)
    assert ran.exit_status == 1
    assert ran.stderr


def test_powers_of_both_planes_come_together() -> None:
    (other,) = DemoPowers(demo_context(Path("/nonexistent"), nodes=64)).others
    for power in (Observer, NodeMaintainer, Evictor, JobControl):
        assert isinstance(other, power)
    assert DemoPowers(demo_context(Path("/nonexistent"), nodes=16)).others == ()


def test_commands_of_the_half_are_checked_and_told_as_kubectl() -> None:
    powers = DemoKubePowers(demo_context(Path("/nonexistent"), nodes=64))
    change = powers.requeue("research/llama-sft")
    assert change.text.count("kubectl -n research patch job llama-sft") == 2
    assert powers.cancel("dev/notebook.pod").argv[-2:] == ("pod", "notebook")
    assert powers.drain("gpu060", "INC-7").plane == "kubernetes"
    for wrong in ("42", "a/b;c", "x/y.cronjob"):
        with pytest.raises(BadIdentifier):
            powers.cancel(wrong)
