"""Reading configuration files: TOML whose every error has a file, a line and a key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any


class ConfigError(Exception):
    """The configuration cannot be used; the text says where and what, one line."""


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises ConfigError when it cannot be read or is not TOML."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 (byte {error.start})") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error


def line_of(path: Path, keys: tuple[str, ...]) -> int | None:
    """Best guess at the line that sets `keys`, 1-based: the last key inside the table that the others name."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    table: tuple[str, ...] = ()
    best: int | None = None
    for number, line in enumerate(lines, 1):
        if match := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$", line):
            table = tuple(part.strip().strip("\"'") for part in match[1].split("."))
            if table == keys[: len(table)] or keys == table[: len(keys)]:
                best = number
            if keys == table[: len(keys)]:
                return number
        elif match := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            dotted = table + tuple(part.strip("\"'") for part in match[1].split("."))
            if dotted == keys[: len(dotted)] and len(dotted) > len(table):
                return number
    return best


def at(path: Path, keys: tuple[str, ...], what: str) -> ConfigError:
    """A ConfigError that names file, line and key."""
    line = line_of(path, keys)
    place = f"{path}:{line}" if line else str(path)
    return ConfigError(f"{place}: {'.'.join(keys)}: {what}")
