"""The silences that are there when the demonstration begins: one that works, one to come, one that is over."""

from __future__ import annotations

from crashcart.backends.model import Matcher

from .silences import SilenceBook

HOUR = 3600.0


def make_silences(book: SilenceBook, now: float) -> None:
    """Put them into the book."""
    storage = (Matcher("alertname", "LustreOstAlmostFull"), Matcher("target", "lustre-OST0011"))
    book.put(storage, now - 26 * HOUR, now + 4.5 * HOUR, "rkapoor", "INC-3187 OST0011 is being migrated to OST0024")
    power = (Matcher("rack", "r02"), Matcher("alertname", "Slurm.*|.*ExporterDown", is_regex=True))
    book.put(power, now + 9 * HOUR, now + 13 * HOUR, "crashcart:jpark", "CHG-204 power works in rack r02")
    flapping = (Matcher("alertname", "GpuThermalSlowdown"), Matcher("rack", "r0[34]", is_regex=True))
    book.put(flapping, now - 7 * HOUR, now - 5 * HOUR, "crashcart:rkapoor", "INC-3190 chiller 2 restarted")
