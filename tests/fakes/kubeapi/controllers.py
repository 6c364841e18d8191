"""The thread in which the parts of the cluster that react do so, a moment after what they react to."""

from __future__ import annotations

import threading
import time

from .disruption import Disruption
from .following import Controller
from .garbage import Garbage
from .job_controller import JobController
from .job_sets import JobSets
from .kubelets import Kubelets
from .kueue import Kueue
from .node_taints import NodeTaints
from .scheduler import Scheduler
from .store import Store

LAG_SECONDS = 0.02


class Controllers:
    """`held` are those that do nothing for now, by name."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.kubelets = Kubelets(store)
        self.kueue = Kueue(store)
        self.by_name: dict[str, Controller] = {
            "garbage": Garbage(store),
            "taints": NodeTaints(store),
            "jobsets": JobSets(store),
            "jobs": JobController(store),
            "scheduler": Scheduler(store),
            "kubelets": self.kubelets,
            "disruption": Disruption(store),
            "kueue": self.kueue,
        }
        self.held: set[str] = set()
        self.lag_seconds = LAG_SECONDS
        self._is_ending = False
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="kubeapi-controllers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._is_ending = True
        self._store.wake()
        self._thread.join()

    def heal(self) -> None:
        """All work, at their usual pace."""
        self.held.clear()
        self.kubelets.heal()
        self.kueue.heeds = True
        self._store.wake()

    def hold(self, name: str) -> None:
        """Returns when the controller is not at work."""
        assert name in self.by_name, name
        with self._turn:
            self.held.add(name)

    def release(self, name: str) -> None:
        self.held.discard(name)
        self._store.wake()

    def _run(self) -> None:
        seen, due = -1, 0.0
        while not self._is_ending:
            with self._store.changed:
                if self._store.revision == seen and not self._is_ending:
                    self._store.changed.wait(max(0.0, min(due - time.monotonic(), 1.0)))
            time.sleep(self.lag_seconds)
            seen = self._store.revision
            with self._turn:
                due = self._step()

    def _step(self) -> float:
        """Let all have their turn; returns when the next is due."""
        now = time.monotonic()
        times = [controller.step(now) for name, controller in self.by_name.items() if name not in self.held]
        return min((when for when in times if when is not None), default=now + 1.0)
