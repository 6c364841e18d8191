"""Parts of a wall: options, block digits, ages, masks and the plan of its heatmap."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from crashcart.backends.model import Job, Silence
from crashcart.tui.heat_layout import Tile
from crashcart.tui.wall.canvas import Canvas
from crashcart.tui.wall.digits import SCALES, drawn, lines_of, short, width_in
from crashcart.tui.wall.heat_marks import aged, worst
from crashcart.tui.wall.heat_plan import plan
from crashcart.tui.wall.masks import COVER, Masks
from crashcart.tui.wall.options import MASKS, PAGES, address_of, seconds_of, size_of, words_of
from crashcart.tui.wall.source_doubt import Doubt, doubt_of, exact_age
from crashcart.tui.wall.tiles import plan as plan_tiles
from crashcart.tui.wall.watchdog import Watchdog

# options


def test_what_a_line_may_say() -> None:
    assert words_of("overview, jobs,overview", PAGES, "page") == ("overview", "jobs")
    assert [seconds_of(text) for text in ("20s", "2m", "30", "2.5s", "1h")] == [20.0, 120.0, 30.0, 2.5, 3600.0]
    assert (size_of("auto"), size_of("60x17"), size_of("400x110")) == (None, (60, 17), (400, 110))


@pytest.mark.parametrize("text", ["", "1s", "25h", "-5s", "20 s", "1d", "0", "9" * 30])
def test_times_that_are_none_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"e\.g\. 20s"):
        seconds_of(text)


@pytest.mark.parametrize("text", ["", "60", "60x", "x17", "5x5", "60x17x2", "9999x9999"])
def test_sizes_that_are_none_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"e\.g\. 100x28"):
        size_of(text)


def test_unknown_words_are_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no page 'nodes'; there are: overview, heatmap"):
        words_of("nodes", PAGES, "page")
    with pytest.raises(ValueError, match="no mask is named"):
        words_of(",", MASKS, "mask")


def test_a_port_alone_is_served_to_this_machine_only_and_everywhere_is_no_address() -> None:
    assert [str(address_of(text)) for text in ("8080", ":8080", "wall1.site:80", "[::1]:8080")] == [
        "127.0.0.1:8080", "127.0.0.1:8080", "wall1.site:80", "[::1]:8080",
    ]  # fmt: skip
    for text in ("", "wall1", "wall1:0", "wall1:70000", "a b:80", "http://wall1:80"):
        with pytest.raises(ValueError, match="is not HOST:PORT"):
            address_of(text)
    for text in ("0.0.0.0:80", "[::]:80"):
        with pytest.raises(ValueError, match="no address that a browser can open"):
            address_of(text)


# digits


@given(st.text("0123456789?%k", min_size=1, max_size=6), st.sampled_from(SCALES), st.booleans())
def test_block_digits_have_the_size_they_say(text: str, scale: int, hatched: bool) -> None:
    rows = drawn(text, scale, hatched=hatched)  # type: ignore[arg-type]
    assert len(rows) == lines_of(scale)  # type: ignore[arg-type]
    assert {cell_len(row) for row in rows} == {width_in(text, scale)}  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", SCALES)
def test_no_two_digits_look_alike_and_hatched_ones_look_different(scale: int) -> None:
    shapes = ["\n".join(drawn(sign, scale)) for sign in "0123456789?–"]  # type: ignore[arg-type]
    hatched = ["\n".join(drawn(sign, scale, hatched=True)) for sign in "0123456789"]  # type: ignore[arg-type]
    assert len({*shapes, *hatched}) == len(shapes) + len(hatched)


def test_what_is_not_known_is_a_question_mark_and_not_a_zero() -> None:
    assert [short(number) for number in (None, 0, 9_999, 12_345)] == ["?", "0", "9999", "12k"]


@given(st.integers(1, 10), st.integers(14, 400), st.integers(6, 100))
def test_tiles_fit_in_their_room(number: int, width: int, height: int) -> None:
    made = plan_tiles(number, width, height)
    assert made.height <= height
    assert made.columns * 14 <= width or made.columns == 1


# ages


@pytest.mark.parametrize(
    ("age", "interval", "doubt"),
    [
        (9.9, 5, Doubt.FRESH), (10, 5, Doubt.LATE), (24.9, 5, Doubt.LATE), (25, 5, Doubt.GONE),
        (899, 5, Doubt.GONE), (900, 5, Doubt.OLD), (2, 1, Doubt.FRESH), (900, 600, Doubt.FRESH), (1200, 600, Doubt.OLD),
    ],
)  # fmt: skip
def test_two_intervals_are_late_five_are_gone_and_a_quarter_of_an_hour_is_old(
    age: float, interval: float, doubt: Doubt
) -> None:
    assert doubt_of(age, interval) == doubt


def test_ages_are_exact() -> None:
    ages = [exact_age(seconds) for seconds in (-1, 14, 192, 7_500, 277_300, 86_400 * 200)]
    assert ages == ["0s", "14s", "3m12s", "2h05m", "3d05h", "200d00h"]


# the sheet


@given(st.lists(st.tuples(st.integers(-3, 50), st.integers(-2, 12), st.text(max_size=30))))
def test_nothing_that_is_written_changes_the_size_of_the_sheet(written: list[tuple[int, int, str]]) -> None:
    canvas = Canvas(40, 10)
    for x, y, text in written:
        canvas.put(x, y, text, "crit")
    assert all(len(row) == 40 for row in canvas._characters)
    assert all(sum(cell_len(text) for text, _ in canvas.line(y)) <= 41 for y in range(10))


def test_a_wide_character_takes_two_cells() -> None:
    canvas = Canvas(6, 1)
    canvas.put(0, 0, "漢a漢b漢")
    assert [text for text, _ in canvas.line(0)] == ["漢a漢…"] or cell_len(canvas.text) == 6


# the sign of life


def test_the_watchdog_tells_systemd_that_the_wall_lives_and_nobody_else(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5.0)
        watchdog = Watchdog({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        watchdog.ready()
        watchdog.alive()
        assert [systemd.recv(100) for _ in range(2)] == [b"READY=1", b"WATCHDOG=1"]
    watchdog.alive()  # systemd is gone: no harm done
    Watchdog({}).alive()


# masks


def job(**fields: str) -> Job:
    base = {
        "cluster": "a",
        "source": "slurm",
        "when": 1.0,
        "id": "42",
        "raw_id": "42",
        "name": "llama",
        "user": "alice",
    }
    return Job(**{**base, "state": "RUNNING", **fields})  # type: ignore[arg-type]


def test_masks_cover_fields_and_the_same_names_in_free_text() -> None:
    masks = Masks(frozenset(MASKS))
    covered = masks.entity(job(account="nlp", comment="alice's", work_dir="/home/alice"))
    assert isinstance(covered, Job)
    assert (covered.user, covered.name, covered.account, covered.comment, covered.work_dir) == (
        COVER, COVER, COVER, None, None,
    )  # fmt: skip
    assert covered.id == "42"
    assert masks.text("drained by alice: llama hangs, see alice@login1. crashcart:alice") == (
        f"drained by {COVER}: {COVER} hangs, see {COVER}@login1. crashcart:{COVER}"
    )
    assert masks.text("malice and llamas") == "malice and llamas"


def test_a_workload_is_known_by_a_number_where_jobs_are_masked_and_goes_by_the_same() -> None:
    masks = Masks(frozenset(("jobs",)))
    covered = masks.entity(job(id="train/llm-70b", workload="JobSet", user="train"))
    assert isinstance(covered, Job)
    assert "llm" not in covered.id
    assert masks.key("a/train/llm-70b") == covered.key
    assert masks.key("a/42_7") == "a/42_7"
    assert "llm-70b" not in masks.text("train/llm-70b makes no progress")


def test_without_masks_nothing_is_changed() -> None:
    masks = Masks()
    assert not masks
    assert masks.entity(job()) == job()
    silence = Silence(
        cluster="a", source="am", when=1.0, id="s", state="active", matchers=(), starts=0, ends=1, created_by="anna",
        comment="",
    )  # fmt: skip
    assert masks.entity(silence) is silence
    assert Masks(frozenset(("users",))).entity(silence) != silence


# the heatmap


@given(st.integers(1, 12_500), st.sampled_from([1, 4, 8, 16]), st.integers(20, 400), st.integers(4, 110))
def test_every_node_has_a_place_on_the_map(nodes: int, gpus: int, width: int, height: int) -> None:
    tiles = [Tile(f"a/gpu{n:05d}", "a", f"gpu{n:05d}", f"gpu{n:05d}", gpus) for n in range(nodes)]
    made = plan(tiles, width, height)
    cells = -(-nodes // made.each)
    assert made.columns * made.item_width <= width
    assert -(-cells // made.columns) * made.item_height <= height
    assert made.each == 1 or made.unit == "several"


def test_what_stands_for_many_is_the_worst_of_them() -> None:
    ok, warn, crit, stale = ("■", "series-1"), ("▲", "warn"), ("✕", "crit"), ("░", "stale")
    unknown = ("?", "unknown")
    assert worst([ok, stale, warn, crit, unknown]) == crit
    assert worst([ok, unknown, stale, warn]) == warn
    assert worst([ok, unknown, stale]) == stale
    assert worst([ok, unknown]) == unknown
    assert worst([ok, ok]) == ok


def test_an_old_sample_shows_its_minutes() -> None:
    shown = [aged(seconds, ("■", "ok"))[0] for seconds in (0, 61, 200, 599, 601, 3_700)]
    assert shown == ["■", "1", "3", "9", "+", "h"]
    assert all(re.fullmatch(r"[0-9+h]", sign) for sign in shown[1:])
