"""A fake cluster as a process of its own: prints where it is as one line of JSON, ends with its standard input."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .control import Control
from .fake import FakeCluster
from .status import Refusal
from .store import HISTORY


def handler(control: Control) -> type[BaseHTTPRequestHandler]:
    """POST `{"call": ..., "arguments": {...}}` answers `{"result": ...}`, or 400 with the reason."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                code, answer = 200, {"result": getattr(control, asked["call"])(**asked["arguments"])}
            except (Refusal, AssertionError, KeyError, TypeError, ValueError, AttributeError) as error:
                code, answer = 400, {"error": f"{type(error).__name__}: {error}"}
            body = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Not on a terminal."""

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path, help="folder for the kubeconfig and certificates")
    parser.add_argument("--history", type=int, default=HISTORY, help="writes per kind that can still be watched from")
    parser.add_argument("--nodes", type=int, default=0)
    parser.add_argument("--pods", type=int, default=0)
    parser.add_argument("--no-kubelets", action="store_true", help="a control plane alone")
    options = parser.parse_args()
    with FakeCluster(options.home, history=options.history) as fake:
        if options.nodes:
            fake.control.fleet(options.nodes, options.pods)
        if options.no_kubelets:
            fake.control.without_kubelets()
        with ThreadingHTTPServer(("127.0.0.1", 0), handler(fake.control)) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            where = {"kubeconfig": str(fake.kubeconfig), "port": fake.port, "control": server.server_address[1]}
            print(json.dumps(where), flush=True)
            sys.stdin.read()
            server.shutdown()


if __name__ == "__main__":
    main()
