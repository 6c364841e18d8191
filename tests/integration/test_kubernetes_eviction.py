"""Pods are moved off a node as their budgets allow, and the end is told as it is: pod by pod."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from crashcart.backends.contract import CommandResult
from crashcart.backends.errors import Denied, Unreachable
from crashcart.backends.kubernetes import eviction
from crashcart.backends.kubernetes.powers import KubernetesPowers
from crashcart.backends.pods import PodHit
from tests.fakes.kubeapi.kubelets import STUBBORN
from tests.fakes.kubeapi.objects.jobs import budget, job
from tests.fakes.kubeapi.objects.pods import daemon_set, pod, scratch, static_pod

from .kubernetes_cluster import KubernetesCluster
from .kubernetes_powers import host_name, powers_of


class Drainer:
    """Evicts from one node, and keeps what was told."""

    def __init__(self, powers: KubernetesPowers, kubernetes: KubernetesCluster, own: str) -> None:
        self.powers, self.kubernetes, self.own, self.node = powers, kubernetes, own, host_name(own)
        self.told: list[str] = []
        self._news = asyncio.Event()

    def job(self, name: str, pods: int = 1, **options: Any) -> list[str]:
        """Run a job on the node; the names of its pods."""
        selector = {"kubernetes.io/hostname": self.own}
        self.kubernetes.create(job(name, pods=pods, gpus=1, node_selector=selector, **options))
        return [one["metadata"]["name"] for one in self.kubernetes.running(f"app={name}", pods)]

    def pod(self, name: str, **options: Any) -> None:
        """Run a bare pod on the node."""
        self.kubernetes.create(pod(name, node=self.own, gpus=1, labels={"app": name}, **options))
        self.kubernetes.running(f"app={name}", 1)

    def budget(self, name: str, healthy: int, **match: str) -> None:
        """A budget that the server has taken in."""
        self.kubernetes.create(budget(name, match=match, min_available=healthy))

        def is_counted() -> bool:
            status = self.kubernetes.get("poddisruptionbudgets.policy", name)["status"]
            return bool(status.get("observedGeneration")) and status["currentHealthy"] == status["expectedPods"]

        self.kubernetes.until(is_counted, f"budget {name} that is counted")

    async def hits(self) -> dict[str, PodHit]:
        """What a drain would do, by the pod's name."""
        return {hit.pod.name: hit for hit in await self.powers.pods_on(self.node)}

    async def evict(self, *, seconds: float = 20.0, once: bool = False) -> CommandResult:
        """Evict all that a drain moves."""
        picture = await self.powers.observe()
        pods = [one for one in picture.pods if one.node == self.node and not one.is_daemon and not one.is_mirror]
        change = self.powers.evict(self.node, pods, seconds=seconds, once=once)
        return await self.powers.apply_telling(change, timeout=seconds, told=self._tell)

    async def until_told(self, words: str) -> None:
        async with asyncio.timeout(20):
            while not any(words in line for line in self.told):
                self._news.clear()
                await self._news.wait()

    def _tell(self, news: str) -> None:
        self.told.append(news)
        self._news.set()

    def names(self) -> set[str]:
        """Pods on the node that still hold something."""
        found = self.kubernetes.items("pods", query=f"fieldSelector=spec.nodeName={self.own}")
        return {one["metadata"]["name"] for one in found}


@pytest.fixture
def own(kubernetes: KubernetesCluster) -> str:
    return kubernetes.make_nodes(2)[0]


@pytest.fixture
def drainer(kubernetes: KubernetesCluster, own: str) -> Iterator[Drainer]:
    with powers_of(kubernetes) as powers:
        yield Drainer(powers, kubernetes, own)


# what would happen


