"""An Xid is decoded from the table: every source's word, and whether they agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashcart.ops.xid import XidTableError, decode, in_words, load


def test_a_gpu_that_fell_off_the_bus_asks_for_a_reboot() -> None:
    found = decode(79)
    assert found.title == "Xid 79: GPU has fallen off the bus"
    assert (found.severity, found.immediate, found.verb) == ("fatal", "RESTART_BM", "reboot")
    assert in_words(found.immediate) == "reboot the machine (RESTART_BM)"
    assert not found.sources_disagree


@pytest.mark.parametrize(
    ("code", "severities"),
    [
        (63, {"NVSentinel": "warning", "gpud": "fatal"}),
        (94, {"NVSentinel": "warning", "gpud": "fatal"}),
        (109, {"NVSentinel": "fatal", "gpud": "warning"}),
        (38, {"NVSentinel": "warning", "gpud": "fatal"}),
    ],
)
def test_sources_that_disagree_are_both_told(code: int, severities: dict[str, str]) -> None:
    found = decode(code)
    assert dict(found.severities) == severities
    assert found.sources_disagree
    assert found.severity == severities["NVSentinel"]


def test_fatal_for_one_and_ignored_by_another_is_a_disagreement() -> None:
    assert decode(160).immediate == "IGNORE"
    assert decode(160).sources_disagree


def test_programs_faults_ask_for_their_job_only() -> None:
    for code in (8, 13, 31, 94):
        assert decode(code).verb == "requeue"
        assert decode(code).severity == "warning"


def test_a_code_that_is_in_no_table_is_not_called_harmless() -> None:
    found = decode(999)
    assert not found.is_known
    assert (found.severity, found.verb) == ("unknown", "none")
    assert found.title == "Xid 999: not in the table"


def test_every_entry_says_what_it_means_and_what_to_do() -> None:
    table = load()
    assert len(table) == 64
    for code, entry in table.items():
        assert entry.meaning, code
        assert entry.action, code
        assert entry.verb, code
        assert decode(code).severity in ("fatal", "warning", "info"), code


def test_a_sites_file_is_laid_over_key_by_key(tmp_path: Path) -> None:
    site = tmp_path / "xids.toml"
    site.write_text('[[xid]]\ncode = 94\nsite = "fatal"\nverb = "drain"\n[[xid]]\ncode = 999\nmeaning = "Ours"\n')
    table = load(site)
    found = decode(94, table)
    assert (found.severity, found.verb, found.meaning) == ("fatal", "drain", "Contained memory error")
    assert found.severities[0] == ("site", "fatal")
    assert decode(999, table).meaning == "Ours"
    assert decode(94).verb == "requeue", "the built-in table stays as it is"


@pytest.mark.parametrize(
    "text", ["[[xid]]\nmeaning = 'no code'", "[[xid]]\ncode = 1\nverb = 'explode'", "[[xid", "[[xid]]\ncode=1\nx=2"]
)
def test_a_wrong_sites_file_is_named_with_what_is_wrong(tmp_path: Path, text: str) -> None:
    site = tmp_path / "xids.toml"
    site.write_text(text)
    with pytest.raises(XidTableError, match=r"xids\.toml"):
        load(site)


def test_a_sites_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(XidTableError, match="No such file"):
        load(tmp_path / "none.toml")
