"""HTTP as this backend needs it: one request and a bounded answer; every failure is one of ours."""

from __future__ import annotations

import ssl
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests
import urllib3
from urllib3.exceptions import InsecureRequestWarning

from crashcart.backends.errors import Malformed
from crashcart.backends.text import clean

from .answer import Answer, AnswerLost
from .connection_failure import failure
from .credentials import authorization
from .options import Options, name_of
from .sockets import Sockets, TracedAdapter

CHUNK = 1 << 16
CONNECT_SECONDS = 3.0
SILENT_SECONDS = 60.0
"""More than whoever waits ever allows, and the end all the same should nobody cut the link."""


class Transport:
    """One Alertmanager over HTTP, for one thread at a time; only `cut` may come from another."""

    def __init__(self, url: str, options: Options) -> None:
        self._url = url
        self._name = name_of(url)
        self._options = options
        self._sockets = Sockets()
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": "crashcart", **options.headers})
        self._session.auth = self._signed  # also keeps ~/.netrc out, which may hold a login for the same host
        self._session.mount(url, TracedAdapter(self._sockets))
        if options.tls.insecure:
            urllib3.disable_warnings(InsecureRequestWarning)  # at every request, on a terminal that is the cockpit's

    @property
    def has_connected(self) -> bool:
        """Whether there ever was a connection, so that a request may have been received."""
        return self._sockets.has_connected

    def cut(self) -> None:
        """Wake up and fail whoever uses this, and let go of idle connections; it is of no use afterwards."""
        self._sockets.cut()
        self._session.close()

    def ask(self, method: str, path: str, body: bytes | None, limit: int) -> Answer:
        """One request. Raises Unreachable, of which AnswerLost only when it may have been received, Denied, Malformed.

        An answer longer than `limit` bytes is Malformed; any HTTP status is an answer.
        """
        started = time.monotonic()
        try:
            with self._session.request(
                method,
                self._url + path,
                data=body,
                headers={"Content-Type": "application/json"} if body is not None else None,
                stream=True,
                allow_redirects=False,
                timeout=(min(CONNECT_SECONDS, self._options.timeout_seconds), SILENT_SECONDS),
                verify=self._trusted(),
                cert=self._certificate(),
            ) as response:
                content = self._content(response, limit)
                if not content and not _has_length(response):
                    raise AnswerLost(f"alertmanager {self._name}: the connection broke in the middle of an answer")
                return Answer(
                    self._name,
                    response.status_code,
                    content,
                    clean(response.headers.get("Content-Type", ""), limit=80),
                    clean(response.headers.get("Location", ""), limit=200),
                    _moment(response.headers.get("Date")),
                    time.monotonic() - started,
                )
        except (requests.RequestException, OSError) as error:
            raise failure(self._name, error, has_connected=self._sockets.has_connected) from error

    def _content(self, response: requests.Response, limit: int) -> bytes:
        parts: list[bytes] = []
        left = limit
        for part in response.iter_content(CHUNK):
            left -= len(part)
            if left < 0:
                raise Malformed(f"alertmanager {self._name} answered with more than {limit >> 20} MiB; it was cut")
            parts.append(part)
        return b"".join(parts)

    def _trusted(self) -> str | bool:
        """Where the certificates lie that we trust: the system's, as for curl and amtool, not those of a package."""
        if self._options.tls.insecure:
            return False
        paths = ssl.get_default_verify_paths()
        return _path(self._options.tls.ca_file) or paths.cafile or paths.capath or True

    def _certificate(self) -> str | tuple[str, str] | None:
        certificate, key = _path(self._options.tls.cert_file), _path(self._options.tls.key_file)
        return (certificate, key) if certificate and key else certificate

    def _signed(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._options.auth is not None:
            request.headers["Authorization"] = authorization(self._options.auth)
        return request


def _has_length(response: requests.Response) -> bool:
    """Whether the headers say how much follows: cut off in their middle they do not, and that is no error to HTTP."""
    return (
        "Content-Length" in response.headers or "Transfer-Encoding" in response.headers or response.status_code == 204
    )


def _path(name: str | None) -> str | None:
    return str(Path(name).expanduser()) if name else None


def _moment(date: str | None) -> float | None:
    """Unix seconds of a `Date` header, None where there is none that can be read."""
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None