async def test_the_preview_says_of_every_pod_what_becomes_of_it(
    drainer: Drainer, kubernetes: KubernetesCluster
) -> None:
    (free,) = drainer.job("free")
    (kept,) = drainer.job("kept")
    drainer.budget("kept", 1, app="kept")
    drainer.pod("bare", volumes=scratch())

    hits = await drainer.hits()
    assert (hits[free].outcome, hits[free].why) == ("evicts", "its Job counts a failure, 5 more may follow")
    assert hits[kept].outcome == "blocked"
    assert hits[kept].why.startswith("budget kept needs 1 healthy pods and has 1; ")
    assert (hits["bare"].outcome, hits["bare"].why) == (
        "evicts",
        "a bare pod: nothing makes it again; its emptyDir data are lost",
    )
    assert drainer.names() >= {free, kept, "bare"}, "it was only asked"


async def test_pods_that_a_drain_leaves_are_told_and_those_that_are_over_are_not(
    drainer: Drainer, kubernetes: KubernetesCluster, own: str
) -> None:
    (owner,) = kubernetes.control.load([daemon_set("dcgm")])
    kubernetes.control.load([pod("dcgm-x", "gpu-operator", node=own, gpus=0, owner=owner), static_pod("etcd", own)])
    drainer.pod("over")
    kubernetes.control.end_pod("train", "over")

    hits = await drainer.hits()
    assert {name: (hit.outcome, hit.why) for name, hit in hits.items()} == {
        "dcgm-x": ("stays", "DaemonSet"),
        f"etcd-{own}": ("stays", "static pod of the kubelet"),
    }


async def test_pods_that_only_go_one_after_the_other_are_said_to(drainer: Drainer) -> None:
    names = drainer.job("pair", 2)
    drainer.budget("pair", 1, app="pair")
    drainer.pod("bare")

    hits = await drainer.hits()
    words = "budget pair lets 1 go at a time, 2 of its pods are here; its Job counts a failure, 5 more may follow"
    assert [(hits[name].outcome, hits[name].why) for name in names] == [("evicts", words)] * 2
    assert "budget" not in hits["bare"].why


async def test_two_budgets_over_one_pod_are_refused_in_the_words_of_the_server(drainer: Drainer) -> None:
    (name,) = drainer.job("twice")
    drainer.budget("one", 0, app="twice")
    drainer.budget("two", 0, app="twice")

    hit = (await drainer.hits())[name]
    assert hit.outcome == "refused"
    assert hit.why.startswith("This pod has more than one PodDisruptionBudget")


async def test_a_viewer_sees_why_nothing_would_go(drainer: Drainer, kubernetes: KubernetesCluster) -> None:
    (name,) = drainer.job("llm")
    with powers_of(kubernetes, "viewer") as powers:
        await powers.observe()
        (hit,) = [one for one in await powers.pods_on(drainer.node) if one.pod.name == name]
    assert hit.outcome == "refused"
    assert 'cannot create resource "pods/eviction" in API group "" in the namespace' in hit.why


async def test_kueue_is_named_where_it_decides(drainer: Drainer, kubernetes: KubernetesCluster) -> None:
    (name,) = drainer.job("queued", queue="team")
    assert (await drainer.hits())[name].why.endswith("Kueue decides when it runs again")


async def test_a_failure_that_is_the_last_is_counted(drainer: Drainer) -> None:
    (name,) = drainer.job("tired", backoff_limit=0)
    assert "its Job counts a failure, 0 more may follow" in (await drainer.hits())[name].why


# evicting


async def test_it_ends_when_the_pods_are_gone_and_tells_how_far_it_has_come(drainer: Drainer) -> None:
    drainer.job("llm", 3)
    drainer.kubernetes.patch("nodes", drainer.own, {"spec": {"unschedulable": True}})
    result = await drainer.evict()

    assert (result.state, result.detail) == ("ok", "3 of 3 pods are gone")
    assert drainer.told[0] == "0 of 3 pods gone"
    assert drainer.told[-1] == "3 of 3 pods gone"
    assert drainer.names() == set()


async def test_a_pod_that_only_terminates_is_not_gone(drainer: Drainer, kubernetes: KubernetesCluster) -> None:
    drainer.pod("slow", annotations={STUBBORN: "1"}, grace_seconds=3)
    evicting = asyncio.create_task(drainer.evict())
    await drainer.until_told("1 terminating")
    assert "slow" in drainer.names()
    assert (await evicting).state == "ok"
    assert drainer.names() == set()


