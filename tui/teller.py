"""How anything says something to the operator that needs no answer."""

from __future__ import annotations

from typing import Protocol


class Teller(Protocol):
    """Shows plain text for a while."""

    def tell(self, text: str, *, is_bad: bool = False) -> None: ...

    def tell_rights(self, role: str) -> None:
        """Keep the operator's role in view from now on."""
        ...
