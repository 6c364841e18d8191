"""Reads several schedulers of one cluster as one: a node that two of them know is one node."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from msgspec.structs import replace

from crashcart.backends.contract import Observer, OfPlane, Picture
from crashcart.backends.errors import BackendError
from crashcart.backends.model import Job, Node
from crashcart.backends.text import WORKLOAD_ID

from .planes import KUBERNETES, merged

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AllPlanes:
    """An Observer over others. One that does not answer is told in `unread`; only when none does, it is an error."""

    observers: tuple[Observer, ...]

    async def observe(self) -> Picture:
        pictures, unread = await self._ask(lambda observer: observer.observe())
        first, others = pictures[0], pictures[1:]
        return replace(
            first,
            nodes=together(node for picture in pictures for node in picture.nodes),
            jobs=tuple(job for picture in pictures for job in picture.jobs),
            queues=tuple(queue for picture in pictures for queue in picture.queues),
            pods=tuple(pod for picture in pictures for pod in picture.pods),
            unread=unread,
            when=min((first.when, *(picture.when for picture in others))),
        )

    async def observe_nodes(self, names: Sequence[str]) -> tuple[Node, ...]:
        """The named nodes; a plane that does not answer is missing in them."""
        found, _ = await self._ask(lambda observer: observer.observe_nodes(names))
        return together(node for nodes in found for node in nodes)

    async def observe_jobs(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """The named jobs, each asked for where jobs of its kind are. Raises BackendError when one of them fails."""
        workloads = [job for job in ids if WORKLOAD_ID.match(job)]
        numbered = [job for job in ids if job not in workloads]
        asked = [
            observer.observe_jobs(wanted)
            for observer in self.observers
            if (wanted := workloads if is_of_plane(observer, KUBERNETES) else numbered)
        ]
        return tuple(job for jobs in await asyncio.gather(*asked) for job in jobs)

    async def _ask(self, question: Callable[[Observer], Awaitable[T]]) -> tuple[list[T], tuple[str, ...]]:
        """The answers, and the words of those who gave none."""
        asked = await asyncio.gather(*map(question, self.observers), return_exceptions=True)
        failures = [answer for answer in asked if isinstance(answer, BaseException)]
        for failure in failures:
            if not isinstance(failure, BackendError) or len(failures) == len(asked):
                raise failure
        return [answer for answer in asked if not isinstance(answer, BaseException)], tuple(map(str, failures))


def together(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Nodes of several planes, merged by name."""
    found: dict[str, list[Node]] = {}
    for node in nodes:
        found.setdefault(node.name, []).append(node)
    return tuple(map(merged, found.values()))


def is_of_plane(power: object, plane: str) -> bool:
    """Whether this power object says that it acts on this plane."""
    return isinstance(power, OfPlane) and power.plane == plane
