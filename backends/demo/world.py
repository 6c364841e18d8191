"""The process in which the simulated cluster lives, so that it outlives every collector and executor that looks at it.

`python -m crashcart.backends.demo.world --socket PATH ...` returns as soon as the socket answers; the cluster goes on
in a session of its own and ends some time after its last client.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import socket
import sys
from pathlib import Path
from typing import cast, get_args

import msgspec

from .desk import Desk
from .options import Faults
from .protocol import decode_request, packed
from .server import Server

BACKLOG = 16


def main() -> int:
    """Become the one cluster of this socket; 0 also when somebody else already is."""
    arguments = _arguments()
    path = Path(arguments.socket)
    os.umask(0o077)
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # kept until the process ends, also over the fork
    except BlockingIOError:
        return 0
    os.ftruncate(lock, 0)
    desk = Desk(arguments.nodes, arguments.gpus, arguments.seed, cast(Faults, arguments.faults))
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(os.fspath(path))
    listener.listen(BACKLOG)
    if os.fork():
        return 0
    _leave_terminal()
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    Server(listener, lambda question: _answer(desk, question), arguments.linger).run()
    path.unlink(missing_ok=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Simulated GPU cluster; started by the demo backend.")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--gpus", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--faults", choices=get_args(Faults), required=True)
    parser.add_argument("--linger", type=float, required=True)
    return parser.parse_args()


def _leave_terminal() -> None:
    """The starter waits for the end of its pipes; a hang-up of its terminal must not reach us."""
    os.setsid()
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


def _answer(desk: Desk, question: bytes) -> bytes:
    try:
        request = decode_request(question)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    return packed(desk.answer(request))


if __name__ == "__main__":
    sys.exit(main())
