"""The two processes the screen talks to, as far as it needs to know them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from crashcart.backends.wire import Focus
from crashcart.ops.protocol import Answered, Finished, Planned, Progress, Ready, Refused
from crashcart.ops.store import Store
from crashcart.ops.verbs import TargetKind


class Collector(Protocol):
    """Keeps a store up to date."""

    async def run(self, store: Store, on_change: Callable[[frozenset[str]], None]) -> None:
        """Apply what comes until cancelled; tell which kinds changed."""
        ...

    def look_at(self, focus: Focus) -> None:
        """Tell what is on the screen in detail, so that more of it is read, and of nothing else."""
        ...


class Executor(Protocol):
    """Plans and runs actions; absent in read-only sessions."""

    ready: Ready | None
    on_shell_output: Callable[[str, bytes], None] | None
    on_news: Callable[[Finished], None] | None

    async def warm(self) -> None: ...

    async def plan(
        self,
        cluster: str,
        verb: str,
        targets: tuple[str, ...],
        params: dict[str, str] | None = None,
        kind: TargetKind | None = None,
    ) -> Planned | Refused: ...

    async def undo(self, action_id: str = "") -> Planned | Refused: ...

    async def answer_request(
        self, approval_id: str, sha256: str, verdict: Literal["approved", "denied"], why: str = ""
    ) -> Answered | Refused: ...

    async def confirm(
        self,
        plan_id: str,
        typed: str,
        foreign_typed: str = "",
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Finished | Refused: ...

    async def cancel(self, plan_id: str) -> None: ...

    def shell_input(self, plan_id: str, data: bytes) -> None: ...

    def shell_resize(self, plan_id: str, columns: int, rows: int) -> None: ...

    async def close(self) -> None: ...
