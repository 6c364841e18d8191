"""Everything about one alert: whom it tells, why it is quiet, what it is about, its day, what to do."""

from __future__ import annotations

import re

from crashcart.backends.model import Alert, Node
from crashcart.ops import xid
from crashcart.tui import subjects, words
from crashcart.tui.alert_strip import axis, chart
from crashcart.tui.cells import Span, fit, width_of
from crashcart.tui.columns.alerts import day_samples, quietness, summary
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown
from crashcart.tui.states import alert_mark, alert_word, node_mark, severity_role

from .alert_lines import alert_spans, silence_spans
from .node_page import job_spans
from .page import Page, columns, wrapped
from .xid_lines import describe

CHART_CELLS = 48
CHART_ROWS = 3
LONGEST_NAME = 28
RUNBOOK_LABELS = ("runbook_url", "runbook")
_XID = re.compile(r"\bXid\W{1,3}(\d{1,4})\b", re.IGNORECASE)


def alert_page(shown: Shown, key: str, width: int) -> Page | None:
    """The page of an alert, or None when the picture has no such alert."""
    alert = shown.joins.alerts.standing_for(key)
    if alert is None:
        return None
    glyph, role = alert_mark(alert)
    mine = subjects.of_alerts(shown.scene, [alert])
    title: tuple[Span, ...] = (("Alert ", "muted"), (alert.name, "title"), (f"  {glyph} {alert_word(alert)}", role))
    page = Page(title, None, alert.name, others=tuple(mine))
    page.text("Summary", summary(alert) or words.UNKNOWN, width)
    _state(page, shown, alert)
    _quiet(page, shown, alert)
    _about(page, shown, alert)
    _xid(page, alert, width)
    _day(page, shown, alert)
    _runbook(page, shown, alert, width)
    _texts(page, "Labels", alert.labels, width)
    _texts(page, "Annotations", alert.annotations, width)
    return page


def _state(page: Page, shown: Shown, alert: Alert) -> None:
    now = shown.scene.now
    glyph, role = alert_mark(alert)
    page.pair(
        "State",
        (f"{glyph} {alert.state}", role),
        (f"   for {words.span(now - alert.since)}", "text"),
        (f"   since {words.date_and_time(alert.since)}", "muted"),
    )
    page.pair("Severity", (alert.severity, severity_role(alert.severity)))
    if alert.state == "pending":
        page.pair("Tells", ("nobody yet", "accent"), (": its rule waits to see whether it lasts", "muted"))
    elif quietness(shown.scene, alert) == "not in Alertmanager":
        page.pair("Tells", ("nobody", "warn"), (": it fires in Prometheus and is not in Alertmanager", "text"))
    else:
        receivers = ", ".join(alert.receivers) or words.UNKNOWN
        page.pair(
            "Tells",
            ("nobody while it is quiet; else " if alert.state != "firing" else "", "muted"),
            (receivers, "text"),
        )
    freshness = shown.store.freshness(alert.cluster, alert.source, now)
    page.pair(
        "Known",
        (f"{words.age(now - shown.store.when_true(alert))} ago", "text"),
        (f"   from {alert.source}, {freshness}", "muted" if freshness == "live" else "warn"),
    )


def _quiet(page: Page, shown: Shown, alert: Alert) -> None:
    joins = shown.joins.alerts
    if alert.silenced_by:
        silences = joins.silences(alert)
        page.heading("Silenced by", "" if silences else f"{', '.join(alert.silenced_by)}: not in the picture")
        for silence in silences:
            page.link(silence_spans(shown, silence), Place("silence", silence.key), _one("silence", alert, silence.id))
    if alert.inhibited_by:
        others = joins.inhibitors(alert)
        page.heading("Inhibited by", "" if others else f"{', '.join(alert.inhibited_by)}: not in the picture")
        for other in others:
            page.link(alert_spans(shown, other), Place("alert", other.key), _one("alert", alert, other.fingerprint))


