"""A warning in full, with what it is about."""

from __future__ import annotations

from crashcart.tui import subjects, words
from crashcart.tui.places import Place
from crashcart.tui.shown import Shown

from .page import Page


def event_page(shown: Shown, key: str, width: int) -> Page | None:
    """The page of an event; None when it is older than an hour and gone."""
    event = shown.store.events.get(key)
    if event is None:
        return None
    now = shown.scene.now
    page = Page(
        (("Event ", "muted"), (event.reason, "title"), (f"  {event.about}", "strong")),
        None,
        event.id,
        others=tuple(subjects.of_events(shown.scene, [event])),
    )
    page.text("Message", event.message or words.UNKNOWN, width)
    page.pair(
        "Last seen",
        (f"{words.span(now - event.last_seen)} ago", "text"),
        (f"   {words.date_and_time(event.last_seen)}", "faint"),
    )
    page.pair("Times", (words.count(event.count), "text"))
    page.pair("Known", (f"from {event.source}, {shown.store.freshness(event.cluster, event.source, now)}", "muted"))
    found = shown.joins.pods.place(event)
    page.heading("About", "" if found else f"{event.about}: not in the picture")
    if found is not None:
        page.link(((event.about, "strong"),), Place(*found), page.others[0] if page.others else None)
    return page
