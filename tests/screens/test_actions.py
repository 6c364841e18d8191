"""From the action menu to the end of an action: what is asked, what confirms, and what never does."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual import events

from crashcart.ops.protocol import Confirmation, Finished, Impact, Planned, Refused, TargetResult

from .desk import Desk, desk
from .scripted import ScriptedExecutor, plan


async def to_preview(it: Desk) -> Desk:
    """Ask for the drain of gpu004, up to the confirmation, and wait until it takes keys."""
    await it.press("2", "slash")
    await it.types("name=gpu004")
    await it.press("enter", "x", "d")
    await it.shows("Reason", "a preview comes next")
    await it.types("xid 79")
    await it.press("enter")
    await it.shows("Type the node's name")
    it.clock.advance(1)
    return it


async def test_a_drain_is_previewed_typed_and_watched_to_its_end() -> None:
    async with desk() as it:
        await to_preview(it)
        assert it.executor.planned == [("a100", "drain", ("gpu004",), {"reason": "xid 79"})]
        await it.shows("scontrol update nodename=gpu004", "1 job, 24 GPUs, of carol", "60.0 GPU-hours", "resume gpu004")
        await it.shows("10 of 12 nodes stay in service", "medium risk", "as alice, oncall")
        await it.types("gpu004")
        await it.press("enter")
        await it.shows("◔ running")
        assert it.executor.confirmed == [("p1", "gpu004", "")]
        it.executor.report("gpu004", "VERIFYING", "reading back")
        await it.shows("◑ verifying", "reading back")
        it.executor.end("VERIFIED", TargetResult("gpu004", "VERIFIED", "", "drained (ALLOCATED+DRAIN)"))
        await it.shows("✓ verified", "read back: drained", "Done, and read back from the cluster.")
        await it.press("escape")
        await it.lacks("read back: drained")
        await it.shows("alice@login1  oncall")


async def test_what_was_typed_ahead_confirms_nothing() -> None:
    async with desk() as it:
        await it.press("2", "slash")
        await it.types("name=gpu004")
        await it.press("enter", "x", "d")
        await it.types("xid 79")
        await it.press("enter")
        await it.shows("Type the node's name")
        await it.bursts("gpu004")
        await it.pilot.press("enter")
        assert it.executor.confirmed == []


async def test_a_burst_of_keys_confirms_nothing_and_says_so() -> None:
    async with desk() as it:
        await to_preview(it)
        await it.bursts("gpu004")
        await it.shows("type it by hand")
        await it.press("enter")
        assert it.executor.confirmed == []


async def test_pasted_text_confirms_nothing_and_says_so() -> None:
    async with desk() as it:
        await to_preview(it)
        it.app.screen.query_one("#typed").post_message(events.Paste("gpu004"))
        await it.shows("pasted text does not confirm")
        await it.press("enter")
        assert it.executor.confirmed == []


@pytest.mark.parametrize("typed", ["gpu005", "GPU004", "gpu0", "y"])
async def test_anything_but_the_name_confirms_nothing(typed: str) -> None:
    async with desk() as it:
        await to_preview(it)
        await it.types(typed)
        await it.press("enter")
        await it.shows("that is not it", "Nothing was done")
        assert it.executor.confirmed == []


async def test_enter_on_an_empty_line_cancels() -> None:
    async with desk() as it:
        await to_preview(it)
        await it.press("enter")
        await it.goes("Type the node's name")
        assert it.executor.confirmed == []
        assert it.executor.cancelled == ["p1"]


async def test_escape_cancels_and_forgets_the_plan() -> None:
    async with desk() as it:
        await to_preview(it)
        await it.press("escape")
        await it.goes("Type the node's name")
        assert it.executor.cancelled == ["p1"]


async def test_an_expired_preview_cannot_be_confirmed() -> None:
    async with desk() as it:
        await to_preview(it)
        it.clock.advance(61)
        await it.types("gpu004")
        await it.press("enter")
        assert it.executor.confirmed == []


async def single_key(it: Desk) -> Desk:
    await it.press("3", "slash")
    await it.types("eval")
    await it.press("enter", "x", "h")
    await it.shows("Press y to hold")
    return it


def single_key_executor() -> ScriptedExecutor:
    confirmation = Confirmation("key", "y", "Press y to hold")
    return ScriptedExecutor(Planned("r1", plan("hold", ("4720",), confirmation=confirmation, reason="")))


async def test_one_key_confirms_what_is_harmless_but_not_at_once() -> None:
    async with desk(executor=single_key_executor()) as it:
        await single_key(it)
        await it.press("y")
        assert it.executor.confirmed == [], "the first 0.4 s belong to keys meant for something else"
        it.clock.advance(1)
        await it.press("y")
        assert it.executor.confirmed == [("p1", "y", "")]


async def test_one_key_in_a_burst_confirms_nothing() -> None:
    async with desk(executor=single_key_executor()) as it:
        await single_key(it)
        it.clock.advance(1)
        await it.bursts("jjyjyy")
        assert it.executor.confirmed == []


async def test_somebody_elses_hold_needs_a_second_line() -> None:
    confirmation = Confirmation("type-name", "gpu004", "Type the node's name", foreign="override")
    async with desk(executor=ScriptedExecutor(Planned("r1", plan(confirmation=confirmation)))) as it:
        await to_preview(it)
        await it.shows("Somebody else holds it. Type override too")
        await it.types("gpu004")
        await it.press("enter")
        await it.shows("now the second line: override")
        assert it.executor.confirmed == []
        await it.types("override")
        await it.press("enter")
        assert it.executor.confirmed == [("p1", "gpu004", "override")]


async def test_many_targets_are_confirmed_by_their_number() -> None:
    targets = tuple(f"gpu{number:03d}" for number in range(1, 13))
    confirmation = Confirmation("type-count", "12", "Type the number of nodes")
    async with desk(executor=ScriptedExecutor(Planned("r1", plan(targets=targets, confirmation=confirmation)))) as it:
        await it.press("2", "g", "space", "G", "V", "x")
        await it.shows("gpu[001-012]", "(12 nodes)")
        await it.press("d")
        await it.types("rack power")
        await it.press("enter")
        await it.shows("Type the number of nodes")
        it.clock.advance(1)
        await it.types("12")
        await it.press("enter")
        assert it.executor.confirmed == [("p1", "12", "")]
        assert sorted(it.executor.planned[0][2]) == sorted(targets)


async def test_what_a_second_person_must_agree_to_is_typed_first_and_says_so() -> None:
    confirmation = Confirmation("second-person", "gpu004", "Type the node's name")
    async with desk(executor=ScriptedExecutor(Planned("r1", plan(confirmation=confirmation)))) as it:
        await it.press("2", "x", "d")
        await it.types("why")
        await it.press("enter")
        await it.shows("somebody else must agree, within 15 minutes")
        it.clock.advance(1)
        await it.press("y", "enter")
        await it.shows("that is not it")
        assert it.executor.confirmed == []
        await it.press("backspace")
        await it.types("gpu004")
        await it.press("enter")
        await it.shows("gpu004")
        it.executor.report("gpu004", "CONFIRMED", "waits for a second person, 14:32 left")
        await it.shows("waits for a second person, 14:32 left")
        assert it.executor.confirmed == [("p1", "gpu004", "")]


async def test_breaking_the_glass_looks_like_that_and_is_typed_as_that() -> None:
    broken = replace(
        plan(confirmation=Confirmation("type-name", "BREAK GLASS INC-1", "Type, as it will be on record")),
        break_glass="INC-1",
        warnings=("BREAK GLASS for INC-1: no second person",),
    )
    async with desk(executor=ScriptedExecutor(Planned("r1", broken))) as it:
        await it.press("2", "colon")
        await it.types("drain gpu004 incident=INC-1 fire")
        await it.press("enter")
        await it.shows("BREAK GLASS INC-1", "BREAK GLASS for INC-1: no second person")
        assert it.executor.planned[0][3] == {"incident": "INC-1", "reason": "fire"}
        it.clock.advance(1)
        await it.types("gpu004")
        await it.press("enter")
        await it.shows("that is not it: BREAK GLASS INC-1 is expected")
        assert it.executor.confirmed == []


async def test_a_reason_is_asked_and_checked_before_anything_is_planned() -> None:
    async with desk() as it:
        await it.press("2", "x", "d", "enter")
        await it.shows("Reason: needed")
        await it.types("a=b")
        await it.press("enter")
        await it.shows("is not a reason")
        assert it.executor.planned == []
        await it.press("escape")
        assert it.executor.planned == []


async def test_verbs_that_cannot_be_had_say_why() -> None:
    async with desk() as it:
        await it.press("3", "slash")
        await it.types("vit")
        await it.press("enter", "x")
        await it.shows("its owner forbade requeueing", "only a waiting job can be held")
        await it.press("q")
        await it.shows("Requeue: its owner forbade requeueing")
        assert it.executor.planned == []


async def test_a_read_only_session_offers_nothing_and_says_so() -> None:
    async with desk(read_only=True) as it:
        await it.shows("READ-ONLY")
        await it.press("2", "x")
        await it.shows("READ-ONLY: this session has no executor")
        await it.press("d")
        await it.shows("Drain: READ-ONLY")
        await it.press("escape", "s")
        await it.shows("Shell is not possible")
        await it.press("escape", "colon")
        await it.types("drain gpu004 xid")
        await it.press("enter")
        await it.shows("Drain is not possible", "READ-ONLY")


async def test_a_refusal_shows_its_gates_and_that_nothing_was_done() -> None:
    refused = Refused("r1", "policy", "no role of yours may drain a100/train", ("role oncall: deny", "default: deny"))
    async with desk(executor=ScriptedExecutor(refused)) as it:
        await it.press("2", "x", "d")
        await it.types("why")
        await it.press("enter")
        await it.shows("was refused (policy)", "no role of yours", "role oncall: deny", "Nothing was done.")


async def test_keys_typed_while_the_preview_is_made_go_nowhere() -> None:
    async with desk() as it:
        it.executor.may_plan.clear()
        await it.press("2", "x", "d")
        await it.types("why")
        await it.press("enter")
        await it.shows("reads the cluster afresh")
        await it.types("gpu004yx")
        await it.press("escape")
        await it.goes("reads the cluster afresh")
        it.executor.may_plan.set()
        await it.lacks("Type the node's name")
        assert it.executor.confirmed == []


async def test_the_command_line_asks_the_same_way_as_the_keys() -> None:
    async with desk() as it:
        await it.press("colon")
        await it.types("drain gpu[002,004] xid 79")
        await it.press("enter")
        await it.shows("Type the node's name")
        assert it.executor.planned == [("a100", "drain", ("gpu002", "gpu004"), {"reason": "xid 79"})]
        assert it.executor.confirmed == []


async def test_a_command_about_something_unknown_is_refused_at_once() -> None:
    async with desk() as it:
        await it.press("colon")
        await it.types("drain gpu999 xid")
        await it.press("enter")
        await it.shows("there is no node gpu999 in the picture")
        assert it.executor.planned == []


async def test_tab_completes_commands_and_names() -> None:
    async with desk() as it:
        await it.press("colon")
        await it.types("req")
        await it.shows("requeue", "requeue-hold")
        await it.press("ctrl+u")
        await it.types("drai")
        await it.press("tab")
        await it.types("gpu01")
        await it.shows("gpu010", "gpu011", "gpu012")


async def test_only_what_failed_is_asked_for_again() -> None:
    targets = ("gpu001", "gpu002", "gpu004")
    async with desk(executor=ScriptedExecutor(Planned("r1", plan(targets=targets)))) as it:
        await it.press("colon")
        await it.types("drain gpu[001-002,004] why")
        await it.press("enter")
        await it.shows("Type the node's name")
        it.clock.advance(1)
        await it.types("gpu001")
        await it.press("enter")
        await it.shows("running")
        it.executor.end(
            "PARTIAL",
            TargetResult("gpu001", "VERIFIED"),
            TargetResult("gpu002", "FAILED", "scontrol: permission denied"),
            TargetResult("gpu004", "UNKNOWN", "the link was lost"),
        )
        await it.shows("◐ partial", "permission denied", "the link was lost", "read each line")
        await it.press("r")
        await it.goes("permission denied")
        assert it.executor.planned[-1][2] == ("gpu002",), "an unknown outcome is never just done again"


async def test_a_running_action_can_be_left_and_its_end_is_told() -> None:
    async with desk() as it:
        await to_preview(it)
        await it.types("gpu004")
        await it.press("enter")
        await it.shows("running")
        await it.press("escape")
        it.executor.end("UNKNOWN", TargetResult("gpu004", "UNKNOWN", "the link was lost"))
        await it.shows("? unknown, the link was lost")


async def test_stopping_starts_no_more_targets() -> None:
    async with desk() as it:
        await to_preview(it)
        await it.types("gpu004")
        await it.press("enter")
        await it.shows("running")
        await it.press("c")
        await it.shows("no more targets are started")
        assert it.executor.cancelled == ["p1"]


async def test_saved_output_can_be_read_and_scrolled() -> None:
    async with desk() as it:
        await to_preview(it)
        await it.types("gpu004")
        await it.press("enter")
        output = "\n".join(f"line {number}" for number in range(200))
        it.executor.end("VERIFIED", TargetResult("gpu004", "VERIFIED", "", "", output, "/var/x/gpu004-gpu.txt"))
        await it.press("enter")
        await it.shows("line 0")
        await it.press("G")
        await it.shows("line 199", "saved in /var/x/gpu004-gpu.txt")


async def test_an_end_found_out_later_is_told() -> None:
    async with desk() as it:
        assert it.executor.on_news is not None
        it.executor.on_news(Finished("p9", "drain", "VERIFIED", (TargetResult("gpu001", "VERIFIED"),)))
        await it.shows("drain: ✓ verified")


async def test_what_is_not_known_is_not_shown_as_nothing() -> None:
    unknown = plan(impact=Impact((), (), None, None, ()))
    async with desk(executor=ScriptedExecutor(Planned("r1", unknown))) as it:
        await it.press("colon")
        await it.types("drain gpu004 why")
        await it.press("enter")
        await it.shows("no job that is known")
        await it.lacks("no running job")


async def test_the_palette_leads_to_the_same_preview() -> None:
    async with desk() as it:
        await it.press("2", "ctrl+p")
        await it.types("drain")
        await it.shows("Drain …")
        await it.press("enter")
        await it.shows("Drain gpu008", "Reason")
        assert it.executor.planned == []
