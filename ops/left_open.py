"""Looks again at actions that an earlier executor left without an end, by the snapshot that it put on record.

What is reached now is VERIFIED. What is still not to be seen after ten minutes is settled as UNKNOWN: it had no effect,
or somebody took it back since, and no further look can tell which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from crashcart.backends.contract import Picture
from crashcart.backends.errors import BackendError
from crashcart.backends.model import Job

from .action_record import ActionRecords
from .actions import ACTIONS
from .actions.base import BadParams, CannotAct, Changing, Order, Scene, Seen, scene_of
from .audit import AuditUnavailable
from .audit_read import Record, is_abandoned, open_records, unknown_targets
from .clock import Clock
from .fan_out import overall
from .fresh import fresh_picture
from .powers import ClusterPowers
from .protocol import ActionState, Finished, PlanRequest, TargetResult
from .read_back import look
from .refusal import Refusal
from .replies import Replies
from .session import Session
from .verbs import BY_NAME, TargetKind, Verb

SETTLE_SECONDS = 600.0
_STATES: dict[str, ActionState] = {"reached": "VERIFIED", "impossible": "FAILED"}


class LeftOpen:
    """Resolves what it can, once; what cannot be read stays open for the next start."""

    def __init__(
        self,
        session: Session,
        powers_for: Callable[[str], ClusterPowers],
        records: ActionRecords,
        clock: Clock,
        replies: Replies,
    ) -> None:
        self._session = session
        self._powers_for = powers_for
        self._records = records
        self._clock = clock
        self._replies = replies

    async def resolve(self) -> None:
        """Look at every abandoned action and record what became of it."""
        for intent, last in await asyncio.to_thread(open_records, self._records.path):
            if is_abandoned(last):
                await self._resolve(intent, last)

    async def _resolve(self, intent: Record, last: Record) -> None:
        targets = unknown_targets(last) or tuple(map(str, intent["targets"]))
        is_old = self._clock.now() - float(intent["ts"]) > SETTLE_SECONDS
        news = await self._look(intent, targets, is_old)
        if news is None:
            return
        known = [_result(record) for record in last.get("results", ()) if record["target"] not in targets]
        results = (*known, *news)
        is_undecided = any(result.state == "UNKNOWN" for result in news)
        if is_undecided and not is_old and not any(result.state != "UNKNOWN" for result in news):
            return
        state = overall(results)
        try:
            settled = is_undecided and is_old
            await self._records.ended(str(intent["id"]), state, results, settled=settled, phase="reconciled")
        except AuditUnavailable:  # it stays open, and the next start looks again
            return
        self._replies(Finished(str(intent["id"]), str(intent["verb"]), state, results))

    async def _look(self, intent: Record, targets: tuple[str, ...], is_old: bool) -> list[TargetResult] | None:
        """What is seen of each target now; None when nothing can be said."""
        action = ACTIONS.get(str(intent["verb"]))
        if not isinstance(action, Changing) or not action.provable_later:
            why = "its executor ended in the middle, and nothing that can be read tells how far it came"
            return [TargetResult(target, "UNKNOWN", why) for target in targets] if is_old else None
        scene = await self._scene(intent, targets)
        if scene is None:
            return None
        results: list[TargetResult] = []
        for target in targets:
            try:
                seen = await look(action.proof(target, scene))
            except (CannotAct, BadParams):
                return None
            if isinstance(seen, str):
                return None
            results.append(_judged(target, seen))
        return results

    async def _scene(self, intent: Record, targets: tuple[str, ...]) -> Scene | None:
        """The scene as it was before the action, as far as the record tells; None when the cluster cannot be read."""
        verb = BY_NAME[str(intent["verb"])]
        kind = _kind(intent, verb)
        try:
            cluster = self._session.cluster(str(intent["cluster"]))
            powers = self._powers_for(cluster.name)
            fresh = await fresh_picture(powers, cluster.name, verb, kind)
        except (KeyError, BackendError, Refusal):
            return None
        picture = _as_before(fresh, cluster.name, intent.get("before", {}))
        request = PlanRequest("", cluster.name, verb.name, targets, dict(intent.get("params", {})), kind)
        order = Order(str(intent["actor"]["user"]), self._session.reason_prefix, str(intent["id"]))
        return scene_of(cluster, powers, picture, request, order)


def _kind(intent: Record, verb: Verb) -> TargetKind:
    """What the targets are; records of the first version do not say, and were about what the verb is mostly about."""
    found = intent.get("kind", verb.target)
    return next((kind for kind in (verb.target, *verb.also) if kind == found), verb.target)


def _as_before(picture: Picture, cluster: str, before: dict[str, Record]) -> Picture:
    """The picture with the targets' recorded values in it; a job that has gone since is put back."""
    nodes = tuple(
        msgspec.structs.replace(node, boot_time=before[node.name].get("boot_time")) if node.name in before else node
        for node in picture.nodes
    )
    jobs = {job.id: job for job in picture.jobs}
    for name, old in before.items():
        if "restarts" in old:
            job = jobs.get(name) or Job(
                cluster=cluster, source="audit", when=picture.when, id=name, raw_id=name, name="", user="", state="GONE"
            )
            jobs[name] = msgspec.structs.replace(
                job, state=str(old["state"]), restarts=old["restarts"], start_time=old["start_time"]
            )
    return msgspec.structs.replace(picture, nodes=nodes, jobs=tuple(jobs.values()))


def _judged(target: str, seen: Seen) -> TargetResult:
    if seen.outcome in _STATES:
        return TargetResult(target, _STATES[seen.outcome], seen.detail, seen.text)
    why = "not to be seen when looked at again: it had no effect, or was taken back since"
    return TargetResult(target, "UNKNOWN", why, seen.text)


def _result(record: Record) -> TargetResult:
    return msgspec.convert(record, TargetResult)
