"""What the command palette offers: our commands, the verbs, the themes; Textual's own are left out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from textual.app import SystemCommand

from crashcart.ops.verbs import VERBS

from . import commands
from .command_line import Act
from .requests import CommandGiven
from .screens.cockpit import Cockpit
from .wardrobe import Wardrobe


def entries(cockpit: Cockpit, wardrobe: Wardrobe) -> Iterable[SystemCommand]:
    """All entries. A verb opens the way to its preview for what is selected, like the action menu."""
    for command in commands.of("app"):
        yield SystemCommand(command.title, command.help, _run(cockpit, command.call))
    for verb in VERBS:
        ask = partial(_ask, cockpit, Act(verb, ()))
        yield SystemCommand(f"{verb.title} …", f"{verb.help} A preview comes first.", ask)
    for name, theme in wardrobe.themes.items():
        yield SystemCommand(f"Theme {name}", theme.title, _run(cockpit, f"app.theme('{name}')"))


def _ask(cockpit: Cockpit, act: Act) -> None:
    cockpit.post_message(CommandGiven(act, cockpit.view.selections()))


def _run(cockpit: Cockpit, call: str) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        await cockpit.run_action(call)

    return run
