"""Asks Prometheus over a few links, each with a thread of its own: no loop waits for a network or a resolver."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from crashcart.backends.http.answer_lost import no_answer
from crashcart.backends.http.link import Link
from crashcart.backends.text import clean

from .decode import matrix_decoder, numbers, scalar_decoder, vector_decoder
from .failures import not_json
from .load import Cost, Ledger
from .options import Options

if TYPE_CHECKING:
    from .transport import Transport

T = TypeVar("T")

QUERY = "/api/v1/query"
QUERY_RANGE = "/api/v1/query_range"
LINKS = 3
"""More at once would be a load on the server that its own limits do not see."""
_MOST_NOTICES = 5


class Answer(NamedTuple):
    """A decoded reply. `result` holds rows with `metric` (labels in the order asked) and `value` or `values`."""

    result: Any
    cost: Cost


class PrometheusClient:
    """Queries of one server, their costs in `ledger`, and what it warned of at the last of each in `notices`."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.ledger = Ledger()
        self.notices: dict[str, tuple[str, ...]] = {}
        self._links = [Link(options.base_url, self._transport, threads="prometheus") for _ in range(LINKS)]
        self._idle: asyncio.LifoQueue[Link[Transport]] = asyncio.LifoQueue()  # the one used last has a connection
        for link in self._links:
            self._idle.put_nowait(link)

    async def vector(self, what: str, query: str, labels: Sequence[str]) -> Answer:
        """An instant vector, with these labels of each row. Raises BackendError."""
        return await self._query(what, QUERY, {"query": query}, vector_decoder(tuple(labels)))

    async def matrix(self, what: str, query: str, labels: Sequence[str]) -> Answer:
        """Samples as scraped, of a query that ends in a range. Raises BackendError."""
        return await self._query(what, QUERY, {"query": query}, matrix_decoder(tuple(labels)))

    async def scalar(self, what: str, query: str) -> tuple[float, float]:
        """(server time, value) of a query for one number. Raises BackendError."""
        answer = await self._query(what, QUERY, {"query": query}, scalar_decoder())
        time_of, value = answer.result
        return float(time_of), float(value)

    async def span(
        self, what: str, query: str, labels: Sequence[str], *, start: float, end: float, step: float
    ) -> Answer:
        """A query evaluated every `step` seconds from `start` to `end` (server time). Raises BackendError."""
        form = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        return await self._query(what, QUERY_RANGE, form, matrix_decoder(tuple(labels)))

    async def listing(self, what: str, path: str, parameters: Mapping[str, str], shape: type[T]) -> T:
        """The `data` of another part of the API. Raises BackendError."""
        decoder = _listing_decoder(shape)

        def ask(to: Transport) -> tuple[Any, Cost]:
            started = time.monotonic()
            body = to.get(path, parameters)
            decoded = self._decoded(decoder, body, what)
            return decoded, Cost(time.monotonic() - started, len(body), 0)

        decoded, cost = await self._over_a_link(what, ask)
        self.ledger.note(what, cost)
        data: T = decoded.data
        return data

    async def ordinary(self, what: str, ask: Callable[[Any], T]) -> T:
        """What the client library answers; for what is asked seldom. Raises BackendError."""

        def timed(to: Transport) -> tuple[T, float]:
            started = time.monotonic()
            return to.ordinary(what, ask), time.monotonic() - started

        found, seconds = await self._over_a_link(what, timed)
        self.ledger.note(what, Cost(seconds, 0, len(found) if isinstance(found, list | dict) else 0))
        return found

    def close(self) -> None:
        """End what is on its way; may be called twice."""
        for link in self._links:
            link.close()

    async def _query(self, what: str, path: str, form: dict[str, str], decoder: msgspec.json.Decoder[Any]) -> Answer:
        form = {**form, "timeout": f"{self.options.timeout_seconds:g}s", "stats": "all"}

        def ask(to: Transport) -> Answer:
            started = time.monotonic()
            body = to.post(path, form)
            decoded = self._decoded(decoder, numbers(body), what)
            return Answer(decoded.data.result, _cost(decoded.data, len(body), started))

        answer = await self._over_a_link(what, ask)
        self.ledger.note(what, answer.cost)
        return answer

    async def _over_a_link(self, what: str, ask: Callable[[Transport], T]) -> T:
        seconds = self.options.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                link = await self._idle.get()
        except TimeoutError:
            raise no_answer(self.options.base_url, seconds, what=what, has_connected=False) from None
        try:
            return await link.within(seconds, ask, what=what)
        finally:
            self._idle.put_nowait(link)

    def _transport(self) -> Transport:
        from .transport import Transport

        return Transport(self.options)

    def _decoded(self, decoder: msgspec.json.Decoder[Any], body: bytes, what: str) -> Any:
        try:
            decoded = decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise not_json(body, where=self.options.base_url, what=what, reason=str(error)) from error
        told = (*(decoded.warnings or ()), *(decoded.infos or ()))
        self.notices[what] = tuple(clean(notice, limit=200) for notice in told[:_MOST_NOTICES])
        return decoded


def _cost(data: Any, size: int, started: float) -> Cost:
    stats, result = data.stats, data.result
    rows = len(result) if isinstance(result, list) else 1
    told = (stats.timings.eval_total_time, stats.samples.total_queryable_samples) if stats else (None, None)
    return Cost(time.monotonic() - started, size, rows, *told)


def _listing_decoder(shape: type[T]) -> msgspec.json.Decoder[Any]:
    fields: list[Any] = [("data", shape), ("warnings", list[str] | None, None), ("infos", list[str] | None, None)]
    return msgspec.json.Decoder(msgspec.defstruct("Listing", fields), strict=False)
