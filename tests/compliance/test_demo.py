"""The demo backend passes the suite that every backend has to pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from crashcart.backends.contract import Context
from crashcart.backends.demo import BACKEND
from crashcart.backends.entity import Kind
from crashcart.backends.testing import BackendCase, BackendCompliance
from tests.demo_world import demo_context, world_directory


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    with world_directory(tmp_path_factory.mktemp("demo")) as directory:
        yield demo_context(directory, linger_seconds=2.0)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A directory that others may write to is refused: nothing ever answers there."""
    directory = tmp_path_factory.mktemp("open")
    directory.chmod(0o777)
    return demo_context(directory)


class TestDemo(BackendCompliance):
    @pytest.fixture
    def backend_case(self, context: Context, broken: Context) -> BackendCase:
        return BackendCase(
            backend=BACKEND,
            context=context,
            kinds=get_args(Kind),
            has_numbers=True,
            node="gpu003",
            job="184204",
            broken=broken,
            table={"nodes": 16, "faults": "none"},
        )
