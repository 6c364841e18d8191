"""Slurm on a login node: the same cluster, read and changed through a real sshd, and what a broken link makes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crashcart.ops.collector_link import CollectorLink
from crashcart.ops.protocol import Finished, Refused
from crashcart.ops.session import ClusterSession
from crashcart.ops.store import Store

from .executor_desk import Desk, session_of
from .fault_proxy import FaultProxy
from .slurm_cluster import SlurmCluster
from .ssh_server import SshServer

pytestmark = pytest.mark.real


SLOW_DRAIN = """case "$*" in *state=drain*) : > {mark}; sleep 1.5;; esac
exec "$real" "$@"
"""


def over_ssh(slurm: SlurmCluster, server: SshServer, config: str | None = None, **options: object) -> ClusterSession:
    """The cluster by `via = "ssh:node01"`, with keepalives that tell within 1.5 s."""
    ssh = {"config": config or server.config, "keepalive_seconds": 0.5, "keepalive_count": 2}
    return ClusterSession("far", backends={"slurm": slurm.table(via="ssh:node01", **options), "ssh": ssh})


async def test_the_collector_lists_the_cluster_through_the_login_node(
    slurm: SlurmCluster, server: SshServer, tmp_path: Path
) -> None:
    job = slurm.running("--gres=gpu:h100:4", "--nodelist=gpu02")
    store, news = Store(), asyncio.Event()
    link = CollectorLink(session_of(over_ssh(slurm, server), tmp_path))
    task = asyncio.create_task(link.run(store, lambda _: news.set()))
    try:
        async with asyncio.timeout(20):
            while not (store.nodes and f"far/{job}" in store.jobs):
                await news.wait()
                news.clear()
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert store.nodes["far/gpu02"].gpus_used == 4
    assert store.jobs[f"far/{job}"].gpu_map == (("gpu02", (0, 1, 2, 3)),)


async def test_a_drain_and_a_requeue_through_the_login_node_are_read_back(
    slurm: SlurmCluster, server: SshServer, tmp_path: Path
) -> None:
    job = slurm.running("--gres=gpu:h100:4", "--nodelist=gpu02")
    async with Desk(over_ssh(slurm, server), tmp_path) as desk:
        drained = await desk.act_on("drain", "gpu01", reason="fan")
        requeued = await desk.act_on("requeue", job)
    assert (drained.state, requeued.state) == ("VERIFIED", "VERIFIED")
    assert slurm.show_node("gpu01")["State"] == "IDLE+DRAIN"
    assert slurm.show_job(job)["Restarts"] == "1"


async def cut_while_it_drains(
    slurm: SlurmCluster, server: SshServer, folder: Path, fault: str
) -> tuple[Finished | Refused, list[Finished]]:
    """Drain gpu03 by a command that takes 1.5 s, break the link meanwhile, mend it, and hear what comes of it."""
    mark = folder / "began"
    script = SLOW_DRAIN.format(mark=mark)
    async with FaultProxy(server.node_port) as proxy:
        config = server.config_with({"node01": proxy.port})
        session = over_ssh(slurm, server, config, bin_dir=str(slurm.commands_directory(scontrol=script)))
        heard: list[Finished] = []
        told = asyncio.Event()
        async with Desk(session, folder) as desk:

            def news(finished: Finished) -> None:
                heard.append(finished)
                told.set()

            desk.link.on_news = news
            plan = await desk.plan("drain", "gpu03", reason="fan")
            confirming = asyncio.create_task(desk.confirm(plan))
            async with asyncio.timeout(90):
                while not mark.exists():  # noqa: ASYNC110 - a shell script tells by a file
                    await asyncio.sleep(0.02)
                getattr(proxy, fault)()
                ended = await confirming
                proxy.thaw()
                if isinstance(ended, Finished) and ended.state == "UNKNOWN":
                    await told.wait()
    return ended, heard


async def test_a_link_torn_in_mid_action_is_never_a_failure_that_happened(
    slurm: SlurmCluster, server: SshServer, tmp_path: Path
) -> None:
    ended, heard = await cut_while_it_drains(slurm, server, tmp_path, "rst")
    assert isinstance(ended, Finished)
    last = heard[-1] if heard else ended
    assert last.state == "VERIFIED"
    assert "DRAIN" in slurm.show_node("gpu03")["State"]


async def test_a_frozen_link_is_unknown_and_is_resolved_after_it_thaws(
    slurm: SlurmCluster, server: SshServer, tmp_path: Path
) -> None:
    ended, heard = await cut_while_it_drains(slurm, server, tmp_path, "freeze")
    assert isinstance(ended, Finished)
    assert ended.state == "UNKNOWN"
    assert heard[-1].state == "VERIFIED"
