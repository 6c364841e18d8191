"""Where one is and where one was: views and details, with a history like a browser's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

RootView = Literal["heatmap", "nodes", "jobs", "alerts", "queues", "audit"]
ROOT_VIEWS: tuple[RootView, ...] = ("heatmap", "nodes", "jobs", "alerts", "queues", "audit")
SIDE_VIEWS = ("silences", "targets", "pods", "budgets", "events", "sources", "load")
"""Views without a tab of their own."""

PAGE_VIEWS = frozenset(("sources", "load"))
"""Side views that are one page; `place_of` gives them their only key."""

KIND_OF: dict[str, str] = {
    "heatmap": "gpu",
    "nodes": "node",
    "jobs": "job",
    "alerts": "alert",
    "queues": "queue",
    "silences": "silence",
    "targets": "target",
    "pods": "pod",
    "budgets": "budget",
    "events": "event",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A root view by its name, or the details of one thing: `view` is then its kind and `key` its identity."""

    view: str
    key: str = ""

    @property
    def is_root(self) -> bool:
        return not self.key


def place_of(view: str) -> Place:
    """Where a view by this name is."""
    return Place(view, "all" if view in PAGE_VIEWS else "")


@dataclass(slots=True)
class History:
    """Places visited, with a position; a new place drops what lay ahead."""

    places: list[Place] = field(default_factory=list)
    position: int = -1
    previous: Place | None = None

    @property
    def here(self) -> Place | None:
        return self.places[self.position] if self.places else None

    def visit(self, place: Place) -> None:
        """Go to a place; going where one is changes nothing."""
        if place == self.here:
            return
        self.previous = self.here
        del self.places[self.position + 1 :]
        self.places.append(place)
        self.position = len(self.places) - 1

    def move(self, steps: int) -> Place | None:
        """Go back (-1) or forward (1); None at the end of the history."""
        target = self.position + steps
        if not 0 <= target < len(self.places):
            return None
        self.previous = self.here
        self.position = target
        return self.here

    def last(self) -> Place | None:
        """The place before this one, in time; called twice it comes back."""
        if self.previous is None:
            return None
        place = self.previous
        self.visit(place)
        return place
