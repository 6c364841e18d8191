"""All list views, each with the widget that its kind needs."""

from __future__ import annotations

from collections.abc import Sequence

from crashcart.backends.model import Silence, Target
from crashcart.backends.pods import Budget, Event, Pod
from crashcart.tui import subjects
from crashcart.tui.agreement import agreement_spans
from crashcart.tui.cells import Span
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


class NodeList(EntityList):
    """Nodes; how many of them the planes disagree about is said above the list."""

    def counts(self) -> Sequence[Span]:
        return (*super().counts(), *agreement_spans(self._shown))


class PodList(EntityList):
    """Pods; what can be acted on is their jobs and their nodes."""

    def selections(self) -> list[Selection]:
        known = self._shown.store.pods
        found: list[Pod] = [known[key] for key in self.chosen if key in known]
        return subjects.of_pods(self._shown.scene, found)


class BudgetList(EntityList):
    """Disruption budgets; what can be acted on is the jobs of the pods that they protect."""

    def selections(self) -> list[Selection]:
        known, joins = self._shown.store.budgets, self._shown.joins.pods
        found: list[Budget] = [known[key] for key in self.chosen if key in known]
        return subjects.of_pods(self._shown.scene, [pod for budget in found for pod in joins.guarded(budget)])


class EventList(EntityList):
    """Warnings; what can be acted on is what they are about."""

    def selections(self) -> list[Selection]:
        known = self._shown.store.events
        found: list[Event] = [known[key] for key in self.chosen if key in known]
        return subjects.of_events(self._shown.scene, found)


WIDGETS: dict[str, type[EntityList]] = {
    "nodes": NodeList,
    "alerts": AlertList,
    "silences": SilenceList,
    "targets": TargetList,
    "pods": PodList,
    "budgets": BudgetList,
    "events": EventList,
}


def make_lists(look: Look, shown: Shown) -> dict[str, EntityList]:
    """The widgets by the names of their views."""
    return {name: WIDGETS.get(name, EntityList)(look, shown, spec, id=name) for name, spec in LISTS.items()}
