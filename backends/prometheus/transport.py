"""HTTP as this backend needs it, and the client library on the same session: every refusal is translated for both.

Imported in a thread only: the HTTP client takes half a second to load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from crashcart.backends.errors import Malformed
from crashcart.backends.http.session import HttpSession

from .failures import refused
from .options import Options

REPLY_LIMIT = 32 << 20
"""Bytes of one reply, unpacked: a slim metric of 100,000 GPUs is 8 MiB."""


class Transport(HttpSession):
    """One Prometheus. Queries are POSTs that change nothing, so they may be sent again."""

    def __init__(self, options: Options) -> None:
        super().__init__(
            options.base_url,
            options.base_url,
            options,
            limit=REPLY_LIMIT,
            narrower="; narrow it with selector",
            repeatable=frozenset({"GET", "POST"}),
        )
        self._sign_in = options.sign_in_from
        self.client.hooks["response"] = self._accepted
        self._library = PrometheusConnect(url=self.url, session=self.client)
        self.mount()  # the library has put an adapter of its own into the session

    def post(self, path: str, form: Mapping[str, str]) -> bytes:
        """The body of the answer to a form. Raises BackendError."""
        return self.request("POST", path, data=dict(form)).content

    def get(self, path: str, parameters: Mapping[str, str]) -> bytes:
        """The body of the answer to a GET. Raises BackendError."""
        return self.request("GET", path, params=dict(parameters)).content

    def ordinary(self, what: str, ask: Callable[[PrometheusConnect], Any]) -> Any:
        """What the client library answers. Raises BackendError."""
        try:
            return ask(self._library)
        except (requests.RequestException, PrometheusApiClientException, KeyError, TypeError, ValueError) as error:
            raise Malformed(f"{self.where}: the answer to {what} has an unknown shape: {error}") from error

    def _accepted(self, response: requests.Response, **_: Any) -> requests.Response:
        """An answer of status 200; another one raises BackendError."""
        if response.status_code != requests.codes.ok:
            raise refused(
                response.status_code,
                response.content,
                where=self.where,
                what=urlsplit(response.url).path or "/",
                sign_in=self._sign_in,
                location=response.headers.get("Location", ""),
            )
        return response
