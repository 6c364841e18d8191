"""What the suite must be told about a backend, and the clock it is driven with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crashcart.backends.contract import Backend, Context
from crashcart.backends.entity import Kind


@dataclass(frozen=True, slots=True)
class BackendCase:
    """A backend with something alive behind it.

    `broken` is a context behind which nothing answers: errors are tested with it. `node` and `job` exist; `any_job`
    need not, changes of it are only built.
    """

    backend: Backend
    context: Context
    kinds: tuple[Kind, ...] = ()
    has_numbers: bool = False
    node: str | None = None
    job: str | None = None
    any_job: str = "42"
    broken: Context | None = None
    table: Mapping[str, Any] = field(default_factory=dict)  # valid options
    seconds: float = 20.0  # how long the first listing may take


class Turns:
    """A pace that gives as many turns as it was told to, then waits for more."""

    def __init__(self, turns: int = 1) -> None:
        self._left = asyncio.Semaphore(turns)

    async def turn(self) -> None:
        """Return while turns are left."""
        await self._left.acquire()

    def give(self, turns: int = 1) -> None:
        """Allow more polls."""
        for _ in range(turns):
            self._left.release()
