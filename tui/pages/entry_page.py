"""One action of the audit log in detail."""

from __future__ import annotations

from crashcart.tui import words
from crashcart.tui.columns.audit import Entry, names_of, text_of
from crashcart.tui.states import action_mark

from .page import Page


def entry_page(entry: Entry, width: int) -> Page:
    """The page of an action or a refusal."""
    state = text_of(entry, "state")
    glyph, role = action_mark(state)
    verb = text_of(entry, "verb")
    page = Page(
        (("Action ", "muted"), (verb, "title"), (f"  {glyph} {state.lower()}", role)), None, text_of(entry, "id")
    )
    when = entry.get("ts")
    at = when if isinstance(when, int | float) else None
    page.pair("When", (words.date_and_time(at), "text"), (f"   {words.of_day(at)}", "muted"))
    page.pair("Who", (text_of(entry, "who"), "text"), (f"   as {text_of(entry, 'role') or words.UNKNOWN}", "muted"))
    page.pair("Cluster", (text_of(entry, "cluster"), "text"))
    page.text("Targets", ", ".join(names_of(entry, "targets")) or words.UNKNOWN, width)
    if text_of(entry, "reason"):
        page.text("Reason", text_of(entry, "reason"), width)
    page.text("Outcome", text_of(entry, "result") or words.UNKNOWN, width, role if role in ("warn", "crit") else "text")
    commands = names_of(entry, "commands")
    page.heading("Commands", "" if commands else "none were run")
    for command in commands:
        page.text("$", command, width)
    page.heading("Record", f"from sequence {text_of(entry, 'seq')}, id {text_of(entry, 'id') or words.UNKNOWN}")
    return page
