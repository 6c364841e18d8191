"""How far what a source says may still be believed on a wall: fresh, late, gone, old; and what that does to a page.

A source's age is never less than the time since we saw it change: a clock that is put back makes nothing young again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from crashcart.backends.wire import Source
from crashcart.ops.clock import Clock
from crashcart.tui.shown import Shown

LATE_INTERVALS = 2
GONE_INTERVALS = 5
SLACK_SECONDS = 3.0
OLD_SECONDS = 900.0
GPU = "gpu"
"""Not a kind of entity: the columns of the telemetry."""


class Doubt(IntEnum):
    """The higher, the less it is to be believed."""

    FRESH = 0
    LATE = 1  # amber
    GONE = 2  # a banner on every page
    OLD = 3  # the whole page says so


@dataclass(frozen=True, slots=True)
class Trust:
    """One source at one moment, or the worst of several. `is_cut` says that it is known not to answer."""

    doubt: Doubt
    age: float
    is_cut: bool = False
    source: Source | None = None
    is_known: bool = True  # False: nobody has ever listed it

    @property
    def is_stale(self) -> bool:
        """Whether to dim and hatch what it said."""
        return self.is_cut or self.doubt >= Doubt.GONE

    @property
    def label(self) -> str:
        """`STALE 3m12s`, `LATE 14s`, `NO DATA`, or nothing."""
        if not self.is_known:
            return "NO DATA"
        if self.is_stale:
            return f"STALE {exact_age(self.age)}"
        return f"LATE {exact_age(self.age)}" if self.doubt == Doubt.LATE else ""

    @property
    def role(self) -> str:
        """What its label is drawn in."""
        if not self.is_known:
            return "unknown"
        return ("ok", "warn", "badge-warn", "badge-crit")[self.doubt] if not self.is_cut else "badge-warn"


def exact_age(seconds: float) -> str:
    """`14s`, `3m12s`, `2h05m`, `3d04h`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02d}h"


class Sources:
    """All sources of the wall, with their true ages."""

    def __init__(self, shown: Shown, clock: Clock) -> None:
        self._shown = shown
        self._clock = clock
        self._began = clock.monotonic()
        self._seen: dict[tuple[str, str], tuple[float | None, float]] = {}

    def observe(self) -> None:
        """Called at every tick: take in which sources have told something new."""
        here = self._clock.monotonic()
        sources = self._shown.live.sources
        for slot, source in sources.items():
            held = self._seen.get(slot)
            if held is None or held[0] != source.last_success:
                self._seen[slot] = (source.last_success, here)
        for slot in self._seen.keys() - sources.keys():
            del self._seen[slot]

    def trust(self, slot: tuple[str, str]) -> Trust:
        """One source, `(cluster, name)`."""
        store, now = self._shown.live, self._clock.now()
        source = store.sources[slot]
        here = self._clock.monotonic()
        since_change = here - self._seen.get(slot, (None, self._began))[1]
        age = max(since_change, 0.0 if source.last_success is None else now - source.last_success)
        freshness = store.freshness(*slot, now)
        if source.last_success is None:
            age = here - self._began
        doubt = doubt_of(age, source.interval_seconds)
        if freshness == "denied":
            doubt = max(doubt, Doubt.GONE)
        is_cut = freshness in ("down", "denied")
        return Trust(max(doubt, Doubt.LATE) if is_cut else doubt, age, is_cut, source)

    def all(self) -> list[Trust]:
        """Every source, the most doubtful first."""
        found = [self.trust(slot) for slot in sorted(self._shown.live.sources)]
        return sorted(found, key=lambda one: (-one.doubt, not one.is_cut, -one.age if one.doubt else 0.0))

    def of(self, kinds: Iterable[str]) -> Trust:
        """The worst of those that tell these kinds; of `gpu` the columns of the telemetry."""
        store = self._shown.live
        slots: set[tuple[str, str]] = set()
        is_known = True
        for kind in kinds:
            mine = {(cluster, name) for cluster, name, listed in store.confirmed if listed == kind}
            if kind == GPU:
                mine = {(cluster, table.rows.source) for cluster, table in store.gpus.items()}
            is_known &= bool(mine)
            slots |= mine & store.sources.keys()
        trusts = [self.trust(slot) for slot in slots]
        if not trusts or not is_known:
            waited = self._clock.monotonic() - self._began
            return Trust(doubt_of(waited, 60.0), waited, is_known=False)
        return max(trusts, key=lambda one: (one.doubt, one.is_cut, one.age))

    @property
    def empty_seconds(self) -> float | None:
        """For how long no source at all has been heard of; None when one has."""
        return None if self._shown.live.sources else self._clock.monotonic() - self._began


def doubt_of(age: float, interval: float) -> Doubt:
    """By age and by how often it is read: 2 intervals, 5 intervals, a quarter of an hour."""
    if age >= max(OLD_SECONDS, LATE_INTERVALS * interval):
        return Doubt.OLD
    if age >= max(GONE_INTERVALS * interval, SLACK_SECONDS * 2):
        return Doubt.GONE
    return Doubt.LATE if age >= max(LATE_INTERVALS * interval, SLACK_SECONDS) else Doubt.FRESH
