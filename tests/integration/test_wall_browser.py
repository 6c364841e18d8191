"""The wall in a browser: the page, the connection behind it, and nothing for other pages."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.integration.headless_chromium import PROGRAM, chromium
from tests.pty_terminal import children, command_line

WALL = (sys.executable, "-m", "crashcart.tui", "wall")
START_SECONDS = 30.0
DRAWN_BYTES = 25_000
"""An empty page of that size is a picture of less than 20 kB."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@pytest_asyncio.fixture
async def served() -> AsyncIterator[tuple[str, int]]:
    """Where a wall is served, and the server's process."""
    with tempfile.TemporaryDirectory(prefix="cc-", ignore_cleanup_errors=True) as home:
        folders = dict.fromkeys(("HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), home)
        port = free_port()
        words = ("--demo", "--faults", "none", "--pages", "jobs,alerts", "--mask", "users", "--serve", str(port))
        server = await asyncio.create_subprocess_exec(
            *WALL, *words, env={**os.environ, **folders}, stdout=asyncio.subprocess.PIPE
        )
        assert server.stdout is not None
        try:
            said = await asyncio.wait_for(server.stdout.readline(), START_SECONDS)
            assert f"http://127.0.0.1:{port}".encode() in said
            await listening(port)
            yield f"127.0.0.1:{port}", server.pid
        finally:
            server.terminate()
            await server.wait()


async def listening(port: int) -> None:
    """Return when somebody listens there."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def screen(page: aiohttp.ClientWebSocketResponse, *words: bytes) -> bytes:
    """What the browser was sent, until all of these words are in it."""
    seen = b""
    async with asyncio.timeout(START_SECONDS):
        while not all(word in seen for word in words):
            message = await page.receive()
            assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), (message, seen)
            seen += message.data if isinstance(message.data, bytes) else message.data.encode()
    return seen


async def test_a_browser_is_shown_the_wall_and_no_process_is_started_that_could_act(served: tuple[str, int]) -> None:
    where, pid = served
    async with aiohttp.ClientSession(headers={"Origin": f"http://{where}"}) as browser:
        page = await (await browser.get(f"http://{where}/")).text()
        assert "Crashcart wall" in page
        assert "--mask" not in page, "how it was started is nobody's business"
        async with browser.ws_connect(f"ws://{where}/ws?width=100&height=28") as connection:
            await screen(connection, b"UTC", b"unclaimed", b"Largest", b"JOBS", "•••••".encode())
            await connection.send_json(["stdin", "xdt:"])
            await connection.send_json(["stdin", "\x1b[C"])
            await screen(connection, b"ALERTS")
            started = [command_line(child) for child in descendants(pid)]
            assert [line for line in started if "crashcart.ops" in line] == [
                line for line in started if "ops.collector" in line
            ]


async def test_a_page_of_somebody_else_is_refused(served: tuple[str, int]) -> None:
    where, _ = served
    for headers in ({"Origin": "http://evil.example"}, {"Origin": f"http://{where}", "Host": "evil.example"}, {}):
        async with aiohttp.ClientSession(headers=headers) as browser:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await browser.ws_connect(f"ws://{where}/ws")


def descendants(pid: int) -> list[int]:
    """All processes below this one."""
    below = children(pid)
    return below + [deeper for child in below for deeper in descendants(child) if Path(f"/proc/{child}").exists()]


@pytest.mark.real
@pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed")
async def test_chromium_draws_the_wall_and_its_second_hand_moves(served: tuple[str, int], tmp_path: Path) -> None:
    where, _ = served
    async with chromium(tmp_path / "browser", f"http://{where}/?fontsize=22") as page:
        pictures: set[bytes] = set()
        async with asyncio.timeout(START_SECONDS):
            while len(pictures) < 4 or max(map(len, pictures)) < DRAWN_BYTES:
                pictures.add(await page.picture())
                await asyncio.sleep(1.0)
        if (kept := os.environ.get("CRASHCART_PICTURES")) is not None:
            (Path(kept) / "wall-in-chromium.png").write_bytes(max(pictures, key=len))
