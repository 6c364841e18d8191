"""Replies of the HTTP API as typed values: labels that were not asked for are skipped without building anything."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

_HUGE = b'"+Inf"'  # the one spelling of a number that the decoder does not take


class Sample(msgspec.Struct, gc=False):
    """One row of an instant answer; `labels` holds the values of the labels asked for, "" where one is missing."""

    metric: Any
    value: tuple[float, float]


class Timings(msgspec.Struct, rename="camel"):
    eval_total_time: float | None = None


class SampleCounts(msgspec.Struct, rename="camel"):
    total_queryable_samples: int | None = None


class Stats(msgspec.Struct):
    """What a query cost the server, where it says."""

    timings: Timings = msgspec.field(default_factory=Timings)
    samples: SampleCounts = msgspec.field(default_factory=SampleCounts)


@lru_cache(maxsize=64)
def label_type(labels: tuple[str, ...]) -> Any:
    """A struct with one text field for each of these labels, in this order."""
    fields = [(f"label_{number}", str, "") for number in range(len(labels))]
    names = {f"label_{number}": label for number, label in enumerate(labels)}
    return msgspec.defstruct("Labels", fields, rename=names, gc=False)


@lru_cache(maxsize=64)
def vector_decoder(labels: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Decodes an instant vector."""
    sample = msgspec.defstruct("Sample", [("metric", label_type(labels)), ("value", tuple[float, float])], gc=False)
    return _decoder(list[sample])  # type: ignore[valid-type]


@lru_cache(maxsize=64)
def matrix_decoder(labels: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Decodes a range of samples for each series."""
    series = msgspec.defstruct("Series", [("metric", label_type(labels)), ("values", list[tuple[float, float]])])
    return _decoder(list[series])  # type: ignore[valid-type]


@lru_cache(maxsize=1)
def scalar_decoder() -> msgspec.json.Decoder[Any]:
    """Decodes one number and its time."""
    return _decoder(tuple[float, float])


def _decoder(result: Any) -> msgspec.json.Decoder[Any]:
    """Lax, because values are numbers written as strings."""
    data = msgspec.defstruct("Data", [("result", result), ("stats", Stats | None, None)])
    fields: list[Any] = [("data", data), ("warnings", list[str] | None, None), ("infos", list[str] | None, None)]
    return msgspec.json.Decoder(msgspec.defstruct("Answer", fields), strict=False)


def numbers(body: bytes) -> bytes:
    """The reply with infinity as the decoder spells it."""
    return body.replace(_HUGE, b'"Infinity"') if _HUGE in body else body
