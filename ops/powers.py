"""What one cluster's backends can do together: a list of power objects, asked by Protocol."""

from __future__ import annotations

from typing import TypeVar

from crashcart.backends import registry
from crashcart.backends.contract import (
    AlertSilencer,
    Applier,
    Checkpointer,
    HostCommands,
    JobControl,
    NodeMaintainer,
    Observer,
    ShellOpener,
)

from .backend_options import convert
from .links import SSH, SessionLinks, close_quietly
from .session import ClusterSession

Power = TypeVar("Power")


class ClusterPowers(list[object]):
    """Power objects of one cluster in the order of its configuration; the first that offers something is used."""

    def find(self, protocol: type[Power]) -> Power | None:
        """The first object with this Protocol, or None."""
        return next((power for power in self if isinstance(power, protocol)), None)

    @property
    def observer(self) -> Observer | None:
        return next((power for power in self if isinstance(power, Observer)), None)

    @property
    def nodes(self) -> NodeMaintainer | None:
        return next((power for power in self if isinstance(power, NodeMaintainer)), None)

    @property
    def jobs(self) -> JobControl | None:
        return next((power for power in self if isinstance(power, JobControl)), None)

    @property
    def alerts(self) -> AlertSilencer | None:
        return next((power for power in self if isinstance(power, AlertSilencer)), None)

    @property
    def checkpoints(self) -> Checkpointer | None:
        return next((power for power in self if isinstance(power, Checkpointer)), None)

    @property
    def shells(self) -> ShellOpener | None:
        return next((power for power in self if isinstance(power, ShellOpener)), None)

    @property
    def commands(self) -> HostCommands | None:
        return next((power for power in self if isinstance(power, HostCommands)), None)

    def applier_of(self, power: object | None) -> Applier | None:
        """What runs the changes of this object: itself where it can, else the first that can."""
        return power if isinstance(power, Applier) else next((one for one in self if isinstance(one, Applier)), None)

    async def close(self) -> None:
        """Let go of what the objects hold."""
        for power in self:
            await close_quietly(power)


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
            powers.append(power)
    return powers
