"""Warnings of the last hour."""

from __future__ import annotations

from crashcart.backends.pods import Event
from crashcart.backends.text import clean

from .owners import is_identifier
from .shapes import RawEvent
from .site import SOURCE, Site

KEPT_SECONDS = 3600.0


def event(raw: RawEvent, site: Site, when: float) -> Event | None:
    """This event; None when it is old, or about something whose name is no identifier."""
    about, series = raw.involved_object, raw.series
    namespace = about.namespace
    if not is_identifier(namespace or "default", about.name) or not is_identifier(raw.metadata.namespace, "x"):
        return None
    seen = site.time(
        (series.last_observed_time if series else None)
        or raw.last_timestamp
        or raw.event_time
        or raw.first_timestamp
        or raw.metadata.creation_timestamp
    )
    if seen is None or when - seen > KEPT_SECONDS:
        return None
    is_node = about.kind == "Node"
    place = site.node(about.name) if is_node else f"{namespace}/{about.name}" if namespace else about.name
    return Event(
        cluster=site.cluster,
        source=SOURCE,
        when=when,
        id=clean(f"{raw.metadata.namespace}/{raw.metadata.name}", limit=300),
        about=clean(f"{about.kind}/{place}", limit=400),
        reason=clean(raw.reason, limit=120),
        message=clean(" ".join(raw.message.split()), limit=600),
        count=(series.count if series else None) or raw.count or 1,
        last_seen=seen,
    )
