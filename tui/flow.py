"""The way of every action: choose, say why, see the preview, confirm by hand, watch it end.

Nothing here decides: the executor plans, checks what was typed, runs and reads back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from textual.app import App, SuspendNotSupported

from crashcart.ops.approvals import Posted
from crashcart.ops.protocol import Finished, Plan, Planned, Progress, Refused
from crashcart.ops.verbs import BY_NAME, Verb

from .forms import choices_of, fields_of
from .links import Executor
from .look import Look
from .offers import READ_ONLY, Offer, offers
from .screens.action_menu import ActionMenu
from .screens.approvals import ApprovalCard, ApprovalList
from .screens.confirm import ConfirmScreen
from .screens.params import ChoiceScreen, FormScreen
from .screens.progress import ProgressScreen
from .screens.text import TextScreen
from .screens.wait import WaitScreen
from .selection import Selection
from .shell import bridge, terminal_params
from .shown import Shown
from .spoken import spoken
from .states import action_mark
from .teller import Teller

Params = dict[str, str]


class ActionFlow:
    """Leads through one action at a time. Its coroutines run in workers of the app."""

    def __init__(self, app: App[None], teller: Teller, executor: Executor | None, look: Look, shown: Shown) -> None:
        self._app = app
        self._teller = teller
        self._executor = executor
        self._look = look
        self._shown = shown
        self._running: set[asyncio.Task[None]] = set()

    async def menu(self, selections: list[Selection]) -> None:
        """Offer the verbs for these and go on with the one that is chosen."""
        if not selections:
            self._teller.tell("Nothing here can be acted on: go to a node, a job or an alert first.")
            return
        self._warm()
        found = offers(self._shown, selections, read_only=self._executor is None)
        menu = ActionMenu(self._look, found, lambda selection: spoken(self._shown, selection))
        chosen: Offer | None = await self._app.push_screen_wait(menu)
        if chosen is not None:
            await self.act(chosen.verb, chosen.selection, {})

    def _warm(self) -> None:
        """Start the executor while the operator reads the menu."""
        if self._executor is not None:
            self._keep(asyncio.create_task(self._executor.warm(), name="warm executor"))

    async def shell(self, selections: list[Selection]) -> None:
        """A shell on the node that is selected; several are refused by the executor."""
        nodes = [selection for selection in selections if selection.kind == "node"]
        if nodes:
            await self.act(BY_NAME["shell"], nodes[0], {})
        else:
            self._teller.tell("A shell needs a node: go to one first.")

    async def act(self, verb: Verb, selection: Selection, params: Params) -> None:
        """From verb and targets to the end of the action."""
        if self._executor is None:
            await self._message(f"{verb.title} is not possible", READ_ONLY)
            return
        if selection.cluster is None:
            await self._message(
                f"{verb.title} is not possible", "The targets are in several clusters; mark those of one."
            )
            return
        asked = await self._ask(verb, selection, params)
        targets: tuple[str, ...] = selection.targets
        while asked is not None and targets:
            plan = await self._plan(verb, replace(selection, targets=targets), asked)
            targets = () if plan is None else await self._confirmed(plan)

    async def undo(self) -> None:
        """Offer to take back the last thing that the operator did; another preview, another confirmation."""
        if self._executor is None:
            await self._message("Undo is not possible", READ_ONLY)
            return
        reply = await self._waited("Undo", self._executor.undo())
        if isinstance(reply, Planned):
            self._teller.tell_rights(reply.plan.role)
            await self._confirmed(reply.plan)
        elif reply is not None:
            await self._message("Nothing to undo", f"{reply.why}\n\nNothing was done.")

    async def approvals(self, posted: Sequence[Posted]) -> None:
        """Show what waits for a second person, and answer one of them."""
        if self._executor is None:
            await self._message("Answering is not possible", READ_ONLY)
            return
        chosen: Posted | None = await self._app.push_screen_wait(ApprovalList(self._look, posted))
        said = None if chosen is None else await self._app.push_screen_wait(ApprovalCard(self._look, chosen))
        if chosen is None or said is None:
            return
        reply = await self._executor.answer_request(chosen.request.id, chosen.sha256, *said)
        if isinstance(reply, Refused):
            await self._message("It was not answered", f"{reply.why}\n\nNothing was written.")
        else:
            self._teller.tell(f"{chosen.request.plan.title}: {reply.note}")

    async def _confirmed(self, plan: Plan) -> tuple[str, ...]:
        """Have a plan confirmed and run it; return the targets to be asked for again, if any."""
        assert self._executor is not None  # noqa: S101 - there is a plan
        typed = await self._app.push_screen_wait(ConfirmScreen(self._look, plan))
        if typed is None:
            await self._executor.cancel(plan.plan_id)
            return ()
        if plan.verb == "shell":
            await self._shell(plan, *typed)
            return ()
        return await self._run(plan, *typed)

    async def _ask(self, verb: Verb, selection: Selection, params: Params) -> Params | None:
        """Whatever the verb needs and was not given; None when the operator went away."""
        title = f"{verb.title} {spoken(self._shown, selection)}"
        if choices := choices_of(verb) if not params else ():
            return await self._app.push_screen_wait(ChoiceScreen(self._look, title, choices))
        missing = [field for field in fields_of(verb) if field.is_required and not params.get(field.name)]
        if missing:
            given = await self._app.push_screen_wait(FormScreen(self._look, title, verb.help, fields_of(verb)))
            return None if given is None else {**params, **given}
        return {**params, **terminal_params()} if verb.name == "shell" else params

    async def _plan(self, verb: Verb, selection: Selection, params: Params) -> Plan | None:
        """Ask the executor for the preview; None when it was refused or given up."""
        assert self._executor is not None  # noqa: S101 - act() has looked
        assert selection.cluster is not None  # noqa: S101 - act() has looked
        title = f"{verb.title} {spoken(self._shown, selection)}"
        plan = self._executor.plan(selection.cluster, verb.name, selection.targets, params, selection.kind)
        reply = await self._waited(title, plan)
        if isinstance(reply, Planned):
            self._teller.tell_rights(reply.plan.role)
            return reply.plan
        if reply is not None:
            await self._refused(verb, reply)
        return None

    async def _waited(self, title: str, plan: Coroutine[Any, Any, Planned | Refused]) -> Planned | Refused | None:
        """The executor's answer; None when it was given up."""
        wait = WaitScreen(self._look, title)
        await self._app.push_screen(wait)
        asking = asyncio.create_task(plan, name="plan")
        leaving = asyncio.create_task(wait.given_up.wait(), name="give up")
        try:
            await asyncio.wait((asking, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            await wait.dismiss(None)
        if asking.done():
            return asking.result()
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        return None

    async def _refused(self, verb: Verb, refused: Refused) -> None:
        lines = "\n".join((refused.why, "", *refused.gates)) if refused.gates else refused.why
        await self._message(f"{verb.title} was refused ({refused.code})", f"{lines}\n\nNothing was done.")

    async def _message(self, title: str, text: str) -> None:
        await self._app.push_screen_wait(TextScreen(self._look, ((title, "title"),), text))

    async def _run(self, plan: Plan, typed: str, foreign_typed: str) -> tuple[str, ...]:
        """Confirm and watch; return the targets to be asked for again, if any."""
        screen = ProgressScreen(self._look, plan, self._stop)
        running = self._confirm(screen, plan, typed, foreign_typed)
        self._keep(asyncio.create_task(running, name=f"run {plan.plan_id}"))
        answer = await self._app.push_screen_wait(screen)
        return screen.failed_targets if answer == "retry" else ()

    async def _confirm(self, screen: ProgressScreen, plan: Plan, typed: str, foreign_typed: str) -> None:
        assert self._executor is not None  # noqa: S101 - there is a plan

        def progress(news: Progress) -> None:
            screen.progress(news)

        ended = await self._executor.confirm(plan.plan_id, typed, foreign_typed, progress)
        screen.finish(ended)
        if not screen.is_attached:
            self.tell_end(plan.title, ended)

    def _stop(self, plan_id: str) -> None:
        """Start no more targets."""
        if self._executor is not None:
            self._keep(asyncio.create_task(self._executor.cancel(plan_id), name="stop"))

    def _keep(self, task: asyncio.Task[None]) -> None:
        """A task nobody awaits lives only as long as somebody holds it."""
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _shell(self, plan: Plan, typed: str, foreign_typed: str) -> None:
        assert self._executor is not None  # noqa: S101 - there is a plan
        try:
            # A suspended driver still writes what is painted: batch_update keeps ticks off the shell's screen.
            with self._app.batch_update(), self._app.suspend():
                ended = await bridge(self._executor, plan, typed, foreign_typed)
        except SuspendNotSupported:
            await self._executor.cancel(plan.plan_id)
            await self._message("Shell is not possible", "This terminal cannot be handed to a shell.")
            return
        self.tell_end(plan.title, ended)

    def tell_end(self, title: str, ended: Finished | Refused) -> None:
        """Say how an action ended that is not looked at."""
        if isinstance(ended, Refused):
            self._teller.tell(f"{title}: refused, {ended.why}", is_bad=True)
            return
        glyph, role = action_mark(ended.state)
        detail = next((result.detail for result in ended.results if result.detail), "")
        text = f"{title}: {glyph} {ended.state.lower()}" + (f", {detail}" if len(ended.results) == 1 and detail else "")
        self._teller.tell(text, is_bad=role in ("crit", "warn", "unknown"))
