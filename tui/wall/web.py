"""The wall in a browser: a process of its own for each that looks, and none for pages of somebody else.

The library hands its command to a shell, so every word is quoted. It lets every page that a browser has open connect to
it, so a connection from another origin is refused here.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

from .options import Address


class WallServer(Server):
    """Serves the wall that these words start."""

    def __init__(self, words: Sequence[str], address: Address) -> None:
        super().__init__(f"exec {shlex.join(words)}", host=address.host, port=address.port, title="Crashcart wall")
        self.public_url = f"http://{address}"

    async def on_startup(self, app: web.Application) -> None:
        """One line, without the words of the command."""
        print(f"the wall is at {self.public_url}", flush=True)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A browser's connection, from our own page only."""
        origin, asked = request.headers.get("Origin", ""), request.headers.get("Host", "")
        if urlsplit(origin).netloc != asked or asked != urlsplit(self.public_url).netloc:
            raise web.HTTPForbidden(text="the wall is shown on its own page only")
        return await super().handle_websocket(request)
