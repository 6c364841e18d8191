"""Our part of a real cluster: a namespace, service accounts as users, nodes that do not exist and their kubelet."""

from __future__ import annotations

import json
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.fakes.kubeapi import kubeconfig, roles
from tests.fakes.kubeapi.kubelets import running_status

from .kubernetes_calls import Caller

Object = dict[str, Any]

LABEL = "crashcart-test"
ACCOUNTS = ("oncall", "viewer", "nobody")
KUBELET_SECONDS = 0.3  # between two looks at our pods
LEASE_SECONDS = 5.0
GONE_SECONDS = 60.0
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def confined(value: Object, label: dict[str, str]) -> Object:
    """A Pod, Job or JobSet whose pods can be placed on nodes with a label only."""
    spec = value.get("spec") or {}
    match value["kind"]:
        case "Pod":
            return {**value, "spec": {**spec, "nodeSelector": (spec.get("nodeSelector") or {}) | label}}
        case "Job":
            return {**value, "spec": {**spec, "template": _inside("Pod", spec["template"], label)}}
        case "JobSet":
            jobs = [{**one, "template": _inside("Job", one["template"], label)} for one in spec["replicatedJobs"]]
            return {**value, "spec": {**spec, "replicatedJobs": jobs}}
    return value


def _inside(kind: str, template: Object, label: dict[str, str]) -> Object:
    """A template, which names no kind."""
    made = confined({**template, "kind": kind}, label)
    return {key: part for key, part in made.items() if key != "kind"}


