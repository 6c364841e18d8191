"""A backend's name and table: wrong keys and types are refused, and looking costs nothing."""
# ruff: noqa: S101 - a test suite that is shipped

from __future__ import annotations

import msgspec
import pytest

from crashcart.backends.contract import Backend

from .case import BackendCase


class OptionsCompliance:
    """The object that the entry point names."""

    def test_backend_has_the_contracts_attributes(self, backend_case: BackendCase) -> None:
        backend: Backend = backend_case.backend
        assert backend.name.isidentifier() and backend.name == backend.name.lower()
        assert isinstance(backend.found(), bool)

    def test_options_accept_the_given_table(self, backend_case: BackendCase) -> None:
        made = msgspec.convert(dict(backend_case.table), backend_case.backend.options)
        assert isinstance(made, backend_case.backend.options)

    def test_options_refuse_an_unknown_key(self, backend_case: BackendCase) -> None:
        table = {**backend_case.table, "no_such_option": 1}
        with pytest.raises(msgspec.ValidationError, match="no_such_option"):
            msgspec.convert(table, backend_case.backend.options)

    def test_interval_is_a_positive_number_where_there_is_one(self, backend_case: BackendCase) -> None:
        interval = getattr(backend_case.context.options, "interval_seconds", 1.0)
        assert interval > 0

    def test_options_are_frozen(self, backend_case: BackendCase) -> None:
        assert backend_case.backend.options.__struct_config__.frozen
