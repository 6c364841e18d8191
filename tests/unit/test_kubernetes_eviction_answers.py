"""Every answer to an eviction that a real API server was seen to give, and what it means for the pod."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crashcart.backends.kubernetes.client import Reply
from crashcart.backends.kubernetes.eviction_answer import answer_of, eviction

RECORDED = Path(__file__).parents[1] / "data" / "kubernetes" / "1.36.2" / "replies.jsonl"


def recorded(path: str, when: str = "") -> Reply:
    """The reply to an eviction, as it came."""
    for line in RECORDED.read_text().splitlines():
        one = json.loads(line)
        asked = one["request"]
        if asked["path"] == f"/api/v1/namespaces/train/pods/{path}" and asked.get("when", "") == when:
            return Reply(one["status"], one["headers"], json.dumps(one["body"]).encode())
    raise LookupError(path)


def made(status: int, message: str = "", headers: dict[str, str] | None = None, **details: object) -> Reply:
    body = {"kind": "Status", "message": message, "details": details, "code": status}
    return Reply(status, headers or {}, json.dumps(body).encode())


def test_accepted_is_201_whatever_the_body_says() -> None:
    assert answer_of(recorded("llm-002-00/eviction?dryRun=All")).outcome == "evicts"
    assert answer_of(Reply(201, {}, b"\xff not understood")).outcome == "evicts"


def test_a_budget_blocks_with_its_name_and_numbers_and_is_asked_again_in_5_s() -> None:
    answer = answer_of(recorded("llm-002-01/eviction"))
    assert answer == ("blocked", "budget llm-002 needs 63 healthy pods and has 63", 5.0)


def test_a_budget_that_is_still_counted_is_asked_again_when_the_server_says() -> None:
    answer = answer_of(recorded("llm-002-01/eviction", "PDB status.observedGeneration is old"))
    assert (answer.outcome, answer.again_seconds) == ("blocked", 10.0)
    assert "still being processed by the server" in answer.why


def test_two_budgets_never_pass() -> None:
    answer = answer_of(recorded("llm-002-02/eviction", "two PDBs match"))
    assert answer.outcome == "refused"
    assert answer.why.startswith("This pod has more than one PodDisruptionBudget")


def test_a_pod_that_is_not_there_is_gone() -> None:
    assert answer_of(recorded("nope/eviction")).outcome == "gone"


def test_forbidden_is_told_in_the_words_of_the_server() -> None:
    answer = answer_of(recorded("llm-002-00/eviction"))
    assert answer.outcome == "refused"
    assert 'User "viewer" cannot create resource "pods/eviction"' in answer.why


def test_another_pod_of_the_same_name_means_that_the_old_one_is_gone() -> None:
    said = "the UID in the precondition (a) does not match the UID in record (b)"
    assert answer_of(made(409, f"Operation cannot be fulfilled on pods: {said}")).outcome == "gone"
    assert answer_of(made(409, "the object has been modified")).outcome == "refused"


@pytest.mark.parametrize(
    ("headers", "details", "seconds"),
    [({"Retry-After": "3"}, {}, 3.0), ({}, {"retryAfterSeconds": 7}, 7.0), ({}, {}, 1.0),
     ({"Retry-After": "soon"}, {}, 1.0), ({"Retry-After": "0"}, {}, 1.0), ({"Retry-After": "99999"}, {}, 60.0)],
)  # fmt: skip
def test_a_server_without_time_is_no_budget(
    headers: dict[str, str], details: dict[str, object], seconds: float
) -> None:
    answer = answer_of(made(429, "Too many requests", headers, **details))
    assert (answer.outcome, answer.again_seconds) == ("busy", seconds)
    assert answer.why == "the API server is overloaded: Too many requests"


@pytest.mark.parametrize("status", [500, 502, 504])
def test_what_failed_in_the_middle_may_be_under_way(status: int) -> None:
    assert answer_of(made(status, "etcdserver: request timed out")).outcome == "open"


def test_several_budgets_in_one_answer_are_all_named() -> None:
    causes = [
        {
            "reason": "DisruptionBudget",
            "message": f"The disruption budget {name} needs 2 healthy pods and has 1 currently",
        }
        for name in ("a", "b")
    ]
    answer = answer_of(made(429, "Cannot evict pod", causes=causes))
    assert answer.why == "budget a needs 2 healthy pods and has 1; budget b needs 2 healthy pods and has 1"


def test_a_request_is_for_this_very_pod() -> None:
    body = eviction("llm-0", "uid-1", is_dry=True)
    assert body["deleteOptions"] == {"dryRun": ["All"], "preconditions": {"uid": "uid-1"}}
    assert eviction("llm-0", "", is_dry=False)["deleteOptions"] == {}
