"""A large cluster at once: nodes full of jobs, each job with a budget, as in the recorded one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.kubeapi.kubelets import running_status
from tests.fakes.kubeapi.resources import JOBS, NODES, PODS
from tests.fakes.kubeapi.strategies import prepared, with_identity

from .jobs import budget, job
from .nodes import GPU_TAINT, node
from .pods import bookkept, pod, pod_spec

Object = dict[str, Any]

PODS_PER_JOB = 64


def node_name(number: int) -> str:
    """`gpu-0000` on."""
    return f"gpu-{number:04}"


def fleet(nodes: int, pods: int, namespace: str = "train", labels: dict[str, str] | None = None) -> Iterator[Object]:
    """Nodes `gpu-0000`..; jobs `llm-000`.. of 64 pods `llm-000-00`.., each with a GPU and a budget of one less."""
    for number in range(nodes):
        made = node(node_name(number), taints=[GPU_TAINT], labels={"rack": f"r{number // 16:02}"} | (labels or {}))
        yield with_identity(prepared(NODES, made))
    for first in range(0, pods, PODS_PER_JOB):
        count = min(PODS_PER_JOB, pods - first)
        yield from _job(f"llm-{first // PODS_PER_JOB:03}", namespace, first, count, nodes)


def _job(name: str, namespace: str, first: int, count: int, nodes: int) -> Iterator[Object]:
    made = prepared(JOBS, with_identity(job(name, namespace, pods=count, gpus=1, labels={"job": name})))
    made["status"] = {"active": count, "ready": count, "terminating": 0, "uncountedTerminatedPods": {},
                      "startTime": made["metadata"]["creationTimestamp"]}  # fmt: skip
    yield made
    yield with_identity(budget(name, namespace, match={"job": name}, min_available=count - 1))
    for index in range(count):
        yield running_pod(f"{name}-{index:02}", namespace, node_name((first + index) % nodes), 1, name, made)


def running_pod(name: str, namespace: str, node: str, gpus: int, job_name: str, owner: Object | None) -> Object:
    """A pod of a job that runs, with all that a real one carries."""
    labels = {"app": job_name, "job": job_name, "batch.kubernetes.io/job-name": job_name}
    made = pod(name, namespace, node=node, gpus=gpus, labels=labels, owner=owner)
    made["spec"] = {**pod_spec(gpus, restart="Never"), "nodeName": node, "securityContext": {}}
    made["spec"]["volumes"] = [_TOKEN_VOLUME]
    made["spec"]["containers"][0]["volumeMounts"] = [_TOKEN_MOUNT]
    made["spec"]["containers"][0]["terminationMessagePolicy"] = "File"
    made = prepared(PODS, with_identity(made))
    return bookkept({**made, "status": running_status(made)})


_TOKEN_VOLUME = {
    "name": "kube-api-access-7k2xj",
    "projected": {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [
                {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
            ]}},
        ],
        "defaultMode": 420,
    },
}  # fmt: skip
_TOKEN_MOUNT = {
    "name": "kube-api-access-7k2xj",
    "readOnly": True,
    "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
}
