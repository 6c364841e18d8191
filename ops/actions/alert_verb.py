"""What the verbs on alerts and silences share: the silencer, times, words, reading back."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from crashcart.backends.contract import AlertPicture, AlertSilencer
from crashcart.backends.model import Alert, Job
from crashcart.ops.alert_subjects import GPU_LABELS, JOB_LABELS, NODE_LABELS, RACK_LABELS

from .base import BadParams, CannotAct, Changing, Proof, Scene, Seen

SUBJECT_LABELS = frozenset((*NODE_LABELS, *GPU_LABELS, *RACK_LABELS, *JOB_LABELS)) - {"job", "device"}
"""`job` is mostly the name of the scrape, and `device` says what `gpu` says."""

DURATION = "duration"
UNTIL = "until"
"""Parameter: when a silence ends, Unix seconds; made from `duration` when the plan is made."""

USUAL_DURATION = "2h"
SECONDS = {"m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(?:\d{1,5}[mhd])+\Z")


class AlertVerb(Changing):
    """Base of the verbs that Alertmanager carries out. Alerts hurt no job, so none is touched."""

    def power(self, target: str, scene: Scene) -> object | None:
        return scene.powers.alerts

    def silencer(self, scene: Scene) -> AlertSilencer:
        """The cluster's Alertmanager. Raises CannotAct."""
        if scene.powers.alerts is None:
            raise CannotAct(f"{scene.cluster.name} has no Alertmanager")
        return scene.powers.alerts

    def spoken(self, target: str, scene: Scene) -> str:
        if scene.kind == "alert" and target in scene.alerts:
            return scene.alerts[target].name
        return target[:8] if scene.kind == "silence" else target

    def touched_jobs(self, target: str, scene: Scene) -> tuple[Job, ...]:
        return ()


def seconds_of(duration: str) -> float:
    """`90m`, `2h`, `1d12h` in seconds. Raises BadParams."""
    if not _DURATION.match(duration):
        raise BadParams(f"{duration[:20]!r} is not a duration: write it like 30m, 2h or 1d")
    found = sum(int(number) * SECONDS[unit] for number, unit in re.findall(r"(\d+)([mhd])", duration))
    if found <= 0:
        raise BadParams("a silence must last longer than no time")
    return found


def until(params: Mapping[str, str], now: float) -> dict[str, str]:
    """The parameters with the end as a time, whole seconds. Raises BadParams."""
    if UNTIL in params:
        raise BadParams(f"{UNTIL} is worked out from {DURATION}; give that")
    duration = params.get(DURATION, USUAL_DURATION)
    return {**params, DURATION: duration, UNTIL: str(int(now + seconds_of(duration)))}


def clock_words(when: float) -> str:
    """`04:10 UTC`, with the day where it is another one."""
    there, here = time.gmtime(when), time.gmtime()
    same_day = (there.tm_year, there.tm_yday) == (here.tm_year, here.tm_yday)
    return time.strftime("%H:%M UTC" if same_day else "%Y-%m-%d %H:%M UTC", there)


def alert_words(alert: Alert) -> str:
    """`GpuXidError (critical, firing): Hostname=gpu017, gpu=3`: the labels that say what it is about, else all."""
    labels = [(name, value) for name, value in alert.labels if name not in ("alertname", "severity")]
    telling = [(name, value) for name, value in labels if name in SUBJECT_LABELS]
    shown = ", ".join(f"{name}={value}" for name, value in telling or labels)
    return f"{alert.name} ({alert.severity}, {alert.state}): {shown}"


@dataclass(frozen=True, slots=True)
class AlertProof(Proof):
    """Reads alerts and silences back and judges them by a pure function."""

    silencer: AlertSilencer
    judge: AlertJudge

    async def look(self) -> Seen:
        return self.judge(await self.silencer.observe_alerts())


class AlertJudge(Protocol):
    def __call__(self, seen: AlertPicture, /) -> Seen: ...
