"""One entry an action, whatever number of records it took."""

from __future__ import annotations

from pathlib import Path

from crashcart.ops.audit import AuditLog
from crashcart.ops.audit_entries import latest


def test_records_of_one_action_are_one_entry_with_its_last_word(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    intent = {"id": "a", "state": "CONFIRMED", "verb": "drain", "cluster": "a100", "targets": ["gpu001"],
              "actor": {"user": "alice"}, "params": {"reason": "xid 79"}, "commands": ["scontrol ..."]}  # fmt: skip
    log.append("intent", intent)
    log.append("refused", {"verb": "reboot", "targets": ["gpu002"], "actor": {"user": "bob"}, "why": "no role"})
    log.append("start", {"id": "a", "state": "RUNNING"})
    log.append("end", {"id": "a", "state": "VERIFIED", "results": [{"target": "gpu001", "seen": "drained"}]})
    log.close()
    refused, drained = latest(tmp_path / "audit.jsonl", 10)
    assert (refused["state"], refused["who"], refused["result"]) == ("REFUSED", "bob", "no role")
    assert (drained["state"], drained["verb"], drained["who"]) == ("VERIFIED", "drain", "alice")
    assert (drained["reason"], drained["result"], drained["targets"]) == ("xid 79", "gpu001: drained", ["gpu001"])


def test_an_absent_log_has_no_entries(tmp_path: Path) -> None:
    assert latest(tmp_path / "none.jsonl", 10) == []
