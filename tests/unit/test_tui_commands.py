"""The table of commands: complete, without collisions, and without keys that terminals eat."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest

from crashcart.ops.verbs import VERBS
from crashcart.tui import commands
from crashcart.tui.commands import COMMANDS, SCOPE_TITLES, Scope

SEEN_TOGETHER: tuple[tuple[Scope, ...], ...] = (("app", "motion", "list"), ("app", "motion", "heatmap"))
EATEN = ("ctrl+s", "ctrl+q", "ctrl+z", "ctrl+a", "ctrl+b", "ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+w")
"""Flow control, suspend, the prefixes of screen and tmux, aliases of other keys, and a browser's "close tab"."""


def keys(*scopes: Scope) -> list[str]:
    return [key for command in COMMANDS if command.scope in scopes for key in command.keys.split(",")]


def test_ids_are_unique() -> None:
    assert len({command.id for command in COMMANDS}) == len(COMMANDS)


@pytest.mark.parametrize("scopes", SEEN_TOGETHER + tuple((scope,) for scope in SCOPE_TITLES))
def test_no_key_means_two_things_in_one_view(scopes: tuple[Scope, ...]) -> None:
    twice = [key for key, count in Counter(keys(*scopes)).items() if count > 1]
    assert twice == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.id)
def test_no_command_hangs_on_a_key_that_terminals_eat(command: commands.Command) -> None:
    for key in command.keys.split(","):
        assert key not in EATEN
        assert not key.startswith("alt+")
        assert not (key.startswith("f") and key[1:].isdigit())


def test_describe_is_never_a_change_and_every_change_is_behind_the_menu() -> None:
    """`d` and `ctrl+d` destroy things elsewhere; here no key below the menu names a verb but the shell's preview."""
    assert {command.verb for command in COMMANDS} <= {None, "shell"}
    assert commands.BY_ID["move.open"].keys.split(",") == ["enter", "d"]
    assert commands.BY_ID["move.half_down"].keys == "ctrl+d"


def test_the_verbs_of_a_menu_have_keys_of_their_own() -> None:
    menu = set(keys("menu"))
    for first, second in combinations(VERBS, 2):
        assert first.key != second.key
    assert not menu & {verb.key for verb in VERBS}


def test_the_footer_holds_the_most_useful_and_honours_the_keymap() -> None:
    shown = commands.footer(("motion", "list", "app"), {"app.filter": "f"})
    assert len(shown) >= 8
    assert ("app.filter", "f") in [(command.id, key) for command, key in shown]


def test_the_readme_table_has_every_command_once() -> None:
    table = commands.markdown()
    for command in COMMANDS:
        assert command.help in table
    assert table.count("\n") == len(COMMANDS) + len(SCOPE_TITLES) + 2


def test_unknown_ids_of_a_keymap_are_found() -> None:
    assert commands.unknown_ids({"app.filter": "f", "app.drain": "D"}) == ["app.drain"]
