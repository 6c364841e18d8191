"""A theme as ready-made styles, by the role a colour plays; widgets never name a colour."""

from __future__ import annotations

from dataclasses import dataclass

from rich.color import Color
from rich.style import Style

from crashcart.themes.loader import ThemeData, Tone

SERIES = 6
"""Colours that tell jobs apart."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Styles by role. `on` gives the same role on another ground: `panel`, `cursor`, `tile`."""

    name: str
    roles: dict[str, Style]
    grounds: dict[str, Style]
    clusters: tuple[Style, ...]
    made: dict[tuple[str, str], Style]  # styles asked for before: the same object each time, so that lines merge
    is_colorless: bool  # no colour fits, not even one from the configuration

    def role(self, name: str) -> Style:
        """The style of a role: text muted faint strong accent mark border ok warn crit unknown stale, and
        heat-N load-N series-N badge-*.
        """
        return self.roles[name]

    def on(self, ground: str, role: str = "text") -> Style:
        """A role drawn on a ground; on the cursor the ground's own text wins where the role is plain."""
        style = self.made.get((ground, role))
        if style is None:
            plain = ground == "cursor" and role in ("text", "muted", "faint", "strong")
            style = self.roles["cursor"] if plain else self.roles[role] + self.grounds[ground]
            self.made[(ground, role)] = style
        return style

    def cluster(self, index: int) -> Style:
        """The colour of the n-th cluster."""
        return self.clusters[index % len(self.clusters)]


def build(theme: ThemeData) -> Palette:
    """Styles of a theme."""
    plain = {role: _style(tone) for role, tone in {**theme.base, **theme.severity}.items()}
    ground_color = _color(theme.base["background"])
    roles = {
        **plain,
        "strong": plain["text"] + Style(bold=True),
        "title": plain["accent"] + Style(bold=True),
        "cursor": plain["cursor_text"] + Style(bgcolor=_color(theme.base["cursor"])),
    }
    for role in ("ok", "warn", "crit", "unknown", "stale", "accent"):
        roles[f"badge-{role}"] = _badge({**theme.base, **theme.severity}[role], ground_color)
    for ramp, tones in (("heat", theme.heat), ("load", theme.load)):
        roles.update((f"{ramp}-{level}", _style(tone)) for level, tone in enumerate(tones))
    roles.update((f"series-{n}", _style(theme.series[n % len(theme.series)])) for n in range(SERIES))
    grounds = {
        ground: Style(bgcolor=_color(theme.base[ground])) for ground in ("background", "surface", "panel", "tile")
    }
    grounds["cursor"] = Style(bgcolor=_color(theme.base["cursor"])) + _attributes(theme.base["cursor_text"])
    colorless = all(tone.color == "default" for tone in theme.heat)
    return Palette(theme.name, roles, grounds, tuple(map(_style, theme.clusters)), {}, colorless)


def _color(tone: Tone) -> Color:
    return Color.parse(tone.color)


def _style(tone: Tone) -> Style:
    return Style(color=_color(tone)) + _attributes(tone)


def _attributes(tone: Tone) -> Style:
    """Only what is set: a Style that says "not bold" would take the weight of what it is laid over."""
    is_set = {name: name in tone.attributes or None for name in ("bold", "dim", "underline", "reverse")}
    return Style(bold=is_set["bold"], dim=is_set["dim"], underline=is_set["underline"], reverse=is_set["reverse"])


def _badge(tone: Tone, ground: Color) -> Style:
    """Text in the ground's colour on the role's colour; reversed where the terminal chooses the colours."""
    if ground.is_default:
        return Style(color=_color(tone), reverse=True, bold=True)
    return Style(color=ground, bgcolor=_color(tone), bold=True)
