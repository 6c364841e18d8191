"""Everything about one GPU: who has it, what is wrong, every reading with its age, and what its last Xid means."""

from __future__ import annotations

from crashcart.tui import words
from crashcart.tui.gpu_troubles import troubles
from crashcart.tui.places import Place
from crashcart.tui.selection import Selection
from crashcart.tui.shown import Shown
from crashcart.tui.states import node_mark

from .gpu_readings import readings
from .node_page import job_spans
from .page import Page
from .xid_lines import xid_lines


def gpu_page(shown: Shown, key: str, width: int) -> Page | None:
    """The page of one GPU; `key` is the node's key, `/` and the index."""
    node_key, _, index = key.rpartition("/")
    node = shown.store.nodes.get(node_key)
    host = shown.joins.gpus.host(node_key)
    if not index.isdigit() or (node is None and host is None):
        return None
    gpu, (cluster, _, name) = int(index), node_key.partition("/")
    glyph, role = node_mark(node) if node is not None else ("?", "unknown")
    word = node.word if node is not None else "not in any scheduler"
    page = Page(
        (("GPU ", "muted"), (f"{name} gpu {gpu}", "title"), (f"  {glyph} {word}", role)),
        Selection("node", cluster, (name,)) if node is not None else None,
        name,
        watched=((cluster, host or name),),
    )
    reason = node.reason or "" if node is not None else ""
    spans = (("Node         ", "muted"), (name, "strong"), (f"  {glyph} {word}", role), (f"  {reason}", "text"))
    page.link(spans, Place("node", node_key) if node is not None else None, page.subject)
    _owner(page, shown, node_key, gpu)
    for number, (text, trouble_role) in enumerate(troubles(shown, node_key, gpu)):
        page.text("Trouble" if number == 0 else "", text, width, trouble_role)
    if host is not None:
        readings(page, shown, node_key, host, gpu, width)
        xid_lines(page, shown, node_key, gpu, width)
    else:
        page.heading("Readings", "no telemetry of this node")
    return page


def _owner(page: Page, shown: Shown, key: str, gpu: int) -> None:
    owner = shown.joins.owners_on_node(key).get(gpu)
    if owner is None:
        page.pair("Job", ("none" if shown.store.nodes.get(key) else words.UNKNOWN, "muted"))
        return
    if owner.job is None:
        page.pair("Owner", (owner.label, "accent"), ("   nothing else is known of it", "muted"))
    else:
        job = owner.job
        selection = Selection("job", job.cluster, (job.id,))
        page.link((("Job          ", "muted"), *job_spans(shown, job)), Place("job", job.key), selection)
    page.pair("", (f"known by: {owner.source}", "faint"))
