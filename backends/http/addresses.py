"""Addresses of servers: what may stand in `url`, and what a server is called on the screen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

_API = re.compile(r"/api/v[0-9]+(?=/|\Z)")


def name_of(url: str) -> str:
    """`HOST:PORT`, and the path where there is one."""
    parts = urlsplit(url)
    port = "" if parts.port else f":{443 if parts.scheme == 'https' else 80}"
    return f"{parts.netloc}{port}{parts.path}"


def check_urls(urls: Sequence[str], pages: Sequence[str]) -> None:
    """Refuse what is no address of a server; `pages` are ends of paths that a browser shows. Raises ValueError."""
    if not urls:
        raise ValueError("url: name at least one server, http://HOST:PORT")
    for url in urls:
        _check_parts(_split(url), pages)
    if len(set(urls)) < len(urls):
        raise ValueError("url: the same server is named twice")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_complete = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"url: {url!r} is no address: {error}") from error
    if not is_complete or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"url: {url!r} is no address; write http://HOST:PORT or https://HOST:PORT")
    return parts


def _check_parts(parts: SplitResult, pages: Sequence[str]) -> None:
    if "@" in parts.netloc:
        raise ValueError("url: no user and password in it; use username and password_file")
    if parts.query or parts.fragment:
        raise ValueError(f"url: leave out what follows {parts.scheme}://{parts.netloc}{parts.path}")
    found = _API.search(parts.path)
    page = found[0] if found else next((page for page in pages if parts.path.endswith(page)), "")
    if page:
        raise ValueError(f"url: leave {page} away, give the address of the server itself")
