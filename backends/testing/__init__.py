"""The compliance suite: a backend is finished when it passes these tests, not when its own do.

from crashcart.backends.testing import BackendCase, BackendCompliance

class TestMine(BackendCompliance):
    @pytest.fixture
    def backend_case(self) -> BackendCase:
        return BackendCase(backend=BACKEND, context=..., kinds=("node", "job"), node="gpu001", job="42")
"""

from __future__ import annotations

import pytest

for _module in ("feed_suite", "options_suite", "powers_suite"):
    pytest.register_assert_rewrite(f"{__name__}.{_module}")

from .case import BackendCase, Turns  # noqa: E402 - asserts must be registered before they are imported
from .feed_suite import FeedCompliance  # noqa: E402
from .options_suite import OptionsCompliance  # noqa: E402
from .powers_suite import PowersCompliance  # noqa: E402


class BackendCompliance(OptionsCompliance, FeedCompliance, PowersCompliance):
    """All of it. Subclass it, give it a fixture `backend_case`; tests of what a backend does not offer are skipped."""


__all__ = ["BackendCase", "BackendCompliance", "FeedCompliance", "OptionsCompliance", "PowersCompliance", "Turns"]
