"""Nothing is planned or done, and why."""

from __future__ import annotations

from .protocol import RefusalCode


class Refusal(Exception):
    """Nothing is planned. `gates` are those of the policy when it was asked."""

    def __init__(self, code: RefusalCode, why: str, gates: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.code: RefusalCode = code
        self.why = why
        self.gates = gates
