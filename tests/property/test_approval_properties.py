"""No answer makes an action run but one by another person, who may do it, to the very hash of the plan."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from crashcart.ops.actor import Actor
from crashcart.ops.approvals import Answer, Posted
from crashcart.ops.approvals_desk import ApprovalDesk, DoesNotCount
from crashcart.ops.approvals_shelf import Shelf
from crashcart.ops.policy import PolicyRequest, PolicyTarget
from crashcart.ops.policy_load import parse_policy
from tests.unit.shared_desks import PEOPLE, SHARED_POLICY, SharedDesk, person
from tests.unit.small_cluster import SmallCluster, node

POLICY = parse_policy(SHARED_POLICY, "test")
WORD = st.sampled_from(["a" * 32, "b" * 32])
HASH = st.sampled_from(["1" * 64, "2" * 64, ""])
UID = st.sampled_from([*PEOPLE, 0, 4242])
USER = st.sampled_from([*PEOPLE.values(), "root", ""])


def posted() -> Posted:
    """What alice asks, as her executor keeps it; only its id and hash are varied here."""

    async def asked() -> Posted:
        with tempfile.TemporaryDirectory() as folder:
            desk = SharedDesk(SmallCluster(nodes=[node("gpu001")]), Path(folder))
            waiting = asyncio.create_task(desk.confirms(await desk.previews("reboot", "gpu001", reason="x")))
            found = await desk.sees()
            desk.runner.hang_up()
            await waiting
            return found

    return asyncio.run(asked())


ASKED = posted()


@given(
    request=st.one_of(st.just(ASKED.request.id), WORD),
    sha256=st.one_of(st.just(ASKED.sha256), HASH),
    verdict=st.sampled_from(["approved", "denied"]),
    user=USER,
    uid=UID,
    owner=UID,
)
def test_only_another_persons_word_on_this_hash_counts(
    request: str, sha256: str, verdict: str, user: str, uid: int, owner: int
) -> None:
    answer = Answer(request, sha256, verdict, user, uid, 0.0)  # type: ignore[arg-type]
    desk = ApprovalDesk(Shelf(Path("/nonexistent"), 1000), person=person)

    def question(who: Actor) -> PolicyRequest:
        return PolicyRequest(who.user, who.groups, "small", "reboot", (PolicyTarget("gpu001"),), 0.0)

    try:
        approver = asyncio.run(desk.judge(ASKED, answer, owner, POLICY, question))
    except DoesNotCount:
        is_good = (request, sha256, verdict) == (ASKED.request.id, ASKED.sha256, "approved")
        assert not (is_good and (user, uid, owner) == ("bob", 1001, 1001)), "bob's honest word must count"
        return
    assert (approver.user, owner, uid, user) == ("bob", 1001, 1001, "bob")
    assert (request, sha256, verdict) == (ASKED.request.id, ASKED.sha256, "approved")