def _one(kind: str, alert: Alert, target: str) -> Selection:
    return Selection(kind, alert.cluster, (target,))  # type: ignore[arg-type]


def _about(page: Page, shown: Shown, alert: Alert) -> None:
    node, named = shown.joins.alerts.node(alert), shown.joins.alerts.job(alert)
    jobs = [] if node is None else list(shown.joins.jobs_on_node(node.key))
    if named is not None and named.key not in {job.key for job in jobs}:
        jobs.append(named)
    place = shown.joins.alerts.place(alert)
    if node is None and not jobs and not place:
        return
    page.heading("About")
    if node is None and place:
        page.spans((place, "strong"), ("  no scheduler knows it", "muted"))
    if node is not None:
        _node(page, node)
        gpu = shown.joins.alerts.gpu(alert)
        if gpu is not None:
            job = shown.joins.job_on_gpu(node.cluster, node.name, gpu)
            owner = (f"  has job {job.id} of {job.user}" if job else "", "text")
            page.link((("GPU ", "muted"), (str(gpu), "strong"), owner), Place("gpu", f"{node.key}/{gpu}"))
    for job in jobs:
        page.link(job_spans(shown, job), Place("job", job.key), Selection("job", job.cluster, (job.id,)))


def _node(page: Page, node: Node) -> None:
    glyph, role = node_mark(node)
    parts = ((node.name, 16, "strong"), (f"{glyph} {node.word}", 11, role), (node.reason or "", 40, "text"))
    page.link(columns(parts), Place("node", node.key), Selection("node", node.cluster, (node.name,)))


def xid_of(alert: Alert) -> int | None:
    """The Xid an alert is about: by a label, else by what its summary says."""
    labelled = dict(alert.labels).get("xid", "")
    if labelled.isdecimal() and len(labelled) <= 4:
        return int(labelled)
    found = _XID.search(summary(alert))
    return int(found[1]) if found else None


def _xid(page: Page, alert: Alert, width: int) -> None:
    code = xid_of(alert)
    if code is not None:
        describe(page, xid.decode(code), width, "what the alert is about")


def _day(page: Page, shown: Shown, alert: Alert) -> None:
    now = shown.scene.now
    samples = day_samples(shown.scene, alert, CHART_CELLS)
    if samples is None:
        page.heading("Last 24 hours", "no source keeps a history of alerts, or it has not answered yet")
        return
    most = max((value for value in samples if value is not None), default=None)
    unknown = "nobody knows" if most is None else f"at most {most:.0f} at once"
    page.heading("Last 24 hours", f"of all {alert.name}: {unknown}; ┄ is not known")
    for line in chart(samples, CHART_ROWS):
        page.note(f"  {line}", severity_role(alert.severity))
    page.note(f"  {axis(now, CHART_CELLS)}")


def _runbook(page: Page, shown: Shown, alert: Alert, width: int) -> None:
    notes = dict(alert.annotations)
    link = next((notes[label] for label in RUNBOOK_LABELS if notes.get(label)), None)
    if link is None:
        return
    page.heading("Runbook")
    page.text("Link", link, width)
    found = shown.runbooks.behind(link)
    if found.state == "reading":
        page.note("◌ reading it …", "muted")
    elif found.state == "refused":
        page.text("Its text", found.text, width, "muted")
    elif found.state == "there":
        for line in wrapped(found.text, max(20, width - 2)):
            page.note(line, "text")


def _texts(page: Page, title: str, pairs: tuple[tuple[str, str], ...], width: int) -> None:
    page.heading(title, "" if pairs else "none")
    room = min(LONGEST_NAME, max((width_of(name) for name, _ in pairs), default=0)) + 2
    for name, value in pairs:
        for index, line in enumerate(wrapped(value, max(20, width - room - 2))):
            page.spans((fit(name if index == 0 else "", room - 2) + "  ", "muted"), (line, "text"))
