"""The table of checks: argument lists that only read, each with an end in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashcart.backends.contract import CommandResult
from crashcart.backends.diagnostics import CHECKS
from tests.unit.runner_desk import Desk
from tests.unit.small_cluster import SmallCluster, node


def test_every_check_has_a_title_a_help_and_a_deadline() -> None:
    for name, check in CHECKS.items():
        assert check.name == name
        assert check.title
        assert check.help.endswith(".")
        assert 0 < check.timeout_seconds <= 300
        assert check.argv
        assert "sh" not in check.argv


def test_only_the_check_that_loads_gpus_needs_a_drained_node() -> None:
    assert [name for name, check in CHECKS.items() if check.needs_drained] == ["dcgm-quick"]


@pytest.mark.parametrize(
    ("status", "stderr", "is_nothing"),
    [
        (1, b"", True),  # systemd: "-- No entries --" and exit status 1
        (0, b"", False),
        (2, b"", False),
        (None, b"", False),
        (1, b"Hint: You are currently not seeing messages from other users and the system.\n", False),
        (1, b"No journal files were found.\n", False),
    ],
)
def test_a_kernel_log_without_faults_is_told_from_one_we_may_not_read(
    status: int | None, stderr: bytes, is_nothing: bool
) -> None:
    result = CommandResult("failed", status, b"-- No entries --\n", stderr)
    assert CHECKS["xids"].found_nothing(result) == is_nothing


def test_a_check_that_searches_for_nothing_has_no_such_status() -> None:
    assert not CHECKS["gpu"].found_nothing(CommandResult("failed", 1))


@pytest.mark.parametrize(
    ("stderr", "state", "detail"), [(b"", "VERIFIED", "nothing found"), (b"not allowed", "FAILED", "exit status 1")]
)
async def test_a_healthy_node_does_not_fail_its_diagnosis(
    tmp_path: Path, stderr: bytes, state: str, detail: str
) -> None:
    desk = Desk(SmallCluster(nodes=[node("gpu001")], jobs=[]), tmp_path)
    desk.cluster.command = CommandResult("failed", 1, b"-- No entries --\n", stderr)
    result = (await desk.does("diagnose", "gpu001", check="xids")).results[0]
    assert (result.state, result.detail) == (state, detail)
    assert "No entries" in result.output
