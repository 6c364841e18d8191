"""All list views, each with the widget that its kind needs."""

from __future__ import annotations

from crashcart.backends.model import Silence, Target
from crashcart.tui import subjects
from crashcart.tui.look import Look
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown

from .alert_list import AlertList
from .entity_list import LISTS, EntityList


class SilenceList(EntityList):
    """Silences; those that have not ended can be acted on."""

    def selections(self) -> list[Selection]:
        known = self._shown.store.silences
        found: list[Silence] = [known[key] for key in self.chosen if key in known]
        return subjects.of_silences(found)


class TargetList(EntityList):
    """Scrape targets that fail; what can be acted on is the node."""

    def selections(self) -> list[Selection]:
        known = self._shown.store.targets
        found: list[Target] = [known[key] for key in self.chosen if key in known]
        return subjects.of_targets(self._shown.scene, found)


WIDGETS: dict[str, type[EntityList]] = {"alerts": AlertList, "silences": SilenceList, "targets": TargetList}


def make_lists(look: Look, shown: Shown) -> dict[str, EntityList]:
    """The widgets by the names of their views."""
    return {name: WIDGETS.get(name, EntityList)(look, shown, spec, id=name) for name, spec in LISTS.items()}
