"""The commands that a preview shows are what an operator could type instead: kubectl takes each and does the same."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from crashcart.backends.contract import Change
from crashcart.backends.kubernetes.powers import KubernetesPowers
from crashcart.backends.model import Job
from tests.fakes.kubeapi.objects.jobs import job
from tests.fakes.kubeapi.objects.pods import pod
from tests.fakes.kubeapi.objects.queues import cluster_queue, local_queue, workload

from .kubernetes_cluster import KubernetesCluster
from .kubernetes_powers import host_name, powers_of

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@pytest.fixture
def powers(kubernetes: KubernetesCluster) -> Iterator[KubernetesPowers]:
    kubernetes.control  # noqa: B018 - kubectl is held against the fake here; the fake is against real answers elsewhere
    kubernetes.make_nodes(1)
    with powers_of(kubernetes) as made:
        yield made


async def typed(change: Change) -> str:
    """What the shown command says; it must succeed."""
    done = await asyncio.to_thread(
        subprocess.run, ["sh", "-c", change.text], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


async def look(powers: KubernetesPowers, name: str) -> Job | None:
    return next(iter(await powers.observe_jobs([f"train/{name}"])), None)


async def test_a_drain_moves_the_pods(powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
    kubernetes.create(pod("bare", node="gpu-0000", gpus=1, labels={"app": "bare"}))
    kubernetes.running("app=bare", 1)
    picture = await powers.observe()
    change = powers.evict(host_name("gpu-0000"), picture.pods, seconds=30.0, once=False)

    assert "drained" in await typed(change)
    assert kubernetes.items("pods") == []


async def test_jobs_are_requeued_held_released_and_cancelled(
    powers: KubernetesPowers, kubernetes: KubernetesCluster
) -> None:
    kubernetes.create(job("llm", gpus=1))
    (old,) = kubernetes.running("app=llm", 1)
    await look(powers, "llm")
    await typed(powers.requeue("train/llm"))
    (new,) = kubernetes.running("app=llm", 1)
    assert new["metadata"]["uid"] != old["metadata"]["uid"]

    await typed(powers.requeue_hold("train/llm"))
    found = await look(powers, "llm")
    assert found is not None and found.state == "SUSPENDED"
    await typed(powers.release("train/llm"))
    kubernetes.running("app=llm", 1)
    await typed(powers.cancel("train/llm"))
    kubernetes.until(lambda: not kubernetes.items("jobs.batch"), "namespace without jobs")


async def test_what_kueue_has_is_held_there(powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
    kubernetes.control.install("kueue")
    kubernetes.create(cluster_queue("research", quota=8))
    kubernetes.create(local_queue("team", kubernetes.namespace, "research"))
    made = kubernetes.create(job("ft", gpus=64, queue="team"))
    kubernetes.create(workload("job-ft-1a2b3", queue="team", owner=made, admitted_by="research"))
    await look(powers, "ft")
    await typed(powers.hold("train/ft"))
    assert kubernetes.get("workloads.kueue.x-k8s.io", "job-ft-1a2b3")["spec"]["active"] is False


async def test_every_pod_is_signalled(powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
    kubernetes.create(job("llm", pods=2, gpus=1))
    kubernetes.running("app=llm", 2)
    await look(powers, "llm")
    await typed(powers.signal("train/llm", "USR1", "batch"))
    ran = [(one["container"], one["command"]) for one in kubernetes.control.commands()]
    assert ran == [("main", ["sh", "-c", "kill -USR1 1"])] * 2
