"""Checkpoint: ask the job to save itself by a signal, and prove that a new complete checkpoint was written."""

from __future__ import annotations

from crashcart.backends.contract import Change, Checkpointer
from crashcart.backends.errors import BackendError
from crashcart.backends.model import Job
from crashcart.ops.protocol import TargetPlan

from .base import CannotAct, Changing, Proof, Scene, Seen
from .checkpoint_profile import PROFILE_PARAMS, Profile, profile_of
from .checkpoint_proof import Listing, Verdict, judge, listing
from .job_verb import job_words, loss_note

_PLACES = {"batch": "batch script", "steps": "processes of its steps"}


class Checkpoint(Changing):
    """The signal is sent only where the processes are not known to die of it."""

    verb = "checkpoint"
    params = PROFILE_PARAMS
    stops_work = True  # a program without a handler is killed by the signal
    verify_seconds = 120.0
    provable_later = False  # it takes a look from before the signal
    when_unseen = "UNKNOWN"  # it may still be writing, or wait for its next step

    def power(self, target: str, scene: Scene) -> object | None:
        return scene.powers.checkpointer(scene.job(target).source)

    def unavailable(self, target: str, scene: Scene) -> str | None:
        job = scene.job(target)
        if scene.powers.checkpointer(job.source) is None:
            return f"nothing in {scene.cluster.name} can signal jobs of {job.source} with this configuration"
        if job.state != "RUNNING":
            return f"job {job.id} is {job_words(job)}; only a running job can save itself"
        return None

    async def preview(self, target: str, scene: Scene) -> TargetPlan:
        job, profile = scene.job(target), self._profile(target, scene)
        warnings = [*_profile_warnings(profile), *await self._signal_warnings(job, profile, scene)]
        return TargetPlan(
            target=target,
            commands=tuple(change.text for change in self.changes(target, scene)),
            state=job_words(job),
            notes=(
                f"SIG{profile.signal} to the {_PLACES[profile.target]}, as said by {_origin(profile)}",
                f"if it dies of it: {loss_note(job, scene)}",
                f"proof: a new complete checkpoint below {profile.directory} within {profile.seconds:.0f} s"
                if profile.directory
                else "no proof is possible: no directory is known",
            ),
            warnings=tuple(warnings),
        )

    def changes(self, target: str, scene: Scene) -> tuple[Change, ...]:
        profile = self._profile(target, scene)
        return (_checkpointer(scene.job(target), scene).signal(target, profile.signal, profile.target),)

    def proof(self, target: str, scene: Scene) -> Landing:
        profile = self._profile(target, scene)
        return Landing(_checkpointer(scene.job(target), scene), scene.job(target), profile)

    def deadline_seconds(self, target: str, scene: Scene) -> float:
        return self._profile(target, scene).seconds

    def undo(self, scene: Scene, targets: tuple[str, ...]) -> str:
        return "nothing to undo"

    def touched_jobs(self, target: str, scene: Scene) -> tuple[Job, ...]:
        return (scene.job(target),)

    def _profile(self, target: str, scene: Scene) -> Profile:
        return profile_of(scene.job(target), scene.cluster.checkpoint, scene.params)

    async def _signal_warnings(self, job: Job, profile: Profile, scene: Scene) -> list[str]:
        try:
            caught = await _checkpointer(job, scene).caught_signals(job, profile.target)
        except BackendError as error:
            return [f"whether it handles SIG{profile.signal} could not be read: {error}"]
        if caught is None:
            return [f"whether it handles SIG{profile.signal} is not known; a program that does not is killed by it"]
        if profile.signal not in caught:
            handled = ", ".join(sorted(caught)) or "none"
            raise CannotAct(
                f"job {job.id} does not handle SIG{profile.signal}: the signal would kill it (it handles: {handled})"
            )
        return []


class Landing(Proof):
    """Looks at the checkpoint directory again and again; the first look, before the signal, is what to compare with."""

    def __init__(self, checkpointer: Checkpointer, job: Job, profile: Profile) -> None:
        self._checkpointer = checkpointer
        self._job = job
        self._profile = profile
        self._before: Listing | None = None
        self._previous: Listing | None = None

    async def prepare(self) -> None:
        """Look before the signal is sent. Raises BackendError: nothing could be proved then, so nothing is sent."""
        if self._profile.directory is not None:
            self._before = await self._list(self._profile.directory)

    async def look(self) -> Seen:
        if self._profile.directory is None or self._before is None:
            return Seen("unprovable", "signalled", "signalled, not proven: no checkpoint directory is known")
        now = await self._list(self._profile.directory)
        verdict = judge(self._before, self._previous, now)
        self._previous = now
        return _seen(verdict)

    async def _list(self, directory: str) -> Listing:
        files = await self._checkpointer.checkpoint_files(self._job, directory)
        return listing(files, directory, self._profile.layout)


def _seen(verdict: Verdict) -> Seen:
    if verdict.state == "LANDED":
        return Seen("reached", f"LANDED {verdict.text}")
    why = "; ".join(verdict.reasons) or verdict.text
    return Seen("not yet", f"{verdict.state} {verdict.text}", f"NOT PROVED: {why}")


def _checkpointer(job: Job, scene: Scene) -> Checkpointer:
    found = scene.powers.checkpointer(job.source)
    if found is None:
        raise CannotAct(f"nothing in {scene.cluster.name} can signal jobs of {job.source}")
    return found


def _origin(profile: Profile) -> str:
    return "nobody: it is a guess" if profile.origin == "guess" else profile.origin


def _profile_warnings(profile: Profile) -> list[str]:
    known: list[str] = []
    if profile.origin == "guess":
        known.append("no checkpoint profile covers this job: set one in the configuration or the job's comment")
    if profile.continues is False:
        known.append("the job stops after saving itself")
    elif profile.continues is None:
        known.append("whether it runs on afterwards is not known; some frameworks stop or requeue themselves")
    return known
