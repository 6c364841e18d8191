"""Whatever names and replies come: no value leaves its quotes, and nothing but BackendErrors leaves the decoding."""

from __future__ import annotations

import json
import math
import re
from array import array
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import astuple

from crashcart.backends.errors import BackendError
from crashcart.backends.prometheus.alerts import fingerprint
from crashcart.backends.prometheus.catalogue import RECIPES
from crashcart.backends.prometheus.decode import matrix_decoder, numbers, vector_decoder
from crashcart.backends.prometheus.failures import not_json, refused, told
from crashcart.backends.prometheus.fleet import MOST_GPUS, Fleet
from crashcart.backends.prometheus.gpu_columns import filled
from crashcart.backends.prometheus.host_series import host_history, instances_pattern
from crashcart.backends.prometheus.promql import Promql, any_of, literal, quoted
from crashcart.backends.prometheus.selector import LabelMatcher, parse_selector
from crashcart.backends.text import NODE_NAME, clean

STRING = re.compile(r'"(?:[^"\\\n]|\\["\\n])*"')
nasty = st.text(st.one_of(st.sampled_from("\"\\\n{}[]()|.*+?^$,=~'`\x00 "), st.characters()), max_size=30)
names = st.lists(nasty, min_size=1, max_size=4)


def unquoted(text: str) -> str:
    """What a string literal means."""
    return re.sub(r'\\(["\\n])', lambda found: "\n" if found.group(1) == "n" else found.group(1), text[1:-1])


def skeleton(query: str) -> str:
    """A query with the content of its strings taken out."""
    return STRING.sub('""', query)


@given(nasty)
@example('"} or vector(1) or up{x="')
def test_a_quoted_value_is_one_string_that_means_the_value(value: str) -> None:
    text = quoted(value)
    assert STRING.fullmatch(text)
    assert unquoted(text) == value.encode("utf-8", "replace").decode()


@given(nasty, nasty)
def test_a_literal_matches_itself_and_nothing_else(value: str, other: str) -> None:
    pattern = re.compile(literal(value), re.DOTALL)
    assert pattern.fullmatch(value)
    assert bool(pattern.fullmatch(other)) == (other == value)


@given(names, nasty)
def test_no_name_changes_the_shape_of_a_query(hosts: list[str], job: str) -> None:
    promql = Promql((LabelMatcher("cluster", "=", job),), ("Hostname",), ("gpu",))
    tame = Promql((LabelMatcher("cluster", "=", "a"),), ("Hostname",), ("gpu",))
    recipe = RECIPES[0]
    for of, values, word in ((promql, hosts, job), (tame, ["a"], "a")):
        queries = [
            of.last_samples(recipe, "Hostname", values, 60.0, 5.0),
            of.last_values(["m"], "Hostname", values, 60.0),
            of.raw(recipe, "Hostname", values[0], 60.0),
            of.exporter_pods(values),
            of.last_good(word, values, 60.0),
            of.gpu_history(["m"], "Hostname", values),
            of.firing(1800.0),
            host_history(of, instances_pattern(values, values)),
        ]
        if of is promql:
            found = [skeleton(query) for query in queries]
        else:
            assert found == [skeleton(query) for query in queries]


@given(names)
def test_alternatives_match_exactly_the_given_names(values: list[str]) -> None:
    pattern = re.compile(any_of(values), re.DOTALL)
    assert all(pattern.fullmatch(value) for value in values)
    assert not pattern.fullmatch("".join(values) + "x")


@given(
    st.lists(st.tuples(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.sampled_from(["=", "!="]), nasty), max_size=4)
)
def test_a_selector_that_we_write_is_read_back(conditions: list[tuple[str, Any, str]]) -> None:
    wanted = tuple(LabelMatcher(name, sign, value) for name, sign, value in conditions if name != "__name__")
    text = ",".join(f"{one.name}{one.sign}{quoted(one.value)}" for one in wanted)
    kept = tuple(LabelMatcher(one.name, one.sign, unquoted(quoted(one.value))) for one in wanted)
    assert parse_selector(f"{{{text}}}") == kept


@given(st.text(max_size=60))
def test_a_selector_is_read_or_refused_with_a_reason(text: str) -> None:
    try:
        matchers = parse_selector(text)
    except ValueError as error:
        assert str(error).startswith("selector: ")
    else:
        assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", one.name) for one in matchers)


