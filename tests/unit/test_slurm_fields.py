"""The small pieces of Slurm's text."""

from __future__ import annotations

import pytest

from crashcart.backends.errors import Malformed
from crashcart.backends.slurm.fields import MOST_NODES, duration, expand, fields, gpus, indexes, moment, told, whole


def test_values_with_blanks_and_equal_signs_stay_whole() -> None:
    line = "NodeName=gpu01 OS=Linux 6.1 #1 SMP  Gres=gpu:h100:8(S:0-1) ReqB:S:C:T=0:0:*:* CPUs/Task=1 Comment=a b=c"
    assert fields(line) == {
        "NodeName": "gpu01",
        "OS": "Linux 6.1 #1 SMP",
        "Gres": "gpu:h100:8(S:0-1)",
        "ReqB:S:C:T": "0:0:*:*",
        "CPUs/Task": "1",
        "Comment": "a b=c",
    }


def test_the_first_of_a_repeated_key_counts() -> None:
    assert fields("State=DOWN Comment=x State=IDLE")["State"] == "DOWN"


@pytest.mark.parametrize("nothing", ["", "(null)", "N/A", "None", "Unknown", "n/a"])
def test_slurms_words_for_nothing_are_none(nothing: str) -> None:
    assert (told(nothing), whole(nothing), moment(nothing), duration(nothing)) == (None, None, None, None)


def test_times_are_read_as_utc() -> None:
    assert moment("1970-01-02T00:00:01") == 86401.0


def test_a_time_of_another_shape_is_malformed() -> None:
    with pytest.raises(Malformed, match="23 Nov"):
        moment("23 Nov 10:00")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7-00:00:00", 604800.0),
        ("1-12", 129600.0),
        ("1-12:30", 131400.0),
        ("1:30:00", 5400.0),
        ("01:00:00", 3600.0),
        ("10:00", 600.0),
        ("90", 5400.0),
        ("UNLIMITED", None),
        ("Partition_Limit", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


def test_a_duration_of_another_shape_is_malformed() -> None:
    with pytest.raises(Malformed):
        duration("soon")


@pytest.mark.parametrize(
    ("text", "count", "type_", "known"),
    [
        ("gpu:8", 8, None, None),
        ("gpu:h100:8", 8, "h100", None),
        ("gpu:h100:8(S:0-1)", 8, "h100", None),
        ("gpu:h100:4(IDX:0-3)", 4, "h100", (0, 1, 2, 3)),
        ("gpu:h100:3(IDX:0,2,7)", 3, "h100", (0, 2, 7)),
        ("gpu:h100:0(IDX:N/A)", 0, "h100", ()),
        ("gpu:a100:2(IDX:0-1),gpu:h100:1(IDX:5)", 3, "a100", (0, 1, 5)),
        ("gpu:a100:2(IDX:0-1),gpu:h100:1", 3, "a100", None),
        ("shard:4,gpu:h100:1(IDX:5),nic:2", 1, "h100", (5,)),
        ("gres:gpu:h100:4", 4, "h100", None),
        ("gres/gpu:h100:4", 4, "h100", None),
        ("gres/gpu=2", 2, None, None),
        ("gres/gpu:h100=2", 2, "h100", None),
    ],
)
def test_gpus_of_a_gres_string(text: str, count: int, type_: str | None, known: tuple[int, ...] | None) -> None:
    found = gpus(text)
    assert found is not None
    assert (found.count, found.type, found.indexes) == (count, type_, known)


@pytest.mark.parametrize("text", ["(null)", "", "N/A", "shard:4", "license:gpu", None])
def test_a_gres_string_without_gpus_names_none(text: str | None) -> None:
    assert gpus(text) is None


def test_indexes_of_another_shape_are_malformed() -> None:
    with pytest.raises(Malformed):
        indexes("0-3,x")


def test_node_lists_are_expanded_with_their_padding() -> None:
    assert expand("gpu[008-011],login1") == ("gpu008", "gpu009", "gpu010", "gpu011", "login1")
    assert expand("r[1-2]n[01-02]") == ("r1n01", "r1n02", "r2n01", "r2n02")


@pytest.mark.parametrize(
    "text",
    ["", "gpu[1-", "@all", "gpu01 gpu02", "$(id)", "g[1-999999999]", "a[1-900]b[1-900]", "*", "gpu[01-04]!gpu02"],
)
def test_what_is_no_list_of_nodes_is_malformed_at_once(text: str) -> None:
    with pytest.raises(Malformed):
        expand(text)


def test_the_largest_list_is_still_expanded() -> None:
    assert len(expand(f"g[1-{MOST_NODES}]")) == MOST_NODES
