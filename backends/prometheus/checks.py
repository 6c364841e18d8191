"""Facts about this Prometheus itself: rules that fail, alerts it could not send, answers that lack something."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from crashcart.backends.http.server_clock import SKEW_SECONDS
from crashcart.backends.model import Batch, Check
from crashcart.backends.text import clean

from .desk import SOURCE, Desk
from .durations import unix_time
from .gpus import GpuReader

RULES_PATH = "/api/v1/rules"
SELDOM_SECONDS = 60.0
DROPPED_SECONDS = 300.0
_LATE_INTERVALS = 3.0
_MOST_TOLD = 3


class ApiRule(msgspec.Struct, rename="camel"):
    name: str = ""
    health: str = "unknown"
    last_error: str = ""


class ApiGroup(msgspec.Struct, rename="camel"):
    name: str = ""
    interval: float = 0.0
    last_evaluation: str = ""
    rules: list[ApiRule] = []


class ApiRules(msgspec.Struct):
    groups: list[ApiGroup]


class Finding(msgspec.Struct, frozen=True):
    """A check without its place."""

    name: str
    state: str
    detail: str
    since: float | None = None


class CheckReader:
    """Some are read each minute and kept between, the others follow from the turn itself."""

    def __init__(self, desk: Desk, gpus: GpuReader) -> None:
        self._desk = desk
        self._gpus = gpus
        self._asked = float("-inf")
        self._kept: list[Finding] = []

    async def read(self) -> Batch:
        """All checks as they are after this turn."""
        if time.monotonic() - self._asked >= SELDOM_SECONDS:
            self._asked = time.monotonic()
            self._kept = [*await self._rules(), *await self._notifications()]
        findings = [*self._kept, self._scrapes(), *self._connection(), self._answers()]
        desk = self._desk
        when = desk.clock.when
        checks = tuple(
            Check(
                cluster=desk.cluster,
                source=SOURCE,
                when=when,
                name=finding.name,
                state=finding.state,
                detail=finding.detail,
                since=finding.since,
            )
            for finding in findings
        )
        return Batch(SOURCE, desk.cluster, "check", when, checks, complete=True)

    async def _rules(self) -> list[Finding]:
        desk = self._desk
        asked = desk.client.listing("rules", RULES_PATH, {"type": "alert"}, ApiRules)
        listed = await desk.attempt("rules", asked)
        if listed is None:
            return [Finding("rule evaluation", "unknown", desk.problems["rules"])]
        return [self._judged(listed)]

    def _judged(self, listed: ApiRules) -> Finding:
        rules = [rule for group in listed.groups for rule in group.rules]
        broken = [rule for rule in rules if rule.health == "err"]
        if not rules:
            return Finding("rule evaluation", "unknown", "this Prometheus has no alerting rules")
        if broken:
            said = "; ".join(f"{rule.name}: {rule.last_error}" for rule in broken[:_MOST_TOLD])
            detail = f"{len(broken)} of {len(rules)} alerting rules cannot be evaluated: {said}"
            return Finding("rule evaluation", "critical", clean(detail, limit=500))
        late = self._latest_of_late(listed)
        if late is not None:
            detail = "a group of alerting rules is not evaluated any more"
            return Finding("rule evaluation", "critical", detail, self._desk.clock.ours(late))
        return Finding("rule evaluation", "ok", f"{len(rules)} alerting rules are evaluated")

    def _latest_of_late(self, listed: ApiRules) -> float | None:
        """When a group was last evaluated that has missed some evaluations."""
        now = self._desk.clock.now
        late: list[float] = []
        for group in listed.groups:
            at = unix_time(group.last_evaluation)
            if at is not None and group.interval > 0 and now - at > _LATE_INTERVALS * group.interval + SKEW_SECONDS:
                late.append(at)
        return min(late, default=None)

    async def _notifications(self) -> list[Finding]:
        """Only where Prometheus scrapes itself, as most do."""
        desk = self._desk
        dropped = await self._number("dropped notifications", desk.promql.dropped_notifications(DROPPED_SECONDS))
        known = await self._number("alertmanagers", desk.promql.alertmanagers())
        if known == 0.0:
            return [Finding("notifications", "critical", "Prometheus knows no Alertmanager: no alert reaches anybody")]
        if dropped is None:
            return []
        if dropped >= 0.5:
            detail = f"{dropped:.0f} alerts of the last 5 minutes were dropped: no Alertmanager took them"
            return [Finding("notifications", "critical", detail)]
        return [Finding("notifications", "ok", "no alert was dropped in the last 5 minutes")]

    async def _number(self, what: str, query: str) -> float | None:
        answer = await self._desk.attempt(what, self._desk.client.vector(what, query, ()))
        return float(answer.result[0].value[1]) if answer is not None and answer.result else None

    def _scrapes(self) -> Finding:
        """Whether anything is scraped at all: a server that answers may have stopped to look."""
        desk, times = self._desk, self._gpus.times
        newest = times.newest_scrape
        if newest is None:
            return Finding("scrapes", "unknown", "this server has no `up`, so it does not tell when it last scraped")
        age = desk.clock.now - newest
        if age > times.stale_after_seconds:
            return Finding("scrapes", "critical", "nothing was scraped any more", desk.clock.ours(newest))
        return Finding("scrapes", "ok", f"GPUs every {times.interval_seconds:g} s")

    def _connection(self) -> Iterator[Finding]:
        if self._desk.options.insecure:
            yield Finding("certificate", "warning", "the certificate of Prometheus is not checked (insecure = true)")
        ahead = self._desk.clock.ahead_seconds
        if abs(ahead) > SKEW_SECONDS:
            side = "behind" if ahead > 0 else "ahead of"
            detail = f"this machine's clock is {abs(ahead):.0f} s {side} that of Prometheus; times shown are corrected"
            yield Finding("clock", "warning", detail)

    def _answers(self) -> Finding:
        """What was refused, what came with a warning, and what carried names that are none."""
        desk, fleet = self._desk, self._gpus.fleet
        told = [f"{what}: {problem}" for what, problem in sorted(desk.problems.items())]
        told += sorted({notice for notices in desk.client.notices.values() for notice in notices})
        if fleet.stray_rows:
            example = min(fleet.strangers, default="")
            told.append(f"{fleet.stray_rows} GPU series name no machine or GPU index, such as {example}")
        if not told:
            return Finding("answers", "ok", "complete")
        return Finding("answers", "warning", clean("; ".join(told), limit=600))
