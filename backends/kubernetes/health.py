"""How reading goes, resource by resource: one that is forbidden or broken is told, and the others go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from crashcart.backends.errors import BackendError, Denied
from crashcart.backends.model import Check
from crashcart.backends.text import clean

from .failures import NotSignedIn

State = Literal["waiting", "listed", "broken", "forbidden", "absent"]
PATIENCE_SECONDS = 10.0
"""So long a server may stumble before what it says is taken for its last word."""

_CHECKS: dict[State, str] = {"broken": "warning", "forbidden": "critical"}


class Report(NamedTuple):
    """One resource in one namespace; `has_listed` when it was once read whole."""

    state: State
    detail: str
    since: float
    has_listed: bool


class Health:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reports: dict[tuple[str, str], Report] = {}
        self._errors: dict[tuple[str, str], BackendError] = {}
        self.fatal: BackendError | None = None  # nothing can be read any more

    def expect(self, resource: str, namespace: str) -> None:
        """This is going to be read."""
        with self._lock:
            self._reports[resource, namespace] = Report("waiting", "", time.time(), False)

    def reads(self, resource: str, namespace: str) -> None:
        """It was listed, or its watch goes on."""
        self._tell(resource, namespace, "listed", "")

    def is_absent(self, resource: str, namespace: str) -> None:
        """Nobody installed it."""
        self._tell(resource, namespace, "absent", "")

    def fails(self, resource: str, namespace: str, error: BackendError) -> None:
        """It could not be read."""
        if isinstance(error, NotSignedIn):
            self.fatal = error
        with self._lock:
            self._errors[resource, namespace] = error
        self._tell(resource, namespace, "forbidden" if isinstance(error, Denied) else "broken", str(error))

    def has_listed(self, resource: str) -> bool:
        """Whether any of it was read whole."""
        return any(report.has_listed for report in self._of(resource))

    def is_settled(self, resource: str) -> bool:
        """Whether it is known what there is of it, or why that cannot be known."""
        return all(report.has_listed or report.state != "waiting" for report in self._of(resource))

    def is_known(self, resource: str) -> bool:
        """Whether some of it was read whole, or nobody installed it."""
        return any(report.has_listed or report.state == "absent" for report in self._of(resource))

    def trouble_since(self, resources: Iterable[str]) -> float | None:
        """Since when some of what was read of these is no longer kept up to date, Unix seconds; None while all is."""
        reports = [report for resource in resources for report in self._of(resource) if report.has_listed]
        return min((report.since for report in reports if report.state not in ("listed", "absent")), default=None)

    def refusal(self, resources: Sequence[str]) -> BackendError | None:
        """Why nothing at all can be shown: none of these was ever read, and each is refused or long in trouble."""
        reports = [report for resource in resources for report in self._of(resource)]
        patience = time.time() - PATIENCE_SECONDS
        if any(one.has_listed or one.state == "waiting" for one in reports):
            return None
        if any(one.state == "broken" and one.since > patience for one in reports):
            return None
        with self._lock:
            errors = [error for (name, _), error in self._errors.items() if name in resources]
        if not errors or not any(isinstance(error, Denied) for error in errors):
            return errors[0] if errors else None
        return Denied("; ".join(dict.fromkeys(map(str, errors))))

    def checks(self, cluster: str, source: str, when: float) -> list[Check]:
        """One for each resource that cannot be read."""
        with self._lock:
            troubles = [(key, report) for key, report in self._reports.items() if report.state in _CHECKS]
        return [
            Check(
                cluster=cluster,
                source=source,
                when=when,
                name=f"reads {resource}{f' of {namespace}' if namespace else ''}",
                state=_CHECKS[report.state],
                detail=clean(report.detail, limit=400),
                since=report.since,
            )
            for (resource, namespace), report in troubles
        ]

    def _of(self, resource: str) -> list[Report]:
        with self._lock:
            return [report for (name, _), report in self._reports.items() if name == resource]

    def _tell(self, resource: str, namespace: str, state: State, detail: str) -> None:
        with self._lock:
            old = self._reports.get((resource, namespace))
            since = old.since if old is not None and old.state == state else time.time()
            listed = state == "listed" or (old is not None and old.has_listed and state != "absent")
            self._reports[resource, namespace] = Report(state, detail, since, listed)
            if state in ("listed", "absent"):
                self._errors.pop((resource, namespace), None)
