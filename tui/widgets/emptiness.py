"""Why a view is empty, in words: loading, nothing there, nothing that matches, or a source that failed."""

from __future__ import annotations

from collections.abc import Sequence

from crashcart.backends.entity import Kind
from crashcart.ops.planes import KUBERNETES
from crashcart.tui.cells import Span
from crashcart.tui.monitoring import ALERTING
from crashcart.tui.shown import Shown
from crashcart.tui.source_ages import troubles, why

Lines = tuple[tuple[Span, ...], ...]

_LISTERS: dict[Kind, tuple[str, ...]] = {
    "alert": ALERTING,
    "silence": ALERTING,
    "target": ALERTING,
    "pod": (KUBERNETES,),
    "budget": (KUBERNETES,),
    "event": (KUBERNETES,),
}
"""Sources that would list what only some do."""


def why_empty(shown: Shown, kind: Kind, plural: str, filter_text: str, now: float) -> Lines:
    """Lines for the middle of the empty view."""
    store = shown.live
    if shown.store.is_loading(kind):
        if store.collector_trouble and not store.collector_alive:
            return (
                (("✕ ", "crit"), (f"No {plural}: there is no collector", "strong")),
                ((store.collector_trouble, "muted"),),
            )
        failed = [source for source in troubles(store, now) if source.last_success is None]
        if failed:
            return (
                (("✕ ", "crit"), (f"No {plural}: {failed[0].name} has never answered", "strong")),
                ((failed[0].detail or "no details were given", "muted"),),
                (("It is tried again; nothing is known meanwhile.", "faint"),),
            )
        if is_unheard(shown, kind):
            return (((f"No source lists {plural}.", "text"),), _add(_LISTERS[kind]))
        return (
            (("◌ ", "accent"), (f"Loading {plural} …", "text")),
            (("waiting for the first complete listing", "faint"),),
        )
    if hides_all(shown, kind, filter_text):
        return (
            ((f"No {plural} match ", "text"), (filter_text, "accent")),
            (("esc", "accent"), (" drops the filter, ", "muted"), ("/", "accent"), (" changes it", "muted")),
        )
    if not store.knows(kind, now, shown.cluster):
        lost = troubles(store, now)
        reason = why(store, lost[0], now) if lost else "whoever lists them has not answered lately"
        return ((("? ", "unknown"), (f"No {plural} were listed when last heard.", "strong")), ((reason, "warn"),))
    return (((f"There are no {plural}.", "text"),), (("The list is complete and empty.", "faint"),))


def is_unheard(shown: Shown, kind: Kind) -> bool:
    """Whether everybody has answered and nobody is there who would list these."""
    sources, listers = shown.live.sources.values(), _LISTERS.get(kind, ())
    is_heard = any(source.name in listers for source in sources)
    answered = bool(sources) and all(source.last_success is not None for source in sources)
    return bool(listers) and answered and not is_heard


def _add(sources: Sequence[str]) -> tuple[Span, ...]:
    """What to configure, so that somebody lists them."""
    tables = [(f"[cluster.NAME.{source}]", "muted") for source in sources]
    between: list[Span] = [span for table in tables for span in ((" or ", "faint"), table)]
    return (("Add ", "faint"), *between[1:], (" to the configuration.", "faint"))


def hides_all(shown: Shown, kind: Kind, filter_text: str) -> bool:
    """Whether an empty list has something to show but for its filter."""
    return bool(filter_text and shown.keys(kind))
