"""One connection per machine: opened on demand, shared, replaced when it is lost. Host keys are always checked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import asyncssh

from crashcart.backends.errors import Unreachable
from crashcart.backends.text import node_name

from .identities import offered
from .options import Options
from .refusals import FAILURES, explained
from .routes import Route, Stop, config_files, configured, route_to, trusted_files

CLOSE_SECONDS = 2.0
MOST_LINKS = 3
"""Links to one machine. A command that hangs in the driver holds its session for ever, and a link has few of them."""

Connection = asyncssh.SSHClientConnection


class SshPool:
    """The connections of one cluster, jump hosts included. Belongs to the event loop that first uses it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._routes: dict[str, Route] = {}
        self._links: dict[Route, asyncio.Task[Connection]] = {}
        self._full: dict[Route, list[asyncio.Task[Connection]]] = {}
        self._connects = asyncio.Semaphore(options.max_connects)
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._closed = False

    def slots(self, host: str) -> asyncio.Semaphore:
        """What a session on `host` must hold: a server ends more than MaxSessions of one connection with an error."""
        return self._slots.setdefault(host, asyncio.Semaphore(self.options.sessions_per_host))

    async def connection(self, host: str) -> Connection:
        """A live connection to `host`. Raises BadIdentifier, Unreachable, Denied, Unsupported."""
        known = self._links.get(self._routes.get(node_name(host), ()))
        if known is not None and not _is_spent(known):
            return await self._result(known, host)
        try:  # ssh_config may have changed since the last link
            route = self._routes[host] = await route_to(host, self.options)
        except FAILURES as error:
            raise explained((Stop(host),), error, []) from error
        return await self._reach(route)

    def turn_from(self, host: str, full: Connection) -> None:
        """Use another link to `host` from now on: this one takes no more sessions. What runs on it is left alone."""
        route = self._routes[host]
        current = self._links.get(route)
        if current is None or _is_spent(current) or not current.done() or current.result() is not full:
            return  # another caller did so already
        others = self._full[route] = [task for task in self._full.get(route, ()) if not _is_spent(task)]
        others.append(current)
        if len(others) < MOST_LINKS:
            del self._links[route]
        else:
            self._links[route] = others.pop(0)  # by now something may have ended on it

    async def close(self) -> None:
        """Close all connections, those through jump hosts first; may be called twice."""
        self._closed = True
        full = [(route, task) for route, tasks in self._full.items() for task in tasks]
        links = sorted([*self._links.items(), *full], key=lambda link: -len(link[0]))
        self._full.clear()
        self._links.clear()
        for _, task in links:
            task.cancel()
        if links:
            await asyncio.wait([task for _, task in links])
        await _hang_up([task.result() for _, task in links if not task.cancelled() and task.exception() is None])

    async def _reach(self, route: Route) -> Connection:
        if self._closed:
            raise Unreachable(f"{route[-1].host}: the connections were closed")
        task = self._links.get(route)
        if task is None or _is_spent(task):
            task = asyncio.create_task(self._open(route), name=f"ssh {route[-1].host}")
            task.add_done_callback(_is_spent)  # looks at the error, should nobody be left who waits for it
            self._links[route] = task
        return await self._result(task, route[-1].host)

    async def _result(self, task: asyncio.Task[Connection], host: str) -> Connection:
        """All who want the same machine wait for one attempt, and one who gives up leaves it to the others."""
        await asyncio.wait([task])
        if task.cancelled():
            raise Unreachable(f"{host}: the connections were closed")
        return task.result()

    async def _open(self, route: Route) -> Connection:
        tunnel = await self._reach(route[:-1]) if len(route) > 1 else None
        trusted: list[str] = []
        try:
            said = await configured(route[-1], self.options)
            trusted = trusted_files(route[-1], self.options, said)
            async with self._connects, offered(said.wanted) as keys:
                return await self._connect(route[-1], tunnel, trusted, keys)
        except FAILURES as error:
            raise explained(route, error, trusted) from error

    async def _connect(
        self, stop: Stop, tunnel: Connection | None, trusted: list[str], keys: list[asyncssh.SSHKeyPair]
    ) -> Connection:
        options = self.options
        async with asyncio.timeout(options.connect_timeout_seconds) as answer:

            def answered() -> None:
                if not answer.expired():
                    answer.reschedule(None)  # from here on the login has a limit of its own

            return await asyncssh.connect(
                stop.host,
                stop.port or (),
                config=config_files(options) or None,
                tunnel=tunnel,
                username=stop.user or (),
                client_keys=keys or None,
                client_certs=[],
                agent_path=None,  # its keys are among ours
                known_hosts=trusted,
                client_factory=lambda: _Client(answered),
                connect_timeout=None,
                login_timeout=options.login_timeout_seconds,
                keepalive_interval=options.keepalive_seconds,
                keepalive_count_max=options.keepalive_count,
                agent_forwarding=False,
                x11_forwarding=False,
                utf8_decode_errors="backslashreplace",
            )


async def is_lost(connection: Connection) -> bool:
    """Whether a connection that just failed is gone for good."""
    await asyncio.sleep(0)  # asyncssh refuses channels one turn of the loop before it calls the connection closed
    return connection.is_closed()


class _Client(asyncssh.SSHClient):
    """Tells when the other side has answered at all."""

    def __init__(self, answered: Callable[[], None]) -> None:
        self._answered = answered

    def connection_made(self, conn: Connection) -> None:
        self._answered()


def _is_spent(task: asyncio.Task[Connection]) -> bool:
    if not task.done():
        return False
    return task.cancelled() or task.exception() is not None or task.result().is_closed()


async def _hang_up(connections: Sequence[Connection]) -> None:
    for connection in connections:
        connection.close()
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            for connection in connections:
                await connection.wait_closed()
    except TimeoutError:
        for connection in connections:
            connection.abort()
