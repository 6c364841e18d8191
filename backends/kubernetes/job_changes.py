"""Builds the changes of workloads: what is to be done, as kubectl would say it and as it will be applied. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from crashcart.backends.contract import Change, SignalTarget
from crashcart.backends.errors import Unsupported
from crashcart.backends.pods import Pod

from .kubectl import Kubectl
from .reading import Reading
from .signals import command_of
from .site import SOURCE
from .workload_kinds import KINDS, WORKLOAD, Place, place_of

STOP_SECONDS = 600.0
"""Pods may take long to save themselves when they are told to end."""

_SHOWN_SUSPENDED = frozenset({"Job", "JobSet"})
"""Kinds that are listed while they have no pods, so that holding them can be read back."""


class Aim(NamedTuple):
    """A workload as it was seen last: what a change of it is bound to."""

    place: Place
    uid: str
    workload: str  # Kueue's name for it, "" where Kueue has no say

    @property
    def words(self) -> tuple[str, ...]:
        return (self.place.kind.kind, self.place.namespace, self.place.name, self.uid, self.workload)

    @staticmethod
    def of(words: Sequence[str]) -> Aim:
        """What these words of a change mean."""
        kind, namespace, name, uid, workload = words
        return Aim(Place(KINDS[kind.lower()], namespace, name), uid, workload)


class JobChanges:
    """Knows jobs by what the last reading showed of them."""

    def __init__(self, reading: Reading, kubectl: Kubectl) -> None:
        self._reading = reading
        self._kubectl = kubectl

    def aim(self, job: str) -> Aim:
        """The workload that this id means. Raises BadIdentifier, Unsupported."""
        seen = self._reading.seen
        known = seen.jobs.get(job)
        place = place_of(job, known.workload if known is not None else None)
        return Aim(place, known.raw_id if known is not None else "", seen.workloads.get(job, ""))

    def hold(self, job: str) -> Change:
        """Keep it from starting. Raises Unsupported."""
        aim = self._suspendable(job, is_held=True)
        return self._change(job, ("hold", *aim.words), self._suspension(aim, True))

    def release(self, job: str) -> Change:
        """Let it start again. Raises Unsupported."""
        aim = self._suspendable(job, is_held=True)
        return self._change(job, ("release", *aim.words), self._suspension(aim, False))

    def requeue_hold(self, job: str) -> Change:
        """Stop it and keep it from starting. Raises Unsupported."""
        aim = self._suspendable(job, is_held=True)
        text = " && ".join([self._suspension(aim, True), *self._wait(aim)])
        return self._change(job, ("stop", *aim.words), text, STOP_SECONDS)

    def requeue(self, job: str) -> Change:
        """Stop it and let it start again. Raises Unsupported."""
        aim = self._suspendable(job)
        text = " && ".join([self._suspension(aim, True), *self._wait(aim), self._suspension(aim, False)])
        return self._change(job, ("requeue", *aim.words), text, STOP_SECONDS)

    def cancel(self, job: str) -> Change:
        """End it for good, its pods first. Raises Unsupported."""
        aim = self.aim(job)
        place = aim.place
        text = self._kubectl.delete(place.namespace, place.kind.kubectl, place.name)
        return self._change(job, ("delete", *aim.words), text)

    def signal(self, job: str, signal: str, target: SignalTarget) -> Change:
        """Send a signal to processes in the first container of each of its pods. Raises Unsupported, Malformed."""
        pods = self.running_pods(job)
        command = command_of(signal, target, self.main_process(pods))
        container = pods[0].containers[0]
        namespace, names = pods[0].namespace, [pod.name for pod in pods]
        text = self._kubectl.run(namespace, names, container, command)
        return self._change(job, ("signal", namespace, container, str(len(command)), *command, *names), text)

    def running_pods(self, job: str) -> tuple[Pod, ...]:
        """Pods of the job that run, by name; at least one. Raises Unsupported."""
        pods = tuple(pod for pod in self._reading.seen.pods.get(job, ()) if pod.phase == "RUNNING" and pod.containers)
        if not pods:
            raise Unsupported(f"{job} has no running pod")
        return pods

    def main_process(self, pods: Sequence[Pod]) -> int:
        """The process that a signal is for. Raises Unsupported where process 1 would be the node's, or a pause."""
        known = [self._reading.seen.processes.get(f"{pod.namespace}/{pod.name}") for pod in pods]
        for pod, processes in zip(pods, known, strict=True):
            if processes is not None and processes.are_shared:
                raise Unsupported(
                    f"{pod.namespace}/{pod.name} does not have its process ids for itself (hostPID or"
                    " shareProcessNamespace): a signal could reach others"
                )
        return known[0].main if known[0] is not None else 1

    def _suspendable(self, job: str, *, is_held: bool = False) -> Aim:
        aim = self.aim(job)
        kind = aim.place.kind
        if kind.kind == "Pod":
            raise Unsupported(f"{job} is a bare pod: nothing makes it again, it can only be cancelled")
        if not aim.place.selector or not (kind.suspend or aim.workload):
            raise Unsupported(f"{job}: a {kind.kind} cannot be suspended from here")
        if aim.workload:
            return aim
        if is_held and kind.kind not in _SHOWN_SUSPENDED:
            raise Unsupported(f"{job}: a {kind.kind} is not listed while it is suspended, so it could not be released")
        return aim

    def _suspension(self, aim: Aim, is_on: bool) -> str:
        place = aim.place
        if aim.workload:
            resource = f"{WORKLOAD.resource}.{WORKLOAD.group}"
            return self._kubectl.patch(place.namespace, resource, aim.workload, {"spec": {"active": not is_on}})
        return self._kubectl.patch(place.namespace, place.kind.kubectl, place.name, place.kind.suspension(is_on))

    def _wait(self, aim: Aim) -> list[str]:
        return [self._kubectl.wait_gone(aim.place.namespace, aim.place.selector, STOP_SECONDS)]

    def _change(self, job: str, argv: tuple[str, ...], text: str, seconds: float | None = None) -> Change:
        return Change(job, text, argv, where=SOURCE, plane=SOURCE, seconds=seconds)
