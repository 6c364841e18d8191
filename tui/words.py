"""Numbers as people on call read them: short, of steady width, and `–` for what is not known."""

from __future__ import annotations

import time

UNKNOWN = "–"


def age(seconds: float | None) -> str:
    """`4s`, `12m`, `3h05`, `2d04`: at most five cells; `–` when not known."""
    if seconds is None:
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}"
    days = whole // 86_400
    return f"{days}d{whole % 86_400 // 3600:02d}" if days < 100 else f"{days}d"


def span(seconds: float | None) -> str:
    """A duration in full, for details: `2 d 4 h`, `3 h 5 min`, `12 min 4 s`."""
    if seconds is None:
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def count(value: float | None) -> str:
    """`12`, `1,024`; `–` when not known."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def share(used: float | None, total: float | None) -> str:
    """`6/8`; `–` for a part that is not known."""
    return f"{count(used)}/{count(total)}"


def size(value: float | None) -> str:
    """Bytes in binary units, three digits: `512M`, `1.9T`, `80G`."""
    if value is None:
        return UNKNOWN
    for unit in ("B", "K", "M", "G", "T"):
        if value < 1000:
            return f"{value:.0f}{unit}" if value >= 10 or value == int(value) else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.0f}P"


def of_day(when: float | None) -> str:
    """Local wall-clock time: `14:03:22` today's style, without the date."""
    return UNKNOWN if when is None else time.strftime("%H:%M:%S", time.localtime(when))


def date_and_time(when: float | None) -> str:
    """Local date and time: `2026-03-01 14:03`."""
    return UNKNOWN if when is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(when))


def moment(when: float, now: float) -> str:
    """A time near now, to the minute: `04:10`, or `02-27 04:10` when that is another day's."""
    near = abs(when - now) < 12 * 3600 or time.localtime(when)[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M" if near else "%m-%d %H:%M", time.localtime(when))


def since(when: float, now: float) -> str:
    """Since when something is so: `since 03:12:40 (4m)`; an older day's with its date."""
    said = of_day(when) if now - when < 86_400 else date_and_time(when)
    return f"since {said} ({age(now - when)})"


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 node`, `3 nodes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def counted(number: int | None, one: str) -> str:
    """`1 node`, `3 nodes`, `– nodes` when not known."""
    return f"{UNKNOWN} {one}s" if number is None else plural(number, one)
