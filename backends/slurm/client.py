"""Asks slurmctld through its own commands and reacts to what they say."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath

from crashcart.backends.contract import CommandResult, Context
from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.text import clean

from .options import Options

_REFUSED = ("Access/permission denied", "Invalid user id", "Invalid credential", "Unauthorized", "munge")
_NO_ANSWER = (
    "Unable to contact slurm controller", "Connection refused", "Connection timed out", "Socket timed out",
    "Zero Bytes were transmitted", "Could not establish a configuration source", "Unable to establish",
)  # fmt: skip
_GONE = ("Invalid job id specified", "Invalid node name specified")


class SlurmClient:
    """Runs Slurm's commands where the configuration says."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.options: Options = context.options
        self.runner = context.links.runner(self.options.via)

    def argv(self, *words: str) -> tuple[str, ...]:
        """The words with the place of the command in front, where the configuration names one."""
        command = words[0]
        if self.options.bin_dir:
            command = str(PurePosixPath(self.options.bin_dir) / command)
        return (command, *words[1:])

    def env(self) -> dict[str, str]:
        """Slurm's environment: ours, its times spelled one way, and no user formats."""
        return {"SLURM_TIME_FORMAT": "standard", "LC_ALL": "C", **self.options.env}

    async def run(self, words: Sequence[str], *, seconds: float | None = None) -> CommandResult:
        """Run one command and return how it ended, whatever that is."""
        return await self.runner.run(self.argv(*words), timeout=seconds or self.options.timeout_seconds, env=self.env())

    async def ask(self, *words: str) -> bytes:
        """The output of a command that reads. Raises Unreachable, Denied, Unsupported, Malformed."""
        result = await self.run(words)
        if result.state == "ok" and not result.truncated:
            return result.stdout
        if result.truncated:
            raise Malformed(f"{words[0]} wrote more than is plausible; its output was cut")
        raise failure(result, words, self.runner.where)


def failure(result: CommandResult, words: Sequence[str], where: str) -> BackendError:
    """The error that a command's end calls for."""
    said = clean(result.stderr or result.stdout, limit=300).replace("␊", " ").strip() or result.detail
    text = f"{shlex.join(words[:3])} on {where}: {said or result.state}"
    if result.state in ("unknown", "not_sent"):
        return Unreachable(text)
    if any(word in said for word in _REFUSED):
        return Denied(f"{text}; check munge and your Slurm AdminLevel there")
    if any(word in said for word in _NO_ANSWER):
        return Unreachable(f"{text}; check slurmctld and SLURM_CONF there")
    if "unrecognized option" in said or "invalid option" in said:
        return Unsupported(text)
    return Unreachable(text)


def is_gone(result: CommandResult) -> bool:
    """Whether the command failed only because what it names does not exist any more."""
    said = result.stderr.decode("utf-8", "backslashreplace")
    return result.state == "failed" and any(word in said for word in _GONE)
