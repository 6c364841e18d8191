"""A question whose time is up: nothing of it may be sent any more, and whoever waited knows whether anything was."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from crashcart.backends.alertmanager.answer import Answer
from crashcart.backends.alertmanager.link import AlertmanagerLink
from crashcart.backends.alertmanager.transport import Transport
from crashcart.backends.errors import Malformed, Unreachable
from crashcart.backends.http.answer_lost import AnswerLost
from crashcart.backends.http.link import Link

from .alertmanager_server import Reply, ScriptedServer, context

POST = "POST /api/v2/silences"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer().running() as running:
        running.say[POST] = Reply(b"{}")
        yield running


@pytest.fixture
def link(server: ScriptedServer) -> Iterator[AlertmanagerLink]:
    made = AlertmanagerLink(server.url, context(server.url).options)
    yield made
    made.close()


async def test_what_asks_after_its_time_sends_nothing(server: ScriptedServer, link: AlertmanagerLink) -> None:
    may_go_on, ended = threading.Event(), threading.Event()
    said: list[str] = []

    def slow(to: Transport) -> None:
        may_go_on.wait(10)
        try:
            to.ask("POST", "/api/v2/silences", b"{}")
        except Unreachable as error:
            said.append(str(error))
        ended.set()

    with pytest.raises(Unreachable) as caught:
        await link.within(0.1, slow)
    assert not isinstance(caught.value, AnswerLost)
    may_go_on.set()
    assert await asyncio.to_thread(ended.wait, 10)
    assert "nothing was sent" in said[0]
    assert server.asked == []


async def test_what_was_received_before_its_time_was_up_is_lost(server: ScriptedServer, link: AlertmanagerLink) -> None:
    server.say[POST] = Reply(manner="hang")
    with pytest.raises(AnswerLost, match="no answer within"):
        await link.within(0.5, lambda to: to.ask("POST", "/api/v2/silences", b"{}"))
    assert server.times(POST) == 1


async def test_a_link_can_be_used_again_after_it_was_cut(server: ScriptedServer, link: AlertmanagerLink) -> None:
    def post(to: Transport) -> Answer:
        return to.ask("POST", "/api/v2/silences", b"{}")

    assert (await link.within(5, post)).status == 200
    link.cut()
    assert (await link.within(5, post)).body == b"{}"
    assert len({asked.client_port for asked in server.asked}) == 2


async def test_one_connection_serves_many_questions(server: ScriptedServer, link: AlertmanagerLink) -> None:
    for _ in range(3):
        await link.within(5, lambda to: to.ask("GET", "/api/v2/alerts"))
    assert len({asked.client_port for asked in server.asked}) == 1


async def test_an_answer_that_is_too_long_is_cut(server: ScriptedServer, link: AlertmanagerLink) -> None:
    server.say["GET /api/v2/alerts"] = Reply(b"x" * (3 << 20))
    with pytest.raises(Malformed, match="larger than 2 MiB"):
        await link.within(5, lambda to: to.ask("GET", "/api/v2/alerts", limit=2 << 20))


class Idle:
    """A session without a server."""

    has_connected = False

    def __init__(self) -> None:
        self.is_cut = False

    def cut(self) -> None:
        self.is_cut = True


async def test_loading_the_client_is_not_counted_as_waiting_for_an_answer() -> None:
    def slowly() -> Idle:
        threading.Event().wait(0.3)
        return Idle()

    link = Link("server x", slowly, threads="test")
    assert await link.within(0.2, lambda _: 42) == 42
    link.close()


async def test_a_call_that_nothing_can_end_does_not_stop_the_next() -> None:
    link, may_end = Link("server x", Idle, threads="test"), threading.Event()
    with pytest.raises(Unreachable, match="server x: no answer to names within"):
        await link.within(0.1, lambda _: may_end.wait(10), what="names")
    assert await link.within(5, lambda session: session.is_cut) is False, "it has a session of its own"
    may_end.set()
    link.close()


async def test_whoever_does_not_wait_any_more_cuts(server: ScriptedServer, link: AlertmanagerLink) -> None:
    server.say[POST] = Reply(manner="hang")
    waiting = asyncio.ensure_future(link.within(20, lambda to: to.ask("POST", "/api/v2/silences", b"{}")))
    await asyncio.to_thread(server.wait_for, POST)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    server.say[POST] = Reply(b"{}")
    assert (await link.within(5, lambda to: to.ask("POST", "/api/v2/silences", b"{}"))).status == 200
    assert len({asked.client_port for asked in server.asked}) == 2


async def test_a_refusal_keeps_the_connection(server: ScriptedServer, link: AlertmanagerLink) -> None:
    def refused(to: Transport) -> None:
        to.ask("GET", "/api/v2/alerts")
        raise Malformed("not what we asked for")

    for _ in range(2):
        with pytest.raises(Malformed):
            await link.within(5, refused)
    assert len({asked.client_port for asked in server.asked}) == 1


async def test_a_closed_link_asks_nothing(server: ScriptedServer, link: AlertmanagerLink) -> None:
    link.close()
    link.close()
    with pytest.raises(Unreachable, match="was given up"):
        await link.within(5, lambda to: to.ask("POST", "/api/v2/silences", b"{}"))
    assert server.asked == []
