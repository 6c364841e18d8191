"""Logs of pods and commands in them, of the fake Kubernetes, through the official client."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.client import ApiClient, ApiException, CoreV1Api
from kubernetes.config import new_client_from_config
from kubernetes.stream import stream

from tests.fakes.kubeapi.objects.pods import pod

from .kubernetes_cluster import KubernetesCluster

Object = dict[str, Any]

ERROR_CHANNEL = 3
SECONDS = 10.0


@pytest.fixture
def running(kubernetes: KubernetesCluster) -> KubernetesCluster:
    """With one pod `p` that runs."""
    (node,) = kubernetes.make_nodes(1)
    kubernetes.create(pod("p", node=node, gpus=1, labels={"app": "p"}))
    kubernetes.running("app=p", 1)
    return kubernetes


def api_of(cluster: KubernetesCluster, user: str) -> CoreV1Api:
    """`stream` replaces a method of its client, so that this client is for nothing else."""
    client: ApiClient = new_client_from_config(str(cluster.kubeconfig), context=user)
    return CoreV1Api(client)


def opened(cluster: KubernetesCluster, command: list[str], user: str = "oncall", **options: Any) -> Any:
    call: Callable[..., Any] = stream
    asked = {"stdout": True, "stderr": True, "stdin": False, "tty": False} | options
    connect = api_of(cluster, user).connect_get_namespaced_pod_exec
    return call(connect, "p", cluster.namespace, command=command, _preload_content=False, **asked)


def ended(answer: Any) -> tuple[str, str, Object]:
    """Both outputs, and the Status of channel 3."""
    answer.run_forever(timeout=SECONDS)
    said = answer.read_channel(1), answer.read_channel(2), json.loads(answer.read_channel(ERROR_CHANNEL))
    close(answer)
    return said


def close(answer: Any) -> None:
    """The client's own `close` leaves the socket open once the server has closed the websocket."""
    answer.close()
    answer.sock.shutdown()


def test_a_command_ends_with_a_status(running: KubernetesCluster) -> None:
    assert running.control.commands() == []
    out, err, status = ended(opened(running, ["echo", "a b"]))
    assert (out, err, status["status"]) == ("a b\n", "", "Success")
    (ran,) = running.control.commands()
    assert (ran["command"], ran["container"], ran["user"]) == (["echo", "a b"], "main", "oncall")


def test_an_exit_status_is_a_cause(running: KubernetesCluster) -> None:
    assert running.control.commands() == []
    _, _, status = ended(opened(running, ["sh", "-c", "exit 3"]))
    assert (status["status"], status["reason"]) == ("Failure", "NonZeroExitCode")
    assert status["message"] == "command terminated with non-zero exit code: exit status 3"
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


def test_a_test_can_say_what_a_command_answers(running: KubernetesCluster) -> None:
    running.control.answer_command("nvidia-smi *", stdout="8 GPUs\n", stderr="slow\n", code=9)
    out, err, status = ended(opened(running, ["nvidia-smi", "-L"]))
    assert (out, err, status["details"]["causes"][0]["message"]) == ("8 GPUs\n", "slow\n", "9")


def test_an_unreachable_kubelet_is_told_on_channel_three_only(running: KubernetesCluster) -> None:
    if not running.is_real:
        running.control.kubelet_down(running.get("pods", "p")["spec"]["nodeName"])
    out, err, status = ended(opened(running, ["true"]))
    assert (out, err) == ("", "")
    assert status["status"] == "Failure"
    assert status["message"].startswith("error dialing backend: dial tcp: lookup")


def test_who_may_not_is_refused_in_the_handshake(running: KubernetesCluster) -> None:
    with pytest.raises(ApiException) as refused:
        opened(running, ["true"], user="viewer")
    assert refused.value.status == 0
    text = str(refused.value.reason)
    assert text.startswith("Handshake status 403 Forbidden -+-+- {")
    name = running.username("viewer")
    said = f'User \\"{name}\\" cannot get resource \\"pods/exec\\" in API group \\"\\"'
    assert said in text.rpartition(" -+-+- ")[2]


def test_get_alone_is_not_enough(running: KubernetesCluster) -> None:
    rules = [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods/exec"]}]
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{running.namespace}"
    role = {"metadata": {"name": "half"}, "rules": rules}
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": running.username("nobody")}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "half"}
    assert running.call("POST", f"{rbac}/roles", role)[0] == 201
    binding = {"metadata": {"name": "half"}, "subjects": [subject], "roleRef": reference}
    assert running.call("POST", f"{rbac}/rolebindings", binding)[0] == 201
    with pytest.raises(ApiException) as refused:
        opened(running, ["true"], user="nobody")
    assert '"message":"pods \\"p\\" is forbidden: "' in str(refused.value.reason)


def test_a_shell_can_be_typed_into_and_knows_its_size(running: KubernetesCluster) -> None:
    assert not running.control.commands()
    shell = opened(running, ["sh"], stdin=True, tty=True)
    shell.write_channel(4, '{"Width":132,"Height":43}')
    shell.write_stdin("stty size\r")
    seen = ""
    while "43 132" not in seen and shell.is_open():
        shell.update(timeout=SECONDS)
        seen += shell.read_stdout()
    assert "# stty size" in seen, "a terminal echoes"
    shell.write_stdin("exit 4\r")
    shell.run_forever(timeout=SECONDS)
    assert shell.returncode == 4
    close(shell)


def test_logs_are_text(running: KubernetesCluster) -> None:
    running.control.write_log("train", "p", ["one", "two", "three"])
    core = CoreV1Api(running.client("oncall"))
    assert core.read_namespaced_pod_log("p", running.namespace) == "one\ntwo\nthree\n"
    assert core.read_namespaced_pod_log("p", running.namespace, tail_lines=1) == "three\n"
    stamped = core.read_namespaced_pod_log("p", running.namespace, timestamps=True).splitlines()
    assert stamped[0].endswith("Z one")


def test_logs_can_be_followed(running: KubernetesCluster) -> None:
    running.control.write_log("train", "p", ["one"])
    core = CoreV1Api(running.client("oncall"))
    answer: Any = core.read_namespaced_pod_log("p", running.namespace, follow=True, _preload_content=False)
    pieces = answer.stream()
    assert next(pieces) == b"one\n"
    running.control.write_log("train", "p", ["two"])
    assert next(pieces) == b"two\n"
    answer.close()


def test_logs_without_a_kubelet_are_an_error(running: KubernetesCluster) -> None:
    node = running.get("pods", "p")["spec"]["nodeName"]
    if not running.is_real:
        running.control.kubelet_down(node)
    code, body = running.call("GET", running.path("pods", "p") + "/log", user="oncall")
    assert code == 500
    path = f"https://{node}:10250/containerLogs/{running.namespace}/p/main"
    assert body["message"].startswith(f'Get "{path}": dial tcp: lookup {node}')


def test_of_two_containers_one_must_be_named(kubernetes: KubernetesCluster) -> None:
    (node,) = kubernetes.make_nodes(1)
    kubernetes.create(pod("p", node=node, gpus=0, labels={"app": "p"}, containers=("main", "sidecar")))
    kubernetes.running("app=p", 1)
    code, body = kubernetes.call("GET", kubernetes.path("pods", "p") + "/log")
    assert code == 400
    assert body["message"] == "a container name must be specified for pod p, choose one of: [main sidecar]"
    kubernetes.control.write_log("train", "p", ["hello"], container="sidecar")
    assert kubernetes.call("GET", kubernetes.path("pods", "p") + "/log?container=sidecar") == (200, "hello\n")
