"""The table `[cluster.NAME.alertmanager]`."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

import msgspec

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who we are, from files only: a bearer token, or a user name with a password. Read anew for each request."""

    token_file: str | None = None
    username: str | None = None
    password_file: str | None = None

    def __post_init__(self) -> None:
        has_password = self.username is not None or self.password_file is not None
        if self.token_file is not None and has_password:
            raise ValueError("auth: give token_file, or username and password_file, not both")
        if self.token_file is None and (self.username is None or self.password_file is None):
            raise ValueError("auth: give token_file, or username and password_file together")
        if self.username is not None and ":" in self.username:
            raise ValueError("auth.username: HTTP allows no colon in it")

    @property
    def file(self) -> str:
        """The file that holds the secret."""
        return self.token_file or self.password_file or ""


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How https is checked: `ca_file` instead of the system's, our own certificate, or no check at all."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    insecure: bool = False

    def __post_init__(self) -> None:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("tls.key_file: needs cert_file too")
        if self.insecure and self.ca_file is not None:
            raise ValueError("tls: insecure checks nothing, so ca_file is of no use; remove one of them")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which Alertmanagers to read; several are the members of one HA cluster and hold the same.

    `deadman` names an alert that always fires (usually "Watchdog"): where it is missing, or its last update is older
    than `deadman_seconds`, alerts are not delivered. Alertmanager forgets what Prometheus stops to refresh after some
    4 minutes, so `silent_seconds` must be less: no alert refreshed for that long means a silent Prometheus.
    """

    url: list[str] | str
    interval_seconds: float = 5.0
    timeout_seconds: float = 8.0
    deadman: str | None = None
    deadman_seconds: float = 300.0
    silent_seconds: float = 180.0
    severity_label: str = "severity"
    auth: Auth | None = None
    tls: Tls = Tls()
    headers: dict[str, str] = {}

    def __post_init__(self) -> None:
        if not self.urls:
            raise ValueError("url: name at least one Alertmanager, http://HOST:9093")
        for url in self.urls:
            _check_url(url)
        if len(set(self.urls)) < len(self.urls):
            raise ValueError("url: the same Alertmanager is named twice")
        if self.tls != Tls() and not any(url.startswith("https://") for url in self.urls):
            raise ValueError("tls: no url begins with https://, so nothing of it would be used")
        if self.deadman is not None and not self.deadman.strip():
            raise ValueError('deadman: write the name of an alert, "Watchdog" for instance, or leave it out')
        if not self.severity_label:
            raise ValueError("severity_label: write the name of a label")
        self._check_times()
        _check_headers(self.headers)

    def _check_times(self) -> None:
        for name, least, most in (
            ("interval_seconds", 1.0, 3600.0),
            ("timeout_seconds", 1.0, 25.0),
            ("deadman_seconds", 10.0, 86_400.0),
            ("silent_seconds", 10.0, 86_400.0),
        ):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name}: between {least:g} and {most:g}")

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses, without a slash at their end."""
        return tuple(url.rstrip("/") for url in ([self.url] if isinstance(self.url, str) else self.url))


def name_of(url: str) -> str:
    """`HOST:PORT`, and the path where there is one: what an Alertmanager is called on the screen."""
    parts = urlsplit(url)
    port = "" if parts.port else f":{443 if parts.scheme == 'https' else 80}"
    return f"{parts.netloc}{port}{parts.path}"


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_complete = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_complete = False
    if not is_complete or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"url: {url!r} is no address of an Alertmanager; write http://HOST:9093")
    _check_parts(parts)


def _check_parts(parts: SplitResult) -> None:
    if "@" in parts.netloc:
        raise ValueError("url: no user and password in it; put them into a file and name that in auth")
    if parts.query or parts.fragment:
        raise ValueError(f"url: leave out what follows {parts.scheme}://{parts.netloc}{parts.path}")
    if "/api/" in f"{parts.path}/":
        raise ValueError("url: leave out /api/v2, it is added")


def _check_headers(headers: dict[str, str]) -> None:
    for name, value in headers.items():
        if not HEADER_NAME.match(name):
            raise ValueError(f"headers: {name!r} is no name of a header")
        if name.lower() in SECRET_HEADERS:
            raise ValueError(f"headers.{name}: put the secret into a file and name that in auth")
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"headers.{name}: write it in plain printable letters")
