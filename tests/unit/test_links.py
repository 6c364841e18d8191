"""Links and powers: where commands may run, and whose changes run through whom."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from crashcart.backends.contract import Change, CommandResult
from crashcart.backends.errors import Unsupported
from crashcart.ops.links import SessionLinks
from crashcart.ops.powers import ClusterPowers, build_powers
from crashcart.ops.session import ClusterSession


@pytest.fixture
def links() -> SessionLinks:
    return SessionLinks(ClusterSession(name="main"))


async def test_local_commands_run_on_this_machine(links: SessionLinks) -> None:
    result = await links.runner("local").run(("echo", "here"), timeout=5.0)

    assert (result.state, result.stdout) == ("ok", b"here\n")


@pytest.mark.parametrize(
    "via", ["", "docker:x", "ssh", "ssh:", "ssh:-oProxyCommand=id", "ssh:a b", "local:x", "ssh:\x1b[c"]
)
def test_anything_but_local_and_a_host_name_is_refused(links: SessionLinks, via: str) -> None:
    with pytest.raises(Unsupported):
        links.runner(via)


async def test_links_may_be_closed_twice(links: SessionLinks) -> None:
    await links.close()
    await links.close()


def test_a_backend_that_is_not_installed_is_named() -> None:
    cluster = ClusterSession(name="main", backends={"nomad": {}})

    with pytest.raises(Unsupported, match="no backend is called 'nomad'"):
        build_powers(cluster, SessionLinks(cluster))


class Maintains:
    def drain(self, node: str, reason: str) -> Change:
        return Change(node, "drain", ("drain",))

    def resume(self, node: str) -> Change:
        return Change(node, "resume", ("resume",))

    def reboot(self, node: str, reason: str) -> Change:
        return Change(node, "reboot", ("reboot",))


class Applies:
    async def apply(self, change: Change, *, timeout: float) -> CommandResult:  # noqa: ASYNC109
        return CommandResult("ok", 0)


class Both(Maintains, Applies):
    pass


class Closes:
    def __init__(self) -> None:
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


def applier_of(powers: Sequence[object]) -> object:
    cluster = ClusterPowers(powers)
    return cluster.applier(Change("gpu001", "reboot", ("reboot",)), cluster.maintainer("slurm"))


def test_changes_run_through_the_object_that_made_them_where_it_can() -> None:
    other, both, maintains = Applies(), Both(), Maintains()

    assert applier_of([other, both]) is both
    assert applier_of([maintains, other]) is other
    assert applier_of([maintains]) is None


def test_powers_are_found_by_what_they_offer() -> None:
    maintains = Maintains()
    powers = ClusterPowers([object(), maintains])

    assert powers.maintainer("slurm") is maintains
    assert (powers.observer, powers.control("slurm"), powers.shells, powers.commands, powers.alerts) == (None,) * 5


class OnPlane(Both):
    def __init__(self, plane: str) -> None:
        self.plane = plane


def test_a_power_that_names_its_plane_acts_on_that_plane_only() -> None:
    slurm, kube = OnPlane("slurm"), OnPlane("kubernetes")
    both = ClusterPowers([slurm, kube])
    change = Change("gpu001", "cordon", ("cordon",), plane="kubernetes")

    assert both.maintainer("kubernetes") is kube
    assert both.applier(change, slurm) is kube
    assert ClusterPowers([slurm]).maintainer("kubernetes") is None
    assert ClusterPowers([slurm]).applier(change, slurm) is None
    assert ClusterPowers([Both()]).applier(change, None) is None, "what names no plane never runs another's change"


async def test_closing_powers_closes_those_that_hold_something() -> None:
    holds = Closes()

    await ClusterPowers([object(), holds]).close()

    assert holds.closed == 1
