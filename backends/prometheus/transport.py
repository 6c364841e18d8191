"""One HTTP session for all requests: bounded in time and size, with every refusal translated.

Imported in the worker only: the HTTP client takes half a second to load. The client library replaces the adapter of a
session that it is given, so ours is mounted after it; from then on its requests are bounded and translated as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from crashcart.backends.errors import BackendError, Denied, Malformed

from .failures import broken, no_answer, refused, too_large
from .options import Options
from .sign_in import authorization

REPLY_LIMIT = 32 << 20
"""Bytes of one reply, unpacked: a slim metric of 100,000 GPUs is 8 MiB."""

_CHUNK = 1 << 16
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_CONNECTIONS = 4


class SignIn(AuthBase):
    """Signs every request; with nothing to sign, it also keeps the client from looking into ~/.netrc."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        header = authorization(self._options)
        if header is not None:
            request.headers["Authorization"] = header
        return request


class BoundedAdapter(HTTPAdapter):
    """Reads at most so much, for at most so long, and raises BackendErrors."""

    def __init__(self, options: Options) -> None:
        self._options = options
        super().__init__(pool_connections=1, pool_maxsize=_CONNECTIONS)

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, stream: bool = False, timeout: object = None, **kept: Any
    ) -> requests.Response:
        """Send, and return with the whole body read. Raises BackendError."""
        seconds = self._options.timeout_seconds
        deadline = time.monotonic() + seconds
        response = self._answer(request, seconds, kept)
        try:
            body = self._body(response, deadline, _what(request))
        finally:
            response.close()
        response._content = body
        response._content_consumed = True  # type: ignore[attr-defined]
        if response.status_code != requests.codes.ok:
            raise refused(
                response.status_code,
                body,
                where=self._options.base_url,
                what=_what(request),
                sign_in=self._options.sign_in_from,
                location=response.headers.get("Location", ""),
            )
        return response

    def _answer(self, request: requests.PreparedRequest, seconds: float, kept: Mapping[str, Any]) -> requests.Response:
        """The status and headers. An idle connection may have been closed meanwhile, so that breaks at once: try anew.

        Nothing else is tried twice: the supervisor does that, with its own pauses.
        """
        for last in (False, True):
            started = time.monotonic()
            try:
                return super().send(request, stream=True, timeout=(seconds, seconds), **kept)
            except requests.Timeout as error:
                raise no_answer(self._options.base_url, _what(request), seconds) from error
            except requests.RequestException as error:
                if last or "Connection aborted" not in str(error) or time.monotonic() - started > 1.0:
                    raise broken(error, where=self._options.base_url, what=_what(request)) from error
            except OSError as error:  # ca_file, cert_file or key_file that are not there
                raise Denied(
                    f"TLS files of {self._options.base_url}: {error}; check ca_file, cert_file, key_file"
                ) from error
        raise AssertionError("the second try returns or raises")

    def _body(self, response: requests.Response, deadline: float, what: str) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            while part := response.raw.read1(_CHUNK, decode_content=True):
                size += len(part)
                if size > REPLY_LIMIT:
                    raise too_large(self._options.base_url, what, REPLY_LIMIT)
                if time.monotonic() > deadline:
                    raise no_answer(self._options.base_url, what, self._options.timeout_seconds)
                parts.append(part)
        except HTTPError as error:
            if "timed out" in str(error):
                raise no_answer(self._options.base_url, what, self._options.timeout_seconds) from error
            raise broken(error, where=self._options.base_url, what=what) from error
        return b"".join(parts)


class Transport:
    """The session and the client library on it."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._session = requests.Session()
        self._session.auth = SignIn(options)
        self._session.max_redirects = 0  # what is sent on elsewhere is not the Prometheus that was configured
        self._session.verify = False if options.insecure else _path(options.ca_file) or True
        certificate, key = _path(options.cert_file), _path(options.key_file)
        self._session.cert = (certificate, key) if certificate and key else certificate
        self._session.headers.update({"User-Agent": "crashcart", **options.headers})
        if urlsplit(options.base_url).hostname in _LOOPBACK:  # unpacking costs more than the loopback device
            self._session.headers["Accept-Encoding"] = "identity"
        self._library = PrometheusConnect(
            url=options.base_url, session=self._session, timeout=_whole(options.timeout_seconds)
        )
        self._session.mount(options.base_url, BoundedAdapter(options))

    def post(self, path: str, form: Mapping[str, str]) -> bytes:
        """The body of the answer to a form. Raises BackendError."""
        return self._asked("POST", path, data=dict(form), allow_redirects=False)

    def get(self, path: str, parameters: Mapping[str, str]) -> bytes:
        """The body of the answer to a GET. Raises BackendError."""
        return self._asked("GET", path, params=dict(parameters), allow_redirects=False)

    def ordinary(self, what: str, ask: Callable[[PrometheusConnect], Any]) -> Any:
        """What the client library answers. Raises BackendError."""
        try:
            return ask(self._library)
        except requests.RequestException as error:
            raise self._translated(error, what) from error
        except (PrometheusApiClientException, KeyError, TypeError, ValueError) as error:
            raise Malformed(f"{self._options.base_url}: the answer to {what} has an unknown shape: {error}") from error

    def close(self) -> None:
        """Close idle connections; one in use closes when its request ends."""
        self._session.close()

    def _asked(self, method: str, path: str, **how: Any) -> bytes:
        url = f"{self._options.base_url}{path}"
        try:
            return self._session.request(method, url, verify=self._session.verify, **how).content
        except requests.RequestException as error:
            raise self._translated(error, path) from error

    def _translated(self, error: requests.RequestException, what: str) -> BackendError:
        return broken(error, where=self._options.base_url, what=what)


def _what(request: requests.PreparedRequest) -> str:
    """The path of a request, for messages."""
    return urlsplit(request.url or "").path or "/"


def _path(name: str | None) -> str | None:
    return None if name is None else str(Path(name).expanduser())


def _whole(seconds: float) -> int:
    return max(1, round(seconds))
