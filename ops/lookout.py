"""What all readers look at together, passed on to the feeds: seldom enough that ten readers cost what one does."""

from __future__ import annotations

import asyncio

from crashcart.backends import wire
from crashcart.backends.contract import Interest

from .clock import Clock
from .supervisor import Supervisor

GATHER_SECONDS = 0.5
"""A feed reads the past of everything that is looked at when that changes; moves of many readers are gathered."""


class Lookout:
    """Between the hub, which knows every move of every reader, and the feeds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._supervisors: list[Supervisor] = []
        self._told: dict[Supervisor, Interest] = {}
        self._focus = wire.Focus()
        self._moved = asyncio.Event()

    def add(self, supervisor: Supervisor) -> None:
        """Tell this one too from now on."""
        self._supervisors.append(supervisor)

    def look_at(self, focus: wire.Focus) -> None:
        """This is what is looked at now."""
        self._focus = focus
        self._moved.set()

    async def run(self) -> None:
        """Pass on the first move at once and those that follow together, until cancelled."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            self._tell()
            await self._clock.sleep(GATHER_SECONDS)

    def _tell(self) -> None:
        for supervisor in self._supervisors:
            hosts = tuple(host for cluster, host in self._focus.hosts if cluster == supervisor.cluster)
            interest = Interest(hosts, self._focus.alerts)
            if self._told.get(supervisor, Interest()) != interest:
                self._told[supervisor] = interest
                supervisor.attend(interest)
