"""The entry of `crashcart`: read the words, start the collector, and only then import the screen."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import import_module

from crashcart.tui.commandline.arguments import parser
from crashcart.tui.commandline.exits import CommandError

COMMANDS = {
    "get": "get",
    "act": "act",
    "doctor": "doctor",
    "collector": "collector",
    "wall": "wall",
    "audit": "audit",
    "policy": "policy",
    "approvals": "approvals",
    "undo": "undo",
    "mine": "mine",
    "config": "config",
    "keys": "keys",
}


def main(words: list[str] | None = None) -> int:
    """Run one command and return its exit status; see `exits.py`."""
    arguments = parser().parse_args(words)
    try:
        return _command(arguments)(arguments)
    except CommandError as error:
        print(f"crashcart: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        return 0


def _command(arguments: argparse.Namespace) -> Callable[[argparse.Namespace], int]:
    module = COMMANDS.get(arguments.command, "cockpit")
    run: Callable[[argparse.Namespace], int] = import_module(f"crashcart.tui.commandline.{module}").run
    return run


if __name__ == "__main__":
    sys.exit(main())
