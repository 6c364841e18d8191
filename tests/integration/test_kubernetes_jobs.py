"""Jobs are held, released, requeued and cancelled through the API; what Kueue has, only through its Workload."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from crashcart.backends.contract import Change, CommandResult
from crashcart.backends.errors import Unsupported
from crashcart.backends.kubernetes import suspension
from crashcart.backends.kubernetes.powers import KubernetesPowers
from crashcart.backends.model import Job
from tests.fakes.kubeapi.objects.jobs import job, job_set
from tests.fakes.kubeapi.objects.pods import pod
from tests.fakes.kubeapi.objects.queues import cluster_queue, local_queue, waiting, workload

from .kubernetes_cluster import KubernetesCluster
from .kubernetes_powers import powers_of

WORKLOADS = "workloads.kueue.x-k8s.io"


class Foreman:
    """Moves jobs of one cluster, and keeps what was told."""

    def __init__(self, powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
        self.powers, self.kubernetes = powers, kubernetes
        self.told: list[str] = []
        self._news = asyncio.Event()

    def id(self, name: str) -> str:
        return f"{self.kubernetes.namespace}/{name}"

    def runs(self, name: str, pods: int = 1, **options: Any) -> None:
        """A job, as soon as it runs."""
        self.kubernetes.create(job(name, pods=pods, gpus=1, **options))
        self.kubernetes.running(f"app={name}", pods)

    def queued(self, name: str, *, admitted: bool = True, runs: bool = True) -> None:
        """A job that Kueue has; admitted and running, or waiting for quota."""
        made = self.kubernetes.create(job(name, gpus=1, queue="team", suspend=not admitted))
        told = {"admitted_by": "research"} if admitted else {"conditions": waiting("no quota")}
        self.kubernetes.create(workload(f"job-{name}-1a2b3", queue="team", owner=made, **told))
        if admitted and runs:
            self.kubernetes.running(f"app={name}", 1)

    async def look(self, name: str) -> Job | None:
        """The job as it is now."""
        return next(iter(await self.powers.observe_jobs([self.id(name)])), None)

    async def state(self, name: str) -> str:
        found = await self.look(name)
        return "gone" if found is None else found.state

    async def comes_to(self, name: str, *states: str) -> Job | None:
        """Look until it is in one of these states."""
        async with asyncio.timeout(20):
            while (state := await self.state(name)) not in states:
                assert state, name
        return await self.look(name)

    async def does(self, change: Change, seconds: float = 20.0) -> CommandResult:
        return await self.powers.apply_telling(change, timeout=seconds, told=self._tell)

    async def until_told(self, words: str) -> None:
        async with asyncio.timeout(20):
            while not any(words in line for line in self.told):
                self._news.clear()
                await self._news.wait()

    def spec(self, name: str, kind: str = "jobs.batch") -> dict[str, Any]:
        found: dict[str, Any] = self.kubernetes.get(kind, name)["spec"]
        return found

    def _tell(self, news: str) -> None:
        self.told.append(news)
        self._news.set()


@pytest.fixture
def foreman(kubernetes: KubernetesCluster) -> Iterator[Foreman]:
    kubernetes.make_nodes(1)
    with powers_of(kubernetes) as powers:
        yield Foreman(powers, kubernetes)


@pytest.fixture
def kueue(kubernetes: KubernetesCluster) -> None:
    kubernetes.control.install("kueue")
    kubernetes.create(cluster_queue("research", quota=8))
    kubernetes.create(local_queue("team", kubernetes.namespace, "research"))


# jobs


async def test_a_job_that_waits_is_held_and_released(foreman: Foreman, kubernetes: KubernetesCluster) -> None:
    kubernetes.create(job("big", gpus=64))
    await foreman.comes_to("big", "PENDING")

    assert (await foreman.does(foreman.powers.hold(foreman.id("big")))).state == "ok"
    assert (await foreman.comes_to("big", "SUSPENDED")) is not None

    assert (await foreman.does(foreman.powers.release(foreman.id("big")))).state == "ok"
    await foreman.comes_to("big", "PENDING")


async def test_a_job_that_started_meanwhile_is_not_stopped_by_a_hold(foreman: Foreman) -> None:
    foreman.runs("llm")
    await foreman.look("llm")
    result = await foreman.does(foreman.powers.hold(foreman.id("llm")))

    assert result.state == "failed"
    assert result.detail.endswith("has changed since you looked: look again: it runs, and would be stopped")
    assert await foreman.state("llm") == "RUNNING"


async def test_a_requeue_waits_until_the_pods_are_gone_and_costs_no_failure(
    foreman: Foreman, kubernetes: KubernetesCluster
) -> None:
    foreman.runs("llm", 2)
    before = await foreman.look("llm")
    old = {one["metadata"]["uid"] for one in kubernetes.items("pods")}
    result = await foreman.does(foreman.powers.requeue(foreman.id("llm")))

    assert (result.state, result.detail) == ("ok", "")
    assert foreman.told[0] == "suspended, pods left: 2"
    assert foreman.told[-1] == "resumed"
    new = kubernetes.running("app=llm", 2)
    assert not old & {one["metadata"]["uid"] for one in new}
    after = await foreman.look("llm")
    assert before is not None and after is not None
    assert (after.restarts, after.raw_id) == (0, before.raw_id)


async def test_a_requeue_whose_pods_do_not_end_leaves_it_suspended_and_says_so(foreman: Foreman) -> None:
    foreman.kubernetes.create(job("slow", gpus=1, grace_seconds=60))
    foreman.kubernetes.running("app=slow", 1)
    foreman.kubernetes.control.exits_after(60.0)
    await foreman.look("slow")
    result = await foreman.does(foreman.powers.requeue(foreman.id("slow")), seconds=2.0)

    assert result.state == "failed"
    assert "stays suspended, pods left: 1; release it when they are gone" in result.detail
    assert foreman.spec("slow")["suspend"] is True


async def test_requeue_hold_ends_when_nothing_runs_any_more(foreman: Foreman) -> None:
    foreman.runs("llm")
    await foreman.look("llm")
    assert (await foreman.does(foreman.powers.requeue_hold(foreman.id("llm")))).state == "ok"
    assert await foreman.state("llm") == "SUSPENDED"


async def test_cancel_takes_the_pods_first(foreman: Foreman, kubernetes: KubernetesCluster) -> None:
    foreman.runs("llm")
    await foreman.look("llm")
    assert (await foreman.does(foreman.powers.cancel(foreman.id("llm")))).state == "ok"
    await foreman.comes_to("llm", "gone")
    assert kubernetes.items("pods") == []


async def test_a_bare_pod_can_only_be_cancelled(foreman: Foreman, kubernetes: KubernetesCluster) -> None:
    kubernetes.create(pod("bare", gpus=1, labels={"app": "bare"}))
    kubernetes.running("app=bare", 1)
    await foreman.look("bare.pod")
    for build in (foreman.powers.requeue, foreman.powers.hold, foreman.powers.requeue_hold):
        with pytest.raises(Unsupported, match="is a bare pod: nothing makes it again"):
            build(foreman.id("bare.pod"))

    assert (await foreman.does(foreman.powers.cancel(foreman.id("bare.pod")))).state == "ok"
    await foreman.comes_to("bare.pod", "gone")


async def test_a_job_that_was_made_anew_is_another_one(foreman: Foreman, kubernetes: KubernetesCluster) -> None:
    foreman.runs("llm")
    await foreman.look("llm")
    kubernetes.control.remove("jobs.batch", "llm", "train")
    kubernetes.until(lambda: not kubernetes.items("pods"), "namespace without pods")
    foreman.runs("llm")

    requeued = await foreman.does(foreman.powers.requeue(foreman.id("llm")))
    assert requeued.state == "failed" and "it was made anew" in requeued.detail
    cancelled = await foreman.does(foreman.powers.cancel(foreman.id("llm")))
    assert cancelled.state == "failed" and "has changed since you looked" in cancelled.detail
    assert foreman.spec("llm").get("suspend") is False


async def test_a_job_that_is_gone_is_said_to_be(foreman: Foreman, kubernetes: KubernetesCluster) -> None:
    foreman.runs("llm")
    await foreman.look("llm")
    kubernetes.control.remove("jobs.batch", "llm", "train")

    assert (await foreman.does(foreman.powers.release(foreman.id("llm")))).detail == "Job train/llm is gone"
    assert (await foreman.does(foreman.powers.cancel(foreman.id("llm")))).detail == 'jobs.batch "llm" not found'


async def test_a_lost_answer_of_a_suspension_leaves_it_open(foreman: Foreman, kubernetes: KubernetesCluster) -> None:
    foreman.runs("llm")
    await foreman.look("llm")
    change = foreman.powers.requeue_hold(foreman.id("llm"))
    kubernetes.control.refuse(500, times=1, method="PATCH")
    result = await foreman.does(change)

    assert result.state == "unknown"
    assert "the API server failed in the middle" in result.detail


async def test_a_link_that_is_lost_while_pods_end_leaves_it_open(
    kubernetes: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspension, "LOST_SECONDS", 2.0)
    kubernetes.make_nodes(1)
    kubernetes.control.exits_after(60.0)
    with powers_of(kubernetes, timeout_seconds=1.0) as powers:
        foreman = Foreman(powers, kubernetes)
        foreman.runs("llm", grace_seconds=60)
        await foreman.look("llm")
        requeuing = asyncio.create_task(foreman.does(powers.requeue(foreman.id("llm")), seconds=60.0))
        await foreman.until_told("pods left: 1")
        kubernetes.control.freeze()
        try:
            async with asyncio.timeout(10):
                result = await requeuing
        finally:
            kubernetes.control.heal()

    assert result.state == "unknown"
    assert "was suspended, and then the link was lost" in result.detail


async def test_who_may_not_is_told_so_in_the_words_of_the_server(kubernetes: KubernetesCluster) -> None:
    kubernetes.make_nodes(1)
    with powers_of(kubernetes, "viewer") as powers:
        foreman = Foreman(powers, kubernetes)
        foreman.runs("llm")
        await foreman.look("llm")
        for change in (powers.requeue(foreman.id("llm")), powers.cancel(foreman.id("llm"))):
            result = await foreman.does(change)
            assert result.state == "failed"
            assert f'is forbidden: User "{kubernetes.username("viewer")}" cannot' in result.detail
        assert await foreman.state("llm") == "RUNNING"


# Kueue


@pytest.mark.usefixtures("kueue")
async def test_what_kueue_has_is_never_resumed_behind_its_back(foreman: Foreman) -> None:
    foreman.queued("ft")
    before = await foreman.look("ft")
    assert before is not None and before.managed_by == "kueue"
    foreman.kubernetes.control.requests()
    change = foreman.powers.requeue(foreman.id("ft"))
    result = await foreman.does(change)

    assert result.state == "ok", result.detail
    assert "patch workloads.kueue.x-k8s.io job-ft-1a2b3" in change.text
    changed = [one for one in foreman.kubernetes.control.requests() if one.startswith("PATCH")]
    assert {one.rpartition("/")[2] for one in changed} == {"job-ft-1a2b3"}
    foreman.kubernetes.running("app=ft", 1)


@pytest.mark.usefixtures("kueue")
async def test_what_waits_for_kueue_is_held_there(foreman: Foreman) -> None:
    foreman.queued("ft", admitted=False)
    await foreman.look("ft")
    assert (await foreman.does(foreman.powers.hold(foreman.id("ft")))).state == "ok"
    found = await foreman.look("ft")
    assert found is not None and (found.state, found.reason) == ("SUSPENDED", "held in Kueue")

    assert (await foreman.does(foreman.powers.release(foreman.id("ft")))).state == "ok"
    found = await foreman.look("ft")
    assert found is not None and found.state == "PENDING"
    assert foreman.spec("ft")["suspend"] is True, "only Kueue lets it run"


@pytest.mark.usefixtures("kueue")
async def test_a_job_that_kueue_took_meanwhile_is_not_suspended_directly(foreman: Foreman) -> None:
    foreman.kubernetes.create(job("ft", gpus=64))
    await foreman.look("ft")
    change = foreman.powers.hold(foreman.id("ft"))
    made = foreman.kubernetes.get("jobs.batch", "ft")
    foreman.kubernetes.create(workload("job-ft-1a2b3", queue="team", owner=made, admitted_by="research"))

    result = await foreman.does(change)
    assert result.state == "failed"
    assert result.detail.endswith("has changed since you looked: look again: Kueue has it")
    assert foreman.spec("ft")["suspend"] is False


@pytest.mark.usefixtures("kueue")
async def test_a_job_of_kueue_without_a_workload_is_left(foreman: Foreman) -> None:
    foreman.kubernetes.create(job("ft", gpus=1, queue="team", suspend=True))
    await foreman.comes_to("ft", "SUSPENDED")
    result = await foreman.does(foreman.powers.release(foreman.id("ft")))

    assert result.state == "failed"
    assert "its Workload is not there yet" in result.detail
    assert foreman.spec("ft")["suspend"] is True


@pytest.mark.usefixtures("kueue")
async def test_a_job_that_goes_on_although_kueue_stopped_it_is_seen(foreman: Foreman) -> None:
    foreman.kubernetes.control.kueue_heeds(False)
    foreman.queued("ft")
    await foreman.look("ft")
    result = await foreman.does(foreman.powers.requeue_hold(foreman.id("ft")), seconds=2.0)

    assert result.state == "failed"
    assert "pods left: 1" in result.detail
    assert await foreman.state("ft") == "RUNNING"


# other kinds


async def test_a_job_set_is_suspended_as_a_whole(kubernetes: KubernetesCluster) -> None:
    kubernetes.control.install("jobset")
    kubernetes.make_nodes(1)
    with powers_of(kubernetes, "admin") as powers:
        foreman = Foreman(powers, kubernetes)
        kubernetes.create(job_set("pre", replicas=1, pods=1, gpus=1))
        mark = {"jobset.sigs.k8s.io/jobset-name": "pre"}
        kubernetes.create(pod("pre-0", gpus=1, labels={"app": "pre", **mark}))
        kubernetes.running("app=pre", 1)
        await foreman.look("pre.jobset")
        requeuing = asyncio.create_task(foreman.does(powers.requeue(foreman.id("pre.jobset"))))
        await foreman.until_told("suspended, pods left: 1")
        assert foreman.spec("pre", "jobsets.jobset.x-k8s.io")["suspend"] is True
        kubernetes.control.remove("pods", "pre-0", "train")

        assert (await requeuing).state == "ok"
        assert foreman.spec("pre", "jobsets.jobset.x-k8s.io")["suspend"] is False


async def test_a_kind_that_is_not_installed_is_said_to_be_absent(foreman: Foreman) -> None:
    change = foreman.powers.requeue(foreman.id("pre.jobset"))
    with pytest.raises(Unsupported, match=r"this cluster has no jobsets\.jobset\.x-k8s\.io"):
        await foreman.does(change)


def test_what_cannot_be_suspended_says_so(foreman: Foreman) -> None:
    with pytest.raises(Unsupported, match="a Deployment cannot be suspended from here"):
        foreman.powers.hold("train/chat.deployment")
    with pytest.raises(Unsupported, match="not listed while it is suspended"):
        foreman.powers.hold("train/ft.pytorchjob")
    assert '"runPolicy":{"suspend":true}' in foreman.powers.requeue("train/ft.pytorchjob").text
