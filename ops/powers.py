"""What one cluster's backends can do together: a list of power objects, asked by Protocol."""

from __future__ import annotations

from typing import TypeVar

from crashcart.backends import registry
from crashcart.backends.contract import (
    AlertSilencer,
    Applier,
    Change,
    Checkpointer,
    Evictor,
    HostCommands,
    JobControl,
    LogReader,
    NodeMaintainer,
    Observer,
    OfPlane,
    OfSeveralPlanes,
    ShellOpener,
)

from .all_planes import AllPlanes, is_of_plane
from .backend_options import convert
from .links import SSH, SessionLinks, close_quietly
from .session import ClusterSession

Power = TypeVar("Power")


class ClusterPowers(list[object]):
    """Power objects of one cluster in the order of its configuration; the first that offers something is used."""

    def maintainer(self, plane: str) -> NodeMaintainer | None:
        """What changes nodes of this plane (a `source`)."""
        return _of_plane(plane, [power for power in self if isinstance(power, NodeMaintainer)])

    def control(self, plane: str) -> JobControl | None:
        """What moves jobs of this plane."""
        return _of_plane(plane, [power for power in self if isinstance(power, JobControl)])

    def checkpointer(self, plane: str) -> Checkpointer | None:
        """What asks jobs of this plane to save themselves."""
        return _of_plane(plane, [power for power in self if isinstance(power, Checkpointer)])

    def evictor(self, plane: str) -> Evictor | None:
        """What moves pods off nodes of this plane."""
        return _of_plane(plane, [power for power in self if isinstance(power, Evictor)])

    def log_reader(self, plane: str) -> LogReader | None:
        """What reads the output of jobs of this plane."""
        return _of_plane(plane, [power for power in self if isinstance(power, LogReader)])

    @property
    def observer(self) -> Observer | None:
        """One that reads all planes together."""
        found = tuple(power for power in self if isinstance(power, Observer))
        return AllPlanes(found) if len(found) > 1 else next(iter(found), None)

    @property
    def alerts(self) -> AlertSilencer | None:
        return next((power for power in self if isinstance(power, AlertSilencer)), None)

    @property
    def shells(self) -> ShellOpener | None:
        return next((power for power in self if isinstance(power, ShellOpener)), None)

    @property
    def commands(self) -> HostCommands | None:
        return next((power for power in self if isinstance(power, HostCommands)), None)

    def applier(self, change: Change, power: object | None) -> Applier | None:
        """What runs this change: the plane that it names, else the object that made it, else the first that can."""
        if change.plane:
            return next((one for one in self if isinstance(one, Applier) and is_of_plane(one, change.plane)), None)
        return power if isinstance(power, Applier) else next((one for one in self if isinstance(one, Applier)), None)

    async def close(self) -> None:
        """Let go of what the objects hold."""
        for power in self:
            await close_quietly(power)


def _of_plane(plane: str, found: list[Power]) -> Power | None:
    """The object that says it is of this plane, else the first that says none."""
    mine = (power for power in found if is_of_plane(power, plane))
    return next(mine, next((power for power in found if not isinstance(power, OfPlane)), None))


def build_powers(cluster: ClusterSession, links: SessionLinks) -> ClusterPowers:
    """Load the cluster's backends and take their powers. Raises Unsupported with the place of a wrong option."""
    powers = ClusterPowers()
    for name, table in cluster.backends.items():
        if name == SSH:
            power = links.ssh_powers()
        else:
            backend = registry.load(name)
            power = backend.powers(links.context(convert(backend, table)))
        if power is not None:
            powers += [power, *(power.others if isinstance(power, OfSeveralPlanes) else ())]
    return powers
