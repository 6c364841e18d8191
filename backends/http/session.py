"""One server over HTTP: signed, bounded, and cut from outside when its time is up.

Imported in a thread only: the HTTP client takes half a second to load.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from urllib3.exceptions import InsecureRequestWarning

from .adapter import BoundedAdapter
from .failures import failure
from .options import HttpOptions
from .sign_in import authorization
from .trust import certificate, trusted

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class HttpSession:
    """For one thread at a time; only `cut` may come from another. `where` is what the server is called in errors."""

    def __init__(
        self,
        url: str,
        where: str,
        options: HttpOptions,
        *,
        limit: int,
        narrower: str = "",
        repeatable: frozenset[str] = frozenset({"GET"}),
    ) -> None:
        self.url = url
        self.where = where
        self.client = requests.Session()
        self.client.headers.update({"User-Agent": "crashcart", **options.headers})
        if urlsplit(url).hostname in _LOOPBACK:  # unpacking costs more than the loopback device
            self.client.headers["Accept-Encoding"] = "identity"
        self.client.auth = self._signed  # also keeps ~/.netrc out, which may hold a login for the same host
        self.client.verify = trusted(options)
        self.client.cert = certificate(options)
        self._options = options
        self._limit = limit
        self._adapter = BoundedAdapter(where, limit=limit, narrower=narrower, repeatable=repeatable)
        self.mount()
        if options.insecure:
            urllib3.disable_warnings(InsecureRequestWarning)  # at every request, on a terminal that is the cockpit's

    def mount(self) -> None:
        """Send whatever goes to this server through us."""
        self.client.mount(self.url, self._adapter)

    @property
    def ahead_seconds(self) -> float:
        """How far the server's clock is ahead of ours, by the Date of its answers."""
        return self._adapter.clock.ahead_seconds

    @property
    def has_connected(self) -> bool:
        """Whether there ever was a connection, so that a request may have been received."""
        return self._adapter.sockets.count > 0

    def cut(self) -> None:
        """Wake up and fail whoever uses this, and let go of idle connections; it is of no use afterwards."""
        self._adapter.sockets.cut()
        self.client.close()

    def request(self, method: str, path: str, *, limit: int | None = None, **how: Any) -> requests.Response:
        """An answer of any status, its whole body read: at most `limit` bytes, or as many as is usual here.

        Raises BackendError: AnswerLost only when the request may have been received.
        """
        self._adapter.limit = limit or self._limit
        try:
            # `verify` is given here too: else a variable of the environment would take the place of ca_file
            return self.client.request(method, self.url + path, verify=self.client.verify, allow_redirects=False, **how)
        except requests.RequestException as error:  # before it came to the adapter
            raise failure(self.where, error, has_connected=False) from error

    def _signed(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if (value := authorization(self._options)) is not None:
            request.headers["Authorization"] = value
        return request
