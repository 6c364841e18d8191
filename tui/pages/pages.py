"""The page of a place."""

from __future__ import annotations

from collections.abc import Callable

from crashcart.tui.places import Place
from crashcart.tui.shown import Shown

from .job_page import job_page
from .node_page import node_page
from .other_pages import alert_page, gpu_page, queue_page
from .page import Page

PAGES: dict[str, Callable[[Shown, str, int], Page | None]] = {
    "node": node_page,
    "job": job_page,
    "queue": queue_page,
    "alert": alert_page,
    "gpu": gpu_page,
}


def make_page(shown: Shown, place: Place, width: int) -> Page | None:
    """The page of a place in the picture; None when the thing is not in it."""
    make = PAGES.get(place.view)
    return make(shown, place.key, width) if make and place.key else None
