"""Hostile text through pods, budgets, events and what planes say: nothing a terminal obeys, no links, no crash."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from crashcart.backends.model import GpuColumn, GpuRows
from tests.entities import float_column

from .clock import START
from .cluster import CLUSTER, everything, listing, node, source
from .desk import desk
from .test_hostile_text import PAYLOADS, assert_harmless
from .two_planes import BUDGETS, EVENTS, JOBS, NODES, ORIGIN, PODS, QUEUES


def poisoned(payload: str) -> list[Any]:
    """Both planes with the payload in every text that Kubernetes could choose."""
    nodes = [
        replace(one, own_name=payload, reason=payload, reason_by=payload, conditions=(payload,), taints=(payload,),
                flags=(*one.flags, payload), gpu_type=payload, version=payload)
        for one in NODES
    ]  # fmt: skip
    jobs = [
        replace(one, name=payload, user=payload, account=payload, partition=payload, reason=payload, comment=payload,
                workload=payload, managed_by=payload)
        for one in JOBS
    ]  # fmt: skip
    pods = [
        replace(one, phase=payload if index == 0 else one.phase, owner=payload, reason=payload, message=payload,
                containers=(payload,), labels=(payload, *(one.labels or ())), gpus_known_by=payload)
        for index, one in enumerate(PODS)
    ]  # fmt: skip
    budgets = [*BUDGETS, *(replace(one, name=f"p{n}", selector=payload) for n, one in enumerate(BUDGETS))]
    events = [
        *(replace(one, reason=payload, message=payload) for one in EVENTS),
        replace(EVENTS[0], id="default/x.1", about=payload, reason=payload),
        replace(EVENTS[0], id="default/x.2", about=f"Pod/{payload}", message=payload),
    ]
    queues = [replace(one, state=payload) for one in QUEUES]
    return [
        *everything(),
        source(ORIGIN, "live", 2.0, payload),
        *listing("node", *nodes, origin=ORIGIN), *listing("job", *jobs, origin=ORIGIN),
        *listing("pod", *pods, origin=ORIGIN), *listing("budget", *budgets, origin=ORIGIN),
        *listing("event", *events, origin=ORIGIN), *listing("queue", *queues, origin=ORIGIN),
    ]  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_lists_and_pages_of_kubernetes_show_it_and_obey_nothing(payload: str) -> None:
    async with desk(size=(120, 60), messages=poisoned(payload)) as it:
        for view in ("nodes", "jobs", "queues", "pods", "budgets", "events"):
            await it.press("colon")
            await it.types(view)
            await it.press("enter")
            assert_harmless(it)
            for row in range(2):
                await it.press("enter")
                assert_harmless(it)
                await it.press("escape", *("j" for _ in range(row + 1)))
            await it.press("x")
            assert_harmless(it)
            await it.press("escape")


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_hostile_pages_of_nodes_that_planes_disagree_about_obey_nothing(payload: str) -> None:
    async with desk(size=(120, 60), messages=poisoned(payload)) as it:
        await it.press("2", "slash")
        await it.types("planes=disagree")
        await it.press("enter")
        for _ in range(3):
            await it.press("enter")
            await it.shows("Disagreement")
            assert_harmless(it)
            await it.press("escape", "j")


async def test_a_host_of_the_telemetry_may_be_called_anything() -> None:
    odd = "[::1]:9400\x1b]0;PWNED\x07"
    async with desk(messages=[*everything(), *listing("node", *(node(n) for n in range(1, 13)), version=2)]) as it:
        await it.hears(
            GpuRows("dcgm", CLUSTER, 9, ("gpu001", odd), (8, 8)),
            GpuColumn("dcgm", CLUSTER, 9, "util_percent", START - 2, memoryview(float_column([5.0] * 16))),
        )
        await it.shows("in metrics only")
        assert_harmless(it)
