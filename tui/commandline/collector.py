"""`crashcart collector`: one collector for many cockpits, in the foreground, for a service or a terminal."""

from __future__ import annotations

import argparse
import asyncio
import logging
from pathlib import Path

from crashcart.ops.attach import socket_path
from crashcart.ops.collector_server import share
from crashcart.ops.collector_socket import CannotServe, CollectorSocket
from crashcart.ops.session import Session

from .exits import FAILED, OK, CommandError
from .opening import open_config, open_session, wants_demo


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    session = _session(arguments)
    if arguments.readers < 1:
        raise CommandError("--readers: one at least")
    try:
        path = Path(socket_path(str(Path(arguments.socket).expanduser().absolute())))
    except ValueError as error:
        raise CommandError(f"--socket: {error}") from error
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it tells of every channel
    try:
        door = CollectorSocket(path, arguments.group)
    except CannotServe as error:
        raise CommandError(str(error), FAILED) from error
    try:
        asyncio.run(
            share(session, door, most_readers=arguments.readers, on_ready=lambda: _say(session, arguments, path))
        )
    finally:
        door.close()
    return OK


def _session(arguments: argparse.Namespace) -> Session:
    """The clusters to collect for, and nothing that a collector has no use for."""
    if wants_demo(arguments):
        return Session(open_session(arguments)[0].clusters, "")
    clusters = open_config(arguments).clusters
    if not clusters:
        raise CommandError(
            "a shared collector needs a configuration that names its clusters; add e.g. [cluster.a100.slurm]"
        )
    return Session(clusters, "")


def _say(session: Session, arguments: argparse.Namespace, path: Path) -> None:
    who = f"this user and group {arguments.group}" if arguments.group else "this user alone"
    names = ", ".join(cluster.name for cluster in session.clusters)
    print(f"collecting {names} for {who}; attach with: crashcart --attach {path}", flush=True)
