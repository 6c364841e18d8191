"""The main screen: strip, tabs, one view at a time, prompt and keys. It shows and asks; it changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from crashcart.backends.wire import Focus
from crashcart.ops.filter import FilterError
from crashcart.tui import commands
from crashcart.tui.columns.audit import Entry
from crashcart.tui.command_line import CommandLineError, parse
from crashcart.tui.completion import complete_command, complete_filter
from crashcart.tui.look import Look
from crashcart.tui.pages.page import Page
from crashcart.tui.places import KIND_OF, ROOT_VIEWS, History, Place, place_of
from crashcart.tui.requests import ActionMenuAsked, CommandGiven, CopyWanted, ShellAsked
from crashcart.tui.shown import Shown
from crashcart.tui.teller import Teller
from crashcart.tui.widgets.audit_list import AuditList
from crashcart.tui.widgets.chrome import Chrome
from crashcart.tui.widgets.details import Details
from crashcart.tui.widgets.heat_view import HeatView
from crashcart.tui.widgets.heatmap import Heatmap
from crashcart.tui.widgets.keybar import KeyBar
from crashcart.tui.widgets.lines import LineWidget
from crashcart.tui.widgets.lists import make_lists
from crashcart.tui.widgets.prompt import Prompt, Purpose
from crashcart.tui.widgets.strip import StatusStrip
from crashcart.tui.widgets.table import Table
from crashcart.tui.widgets.tabs import ViewTabs
from crashcart.tui.widgets.view import View

TAB_OF_KIND = {kind: view for view, kind in KIND_OF.items()} | {"action": "audit"}
"""Details stay under the tab of the list they belong to."""

TYPING_SECONDS = 0.12
"""A filter is applied when the typing pauses: over 50,000 jobs a word takes longer than the gap between two keys."""


class Cockpit(Screen[None]):
    """Everything that is not a dialog."""

    BINDINGS: ClassVar[list[BindingType]] = [*commands.bindings("app")]

    def __init__(
        self,
        look: Look,
        shown: Shown,
        strip: StatusStrip,
        *,
        audit_file: str,
        keymap: Mapping[str, str],
        themes: Callable[[], Sequence[str]],
        look_at: Callable[[Focus], None],
    ) -> None:
        super().__init__()
        self._look = look
        self._shown = shown
        self._history = History()
        self._themes = themes
        self._look_at = look_at
        self._focus = Focus()
        self._filter_before = ""
        self._typing_timer: Timer | None = None
        self._chrome = Chrome(look, shown, strip)
        self._prompt = Prompt(look, id="prompt")
        self._keybar = KeyBar(look, ("motion", "heatmap", "app"), keymap, id="keybar")
        self._audit = AuditList(look, shown, where=audit_file, id="audit")
        self._details = Details(look, self._page, id="details")
        self._views: dict[str, LineWidget] = {"heatmap": HeatView(look, shown, id="heatmap")}
        self._views |= make_lists(look, shown)
        self._views["audit"] = self._audit

    def compose(self) -> ComposeResult:
        yield self._chrome
        with Container(id="body"):
            for view in (*self._views.values(), self._details):
                view.display = False
                yield view
        yield self._prompt
        yield self._keybar

    def on_mount(self) -> None:
        if self._history.here is None:
            self.visit(Place("heatmap"))

    # places

    @property
    def view(self) -> View:
        """The view that is shown."""
        here = self._history.here
        widget = (
            self._details if here is not None and not here.is_root else self._views[here.view if here else "heatmap"]
        )
        return cast(View, widget)

    def _page(self, place: Place, width: int) -> Page | None:
        from crashcart.tui.pages.entry_page import entry_page  # pages are looked at later than the first frame
        from crashcart.tui.pages.pages import make_page

        if place.view == "action":
            entry = self._audit.entries.get(place.key)
            return None if entry is None else entry_page(entry, width)
        return make_page(self._shown, place, width)

    def visit(self, place: Place) -> None:
        """Go to a place."""
        self._history.visit(place)
        self._show(place)

    def _show(self, place: Place) -> None:
        self._close_prompt()
        wanted = cast(Widget, self.view)
        for widget in (*self._views.values(), self._details):
            widget.display = widget is wanted
        self._chrome.show_tab(place.view if place.is_root else TAB_OF_KIND.get(place.view, place.view))
        if not place.is_root:
            self._details.visit(place)
        self._keybar.show(self.view.scopes)
        wanted.focus()
        self.refresh_picture()

    def refresh_picture(self) -> None:
        """The picture changed: the view that is shown takes it in, hidden ones do when they are shown."""
        self.view.refresh_picture()
        self.repaint_chrome()
        self._tell_focus()
        self._read_runbooks()

    def _read_runbooks(self) -> None:
        """Read off the loop what the page would like to show."""
        if self._shown.runbooks.is_wanted:
            self.run_worker(self._fill_runbooks(), group="runbooks", exclusive=True)

    async def _fill_runbooks(self) -> None:
        if await self._shown.runbooks.fill():
            self.view.refresh_picture()

    def _tell_focus(self) -> None:
        """What is looked at in detail changes with the place, and with what the page is about."""
        here = self._history.here
        is_details = here is not None and not here.is_root
        focus = Focus(
            self._details.watched if is_details else (), here is not None and here.view in ("alerts", "alert")
        )
        if focus != self._focus:
            self._focus = focus
            self._look_at(focus)

    def tick(self) -> None:
        """A second has passed."""
        self.view.tick()
        self.repaint_chrome()
        self._read_runbooks()

    def repaint_chrome(self) -> None:
        """Everything around the view."""
        self._chrome.tick()
        self._chrome.say(self.view.headline())

    def forget(self) -> None:
        """Paint everything anew."""
        for widget in self.query(LineWidget):
            widget.forget()
        self.refresh(layout=True)

    def set_rights(self, text: str) -> None:
        """Say in the strip who the operator is to the executor."""
        self._chrome.set_rights(text)

    def show_audit(self, entries: Sequence[Entry], error: str = "") -> None:
        """Give the audit view what was read."""
        self._audit.take(entries, error)
        self.repaint_chrome()

    # commands

    def action_go(self, view: str) -> None:
        self.visit(place_of(view))

    def action_back(self) -> None:
        self._move(self._history.move(-1))

    def action_forward(self) -> None:
        self._move(self._history.move(1))

    def action_last_view(self) -> None:
        self._move(self._history.last())

    def _move(self, place: Place | None) -> None:
        if place is not None:
            self._show(place)

    def leave_details(self) -> bool:
        """Go back from details; False in a root view."""
        here = self._history.here
        if here is None or here.is_root:
            return False
        back = self._history.move(-1)
        if back is None:
            self.visit(Place(TAB_OF_KIND.get(here.view, "heatmap")))
        else:
            self._show(back)
        return True

    def action_escape(self) -> None:
        if self.leave_details():
            return
        view = self.view
        if isinstance(view, Table) and view.marks:
            view.action_clear_marks()
        elif view.filter_text:
            view.apply_filter("")
            self.repaint_chrome()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is typed on the line, `/` and `:` are letters."""
        return not (action in ("filter", "command_line") and self._prompt.is_open)

    def action_filter(self) -> None:
        kind = self.view.filter_kind
        if kind is not None:
            self._filter_before = self.view.filter_text
            self._open_prompt("filter", self._filter_before, lambda text: complete_filter(text, kind))

    def action_command_line(self) -> None:
        self._open_prompt("command", "", lambda text: complete_command(text, self._shown, self._themes()))

    def _open_prompt(self, purpose: Purpose, text: str, complete: Callable[[str], list[str]]) -> None:
        self._prompt.open(purpose, text, complete)
        self._keybar.show(("prompt",))

    def action_actions(self) -> None:
        self.post_message(ActionMenuAsked(self.view.selections()))

    def action_shell(self) -> None:
        self.post_message(ShellAsked(self.view.selections()))

    # messages of the widgets

    @on(Table.Moved)
    @on(Heatmap.Moved)
    def _moved(self) -> None:
        self._chrome.say(self.view.headline())

    @on(Table.Opened)
    def _opened(self, event: Table.Opened) -> None:
        here = self._history.here
        if here is not None:
            self.visit(Place("action" if here.view == "audit" else KIND_OF[here.view], event.key))

    @on(Heatmap.Opened)
    def _opened_cell(self, event: Heatmap.Opened) -> None:
        self.visit(Place(event.kind, event.key))

    @on(Details.Followed)
    def _followed(self, event: Details.Followed) -> None:
        self.visit(event.place)

    @on(ViewTabs.Picked)
    def _picked(self, event: ViewTabs.Picked) -> None:
        if event.view in ROOT_VIEWS:
            self.visit(Place(event.view))

    @on(Table.CopyAsked)
    @on(Heatmap.CopyAsked)
    def _copy_key(self, event: Table.CopyAsked | Heatmap.CopyAsked) -> None:
        self.post_message(CopyWanted(event.key.partition("/")[2] or event.key))

    @on(Details.CopyAsked)
    def _copy_name(self, event: Details.CopyAsked) -> None:
        self.post_message(CopyWanted(event.name))

    # filter and command line

    @on(Prompt.Changed)
    def _typing(self, event: Prompt.Changed) -> None:
        if event.purpose == "filter" and self._prompt.is_open:
            if self._typing_timer is not None:
                self._typing_timer.stop()
            self._typing_timer = self.set_timer(TYPING_SECONDS, partial(self._filter_while_typing, event.text))

    def _filter_while_typing(self, text: str) -> None:
        if self._prompt.is_open:
            self.filter_by(text)

    def filter_by(self, text: str) -> bool:
        """Filter the view; say what is wrong and keep the filter before when the text is none."""
        try:
            self.view.apply_filter(text)
        except FilterError as error:
            self._prompt.say_error(f"{error} (at {error.position + 1})")
            return False
        self._chrome.say(self.view.headline())
        return True

    def filter_or_tell(self, text: str, teller: Teller) -> None:
        """Filter from the command line, where no prompt is left to say what is wrong."""
        try:
            self.view.apply_filter(text)
        except FilterError as error:
            teller.tell(f"filter: {error}", is_bad=True)
        self.repaint_chrome()

    @on(Prompt.Done)
    def _typed(self, event: Prompt.Done) -> None:
        if event.purpose == "filter":
            if event.text is None:
                self.view.apply_filter(self._filter_before)
            elif not self.filter_by(event.text):
                return
            self._close_prompt()
            self.repaint_chrome()
            return
        try:
            command = parse(event.text or "")
        except CommandLineError as error:
            self._prompt.say_error(str(error))
            return
        self._close_prompt()
        if command is not None:
            self.post_message(CommandGiven(command, self.view.selections()))

    def _close_prompt(self) -> None:
        if self._prompt.is_open:
            self._prompt.close()
            self._keybar.show(self.view.scopes)
            cast(Widget, self.view).focus()
