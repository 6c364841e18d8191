"""What the executor reads is fresh, costs no more than it must, and binds an action to what its operator saw."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crashcart.backends.errors import Denied, Unreachable
from crashcart.backends.kubernetes.powers import KubernetesPowers
from tests.fakes.kubeapi.objects.jobs import job
from tests.fakes.kubeapi.roles import binding, role, rule, user

from .kubernetes_cluster import KubernetesCluster
from .kubernetes_powers import host_name, powers_of


@pytest.fixture
def names(kubernetes: KubernetesCluster) -> list[str]:
    """Three nodes, as everybody but Kubernetes calls them."""
    return [host_name(own) for own in kubernetes.make_nodes(3)]


@pytest.fixture
def powers(kubernetes: KubernetesCluster, names: list[str]) -> Iterator[KubernetesPowers]:
    with powers_of(kubernetes) as made:
        yield made


async def test_one_node_is_read_with_its_pods_and_nothing_else(
    powers: KubernetesPowers, names: list[str], kubernetes: KubernetesCluster
) -> None:
    kubernetes.create(job("llm", gpus=8))
    (made,) = kubernetes.running("app=llm", 1)
    own = made["spec"]["nodeName"]
    await powers.observe()
    kubernetes.control.requests()
    (node,) = await powers.observe_nodes([host_name(own)])

    assert (node.state, node.gpus_used, node.own_name) == ("ALLOCATED", 8, own)
    asked = kubernetes.control.requests()
    assert sorted(one.partition("?")[0] for one in asked) == ["GET /api/v1/nodes/" + own, "GET /api/v1/pods"]


async def test_nodes_that_only_slurm_knows_cost_no_listing(
    powers: KubernetesPowers, names: list[str], kubernetes: KubernetesCluster
) -> None:
    await powers.observe()
    kubernetes.control.requests()
    assert await powers.observe_nodes(["gpu77", "login1"]) == ()
    assert kubernetes.control.requests() == []


async def test_a_name_is_looked_up_where_nothing_was_listed_yet(powers: KubernetesPowers, names: list[str]) -> None:
    (node,) = await powers.observe_nodes([names[1]])
    assert node.name == names[1]


async def test_a_listing_for_somebody_else_does_not_move_what_an_action_is_bound_to(
    powers: KubernetesPowers, names: list[str], kubernetes: KubernetesCluster
) -> None:
    await powers.observe()
    await powers.observe_nodes([names[0]])  # at the confirmation
    kubernetes.patch("nodes", "gpu-0000", {"spec": {"unschedulable": True}})
    await powers.observe()  # for another preview, while the first action waits for its turn

    result = await powers.apply(powers.drain(names[0], "crashcart:alice fan"), timeout=10)
    assert result.detail == "node gpu-0000 has changed since you looked: look again"


async def test_what_may_not_be_listed_is_not_taken_for_gone(kubernetes: KubernetesCluster, names: list[str]) -> None:
    kubernetes.create(job("llm", gpus=1))
    kubernetes.running("app=llm", 1)
    pods_only = [role("pods", [rule(["get", "list"], [""], ["pods"])]), binding("pods", "pods", [user("nobody")])]
    jobs_only = [role("jobs", [rule(["list"], ["batch"], ["jobs"])]), binding("jobs", "jobs", [user("nobody")])]
    kubernetes.control.load(pods_only)
    with powers_of(kubernetes, "nobody") as powers:
        picture = await powers.observe()
        assert picture.nodes == ()
        assert picture.unread[0].startswith('nodes: nodes is forbidden: User "nobody"')
        with pytest.raises(Denied, match="nodes is forbidden"):
            await powers.observe_nodes([names[0]])

    kubernetes.control.remove("clusterrolebindings.rbac.authorization.k8s.io", "pods")
    kubernetes.control.load(jobs_only)
    with powers_of(kubernetes, "nobody") as powers, pytest.raises(Denied, match="pods is forbidden"):
        await powers.observe_jobs(["train/llm"])


async def test_a_broken_answer_is_no_empty_cluster(
    powers: KubernetesPowers, names: list[str], kubernetes: KubernetesCluster
) -> None:
    kubernetes.control.truncate("/api/v1/nodes$")
    with pytest.raises(Unreachable, match="broke at nodes"):
        await powers.observe()
