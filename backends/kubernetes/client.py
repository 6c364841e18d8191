"""Speaks to one API server as one user, from whatever thread calls: requests with deadlines, and streams of lines.

The official client gives connections, TLS and sign-in; bodies stay bytes. Nothing is repeated here but a reading whose
connection had gone stale: whether an action may be tried again is for who asked for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from crashcart.backends.errors import BackendError, Denied, Unreachable, Unsupported
from crashcart.backends.http.server_clock import ServerClock

from .failures import NoAnswer, NotSent, failure, unreachable
from .line_stream import LineStream
from .options import Options

if TYPE_CHECKING:
    from .access import Access

Query = Sequence[tuple[str, str]]
CONNECT_SECONDS = 5.0


class Reply(NamedTuple):
    """An answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class KubernetesClient:
    """One server, one user. Safe to use from several threads; makes itself ready at first use."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.clock = ServerClock()
        self.answered = 0.0  # when the server last said anything, Unix seconds
        self._heard_at = time.monotonic()
        self._lock = threading.Lock()
        self._signing = threading.Lock()  # one sign-in command at a time, whoever asks
        self._access: Access | None = None
        self._api: Any = None
        self._streams: set[LineStream] = set()
        self._is_closed = False

    @property
    def access(self) -> Access:
        """Which server, and as whom. Blocks while it is found out. Raises Unsupported, Denied."""
        self.api()
        assert self._access is not None  # noqa: S101 - set together with the client
        return self._access

    def api(self) -> Any:
        """The official ApiClient, for what is not plain HTTP. Raises Unsupported, Denied."""
        with self._lock:
            if self._api is None:
                from kubernetes.client import ApiClient

                from .access import open_access

                self._access = open_access(self.options)
                self._api = ApiClient(self._access.configuration)
                self._api.user_agent = "crashcart"
                if self._access.impersonate is not None:
                    self._api.set_default_header("Impersonate-User", self._access.impersonate)
            return self._api

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: Any = None,
        content_type: str = "application/json",
        read_seconds: float | None = None,
        what: str = "",
    ) -> Reply:
        """Ask once; every status is an answer. Raises NotSent, NoAnswer (both Unreachable), Unsupported, Denied."""
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        if body is not None:
            headers["Content-Type"] = content_type
        sent = time.time()
        response = self._open(method, path, query, headers, body, read_seconds, what or path)
        try:
            content = response.read(decode_content=True)
        except self._broken() as error:
            raise self._failed(error, what or path, sent=True) from error
        finally:
            response.release_conn()
        self._heard(response.headers, sent)
        return Reply(response.status, response.headers, content)

    def get(self, path: str, *, query: Query = (), what: str = "", read_seconds: float | None = None) -> Reply:
        """The answer to a reading. Raises Unreachable, Denied, Unsupported, Malformed."""
        started = time.monotonic()
        try:
            reply = self.request("GET", path, query=query, read_seconds=read_seconds, what=what)
        except NoAnswer as error:
            if time.monotonic() - started > 1.0:
                raise
            del error  # a kept connection that the server had closed meanwhile
            reply = self.request("GET", path, query=query, read_seconds=read_seconds, what=what)
        if reply.status == 401 and self.sign_in_anew():
            reply = self.request("GET", path, query=query, read_seconds=read_seconds, what=what)
        if not 200 <= reply.status < 300:
            raise self.refusal(reply, what or path)
        return reply

    def refusal(self, reply: Reply, what: str) -> BackendError:
        """The error for an answer that is not 2xx."""
        return failure(reply.status, reply.body, what=what, where=self.access.where, who=self.access.who)

    def stream(self, path: str, *, query: Query, read_seconds: float, what: str) -> LineStream:
        """Open an answer that comes line by line. Raises like `get`, and from its lines Unreachable."""
        sent = time.time()
        headers = {"Accept": "application/json"}
        response = self._open("GET", path, query, headers, None, read_seconds, what)
        if response.status == 401 and self.sign_in_anew():
            response.release_conn()
            response = self._open("GET", path, query, headers, None, read_seconds, what)
        if response.status != 200:
            body = response.read(decode_content=True)
            response.release_conn()
            raise self.refusal(Reply(response.status, response.headers, body), what)
        self._heard(response.headers, sent)
        stream = LineStream(response, self.heard, lambda error: self._failed(error, what, sent=True))
        with self._lock:
            closed = self._is_closed
            self._streams = {one for one in self._streams if not one.has_ended} | {stream}
        if closed:
            stream.shutdown()
        return stream

    def close(self) -> None:
        """End every stream and let go of connections; requests under way end at their deadline."""
        with self._lock:
            self._is_closed = True
            streams, api = list(self._streams), self._api
        for stream in streams:
            stream.shutdown()
        if api is not None:
            api.close()

    def sign_in_anew(self) -> bool:
        """Read the kubeconfig again, whose token somebody may have renewed. Whether there is another one now."""
        from .access import open_access

        held = self.api().configuration
        before = held.api_key.get("BearerToken")
        with self._signing:
            if held.api_key.get("BearerToken") != before:
                return True
            try:
                found = open_access(self.options).configuration
            except (Denied, Unsupported):
                return False
            if found.api_key.get("BearerToken") in (None, before):
                return False
            held.api_key, held.refresh_api_key_hook = found.api_key, found.refresh_api_key_hook
        return True

    def heard(self) -> None:
        """The server said something just now."""
        self.answered, self._heard_at = time.time(), time.monotonic()

    @property
    def silent_seconds(self) -> float:
        """How long the server has said nothing, whatever was done to our clock meanwhile."""
        return time.monotonic() - self._heard_at

    def _open(
        self,
        method: str,
        path: str,
        query: Query,
        headers: dict[str, str],
        body: Any,
        read_seconds: float | None,
        what: str,
    ) -> Any:
        if self._is_closed:
            raise NotSent("the connection was given up; it is made anew")
        api = self.api()
        with self._signing:  # signs in anew where the credentials have expired
            parts = api.param_serialize(
                method,
                path,
                query_params=list(query),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
        deadline = (CONNECT_SECONDS, read_seconds or self.options.timeout_seconds)
        try:
            return api.call_api(*parts, _request_timeout=deadline).response
        except self._broken() as error:
            raise self._failed(error, what, sent=_may_have_arrived(error)) from error

    def _broken(self) -> tuple[type[Exception], ...]:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        return (HTTPError, ApiException, OSError)

    def _failed(self, error: Exception, what: str, *, sent: bool) -> Unreachable:
        return unreachable(error, what=what, where=self.access.where, file=self.access.file, sent=sent)

    def _heard(self, headers: Mapping[str, str], sent: float) -> None:
        self.heard()
        self.clock.dated(headers.get("Date"), sent, self.answered)


def _may_have_arrived(error: Exception) -> bool:
    """Whether the request was on its way when this happened."""
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError, SSLError

    return not isinstance(error, ConnectTimeoutError | NewConnectionError | ProxyError | SSLError | ApiException)
