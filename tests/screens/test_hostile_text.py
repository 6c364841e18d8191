"""Hostile text through every sink that shows data: nothing a terminal obeys, no links, no crash.

The strings go into the store past the border that cleans them, so this tests the screen's own defence.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from rich.segment import Segment
from textual.strip import Strip

from crashcart.backends.model import Alert
from crashcart.ops.protocol import Confirmation, Impact, JobHit, Plan, Planned, Refused, TargetPlan, TargetResult
from crashcart.tui.control_filter import OBEYED
from crashcart.tui.widgets.headline import Headline

from .cluster import ALERTS, JOBS, columns, everything, listing, node, source
from .desk import Desk, desk
from .scripted import ScriptedExecutor

PAYLOADS = (
    "train\x1b]52;c;Y3VybA==\x1b\\\x1b[2J\x1b[c",
    "c1\x9b31m\x9d0;PWNED\x9c",
    "[@click=app.quit]click[/] [/foo] [b]",
    "abc\u202egnp.exe\u2066x\u200b\ufeff",
    "nul\x00bel\x07bs\x08cr\rlf\nvt\x0b",
    "wide漢字\U0001f600" + "e" + "\u0301" * 40,
)


def strips(it: Desk) -> list[Strip]:
    return list(it.app.screen._compositor.render_strips())


def assert_harmless(it: Desk) -> None:
    for strip in strips(it):
        for segment in strip:
            assert segment.control is None
            assert not OBEYED.search(segment.text), repr(segment.text)
            assert segment.style is None or (not segment.style.link and "@click" not in segment.style.meta)
    assert not it.app._exit


def poisoned(payload: str) -> list[Any]:
    """The whole cluster with the payload in every text that a source could choose."""
    nodes = [
        node(n, reason=payload, reason_by=payload, rack=payload, switch=payload, gpu_type=payload,
             partitions=(payload,), address=payload, version=payload)
        for n in range(1, 13)
    ]  # fmt: skip
    jobs = [
        replace(job, name=payload, user=payload, account=payload, partition=payload, qos=payload, reason=payload,
                comment=payload, work_dir=payload, std_out=payload)
        for job in JOBS
    ]  # fmt: skip
    alerts: list[Alert] = [
        replace(alert, name=payload, annotations=(("summary", payload), (payload, payload)),
                labels=(*alert.labels, (payload, payload)), silenced_by=(payload,))
        for alert in ALERTS
    ]  # fmt: skip
    return [
        *everything(),
        source("slurm"), source("dcgm", age=3.0), source("k8s", "down", 400.0, payload),
        *listing("node", *nodes, version=2), *listing("job", *jobs, version=2),
        *listing("alert", *alerts, origin="alertmanager", version=2), *columns(),
    ]  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_every_view_shows_it_and_obeys_nothing(payload: str) -> None:
    async with desk(messages=poisoned(payload)) as it:
        for keys in (
            ("1",),
            ("enter",),
            ("2",),
            ("enter",),
            ("3",),
            ("enter",),
            ("4",),
            ("enter",),
            ("5",),
            ("enter",),
        ):
            await it.press(*keys)
            assert_harmless(it)
        await it.press("2", "x")
        assert_harmless(it)
        await it.press("escape", "slash")
        it.app.screen.query_one("#typed").value = f'reason="{payload}"'  # type: ignore[attr-defined]
        await it.press("enter")
        assert_harmless(it)
        await it.press("escape", "colon")
        it.app.screen.query_one("#typed").value = payload  # type: ignore[attr-defined]
        await it.press("enter")
        assert_harmless(it)


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_previews_progress_output_and_toasts_obey_nothing(payload: str) -> None:
    target = TargetPlan("gpu004", (payload,), payload, payload, (payload,), (payload,), payload)
    hostile = Plan(
        plan_id="p1", verb="drain", title=payload, cluster=payload, actor=payload, role=payload, risk=payload,
        reason=payload, params={"reason": payload, payload: payload}, targets=(target,),
        impact=Impact((JobHit(payload, payload, payload, 1, 1.0, 1.0, 1),), (payload,), 1, 1.0, (payload,)),
        confirmation=Confirmation("type-name", "gpu004", payload), undo=payload, warnings=(payload,),
    )  # fmt: skip
    async with desk(executor=ScriptedExecutor(Planned("r1", hostile))) as it:
        await it.press("colon")
        await it.types("drain gpu004 why")
        await it.press("enter")
        await it.shows("Runs on")
        assert_harmless(it)
        it.clock.advance(1)
        await it.types("gpu004")
        await it.press("enter")
        it.executor.report("gpu004", "RUNNING", payload)
        await it.pilot.pause()
        assert_harmless(it)
        it.executor.end("FAILED", TargetResult("gpu004", "FAILED", payload, payload, payload, payload))
        await it.shows("✕ failed")
        assert_harmless(it)
        await it.press("enter")
        assert_harmless(it)
        await it.press("escape", "escape")
        it.app.tell(payload, is_bad=True)
        await it.pilot.pause()
        assert_harmless(it)


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_refusals_and_audit_entries_obey_nothing(payload: str, tmp_path: Path) -> None:
    record = {
        "seq": 1, "ts": 1.0, "phase": "intent", "h": payload, "id": "x", "state": payload, "verb": payload,
        "cluster": payload, "actor": {"user": payload}, "role": payload, "targets": [payload], "commands": [payload],
        "params": {"reason": payload},
    }  # fmt: skip
    log = tmp_path / "audit.jsonl"
    log.write_text(json.dumps(record) + "\n")
    refused = Refused("r1", "policy", payload, (payload,))
    async with desk(executor=ScriptedExecutor(refused), audit_file=str(log)) as it:
        await it.press("8")
        await it.shows("last 1 entries")
        assert_harmless(it)
        await it.press("enter")
        await it.shows("Commands")
        assert_harmless(it)
        await it.press("colon")
        await it.types("drain gpu004 why")
        await it.press("enter")
        await it.shows("was refused")
        assert_harmless(it)


async def test_a_click_on_markup_does_nothing() -> None:
    async with desk(messages=poisoned(PAYLOADS[2])) as it:
        await it.press("2")
        row = next(y for y, line in enumerate(it.lines) if "[@click" in line)
        await it.pilot.click(offset=(it.lines[row].index("[@click") + 2, row))
        await it.pilot.pause()
        assert not it.app._exit
        await it.shows("[@click=app.quit]")


async def test_the_filter_alone_would_stop_it() -> None:
    """A widget that forgot to fit its text is still caught by the app's line filter."""
    careless = Strip([Segment("\x1b]0;PWNED\x07")], 11)
    async with desk() as it:
        headline = it.app.screen.query_one(Headline)
        headline.draw_line = lambda y, width: careless  # type: ignore[method-assign]
        headline.forget()
        await it.shows("PWNED")
        assert_harmless(it)
