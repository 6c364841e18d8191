"""Makes, extends and ends silences, and reads back what came of it.

Several Alertmanagers are the members of one cluster and tell each other of silences, so a change goes to the first
that answers. It never goes to a second one after the first may have received it: that would make two silences.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec

from crashcart.backends.contract import AlertPicture, Change, CommandResult, Context
from crashcart.backends.errors import BadIdentifier, Malformed, Unsupported
from crashcart.backends.http.addresses import name_of
from crashcart.backends.model import Matcher, Silence
from crashcart.backends.text import clean

from . import amtool
from .link import AlertmanagerLink
from .merge import merged_alerts, merged_silences
from .options import Options
from .parse import api_matcher, rfc3339
from .reading import Question, read_all, readings_of
from .sending import ONE_SILENCE, SILENCES, Sender
from .shapes import POSTED_SILENCE, PostedSilence

SILENCE_ID = re.compile(r"[0-9A-Za-z-]{1,64}\Z")


class AlertmanagerPowers:
    """AlertSilencer and Applier. Building a change does no I/O."""

    def __init__(self, context: Context) -> None:
        self._cluster = context.cluster
        self._options: Options = context.options
        self._where = "alertmanager " + ", ".join(name_of(url) for url in self._options.urls)

    # reading

    async def observe_alerts(self) -> AlertPicture:
        """All alerts and silences of the Alertmanagers that answer. Raises BackendError when none does."""
        when = time.time()
        async with self._links() as links:
            readings = readings_of(await read_all(links, Question(self._cluster, self._options)))
        return AlertPicture(
            alerts=merged_alerts([reading.alerts for reading in readings]),
            silences=merged_silences([reading.silences for reading in readings]),
            when=when,
        )

    # building

    def silence(
        self, target: str, matchers: Sequence[Matcher], *, starts: float, ends: float, author: str, comment: str
    ) -> Change:
        """A new silence. Raises Malformed or BadIdentifier for one that Alertmanager would not take."""
        if not matchers:
            raise Malformed("a silence needs a matcher; without one it would silence every alert")
        if ends <= starts:
            raise Malformed("a silence must end after it starts")
        for one in matchers:
            _check_matcher(one)
        author, comment = clean(author, limit=256), _comment(comment)
        body = PostedSilence(
            matchers=[api_matcher(one) for one in matchers],
            starts_at=rfc3339(starts),
            ends_at=rfc3339(ends),
            created_by=author,
            comment=comment,
        )
        text = amtool.add(self._url, matchers, starts=starts, ends=ends, author=author, comment=comment)
        return Change(target, text, ("POST", SILENCES, _json(body)), self._where)

    def extend(self, silence: Silence, *, ends: float, comment: str) -> Change:
        """Another end for the same silence. When it is sent, start and matchers are taken from Alertmanager letter
        by letter: anything else would end it and make a new one."""
        comment = _comment(comment)
        body = PostedSilence(
            id=_silence_id(silence.id),
            matchers=[api_matcher(one) for one in silence.matchers],
            starts_at=rfc3339(silence.starts),
            ends_at=rfc3339(ends),
            created_by=silence.created_by,
            comment=comment,
        )
        text = amtool.update(self._url, silence.id, ends=ends, comment=comment)
        return Change(silence.id, text, ("POST", SILENCES, _json(body)), self._where)

    def expire(self, silence: Silence) -> Change:
        """The end of a silence, now."""
        text = amtool.expire(self._url, _silence_id(silence.id))
        return Change(silence.id, text, ("DELETE", f"{ONE_SILENCE}{silence.id}"), self._where)

    @property
    def _url(self) -> str:
        return self._options.urls[0]

    # changing

    async def apply(self, change: Change, *, timeout: float) -> CommandResult:  # noqa: ASYNC109
        """Run a change. Raises Denied when we may not, Unreachable and Unsupported when nothing was sent.

        Where something may have been received and no answer came, the result is `unknown`.
        """
        async with self._links() as links:
            sender = Sender(links, self._options, timeout)
            match change.argv:
                case ("POST", path, body) if path == SILENCES:
                    wanted = POSTED_SILENCE.decode(body)
                    return await (sender.extend(wanted) if wanted.id else sender.create(wanted))
                case ("DELETE", path) if path.startswith(ONE_SILENCE):
                    return await sender.expire(_silence_id(path.removeprefix(ONE_SILENCE)))
        raise Unsupported(f"{change.text}: this is no change of a silence")

    @asynccontextmanager
    async def _links(self) -> AsyncGenerator[list[AlertmanagerLink], None]:
        """Fresh links: over a connection that was idle, "not sent" and "lost" could not be told apart."""
        links = [AlertmanagerLink(url, self._options) for url in self._options.urls]
        try:
            yield links
        finally:
            for link in links:
                link.close()


def _silence_id(raw: str) -> str:
    if not SILENCE_ID.match(raw):
        raise BadIdentifier(f"{clean(raw, limit=80)!r} is not the id of a silence")
    return raw


def _check_matcher(one: Matcher) -> None:
    if not one.name or clean(one.name) != one.name:
        raise BadIdentifier(f"{clean(one.name, limit=80)!r} is not the name of a label")
    if clean(one.value) != one.value:
        raise BadIdentifier(f"the value of {one.name} holds what no terminal shows; match it with a regular expression")


def _comment(raw: str) -> str:
    comment = clean(raw).strip()
    if not comment:
        raise Malformed("a silence needs a comment")
    return comment


def _json(body: PostedSilence) -> str:
    return msgspec.json.encode(body).decode()
