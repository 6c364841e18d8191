"""One request and its whole answer, bounded in size, over sockets that can be cut; every failure is one of ours."""

from __future__ import annotations

import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from crashcart.backends.errors import Malformed, Unreachable

from .answer_lost import AnswerLost
from .failures import failure, is_hung_up
from .server_clock import ServerClock
from .sockets import Sockets, pools

CONNECT_SECONDS = 3.0
SILENT_SECONDS = 60.0
"""More than whoever waits ever allows, and the end all the same should nobody cut the sockets."""

_CHUNK = 1 << 16


class BoundedAdapter(HTTPAdapter):
    """Raises BackendErrors only. `limit` is in bytes, unpacked; `narrower` says what to do about more than that.

    Requests of the methods `repeatable` are sent again when a connection that was idle turns out to be closed. Nothing
    else is tried twice: the supervisor does that, with its own pauses.
    """

    def __init__(self, where: str, *, limit: int, narrower: str, repeatable: frozenset[str]) -> None:
        self.sockets = Sockets()
        self.clock = ServerClock()
        self.limit = limit
        self._where = where
        self._narrower = narrower
        self._repeatable = repeatable
        self._pools = pools(self.sockets)
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *arguments: Any, **words: Any) -> None:
        super().init_poolmanager(*arguments, **words)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **words: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **words)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, stream: bool = False, timeout: object = None, **kept: Any
    ) -> requests.Response:
        """Send, and return with the whole body read, whatever the status. Raises BackendError.

        Of these AnswerLost only when the request may have been received.
        """
        if self.sockets.is_cut:
            raise Unreachable(f"{self._where}: the time for this request is up; nothing was sent")
        try:
            response = self._answer(request, kept)
            try:
                response._content = self._body(response)
            finally:
                response.close()
        except (requests.RequestException, HTTPError, OSError) as error:
            raise failure(self._where, error, has_connected=self.sockets.count > 0) from error
        response._content_consumed = True  # type: ignore[attr-defined]
        if not response.content and not _has_length(response):
            raise AnswerLost(f"{self._where}: the connection broke in the middle of an answer; look at its log")
        return response

    def _answer(self, request: requests.PreparedRequest, kept: dict[str, Any]) -> requests.Response:
        """Status and headers."""
        made = self.sockets.count
        try:
            return self._asked(request, kept)
        except requests.ConnectionError as error:
            was_idle = self.sockets.count == made > 0
            is_repeatable = request.method in self._repeatable and not self.sockets.is_cut
            if not (was_idle and is_repeatable and is_hung_up(error)):
                raise
        return self._asked(request, kept)

    def _asked(self, request: requests.PreparedRequest, kept: dict[str, Any]) -> requests.Response:
        sent = time.time()
        response = super().send(request, stream=True, timeout=(CONNECT_SECONDS, SILENT_SECONDS), **kept)
        self.clock.dated(response.headers.get("Date"), sent, time.time())
        return response

    def _body(self, response: requests.Response) -> bytes:
        parts: list[bytes] = []
        left = self.limit
        while part := response.raw.read1(_CHUNK, decode_content=True):
            left -= len(part)
            if left < 0:
                raise Malformed(
                    f"{self._where}: the answer is larger than {self.limit >> 20} MiB and was cut{self._narrower}"
                )
            parts.append(part)
        return b"".join(parts)


def _has_length(response: requests.Response) -> bool:
    """Whether the headers say how much follows: cut off in their middle they do not, and that is no error to HTTP."""
    return (
        "Content-Length" in response.headers or "Transfer-Encoding" in response.headers or response.status_code == 204
    )
