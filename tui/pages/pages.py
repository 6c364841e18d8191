"""The page of a place."""

from __future__ import annotations

from collections.abc import Callable

from crashcart.tui.places import Place
from crashcart.tui.shown import Shown

from .alert_page import alert_page
from .budget_page import budget_page
from .event_page import event_page
from .gpu_page import gpu_page
from .job_page import job_page
from .load_page import load_page
from .node_page import node_page
from .page import Page
from .pod_page import pod_page
from .queue_page import queue_page
from .silence_page import silence_page
from .sources_page import sources_page
from .target_page import target_page

PAGES: dict[str, Callable[[Shown, str, int], Page | None]] = {
    "node": node_page,
    "job": job_page,
    "queue": queue_page,
    "alert": alert_page,
    "gpu": gpu_page,
    "silence": silence_page,
    "target": target_page,
    "pod": pod_page,
    "budget": budget_page,
    "event": event_page,
    "sources": sources_page,
    "load": load_page,
}


def make_page(shown: Shown, place: Place, width: int) -> Page | None:
    """The page of a place in the picture; None when the thing is not in it."""
    make = PAGES.get(place.view)
    return make(shown, place.key, width) if make and place.key else None
