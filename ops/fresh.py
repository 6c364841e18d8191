"""Fresh readings of a cluster by the executor: what a preview rests on, and whether it is still true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

import msgspec

from crashcart.backends.contract import AlertSilencer, Observer, Picture
from crashcart.backends.entity import Entity
from crashcart.backends.errors import BackendError, Unreachable

from .powers import ClusterPowers
from .protocol import RefusalCode
from .refusal import Refusal
from .verbs import TargetKind, Verb

OBSERVE_SECONDS = 45.0
SIDE_LOOK_SECONDS = 8.0  # for a scheduler that is only needed to say what an alert is about

BLANK = Picture((), (), (), 0.0)

Reading = TypeVar("Reading")


async def observed(reading: Awaitable[Reading], cluster: str, seconds: float = OBSERVE_SECONDS) -> Reading:
    """What a reading of the cluster brings. Raises Refusal."""
    try:
        async with asyncio.timeout(seconds):
            return await reading
    except BackendError as error:
        raise Refusal(refusal_code(error), f"{cluster} could not be read: {error}") from error
    except TimeoutError as error:
        raise Refusal("unreachable", f"{cluster} could not be read within {seconds:.0f} s") from error


def refusal_code(error: BackendError) -> RefusalCode:
    """How a refusal for this error is called."""
    return "unreachable" if isinstance(error, Unreachable) else "unavailable"


def is_about_alerts(verb: Verb) -> bool:
    """Whether alerts and silences must be read for this verb."""
    return verb.takes("alert") or verb.takes("silence")


async def fresh_picture(powers: ClusterPowers, cluster: str, verb: Verb, kind: TargetKind) -> Picture:
    """Everything that this verb on targets of this kind may look at. Raises Refusal.

    A verb on alerts does without a scheduler that does not answer: an alert can be silenced while slurmctld is down.
    """
    if not is_about_alerts(verb):
        return await observed(_observer(powers, cluster).observe(), cluster)
    found = await observed(_silencer(powers, cluster).observe_alerts(), cluster)
    is_needed = kind in ("node", "job", "rack")
    try:
        patience = OBSERVE_SECONDS if is_needed else SIDE_LOOK_SECONDS
        picture = await observed(_observer(powers, cluster).observe(), cluster, patience)
    except Refusal:
        if is_needed:
            raise
        picture = BLANK
    return msgspec.structs.replace(picture, alerts=found.alerts, silences=found.silences, when=found.when)


async def fresh_targets(
    powers: ClusterPowers, cluster: str, kind: TargetKind, names: Sequence[str]
) -> dict[str, Entity]:
    """The named targets as they are now; those that are gone are left out. Raises Refusal."""
    match kind:
        case "node":
            nodes = await observed(_observer(powers, cluster).observe_nodes(names), cluster)
            return {node.name: node for node in nodes}
        case "job":
            jobs = await observed(_observer(powers, cluster).observe_jobs(names), cluster)
            return {job.id: job for job in jobs}
        case "silence":
            found = await observed(_silencer(powers, cluster).observe_alerts(), cluster)
            return {silence.id: silence for silence in found.silences if silence.id in names}
        case _:
            return {}


def _observer(powers: ClusterPowers, cluster: str) -> Observer:
    """Raises Refusal: what cannot be read back cannot be proved."""
    if powers.observer is None:
        raise Refusal("unavailable", f"nothing in {cluster} can read it afresh, so nothing could be proved")
    return powers.observer


def _silencer(powers: ClusterPowers, cluster: str) -> AlertSilencer:
    if powers.alerts is None:
        raise Refusal("unavailable", f"{cluster} has no Alertmanager: add [cluster.{cluster}.alertmanager]")
    return powers.alerts
