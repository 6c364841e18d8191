"""The cockpit's application: it wires picture, screen and executor together and does nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import SystemCommand
from textual.filter import Monochrome, NoColor
from textual.screen import Screen

from crashcart.backends.wire import Focus
from crashcart.ops.approvals import Posted
from crashcart.ops.clock import Clock, SystemClock
from crashcart.ops.identity import NodeNames
from crashcart.ops.protocol import Finished
from crashcart.ops.session import Session
from crashcart.ops.store import Store

from . import commands, palette, slow_link
from .command_line import Act, Go, SetCluster, SetFilter, SetTheme, Simple
from .control_filter import ControlFilter
from .holdings import Holdings
from .identity import who_and_where
from .links import Collector, Executor
from .look import Look
from .painting.painted_app import PaintedApp
from .places import place_of
from .reminders import Reminders
from .requests import ActionMenuAsked, CommandGiven, CopyWanted, ShellAsked
from .screens.cockpit import Cockpit
from .shown import Shown
from .targeting import TargetingError, selection_for
from .theme import textual_theme
from .theme_choice import choose_theme
from .wardrobe import Wardrobe
from .widgets.audit_list import AuditList
from .widgets.strip import StatusStrip

if TYPE_CHECKING:
    from .flow import ActionFlow

GATHER_SECONDS = 0.1
"""Changes that come within this time are drawn together."""

AUDIT_ENTRIES = 200

REQUESTS_SECONDS = 5.0
"""How soon an operator hears that somebody waits for a second person."""


class CrashcartApp(PaintedApp, inherit_bindings=False):
    """`executor` None makes the session read-only: there is nothing that could change a cluster."""

    CSS_PATH = "cockpit.tcss"

    def __init__(
        self,
        session: Session,
        collector: Collector,
        executor: Executor | None,
        *,
        theme: str | None = None,
        keymap: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        identity: str | None = None,
        themes_folder: Path | None = None,
    ) -> None:
        super().__init__()
        # Textual answers NO_COLOR with shades of grey; what is asked for is no colour.
        self._filters = [NoColor() if isinstance(one, Monochrome) else one for one in self._filters]
        self._filters.append(ControlFilter())
        self._audit_file = session.audit_file
        self._is_reminded = False
        self._collector = collector
        self._executor = executor
        self._user_keys = dict(keymap or {})
        self._clock = clock or SystemClock()
        self._changes_wait = False
        self._wardrobe = Wardrobe(choose_theme(theme, os.environ), themes_folder)
        self._dress = slow_link.Dress()
        names = {cluster.name: NodeNames(cluster.node_rules) for cluster in session.clusters}
        self.store = Store()
        self.shown = Shown(self.store, self._clock, names)
        self.shown.terminal = self.meter
        self.look = Look(palette.build(self._wardrobe.chosen), self._clock)
        self._flow: ActionFlow | None = None
        holdings = Holdings(session)
        self._is_shared = holdings.is_shared
        self._reminders = Reminders(self, self, holdings, self.store, self.look, self._clock, self._answer)
        strip = StatusStrip(
            self.look,
            self.shown,
            colors={cluster.name: cluster.color for cluster in session.clusters},
            identity=identity or who_and_where(),
            read_only=executor is None,
            id="strip",
        )
        self.cockpit = Cockpit(
            self.look,
            self.shown,
            strip,
            audit_file=session.audit_file,
            keymap=self._user_keys,
            themes=lambda: self._wardrobe.names,
            look_at=self._look_at,
        )
        self.register_theme(textual_theme(self._wardrobe.chosen))
        self.theme = self._wardrobe.chosen.name

    def _look_at(self, focus: Focus) -> None:
        self._collector.look_at(focus)
        alerts = {(cluster, "alerts") for cluster in self.store.clusters() if focus.alerts}
        self.store.forget_histories(frozenset({(cluster, f"host:{host}") for cluster, host in focus.hosts} | alerts))

    def on_mount(self) -> None:
        self.set_keymap(self._user_keys)
        self.push_screen(self.cockpit)
        self.set_interval(1.0, self.cockpit.tick)
        self._left_open()
        for name in (signal.SIGHUP, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, self.exit)
        if self._executor is not None:
            self._executor.on_news = self._news
        if self._is_shared:
            self.set_interval(REQUESTS_SECONDS, self._look_for_requests)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        """The first frame is up: now the rest."""
        self.run_worker(self._collector.run(self.store, self._on_change), name="collector", exit_on_error=True)
        self._wardrobe.fill()
        for theme in self._wardrobe.themes.values():
            self.register_theme(textual_theme(theme))
        for name in commands.unknown_ids(self._user_keys):
            self.tell(f"keys: there is no command {name!r}", is_bad=True)
        for trouble in self._wardrobe.troubles:
            self.tell(trouble, is_bad=True)

    @property
    def flow(self) -> ActionFlow:
        """Made when first needed: the first frame does not wait for the dialogs."""
        if self._flow is None:
            from .flow import ActionFlow

            self._flow = ActionFlow(self, self, self._executor, self.look, self.shown)
        return self._flow

    async def on_unmount(self) -> None:
        if self._executor is not None:
            await self._executor.close()

    @work(group="left open")
    async def _left_open(self) -> None:
        """Say which actions of an earlier session have no end on record, and have them read back."""
        from crashcart.ops import audit_read

        try:
            found = await asyncio.to_thread(audit_read.open_actions, Path(self._audit_file))
        except OSError:
            return  # the audit view says why the log cannot be read
        lost = [action for action in found if action.state == "UNKNOWN"]
        if lost:
            names = "; ".join(f"{action.verb} {', '.join(action.targets)}" for action in lost[:3])
            self.tell(f"No end is on record of {len(lost)} earlier: {names}. See 8.", is_bad=True)
            if self._executor is not None:
                await self._executor.warm()

    # what waits, and what the operator holds

    @work(exclusive=True, group="requests")
    async def _look_for_requests(self) -> None:
        await self._reminders.tell_requests()

    async def _answer(self, found: Sequence[Posted]) -> None:
        await self.flow.approvals(found)  # made only now: its dialogs are not needed for the first frame

    @work(group="actions")
    async def action_approvals(self) -> None:
        """The list of what waits for a second person."""
        await self._reminders.approvals()

    @work(group="actions")
    async def action_undo(self) -> None:
        """Only asks: behind it are a preview and its confirmation."""
        await self.flow.undo()

    @work(group="mine")
    async def action_mine(self) -> None:
        """What the operator holds."""
        await self._reminders.mine(at_start=False)

    # the picture

    def _on_change(self, kinds: frozenset[str]) -> None:
        self.shown.follow_sources()
        if not self._changes_wait:
            self._changes_wait = True
            self.set_timer(GATHER_SECONDS, self._draw_changes)

    def _draw_changes(self) -> None:
        self._changes_wait = False
        if not self._is_reminded and self.store.nodes:
            self._is_reminded = True
            self.run_worker(self._reminders.mine(at_start=True), group="mine")
        if self.shown.is_frozen:
            self.cockpit.repaint_chrome()
        else:
            self.cockpit.refresh_picture()

    def action_freeze(self) -> None:
        """Hold the picture, or follow it again."""
        if self.shown.is_frozen:
            self.shown.thaw()
        else:
            self.shown.freeze()
        self.cockpit.refresh_picture()

    def action_all_clusters(self) -> None:
        self.shown.cluster = None
        self.cockpit.refresh_picture()

    def action_repaint(self) -> None:
        """Whatever garbled the terminal: paint all of it."""
        self.cockpit.forget()
        self.forget_terminal()
        self.refresh(layout=True)

    def action_slow_link(self) -> None:
        """Paint for a slow link, or no longer."""
        is_slow = not self.meter.is_slow_link
        self.use_slow_link(is_slow)
        self.action_theme(self._dress.change(self.theme, os.environ, is_slow=is_slow))
        self.tell(slow_link.ON if is_slow else slow_link.OFF)

    def terminal_lags(self) -> None:
        """Called once by the painter."""
        self.tell(slow_link.OFFER)

    def action_again(self) -> None:
        self.cockpit.refresh_picture()
        self.action_repaint()

    # telling

    def tell(self, text: str, *, is_bad: bool = False) -> None:
        """A toast of plain text; the only way to `notify`."""
        self.notify(text, markup=False, severity="error" if is_bad else "information", timeout=12 if is_bad else 5)

    def tell_rights(self, role: str) -> None:
        """The strip keeps it in view."""
        self.cockpit.set_rights(role)

    def _news(self, finished: Finished) -> None:
        """An action whose end was unknown has been read back since."""
        self.flow.tell_end(finished.verb, finished)

    def action_help(self) -> None:
        from .screens.text import TextScreen, help_lines

        scopes = self.cockpit.view.scopes
        lines = help_lines((*scopes, "prompt"), self._user_keys)
        self.push_screen(TextScreen(self.look, (("Keys of this view", "title"),), lines))

    def action_close(self) -> None:
        if not self.cockpit.leave_details():
            self.action_ask_to_quit()

    @work
    async def action_ask_to_quit(self) -> None:
        from .screens.ask import AskScreen

        lines = [(("Running actions go on and are recorded without the screen.", "muted"),)]
        if await self.push_screen_wait(AskScreen(self.look, "Quit Crashcart?", lines)):
            self.exit()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette offers; in a dialog nothing."""
        from .palette_entries import entries

        return entries(self.cockpit, self._wardrobe) if screen is self.cockpit else ()

    def action_theme(self, name: str) -> None:
        """Wear another theme."""
        if name not in self._wardrobe.themes:
            self.tell(f"Themes: {', '.join(self._wardrobe.names)}", is_bad=bool(name))
            return
        self.look.palette = palette.build(self._wardrobe.themes[name])
        self.theme = name
        self.cockpit.forget()

    # messages of the cockpit

    @on(ActionMenuAsked)
    def _act(self, event: ActionMenuAsked) -> None:
        self.run_worker(self.flow.menu(event.selections), group="actions")

    @on(ShellAsked)
    def _shell(self, event: ShellAsked) -> None:
        self.run_worker(self.flow.shell(event.selections), group="actions")

    @on(CommandGiven)
    def _command(self, event: CommandGiven) -> None:
        match event.command:
            case Go(view):
                self.cockpit.visit(place_of(view))
            case SetFilter(text):
                self.cockpit.filter_or_tell(text, self)
            case SetTheme(name):
                self.action_theme(name)
            case SetCluster(name):
                self._choose_cluster(name)
            case Act(verb, _, params) as act:
                try:
                    selection = selection_for(self.shown, act, event.selections)
                except TargetingError as error:
                    self.tell(str(error), is_bad=True)
                    return
                self.run_worker(self.flow.act(verb, selection, params), group="actions")
            case Simple("quit"):
                self.action_ask_to_quit()
            case Simple(name):
                self.call_later(self.cockpit.run_action, f"app.{name.replace('-', '_')}")

    def _choose_cluster(self, name: str | None) -> None:
        if name is not None and name not in self.store.clusters():
            self.tell(f"there is no cluster {name!r}; there are: {', '.join(self.store.clusters())}", is_bad=True)
            return
        self.shown.cluster = name
        self.cockpit.refresh_picture()

    @on(CopyWanted)
    def _copy(self, event: CopyWanted) -> None:
        self.copy_to_clipboard(event.text)
        self.tell(f"Copied {event.text}")

    @on(AuditList.Wanted)
    def _audit_wanted(self) -> None:
        self._read_audit()

    @work(exclusive=True, group="audit")
    async def _read_audit(self) -> None:
        from crashcart.ops import audit_entries

        try:
            entries = await asyncio.to_thread(audit_entries.latest, Path(self._audit_file), AUDIT_ENTRIES)
        except OSError as error:
            self.cockpit.show_audit((), f"the audit log cannot be read: {error.strerror}: {self._audit_file}")
        else:
            self.cockpit.show_audit(entries)