class RealCluster:
    """Everything that it makes carries `label` or lies in `namespace`, and is gone after `close`."""

    def __init__(self, source: Path, home: Path) -> None:
        self._caller = Caller(source)
        self._home = home
        run = uuid.uuid4().hex[:6]
        self.namespace = f"crashcart-test-{run}"
        self.label = {LABEL: run}
        self.kubeconfig = home / "kubeconfig"
        self._nodes: list[str] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._play_kubelet, name="test-kubelet", daemon=True)

    def start(self) -> None:
        """Namespace, users, kubeconfig; then the kubelet."""
        try:
            self._furnish()
            self._thread.start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove all of ours."""
        self._remove_nodes()
        for kind in ("clusterrolebindings", "clusterroles"):
            self._caller.call("DELETE", f"{_RBAC}/{kind}?labelSelector={self._selector}")
        self._caller.call("DELETE", f"/api/v1/namespaces/{self.namespace}")
        self._await(lambda: self._caller.call("GET", f"/api/v1/namespaces/{self.namespace}")[0] == 404)
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        self._caller.close()

    def clear(self) -> None:
        """No node, job, pod or budget of ours is left."""
        inside = f"namespaces/{self.namespace}"
        for where in (f"/apis/batch/v1/{inside}/jobs", f"/apis/policy/v1/{inside}/poddisruptionbudgets"):
            self._caller.call("DELETE", f"{where}?propagationPolicy=Background")
        pods = f"/api/v1/{inside}/pods"
        self._caller.call("DELETE", f"{pods}?gracePeriodSeconds=0")
        self._await(lambda: not self._items(pods))
        self._remove_nodes()

    def adopt(self, nodes: tuple[str, ...]) -> None:
        """Be the kubelet of these nodes from now on."""
        self._nodes.extend(nodes)

    def username(self, user: str) -> str:
        if user in ACCOUNTS:
            return f"system:serviceaccount:{self.namespace}:{user}"
        answer = self._made("/apis/authentication.k8s.io/v1/selfsubjectreviews", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})  # fmt: skip
        return str(answer["status"]["userInfo"]["username"])

    def _furnish(self) -> None:
        self._made("/api/v1/namespaces", {
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": self.label}
        })  # fmt: skip
        accounts = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        self._await(lambda: self._caller.call("GET", f"{accounts}/default")[0] == 200)
        for name in ACCOUNTS:
            self._made(accounts, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
        self._grant("oncall", roles.ONCALL_RULES, ["oncall"])
        self._grant("view", roles.VIEW_RULES, ["oncall", "viewer"])
        for value in roles.operator_roles(self.namespace, self._subject("oncall")):
            self._made(f"{_RBAC}/namespaces/{self.namespace}/{value['kind'].lower()}s", value)
        self._write_kubeconfig()

    def _grant(self, name: str, rules: list[Object], accounts: list[str]) -> None:
        full = f"crashcart-{name}-{self.label[LABEL]}"
        subjects = [self._subject(account) for account in accounts]
        for value in (roles.role(full, rules), roles.binding(full, full, subjects)):
            value["metadata"]["labels"] = self.label
            self._made(f"{_RBAC}/{value['kind'].lower()}s", value)

    def _subject(self, account: str) -> Object:
        return {"kind": "ServiceAccount", "name": account, "namespace": self.namespace}

    def _write_kubeconfig(self) -> None:
        known = self._caller.client.configuration
        trust: Object = {"insecure-skip-tls-verify": True}
        if known.ssl_ca_cert:
            trust = {"certificate-authority": self._copied(known.ssl_ca_cert, "ca.crt")}
        users: dict[str, Object] = {"admin": {}}
        if known.cert_file:
            users["admin"] |= {
                "client-certificate": self._copied(known.cert_file, "admin.crt"),
                "client-key": self._copied(known.key_file, "admin.key"),
            }
        if token := known.get_api_key_with_prefix("BearerToken"):
            users["admin"]["token"] = str(token).removeprefix("Bearer ")
        for name in ACCOUNTS:
            path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{name}/token"
            answer = self._made(path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
            users[name] = {"token": answer["status"]["token"]}
        users["expired"] = {"token": "not-a-token-any-more"}
        self.kubeconfig.write_text(json.dumps(kubeconfig.config(known.host, trust, users, self.namespace)))
        self.kubeconfig.chmod(0o600)

    def _copied(self, source: str, name: str) -> str:
        """The client's own copy is gone when it ends."""
        target = self._home / name
        shutil.copyfile(source, target)
        target.chmod(0o600)
        return str(target)

    # the kubelet of nodes that do not exist

    def _play_kubelet(self) -> None:
        renewed = 0.0
        while not self._ending.wait(KUBELET_SECONDS):
            if time.monotonic() - renewed > LEASE_SECONDS:
                for name in list(self._nodes):
                    self._renew(name)
                renewed = time.monotonic()
            for pod in self._items(f"/api/v1/namespaces/{self.namespace}/pods"):
                self._tend(pod)

    def _tend(self, pod: Object) -> None:
        if pod["spec"].get("nodeName") not in self._nodes:
            return
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}"
        if pod["metadata"].get("deletionTimestamp"):
            self._caller.call("DELETE", f"{path}?gracePeriodSeconds=0")
        elif pod["status"].get("phase") == "Pending":
            self._caller.call("PATCH", f"{path}/status", {"status": running_status(pod)})

    def _renew(self, node: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": now}
        if self._caller.call("PATCH", f"{_LEASES}/{node}", {"spec": spec})[0] == 404:
            metadata = {"name": node, "namespace": "kube-node-lease", "labels": self.label}
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
            self._caller.call("POST", _LEASES, lease)

    def _remove_nodes(self) -> None:
        self._nodes.clear()
        self._caller.call("DELETE", f"/api/v1/nodes?labelSelector={self._selector}")
        self._caller.call("DELETE", f"{_LEASES}?labelSelector={self._selector}")

    # requests as the administrator

    @property
    def _selector(self) -> str:
        return f"{LABEL}%3D{self.label[LABEL]}"

    def _items(self, path: str) -> list[Object]:
        return list(self._caller.call("GET", path)[1].get("items") or [])

    def _made(self, path: str, value: Object) -> Object:
        code, answer = self._caller.call("POST", path, value)
        assert code == 201, answer
        return dict(answer)

    def _await(self, check: Callable[[], bool]) -> None:
        deadline = time.monotonic() + GONE_SECONDS
        while not check():
            assert time.monotonic() < deadline, f"the cluster did not follow in {GONE_SECONDS:g} s"
            time.sleep(KUBELET_SECONDS)
