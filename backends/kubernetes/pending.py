"""Why pods wait, short enough for a column: the scheduler's sentence about 1,000 nodes as counted reasons."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from crashcart.backends.text import clean

_AVAILABLE = re.compile(r"\d+/\d+ nodes are available: ?")
_END = re.compile(r"[. ]*(?: preemption:| no new claims to deallocate).*\Z", re.DOTALL)
_COUNTED = re.compile(r"(\d+) (?:node\(s\) )?(.*)", re.DOTALL)
_BETWEEN = re.compile(r", (?=\d+ )")
_TAINT = re.compile(r"had (?:untolerated )?taint(?:\(s\))?(?: \{([^:}]*)(?:: ?[^}]*)?\})?.*", re.DOTALL)
_SHORT = {
    "were unschedulable": "cordoned",
    "didn't match Pod's node affinity/selector": "node affinity/selector",
    "didn't match pod affinity rules": "pod affinity",
    "didn't match pod anti-affinity rules": "pod anti-affinity",
    "didn't match pod topology spread constraints": "topology spread",
    "didn't satisfy plugin(s) [NodeResourcesFit]": "do not fit",
    "didn't have free ports for the requested pod ports": "ports taken",
    "had volume node affinity conflict": "volume elsewhere",
    "had no available volume zone": "volume elsewhere",
}
_LONGEST = 160
_MOST = 3


def short_reason(message: str) -> str:
    """`0/1000 nodes are available: 3 Insufficient nvidia.com/gpu, ...` as `3 Insufficient nvidia.com/gpu, ...`,
    the most nodes first; any other message as it is, on one line."""
    start = _AVAILABLE.search(message)
    if start is None:
        return clean(" ".join(message.split()), limit=_LONGEST)
    text = _END.sub("", message[start.end() :]).rstrip(". ")
    counts: Counter[str] = Counter()
    for part in _BETWEEN.split(text):
        match = _COUNTED.match(part)
        if match is None:
            return clean(" ".join(text.split()), limit=_LONGEST)
        counts[_why(match[2])] += int(match[1])
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return clean(", ".join(f"{count} {why}" for why, count in ordered), limit=_LONGEST)


def _why(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    taint = _TAINT.match(text)
    if taint is not None:
        return f"untolerated taint {taint[1]}" if taint[1] else "untolerated taint"
    return _SHORT.get(text, text)


def grouped(reasons: Iterable[str]) -> str | None:
    """Reasons of a job's pods, each once: `ImagePullBackOff (2 pods), 3 Insufficient nvidia.com/gpu (6 pods)`."""
    counts = Counter(reason for reason in reasons if reason)
    if not counts:
        return None
    if len(counts) == 1:
        return next(iter(counts))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    told = [f"{why} ({number} pod{'s' * (number > 1)})" for why, number in ordered[:_MOST]]
    more = len(counts) - _MOST
    return "; ".join(told) + (f"; {more} more" if more > 0 else "")