def written(value: Any) -> bytes:
    """JSON as a careless program writes it, with lone surrogates as escapes."""
    return json.dumps(value).encode()


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | nasty,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(nasty, inner, max_size=4),
    max_leaves=12,
)
wrapped = st.builds(lambda result: {"status": "success", "data": {"result": result}}, json_values)
bodies = st.one_of(
    st.binary(max_size=80),
    st.builds(written, st.one_of(json_values, wrapped)),
    st.builds(lambda body, cut: body[: len(body) // cut], st.builds(written, wrapped), st.integers(1, 4)),
)


@given(bodies)
def test_any_body_is_decoded_or_becomes_one_printable_line(body: bytes) -> None:
    for decoder in (vector_decoder(("Hostname", "gpu")), matrix_decoder(("Hostname", "gpu"))):
        try:
            decoder.decode(numbers(body))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            made = not_json(body, where="http://p:9090", what="query", reason=str(error))
            assert isinstance(made, BackendError) and str(made).isprintable()


@given(st.integers(100, 599), bodies, nasty)
def test_any_refusal_becomes_one_printable_line(status: int, body: bytes, said: str) -> None:
    made = refused(status, body, where="http://p:9090", what="/api/v1/query", sign_in="", location=said)
    assert isinstance(made, BackendError) and str(made).isprintable()
    assert clean(told(body)) == told(body)


labels = st.one_of(st.from_regex(r"gpu[0-9]{1,3}(\.a\.org)?(:[0-9]{1,5})?", fullmatch=True), nasty)
indexes = st.one_of(st.integers(0, 200).map(str), nasty)
keys = st.lists(st.tuples(labels, labels, indexes), max_size=12)


@given(st.lists(keys, min_size=1, max_size=4))
def test_rows_only_grow_and_every_value_keeps_its_gpu(batches: list[list[tuple[str, str, str]]]) -> None:
    fleet = Fleet()
    fleet.name_rows_by(("Hostname", "instance"), ("gpu",))
    expected: dict[tuple[str, int], float] = {}
    counts: dict[str, int] = {}
    for number, batch in enumerate(batches):
        rows, _ = fleet.place([tuple(key) for key in batch])
        assert all(fleet.counts[host] >= count for host, count in counts.items())
        counts = dict(fleet.counts)
        assert all(NODE_NAME.match(host) and 1 <= count <= MOST_GPUS for host, count in counts.items())
        assert fleet.size == len(fleet.reported) and len(set(fleet.hosts)) == len(fleet.hosts)
        column = array("f", fleet.column("xid"))
        places = {row: (host, row - start) for host, start, end in fleet.spans() for row in range(start, end)}
        for row in rows:
            assert -1 <= row < fleet.size
            if row >= 0:
                column[row] = float(number)
                expected[places[row]] = float(number)
        fleet.columns["xid"] = column
        held = {places[row]: value for row, value in enumerate(column) if not math.isnan(value)}
        assert held == expected


@given(st.lists(st.tuples(st.integers(0, 3), st.floats()), max_size=6))
def test_a_column_holds_finite_numbers_or_nothing(samples: list[tuple[int, float]]) -> None:
    fleet = Fleet()
    fleet.name_rows_by(("Hostname",), ("gpu",))
    fleet.place([("a", "3")])
    rows = [row for row, _ in samples]
    body = {"data": {"result": [{"metric": {"gpu": str(row)}, "value": [1.0, str(value)]} for row, value in samples]}}
    decoded = vector_decoder(("gpu",)).decode(numbers(msgspec.json.encode(body).replace(b'"inf"', b'"+Inf"')))
    assert [astuple(one.metric) for one in decoded.data.result] == [(str(row),) for row in rows]
    column = filled(fleet, fleet.blank(), set(), rows, decoded.data.result, 1.0)
    assert all(math.isnan(value) or abs(value) < 1.5e14 for value in column)


@given(st.dictionaries(nasty, nasty, max_size=5))
def test_fingerprints_do_not_depend_on_order(told_labels: dict[str, str]) -> None:
    backwards = dict(reversed(list(told_labels.items())))
    assert fingerprint(told_labels) == fingerprint(backwards)
    assert re.fullmatch(r"prom-[0-9a-f]{16}", fingerprint(told_labels))


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "1e+10", "9.223372036854775794e+18", "0"])
def test_every_number_that_prometheus_writes_is_read(value: str) -> None:
    body = msgspec.json.encode({"data": {"result": [{"metric": {}, "value": [1.5, value]}]}})
    (row,) = vector_decoder(("gpu",)).decode(numbers(body)).data.result
    assert str(row.value[1]) == str(float(value))
