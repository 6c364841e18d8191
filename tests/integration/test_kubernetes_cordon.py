"""Nodes are taken out of service and back, bound to what was seen, and every refusal is in the server's words."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from crashcart.backends.errors import Denied, Unreachable, Unsupported
from crashcart.backends.kubernetes.cordoned_by import AT, BY, REASON
from crashcart.backends.kubernetes.powers import KubernetesPowers
from crashcart.backends.model import Node

from .kubernetes_cluster import KubernetesCluster
from .kubernetes_powers import host_name, powers_of

WHY = "crashcart:alice INC-1 xid 79"
LOOK_AGAIN = "has changed since you looked: look again"


@pytest.fixture
def own(kubernetes: KubernetesCluster) -> str:
    """The first of two nodes, as Kubernetes calls it."""
    return kubernetes.make_nodes(2)[0]


@pytest.fixture
def node(own: str) -> str:
    """The same node, as everybody else calls it."""
    return host_name(own)


@pytest.fixture
def powers(kubernetes: KubernetesCluster, node: str) -> Iterator[KubernetesPowers]:
    with powers_of(kubernetes) as made:
        yield made


async def one(powers: KubernetesPowers, node: str) -> Node:
    (found,) = await powers.observe_nodes([node])
    return found


def marks(kubernetes: KubernetesCluster, own: str) -> dict[str, str]:
    return kubernetes.get("nodes", own)["metadata"].get("annotations") or {}


async def test_a_cordon_says_who_and_why_and_reads_back_as_that(powers: KubernetesPowers, node: str) -> None:
    await powers.observe()
    result = await powers.apply(powers.drain(node, WHY), timeout=10)

    assert (result.state, result.detail) == ("ok", "")
    seen = await one(powers, node)
    assert (seen.flags, seen.reason, seen.reason_by) == (("CORDON",), WHY, "alice")
    assert seen.reason_at is not None and abs(seen.reason_at - seen.when) < 10
    (other,) = await powers.observe_nodes([node.removesuffix("0") + "1"])
    assert (other.flags, other.reason) == ((), None)


async def test_an_uncordon_takes_our_marks_away(
    powers: KubernetesPowers, node: str, kubernetes: KubernetesCluster, own: str
) -> None:
    await powers.observe()
    await powers.apply(powers.drain(node, WHY), timeout=10)
    await powers.observe_nodes([node])
    result = await powers.apply(powers.resume(node), timeout=10)

    assert result.state == "ok"
    assert (await one(powers, node)).flags == ()
    assert not {BY, REASON, AT} & marks(kubernetes, own).keys()
    kubernetes.until(lambda: "taints" not in kubernetes.get("nodes", own)["spec"], "node without the taint of a cordon")


async def test_somebody_who_was_faster_is_not_overruled(
    powers: KubernetesPowers, node: str, kubernetes: KubernetesCluster, own: str
) -> None:
    await powers.observe()
    kubernetes.patch("nodes", own, {"spec": {"unschedulable": True}})
    result = await powers.apply(powers.drain(node, WHY), timeout=10)

    assert (result.state, result.detail) == ("failed", f"node {own} {LOOK_AGAIN}")
    assert REASON not in marks(kubernetes, own)


async def test_a_label_that_changed_is_a_change(
    powers: KubernetesPowers, node: str, kubernetes: KubernetesCluster, own: str
) -> None:
    await powers.observe()
    kubernetes.patch("nodes", own, {"metadata": {"labels": {"pool": "other"}}})

    result = await powers.apply(powers.drain(node, WHY), timeout=10)
    assert (result.state, result.detail) == ("failed", f"node {own} {LOOK_AGAIN}")

    await powers.observe_nodes([node])
    assert (await powers.apply(powers.drain(node, WHY), timeout=10)).state == "ok"


async def test_a_heartbeat_of_the_kubelet_is_no_change(
    powers: KubernetesPowers, node: str, kubernetes: KubernetesCluster, own: str
) -> None:
    await powers.observe()
    status = kubernetes.get("nodes", own)["status"]
    kubernetes.control.change("nodes", own, status={**status, "images": []})

    assert (await powers.apply(powers.drain(node, WHY), timeout=10)).state == "ok"


async def test_what_is_so_already_is_done(
    powers: KubernetesPowers, node: str, kubernetes: KubernetesCluster, own: str
) -> None:
    await powers.observe()
    change = powers.drain(node, WHY)
    await powers.apply(change, timeout=10)
    result = await powers.apply(change, timeout=10)  # as after a lost answer

    assert (result.state, result.detail) == ("ok", f"node {own} is so already")


async def test_an_answer_that_is_lost_leaves_it_open(
    powers: KubernetesPowers, node: str, kubernetes: KubernetesCluster, own: str
) -> None:
    await powers.observe()
    kubernetes.control.truncate(f"/nodes/{own}$")
    result = await powers.apply(powers.drain(node, WHY), timeout=10)
    kubernetes.control.heal()

    assert result.state == "unknown"
    assert "broke" in result.detail
    assert (await one(powers, node)).flags == ("CORDON",), "it was done all the same"


@pytest.mark.parametrize(("code", "state"), [(429, "failed"), (500, "unknown"), (503, "failed")])
async def test_a_server_in_trouble_is_asked_once(
    powers: KubernetesPowers, node: str, kubernetes: KubernetesCluster, code: int, state: str
) -> None:
    await powers.observe()
    kubernetes.control.refuse(code, times=1, method="PATCH")
    result = await powers.apply(powers.drain(node, WHY), timeout=10)

    assert result.state == state
    assert (await one(powers, node)).flags == ()


async def test_a_frozen_server_leaves_it_open_within_its_deadline(
    kubernetes: KubernetesCluster, node: str, own: str
) -> None:
    with powers_of(kubernetes, timeout_seconds=1.0) as powers:
        await powers.observe()
        kubernetes.control.freeze()
        result = await powers.apply(powers.drain(node, WHY), timeout=10)
        kubernetes.control.heal()

    assert result.state == "unknown"
    assert result.detail.endswith(f"does not answer (node {own} timed out)")


async def test_a_server_that_is_not_there_was_sent_nothing(kubernetes: KubernetesCluster, node: str) -> None:
    elsewhere = kubernetes.home / "elsewhere"
    elsewhere.write_text(kubernetes.kubeconfig.read_text().replace(f":{kubernetes.fake.port}", ":9"))
    with (
        powers_of(kubernetes, kubeconfig=str(elsewhere)) as powers,
        pytest.raises(Unreachable, match=r"127.0.0.1:9: nothing listens there \(connection refused\)"),
    ):
        await powers.apply(powers.drain(node, WHY), timeout=10)


async def test_a_viewer_is_refused_in_the_words_of_the_server(
    kubernetes: KubernetesCluster, node: str, own: str
) -> None:
    with powers_of(kubernetes, "viewer") as powers:
        await powers.observe()
        result = await powers.apply(powers.drain(node, WHY), timeout=10)

    assert result.state == "failed"
    user = kubernetes.username("viewer")
    assert result.detail == (
        f'nodes "{own}" is forbidden: User "{user}" cannot patch resource "nodes" in API group "" at the cluster scope'
    )


async def test_an_expired_token_is_named_with_its_file(kubernetes: KubernetesCluster, node: str) -> None:
    with powers_of(kubernetes, "expired") as powers, pytest.raises(Denied, match=r"401 Unauthorized.*sign in anew"):
        await powers.observe()


async def test_a_token_that_expires_in_between_changes_nothing(
    kubernetes: KubernetesCluster, node: str, own: str
) -> None:
    with powers_of(kubernetes) as powers:
        await powers.observe()
        kubernetes.control.revoke("oncall")
        try:
            with pytest.raises(Denied, match="renew the token"):
                await powers.apply(powers.drain(node, WHY), timeout=10)
        finally:
            kubernetes.control.readmit()
    assert marks(kubernetes, own) == {}


async def test_a_wrong_context_names_those_there_are(kubernetes: KubernetesCluster, node: str) -> None:
    with powers_of(kubernetes, "prod") as powers, pytest.raises(Unsupported, match="no context 'prod'; it has: admin"):
        await powers.observe()


async def test_a_node_that_is_gone_is_said_to_be(
    powers: KubernetesPowers, node: str, kubernetes: KubernetesCluster, own: str
) -> None:
    await powers.observe()
    kubernetes.control.remove("nodes", own)
    result = await powers.apply(powers.drain(node, WHY), timeout=10)

    assert (result.state, result.detail) == ("failed", f'nodes "{own}" not found')
    assert await powers.observe_nodes([node]) == ()


async def test_many_nodes_are_read_by_one_listing(powers: KubernetesPowers, kubernetes: KubernetesCluster) -> None:
    kubernetes.control.clear()
    names = [host_name(name) for name in kubernetes.make_nodes(12)]
    await powers.observe()
    kubernetes.control.requests()

    assert {found.name for found in await powers.observe_nodes([*names, "gpu9999"])} == set(names)
    assert [path for path in kubernetes.control.requests() if "/nodes/" in path] == []


def test_a_reboot_is_not_for_this_api(powers: KubernetesPowers, node: str) -> None:
    with pytest.raises(Unsupported, match="nothing reboots nodes"):
        powers.reboot(node, WHY)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
async def test_the_command_that_is_shown_does_the_same(
    powers: KubernetesPowers, node: str, kubernetes: KubernetesCluster, own: str
) -> None:
    await powers.observe()
    change = powers.drain(node, WHY)
    assert shlex.split(change.text)[:5] == [
        "kubectl", "--kubeconfig", str(kubernetes.kubeconfig), "--context", "oncall",
    ]  # fmt: skip
    done = subprocess.run(["sh", "-c", change.text], capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    seen = await one(powers, node)
    assert (seen.flags, seen.reason, seen.reason_by) == (("CORDON",), WHY, "alice")

    undone = subprocess.run(
        ["sh", "-c", powers.resume(node).text], capture_output=True, text=True, check=False, timeout=60
    )
    assert undone.returncode == 0, undone.stderr
    assert (await one(powers, node)).flags == ()
    assert marks(kubernetes, own) == {}
