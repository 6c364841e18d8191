"""What the main screen asks of the app; none of it changes anything by itself."""

from __future__ import annotations

from collections.abc import Sequence

from textual.message import Message

from .command_line import Typed
from .selection import Selection


class ActionMenuAsked(Message):
    """The operator wants to act on one of these."""

    def __init__(self, selections: Sequence[Selection]) -> None:
        super().__init__()
        self.selections = list(selections)


class ShellAsked(Message):
    """The operator wants a shell on the node of these."""

    def __init__(self, selections: Sequence[Selection]) -> None:
        super().__init__()
        self.selections = list(selections)


class CommandGiven(Message):
    """A command was typed that is not about the main screen alone."""

    def __init__(self, command: Typed, selections: Sequence[Selection]) -> None:
        super().__init__()
        self.command = command
        self.selections = list(selections)


class CopyWanted(Message):
    """A name is wanted on the clipboard."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
