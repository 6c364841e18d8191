"""What a scheduler says about a thousand nodes fits into a column."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crashcart.backends.kubernetes.folding import fold
from crashcart.backends.kubernetes.pending import grouped, short_reason

RECORDED = Path(__file__).parents[1] / "data" / "kubernetes" / "1.36.2" / "replies.jsonl"


@pytest.mark.parametrize(
    ("message", "short"),
    [
        ("0/8 nodes are available: 8 Insufficient nvidia.com/gpu.", "8 Insufficient nvidia.com/gpu"),
        (
            "0/12 nodes are available: 1 node(s) had untolerated taint {nvidia.com/gpu: present}, 3 Insufficient "
            "nvidia.com/gpu, 8 node(s) didn't match Pod's node affinity/selector. preemption: 0/12 nodes are "
            "available: 12 Preemption is not helpful for scheduling.",
            "8 node affinity/selector, 3 Insufficient nvidia.com/gpu, 1 untolerated taint nvidia.com/gpu",
        ),
        (
            "0/3 nodes are available: 2 node(s) were unschedulable, 1 node(s) had taint {a: b}, that the pod didn't "
            "tolerate.",
            "2 cordoned, 1 untolerated taint a",
        ),
        ("0/0 nodes are available.", "0/0 nodes are available."),
        ("0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
         "pod has unbound immediate PersistentVolumeClaims"),
        ("running PreBind plugin:\n timed out", "running PreBind plugin: timed out"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_schedulers_sentence_becomes_counted_reasons(message: str, short: str) -> None:
    assert short_reason(message) == short


def test_the_recorded_message_becomes_one_reason() -> None:
    replies = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    (body,) = [one["body"] for one in replies if "labelSelector=app%3Dbig" in one["request"]["path"]]
    message = body["items"][0]["status"]["conditions"][0]["message"]
    assert short_reason(message) == "1000 untolerated taint"


def test_reasons_are_told_once_with_their_pods_and_no_more_than_three() -> None:
    assert grouped(["a", "a", "", "a"]) == "a"
    assert grouped(["a", "b", "b"]) == "b (2 pods); a (1 pod)"
    assert grouped(["d", "c", "b", "a"]) == "a (1 pod); b (1 pod); c (1 pod); 1 more"
    assert grouped(["", ""]) is None


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        ([], ""),
        (["gpu007"], "gpu007"),
        (["gpu003", "gpu001", "gpu002", "gpu005"], "gpu[001-003,005]"),
        (["n9", "n10", "n11"], "n9,n[10-11]"),
        (["login", "gpu1.example", "gpu2.example"], "gpu[1-2].example,login"),
    ],
)
def test_names_fold_by_their_last_number(names: list[str], folded: str) -> None:
    assert fold(names) == folded
