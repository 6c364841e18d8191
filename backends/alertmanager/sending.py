"""Sends one change to one Alertmanager, and never twice: only what surely was not received goes to the next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from crashcart.backends.contract import CommandResult
from crashcart.backends.errors import BackendError, Malformed, Unreachable
from crashcart.backends.http.answer_lost import AnswerLost

from .answer import Answer, joined, not_understood, refusal
from .link import AlertmanagerLink
from .options import Options
from .outcome import is_not_found, outcome, posted
from .shapes import KEPT, KeptSilence, PostedSilence

if TYPE_CHECKING:
    from .transport import Transport

SILENCES = "/api/v2/silences"
ONE_SILENCE = "/api/v2/silence/"

_MAY_HAVE_ARRIVED = (AnswerLost, Malformed)
"""What leaves open whether a change was made; an answer that cannot be read is an answer to something."""


class Sender:
    """Changes silences over fresh links, in the order of the configuration, until `seconds` are over."""

    def __init__(self, links: Sequence[AlertmanagerLink], options: Options, seconds: float) -> None:
        self._links = links
        self._options = options
        self._ends = time.monotonic() + seconds

    async def create(self, wanted: PostedSilence) -> CommandResult:
        """Make a silence at the first that takes the connection. Raises BackendError when nothing was sent."""
        errors: list[BackendError] = []
        for link in self._links:
            try:
                answer = await self._ask(link, "POST", SILENCES, wanted)
            except _MAY_HAVE_ARRIVED as error:
                return _lost(error)
            except Unreachable as error:
                errors.append(error)
                continue
            return posted(answer, self._options)
        raise joined(errors)

    async def extend(self, wanted: PostedSilence) -> CommandResult:
        """Move the end of a silence where it is found. Raises BackendError when nothing was sent."""
        found = await self._find(wanted.id)
        if found is None:
            return _unknown_silence(wanted.id)
        link, kept = found
        if kept.status.state == "expired":
            return CommandResult("failed", None, detail=f"silence {wanted.id} has ended; make a new one instead")
        same = msgspec.structs.replace(
            wanted, matchers=kept.matchers, starts_at=kept.starts_at, created_by=kept.created_by
        )
        link.cut()  # over the connection that was just used, "not sent" could not be told from "no answer"
        try:
            answer = await self._ask(link, "POST", SILENCES, same)
        except _MAY_HAVE_ARRIVED as error:
            return _lost(error)
        return posted(answer, self._options, extends=wanted.id)

    async def expire(self, silence: str) -> CommandResult:
        """End a silence at the first that knows it. Raises BackendError when nothing was sent."""
        errors: list[BackendError] = []
        for link in self._links:
            try:
                answer = await self._ask(link, "DELETE", f"{ONE_SILENCE}{silence}")
            except _MAY_HAVE_ARRIVED as error:
                return _lost(error)
            except Unreachable as error:
                errors.append(error)
                continue
            if not is_not_found(answer):
                return outcome(answer, self._options)
        if errors:
            raise joined(errors)
        return _unknown_silence(silence)

    async def _find(self, silence: str) -> tuple[AlertmanagerLink, KeptSilence] | None:
        """Who has this silence, and how it is written there; None where all say that they have not."""
        errors: list[BackendError] = []
        for link in self._links:
            try:
                answer = await self._ask(link, "GET", f"{ONE_SILENCE}{silence}")
                if is_not_found(answer):
                    continue
                if (error := refusal(answer, self._options)) is not None:
                    raise error
                return link, KEPT.decode(answer.body)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                errors.append(not_understood(answer, "silence", error))
            except BackendError as error:
                errors.append(error)
        if errors:
            raise Unreachable(f"the silence was not found, nothing was sent: {joined(errors)}")
        return None

    async def _ask(self, link: AlertmanagerLink, method: str, path: str, body: PostedSilence | None = None) -> Answer:
        left = min(self._options.timeout_seconds, self._ends - time.monotonic())
        if left <= 0:
            raise Unreachable(f"{link.where}: no time was left to ask it")
        content = None if body is None else msgspec.json.encode(body)

        def ask(to: Transport) -> Answer:
            return to.ask(method, path, content)

        return await link.within(left, ask)


def _lost(error: BackendError) -> CommandResult:
    return CommandResult("unknown", None, detail=f"{error}; it may have done it")


def _unknown_silence(silence: str) -> CommandResult:
    return CommandResult("failed", None, detail=f"Alertmanager does not know silence {silence} any more")
