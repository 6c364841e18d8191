"""A question whose time is up: nothing of it may be sent any more, and whoever waited knows whether anything was."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from crashcart.backends.alertmanager.answer import Answer, AnswerLost
from crashcart.backends.alertmanager.link import Ask, Link
from crashcart.backends.errors import Malformed, Unreachable

from .alertmanager_server import Reply, ScriptedServer, context

POST = "POST /api/v2/silences"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer().running() as running:
        running.say[POST] = Reply(b"{}")
        yield running


@pytest.fixture
def link(server: ScriptedServer) -> Iterator[Link]:
    made = Link(server.url, context(server.url).options)
    yield made
    made.close()


async def test_what_asks_after_its_time_sends_nothing(server: ScriptedServer, link: Link) -> None:
    may_go_on, ended = threading.Event(), threading.Event()
    said: list[str] = []

    def slow(ask: Ask) -> None:
        may_go_on.wait(10)
        try:
            ask("POST", "/api/v2/silences", b"{}")
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


async def test_what_was_received_before_its_time_was_up_is_lost(server: ScriptedServer, link: Link) -> None:
    server.say[POST] = Reply(manner="hang")
    with pytest.raises(AnswerLost, match="no answer within"):
        await link.within(0.5, lambda ask: ask("POST", "/api/v2/silences", b"{}"))
    assert server.times(POST) == 1


async def test_a_link_can_be_used_again_after_it_was_cut(server: ScriptedServer, link: Link) -> None:
    def post(ask: Ask) -> Answer:
        return ask("POST", "/api/v2/silences", b"{}")

    assert (await link.within(5, post)).status == 200
    link.cut()
    assert (await link.within(5, post)).body == b"{}"
    assert len({asked.client_port for asked in server.asked}) == 2


async def test_one_connection_serves_many_questions(server: ScriptedServer, link: Link) -> None:
    for _ in range(3):
        await link.within(5, lambda ask: ask("GET", "/api/v2/alerts"))
    assert len({asked.client_port for asked in server.asked}) == 1


async def test_an_answer_that_is_too_long_is_cut(server: ScriptedServer, link: Link) -> None:
    server.say["GET /api/v2/alerts"] = Reply(b"x" * (3 << 20))
    with pytest.raises(Malformed, match="more than 2 MiB"):
        await link.within(5, lambda ask: ask("GET", "/api/v2/alerts", limit=2 << 20))
