"""A backend's table of the configuration, checked against the backend's own shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from crashcart.backends.contract import Backend
from crashcart.backends.errors import Unsupported


def convert(backend: Backend, table: Mapping[str, Any]) -> msgspec.Struct:
    """The table as the backend's `Options`. Raises Unsupported with key and expected type."""
    try:
        return msgspec.convert(dict(table), backend.options)
    except msgspec.ValidationError as error:
        raise Unsupported(f"{backend.name}: {error}") from error
