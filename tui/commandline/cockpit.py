"""`crashcart` and `crashcart demo`: a first frame, then the collector, and only then the screen's library."""

from __future__ import annotations

import argparse
import os
import sys

from crashcart.ops.collector_ends import collector_end
from crashcart.ops.collector_link import CollectorLink
from crashcart.ops.config import state_dir

from . import splash
from .exits import OK, CommandError
from .opening import open_session


def run(arguments: argparse.Namespace) -> int:
    """Open the cockpit; it ends with the operator."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError("the cockpit needs a terminal; without one use `crashcart get` and `crashcart act`")
    session, config = open_session(arguments)
    read_only = getattr(arguments, "read_only", False)
    splash.show([session.attach or "", *(cluster.name for cluster in session.clusters)], read_only=read_only)
    started = False
    try:
        log = state_dir() / "collector.log"
        collector = CollectorLink(session, log=log, first=collector_end(session, log))

        from crashcart.ops.executor_link import ExecutorLink
        from crashcart.tui.app import CrashcartApp
        from crashcart.tui.slow_link import theme_for_slow_link

        is_slow = getattr(arguments, "slow_link", False)
        theme = getattr(arguments, "theme", None) or (theme_for_slow_link(os.environ) if is_slow else config.theme)
        executor = None if read_only else ExecutorLink(session)
        app = CrashcartApp(session, collector, executor, theme=theme, keymap=config.keys)
        app.use_slow_link(is_slow)
        app.is_diffed = not getattr(arguments, "no_diff", False)
        started = True
    finally:
        if not started:
            splash.take_away()
    app.run()
    return app.return_code or OK
