"""Asks the clusters themselves whether this operator may: before a preview is shown, and again before anything runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from crashcart.backends.contract import OfPlane, Reviewer
from crashcart.backends.errors import BackendError
from crashcart.backends.model import Job, Node

from .actions.base import Scene
from .fresh import refusal_code
from .planes import sides
from .refusal import Refusal

REVIEW_SECONDS = 20.0


async def identities(scene: Scene, targets: Iterable[str]) -> tuple[str, ...]:
    """Who we are to each plane of the targets that can tell: `kubernetes: oncall (...)`. Raises Refusal."""
    found: list[str] = []
    for plane, reviewer in _reviewers(scene, targets):
        try:
            async with asyncio.timeout(REVIEW_SECONDS):
                found.append(f"{plane}: {await reviewer.acting_as()}")
        except BackendError as error:
            raise Refusal(refusal_code(error), f"{plane} does not say who we are to it: {error}") from error
        except TimeoutError as error:
            raise Refusal("unreachable", f"{plane} did not say in time who we are to it") from error
    return tuple(found)


async def check_allowed(verb: str, scene: Scene, targets: Iterable[str]) -> None:
    """Raise Refusal in the words of the first plane that would refuse this verb on one of its targets."""
    names = tuple(targets)
    for plane, reviewer in _reviewers(scene, names):
        for target in names:
            if plane not in _planes(scene, target):
                continue
            try:
                async with asyncio.timeout(REVIEW_SECONDS):
                    why = await reviewer.refusal(verb, target)
            except BackendError as error:
                raise Refusal(refusal_code(error), f"{plane} does not say whether it allows it: {error}") from error
            except TimeoutError as error:
                raise Refusal("unreachable", f"{plane} did not say whether it allows it") from error
            if why is not None:
                raise Refusal("unavailable", f"{plane} would refuse {verb} on {target}: {why}")


def _reviewers(scene: Scene, targets: Iterable[str]) -> list[tuple[str, Reviewer]]:
    wanted = {plane for target in targets for plane in _planes(scene, target)}
    return [
        (power.plane, power)
        for power in scene.powers
        if isinstance(power, Reviewer) and isinstance(power, OfPlane) and power.plane in wanted
    ]


def _planes(scene: Scene, target: str) -> set[str]:
    """The planes that know the target."""
    entity = scene.entity(target)
    if isinstance(entity, Node):
        return {side.source for side in sides(entity)}
    return {entity.source} if isinstance(entity, Job) else set()
