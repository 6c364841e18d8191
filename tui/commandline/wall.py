"""`crashcart wall`: one line describes a display that nobody attends; it reads and can do nothing else."""

from __future__ import annotations

import argparse
import os
import sys

from msgspec.structs import replace

from crashcart.ops.collector_ends import collector_end
from crashcart.ops.collector_link import CollectorLink
from crashcart.ops.config import state_dir
from crashcart.ops.session import Session
from crashcart.themes.loader import DEFAULT
from crashcart.tui.wall.options import MASKS, PAGES, WallOptions, address_of, seconds_of, size_of, words_of

from .exits import OK, USAGE, CommandError
from .opening import open_session

WEB_DRIVER = "textual.drivers.web_driver:WebDriver"
"""What the web server names to the walls that it starts."""


def run(arguments: argparse.Namespace) -> int:
    """Show the wall until the machine ends or somebody presses q."""
    options = wall_options(arguments)
    if arguments.serve:
        return _serve(arguments)
    if not sys.stdout.isatty() and os.environ.get("TEXTUAL_DRIVER") != WEB_DRIVER:
        raise CommandError("the wall needs a terminal: a console (tty), tmux or a terminal window")
    opened, config = open_session(arguments)
    session = chosen(opened, options.clusters)
    log = state_dir() / "collector.log"
    reader = CollectorLink(session, log=log, first=collector_end(session, log))

    from crashcart.tui.wall.app import WallApp

    app = WallApp(session, reader, options, theme=getattr(arguments, "theme", None) or config.theme)
    app.run(mouse=False)
    return app.return_code or OK


def wall_options(arguments: argparse.Namespace) -> WallOptions:
    """What the line asks for. Raises CommandError."""
    try:
        return WallOptions(
            pages=words_of(arguments.pages, PAGES, "page"),
            every_seconds=seconds_of(arguments.every),
            clusters=tuple(dict.fromkeys(name for name in (arguments.cluster or "").split(",") if name)),
            size=size_of(arguments.size),
            masks=frozenset(words_of(arguments.mask, MASKS, "mask")) if arguments.mask else frozenset(),
        )
    except ValueError as error:
        raise CommandError(str(error), USAGE) from error


def chosen(session: Session, names: tuple[str, ...]) -> Session:
    """The session with these clusters alone; a shared collector may have others than are configured here."""
    if not names or session.attach is not None:
        return session
    known = [cluster.name for cluster in session.clusters]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CommandError(f"no cluster is called {unknown[0]!r}; there are: {', '.join(known)}", USAGE)
    return replace(session, clusters=tuple(cluster for cluster in session.clusters if cluster.name in names))


def _serve(arguments: argparse.Namespace) -> int:
    """Show the wall in browsers until a signal ends it."""
    _, config = open_session(arguments)  # what is wrong with it is said here, once
    arguments.theme = getattr(arguments, "theme", None) or config.theme or DEFAULT  # a browser has all colours
    try:
        address = address_of(arguments.serve)
    except ValueError as error:
        raise CommandError(f"--serve: {error}", USAGE) from error
    try:
        from crashcart.tui.wall.web import WallServer
    except ImportError as error:
        raise CommandError("--serve needs textual-serve: pip install 'crashcart[web]'") from error
    WallServer(wall_words(arguments), address).serve()
    return OK


def wall_words(arguments: argparse.Namespace) -> list[str]:
    """The command line of the same wall in a terminal."""
    words = [sys.executable, "-P", "-m", "crashcart.tui", "wall"]
    for name, value in vars(arguments).items():
        if name not in ("command", "serve") and value not in (None, "", False):
            option = f"--{name.replace('_', '-')}"
            words.append(option if value is True else f"{option}={value}")
    return words
