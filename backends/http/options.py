"""The keys that every table of an HTTP backend has, and what may stand in them."""

from __future__ import annotations

import re
from typing import ClassVar

import msgspec

from .addresses import check_urls

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
_FILES = ("token_file", "password_file", "ca_file", "cert_file", "key_file")


class HttpOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a server is, how often it is asked, and how to sign in.

    Sign in with `token_file` (a bearer token) or `username` and `password_file`: secrets are read from files, anew for
    each request, and never stand in the configuration. `ca_file` is trusted in place of this machine's certificates,
    `cert_file` and `key_file` are a certificate of our own, `insecure` checks nothing. Times are seconds.
    """

    pages: ClassVar[tuple[str, ...]] = ()  # paths that a browser shows, and that are copied into `url` by mistake

    url: str | list[str]
    interval_seconds: float
    timeout_seconds: float = 8.0
    token_file: str | None = None
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    insecure: bool = False
    headers: dict[str, str] = {}

    def __post_init__(self) -> None:
        check_urls(self.urls, self.pages)
        check_seconds("interval_seconds", self.interval_seconds, 1.0, 3600.0)
        check_seconds("timeout_seconds", self.timeout_seconds, 0.5, 25.0)  # a feed may be silent for 30 s
        for name in _FILES:
            path = getattr(self, name)
            if path is not None and not path.strip():
                raise ValueError(f"{name}: the name of a file")
        self._check_sign_in()
        self._check_tls()
        _check_headers(self.headers)

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses, without a slash at their end."""
        return tuple(url.rstrip("/") for url in ([self.url] if isinstance(self.url, str) else self.url))

    @property
    def sign_in_from(self) -> str:
        """What we sign in with, for messages; "" where we do not."""
        if self.token_file is not None:
            return f"the token in {self.token_file}"
        if self.password_file is not None:
            return f"user {self.username} and the password in {self.password_file}"
        return ""

    def _check_sign_in(self) -> None:
        if self.token_file is not None and (self.username is not None or self.password_file is not None):
            raise ValueError("token_file: sign in with a token or with username and password_file, not both")
        if (self.username is None) != (self.password_file is None):
            raise ValueError("password_file: username and password_file belong together")
        if self.username is not None and (":" in self.username or not self.username.isprintable()):
            raise ValueError("username: a colon or a control character cannot be part of it")

    def _check_tls(self) -> None:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file: cert_file must be given with it")
        if self.insecure and self.ca_file is not None:
            raise ValueError("insecure: with ca_file the certificate is checked; leave one of them away")
        has_tls = any(url.startswith("https://") for url in self.urls)
        if not has_tls and (self.ca_file or self.cert_file or self.insecure):
            raise ValueError("ca_file, cert_file, insecure: url is http:// and has no TLS; write https://")


def check_seconds(name: str, value: float, least: float, most: float) -> None:
    """Raises ValueError when `value` of the option `name` is not between the two."""
    if not least <= value <= most:
        raise ValueError(f"{name}: between {least:g} and {most:g}")


def _check_headers(headers: dict[str, str]) -> None:
    for name, value in headers.items():
        if not _HEADER_NAME.match(name):
            raise ValueError(f"headers: {name!r} is no name of an HTTP header")
        if name.lower() in _SECRET_HEADERS:
            raise ValueError(f"headers: {name} holds a secret; use token_file, or username and password_file")
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"headers: the value of {name} is not plain ASCII text")
