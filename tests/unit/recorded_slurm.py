"""A place where Slurm's commands answer with what a real slurmctld once said, or with what a test puts in its mouth."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crashcart.backends.contract import CommandResult, CommandRunner, Context
from crashcart.backends.slurm.options import Options

DATA = Path(__file__).parents[1] / "data" / "slurm"
ROW_MARK = "7f3a9c01"  # of the recorded listings


def sample(version: str, name: str) -> bytes:
    """What a command of that Slurm version printed, by the file's name without its ending."""
    return (DATA / version / f"{name}.txt").read_bytes()


def failed(stderr: str, exit_status: int = 1) -> CommandResult:
    return CommandResult("failed", exit_status, b"", stderr.encode())


class RecordedSlurm:
    """Links and runner in one. `say` holds answers by subject: node job partition ping squeue change."""

    where = "local"

    def __init__(self, version: str = "24.11.5") -> None:
        self.asked: list[tuple[str, ...]] = []
        self.envs: list[dict[str, str]] = []
        self.silent: set[str] = set()  # subjects that never answer
        self.all_silent = asyncio.Event()  # set when each of them has been asked
        self.ended_early: list[str] = []  # of those, the ones that were called off
        self.say: dict[str, CommandResult] = {
            "squeue": CommandResult("ok", 0, sample(version, "squeue-all")),
            "ping": CommandResult("ok", 0, sample(version, "ping-up")),
            "change": CommandResult("ok", 0),
            **{kind: CommandResult("ok", 0, sample(version, f"show-{kind}")) for kind in ("node", "job", "partition")},
        }

    def runner(self, via: str) -> CommandRunner:
        return self

    def context(self, **options: Any) -> Context:
        """What the backend is made from."""
        return Context("a100", Options(**options), self, {})

    def times(self, subject: str) -> int:
        """How often this was asked."""
        return sum(_subject(words) == subject for words in self.asked)

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109 - the contract's
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        limit: int = 64 << 20,
    ) -> CommandResult:
        words = tuple(argv)
        subject = _subject(words)
        self.asked.append(words)
        self.envs.append(dict(env or {}))
        if subject in self.silent:
            if all(self.times(asked) for asked in self.silent):
                self.all_silent.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.ended_early.append(subject)
        result = self.say[subject]
        if subject != "squeue":
            return result
        token = words[-1].partition("%")[0].encode()
        stdout = result.stdout.replace(ROW_MARK.encode(), token)
        return CommandResult(result.state, result.exit_status, stdout, result.stderr, result.detail, result.truncated)


def _subject(words: tuple[str, ...]) -> str:
    if any(word.endswith("squeue") for word in words):
        return "squeue"
    for subject in ("ping", "node", "job", "partition"):
        if subject in words and (subject == "ping" or "show" in words):
            return subject
    return "change"
