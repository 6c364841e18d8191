"""The generated parts of the README: `python -m tests.readme` writes them, a test compares them."""

from __future__ import annotations

import re
from pathlib import Path

from crashcart.ops.verbs import VERBS
from crashcart.tui import commands

README = Path(__file__).parents[1] / "README.md"
FIGURES = Path("bench-results") / "cockpit.md"


def verbs() -> str:
    """The table of verbs."""
    lines = ["| Key | Verb | On a | Risk | What it does |", "|---|---|---|---|---|"]
    for verb in VERBS:
        risk = "reads only" if verb.reads_only else verb.risk
        lines.append(f"| `x` `{verb.key}` | `{verb.name}` | {verb.target} | {risk} | {verb.help} |")
    return "\n".join(lines) + "\n"


def generated() -> dict[str, str]:
    """What stands between `<!-- NAME ... -->` and `<!-- /NAME -->`."""
    return {"keys": commands.markdown(), "verbs": verbs()}


def section(name: str, text: str) -> str:
    """What stands in the README now."""
    match = re.search(rf"<!-- {name}\b[^>]*-->\n(.*?)<!-- /{name} -->", text, re.DOTALL)
    assert match, f"the README has no section {name}"
    return match[1]


def written(text: str) -> str:
    """The README with its generated parts made anew; figures only when they were measured here."""
    parts = generated()
    if FIGURES.exists():
        parts["figures"] = FIGURES.read_text()
    for name, made in parts.items():
        text = text.replace(section(name, text), made) if section(name, text) else _filled(name, made, text)
    return text


def _filled(name: str, made: str, text: str) -> str:
    return re.sub(rf"(<!-- {name}\b[^>]*-->\n)", lambda match: match[1] + made, text)


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
