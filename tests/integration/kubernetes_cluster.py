"""A Kubernetes cluster for tests: the fake one, or a real one in which only what is ours is made and removed."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.fakes.kubeapi.control import Control
from tests.fakes.kubeapi.fake import FakeCluster
from tests.fakes.kubeapi.objects.nodes import node
from tests.fakes.kubeapi.resources import NODES, Resource, resource_named, resource_of

from .kubernetes_calls import Caller
from .kubernetes_real import RealCluster, confined

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Object = dict[str, Any]

REAL = "CRASHCART_TEST_KUBECONFIG"
"""Environment variable that names the kubeconfig of a real cluster whose current user may do everything."""
TRAIN = "train"
POLL_SECONDS = 0.05


class KubernetesCluster:
    """Users are `admin`, `oncall`, `viewer`, `nobody` and `expired`, each a context of `kubeconfig`.

    Objects that builders put into the namespace `train` go to `namespace`; nodes made by `make_nodes` carry `label`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._fake: FakeCluster | None = None
        self._real: RealCluster | None = None
        self._callers: dict[str, Caller] = {}
        if source := os.environ.get(REAL):
            self._real = RealCluster(Path(source), home)
            self.kubeconfig, self.namespace, self.label = (
                self._real.kubeconfig,
                self._real.namespace,
                self._real.label,
            )
        else:
            self._fake = FakeCluster(home)
            self.kubeconfig, self.namespace = self._fake.kubeconfig, TRAIN
            self.label = {"crashcart-test": uuid.uuid4().hex[:6]}

    def __enter__(self) -> KubernetesCluster:
        if self._fake is not None:
            self._fake.__enter__()
        if self._real is not None:
            self._real.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for caller in self._callers.values():
            caller.close()
        if self._fake is not None:
            self._fake.close()
        if self._real is not None:
            self._real.close()

    @property
    def is_real(self) -> bool:
        return self._real is not None

    @property
    def control(self) -> Control:
        """What only the fake can do; a test that asks for it is skipped on a real cluster."""
        if self._fake is None:
            pytest.skip("only a fake cluster can be made to do this")
        return self._fake.control

    @property
    def fake(self) -> FakeCluster:
        """The fake itself; a test that asks for it is skipped on a real cluster."""
        if self._fake is None:
            pytest.skip("only a fake cluster can tell this")
        return self._fake

    def username(self, user: str) -> str:
        """What the server calls a user."""
        return user if self._real is None else self._real.username(user)

    def clear(self) -> None:
        """Nothing of ours is there any more, and nothing is wrong."""
        if self._fake is not None:
            self._fake.control.clear()
        if self._real is not None:
            self._real.clear()

    # requests, as any client makes them

    def user(self, name: str) -> Caller:
        """Plain requests of a user."""
        if name not in self._callers:
            self._callers[name] = Caller(self.kubeconfig, name)
        return self._callers[name]

    def client(self, user: str = "admin") -> ApiClient:
        """The official client, signed in as a user."""
        return self.user(user).client

    def call(
        self, method: str, path: str, body: object = None, *, user: str = "admin", content_type: str = ""
    ) -> tuple[int, Any]:
        """Status and body; the body is text where the server sends no JSON."""
        return self.user(user).call(method, path, body, content_type)

    # objects

    def path(self, resource: str, name: str = "", namespace: str = TRAIN) -> str:
        """Of `nodes`, `pods`, `jobs.batch`; what is namespaced is in ours."""
        return self._path(resource_named(resource), name, namespace)

    def create(self, value: Object) -> Object:
        """Create an object, and give it its status. In a real cluster its pods can come to our nodes only."""
        resource = resource_of(value)
        metadata = dict(value["metadata"])
        if resource.namespaced:
            metadata["namespace"] = self._namespace(metadata.get("namespace", TRAIN))
        else:
            metadata["labels"] = (metadata.get("labels") or {}) | self.label
        where = self._path(resource, "", metadata.get("namespace", ""))
        sent = {**value, "metadata": metadata}
        code, made = self.call("POST", where, sent if self._real is None else confined(sent, self.label))
        assert code == 201, made
        if "status" in value and resource.has_status and resource != NODES:
            code, made = self.call("PATCH", f"{where}/{made['metadata']['name']}/status", {"status": value["status"]})
            assert code == 200, made
        return cast(Object, made)

    def get(self, resource: str, name: str, namespace: str = TRAIN) -> Object:
        code, value = self.call("GET", self.path(resource, name, namespace))
        assert code == 200, value
        return cast(Object, value)

    def items(self, resource: str, namespace: str = TRAIN, query: str = "") -> list[Object]:
        """All objects of a kind in a namespace; nodes only if they are ours."""
        if resource == "nodes":
            query = f"{query}&labelSelector=" + ",".join(f"{key}={value}" for key, value in self.label.items())
        code, value = self.call("GET", f"{self.path(resource, '', namespace)}?{query.lstrip('&')}")
        assert code == 200, value
        return cast(list[Object], value["items"])

    def patch(self, resource: str, name: str, change: Object, namespace: str = TRAIN) -> Object:
        """A merge patch, as admin."""
        code, value = self.call("PATCH", self.path(resource, name, namespace), change)
        assert code == 200, value
        return cast(Object, value)

    def make_nodes(self, count: int, **options: Any) -> tuple[str, ...]:
        """Nodes with a kubelet (objects/nodes.py tells the options); returns when pods can be placed on them."""
        prefix = "gpu" if self._real is None else f"cct-{self.label['crashcart-test']}"
        names = tuple(f"{prefix}-{number:04}" for number in range(count))
        for name in names:
            self.create(node(name, **options))
        if self._real is not None:
            self._real.adopt(names)
            self.until(lambda: all(_is_schedulable(one) for one in self.items("nodes")), "nodes that are schedulable")
        return names

    def running(self, selector: str, count: int, seconds: float = 20.0) -> list[Object]:
        """Pods with these labels, as soon as so many run."""
        found: list[Object] = []

        def enough() -> bool:
            pods = self.items("pods", query=f"labelSelector={selector}")
            found[:] = [pod for pod in pods if _runs(pod)]
            return len(found) == count

        self.until(enough, f"{count} running pods with {selector}", seconds)
        return found

    def until(self, check: Callable[[], object], what: str, seconds: float = 20.0) -> None:
        """Returns when `check` is true. Fails with `what` was awaited."""
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, f"no {what} in {seconds:g} s"
            time.sleep(POLL_SECONDS)

    def load(self, objects: Iterable[Object]) -> None:
        """Create all, one after the other."""
        for value in objects:
            self.create(value)

    def _namespace(self, name: str) -> str:
        return self.namespace if name == TRAIN else name

    def _path(self, resource: Resource, name: str, namespace: str) -> str:
        root = f"/apis/{resource.group}" if resource.group else "/api"
        inside = f"/namespaces/{self._namespace(namespace)}" if resource.namespaced and namespace else ""
        return f"{root}/{resource.versions[0]}{inside}/{resource.plural}" + (f"/{name}" if name else "")


def _runs(pod: Object) -> bool:
    return pod["status"].get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")


def _is_schedulable(value: Object) -> bool:
    taints = value["spec"].get("taints") or []
    return not any(taint["key"] == "node.kubernetes.io/not-ready" for taint in taints)
