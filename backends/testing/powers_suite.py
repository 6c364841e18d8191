"""What every powers object promises: whole Protocols, pure changes, refused identifiers, fresh readings."""
# ruff: noqa: S101 - a test suite that is shipped

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import pytest

from crashcart.backends.contract import (
    Applier,
    Change,
    Checkpointer,
    HostCommands,
    JobControl,
    NodeMaintainer,
    Observer,
    ShellOpener,
)
from crashcart.backends.errors import BackendError, BadIdentifier, Unsupported

from .case import BackendCase

PROTOCOLS: tuple[type, ...] = (
    Observer,
    Applier,
    NodeMaintainer,
    JobControl,
    Checkpointer,
    ShellOpener,
    HostCommands,
)
NODE = "gpu001"
BAD_NODES = ("", " ", "-x", "a b", "a;b", "$(id)", "a\nb", "../x", "a=b", "é", "a" * 300, "gpu[1-2]", "a,b")
BAD_JOBS = ("", "x", "-1", "1 2", "1;2", "$(id)", "1\n2", "1_", "1,2", "9_[1-3]")
BAD_REASONS = ("", "a=b", "a\nb", "`id`", "$(id)", '"', "'", "x" * 201)
I_O = ("socket.connect", "socket.bind", "subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "open")


def powers_of(case: BackendCase) -> object:
    """A fresh powers object; skips where the backend has none."""
    powers = case.backend.powers(case.context)
    if powers is None:
        pytest.skip("this backend has no powers")
    return powers


@asynccontextmanager
async def opened(case: BackendCase, protocol: type) -> AsyncGenerator[Any, None]:
    """Powers that have this Protocol, let go of afterwards; skips where they have not."""
    powers = powers_of(case)
    if not isinstance(powers, protocol):
        pytest.skip(f"this backend offers no {protocol.__name__}")
    try:
        async with asyncio.timeout(case.seconds):
            yield powers
    finally:
        close = getattr(powers, "close", None)
        ended = close() if close is not None else None
        if isinstance(ended, Awaitable):
            await ended


def node_changes(powers: object, node: str, reason: str = "xid 79") -> list[Callable[[], Change]]:
    """Every change of a node that these powers can build."""
    if not isinstance(powers, NodeMaintainer):
        return []
    verbs: list[Callable[[str, str], Change]] = [powers.drain, lambda node, _: powers.resume(node), powers.reboot]
    return [partial(verb, node, reason) for verb in verbs if _is_offered(partial(verb, NODE, "xid 79"))]


def job_changes(powers: object, job: str, good: str) -> list[Callable[[], Change]]:
    """Every change of a job that these powers can build; `good` is an id that they take."""
    verbs: list[Callable[[str], Change]] = []
    if isinstance(powers, JobControl):
        verbs += [powers.requeue, powers.requeue_hold, powers.hold, powers.release, powers.cancel]
    if isinstance(powers, Checkpointer):
        signal = powers.signal
        verbs += [lambda job: signal(job, "USR1", "batch"), lambda job: signal(job, "USR1", "steps")]
    return [partial(verb, job) for verb in verbs if _is_offered(partial(verb, good))]


def all_changes(case: BackendCase) -> list[Callable[[], Change]]:
    """Every change that the powers can build, for gpu001 and `any_job`."""
    powers = powers_of(case)
    return [*node_changes(powers, NODE), *job_changes(powers, case.any_job, case.any_job)]


def _is_offered(build: Callable[[], Change]) -> bool:
    """A verb that nothing here can do says so, whatever it is asked for."""
    try:
        build()
    except Unsupported:
        return False
    return True


class _Watcher:
    """Sees what the interpreter does to the outside. An audit hook cannot be taken away, so it is made once."""

    def __init__(self) -> None:
        self.seen: list[str] | None = None
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.seen is not None and event in I_O:
            self.seen.append(f"{event} {arguments[:1]}")


_watchers: list[_Watcher] = []


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collect the input and output that happens inside."""
    if not _watchers:
        _watchers.append(_Watcher())
    seen: list[str] = []
    _watchers[0].seen = seen
    try:
        yield seen
    finally:
        _watchers[0].seen = None


class PowersCompliance:
    """The acting half."""

    @pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.__name__)
    def test_a_protocol_is_offered_whole_or_not_at_all(self, backend_case: BackendCase, protocol: type) -> None:
        powers = powers_of(backend_case)
        promised = [name for name, member in vars(protocol).items() if inspect.isfunction(member) and name[0] != "_"]
        offered = [name for name in promised if hasattr(powers, name)]
        assert offered in ([], promised)
        assert isinstance(powers, protocol) == bool(offered)
        for name in offered:
            promise, method = vars(protocol)[name], getattr(powers, name)
            assert inspect.iscoroutinefunction(method) == inspect.iscoroutinefunction(promise), name
            names = list(inspect.signature(promise).parameters)[1:]
            assert list(inspect.signature(method).parameters)[: len(names)] == names, name

    def test_changes_say_exactly_what_will_run(self, backend_case: BackendCase) -> None:
        for build in all_changes(backend_case):
            change = build()
            assert change.target in (NODE, backend_case.any_job)
            assert change.argv and all(isinstance(word, str) for word in change.argv)
            assert change.plane or change.argv[0] in change.text
            assert all(part in change.text for part in change.target.split("/"))
            assert change.where
            assert build() == change

    def test_building_a_change_touches_nothing_outside(self, backend_case: BackendCase) -> None:
        builders = all_changes(backend_case)
        for build in builders:
            build()  # what is imported late is imported here
        with watched() as seen:
            for build in builders:
                build()
        assert seen == []

    @pytest.mark.parametrize("name", BAD_NODES)
    def test_bad_node_names_are_refused(self, backend_case: BackendCase, name: str) -> None:
        for build in node_changes(powers_of(backend_case), name):
            with pytest.raises(BadIdentifier):
                build()

    @pytest.mark.parametrize("job", BAD_JOBS)
    def test_bad_job_ids_are_refused(self, backend_case: BackendCase, job: str) -> None:
        for build in job_changes(powers_of(backend_case), job, backend_case.any_job):
            with pytest.raises(BadIdentifier):
                build()

    @pytest.mark.parametrize("reason", BAD_REASONS)
    def test_bad_reasons_are_refused(self, backend_case: BackendCase, reason: str) -> None:
        powers = powers_of(backend_case)
        if not isinstance(powers, NodeMaintainer):
            pytest.skip("this backend offers no NodeMaintainer")
        verbs: list[Callable[[str, str], Change]] = [powers.drain, powers.reboot]
        for verb in verbs:
            if _is_offered(partial(verb, NODE, "xid 79")):
                with pytest.raises(BadIdentifier):
                    verb(NODE, reason)

    async def test_hosts_of_shells_and_diagnostics_are_checked(self, backend_case: BackendCase) -> None:
        powers = powers_of(backend_case)
        if not isinstance(powers, ShellOpener | HostCommands):
            pytest.skip("this backend reaches no hosts")
        if isinstance(powers, HostCommands):
            with pytest.raises(BadIdentifier):
                powers.host_runner("-oProxyCommand=x")
        if isinstance(powers, ShellOpener):
            with pytest.raises(BadIdentifier):
                powers.shell_text("-oProxyCommand=x")
            with pytest.raises(BadIdentifier):
                await powers.open_shell("-oProxyCommand=x", term="xterm", columns=80, rows=24)

    async def test_a_fresh_reading_holds_the_known_node_and_job(self, backend_case: BackendCase) -> None:
        async with opened(backend_case, Observer) as powers:
            picture = await powers.observe()
        assert picture.when > 0
        assert {entity.cluster for entity in (*picture.nodes, *picture.jobs)} <= {backend_case.context.cluster}
        if backend_case.node is not None:
            assert backend_case.node in {node.name for node in picture.nodes}
        if backend_case.job is not None:
            assert backend_case.job in {job.id for job in picture.jobs}

    async def test_unknown_names_are_left_out_of_a_reading(self, backend_case: BackendCase) -> None:
        async with opened(backend_case, Observer) as powers:
            nodes = await powers.observe_nodes(tuple(filter(None, (backend_case.node, "no-such-node"))))
            jobs = await powers.observe_jobs(tuple(filter(None, (backend_case.job, "999999999"))))
        assert [node.name for node in nodes] == [name for name in (backend_case.node,) if name]
        assert [job.id for job in jobs] == [job for job in (backend_case.job,) if job]

    async def test_a_diagnostic_on_the_known_node_has_an_exit_status(self, backend_case: BackendCase) -> None:
        if backend_case.node is None:
            pytest.skip("no node is given")
        async with opened(backend_case, HostCommands) as powers:
            runner = powers.host_runner(backend_case.node)
            assert runner.where
            result = await runner.run(("hostname",), timeout=10.0)
            missing = await runner.run(("no-such-command-here",), timeout=10.0)
        assert (result.state, result.exit_status) == ("ok", 0)
        assert result.stdout.strip()
        assert (missing.state, missing.exit_status) == ("failed", 127)

    async def test_only_backend_errors_leave_powers(self, backend_case: BackendCase) -> None:
        if backend_case.broken is None:
            pytest.skip("no broken context is given")
        powers = backend_case.backend.powers(backend_case.broken)
        if not isinstance(powers, Observer):
            pytest.skip("this backend offers no Observer")
        async with asyncio.timeout(backend_case.seconds):
            with pytest.raises(BackendError):
                await powers.observe()
        close = getattr(powers, "close", None)
        ended = close() if close is not None else None
        if isinstance(ended, Awaitable):
            await ended
