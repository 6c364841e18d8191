"""`crashcart` and `crashcart demo`: the collector is started before the screen's library is imported."""

from __future__ import annotations

import argparse
import sys

from crashcart.ops.collector_link import CollectorLink, CollectorProcess
from crashcart.ops.config import state_dir

from .exits import OK, CommandError
from .opening import open_session


def run(arguments: argparse.Namespace) -> int:
    """Open the cockpit; it ends with the operator."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError("the cockpit needs a terminal; without one use `crashcart get` and `crashcart act`")
    session, config = open_session(arguments)
    log = state_dir() / "collector.log"
    collector = CollectorLink(session, log=log, first=CollectorProcess(session, log))

    from crashcart.ops.executor_link import ExecutorLink
    from crashcart.tui.app import CrashcartApp

    executor = None if getattr(arguments, "read_only", False) else ExecutorLink(session)
    app = CrashcartApp(
        session,
        collector,
        executor,
        theme=getattr(arguments, "theme", None) or config.theme,
        keymap=config.keys,
    )
    app.run()
    return app.return_code or OK
