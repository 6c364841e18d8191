"""Asks slurmctld through its own commands and reacts to what they say."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Coroutine, Sequence
from pathlib import PurePosixPath
from typing import Any

from crashcart.backends.contract import CommandResult, Context
from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.text import clean

from .options import Options
from .parse_queues import parse_ping

PING = ("scontrol", "ping")

INHERITED = {
    "squeue": (
        "SQUEUE_ACCOUNT", "SQUEUE_ALL", "SQUEUE_ARRAY", "SQUEUE_ARRAY_UNIQUE", "SQUEUE_FEDERATION", "SQUEUE_FORMAT",
        "SQUEUE_FORMAT2", "SQUEUE_LICENSES", "SQUEUE_LOCAL", "SQUEUE_NAMES", "SQUEUE_PARTITION", "SQUEUE_PRIORITY",
        "SQUEUE_QOS", "SQUEUE_SIB", "SQUEUE_SIBLING", "SQUEUE_SORT", "SQUEUE_STATES", "SQUEUE_USERS", "SLURM_CLUSTERS",
    ),
    "scancel": (
        "SCANCEL_ACCOUNT", "SCANCEL_BATCH", "SCANCEL_CRON", "SCANCEL_CTLD", "SCANCEL_FULL", "SCANCEL_HURRY",
        "SCANCEL_INTERACTIVE", "SCANCEL_NAME", "SCANCEL_PARTITION", "SCANCEL_QOS", "SCANCEL_STATE", "SCANCEL_USER",
        "SCANCEL_VERBOSE", "SCANCEL_WCKEY", "SLURM_CLUSTERS",
    ),
    "scontrol": (
        "SCONTROL_ALL", "SCONTROL_FEDERATION", "SCONTROL_FUTURE", "SCONTROL_LOCAL", "SCONTROL_SIB", "SCONTROL_SIBLING",
        "SLURM_CLUSTERS",
    ),
}  # fmt: skip
"""An operator's own defaults, by command: they would hide jobs from the picture or turn a cancel into a signal."""

_REFUSED = ("ermission denied", "Invalid user id", "Invalid credential", "Unauthorized", "munge")
_NOT_SENT = ("connect failure", "Connection refused", "Could not establish a configuration source")
_NO_ANSWER = (
    "Unable to contact slurm controller", "Connection timed out", "Socket timed out", "Zero Bytes were transmitted",
    "Unable to establish", "Message receive failure",
)  # fmt: skip
_GONE = ("Invalid job id specified", "Invalid node name specified")
_NO_COMMAND = (126, 127)  # what env and every shell exit with when a command is not there or not executable


class SlurmClient:
    """Runs Slurm's commands where the configuration says."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.options: Options = context.options
        self.runner = context.links.runner(self.options.via)

    def argv(self, *words: str) -> tuple[str, ...]:
        """The words as they run: with the place of the command, without what an operator's profile sets for it."""
        command = words[0]
        if self.options.bin_dir:
            command = str(PurePosixPath(self.options.bin_dir) / command)
        return (*self._unset(words[0]), command, *words[1:])

    def env(self) -> dict[str, str]:
        """What the commands need, and every time in UTC: slurmctld's host may be in another zone than we are."""
        ours = {"TZ": "UTC0", "SLURM_TIME_FORMAT": "standard", "SLURM_BITSTR_LEN": "0", "LC_ALL": "C"}
        return {**self.options.env, **ours}

    def _unset(self, command: str) -> tuple[str, ...]:
        names = [name for name in INHERITED.get(command, ()) if name not in self.options.env]
        if self.options.via == "local":
            names = [name for name in names if name in os.environ]
        return ("env", *(word for name in names for word in ("-u", name))) if names else ()

    async def run(self, words: Sequence[str], *, seconds: float | None = None) -> CommandResult:
        """Run one command and return how it ended. Raises Unreachable when the command is not there at all."""
        argv = self.argv(*words)
        result = await self.runner.run(argv, timeout=seconds or self.options.timeout_seconds, env=self.env())
        if result.exit_status in _NO_COMMAND:
            raise Unreachable(
                f"{words[0]} cannot be run on {self.runner.where}; install Slurm's commands there or set bin_dir"
            )
        return result

    async def ask(self, *words: str) -> bytes:
        """The output of a command that reads. Raises Unreachable, Denied, Unsupported, Malformed."""
        result = await self.run(words)
        if result.truncated:
            raise Malformed(f"{words[0]} wrote more than is plausible; its output was cut")
        if result.state == "ok":
            return result.stdout
        raise failure(result, words, self.runner.where)

    async def ask_all(self, *questions: Sequence[str]) -> list[bytes]:
        """Outputs of several commands, asked at the same time. Raises what the first to fail raises.

        With slurmctld down each of them tries for some 9 seconds before it says so, `scontrol ping` says so at once.
        """
        asked = [self.ask(*words) for words in questions]
        *answers, _ = await at_once(*asked, self._controller_is_up())
        return answers

    async def _controller_is_up(self) -> bytes:
        result = await self.run(PING)
        told = parse_ping(result.stdout)
        if told and not any(is_up for _, is_up in told):
            down = ", ".join(host for host, _ in told)
            raise Unreachable(
                f"slurmctld on {down} is down, says scontrol ping on {self.runner.where}; restart it there"
            )
        return b""


async def at_once(*questions: Coroutine[Any, Any, bytes]) -> list[bytes]:
    """Await all; the first that fails ends the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(question) for question in questions]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in asked]


def said(result: CommandResult) -> str:
    """What a command complained of, on one line."""
    return clean(result.stderr or result.stdout, limit=300).replace("␊", " ").strip() or result.detail


def failure(result: CommandResult, words: Sequence[str], where: str) -> BackendError:
    """The error that a command's end calls for."""
    complaint = said(result)
    text = f"{shlex.join(words[:3])} on {where}: {complaint or result.state}"
    if result.state in ("unknown", "not_sent"):
        return Unreachable(text)
    if any(word in complaint for word in _REFUSED):
        return Denied(f"{text}; check munge and your Slurm AdminLevel there")
    if any(word in complaint for word in (*_NOT_SENT, *_NO_ANSWER)):
        return Unreachable(f"{text}; check slurmctld and SLURM_CONF there")
    if "unrecognized option" in complaint or "invalid option" in complaint:
        return Unsupported(text)
    return Unreachable(text)


def never_left(result: CommandResult) -> bool:
    """Whether the command failed before slurmctld heard of it."""
    return result.state == "failed" and any(word in said(result) for word in _NOT_SENT)


def got_no_answer(result: CommandResult) -> bool:
    """Whether slurmctld may have heard of it and done it, though no answer came."""
    return result.state == "failed" and not never_left(result) and any(word in said(result) for word in _NO_ANSWER)


def is_gone(result: CommandResult) -> bool:
    """Whether the command failed only because what it names does not exist any more."""
    return result.state == "failed" and any(word in said(result) for word in _GONE)
