"""Holds, releases and requeues workloads by suspending them; what Kueue manages, only through Kueue.

Resuming a Job behind Kueue's back would run it beyond its quota, so whether Kueue has it is asked again right before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from crashcart.backends.contract import CommandResult
from crashcart.backends.errors import BackendError, Unsupported

from . import resources
from .asking import Asking, decoded
from .failures import NoAnswer
from .listing import list_all
from .node_pods import OVER
from .outcome import CHANGED, failed, judged
from .served import Served
from .shapes import Meta, RawPod, RawWorkload
from .workload_kinds import JOB_UID, QUEUE_NAME, WORKLOAD, Place

LOOK_SECONDS = 1.0
LOST_SECONDS = 30.0
_TRIES = 4


class Managed(msgspec.Struct, rename="camel"):
    managed_by: str = ""


class Anything(msgspec.Struct):
    """A workload of any kind."""

    metadata: Meta = msgspec.field(default_factory=Meta)
    spec: Managed = msgspec.field(default_factory=Managed)


@dataclass(frozen=True, slots=True)
class Suspension:
    """One workload as it was seen: its uid, and the name of Kueue's Workload for it ("" where Kueue has no say)."""

    asking: Asking
    served: Served
    place: Place
    uid: str
    workload: str

    async def hold(self) -> CommandResult:
        """Keep it from starting, unless it has started meanwhile."""
        if any(pod.status.phase == "Running" for pod in await self._pods()):
            return failed(f"{self.place} {CHANGED}: it runs, and would be stopped")
        return await self.suspend(True)

    async def stop(self, told: Callable[[str], None], seconds: float) -> CommandResult:
        """Suspend it and wait until its pods are gone."""
        result = await self.suspend(True)
        if result.state != "ok":
            return result
        return await self._until_gone(told, time.monotonic() + seconds)

    async def requeue(self, told: Callable[[str], None], seconds: float) -> CommandResult:
        """Suspend it, wait until its pods are gone, resume it."""
        stopped = await self.stop(told, seconds)
        if stopped.state != "ok":
            return stopped
        try:
            result = await self.suspend(False)
        except BackendError as error:
            result = CommandResult("unknown", None, detail=str(error))
        if result.state == "ok":
            told("resumed")
            return result
        why = f"{self.place} is suspended and was not resumed: {result.detail}; release it"
        return CommandResult(result.state, None, detail=why)

    async def suspend(self, is_on: bool) -> CommandResult:
        """Suspend or resume it. Raises Unreachable when nothing was sent, Denied, Malformed."""
        for _ in range(_TRIES):
            result = await self._suspend(is_on)
            if result is not None:
                return result
        return failed(f"{self.place} {CHANGED}; it changes all the time")

    async def _suspend(self, is_on: bool) -> CommandResult | None:
        """One attempt; None when something else changed it in between, which a status does all the time."""
        path = f"{await self.served.path(self.place.kind.group, self.place.kind.resource, self.place.namespace)}"
        path = f"{path}/{self.place.name}"
        try:
            found = decoded(Anything, (await self.asking.get(path, what=str(self.place))).body, str(self.place))
        except Unsupported:
            return failed(f"{self.place} is gone")
        if self.uid and found.metadata.uid != self.uid:
            return failed(f"{self.place} {CHANGED}: it was made anew")
        workload = await self._workload(found)
        if isinstance(workload, CommandResult):
            return workload
        meta, change = found.metadata, self.place.kind.suspension(is_on)
        if workload is not None:
            base = await self.served.path(WORKLOAD.group, WORKLOAD.resource, self.place.namespace)
            path, meta, change = f"{base}/{self.workload}", workload.metadata, {"spec": {"active": not is_on}}
        return await self._patched(path, meta, change)

    async def _patched(self, path: str, meta: Meta, change: dict[str, Any]) -> CommandResult | None:
        body = {**change, "metadata": {"resourceVersion": meta.resource_version}}
        try:
            reply = await self.asking.patch(path, body, what=str(self.place))
        except NoAnswer as error:
            return CommandResult("unknown", None, detail=str(error))
        return None if reply.status == 409 else judged(reply, self.asking.client, str(self.place))

    async def _workload(self, found: Anything) -> RawWorkload | CommandResult | None:
        """Kueue's Workload for it; None where it has no say; a failure where that is not as it was seen."""
        if await self.served.version(WORKLOAD.group) is None:
            workload = None
        else:
            workload = await self._own_workload()
        queue = QUEUE_NAME in (found.metadata.labels or {}) or found.spec.managed_by.startswith("kueue.")
        name = workload.metadata.name if workload is not None else ""
        if name != self.workload:
            return failed(f"{self.place} {CHANGED}: Kueue {'has' if name else 'no longer has'} it")
        if queue and workload is None:
            return failed(f"{self.place} is Kueue's, and its Workload is not there yet: look again in a moment")
        return workload

    async def _own_workload(self) -> RawWorkload | None:
        version = await self.served.version(WORKLOAD.group) or ""
        path = resources.WORKLOADS.path(self.place.namespace, version)
        listing = await self.asking.run(list_all, self.asking.client, resources.WORKLOADS, path)
        for raw in listing.objects.values():
            owners = raw.metadata.owner_references or []
            is_its = any((one.kind, one.name) == (self.place.kind.kind, self.place.name) for one in owners)
            if is_its or (raw.metadata.labels or {}).get(JOB_UID) == self.uid:
                return raw  # type: ignore[no-any-return]
        return None

    async def _until_gone(self, told: Callable[[str], None], ends: float) -> CommandResult:
        last_look, said, why = time.monotonic(), "", ""
        while True:
            try:
                left, last_look, why = len(await self._pods()), time.monotonic(), ""
            except BackendError as error:
                left, why = -1, str(error)
            news = f"link lost: {why}" if why else f"suspended, pods left: {left}"
            if news != said:
                said = news
                told(news)
            if left == 0:
                return CommandResult("ok", None, detail="suspended, its pods are gone")
            if why and time.monotonic() - last_look > LOST_SECONDS:
                words = f"{self.place} was suspended, and then the link was lost ({why}); look at it, and release it"
                return CommandResult("unknown", None, detail=words)
            if time.monotonic() >= ends:
                return failed(f"{self.place} stays suspended, pods left: {left}; release it when they are gone")
            await asyncio.sleep(min(LOOK_SECONDS, max(0.0, ends - time.monotonic())))

    async def _pods(self) -> list[RawPod]:
        """Its pods that still hold something."""
        path = resources.PODS.path(self.place.namespace)
        listing = await self.asking.run(list_all, self.asking.client, resources.PODS, path, labels=self.place.selector)
        return [pod for pod in listing.objects.values() if pod.status.phase not in OVER]
