"""The prometheus backend keeps every promise of the contract, with a real Prometheus behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crashcart.backends.prometheus import BACKEND
from crashcart.backends.testing import BackendCase, BackendCompliance
from tests.integration.monitoring_service import free_port, missing
from tests.integration.monitoring_stack import NEEDED, MonitoringStack
from tests.unit.prometheus_server import context

pytestmark = pytest.mark.real

NASTY_RULE = {
    "alert": "Nasty",
    "expr": "vector(1)",
    "labels": {"severity": "page", "place": "a\x1b]0;owned\x07\nb\u202ec"},
    "annotations": {"summary": "line\nline\x9b2J"},
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonitoringStack]:
    """Two nodes, one with a dead exporter, and an alert that tries to harm a terminal."""
    if reason := missing(*NEEDED):
        pytest.skip(f"no monitoring: {reason}")
    home: Path = tmp_path_factory.mktemp("monitoring")
    with MonitoringStack(home, nodes=2, gpus=4) as running:
        running.exporters.kill(2)
        running.set_rules([NASTY_RULE])
        running.wait_query('count(ALERTS{alertname="Nasty"})', lambda seen: seen == 1)
        running.wait_query('up{instance="gpu002:9400"}', lambda seen: seen == 0)
        yield running


class TestPrometheus(BackendCompliance):
    @pytest.fixture
    def backend_case(self, stack: MonitoringStack) -> BackendCase:
        return BackendCase(
            backend=BACKEND,
            context=context(stack.prometheus_url),
            kinds=("alert", "target", "check"),
            has_numbers=True,
            broken=context(f"http://127.0.0.1:{free_port()}"),
            table={"url": stack.prometheus_url, "selector": '{job="dcgm-exporter"}'},
        )
