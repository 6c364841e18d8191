"""Whatever Slurm's commands print, the parsers return entities without control characters or raise Malformed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crashcart.backends.errors import Malformed
from crashcart.backends.slurm.fields import duration, expand, gpus, indexes, moment, whole
from crashcart.backends.slurm.parse_details import parse_details
from crashcart.backends.slurm.parse_jobs import Listing, parse_squeue, squeue
from crashcart.backends.slurm.parse_nodes import parse_nodes
from crashcart.backends.slurm.parse_queues import parse_ping, parse_queues
from crashcart.backends.text import clean

SAMPLES = Path(__file__).parents[1] / "data" / "slurm"
ROW_MARK = "7f3a9c01"
LISTING = (SAMPLES / "24.11.5" / "squeue-all.txt").read_bytes()
FREE_TEXT = parse_squeue(LISTING, token=ROW_MARK, cluster="a", when=1.0).free_text

Parser = Callable[[bytes], object]
PARSERS: dict[str, Parser] = {
    "show-node": partial(parse_nodes, cluster="a", when=1.0),
    "show-node-maintenance": partial(parse_nodes, cluster="a", when=1.0),
    "squeue-all": lambda raw: parse_squeue(raw, token=ROW_MARK, cluster="a", when=1.0).jobs,
    "show-job": lambda raw: tuple(parse_details(raw, FREE_TEXT).values()),
    "show-partition": partial(parse_queues, cluster="a", when=1.0),
    "ping-up": parse_ping,
}
PIECES = (whole, moment, duration, gpus, indexes, expand)

junk = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"\n", b"|", b"=", b" ", b"\x00", b"\x1b]0;x\x07", b"\xff", "\u202e".encode(), ROW_MARK.encode()]),
    st.sampled_from(
        [b" State=", b" JobId=1 ", b"\nJobId=2 JobName=", b"GRES=gpu:9(IDX:0-9999)", b"9" * 30, b"[1-99999999]"]
    ),
)
edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 60), junk), min_size=1, max_size=6)

few = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def edited(raw: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """`raw` with each change: at this share of its length, so many bytes are replaced."""
    for place, count, new in changes:
        at = int(place * len(raw))
        raw = raw[:at] + new + raw[at + count :]
    return raw


def texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for part in value.items() for text in texts(part)]
    if isinstance(value, list | tuple):
        return [text for part in value for text in texts(part)]
    return []


def judge(parser: Parser, raw: bytes) -> None:
    try:
        found = parser(raw)
    except Malformed as error:
        assert clean(str(error), limit=10_000) == str(error)
        return
    for text in texts(msgspec.to_builtins(found)):
        assert clean(text, limit=100_000) == text


@pytest.mark.parametrize("name", PARSERS)
@few
@given(raw=st.binary(max_size=300))
def test_any_bytes_are_read_or_malformed(name: str, raw: bytes) -> None:
    judge(PARSERS[name], raw)


@pytest.mark.parametrize("version", ["22.05.8", "24.11.5"])
@pytest.mark.parametrize("name", PARSERS)
@few
@given(changes=edits)
def test_damaged_output_is_read_or_malformed(name: str, version: str, changes: list[tuple[float, int, bytes]]) -> None:
    judge(PARSERS[name], edited((SAMPLES / version / f"{name}.txt").read_bytes(), changes))


@few
@given(text=st.text(max_size=60))
def test_small_pieces_are_read_or_malformed(text: str) -> None:
    for piece in PIECES:
        try:
            piece(text)
        except Malformed:
            continue


def row(number: int, account: str, name: str) -> str:
    """A row as squeue prints it for the format that it is asked with."""
    form = squeue(ROW_MARK)[-1]
    known = {"%A": str(number), "%i": str(number), "%F": str(number), "%u": "alice", "%T": "RUNNING", "%D": "1"}
    for key, value in {**known, "%Q": "1", "%l": "1:00", "%N": "gpu01"}.items():
        form = form.replace(key, value)
    for key in ("%P", "%q", "%r", "%b", "%V", "%S", "%e"):
        form = form.replace(key, "N/A")
    return form.replace("%a", account).replace("%j", name) + "\n"


free_text = st.text(max_size=80).filter(lambda text: ROW_MARK not in text and "%" not in text)


@few
@given(texts_of_jobs=st.lists(st.tuples(free_text, free_text), min_size=1, max_size=5))
def test_no_free_text_adds_hides_or_moves_a_row(texts_of_jobs: list[tuple[str, str]]) -> None:
    raw = "".join(row(number, *free) for number, free in enumerate(texts_of_jobs, 1))
    listing: Listing = parse_squeue(raw.encode("utf-8", "surrogatepass"), token=ROW_MARK, cluster="a", when=1.0)
    assert [job.id for job in listing.jobs] == [str(number) for number in range(1, len(texts_of_jobs) + 1)]
    assert {job.node_list for job in listing.jobs} == {"gpu01"}
