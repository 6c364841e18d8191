"""Waits until an effect is seen in the cluster: the only thing that makes an action VERIFIED."""

from __future__ import annotations

import asyncio

from crashcart.backends.errors import BackendError

from .actions.base import Proof, Seen
from .clock import Clock

FIRST_PAUSE_SECONDS = 0.3
LONGEST_PAUSE_SECONDS = 2.0
LOOK_SECONDS = 30.0
"""A look that takes longer has failed; backends have shorter limits of their own."""


async def read_back(proof: Proof, clock: Clock, seconds: float) -> Seen | str:
    """Look until it is decided or `seconds` have passed; return the last look, or why that one failed."""
    ends = clock.monotonic() + seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        seen = await look(proof)
        if isinstance(seen, Seen) and seen.outcome != "not yet":
            return seen
        left = ends - clock.monotonic()
        if left <= 0:
            return seen
        await clock.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)


async def look(proof: Proof) -> Seen | str:
    """Look once; return what was seen, or why nothing could be."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await proof.look()
    except BackendError as error:
        return str(error)
    except TimeoutError:
        return f"reading back took longer than {LOOK_SECONDS:.0f} s"
