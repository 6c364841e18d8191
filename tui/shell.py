"""Hands the terminal to a shell on a node: bytes go both ways through the executor, which records what is shown."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from crashcart.ops.protocol import Finished, Plan, Refused

from .links import Executor

BANNER = "crashcart: shell on {target} ({cluster}). What is shown here is recorded. End it to come back.\r\n"
READ_BYTES = 4096


def terminal_params() -> dict[str, str]:
    """What the far side should know of this terminal."""
    size = os.get_terminal_size(sys.__stdout__.fileno()) if sys.__stdout__ else os.terminal_size((80, 24))
    return {"term": os.environ.get("TERM", "xterm-256color"), "columns": str(size.columns), "rows": str(size.lines)}


@contextmanager
def raw_terminal(descriptor: int) -> Iterator[None]:
    """The terminal in raw mode, and afterwards as it was, whatever happens."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


async def bridge(executor: Executor, plan: Plan, typed: str, foreign_typed: str) -> Finished | Refused:
    """Confirm the plan of a shell and be its terminal until it ends. The screen must be suspended."""
    source, sink = sys.__stdin__, sys.__stdout__
    assert source is not None and sink is not None  # noqa: S101 - a suspended screen has a terminal
    reader, writer = source.fileno(), sink.fileno()
    loop = asyncio.get_running_loop()
    _write(writer, BANNER.format(target=plan.targets[0].target, cluster=plan.cluster).encode())

    def typed_bytes() -> None:
        data = os.read(reader, READ_BYTES)
        if data:
            executor.shell_input(plan.plan_id, data)
        else:
            loop.remove_reader(reader)

    def resized() -> None:
        size = os.get_terminal_size(writer)
        executor.shell_resize(plan.plan_id, size.columns, size.lines)

    executor.on_shell_output = lambda plan_id, data: _write(writer, data) if plan_id == plan.plan_id else None
    with raw_terminal(reader):
        loop.add_reader(reader, typed_bytes)
        loop.add_signal_handler(signal.SIGWINCH, resized)
        try:
            return await executor.confirm(plan.plan_id, typed, foreign_typed)
        finally:
            loop.remove_reader(reader)
            loop.remove_signal_handler(signal.SIGWINCH)
            executor.on_shell_output = None


def _write(descriptor: int, data: bytes) -> None:
    """All of it: a terminal may take less than it is given."""
    while data:
        data = data[os.write(descriptor, data) :]
