"""Themes are data: TOML files with a name for every role a colour plays, checked when they are read.

A colour is `#rrggbb` or one of the terminal's own sixteen (`red`, `bright_blue`, `default`), followed by any of
`bold dim underline reverse`, so that a theme can tell states apart without any colour.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASE_ROLES = (
    "background", "surface", "panel", "tile", "text", "muted", "faint",
    "accent", "cursor", "cursor_text", "mark", "border",
)  # fmt: skip
SEVERITY_ROLES = ("ok", "warn", "crit", "unknown", "stale")
HEAT_LEVELS = 8
DEFAULT = "night"
MONO = "mono"

_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")
_HUES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_NAMED = {"default", *_HUES, *(f"bright_{hue}" for hue in _HUES)}
_ATTRIBUTES = frozenset(("bold", "dim", "underline", "reverse"))
_KEYS = frozenset(("name", "title", "dark", "ansi", "heat", "load", "series", "clusters", "base", "severity"))


class ThemeError(ValueError):
    """A theme file cannot be used; the text names file and key."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A colour and the attributes that go with it."""

    color: str
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ThemeData:
    """One theme. `load` and `heat` run from low to high, one for what is good when it is high and one for what is not;
    `series` tells jobs apart; `ansi` says the terminal's own colours are meant.
    """

    name: str
    title: str
    dark: bool
    ansi: bool
    base: dict[str, Tone]
    severity: dict[str, Tone]
    heat: tuple[Tone, ...]
    load: tuple[Tone, ...]
    series: tuple[Tone, ...]
    clusters: tuple[Tone, ...]


def built_in() -> dict[str, ThemeData]:
    """All themes that come with Crashcart, the default first."""
    themes = (read(path) for path in sorted(Path(__file__).parent.glob("*.toml")))
    found = {theme.name: theme for theme in themes}
    return {DEFAULT: found[DEFAULT], **found}


def load(name: str) -> ThemeData:
    """The built-in theme of that name. Raises ThemeError when there is none."""
    path = Path(__file__).parent / f"{name}.toml"
    if not re.fullmatch(r"[a-z0-9-]+", name) or not path.is_file():
        known = ", ".join(sorted(file.stem for file in Path(__file__).parent.glob("*.toml")))
        raise ThemeError(f"there is no theme {name!r}; there are: {known}")
    return read(path)


def user_themes(folder: Path) -> tuple[dict[str, ThemeData], list[str]]:
    """Themes of a user's folder, and one text for each file that could not be used."""
    loaded: dict[str, ThemeData] = {}
    failed: list[str] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            theme = read(path)
        except ThemeError as error:
            failed.append(str(error))
        else:
            loaded[theme.name] = theme
    return loaded, failed


def read(path: Path) -> ThemeData:
    """The theme in one file. Raises ThemeError with file and key."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ThemeError(f"{path.name}: {error}") from error
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise ThemeError(f"{path.name}: {unknown[0]}: no such key")
    return ThemeData(
        name=_text(path, table, "name"),
        title=_text(path, table, "title"),
        dark=table.get("dark") is not False,
        ansi=table.get("ansi") is True,
        base=_roles(path, table, "base", BASE_ROLES),
        severity=_roles(path, table, "severity", SEVERITY_ROLES),
        heat=_ramp(path, table, "heat", HEAT_LEVELS),
        load=_ramp(path, table, "load", HEAT_LEVELS),
        series=_ramp(path, table, "series", 1),
        clusters=_ramp(path, table, "clusters", 1),
    )


def _text(path: Path, table: dict[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ThemeError(f"{path.name}: {key}: a short text is expected")
    return value


def _roles(path: Path, table: dict[str, Any], section: str, roles: tuple[str, ...]) -> dict[str, Tone]:
    values = table.get(section)
    if not isinstance(values, dict):
        raise ThemeError(f"{path.name}: [{section}] is missing")
    for role in values:
        if role not in roles:
            raise ThemeError(f"{path.name}: {section}.{role}: no such role")
    return {role: _tone(path, f"{section}.{role}", values.get(role)) for role in roles}


def _ramp(path: Path, table: dict[str, Any], key: str, least: int) -> tuple[Tone, ...]:
    values = table.get(key)
    if not isinstance(values, list) or len(values) < least:
        raise ThemeError(f"{path.name}: {key}: a list of at least {least} colours is expected")
    return tuple(_tone(path, f"{key}[{index}]", value) for index, value in enumerate(values))


def _tone(path: Path, key: str, value: object) -> Tone:
    color, *attributes = value.split() if isinstance(value, str) and value.strip() else [""]
    if not (_HEX.match(color) or color in _NAMED):
        raise ThemeError(f"{path.name}: {key}: {value!r} is not a colour (#rrggbb, red, bright_blue, default)")
    for attribute in attributes:
        if attribute not in _ATTRIBUTES:
            raise ThemeError(f"{path.name}: {key}: {attribute!r} is not one of {' '.join(sorted(_ATTRIBUTES))}")
    return Tone(color, frozenset(attributes))
