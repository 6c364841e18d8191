"""Runs commands in containers through the API server: a websocket, and what became of the command on channel 3.

The handshake succeeds even when the kubelet cannot be reached, and the output is then empty: only channel 3 tells a
command that said nothing from one that never ran. The client's own stream has no deadline for its connection and drops
the header by which we act as somebody else, so the connection is made here.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from crashcart.backends.contract import CommandResult
from crashcart.backends.errors import BackendError, Denied, Unreachable

from .asking import Asking
from .client import CONNECT_SECONDS, KubernetesClient, Reply
from .failures import NoAnswer, NotSent, Status, status_of, unreachable

STDOUT, STDERR, ERROR = 1, 2, 3
_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
_NOT_BEGUN = ("error dialing backend", "dial tcp", "No agent available")


class PodCommands:
    """Runs argument lists in one container. Safe to use several times, and from several tasks."""

    def __init__(self, asking: Asking, namespace: str, pod: str, container: str) -> None:
        self._asking = asking
        self._path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec"
        self._container = container
        self.where = f"pod {namespace}/{pod}"

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        limit: int = 64 << 20,
    ) -> CommandResult:
        """Run `argv` as it is, without environment or input. Raises Unreachable, Denied, Unsupported, Malformed when
        it did not begin."""
        return await self._asking.run(self._run, tuple(argv), timeout, limit)

    def _run(self, argv: Sequence[str], seconds: float, limit: int) -> CommandResult:
        import websocket

        ends = time.monotonic() + seconds
        try:
            link = self._connected(argv, seconds)
        except NoAnswer as error:
            return CommandResult("unknown", None, detail=str(error))
        said: dict[int, bytearray] = {STDOUT: bytearray(), STDERR: bytearray(), ERROR: bytearray()}
        cut, why = False, "the connection ended before the command did"
        try:
            while (left := ends - time.monotonic()) > 0:
                link.settimeout(left)
                code, data = link.recv_data()
                if code == websocket.ABNF.OPCODE_CLOSE:
                    break
                kept = said.get(data[0]) if data else None
                if kept is not None:
                    room = limit - len(kept)
                    cut = cut or len(data) - 1 > room
                    kept += data[1 : 1 + max(0, room)]
        except (websocket.WebSocketException, OSError) as error:
            why = (
                f"the connection broke: {error}" if "timed out" not in str(error) else f"no end within {seconds:.0f} s"
            )
        finally:
            link.close(timeout=1)
            link.shutdown()  # closing leaves the socket to the garbage collector where the server closed first
        return _ended(said, cut, why, self.where)

    def _connected(self, argv: Sequence[str], seconds: float) -> Any:
        """An open websocket. Raises Unreachable, Denied, Unsupported, Malformed."""
        import websocket

        client = self._asking.client
        url, headers = _addressed(client, self._path, argv, self._container)
        settings = client.api().configuration
        link: Any = websocket.WebSocket(sslopt=_tls(settings))
        try:
            link.connect(url, header=headers, subprotocols=_PROTOCOLS, timeout=min(seconds, CONNECT_SECONDS + 5.0),
                         suppress_origin=True, **_proxy(settings))  # fmt: skip
        except websocket.WebSocketBadStatusException as error:
            raise self._refused(error) from error
        except (websocket.WebSocketTimeoutException, websocket.WebSocketConnectionClosedException) as error:
            raise self._broken(error, sent=True) from error
        except (websocket.WebSocketException, OSError) as error:
            raise self._broken(error, sent=False) from error
        return link

    def _broken(self, error: Exception, *, sent: bool) -> Unreachable:
        access = self._asking.client.access
        return unreachable(error, what=f"a command in {self.where}", where=access.where, file=access.file, sent=sent)

    def _refused(self, error: Any) -> BackendError:
        body = error.resp_body or b""
        refusal = self._asking.client.refusal(Reply(int(error.status_code), {}, body), self.where)
        if error.status_code == 403 and status_of(body).message.rstrip().endswith("is forbidden:"):
            return Denied(f"{refusal} we may not run commands there: get and create on pods/exec are needed")
        return refusal


def _addressed(client: KubernetesClient, path: str, argv: Sequence[str], container: str) -> tuple[str, list[str]]:
    """Where to connect and with which headers; those that sign us in are the client's."""
    query = [("container", container), ("stdout", "true"), ("stderr", "true")]
    parts = client.api().param_serialize("GET", path, header_params={}, auth_settings=["BearerToken"])
    at = urlsplit(parts[1])
    words = urlencode([*query, *(("command", word) for word in argv)])
    url = urlunsplit(("wss" if at.scheme == "https" else "ws", at.netloc, at.path, words, ""))
    wanted = ("authorization", "impersonate-user", "user-agent")
    return url, [f"{name}: {value}" for name, value in parts[2].items() if name.lower() in wanted]


def _tls(settings: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    if settings.verify_ssl:
        options = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": settings.ssl_ca_cert}
        if settings.assert_hostname is not None:
            options["check_hostname"] = bool(settings.assert_hostname)
    named = {
        "certfile": settings.cert_file, "keyfile": settings.key_file, "server_hostname": settings.tls_server_name,
    }  # fmt: skip
    return options | {key: value for key, value in named.items() if value}


def _proxy(settings: Any) -> dict[str, Any]:
    if not settings.proxy:
        return {}
    at = urlsplit(settings.proxy)
    found: dict[str, Any] = {"http_proxy_host": at.hostname, "http_proxy_port": at.port, "proxy_type": "http"}
    if at.username:
        found["http_proxy_auth"] = (at.username, at.password or "")
    if settings.no_proxy:
        found["http_no_proxy"] = [part.strip() for part in settings.no_proxy.split(",")]
    return found


def _ended(said: Mapping[int, bytearray], cut: bool, why: str, where: str) -> CommandResult:
    stdout, stderr = bytes(said[STDOUT]), bytes(said[STDERR])
    if not said[ERROR]:
        return CommandResult("unknown", None, stdout, stderr, f"{where}: {why}", cut)
    status = status_of(bytes(said[ERROR]))
    if not status.status:
        return CommandResult(
            "unknown", None, stdout, stderr, f"{where}: its end is not understood: {status.message}", cut
        )
    code = _exit_status(status)
    if code is None and any(sign in status.message for sign in _NOT_BEGUN):
        raise NotSent(f"{where}: its kubelet cannot be reached: {status.message}")
    detail = status.message if code is None else ""
    state: Literal["ok", "failed"] = "ok" if code == 0 else "failed"
    return CommandResult(state, code, stdout, stderr, detail, cut)


def _exit_status(status: Status) -> int | None:
    """0, or that of a command that failed; None when it never came to run."""
    told = [cause.message for cause in status.details.causes if cause.reason == "ExitCode"]
    if told and told[0].lstrip("-").isdecimal():
        return int(told[0])
    return 0 if status.status == "Success" else None
