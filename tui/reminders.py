"""What is told without being asked: somebody waits for a second person, or the operator still holds something."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.app import App

from crashcart.ops.approvals import ApprovalsUnavailable, Posted
from crashcart.ops.clock import Clock
from crashcart.ops.store import Store

from .holdings import Holdings
from .look import Look
from .teller import Teller

NAMED = 3


class Reminders:
    """Its coroutines run in workers of the app. `answer` leads through the answer to one of the requests."""

    def __init__(
        self,
        app: App[None],
        teller: Teller,
        holdings: Holdings,
        store: Store,
        look: Look,
        clock: Clock,
        answer: Callable[[tuple[Posted, ...]], Awaitable[None]],
    ) -> None:
        self._app = app
        self._teller = teller
        self._holdings = holdings
        self._store = store
        self._look = look
        self._clock = clock
        self._answer = answer
        self._told: set[str] = set()

    async def tell_requests(self) -> None:
        """Tell once of each request that somebody else laid down."""
        try:
            found = await asyncio.to_thread(self._holdings.others, self._clock.now())
        except ApprovalsUnavailable:
            return  # `:approvals` says why
        news = [one for one in found if one.request.id not in self._told]
        self._told |= {one.request.id for one in news}
        if news:
            asked = "; ".join(f"{one.request.requester}: {one.request.plan.title}" for one in news[:NAMED])
            self._teller.tell(f"{len(found)} waiting for a second person, see :approvals. {asked}", is_bad=True)

    async def approvals(self) -> None:
        """The list of what waits; nothing is answered without a card."""
        if not self._holdings.is_shared:
            where = "Where requests for a second person lie is not configured: [approvals] directory"
            self._teller.tell(where, is_bad=True)
            return
        try:
            found = await asyncio.to_thread(self._holdings.others, self._clock.now())
        except ApprovalsUnavailable as error:
            self._teller.tell(str(error), is_bad=True)
            return
        if found:
            await self._answer(found)
        else:
            self._teller.tell("Nobody waits for a second person.")

    async def mine(self, *, at_start: bool) -> None:
        """What the operator holds: one line at the start when there is anything, the list when it is asked for."""
        try:
            read = await asyncio.to_thread(self._holdings.read, self._clock.now())
        except (OSError, ApprovalsUnavailable) as error:
            self._teller.tell(f"What you hold cannot be read: {error}", is_bad=True)
            return
        short, lines = self._holdings.mine(self._store, read, self._clock.now())
        if not at_start and lines:
            from .screens.text import TextScreen

            title = (("What you hold", "title"), (f"  {short}", "muted"))
            await self._app.push_screen(TextScreen(self._look, title, lines))
        elif lines or not at_start:
            self._teller.tell(f"You hold {short}: see :mine" if lines else "You hold nothing.")
