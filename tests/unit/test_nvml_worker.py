"""The thread for calls that may never come back: a late answer is taken, a fault is told, closing never waits long."""

from __future__ import annotations

import threading
import time

import msgspec
import pytest

from crashcart.backends.errors import Malformed
from crashcart.backends.nvml.counters import Counters
from crashcart.backends.nvml.options import Options
from crashcart.backends.nvml.worker import Hangs, Worker

SHORT, LONG = 0.05, 10.0


async def test_an_answer_that_comes_late_is_that_of_the_work_before() -> None:
    worker: Worker[str] = Worker("test")
    go = threading.Event()

    def slow() -> str:
        go.wait(LONG)
        return "late"

    with pytest.raises(Hangs):
        await worker.ask(slow, SHORT)
    with pytest.raises(Hangs):
        await worker.ask(lambda: "new", SHORT)
    go.set()
    assert await worker.ask(lambda: "never run", LONG) == "late"
    assert await worker.ask(lambda: "new", LONG) == "new"
    await worker.close(lambda: "closed", LONG)


async def test_closing_does_not_wait_for_a_call_that_hangs() -> None:
    worker: Worker[str] = Worker("test")
    go = threading.Event()

    def slow() -> str:
        go.wait(LONG)
        return "late"

    with pytest.raises(Hangs):
        await worker.ask(slow, SHORT)
    begun = time.monotonic()
    await worker.close(lambda: "closed", SHORT)
    await worker.close(lambda: "closed", SHORT)
    assert time.monotonic() - begun < LONG / 2
    go.set()


async def test_a_fault_of_ours_is_told_and_the_next_look_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    worker: Worker[str] = Worker("test")
    logged = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda args: logged.set())

    def faulty() -> str:
        raise ZeroDivisionError

    with pytest.raises(Malformed, match="log says where"):
        await worker.ask(faulty, LONG)
    assert await worker.ask(lambda: "new", LONG) == "new"
    await worker.close(lambda: "closed", LONG)
    assert logged.wait(LONG)


def test_a_counter_that_was_set_back_begins_anew() -> None:
    counters = Counters()
    assert counters.rate(0, "x", 100, 10.0) != counters.rate(0, "x", 100, 10.0), "nothing to compare with"
    assert counters.rate(0, "x", 300, 12.0) == 100
    assert counters.rate(1, "x", 300, 12.0) != 100, "of another GPU"
    assert counters.rate(0, "x", 5, 14.0) != counters.rate(0, "x", 5, 14.0)
    assert counters.rate(0, "x", 25, 16.0) == 10


@pytest.mark.parametrize(
    "table",
    [{"interval_seconds": 0}, {"timeout_seconds": 60.0}, {"host": "a b"}, {"library": "libnvidia-ml.so.1"}, {"x": 1}],
)
def test_options_that_cannot_work_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, Options)
