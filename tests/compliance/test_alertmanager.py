"""The alertmanager backend keeps every promise of the contract, with a real Alertmanager behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crashcart.backends.alertmanager import BACKEND
from crashcart.backends.testing import BackendCase, BackendCompliance
from tests.integration.alertmanager_cluster import AlertmanagerCluster, free_port, not_installed

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def alertmanager() -> Iterator[AlertmanagerCluster]:
    """One member with alerts that try to harm a terminal."""
    if reason := not_installed():
        pytest.skip(f"no Alertmanager: {reason}")
    with AlertmanagerCluster() as running:
        running.fire(
            {"alertname": "GpuXid", "severity": "critical", "Hostname": "gpu001"},
            {"alertname": "\x1b]0;owned\x07", "severity": "\u202edne", "job": "a\nb"},
        )
        running.call(
            0,
            "POST",
            "/api/v2/silences",
            {
                "matchers": [{"name": "job", "value": "a\nb", "isRegex": False}],
                "startsAt": "2020-01-01T00:00:00Z",
                "endsAt": "2099-01-01T00:00:00Z",
                "createdBy": "\x1b[31mred",
                "comment": "one\ntwo\u2028three",
            },
        )
        yield running


class TestAlertmanager(BackendCompliance):
    @pytest.fixture
    def backend_case(self, alertmanager: AlertmanagerCluster) -> BackendCase:
        return BackendCase(
            backend=BACKEND,
            context=alertmanager.context(deadman="Watchdog"),
            kinds=("alert", "silence", "check"),
            broken=alertmanager.context(f"http://127.0.0.1:{free_port()}"),
            table={"url": alertmanager.urls, "deadman": "Watchdog"},
        )
