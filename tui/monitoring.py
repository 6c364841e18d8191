"""Whether the monitoring itself can be believed: what is wrong with it, in words, and what may be counted.

A board without alerts is green only when everybody who would tell of one is there and says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from crashcart.backends.model import Check, Target
from crashcart.backends.wire import Source
from crashcart.ops.alert_joins import EVALUATOR

from . import words
from .cells import Span
from .places import Place
from .shown import Shown
from .source_ages import troubles, why
from .states import check_mark

ALERTING = (EVALUATOR, "alertmanager")
"""Sources that would list alerts if they had ever answered."""

BLINDING = ("dead-man alert", "alert delivery", "rule evaluation")
"""Checks that say whether an alert would be listed at all, the most telling first."""

_SHORT = {"dead-man alert": "dead-man alert missing", "alert delivery": "Prometheus silent"}
"""What these say when they are critical and it is known since when; a page has their own words."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is wrong with the monitoring, in one line."""

    role: str  # crit, warn or unknown
    text: str
    place: Place | None = None


def facts(shown: Shown, now: float) -> list[Fact]:
    """All that is wrong, the worst first: checks that failed, sources of alerts that are gone, targets that fail."""
    found = [_check(shown, check, now) for check in bad_checks(shown, now)]
    found += [Fact(_source_role(shown, source, now), _source(shown, source, now)) for source in lost(shown, now)]
    targets = [shown.store.targets[key] for key in shown.keys("target")]
    if targets:
        found.append(Fact("warn", _targets(targets), Place("targets")))
    order = {"crit": 0, "unknown": 1, "warn": 2}
    return sorted(found, key=lambda fact: order[fact.role])


def bad_checks(shown: Shown, now: float) -> list[Check]:
    """Checks that are not well, the worst first; what a source that is gone said of itself is no longer known."""
    checks = [shown.store.checks[key] for key in shown.keys("check")]
    bad = [check for check in checks if check.state != "ok" and not _is_old(shown, check, now)]
    severity = {"critical": 0, "unknown": 1}
    names = {name: rank for rank, name in enumerate(BLINDING)}
    return sorted(bad, key=lambda check: (severity.get(check.state, 2), names.get(check.name, len(names)), check.key))


def _is_old(shown: Shown, check: Check, now: float) -> bool:
    return shown.live.freshness(check.cluster, check.source, now) not in ("live", "late")


def lost(shown: Shown, now: float) -> list[Source]:
    """Sources of alerts that are not live, the worst first; one that only now starts is not lost."""
    return [source for source in troubles(shown.live, now) if _is_alerting(shown, source)]


def _is_alerting(shown: Shown, source: Source) -> bool:
    if shown.cluster not in (None, source.cluster):
        return False
    return source.name in ALERTING or (source.cluster, source.name, "alert") in shown.store.confirmed


def alerts_known(shown: Shown, now: float) -> bool:
    """Whether alerts may be counted: everybody who lists them is live and no check says that some are missing."""
    if not shown.live.knows("alert", now, shown.cluster) or lost(shown, now):
        return False
    return not any(check.name in BLINDING for check in _critical(shown, now))


def is_whole(shown: Shown, now: float) -> bool:
    """Whether a board without alerts is good news: alerts are known and no check of the monitoring is critical."""
    return alerts_known(shown, now) and not _critical(shown, now)


def _critical(shown: Shown, now: float) -> list[Check]:
    return [check for check in bad_checks(shown, now) if check.state == "critical"]


