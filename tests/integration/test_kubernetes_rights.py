"""The cluster itself is asked who we are and what it would refuse, in its own words, right before acting."""

from __future__ import annotations

import pytest

from crashcart.backends.errors import Denied, Unreachable
from tests.fakes.kubeapi.objects.jobs import job
from tests.fakes.kubeapi.objects.pods import pod
from tests.fakes.kubeapi.objects.queues import cluster_queue, local_queue, workload
from tests.fakes.kubeapi.roles import binding, role, rule, user

from .kubernetes_cluster import KubernetesCluster
from .kubernetes_powers import host_name, powers_of


def cannot(user: str, what: str, group: str = "", namespace: str = "") -> str:
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    verb, resource = what.split()
    return f'User "{user}" cannot {verb} resource "{resource}" in API group "{group}" {where}'


@pytest.fixture
def node(kubernetes: KubernetesCluster) -> str:
    own = kubernetes.make_nodes(1)[0]
    kubernetes.create(job("llm", gpus=1))
    kubernetes.running("app=llm", 1)
    return host_name(own)


async def test_who_we_are_is_what_the_server_says(kubernetes: KubernetesCluster) -> None:
    with powers_of(kubernetes) as powers:
        told = await powers.acting_as()
    assert told.startswith(f"{kubernetes.username('oncall')} (groups: ")
    assert "system:authenticated" in told


async def test_on_call_may_do_all_this(kubernetes: KubernetesCluster, node: str) -> None:
    with powers_of(kubernetes) as powers:
        await powers.observe()
        for verb in ("drain", "cordon", "resume", "reboot", "shell", "silence"):
            assert await powers.refusal(verb, node) is None
        for verb in ("hold", "release", "requeue", "requeue-hold", "cancel", "checkpoint", "logs", "silence"):
            assert await powers.refusal(verb, f"{kubernetes.namespace}/llm") is None


async def test_a_viewer_is_told_what_is_missing(kubernetes: KubernetesCluster, node: str) -> None:
    name, space = kubernetes.username("viewer"), kubernetes.namespace
    with powers_of(kubernetes, "viewer") as powers:
        await powers.observe()
        for verb in ("drain", "cordon", "resume"):
            assert await powers.refusal(verb, node) == cannot(name, "patch nodes")
        for verb, what, group in (
            ("hold", "patch jobs", "batch"),
            ("requeue", "patch jobs", "batch"),
            ("cancel", "delete jobs", "batch"),
            ("checkpoint", "get pods/exec", ""),
            ("logs", "get pods/log", ""),
        ):
            assert await powers.refusal(verb, f"{space}/llm") == cannot(name, what, group, space)


async def test_a_drain_needs_evictions_where_its_pods_are(kubernetes: KubernetesCluster, node: str) -> None:
    rules = [rule(["patch"], [""], ["nodes"])]
    evictions = [rule(["create"], [""], ["pods/eviction"])]
    kubernetes.control.load(
        [
            role("cordons", rules),
            binding("cordons", "cordons", [user("viewer")]),
            role("evicts", evictions, "train"),
            binding("evicts", "evicts", [user("viewer")], "train"),
        ]
    )
    with powers_of(kubernetes, "viewer") as powers:
        await powers.observe()
        assert await powers.refusal("drain", node) is None

        kubernetes.control.load([pod("other", "default", node="gpu-0000", gpus=1)])
        await powers.observe()
        assert await powers.refusal("drain", node) == cannot("viewer", "create pods/eviction", "", "default")
        assert await powers.refusal("cordon", node) is None


async def test_what_kueue_has_needs_a_right_on_its_workload(kubernetes: KubernetesCluster, node: str) -> None:
    kubernetes.control.install("kueue")
    kubernetes.create(cluster_queue("research", quota=8))
    kubernetes.create(local_queue("team", kubernetes.namespace, "research"))
    made = kubernetes.create(job("ft", gpus=1, queue="team"))
    kubernetes.create(workload("job-ft-1a2b3", queue="team", owner=made, admitted_by="research"))
    with powers_of(kubernetes, "viewer") as powers:
        await powers.observe()
        why = await powers.refusal("hold", "train/ft")
        assert why == cannot("viewer", "patch workloads", "kueue.x-k8s.io", "train")
        assert await powers.refusal("cancel", "train/ft") == cannot("viewer", "delete jobs", "batch", "train")


async def test_nobody_reads_nothing_and_is_told_so(kubernetes: KubernetesCluster, node: str) -> None:
    with powers_of(kubernetes, "nobody") as powers:
        with pytest.raises(Denied, match=r'User ".*nobody" cannot list resource'):
            await powers.observe()
        assert (await powers.acting_as()).startswith(kubernetes.username("nobody"))


async def test_parts_that_may_not_be_read_are_said(kubernetes: KubernetesCluster, node: str) -> None:
    kubernetes.control.load(
        [
            role("nodes-only", [rule(["get", "list"], [""], ["nodes", "pods"])]),
            binding("nodes-only", "nodes-only", [user("nobody")]),
        ]
    )
    with powers_of(kubernetes, "nobody") as powers:
        picture = await powers.observe()
    assert len(picture.nodes) == 1
    assert picture.nodes[0].gpus_used == 1
    assert picture.unread == (
        'jobs: jobs.batch is forbidden: User "nobody" cannot list resource "jobs" in API group "batch"'
        " at the cluster scope",
    )


async def test_a_review_that_is_not_answered_is_no_yes(kubernetes: KubernetesCluster, node: str) -> None:
    with powers_of(kubernetes, timeout_seconds=1.0) as powers:
        await powers.observe()
        kubernetes.control.freeze()
        try:
            with pytest.raises(Unreachable, match="does not answer"):
                await powers.refusal("cordon", node)
        finally:
            kubernetes.control.heal()


async def test_a_review_that_fails_is_no_yes(kubernetes: KubernetesCluster, node: str) -> None:
    with powers_of(kubernetes) as powers:
        kubernetes.control.refuse(503, times=1, method="POST")
        with pytest.raises(Unreachable, match="answers 503"):
            await powers.acting_as()


async def test_namespaces_of_ours_are_all_that_is_asked_for(kubernetes: KubernetesCluster, node: str) -> None:
    kubernetes.control.load([pod("other", "default", node="gpu-0000", gpus=1)])
    with powers_of(kubernetes, namespaces=("train",)) as powers:
        picture = await powers.observe()
        hits = await powers.pods_on(node)
    assert {one.namespace for one in picture.pods} == {"train"}
    assert {hit.pod.namespace for hit in hits} == {"train"}
