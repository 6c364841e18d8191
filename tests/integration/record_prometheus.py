"""Records what a real Prometheus answers to the backend: `python -m tests.integration.record_prometheus`.

For the unit tests; to be run again whenever a query changes. `healthy` is a turn with three nodes that are well; in
`broken` the exporter of gpu002 is dead, gpu003 does not list GPU 6 any more, and GPU 4 of gpu001 has had Xid 79.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from contextlib import aclosing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import requests

from crashcart.backends.contract import Context, Interest
from crashcart.backends.model import Batch, History, Item
from crashcart.backends.prometheus.feed import PrometheusFeed
from crashcart.backends.prometheus.memory import Memory
from crashcart.backends.prometheus.options import Options
from crashcart.backends.testing import Turns
from tests.unit.prometheus_server import DATA, Exchange, NoLinks

from .monitoring_stack import MonitoringStack

IN_VIEW = Interest(("gpu001",), alerts=True)


class Recorder:
    """A proxy that keeps every answer."""

    def __init__(self, url: str) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(url, self.kept))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def write(self, name: str, *places: tuple[str, str]) -> None:
        """Keep what was heard since the last time as a recording, without the names of places on this machine."""
        DATA.mkdir(parents=True, exist_ok=True)
        lines: list[bytes] = []
        for slot, heard in sorted(self.kept.items()):
            body = heard
            for place, name_instead in places:
                body = body.replace(place, name_instead)
            lines.append(msgspec.json.encode(Exchange(*slot, body)))
        (DATA / f"{name}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
        self.kept.clear()


def _handler(url: str, kept: dict[tuple[str, str], str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = requests.request(
                self.command,
                url + self.path,
                data=body,
                headers={"Content-Type": self.headers.get("Content-Type", "")},
                timeout=10,
            )
            parts = urlsplit(self.path)
            query = (parse_qs(parts.query) | parse_qs(body.decode())).get("query", [""])[0]
            kept[(parts.path, query)] = answer.text
            self.send_response(answer.status_code)
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    return Handler


async def turn(url: str, memory: Memory) -> None:
    """One turn of a new feed, and the histories of what is in view."""
    feed = PrometheusFeed(Context("a100", Options(url=url), NoLinks(), {}), memory)
    feed.attend(IN_VIEW)
    waiting = {"check", "host:gpu001", "alerts"}
    async with asyncio.timeout(60), aclosing(feed.watch(Turns())) as items:
        while waiting:
            waiting.discard(_what(await anext(items)))
    await feed.close()


def _what(item: Item) -> str:
    if isinstance(item, History):
        return item.subject
    return item.kind if isinstance(item, Batch) else ""


def main() -> None:
    """Record everything."""
    with tempfile.TemporaryDirectory() as home, MonitoringStack(Path(home)) as stack:
        recorder = Recorder(stack.prometheus_url)
        memory = Memory()
        places = ((home, "/etc/prometheus"), (f"//{socket.gethostname()}:", "//prometheus:"))
        stack.wait_query("count(count_over_time(DCGM_FI_DEV_GPU_UTIL[1m]) > 10)", lambda seen: seen == 24, 60)
        asyncio.run(turn(recorder.url, memory))
        recorder.write("healthy", *places)
        stack.exporters.inject(1, 4, "DCGM_FI_DEV_XID_ERRORS", 79)
        stack.exporters.vanish(3, 6)
        stack.exporters.kill(2)
        stack.wait_query('count(ALERTS{alertname="GpuXidError",alertstate="firing"})', lambda seen: seen == 1)
        stack.wait_query("count(DCGM_FI_DEV_GPU_UTIL)", lambda seen: seen == 15)
        stack.wait_query('count_over_time((up{instance="gpu002:9400"} == 0)[10s:1s])', lambda seen: seen >= 6)
        asyncio.run(turn(recorder.url, memory))
        asyncio.run(turn(recorder.url, Memory()))
        recorder.write("broken", *places)


if __name__ == "__main__":
    main()
