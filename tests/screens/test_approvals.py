"""The second person's side: who asks for what, the whole plan on a card, and an answer that is typed or none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crashcart.ops.approvals import ApprovalRequest
from crashcart.ops.approvals_shelf import Shelf
from crashcart.ops.protocol import Confirmation, Refused
from crashcart.ops.session import ApprovalsSession

from .clock import ManualClock
from .desk import Desk, desk
from .scripted import ScriptedExecutor, plan

ID = "ab" * 16


@pytest.fixture
def shared(tmp_path: Path) -> ApprovalsSession:
    """A directory with one request of carol's."""
    directory = tmp_path / "approvals"
    directory.mkdir()
    directory.chmod(0o2770)
    now = ManualClock().now()
    asked = plan("reboot", confirmation=Confirmation("second-person", "gpu004", "Type the node's name"))
    request = ApprovalRequest(
        plan=type(asked)(**{**{name: getattr(asked, name) for name in asked.__struct_fields__}, "plan_id": ID}),
        before={"gpu004": {"state": "ALLOCATED"}},
        requester="carol",
        uid=os.getuid(),
        created=now,
        expires=now + 872,
        policy="x",
    )
    Shelf(directory, os.getuid()).put(request)
    return ApprovalsSession(str(directory))


async def to_card(it: Desk) -> Desk:
    await it.press("colon")
    await it.types("approvals")
    await it.press("enter")
    await it.shows("Waiting for a second person", "carol", "Reboot gpu004")
    assert it.executor.answered == []
    await it.press("enter")
    await it.shows("carol asks: Reboot gpu004", "To agree, type gpu004", "scontrol update nodename=gpu004", "left")
    it.clock.advance(1)
    return it


async def test_a_request_is_told_shown_and_agreed_to_by_typing(shared: ApprovalsSession) -> None:
    async with desk(approvals=shared) as it:
        it.app._look_for_requests()
        await it.shows("1 waiting for a second person, see :approvals. carol:")
        await to_card(it)
        await it.types("gpu004")
        await it.press("enter")
        await it.shows("Reboot gpu004: written")
        (answered,) = it.executor.answered
        assert (answered[0], answered[2:]) == (ID, ("approved", ""))


@pytest.mark.parametrize("leave", [("escape",), ("enter",)])
async def test_leaving_the_card_answers_nothing(shared: ApprovalsSession, leave: tuple[str, ...]) -> None:
    async with desk(approvals=shared) as it:
        await to_card(it)
        await it.press(*leave)
        await it.goes("carol asks")
        assert it.executor.answered == []


async def test_a_wrong_word_answers_nothing_and_deny_says_why(shared: ApprovalsSession) -> None:
    async with desk(approvals=shared) as it:
        await to_card(it)
        await it.types("yes")
        await it.press("enter")
        await it.shows("that is neither gpu004 nor deny")
        assert it.executor.answered == []
        await it.press("backspace", "backspace", "backspace")
        await it.types("deny ends at noon")
        await it.press("enter")
        await it.shows("written")
        assert it.executor.answered[0][2:] == ("denied", "ends at noon")


async def test_pasted_words_agree_to_nothing(shared: ApprovalsSession) -> None:
    async with desk(approvals=shared) as it:
        await to_card(it)
        await it.bursts("gpu004")
        await it.press("enter")
        assert it.executor.answered == []


async def test_read_only_answers_nothing(shared: ApprovalsSession) -> None:
    async with desk(approvals=shared, read_only=True) as it:
        await it.press("colon")
        await it.types("approvals")
        await it.press("enter")
        await it.shows("READ-ONLY")


async def test_undo_asks_for_a_preview_and_runs_nothing_by_itself() -> None:
    async with desk() as it:
        await it.press("2", "Z")
        await it.shows("Type the node's name")
        assert it.executor.undone == [""]
        await it.press("escape")
        assert it.executor.confirmed == []


async def test_nothing_to_undo_is_said() -> None:
    async with desk(executor=ScriptedExecutor(Refused("u1", "unavailable", "nothing that you did"))) as it:
        await it.press("2", "Z")
        await it.shows("Nothing to undo", "nothing that you did")


async def test_holding_nothing_is_said(tmp_path: Path) -> None:
    async with desk(audit_file=str(tmp_path / "audit.jsonl")) as it:
        await it.press("colon")
        await it.types("mine")
        await it.press("enter")
        await it.shows("You hold nothing.")


async def test_what_one_holds_is_told_at_the_start_and_listed(
    monkeypatch: pytest.MonkeyPatch, shared: ApprovalsSession, tmp_path: Path
) -> None:
    monkeypatch.setattr("crashcart.tui.holdings.os_user", lambda: "carol")
    async with desk(approvals=shared, audit_file=str(tmp_path / "audit.jsonl")) as it:
        await it.shows("1 request for a second person: see :mine")
        await it.press("colon")
        await it.types("mine")
        await it.press("enter")
        await it.shows("What you hold", "Reboot gpu004")
