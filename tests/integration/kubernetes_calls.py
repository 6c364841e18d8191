"""Plain requests through the official client: its sign-in and TLS, and of the answer what came over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

MERGE = "application/merge-patch+json"
JSON = "application/json"
CALL_SECONDS = (5.0, 30.0)  # to connect, to read


class Caller:
    """One user of a kubeconfig; without a `context` the current one. Waits `seconds` to connect and to read."""

    def __init__(self, kubeconfig: Path, context: str = "", seconds: tuple[float, float] = CALL_SECONDS) -> None:
        from kubernetes.client import Configuration
        from kubernetes.config import new_client_from_config

        self._seconds = seconds
        settings = Configuration()
        settings.retries = False
        self.client: ApiClient = new_client_from_config(
            str(kubeconfig), context=context or None, client_configuration=settings
        )

    def close(self) -> None:
        self.client.rest_client.pool_manager.clear()

    def exchange(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str = "",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by lower-case name, and the body as it came."""
        kind = content_type or (MERGE if method == "PATCH" else JSON)
        answer = self._sent(method, path, {"Content-Type": kind, **(headers or {})}, body, self._seconds)
        data = answer.read() or b""
        named = {str(name).lower(): str(value) for name, value in answer.getheaders().items()}
        return int(answer.status), named, data

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str = "",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Status and body; the body is text where the server sends no JSON."""
        code, _, data = self.exchange(method, path, body, content_type, headers)
        try:
            return code, json.loads(data)
        except ValueError:
            return code, data.decode()

    def events(self, path: str, read_seconds: float = 10.0) -> Iterator[dict[str, Any]]:
        """Events of a watch, until the server ends it or says nothing for so long (ReadTimeoutError)."""
        answer = self._sent("GET", path, {}, None, (CALL_SECONDS[0], read_seconds))
        stream = answer.response
        try:
            rest = b""
            for piece in stream.stream(amt=None, decode_content=False):
                *lines, rest = (rest + piece).split(b"\n")
                yield from map(json.loads, lines)
        finally:
            stream.close()

    def _sent(self, method: str, path: str, headers: dict[str, str], body: object, seconds: tuple[float, float]) -> Any:
        auth = [] if "Authorization" in headers else ["BearerToken"]
        method, url, headers, sent, _ = self.client.param_serialize(
            method, path, header_params=headers, body=body, auth_settings=auth
        )
        return self.client.call_api(method, url, headers, sent, _request_timeout=seconds)
