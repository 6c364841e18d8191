"""What tests ask of the backend: one turn of its feed, and a silence to make."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import Any

from crashcart.backends.alertmanager import BACKEND
from crashcart.backends.contract import Change, Context
from crashcart.backends.model import Alert, Check, Item, Load, Matcher, Silence
from crashcart.backends.testing import Turns


async def turn(context: Context) -> dict[str, dict[str, Any]]:
    """The entities of one turn, by kind and name."""
    feed = BACKEND.feed(context)
    found: dict[str, dict[str, Any]] = {"alert": {}, "silence": {}, "check": {}}
    item: Item | None = None
    async with aclosing(feed.watch(Turns())) as watch:
        while not isinstance(item, Load):
            item = await anext(watch)
            for entity in getattr(item, "upserts", ()):
                if isinstance(entity, Alert | Check):
                    found[entity.kind][entity.name] = entity
                elif isinstance(entity, Silence):
                    found["silence"][entity.id] = entity
    await feed.close()
    return found


def new_silence(context: Context, *matchers: Matcher, seconds: float = 3600.0, later: float = 0.0) -> Change:
    starts = time.time() + later
    wanted = matchers or (Matcher("alertname", "GpuXid"), Matcher("Hostname", "gpu0.*", is_regex=True))
    return BACKEND.powers(context).silence(
        "gpu001", wanted, starts=starts, ends=starts + seconds, author="crashcart:bob", comment="INC-43 it's known"
    )
