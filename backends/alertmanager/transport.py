"""HTTP as this backend needs it: one request, and an answer of any status.

Imported in a thread only: the HTTP client takes half a second to load.
"""

from __future__ import annotations

import time

from crashcart.backends.http.session import HttpSession
from crashcart.backends.text import clean

from .answer import Answer
from .options import Options

LIMIT = 64 << 20
"""Bytes of an answer; 10,000 alerts are some 7 MiB."""


class Transport(HttpSession):
    """One Alertmanager. Changes are never sent twice."""

    def __init__(self, name: str, url: str, options: Options) -> None:
        super().__init__(url, f"alertmanager {name}", options, limit=LIMIT)
        self._name = name

    def ask(self, method: str, path: str, body: bytes | None = None, *, limit: int = LIMIT) -> Answer:
        """One request. Raises BackendError: AnswerLost only when it may have been received."""
        started = time.monotonic()
        headers = {"Content-Type": "application/json"} if body is not None else None
        response = self.request(method, path, limit=limit, data=body, headers=headers)
        return Answer(
            self._name,
            response.status_code,
            response.content,
            clean(response.headers.get("Content-Type", ""), limit=80),
            clean(response.headers.get("Location", ""), limit=200),
            self.ahead_seconds,
            time.monotonic() - started,
        )
