"""What a test can break in the fake, and mend."""

from __future__ import annotations

import threading
import time
from typing import Any

from .api import Api
from .controllers import Controllers
from .faults import Faults
from .resources import Resource, resource_named
from .store import Store

Object = dict[str, Any]


class FaultControl:
    """Faults begin at once and last until `heal`."""

    def __init__(self, store: Store, api: Api, controllers: Controllers, faults: Faults) -> None:
        self._store, self._api, self._controllers, self._faults = store, api, controllers, faults

    def heal(self) -> None:
        """No fault, all controllers at work, all settings as in the beginning."""
        self._faults.heal()
        self._controllers.heal()
        self._api.heal()

    def freeze(self) -> None:
        """Nothing is answered any more; connections are taken."""
        self._faults.freeze()

    def thaw(self) -> None:
        self._faults.thaw()

    def freeze_watches(self) -> None:
        self._faults.freeze_watches()

    def drop_watches(self) -> None:
        """Cut off all watches that are open."""
        self._faults.drop_watches()
        self._store.wake()

    def half_open(self) -> None:
        """New connections are taken and never answered."""
        self._faults.half_open()

    def refuse(self, code: int, times: int = 1, method: str = "", path: str = "") -> None:
        """The next requests that match get 429 (of API priority and fairness), 500, 503 or 401."""
        self._faults.refuse(code, times, method, path)

    def delay(self, seconds: float) -> None:
        """Each answer takes so much longer."""
        self._faults.latency_seconds = seconds

    def truncate(self, path: str) -> None:
        """Bodies of answers to matching paths end in the middle; empty stops it."""
        self._faults.truncated_path = path

    def unready(self, on: bool = True) -> None:
        """/readyz fails."""
        self._api.discovery.is_ready = not on

    def churn(self, per_second: float, seconds: float, resource: str = "nodes") -> None:
        """Returns at once; objects of the kind get a new heartbeat in turn, so many events a second."""
        arguments = (resource_named(resource), per_second, seconds)
        threading.Thread(target=self._churn, args=arguments, name="kubeapi-churn", daemon=True).start()

    def requests(self) -> list[str]:
        """Method and path of all requests since the last call, in order."""
        return self._api.taken_requests()

    def _churn(self, resource: Resource, per_second: float, seconds: float) -> None:
        began, made = time.monotonic(), 0
        keys = list(self._store.shelf(resource).rows)
        while (passed := time.monotonic() - began) < seconds and not self._faults.is_closing:
            while made < passed * per_second:
                with self._store.lock:
                    row = self._store.get(resource, keys[made % len(keys)])
                    if row is not None:
                        self._store.put(resource, _touched(row.value, made))
                made += 1
            time.sleep(0.005)


def _touched(value: Object, number: int) -> Object:
    annotations = {**(value["metadata"].get("annotations") or {}), "fake-kubeapi/heartbeat": str(number)}
    return {**value, "metadata": {**value["metadata"], "annotations": annotations}}
