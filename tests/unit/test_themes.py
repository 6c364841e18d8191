"""Themes: complete, checked at their border, readable, and never telling a state by colour alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crashcart.themes import loader
from crashcart.themes.loader import ThemeData, ThemeError
from crashcart.tui import palette, states
from crashcart.tui.theme import textual_theme
from crashcart.tui.wardrobe import Wardrobe

THEMES = loader.built_in()
ROOT = Path(__file__).parents[2]


def luminance(color: str) -> float:
    """Relative luminance of `#rrggbb`, by WCAG 2.2."""
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


TRUE_COLOR = [theme for theme in THEMES.values() if not theme.ansi]


def test_the_promised_themes_are_there_and_the_default_is_first() -> None:
    assert {"night", "day", "high-contrast", "colour-blind", "ansi", "mono"} <= set(THEMES)
    assert next(iter(THEMES)) == loader.DEFAULT


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_every_theme_makes_a_palette_and_a_textual_theme(theme: ThemeData) -> None:
    made = palette.build(theme)
    plain = ("text", "muted", "faint", "strong", "title", "accent", "mark", "border")
    for role in (*plain, "badge-crit", "heat-7", "load-0", "series-5"):
        for ground in ("background", "surface", "panel", "tile", "cursor"):
            made.on(ground, role)
    made_for_textual = textual_theme(theme)
    made_for_textual.to_color_system().generate()
    variables = made_for_textual.variables
    assert {"severity-crit", "heat-7", "load-0", "ground", "edge"} <= set(variables)


@pytest.mark.parametrize("theme", TRUE_COLOR, ids=lambda theme: theme.name)
def test_text_and_states_can_be_read(theme: ThemeData) -> None:
    for ground in ("background", "surface", "panel"):
        back = theme.base[ground].color
        assert contrast(theme.base["text"].color, back) >= 7
        assert contrast(theme.base["muted"].color, back) >= 3.9
        for role in ("ok", "warn", "crit", "unknown"):
            assert contrast(theme.severity[role].color, back) >= 3.9, role
    assert contrast(theme.base["cursor_text"].color, theme.base["cursor"].color) >= 7


@pytest.mark.parametrize("theme", TRUE_COLOR, ids=lambda theme: theme.name)
def test_heat_rises_in_lightness_or_falls_but_does_neither_twice(theme: ThemeData) -> None:
    steps = [luminance(tone.color) for tone in theme.load]
    assert steps in (sorted(steps), sorted(steps, reverse=True))


def test_mono_uses_no_colour() -> None:
    mono = THEMES["mono"]
    tones = [*mono.base.values(), *mono.severity.values(), *mono.heat, *mono.load, *mono.series, *mono.clusters]
    assert {tone.color for tone in tones} == {"default"}


def test_sixteen_colours_are_enough_for_the_ansi_theme() -> None:
    ansi = THEMES["ansi"]
    tones = [*ansi.base.values(), *ansi.severity.values(), *ansi.heat, *ansi.load, *ansi.series, *ansi.clusters]
    assert not [tone for tone in tones if tone.color.startswith("#")]


def test_states_differ_by_glyph_and_not_by_colour_alone() -> None:
    for table in (states._NODE, states._ACTION, states._SEVERITY):
        by_glyph: dict[str, set[str]] = {}
        for glyph, role in table.values():
            by_glyph.setdefault(glyph, set()).add(role)
        assert all(len(roles) == 1 for roles in by_glyph.values()), by_glyph


def test_no_colour_is_written_in_python() -> None:
    literal = re.compile(r"#[0-9a-fA-F]{6}\b")
    found = [path for path in (ROOT / "tui").rglob("*.py") if literal.search(path.read_text())]
    assert found == []


def write(folder: Path, old: str, new: str) -> Path:
    text = (ROOT / "themes" / "night.toml").read_text().replace(old, new)
    path = folder / "mine.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('warn = "#e8b45a"', 'warn = "orange"', "severity.warn"),
        ('warn = "#e8b45a"', "warn = 3", "severity.warn"),
        ('warn = "#e8b45a"\n', "", "severity.warn"),
        ('crit = "#f2706b bold"', 'crit = "#f2706b blink"', "severity.crit"),
        ("[severity]", "[severities]", "severities"),
        ('name = "night"', 'name = ""', "name"),
        ('"#2b4f78", ', "", "heat"),
        ("[base]", "[base", "mine.toml"),
        ('stale = "#6b7685"', 'stale = "#6b7685"\nextra = "#000000"', "severity.extra"),
    ],
)
def test_a_wrong_theme_names_file_and_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    with pytest.raises(ThemeError, match=re.escape(key)) as caught:
        loader.read(write(tmp_path, old, new))
    assert str(caught.value).startswith("mine.toml: ")


def test_a_users_theme_is_worn_and_a_broken_one_is_reported(tmp_path: Path) -> None:
    write(tmp_path, 'name = "night"', 'name = "mine"')
    (tmp_path / "broken.toml").write_text("name = 3")
    wardrobe = Wardrobe("mine", tmp_path)
    assert wardrobe.chosen.name == "mine"
    wardrobe.fill()
    assert "mine" in wardrobe.names and "night" in wardrobe.names
    assert any("broken.toml" in trouble for trouble in wardrobe.troubles)


def test_a_theme_that_is_not_there_falls_back_and_says_so() -> None:
    wardrobe = Wardrobe("neon", None)
    assert wardrobe.chosen.name == loader.DEFAULT
    assert "neon" in wardrobe.troubles[0]
