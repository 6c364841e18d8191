"""Everything a test can do to the fake that no client of a cluster could: objects as they are, faults, settings.

All arguments and results can be sent as JSON, so that the same methods serve a fake in this process and in another."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .fault_control import FaultControl
from .kubelets import ended_status
from .objects.fleet import fleet
from .pod_access import ScriptedAnswer
from .resources import ALL, PODS, resource_named, resource_of
from .roles import operator_roles, recorded_roles, system_roles
from .status import not_found
from .store import Stored, key_of
from .strategies import prepared, with_first_status, with_identity

Object = dict[str, Any]

TRAIN = "train"
SYSTEM_NAMESPACES = ("default", "kube-system", "gpu-operator")


class Control(FaultControl):
    """One per fake: objects, history, settings, pods; faults come with FaultControl."""

    # objects

    def furnish(self) -> None:
        """What is there in the beginning: namespaces, roles; `train` is where `oncall` may act on jobs."""
        namespaces = [_namespace(name) for name in (*SYSTEM_NAMESPACES, TRAIN)]
        accounts = [_account(one["metadata"]["name"]) for one in namespaces]
        self.load([*namespaces, *accounts, *system_roles(), *recorded_roles(), *operator_roles(TRAIN)])

    def load(self, objects: list[Object]) -> list[Object]:
        """Store objects as they are, status and all; without a uid they get one."""
        with self._store.lock:
            return [self._put(value).value for value in objects]

    def fleet(self, nodes: int, pods: int) -> None:
        """A large cluster in the namespace `train` (objects/fleet.py)."""
        with self._store.lock:
            for value in fleet(nodes, pods, TRAIN):
                self._store.put(resource_of(value), value)

    def get(self, resource: str, name: str, namespace: str = "") -> Object:
        """An object as it is stored; `resource` is `nodes` or `jobs.batch`."""
        return self._row(resource, name, namespace).value

    def change(self, resource: str, name: str, namespace: str = "", **parts: Any) -> Object:
        """Replace top parts of an object (`spec`, `status`), unchecked."""
        with self._store.lock:
            row = self._row(resource, name, namespace)
            return self._store.put(row.resource, {**row.value, **parts}).value

    def remove(self, resource: str, name: str, namespace: str = "") -> None:
        """Gone at once, whatever it waits for."""
        with self._store.lock:
            row = self._row(resource, name, namespace)
            self._store.remove(row.resource, key_of(row.value))

    def clear(self) -> None:
        """An empty cluster again, without faults; history and revisions go on."""
        self.heal()
        with self._store.lock:
            for resource in ALL:
                for key in list(self._store.shelf(resource).rows):
                    self._store.remove(resource, key)
            self._api.pods.clear()
            self._api.discovery.clear()
            self.furnish()

    def end_pod(self, namespace: str, name: str, phase: str = "Succeeded", code: int = 0) -> None:
        """Its containers end with a status."""
        with self._store.lock:
            row = self._row("pods", name, namespace)
            self._store.put(PODS, {**row.value, "status": ended_status(row.value, phase, code)})

    # watches and history

    def forget_history(self) -> None:
        """Compaction and a restart: all revisions until now are too old to watch from."""
        self._store.forget_history()

    def bookmarks_every(self, seconds: float) -> None:
        self._api.watching.bookmark_seconds = seconds

    def stream_lists(self, on: bool) -> None:
        """Off is an older server, which refuses `sendInitialEvents`."""
        self._api.watching.streams_lists = on

    def revision(self) -> int:
        return self._store.revision

    # what the cluster is made of

    def install(self, name: str) -> None:
        """CRDs: kueue, jobset, volcano, volcano-jobs, kubeflow."""
        self._api.discovery.install(name)

    def uninstall(self, name: str) -> None:
        self._api.discovery.uninstall(name)

    def serve(self, name: str, versions: list[str]) -> None:
        """Versions of a group's CRDs, the first of them preferred."""
        self._api.discovery.serve(name, tuple(versions))

    def hold(self, controller: str) -> None:
        """A controller does nothing: garbage, taints, jobsets, jobs, scheduler, kubelets, disruption, kueue."""
        self._controllers.hold(controller)

    def release(self, controller: str) -> None:
        self._controllers.release(controller)

    def kubelet_down(self, node: str) -> None:
        """Its pods neither start nor end, no log and no command gets through."""
        self._controllers.kubelets.down.add(node)
        self._api.pods.unreachable.add(node)

    def without_kubelets(self) -> None:
        """From now on no node has one, as in a control plane alone; not healed."""
        self._controllers.kubelets.exist = False
        self._api.pods.has_kubelets = False

    def kubelet_up(self, node: str) -> None:
        self._controllers.kubelets.down.discard(node)
        self._api.pods.unreachable.discard(node)

    def exits_after(self, seconds: float) -> None:
        """How long pods take to end after SIGTERM, at most their grace period."""
        self._controllers.kubelets.exit_seconds = seconds

    def starts_after(self, seconds: float) -> None:
        self._controllers.kubelets.start_seconds = seconds

    def kueue_heeds(self, on: bool) -> None:
        """Off: jobs go on running although their Workload is inactive."""
        self._controllers.kueue.heeds = on

    def rules_are_complete(self, on: bool) -> None:
        """Off: SelfSubjectRulesReview says that it does not know everything."""
        self._api.reviews.rules_are_complete = on

    def revoke(self, user: str) -> None:
        """The token of a user is refused from now on."""
        self._api.doorkeeper.revoke(f"{user}-token")

    def readmit(self) -> None:
        """All tokens are as in the beginning."""
        self._api.doorkeeper.reset()

    # pods

    def write_log(self, namespace: str, pod: str, lines: list[str], container: str = "main") -> None:
        """Append lines to a container's log."""
        self._api.pods.logs.setdefault((namespace, pod, container), []).extend(lines)

    def answer_command(
        self, pattern: str, stdout: str = "", stderr: str = "", code: int = 0, seconds: float = 0.0
    ) -> None:
        """From now on commands that match (words joined by spaces, `*`) answer this; the last that matches counts."""
        self._api.pods.answers.insert(0, ScriptedAnswer(pattern, stdout, stderr, code, seconds))

    def commands(self) -> list[Object]:
        """All that were run in containers: namespace, pod, container, command, user."""
        return [asdict(command) for command in self._api.pods.commands]

    # inside

    def _put(self, value: Object) -> Stored:
        resource = resource_of(value)
        if "uid" not in value["metadata"]:
            value = prepared(resource, with_identity(value))
        if "status" not in value:
            value = with_first_status(resource, value)
        return self._store.put(resource, value)

    def _row(self, resource: str, name: str, namespace: str) -> Stored:
        kind = resource_named(resource)
        row = self._store.get(kind, (namespace, name))
        if row is None:
            raise not_found(kind.group, kind.plural, name)
        return row


def _namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _account(namespace: str) -> Object:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}}