async def test_a_budget_blocks_until_it_frees(drainer: Drainer, kubernetes: KubernetesCluster) -> None:
    (name,) = drainer.job("kept")
    drainer.budget("kept", 1, app="kept")
    evicting = asyncio.create_task(drainer.evict())
    await drainer.until_told(f"{name} waits: budget kept needs 1 healthy pods and has 1")
    assert not evicting.done()
    kubernetes.call("DELETE", kubernetes.path("poddisruptionbudgets.policy", "kept"))

    assert (await evicting).state == "ok"


async def test_at_the_deadline_every_pod_that_stayed_has_its_reason(drainer: Drainer) -> None:
    (kept,) = drainer.job("kept")
    drainer.budget("kept", 1, app="kept")
    drainer.pod("bare")
    result = await drainer.evict(seconds=2.0)

    assert result.state == "failed"
    assert result.detail == (
        f"train/{kept} was not evicted: budget kept needs 1 healthy pods and has 1;"
        " 1 of 2 pods are gone, and what was evicted stays evicted (after 2 s)"
    ).replace("train/", f"{drainer.kubernetes.namespace}/")
    assert drainer.names() == {kept}


async def test_once_means_no_second_try(drainer: Drainer, kubernetes: KubernetesCluster) -> None:
    drainer.job("kept")
    drainer.budget("kept", 1, app="kept")
    kubernetes.control.requests()
    async with asyncio.timeout(4):
        result = await drainer.evict(seconds=60.0, once=True)

    assert result.state == "failed"
    assert "budget kept needs 1" in result.detail
    assert sum(request.endswith("/eviction") for request in kubernetes.control.requests()) == 1


async def test_two_budgets_are_not_asked_twice(drainer: Drainer, kubernetes: KubernetesCluster) -> None:
    drainer.job("twice")
    drainer.budget("one", 0, app="twice")
    drainer.budget("two", 0, app="twice")
    kubernetes.control.requests()
    async with asyncio.timeout(4):
        result = await drainer.evict(seconds=60.0)

    assert result.state == "failed"
    assert "more than one PodDisruptionBudget" in result.detail
    assert sum(request.endswith("/eviction") for request in kubernetes.control.requests()) == 1


async def test_a_server_without_time_is_asked_again_when_it_says(
    drainer: Drainer, kubernetes: KubernetesCluster
) -> None:
    drainer.pod("bare")
    kubernetes.control.refuse(429, times=1, method="POST", path="eviction")
    result = await drainer.evict(once=True)

    assert result.state == "ok", "it was no word on the pod, so once is not over"
    assert any("waits: the API server is overloaded" in line for line in drainer.told)


async def test_a_budget_that_is_not_counted_yet_is_waited_for(drainer: Drainer, kubernetes: KubernetesCluster) -> None:
    (name,) = drainer.job("kept")
    kubernetes.control.hold("disruption")
    kubernetes.create(budget("kept", match={"app": "kept"}, min_available=0))
    hit = (await drainer.hits())[name]
    assert hit.why.startswith("budget kept is still being processed by the server")


async def test_a_pod_that_went_by_itself_is_gone(drainer: Drainer, kubernetes: KubernetesCluster) -> None:
    drainer.pod("bare")
    picture = await drainer.powers.observe()
    pods = [one for one in picture.pods if one.name == "bare"]
    change = drainer.powers.evict(drainer.node, pods, seconds=10.0, once=False)
    kubernetes.control.remove("pods", "bare", "train")

    assert (await drainer.powers.apply(change, timeout=10.0)).state == "ok"


async def test_a_pod_of_the_same_name_that_was_made_since_is_left(
    drainer: Drainer, kubernetes: KubernetesCluster
) -> None:
    drainer.pod("again", annotations={STUBBORN: "1"}, grace_seconds=1)
    evicting = asyncio.create_task(drainer.evict())
    await drainer.until_told("1 terminating")
    kubernetes.control.remove("pods", "again", "train")
    drainer.pod("again")

    assert (await evicting).state == "ok"
    assert drainer.names() == {"again"}


