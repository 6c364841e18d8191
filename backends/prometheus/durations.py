"""Times and durations as Prometheus writes them."""

from __future__ import annotations

import re
from datetime import datetime

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_PART = re.compile(r"([0-9]{1,12})(ms|[smhdwy])")
_NEVER = "0001-01-01"


def seconds_of(duration: str) -> float | None:
    """Seconds of `1m30s` or `500ms`; None where it is no duration."""
    parts = _PART.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        return None
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


def unix_time(text: str) -> float | None:
    """Unix seconds of `2026-11-25T08:28:43.057034888Z`; None where it is no time, or the zero that means never."""
    if text.startswith(_NEVER):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None
