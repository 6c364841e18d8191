"""Target sets: what operators write becomes single names, and nothing else gets through."""

from __future__ import annotations

import time

import pytest

from crashcart.ops.targets import TargetError, expand, expand_jobs, fold


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gpu001", ("gpu001",)),
        ("gpu[001-003]", ("gpu001", "gpu002", "gpu003")),
        ("gpu[9-11]", ("gpu9", "gpu10", "gpu11")),
        ("gpu[1,3],login1", ("gpu1", "gpu3", "login1")),
        ("gpu1 gpu2", ("gpu1", "gpu2")),
        ("gpu1,gpu1", ("gpu1",)),
        ("r[1-2]n[1-2]", ("r1n1", "r1n2", "r2n1", "r2n2")),
        ("n[0-4/2]", ("n0", "n2", "n4")),
    ],
)
def test_a_set_expands_to_its_names_in_order(text: str, names: tuple[str, ...]) -> None:
    assert expand(text) == names


REFUSED = (
    *(
        "",
        " , ",
        "@all",
        "gpu*",
        "gpu?",
        "gpu[1-3]!gpu2",
        "gpu1&gpu2",
        "gpu1^gpu2",
        "gpu{1,2}",
        "gpu1;id",
        "-rf",
        "a/b",
    ),
    *("gpu[1", "gpu]", "gpu[]", "gpu[3-1]", "gpu[[1-2]]", "gpu[01-2]", "gpu[a-b]"),
    *("gpu1\n\x1b[31m", "gpu0б", "x" * 300),
)


@pytest.mark.parametrize("text", REFUSED)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(TargetError):
        expand(text)


@pytest.mark.parametrize("text", ["gpu[1-20001]", "gpu[0-999999999999]", "a[0-999]b[0-999]", "a[1-15000],b[1-15000]"])
def test_a_set_too_large_is_refused_before_it_is_made(text: str) -> None:
    begun = time.monotonic()
    with pytest.raises(TargetError, match="more than 20000"):
        expand(text)
    assert time.monotonic() - begun < 2.0


def test_the_largest_set_is_expanded() -> None:
    assert len(expand("gpu[00001-20000]")) == 20_000


def test_job_ids_may_be_arrays_and_heterogeneous() -> None:
    assert expand_jobs("42,9_[2-4],7+1") == ("42", "9_2", "9_3", "9_4", "7+1")


@pytest.mark.parametrize("text", ["gpu1", "42;1", "-1", "9_[2-4%2]"])
def test_what_is_no_job_is_refused(text: str) -> None:
    with pytest.raises(TargetError):
        expand_jobs(text)


def test_names_fold_to_ranges() -> None:
    assert fold(["gpu003", "gpu001", "gpu002", "login1"]) == "gpu[001-003],login1"
    assert fold([]) == ""
