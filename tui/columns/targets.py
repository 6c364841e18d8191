"""The list of scrape targets that fail."""

from __future__ import annotations

import re

from crashcart.backends.model import Target
from crashcart.ops.fields import Scene
from crashcart.tui import words
from crashcart.tui.natural import natural

from .column import Cell, Column, by, by_text, field, plain

_ADDRESS = re.compile(r'\A(?:Get|Post) "[^"]*": ')


def node_name(scene: Scene, target: Target) -> str:
    """The machine it is about, by the scheduler's name for it; nothing where no label says."""
    return scene.joins.node_name(target.cluster, target.host) if target.host else ""


def error(target: Target) -> str:
    """What the scrape said."""
    return target.error or "the source does not say why"


def cause(target: Target) -> str:
    """The same without the address, which a row has beside it."""
    return _ADDRESS.sub("", error(target))


def _since(scene: Scene, target: Target) -> Cell:
    return plain(words.age(scene.now - target.since), "warn")


COLUMNS: tuple[Column[Target], ...] = (
    Column("job", "EXPORTER", 14, field("job", "strong"), by_text("job"), 1, 1, most=24),
    Column("node", "NODE", 10, lambda s, t: plain(node_name(s, t)), lambda s, t: natural(node_name(s, t)), 0),
    Column("since", "SILENT", 7, _since, by("since"), 1, align="right"),
    Column("cluster", "CLUSTER", 8, field("cluster", "muted"), by_text("cluster"), 6),
    Column("error", "ERROR", 20, lambda s, t: plain(cause(t)), lambda s, t: cause(t), 2, 5),
    Column("instance", "TARGET", 18, field("instance", "muted"), by_text("instance"), 3, 2, most=32),
)
