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


class JobBoard:
    """Everything by (namespace, owner). A pod belongs to the top of the owners of its maker."""

    def __init__(self, site: Site) -> None:
        self.showing = Showing("job", site.cluster)
        self.regrouped: set[str] = set()  # pods whose job came to be or ceased to be one
        self._site = site
        self._pods: dict[Place, dict[str, PodFact]] = defaultdict(dict)
        self._declared: dict[Place, Declared] = {}
        self._children: dict[Place, set[Place]] = defaultdict(set)
        self._gates: dict[Place, dict[str, Gate]] = defaultdict(dict)
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
        self._dirty.update((place, self._top(place)))
        old = self._declared.pop(place, None)
        before, after = old.parent if old is not None else None, declared.parent if declared is not None else None
        if before is not None:
            self._children[before].discard(place)
            self._dirty.add(self._top(before))
        if declared is not None:
            self._declared[place] = declared
        if after is not None:
            self._children[after].add(place)
            self._dirty.add(self._top(place))
        if before != after:
            self.regrouped.update(self._pods_below(place))

    def gate(self, key: str, old: Gate | None, new: Gate | None) -> None:
        """What decides about a job came, went (None) or changed; `key` is its own name."""
        if old is not None:
            self._gates[old.place].pop(key, None)
            self._dirty.add(self._top(old.place))
        if new is not None:
            self._gates[new.place][key] = new
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
                self.regrouped.update(self._pods_below(place))
        self._dirty.clear()

    def _known(self, place: Place) -> Known:
        below = self._below(place)
        pods = sorted([item for one in below for item in self._pods.get(one, {}).items()], key=lambda item: item[0])
        gates = sorted([item for one in below for item in self._gates.get(one, {}).items()], key=_by_gate)
        gate = gates[0][1] if gates else None
        return Known(place, [fact for _, fact in pods], self._declared.get(place), gate)

    def _pods_below(self, place: Place) -> list[str]:
        return [key for below in self._below(place) for key in self._pods.get(below, ())]

    def _below(self, place: Place) -> list[Place]:
        """This and everything that it owns."""
        found = [place]
        for one in found:
            found += [child for child in self._children.get(one, ()) if child not in found]
        return found

    def _top(self, place: Place) -> Place:
        """The owner of all owners; of those that own each other in a circle, the first by name."""
        seen = [place]
        while (declared := self._declared.get(seen[-1])) is not None and declared.parent is not None:
            if declared.parent in seen:
                return min(seen[seen.index(declared.parent) :])
            seen.append(declared.parent)
        return seen[-1]

    def _id(self, place: Place) -> str | None:
        try:
            return job_name(*place)
        except BadIdentifier:
            return None


def _place(fact: PodFact) -> Place:
    return (fact.pod.namespace, fact.owner)


def _by_gate(item: tuple[str, Gate]) -> tuple[bool, str]:
    """The one that lets it run counts, where a job has several for a moment."""
    return not item[1].is_open, item[0]
