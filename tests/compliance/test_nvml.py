"""The nvml backend keeps every promise of the contract, on a stand-in for NVIDIA's library."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashcart.backends.contract import Context
from crashcart.backends.nvml import NvmlBackend
from crashcart.backends.nvml.options import Options
from crashcart.backends.testing import BackendCase, BackendCompliance
from crashcart.ops.links import SessionLinks
from crashcart.ops.session import ClusterSession
from tests.nvml_stand_in.build import VARIABLE, StandIn, build


def context(library: str) -> Context:
    options = Options(library=library, host="gpu007")
    return Context("lab", options, SessionLinks(ClusterSession(name="lab")))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


class TestNvml(BackendCompliance):
    @pytest.fixture
    def backend_case(self, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BackendCase:
        """One GPU is lost, and one has a name that tries to harm a terminal."""
        monkeypatch.setenv(VARIABLE, str(tmp_path / "gpus"))
        gpus = StandIn(library, tmp_path / "gpus")
        gpus.gpu(1, "fail.*", 15)
        gpus.gpu(2, "name", "H100\x1b]0;owned\x07")
        return BackendCase(
            backend=NvmlBackend(),
            context=context(str(library)),
            kinds=("check",),
            has_numbers=True,
            broken=context(str(tmp_path / "none.so")),
            table={"library": str(library), "host": "gpu007", "interval_seconds": 2, "timeout_seconds": 5},
        )
