"""Asks Prometheus from worker threads of its own, so that no loop waits for a network or a resolver."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from crashcart.backends.errors import Unreachable
from crashcart.backends.text import clean

from .decode import matrix_decoder, numbers, scalar_decoder, vector_decoder
from .failures import no_answer, not_json
from .load import Cost, Ledger
from .options import Options

if TYPE_CHECKING:
    from .transport import Transport

T = TypeVar("T")

QUERY = "/api/v1/query"
QUERY_RANGE = "/api/v1/query_range"
WORKERS = 3
_GRACE_SECONDS = 2.0
"""How much later than a worker's own deadline the loop gives up on it: a resolver knows no deadline."""
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
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="prometheus")
        self._opening = threading.Lock()
        self._transport: Transport | None = None
        self._is_closed = False

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

        def ask() -> tuple[Any, Cost]:
            started = time.monotonic()
            body = self._opened().get(path, parameters)
            decoded = self._decoded(decoder, body, what)
            return decoded, Cost(time.monotonic() - started, len(body), 0)

        decoded, cost = await self._in_worker(what, ask)
        self.ledger.note(what, cost)
        data: T = decoded.data
        return data

    async def ordinary(self, what: str, ask: Callable[[Any], T]) -> T:
        """What the client library answers; for what is asked seldom. Raises BackendError."""

        def timed() -> tuple[T, float]:
            started = time.monotonic()
            return self._opened().ordinary(what, ask), time.monotonic() - started

        found, seconds = await self._in_worker(what, timed)
        self.ledger.note(what, Cost(seconds, 0, len(found) if isinstance(found, list | dict) else 0))
        return found

    def close(self) -> None:
        """Let go without waiting: a worker that still waits for an answer ends at its own deadline."""
        self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._transport is not None:
            self._transport.close()

    async def _query(self, what: str, path: str, form: dict[str, str], decoder: msgspec.json.Decoder[Any]) -> Answer:
        form = {**form, "timeout": f"{self.options.timeout_seconds:g}s", "stats": "all"}

        def ask() -> Answer:
            started = time.monotonic()
            body = self._opened().post(path, form)
            decoded = self._decoded(decoder, numbers(body), what)
            return Answer(decoded.data.result, _cost(decoded.data, len(body), started))

        answer = await self._in_worker(what, ask)
        self.ledger.note(what, answer.cost)
        return answer

    async def _in_worker(self, what: str, ask: Callable[[], T]) -> T:
        if self._is_closed:
            raise Unreachable(f"{self.options.base_url}: the connection was given up; it is made anew")
        seconds = self.options.timeout_seconds
        try:
            async with asyncio.timeout(seconds + _GRACE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._pool, ask)
        except TimeoutError as error:
            raise no_answer(self.options.base_url, what, seconds) from error

    def _opened(self) -> Transport:
        """The transport, made at first use and in a worker: its imports take half a second."""
        with self._opening:
            if self._transport is None:
                from .transport import Transport

                self._transport = Transport(self.options)
            return self._transport

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
