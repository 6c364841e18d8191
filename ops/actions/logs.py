"""Logs: the last lines that a job printed, kept as evidence like every output."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from crashcart.backends.model import Job
from crashcart.backends.text import clean
from crashcart.ops.protocol import TargetPlan, TargetResult

from .base import BadParams, Reading, Scene
from .job_verb import job_words
from .saved_output import save

LINES = "lines"
USUAL_LINES = 200
MOST_LINES = 5_000
SAVED_LIMIT = 8 << 20


class Logs(Reading):
    """Of a job of many pods, the first one's."""

    verb = "logs"
    params = frozenset({LINES})

    def check_params(self, params: Mapping[str, str]) -> None:
        super().check_params(params)
        lines = params.get(LINES, "1")
        if not (lines.isdecimal() and 0 < int(lines) <= MOST_LINES):
            raise BadParams(f"{LINES} is a number from 1 to {MOST_LINES}")

    def unavailable(self, target: str, scene: Scene) -> str | None:
        job = scene.job(target)
        if scene.powers.log_reader(job.source) is None:
            return f"nothing in {scene.cluster.name} can read what jobs of {job.source} print"
        return f"job {job.id} has not started: it has printed nothing" if job.is_pending else None

    async def preview(self, target: str, scene: Scene) -> TargetPlan:
        lines = int(scene.params.get(LINES, USUAL_LINES))
        return TargetPlan(target=target, commands=(f"the last {lines} lines",), state=job_words(scene.job(target)))

    async def collect(self, target: str, scene: Scene, folder: Path) -> TargetResult:
        job = scene.job(target)
        reader = scene.powers.log_reader(job.source)
        if reader is None:
            return TargetResult(target, "FAILED", f"nothing can read what jobs of {job.source} print")
        raw = await reader.log_tail(job, lines=int(scene.params.get(LINES, USUAL_LINES)))
        text = clean(raw, limit=SAVED_LIMIT, multiline=True)
        shown, saved = save(folder, f"{target}-log", text)
        count = len(text.splitlines())
        return TargetResult(
            target, "VERIFIED", f"{count} lines" if count else "it has printed nothing", "", shown, saved
        )

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return "nothing to undo: it only reads"

    def touched_jobs(self, target: str, scene: Scene) -> tuple[Job, ...]:
        return ()
