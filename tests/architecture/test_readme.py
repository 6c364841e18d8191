"""The README says what is true today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.readme import README, generated, section

ROOT = README.parent


@pytest.mark.parametrize("name", ["keys", "verbs"])
def test_generated_parts_are_as_the_code_says(name: str) -> None:
    assert section(name, README.read_text()) == generated()[name], "run: python -m tests.readme"


def test_every_picture_and_page_it_names_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text()):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_its_make_targets_exist() -> None:
    makefile = Path(ROOT / "Makefile").read_text()
    for target in re.findall(r"make ([a-z]+)", README.read_text() + (ROOT / "CONTRIBUTING.md").read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
