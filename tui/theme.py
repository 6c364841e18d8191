"""A theme as Textual wants it: its colours by Textual's names, and ours as CSS variables."""

from __future__ import annotations

from textual.theme import Theme

from crashcart.themes.loader import ThemeData, Tone


def textual_theme(theme: ThemeData) -> Theme:
    """The Textual theme; `$severity-crit`, `$heat-3`, `$muted`, `$edge`, `$ground` are ours."""
    base = {role: _css(tone) for role, tone in theme.base.items()}
    severity = {role: _css(tone) for role, tone in theme.severity.items()}
    variables = {
        **{f"severity-{role}": color for role, color in severity.items()},
        **{f"heat-{level}": _css(tone) for level, tone in enumerate(theme.heat)},
        **{f"load-{level}": _css(tone) for level, tone in enumerate(theme.load)},
        "ground": base["background"],
        "muted": base["muted"],
        "faint": base["faint"],
        "edge": base["border"],
        "input-cursor-text-style": "reverse",
        "scrollbar": base["border"],
        "scrollbar-background": base["surface"],
    }
    if theme.ansi:
        variables |= {"ansi-background": base["background"], "ansi-foreground": base["text"]}
    return Theme(
        name=theme.name,
        primary=base["accent"],
        secondary=base["accent"],
        warning=severity["warn"],
        error=severity["crit"],
        success=severity["ok"],
        accent=base["accent"],
        foreground=base["text"],
        background=base["background"],
        surface=base["surface"],
        panel=base["panel"],
        dark=theme.dark,
        ansi=theme.ansi,
        variables=variables,
    )


def _css(tone: Tone) -> str:
    return tone.color if tone.color.startswith("#") else f"ansi_{tone.color}"
