"""Time that tests move by hand."""

from __future__ import annotations

import asyncio

START = 1_772_000_000.0  # 2026-02-25 06:13:20 UTC


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return START + self.passed

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        self.passed += seconds
