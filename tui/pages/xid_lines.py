"""What an Xid means, as a section of a page: every source's word, whether they agree, and what to do."""

from __future__ import annotations

from crashcart.ops.verbs import VERBS
from crashcart.ops.xid import Xid, decode, in_words
from crashcart.tui.heat_metrics import xid_role
from crashcart.tui.shown import Shown

from .gpu_lines import reading
from .page import Page

_GPUD = {
    "RebootSystem": "reboot the system",
    "HardwareInspection": "have the hardware inspected",
    "CheckUserAppAndGPU": "check the program and the GPU",
    "IgnoreNoActionRequired": "no action required",
}


def xid_lines(page: Page, shown: Shown, key: str, gpu: int, width: int) -> None:
    """Add the section for the last Xid of GPU `gpu` of the node `cluster/name`; nothing where there is none."""
    code = reading(shown, key, "xid", gpu)
    if code:
        describe(page, decode(int(code)), width, note="last Xid (sticky): the gauge stays until the driver restarts")


def describe(page: Page, xid: Xid, width: int, note: str = "") -> None:
    """Add a section about one Xid."""
    page.heading(f"Xid {xid.code}", note)
    page.text("Meaning", xid.meaning or "not in the table", width, xid_role(xid.code))
    if xid.name:
        page.text("Name", xid.name, width, "muted")
    if xid.severities:
        said = ", ".join(f"{severity} ({source})" for source, severity in xid.severities)
        page.pair(
            "Severity", (said, xid_role(xid.code)), ("   ▲ sources disagree" if xid.sources_disagree else "", "warn")
        )
    if xid.immediate:
        then = f", then {in_words(xid.then)}" if xid.then and xid.then != xid.immediate else ""
        page.text("NVIDIA says", in_words(xid.immediate) + then, width)
    if xid.gpud_action:
        page.text("gpud says", ", ".join(_GPUD.get(one, one) for one in xid.gpud_action.split("+")), width)
    page.text("Suggested", xid.action, width)
    verb = next((verb for verb in VERBS if verb.name == xid.verb), None)
    if verb is not None:
        page.pair("", (f"x {verb.key}", "accent"), (f"  {verb.title.lower()}: {verb.help}", "faint"))
