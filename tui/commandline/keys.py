"""`crashcart keys`: the key table, as the cockpit binds it with the user's own keymap."""

from __future__ import annotations

import argparse

from crashcart.tui import commands

from .exits import OK
from .opening import open_config
from .output import render


def run(arguments: argparse.Namespace) -> int:
    """Print every key, what it does and the name a keymap knows it by."""
    if arguments.markdown:
        print(commands.markdown())
        return OK
    own = open_config(arguments).keys
    rows = [
        {
            "where": commands.SCOPE_TITLES[command.scope],
            "keys": commands.shown_keys(own.get(command.id, command.keys)),
            "what": command.help,
            "name": command.id,
        }
        for command in commands.COMMANDS
    ]
    print(render(rows, ("where", "keys", "what", "name"), "table"))
    print('To change one: [screen.keys] in the configuration, e.g. "heat.metric" = "t"')
    return OK
