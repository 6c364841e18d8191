"""The simulated cluster understands `amtool silence add | update | expire`: what the preview shows is what it is given.

Exit codes and texts are those of amtool 0.25. In one thing it is stricter: a first matcher that cannot be read is
refused, where amtool takes the whole of it for the name of an alert.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from crashcart.backends.model import Matcher

from .matchers import BadMatcher, parse
from .protocol import Ran
from .silences import Refused, SilenceBook, SimSilence

DEFAULT_SECONDS = 3600.0
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0}
_DURATION = re.compile(r"(?:\d+[smhdw])+\Z")
_SHORT = {"-a": "author", "-d": "duration", "-c": "comment"}
_LONG = frozenset({"author", "duration", "start", "end", "comment"})


class Usage(Exception):
    """A command line that amtool itself refuses."""


def run(book: SilenceBook, user: str, now: float, argv: tuple[str, ...]) -> Ran | None:
    """Run an amtool command; None when it is none."""
    if argv[:1] != ("amtool",):
        return None
    try:
        match argv[1:]:
            case ("silence", "add", *words):
                return _add(book, user, now, words)
            case ("silence", "update", *words):
                return _update(book, now, words)
            case ("silence", "expire", *words):
                return _expire(book, words)
            case ("silence", "query", *_) | ("silence",):
                return Ran(0, _table([book.silences[key] for key in book.silences], now))
    except (Usage, BadMatcher) as error:
        return _failed(str(error))
    return _failed(f'expected command but got "{" ".join(argv[1:2])}"')


def _failed(text: str) -> Ran:
    return Ran(1, stderr=f"amtool: error: {text}\n\n")


def _add(book: SilenceBook, user: str, now: float, words: list[str]) -> Ran:
    given, rest = _options(words)
    if not given.get("comment"):
        raise Usage("comment required by config")
    if not rest:
        raise Usage("no matchers specified")
    starts = _moment(given["start"]) if "start" in given else now
    ends = _end(given, starts, now + DEFAULT_SECONDS)
    if ends <= starts:
        raise Usage("silence cannot start after it ends")
    author = given.get("author") or user
    try:
        made = book.add(_matchers(rest), starts, ends, author, given["comment"])
    except Refused as error:
        return _failed(f"[POST /silences][400] postSilencesBadRequest  {error}")
    return Ran(0, f"{made}\n")


def _matchers(words: list[str]) -> tuple[Matcher, ...]:
    """The first may be the bare name of an alert."""
    first = Matcher("alertname", words[0]) if re.fullmatch(r"[\w:-]+", words[0]) else parse(words[0])
    return (first, *map(parse, words[1:]))


def _update(book: SilenceBook, now: float, words: list[str]) -> Ran:
    given, ids = _options(words)
    if not ids:
        raise Usage("no silence IDs specified")
    updated: list[SimSilence] = []
    for silence_id in ids:
        try:
            silence = book.find(silence_id)
        except Refused:
            return _failed("[GET /silence/{silenceID}][404] getSilenceNotFound ")
        ends = _end(given, max(now, silence.starts), silence.ends)
        if ends <= silence.starts:
            raise Usage("silence cannot start after it ends")
        try:
            updated.append(book.find(book.update(silence_id, ends, given.get("comment") or None)))
        except Refused as error:
            return _failed(f"[POST /silences][400] postSilencesBadRequest  {error}")
    return Ran(0, _table(updated, now))


def _expire(book: SilenceBook, words: list[str]) -> Ran:
    _, ids = _options(words)
    if not ids:
        raise Usage("no silence IDs specified")
    for silence_id in ids:
        try:
            book.expire(silence_id)
        except Refused as error:
            return _failed(f"[DELETE /silence/{{silenceID}}][500] deleteSilenceInternalServerError  {error}")
    return Ran(0)


def _options(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Options by their long names, and what is left; `--end=X`, `--end X` and `-d X` are all taken."""
    given: dict[str, str] = {}
    rest: list[str] = []
    left = iter(words)
    for word in left:
        name, is_joined, value = word.removeprefix("--").partition("=")
        if word in _SHORT:
            given[_SHORT[word]] = next(left, "")
        elif word.startswith("--"):
            if name not in _LONG:
                raise Usage(f"unknown long flag '--{name}'")
            given[name] = value if is_joined else next(left, "")
        else:
            rest.append(word)
    return given, rest


def _end(given: dict[str, str], start: float, default: float) -> float:
    if "end" in given:
        return _moment(given["end"])
    if "duration" not in given:
        return default
    text = given["duration"]
    if not _DURATION.match(text):
        raise Usage(f'not a valid duration string: "{text}"')
    return start + sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", text))


def moment_text(when: float) -> str:
    """Unix seconds in the form that amtool reads, to the millisecond."""
    moment = datetime.fromtimestamp(round(when, 3), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Usage(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"') from error
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _table(silences: list[SimSilence], now: float) -> str:
    """Silences that are not over, in amtool's columns."""
    rows = [("ID", "Matchers", "Ends At", "Created By", "Comment")]
    for silence in silences:
        if silence.state(now) != "expired":
            ends = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(silence.ends))
            rows.append((silence.id, " ".join(map(str, silence.matchers)), ends, silence.created_by, silence.comment))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + "\n" for row in rows)
