"""Jobs, put together from pods, from Jobs and JobSets, and from what Kueue and Volcano say of them."""

from __future__ import annotations

from collections import defaultdict

from crashcart.backends.errors import BadIdentifier

from .declared import Declared, Gate, Place
from .jobs import Known, job_of
from .owners import job_name
from .pods import PodFact
from .showing import Showing
from .site import Site

_DEEPEST = 8
"""Owners above owners; a circle of them must not hold us for ever."""


class JobBoard:
    """Everything by (namespace, owner). A pod belongs to the top of the owners of its maker."""

    def __init__(self, site: Site) -> None:
        self.showing = Showing("job", site.cluster)
        self.regrouped: set[str] = set()  # pods whose job came to be or ceased to be one
        self._site = site
        self._pods: dict[Place, dict[str, PodFact]] = defaultdict(dict)
        self._declared: dict[Place, Declared] = {}
        self._children: dict[Place, set[Place]] = defaultdict(set)
        self._gates: dict[Place, Gate] = {}
        self._dirty: set[Place] = set()

    def place_pod(self, key: str, old: PodFact | None, new: PodFact | None) -> None:
        """A pod came, went or changed."""
        if old is not None:
            place = _place(old)
            self._pods[place].pop(key, None)
            if not self._pods[place]:
                del self._pods[place]
            self._dirty.add(self._top(place))
        if new is not None:
            self._pods[_place(new)][key] = new
            self._dirty.add(self._top(_place(new)))

    def declare(self, place: Place, declared: Declared | None) -> None:
        """A Job or JobSet came, went (None) or changed."""
        old = self._declared.pop(place, None)
        self._dirty.add(self._top(place))
        if old is not None and old.parent is not None:
            self._children[old.parent].discard(place)
            self._dirty.add(self._top(old.parent))
        if declared is None:
            self._dirty.add(place)
            return
        self._declared[place] = declared
        if declared.parent is not None:
            self._children[declared.parent].add(place)
        self._dirty.update((self._top(place), place))

    def gate(self, old: Gate | None, new: Gate | None) -> None:
        """What decides about a job came, went (None) or changed."""
        if old is not None:
            self._gates.pop(old.place, None)
            self._dirty.add(self._top(old.place))
        if new is not None:
            self._gates[new.place] = new
            self._dirty.add(self._top(new.place))

    def look_again(self) -> None:
        """Time has passed: jobs that ended long ago go."""
        self._dirty.update(self._top(place) for place in (*self._declared, *self._pods))

    def job_of(self, fact: PodFact) -> str | None:
        """The id of the job that this pod belongs to, when that is shown."""
        job = self._id(self._top(_place(fact)))
        return job if job is not None and f"{self._site.cluster}/{job}" in self.showing.entities else None

    def refresh(self, when: float) -> None:
        """Bring what is shown up to date."""
        for place in self._dirty:
            job = self._id(place)
            if job is None:
                continue
            key = f"{self._site.cluster}/{job}"
            was_shown = key in self.showing.entities
            shown = job_of(self._known(place), self._site, when) if self._top(place) == place else None
            if shown is None:
                self.showing.drop(key)
            else:
                self.showing.put(shown)
            if was_shown != (shown is not None):
                self.regrouped.update(key for below in self._below(place) for key in self._pods.get(below, ()))
        self._dirty.clear()

    def _known(self, place: Place) -> Known:
        below = self._below(place)
        pods = [fact for one in below for fact in self._pods.get(one, {}).values()]
        gate = next((self._gates[one] for one in below if one in self._gates), None)
        return Known(place, pods, self._declared.get(place), gate)

    def _below(self, place: Place) -> list[Place]:
        """This and everything that it owns."""
        found = [place]
        for one in found:
            found += [child for child in self._children.get(one, ()) if child not in found]
        return found

    def _top(self, place: Place) -> Place:
        for _ in range(_DEEPEST):
            declared = self._declared.get(place)
            if declared is None or declared.parent is None:
                return place
            place = declared.parent
        return place

    def _id(self, place: Place) -> str | None:
        try:
            return job_name(*place)
        except BadIdentifier:
            return None


def _place(fact: PodFact) -> Place:
    return (fact.pod.namespace, fact.owner)