async def test_a_lost_answer_is_made_up_for_by_looking(drainer: Drainer, kubernetes: KubernetesCluster) -> None:
    drainer.pod("bare")
    kubernetes.control.truncate("/eviction$")
    result = await drainer.evict()

    assert (result.state, result.detail) == ("ok", "1 of 1 pods are gone")


async def test_a_server_that_failed_in_the_middle_is_looked_at(drainer: Drainer, kubernetes: KubernetesCluster) -> None:
    drainer.pod("bare")
    kubernetes.control.refuse(500, times=1, method="POST", path="eviction")
    result = await drainer.evict(seconds=30.0)

    assert result.state == "failed", "it is there as before, and was not asked again"
    assert "etcdserver: request timed out" in result.detail


async def test_a_link_that_is_lost_leaves_it_open(
    kubernetes: KubernetesCluster, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eviction, "LOST_SECONDS", 2.0)
    with powers_of(kubernetes, timeout_seconds=1.0) as powers:
        drainer = Drainer(powers, kubernetes, own)
        drainer.pod("slow", annotations={STUBBORN: "1"}, grace_seconds=30)
        evicting = asyncio.create_task(drainer.evict(seconds=60.0))
        await drainer.until_told("1 terminating")
        kubernetes.control.freeze()
        try:
            async with asyncio.timeout(10):
                result = await evicting
        finally:
            kubernetes.control.heal()

    assert result.state == "unknown"
    assert result.detail.startswith("the link was lost (")
    assert result.detail.endswith("0 of 1 pods are gone as far as is known")


async def test_a_link_that_comes_back_is_gone_on_with(drainer: Drainer, kubernetes: KubernetesCluster) -> None:
    drainer.pod("slow", annotations={STUBBORN: "1"}, grace_seconds=4)
    evicting = asyncio.create_task(drainer.evict())
    await drainer.until_told("1 terminating")
    kubernetes.control.refuse(503, times=3, method="GET")
    await drainer.until_told("link lost")

    assert (await evicting).state == "ok"


async def test_nothing_was_sent_to_a_server_that_is_not_there(kubernetes: KubernetesCluster, own: str) -> None:
    with powers_of(kubernetes, timeout_seconds=1.0) as powers:
        drainer = Drainer(powers, kubernetes, own)
        drainer.pod("bare")
        picture = await powers.observe()
        change = powers.evict(drainer.node, picture.pods, seconds=10.0, once=False)
        kubernetes.control.freeze()
        try:
            with pytest.raises(Unreachable, match="does not answer"):
                await powers.apply(change, timeout=10.0)
        finally:
            kubernetes.control.heal()
    assert drainer.names() == {"bare"}


async def test_a_viewer_evicts_nothing_and_is_told_why(kubernetes: KubernetesCluster, own: str) -> None:
    with powers_of(kubernetes, "viewer") as powers:
        drainer = Drainer(powers, kubernetes, own)
        drainer.pod("bare")
        result = await drainer.evict(seconds=30.0)
    assert result.state == "failed"
    assert 'cannot create resource "pods/eviction"' in result.detail


async def test_without_a_look_at_pods_nothing_is_evicted(kubernetes: KubernetesCluster, own: str) -> None:
    with powers_of(kubernetes, "nobody") as powers, pytest.raises(Denied, match="nodes is forbidden"):
        await powers.pods_on(host_name(own))


async def test_a_node_without_a_kubelet_keeps_its_pods_and_that_is_said(
    drainer: Drainer, kubernetes: KubernetesCluster, own: str
) -> None:
    drainer.pod("stuck")
    kubernetes.control.kubelet_down(own)
    result = await drainer.evict(seconds=2.0)

    assert result.state == "failed"
    assert result.detail.startswith("train/stuck is still terminating")
