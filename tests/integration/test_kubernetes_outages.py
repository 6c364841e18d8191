"""What a broken, refusing or forgetful API server does to the picture: nothing is lost, nothing old is shown as new."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from crashcart.backends.errors import Denied, Unreachable, Unsupported
from crashcart.backends.kubernetes import feed as feed_module
from crashcart.backends.kubernetes import watching as watching_module
from crashcart.ops.session import ClusterSession, Session
from tests.fakes.kubeapi.objects.jobs import job
from tests.fakes.kubeapi.objects.nodes import node
from tests.fakes.kubeapi.objects.pods import pod
from tests.fakes.kubeapi.objects.queues import cluster_queue

from .kubernetes_cluster import KubernetesCluster
from .kubernetes_feeding import CLUSTER, Feeding, context, feeding
from .monitoring_watch import watching

FROZEN_SECONDS = 15.0


async def whole(feed: Feeding) -> None:
    """Wait for the first listing of every kind."""
    await feed.until(lambda: len(set(feed.completes)) == 7, "all kinds")


def cordon(kubernetes: KubernetesCluster, name: str) -> None:
    kubernetes.patch("nodes", name, {"spec": {"unschedulable": True}})


def lists(kubernetes: KubernetesCluster, plural: str) -> int:
    """Listings, not watches, of a resource since the last call."""
    return sum(
        one.split("?")[0].endswith(f"/{plural}") and "watch=1" not in one for one in kubernetes.control.requests()
    )


async def test_a_frozen_server_is_told_within_fifteen_seconds_and_comes_back(
    kubernetes: KubernetesCluster, tmp_path: Path
) -> None:
    control = kubernetes.control
    (name,) = kubernetes.make_nodes(1)
    table = {"kubeconfig": str(kubernetes.kubeconfig), "context": "admin"}
    backends: dict[str, dict[str, Any]] = {"kubernetes": table, "demo": {"nodes": 2}}
    session = Session((ClusterSession(CLUSTER, backends=backends),), audit_file=str(tmp_path / "audit"))
    async with watching(session) as watch:
        key = f"{CLUSTER}/{name}"
        await watch.until("a node", lambda: key in watch.store.nodes, 20)
        await watch.until("a live source", lambda: watch.freshness("kubernetes") == "live", 5)
        control.freeze()
        late = await watch.until("a late source", lambda: watch.freshness("kubernetes") in ("late", "down"), 10)
        down = await watch.until("a dead one", lambda: watch.freshness("kubernetes") == "down", FROZEN_SECONDS)
        assert late + down < FROZEN_SECONDS
        assert "does not answer" in watch.detail("kubernetes")
        assert watch.freshness("demo") == "live", "other panes go on"
        assert key in watch.store.nodes, "the picture is kept, as an old one"
        control.thaw()
        cordon(kubernetes, name)
        await watch.until("the cordon", lambda: watch.store.nodes[key].is_draining, 60)
        assert watch.freshness("kubernetes") == "live"


async def test_a_dropped_watch_goes_on_where_it_was_without_a_new_listing(
    kubernetes: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "LOAD_SECONDS", 1.0)
    control = kubernetes.control
    (name,) = kubernetes.make_nodes(1)
    async with feeding(context(kubernetes)) as feed:
        await whole(feed)
        control.drop_watches()
        cordon(kubernetes, name)
        await feed.until(lambda: feed.nodes[name].is_draining, "what changed meanwhile")
        await feed.until(lambda: feed.loads, "what it cost")
        assert feed.load("list nodes").every_seconds == 0.0, "listed once"


async def test_a_forgotten_version_means_a_new_listing_and_nothing_is_lost(
    kubernetes: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "LOAD_SECONDS", 1.0)
    control = kubernetes.control
    first, second = kubernetes.make_nodes(2)
    async with feeding(context(kubernetes)) as feed:
        await whole(feed)
        control.refuse(503, times=3, method="GET", path="/api/v1/nodes")
        control.drop_watches()
        control.remove("nodes", second)
        cordon(kubernetes, first)
        control.forget_history()
        await feed.until(lambda: feed.nodes[first].is_draining and second not in feed.nodes, "what changed meanwhile")
        await feed.until(lambda: feed.load("list nodes").every_seconds > 0.0, "a second listing")
    assert len(feed.completes) == 7, "a new listing is told as the step that it is"


async def test_a_watch_that_brings_nothing_at_all_is_not_believed(
    kubernetes: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching_module, "WATCH_SECONDS", 2.0)
    monkeypatch.setattr(watching_module, "GRACE_SECONDS", 1.0)
    control = kubernetes.control
    control.load([node("gpu-0000")])
    async with feeding(context(kubernetes)) as feed:
        await whole(feed)
        control.freeze_watches()
        cordon(kubernetes, "gpu-0000")  # a watch that waited for news when it froze brings one more
        await feed.until(lambda: feed.nodes["gpu-0000"].is_draining, "the cordon", 30)
        control.load([node("gpu-0001")])
        await feed.until(lambda: "gpu-0001" in feed.nodes, "what no watch told", 30)


async def test_a_refused_resource_is_told_and_the_others_go_on(kubernetes: KubernetesCluster) -> None:
    rules = [{"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["nodes"]}]
    api = "rbac.authorization.k8s.io/v1"
    name = "crashcart-test-nodes-only"
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}
    kubernetes.control.load(
        [
            node("gpu-0000"),
            pod("one", node="gpu-0000", gpus=1),
            {"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules},
            {"apiVersion": api, "kind": "ClusterRoleBinding", "metadata": {"name": name}, "subjects": [subject],
             "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}},
        ]
    )  # fmt: skip
    async with feeding(context(kubernetes, "nobody")) as feed:
        await feed.until(lambda: "gpu-0000" in feed.nodes, "nodes")
        await feed.until(lambda: "reads pods" in feed.checks, "the refusal")
        told = feed.checks["reads pods"]
        assert told.state == "critical"
        assert told.detail.startswith('pods: pods is forbidden: User "nobody" cannot list resource "pods"')
        assert feed.nodes["gpu-0000"].gpus_used is None, "not known is not zero"
        assert "pod" not in feed.completes, "no list is not an empty list"


async def test_who_may_read_nothing_is_denied_in_the_servers_words(kubernetes: KubernetesCluster) -> None:
    async with feeding(context(kubernetes, "nobody")) as feed:
        error = await feed.ended()
    assert isinstance(error, Denied)
    assert "cannot list resource" in str(error)


async def test_an_expired_token_is_denied_with_user_and_file(kubernetes: KubernetesCluster) -> None:
    async with feeding(context(kubernetes, "expired")) as feed:
        error = await feed.ended()
    assert isinstance(error, Denied)
    assert "'expired'" in str(error) and str(kubernetes.kubeconfig) in str(error)


async def test_a_token_that_expires_later_ends_the_feed_as_denied(kubernetes: KubernetesCluster) -> None:
    control = kubernetes.control
    kubernetes.make_nodes(1)
    try:
        async with feeding(context(kubernetes, "oncall")) as feed:
            await feed.until(lambda: "node" in feed.completes, "nodes")
            control.revoke("oncall")
            error = await feed.ended()
    finally:
        control.readmit()
    assert isinstance(error, Denied) and "'oncall'" in str(error)


async def test_a_wrong_context_names_those_there_are(kubernetes: KubernetesCluster) -> None:
    async with feeding(context(kubernetes, "prod-east")) as feed:
        error = await feed.ended()
    assert isinstance(error, Unsupported)
    assert "'prod-east'" in str(error)
    assert "admin, expired, nobody, oncall, viewer" in str(error)


async def test_a_sign_in_command_is_run_and_one_that_fails_is_named(
    kubernetes: KubernetesCluster, tmp_path: Path
) -> None:
    kubernetes.make_nodes(1)
    async with feeding(context(kubernetes, "viewer")) as feed:
        await feed.until(lambda: feed.nodes, "nodes, through the plugin")
    config = json.loads(kubernetes.kubeconfig.read_text())
    for user in config["users"]:
        if "exec" in user["user"]:
            user["user"]["exec"] = {**user["user"]["exec"], "command": "false", "args": ["--login"]}
    broken = tmp_path / "kubeconfig"
    broken.write_text(json.dumps(config))
    async with feeding(context(kubernetes, "viewer", kubeconfig=str(broken))) as feed:
        error = await feed.ended()
    assert isinstance(error, Denied) and "false --login" in str(error)


async def test_a_server_that_stumbles_is_asked_again(kubernetes: KubernetesCluster) -> None:
    control = kubernetes.control
    kubernetes.make_nodes(1)
    for code in (429, 500, 503):
        control.refuse(code, times=1, method="GET", path="/api/v1/(nodes|pods)")
    async with feeding(context(kubernetes)) as feed:
        await whole(feed)
        assert not [name for name in feed.checks if name.startswith("reads")], "nothing is wrong any more"


async def test_a_body_that_breaks_off_is_no_listing(kubernetes: KubernetesCluster) -> None:
    control = kubernetes.control
    control.load([node("gpu-0000"), pod("one", node="gpu-0000")])
    control.truncate("/api/v1/pods")
    async with feeding(context(kubernetes)) as feed:
        await feed.until(lambda: "reads pods" in feed.checks, "the trouble")
        assert feed.checks["reads pods"].state == "warning"
        assert "pod" not in feed.completes
        control.truncate("")
        await feed.until(lambda: "one" in feed.pods, "the pod")
        await feed.until(lambda: "reads pods" not in feed.checks, "no trouble")


async def test_an_unready_server_is_told_and_read_on(kubernetes: KubernetesCluster) -> None:
    control = kubernetes.control
    (name,) = kubernetes.make_nodes(1)
    async with feeding(context(kubernetes)) as feed:
        await whole(feed)
        control.unready()
        await feed.until(lambda: feed.checks["API server"].state == "critical", "a complaint")
        cordon(kubernetes, name)
        await feed.until(lambda: feed.nodes[name].is_draining, "news all the same")


async def test_a_server_that_never_greets_is_unreachable(kubernetes: KubernetesCluster) -> None:
    kubernetes.control.half_open()
    started = time.monotonic()
    async with feeding(context(kubernetes)) as feed:
        error = await feed.ended()
    assert isinstance(error, Unreachable)
    assert time.monotonic() - started < FROZEN_SECONDS


async def test_a_watch_that_stays_broken_lets_its_kind_grow_old(kubernetes: KubernetesCluster) -> None:
    control = kubernetes.control
    control.load([node("gpu-0000"), job("llm", pods=1, gpus=1)])
    async with feeding(context(kubernetes)) as feed:
        await whole(feed)
        control.refuse(500, times=10_000, method="GET", path="/api/v1/pods")
        control.drop_watches()
        await feed.until(lambda: "reads pods" in feed.checks, "the trouble")
        stopped, nodes = feed.when["pod"], feed.when["node"]
        await feed.until(lambda: feed.when["node"] > nodes + 3.0, "nodes confirmed")
        assert feed.when["pod"] < feed.when["node"] - 2.0
        assert feed.when["pod"] - stopped < 1.0


async def test_a_token_file_that_was_renewed_is_read_again(kubernetes: KubernetesCluster, tmp_path: Path) -> None:
    control = kubernetes.control
    (name,) = kubernetes.make_nodes(1)
    token = tmp_path / "token"
    token.write_text("oncall-token")
    told = json.loads(kubernetes.kubeconfig.read_text())
    told["users"] = [{"name": "oncall", "user": {"tokenFile": str(token)}}]
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps(told))
    try:
        async with feeding(context(kubernetes, "oncall", kubeconfig=str(config))) as feed:
            await whole(feed)
            token.write_text("viewer-token")
            control.revoke("oncall")
            control.drop_watches()
            cordon(kubernetes, name)
            await feed.until(lambda: feed.nodes[name].is_draining, "news with the new token")
    finally:
        control.readmit()


async def test_a_sign_in_command_that_hangs_is_given_up(
    kubernetes: KubernetesCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "CONNECT_SECONDS", 1.0)
    told = json.loads(kubernetes.kubeconfig.read_text())
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sleep", "args": ["5"]}
    told["users"] = [{"name": "oncall", "user": {"exec": plugin}}]
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps(told))
    async with feeding(context(kubernetes, "oncall", kubeconfig=str(config))) as feed:
        error = await feed.ended(5.0)
    assert isinstance(error, Unreachable) and "sign-in command" in str(error)


@pytest.mark.parametrize(
    "server", ["https://", "gpu", "ftp://api.example", "https://[::1", "https://a b", "https://.x:1"]
)
async def test_a_server_that_is_no_address_is_told(kubernetes: KubernetesCluster, tmp_path: Path, server: str) -> None:
    told = json.loads(kubernetes.kubeconfig.read_text())
    told["clusters"][0]["cluster"]["server"] = server
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps(told))
    async with feeding(context(kubernetes, "oncall", kubeconfig=str(config))) as feed:
        assert str(await feed.ended())


async def test_a_certificate_that_is_not_trusted_is_told(kubernetes: KubernetesCluster, tmp_path: Path) -> None:
    told = json.loads(kubernetes.kubeconfig.read_text())
    del told["clusters"][0]["cluster"]["certificate-authority"]
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps(told))
    async with feeding(context(kubernetes, "oncall", kubeconfig=str(config))) as feed:
        error = await feed.ended()
    assert "certificate is not trusted" in str(error) and str(config) in str(error)


async def test_who_may_list_one_namespace_only_is_told_how(kubernetes: KubernetesCluster) -> None:
    api = "rbac.authorization.k8s.io/v1"
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}
    rules = [{"verbs": ["get", "list", "watch"], "apiGroups": ["", "batch", "policy"],
              "resources": ["pods", "jobs", "events", "poddisruptionbudgets"]}]  # fmt: skip
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reads"}
    where = {"name": "reads", "namespace": "train"}
    kubernetes.control.load(
        [
            node("gpu-0000"),
            pod("one", node="gpu-0000", gpus=1),
            {"apiVersion": api, "kind": "Role", "metadata": where, "rules": rules},
            {"apiVersion": api, "kind": "RoleBinding", "metadata": where, "subjects": [subject], "roleRef": ref},
        ]
    )
    async with feeding(context(kubernetes, "nobody")) as feed:
        assert "set namespaces" in str(await feed.ended())
    async with feeding(context(kubernetes, "nobody", namespaces=("train",))) as feed:
        await feed.until(lambda: "one" in feed.pods and "one" in feed.jobs, "pods of the namespace")
        await feed.until(lambda: feed.checks["reads nodes"].state == "critical", "the refusal of nodes")
        assert "node" not in feed.completes


async def test_a_group_that_is_served_in_another_version_is_read_in_it(kubernetes: KubernetesCluster) -> None:
    control = kubernetes.control
    control.install("kueue")
    control.serve("kueue", ["v1beta1"])
    kubernetes.call("POST", "/apis/kueue.x-k8s.io/v1beta1/clusterqueues",
                    {**cluster_queue("research", quota=8), "apiVersion": "kueue.x-k8s.io/v1beta1"})  # fmt: skip
    async with feeding(context(kubernetes)) as feed:
        await feed.until(lambda: "clusterqueue/research" in feed.queues, "the queue")


async def test_a_server_that_was_restored_to_an_older_version_is_listed_anew(
    kubernetes: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching_module, "WATCH_SECONDS", 3.0)
    monkeypatch.setattr(watching_module, "GRACE_SECONDS", 1.0)
    control = kubernetes.control
    control.load([node("gpu-0000")])
    async with feeding(context(kubernetes)) as feed:
        await whole(feed)
        kubernetes.fake.store.revision -= 5_000
        control.drop_watches()
        cordon(kubernetes, "gpu-0000")
        await feed.until(lambda: feed.nodes["gpu-0000"].is_draining, "what came after the restore", 30)
    kubernetes.fake.store.revision += 10_000
