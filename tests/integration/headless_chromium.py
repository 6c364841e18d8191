"""A headless Chromium that is told what to open and shows what it sees, over its own debugging protocol."""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
START_SECONDS = 30.0


class Page:
    """One page of the browser."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self._connection = connection
        self._asked = 0

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the browser; return its answer."""
        self._asked += 1
        await self._connection.send_json({"id": self._asked, "method": method, "params": params})
        while True:
            answer = await self._connection.receive_json(timeout=START_SECONDS)
            if answer.get("id") == self._asked:
                return dict(answer.get("result", {}))

    async def picture(self) -> bytes:
        """The page as PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])


@asynccontextmanager
async def chromium(folder: Path, address: str, size: tuple[int, int] = (1600, 900)) -> AsyncIterator[Page]:
    """A browser with this address open."""
    assert PROGRAM is not None
    browser = await asyncio.create_subprocess_exec(
        PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0",
        f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}", address,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(await _debugger(session, folder, address), max_msg_size=0) as connection,
        ):
            yield Page(connection)
    finally:
        browser.terminate()
        await browser.wait()


async def _debugger(session: aiohttp.ClientSession, folder: Path, address: str) -> str:
    """Where the page is debugged."""
    port_file = folder / "DevToolsActivePort"
    async with asyncio.timeout(START_SECONDS):
        while True:
            if port_file.exists() and (text := port_file.read_text()):
                pages = await (await session.get(f"http://127.0.0.1:{text.split()[0]}/json")).json()
                for page in pages:
                    if page["type"] == "page" and page["url"].startswith(address):
                        return str(page["webSocketDebuggerUrl"])
            await asyncio.sleep(0.1)
