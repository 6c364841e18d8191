"""The table `[cluster.NAME.prometheus]`."""

from __future__ import annotations

import re
from typing import get_args
from urllib.parse import urlsplit

import msgspec

from crashcart.backends.metrics import Metric

from .selector import LABEL_NAME, METRIC_NAME, parse_selector

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
_NOT_OF_THE_URL = ("/graph", "/api/v1", "/alerts", "/targets", "/metrics")
_MOST_LABELS = 6


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Prometheus is, how to sign in, and what its labels and metrics are called here.

    Sign in with `token_file` (a bearer token) or `username` and `password_file`: secrets are read from files, anew each
    time, and never stand in the configuration. `selector` (`{cluster="a100"}`) limits every query. `metrics` gives a
    GPU metric of ours another name, in our unit (`util_percent = "my_util"`). The first of `host_labels` that a series
    has names its machine, the first of `gpu_labels` its GPU. Times are seconds; `rate_window_seconds` is what rates of
    counters are taken over, by default four scrapes and at least two minutes.
    """

    url: str
    interval_seconds: float = 10.0
    timeout_seconds: float = 8.0
    token_file: str | None = None
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    insecure: bool = False
    headers: dict[str, str] = {}
    selector: str = ""
    metrics: dict[str, str] = {}
    host_labels: tuple[str, ...] = ("Hostname", "hostname", "instance")
    gpu_labels: tuple[str, ...] = ("gpu", "gpu_id")
    rate_window_seconds: float | None = None

    def __post_init__(self) -> None:
        _check_url(self.url)
        _check_seconds("interval_seconds", self.interval_seconds, 1.0, 3600.0)
        _check_seconds("timeout_seconds", self.timeout_seconds, 0.5, 300.0)
        if self.rate_window_seconds is not None:
            _check_seconds("rate_window_seconds", self.rate_window_seconds, 10.0, 86400.0)
        self._check_sign_in()
        self._check_tls()
        _check_headers(self.headers)
        parse_selector(self.selector)
        _check_metrics(self.metrics)
        _check_labels("host_labels", self.host_labels)
        _check_labels("gpu_labels", self.gpu_labels)

    @property
    def base_url(self) -> str:
        """The address without a slash at its end."""
        return self.url.rstrip("/")

    @property
    def sign_in_from(self) -> str:
        """Which file we sign in with, for messages."""
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
        for name, path in (("token_file", self.token_file), ("password_file", self.password_file)):
            if path is not None and not path.strip():
                raise ValueError(f"{name}: the name of a file")

    def _check_tls(self) -> None:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file: cert_file must be given with it")
        if self.insecure and self.ca_file is not None:
            raise ValueError("insecure: with ca_file the certificate is checked; leave one of them away")
        if self.url.startswith("http://") and (self.ca_file or self.cert_file or self.insecure):
            raise ValueError("ca_file, cert_file, insecure: url is http:// and has no TLS; write https://")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"url: {url!r} is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url: {url!r} is not http://HOST:PORT or https://HOST:PORT")
    if parts.username is not None or parts.password is not None:
        raise ValueError("url: no user and password in it; use username and password_file")
    if parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise ValueError(f"url: {url!r} may not hold ?, # or blanks")
    for ending in _NOT_OF_THE_URL:
        if parts.path.rstrip("/").endswith(ending):
            raise ValueError(f"url: leave {ending} away, give the address of Prometheus itself")


def _check_seconds(name: str, value: float, least: float, most: float) -> None:
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


def _check_metrics(metrics: dict[str, str]) -> None:
    ours = get_args(Metric)
    for metric, name in metrics.items():
        if metric not in ours or metric == "age_seconds":
            known = ", ".join(own for own in ours if own != "age_seconds")
            raise ValueError(f"metrics: {metric!r} is none of ours: {known}")
        if not METRIC_NAME.match(name):
            raise ValueError(f"metrics: {metric} = {name!r}: one metric name, no expression; use a recording rule")


def _check_labels(option: str, names: tuple[str, ...]) -> None:
    if not 1 <= len(names) <= _MOST_LABELS or len(set(names)) < len(names):
        raise ValueError(f"{option}: 1 to {_MOST_LABELS} different labels")
    for name in names:
        if not LABEL_NAME.match(name) or name.startswith("__"):
            raise ValueError(f"{option}: {name!r} is no name of a label")
