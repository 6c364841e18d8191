"""All themes that can be worn: the one of the start is read first, the others when the first frame is up."""

from __future__ import annotations

from pathlib import Path

from crashcart.themes import loader
from crashcart.themes.loader import ThemeData, ThemeError


class Wardrobe:
    """Themes by name. `troubles` says what could not be used, for whoever shows it."""

    def __init__(self, chosen: str, folder: Path | None) -> None:
        self._folder = folder if folder is not None and folder.is_dir() else None
        self.troubles: list[str] = []
        self.themes: dict[str, ThemeData] = {}
        self.chosen = self._read(chosen)

    def _read(self, name: str) -> ThemeData:
        own = self._folder / f"{name}.toml" if self._folder and name.isidentifier() else None
        try:
            theme = loader.read(own) if own is not None and own.is_file() else loader.load(name)
        except ThemeError as error:
            self.troubles.append(str(error))
            theme = loader.load(loader.DEFAULT)
        self.themes[theme.name] = theme
        return theme

    def fill(self) -> None:
        """Read all other themes; the user's own win over built-in ones of the same name."""
        own, failed = loader.user_themes(self._folder) if self._folder is not None else ({}, [])
        self.themes = {**loader.built_in(), **own}
        self.troubles += failed

    @property
    def names(self) -> list[str]:
        return list(self.themes)
