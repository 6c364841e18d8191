"""The one line that the far shell gets: a real shell reads back exactly the words that went in."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashcart.backends.ssh.runner import LONGEST_ARGUMENT, command_line

LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
WORDS = st.lists(st.text(LETTERS, max_size=40), max_size=6)
SHELLS = [name for name in ("sh", "bash", "dash", "zsh", "ksh") if shutil.which(name)]


def read_back(shell: str, line: str) -> list[bytes]:
    done = subprocess.run([shell, "-c", line], capture_output=True, check=True)
    return done.stdout.split(b"\0")[:-1]


@settings(max_examples=60, deadline=None)
@given(WORDS, st.sampled_from(SHELLS))
def test_a_shell_reads_back_the_words(words: list[str], shell: str) -> None:
    line = command_line(["/usr/bin/printf", "%s\\0", "first", *words])
    assert read_back(shell, line) == [b"first", *(word.encode() for word in words)]


@settings(max_examples=30, deadline=None)
@given(st.text(LETTERS, max_size=60))
def test_a_shell_reads_back_a_variable(value: str) -> None:
    assert read_back("sh", command_line(["printenv", "-0", "CC_X"], {"CC_X": value})) == [value.encode()]


def test_plain_words_stay_as_an_operator_would_type_them() -> None:
    argv = ["scontrol", "update", "nodename=gpu001", "state=DRAIN", "reason=xid 79"]
    assert command_line(argv) == "scontrol update nodename=gpu001 state=DRAIN 'reason=xid 79'"
    assert command_line(["squeue"], {"LC_ALL": "C"}) == "env LC_ALL=C squeue"


@pytest.mark.parametrize("program", ["", " ", "-x", "A=b", "a;b", "$(id)", "~/x", "a b", "a\n", "é", "*", "|"])
def test_the_first_word_must_be_a_program(program: str) -> None:
    with pytest.raises(ValueError, match="is not a program's name"):
        command_line([program, "x"])


def test_no_word_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a program's name"):
        command_line([])


@pytest.mark.parametrize("name", ["", "A B", "A=B", "-i", "1A", "A\n", "é", "A;id"])
def test_variables_must_have_plain_names(name: str) -> None:
    with pytest.raises(ValueError, match="is not a variable's name"):
        command_line(["true"], {name: "x"})


@pytest.mark.parametrize("word", ["a\0b", "x" * (LONGEST_ARGUMENT + 1), "é" * (LONGEST_ARGUMENT // 2 + 1)])
def test_a_nul_or_a_very_long_argument_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="NUL or is longer than 4096 bytes"):
        command_line(["echo", word])
    with pytest.raises(ValueError, match="NUL or is longer than 4096 bytes"):
        command_line(["echo"], {"X": word})


def test_a_line_that_no_shell_would_start_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 100 KiB"):
        command_line(["echo", *["x" * 4000] * 30])
    with pytest.raises(ValueError, match="longer than 100 KiB"):
        command_line(["echo", *["'" * 4000] * 6])  # quoting makes each of them five


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        command_line(["echo", "\ud800"])
