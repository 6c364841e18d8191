"""What the cockpit reads besides the picture: requests in the shared directory, and what the operator still holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from crashcart.ops.actor import os_user
from crashcart.ops.approvals import Posted
from crashcart.ops.protocol import OpenAction
from crashcart.ops.session import Session
from crashcart.ops.store import Store

from . import words
from .cells import fit
from .widgets.text_body import BodyLine

if TYPE_CHECKING:
    from crashcart.ops.mine import Held


class Read(NamedTuple):
    """What was read from files."""

    requests: tuple[Posted, ...]
    open_actions: tuple[OpenAction, ...]


class Holdings:
    """What reads files raises OSError and ApprovalsUnavailable, and belongs into a thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.user = os_user()

    @property
    def is_shared(self) -> bool:
        """Whether there is a directory of requests."""
        return self._session.approvals is not None

    def requests(self, now: float) -> tuple[Posted, ...]:
        """All requests that wait."""
        from crashcart.ops.approvals_shelf import Shelf

        if self._session.approvals is None:
            return ()
        return Shelf(Path(self._session.approvals.directory), os.getuid()).requests(now)

    def others(self, now: float) -> tuple[Posted, ...]:
        """Requests that wait for somebody else than whoever asked, which this operator may be."""
        return tuple(one for one in self.requests(now) if one.request.requester != self.user)

    def read(self, now: float) -> Read:
        """What lies in files: requests, and actions without a known end."""
        from crashcart.ops import audit_read

        return Read(self.requests(now), audit_read.open_actions(Path(self._session.audit_file)))

    def mine(self, store: Store, read: Read, now: float) -> tuple[str, list[BodyLine]]:
        """In short, and a line each; on the loop that the store belongs to."""
        from crashcart.ops.mine import held_by, spoken

        found = held_by(store, self.user, self._session.reason_prefix, read.requests, read.open_actions)
        return spoken(found), [_line(held, now) for held in found]


def _line(held: Held, now: float) -> BodyLine:
    ends = "" if held.ends is None else f"{words.age(max(0.0, held.ends - now))} left"
    since = "" if held.since is None else f"for {words.age(max(0.0, now - held.since))}"
    return (
        (f"  {fit(held.kind, 9)}", "muted"),
        (fit(held.cluster, 10), "muted"),
        (fit(held.name, 14), "strong"),
        (fit(ends or since, 12), "warn" if held.kind in ("unknown", "request") else "faint"),
        (held.text, "text"),
    )
