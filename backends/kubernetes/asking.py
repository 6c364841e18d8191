"""The client's blocking calls in threads of their own, so that a server that is frozen holds up nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

import msgspec

from crashcart.backends.errors import Malformed

from .client import KubernetesClient, Query, Reply

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8
MERGE_PATCH = "application/merge-patch+json"
_THREADS = 24
"""Some wait for a server that does not answer while others are still needed."""


class Asking:
    """Asks one API server and awaits the answer. Who stops waiting leaves the request to its deadline."""

    def __init__(self, client: KubernetesClient) -> None:
        self.client = client
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="kubernetes")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a blocking call."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(call, *args, **kwargs))

    async def get(self, path: str, *, query: Query = (), what: str = "") -> Reply:
        """Read. Raises Unreachable, Denied, Unsupported, Malformed."""
        return await self.run(self.client.get, path, query=query, what=what)

    async def post(self, path: str, body: Any, *, query: Query = (), what: str = "") -> Reply:
        """Send an object once; every status is an answer. Raises NotSent, NoAnswer, Denied, Unsupported."""
        return await self.run(self.client.request, "POST", path, query=query, body=body, what=what)

    async def patch(self, path: str, body: Any, *, what: str = "") -> Reply:
        """Merge a change into an object, once; every status is an answer. Raises like `post`."""
        return await self.run(self.client.request, "PATCH", path, body=body, content_type=MERGE_PATCH, what=what)

    async def delete(self, path: str, body: Any, *, what: str = "") -> Reply:
        """Delete an object; every status is an answer. Raises like `post`."""
        return await self.run(self.client.request, "DELETE", path, body=body, what=what)

    def close(self) -> None:
        """Let go of connections; what is under way ends at its deadline."""
        self.client.close()
        self._pool.shutdown(wait=False, cancel_futures=True)


async def each(call: Callable[[T], Awaitable[R]], things: Iterable[T]) -> list[R]:
    """What the call says to each of these, some at a time, in their order."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(thing: T) -> R:
        async with room:
            return await call(thing)

    return await asyncio.gather(*(one(thing) for thing in things))


def decoded(kind: type[T], body: bytes, what: str) -> T:
    """An object of the API. Raises Malformed."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"{what}: the answer is not understood: {error}") from error