def alert_counts(shown: Shown, now: float) -> tuple[Span, ...]:
    """`2 firing  ◔ 1 pending  ↳ 1 inhibited  ~ 3 silenced`; `?` for a number that is not known."""
    tally = shown.joins.alerts.tally(shown.cluster)
    firing = sum(number for (state, _), number in tally.items() if state == "firing")
    critical = tally[("firing", "critical")]
    quiet = [
        (state, sum(n for (s, _), n in tally.items() if s == state)) for state in ("pending", "inhibited", "silenced")
    ]
    if not alerts_known(shown, now):
        seen = ", ".join(f"{number:,} {state}" for state, number in (("firing", firing), *quiet) if number)
        return (("? firing", "unknown"), (f"  listed: {seen or 'none'}", "stale"))
    spans: list[Span] = [(f"{firing:,} firing", "text" if firing else "ok")]
    if critical:
        spans.append((f"  ✕ {critical:,} critical", "crit"))
    glyphs = {"pending": "◔", "inhibited": "↳", "silenced": "~"}
    spans += [(f"  {glyphs[state]} {number:,} {state}", "muted") for state, number in quiet if number]
    return tuple(spans)


def firing_count(shown: Shown, now: float) -> int | None:
    """How many alerts ask for somebody now; None while that is not known."""
    if not alerts_known(shown, now):
        return None
    tally = shown.joins.alerts.tally(shown.cluster)
    return sum(number for (state, _), number in tally.items() if state == "firing")


def firing_spans(shown: Shown, now: float) -> tuple[Span, ...]:
    """For a view that is about something else: `! 8 alerts`, `✓ no alerts`, `? alerts`; nothing while they load."""
    if shown.store.is_loading("alert") and not lost(shown, now):
        return ()
    firing = firing_count(shown, now)
    if firing is None:
        return (("? alerts", "unknown"),)
    if not firing:
        return (("✓ no alerts", "ok"),) if is_whole(shown, now) else (("no alerts listed", "muted"),)
    role = "crit" if shown.joins.alerts.tally(shown.cluster)[("firing", "critical")] else "warn"
    return ((f"! {words.plural(firing, 'alert')}", role),)


def trust(shown: Shown, now: float) -> tuple[tuple[Span, ...], ...]:
    """Whether the alerts can be believed, and if not, why."""
    if is_whole(shown, now):
        return ((("✓ ", "ok"), ("Every source of alerts answers and is whole.", "text")),)
    worst = facts(shown, now)
    reason = worst[0].text if worst else "a source of alerts has not answered yet"
    said = "Alerts are listed, but not all is well." if alerts_known(shown, now) else "Alerts are not known."
    return ((("? ", "unknown"), (said, "strong")), ((reason, worst[0].role if worst else "muted"),))


def alert_verdict(shown: Shown, now: float) -> tuple[tuple[Span, ...], ...]:
    """What a board without alerts says: that all is well, or why nobody knows."""
    if is_whole(shown, now):
        return ((("✓ ", "ok"), ("No alerts.", "ok")), (("Every source of alerts answers.", "faint"),))
    known, unknown = "No alerts are listed, but not all is well.", "Whether there are alerts is not known."
    (_, reason) = trust(shown, now)
    return ((("? ", "unknown"), (known if alerts_known(shown, now) else unknown, "strong")), reason)


def named(shown: Shown, cluster: str, text: str) -> str:
    """The text, with its cluster where there are several."""
    return f"{cluster}: {text}" if shown.has_many_clusters() else text


def check_text(check: Check, now: float) -> str:
    """What a check found and since when, in one line: `Prometheus silent since 03:12:40 (4m)`."""
    if check.state == "critical" and check.name in _SHORT and check.since is not None:
        return f"{_SHORT[check.name]} {words.since(check.since, now)}"
    said = f"{check.name}: {check.detail or check.state}"
    return said if check.since is None else f"{said} ({words.age(now - check.since)})"


def _check(shown: Shown, check: Check, now: float) -> Fact:
    role = check_mark(check)[1]
    return Fact(role, named(shown, check.cluster, check_text(check, now)), Place("sources"))


def _source_role(shown: Shown, source: Source, now: float) -> str:
    return "warn" if shown.live.freshness(source.cluster, source.name, now) == "late" else "crit"


def _source(shown: Shown, source: Source, now: float) -> str:
    return named(shown, source.cluster, why(shown.live, source, now))


def _targets(targets: list[Target]) -> str:
    jobs = ", ".join(sorted({target.job for target in targets})[:3])
    return f"{words.plural(len(targets), 'scrape target')} of {jobs} not answering"
