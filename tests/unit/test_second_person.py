"""Two persons: what one of them asks runs only when another one, who may do the same, has agreed to exactly that."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from crashcart.ops.approvals import ApprovalsUnavailable
from crashcart.ops.approvals_shelf import Shelf
from crashcart.ops.audit import read, verify
from crashcart.ops.audit_entries import latest
from crashcart.ops.protocol import Answered, ConfirmRequest, Finished, Refused
from tests.unit.runner_desk import Desk, ManualClock
from tests.unit.shared_desks import SHARED_POLICY, SharedDesk, begun, shared_directory
from tests.unit.small_cluster import SmallCluster, node


@pytest.fixture
def cluster() -> SmallCluster:
    return SmallCluster(nodes=[node(f"gpu{number:03}") for number in range(1, 21)] + [node("login1")])


@pytest.fixture
def alice(cluster: SmallCluster, tmp_path: Path) -> SharedDesk:
    return SharedDesk(cluster, tmp_path)


@pytest.fixture
def bob(cluster: SmallCluster, tmp_path: Path) -> SharedDesk:
    return SharedDesk(cluster, tmp_path, 1001)


def phases(desk: Desk) -> list[tuple[str, str | None]]:
    return [(record["phase"], record.get("state")) for record in read(desk.audit_file)]


async def test_what_a_second_person_agrees_to_runs_with_both_names_on_record(
    cluster: SmallCluster, alice: SharedDesk, bob: SharedDesk
) -> None:
    plan = await alice.previews("reboot", "gpu001", reason="INC-1")
    assert (plan.confirmation.kind, plan.confirmation.expect) == ("second-person", "gpu001")
    waiting = await begun(alice, plan)

    posted = await bob.sees()
    assert cluster.applied == []
    assert (posted.request.requester, posted.request.plan.title) == ("alice", "Reboot gpu001")
    await alice.hears("waits for a second person, 15:00 left")
    answer = await bob.answers_with(posted)
    assert answer == Answered("a1", "approved as bob (unverified); the executor of alice runs it")

    ended = await waiting
    assert isinstance(ended, Finished)
    assert [change.text for change in cluster.applied] != []
    assert [phase for phase, _ in phases(alice)] == ["request", "approved", "intent", "start", "end"]
    intent = next(record for record in read(alice.audit_file) if record["phase"] == "intent")
    assert intent["actor"]["user"] == "alice"
    assert intent["second_person"] == {"user": "bob", "uid": 1001, "principal": "", "key": ""}
    (told,) = read(bob.audit_file)
    assert (told["phase"], told["state"], told["requester"]) == ("answer", "APPROVED", "alice")
    assert verify(alice.audit_file).bad is None
    assert bob.desk.shelf.requests(bob.clock.now()) == ()


async def test_without_a_directory_a_second_person_is_refused_as_ever(cluster: SmallCluster, tmp_path: Path) -> None:
    desk = Desk(cluster, tmp_path, SHARED_POLICY)

    refused = await desk.is_refused("reboot", "gpu001", reason="x")

    assert refused.why == (
        "confirm: reboot needs a second person, because its risk is critical;"
        " where to ask one is not configured: [approvals] directory"
    )


async def test_a_directory_for_everybody_is_refused(cluster: SmallCluster, alice: SharedDesk, tmp_path: Path) -> None:
    shared_directory(tmp_path).chmod(0o2777)

    refused = await alice.is_refused("reboot", "gpu001", reason="x")

    assert "mode 2777 is not that of a directory for one group" in refused.why
    assert cluster.applied == []


async def test_a_wrong_word_asks_nobody(alice: SharedDesk) -> None:
    plan = await alice.previews("reboot", "gpu001", reason="x")

    refused = await alice.runner.confirm(ConfirmRequest(plan.plan_id, "gpu002"))

    assert isinstance(refused, Refused)
    assert alice.desk.shelf.requests(alice.clock.now()) == ()


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ({"sha256": "0" * 64}, "to another plan"),
        ({"user": "carol"}, "says that it is from carol, and belongs to user id 1001"),
    ],
)
async def test_an_agreement_to_something_else_or_from_nobody_does_not_count(
    cluster: SmallCluster, alice: SharedDesk, bob: SharedDesk, forged: dict[str, object], why: str
) -> None:
    waiting = await begun(alice, await alice.previews("reboot", "gpu001", reason="x"))

    bob.forges(await bob.sees(), **forged)

    await alice.hears(why)
    alice.runner.hang_up()
    assert isinstance(await waiting, Refused)
    assert cluster.applied == []
    assert ("not counted", "CONFIRMED") in phases(alice)


async def test_nobody_agrees_to_their_own_request(cluster: SmallCluster, alice: SharedDesk) -> None:
    waiting = await begun(alice, await alice.previews("reboot", "gpu001", reason="x"))
    posted = await alice.sees()

    refused = await alice.answers_with(posted)
    assert isinstance(refused, Refused)
    assert refused.why == "it is your own request, so somebody else must agree"

    alice.forges(posted)
    await alice.hears("alice asked, so somebody else must agree")
    alice.runner.hang_up()
    await waiting
    assert cluster.applied == []


async def test_whoever_may_not_do_it_may_not_agree_to_it(
    cluster: SmallCluster, alice: SharedDesk, tmp_path: Path
) -> None:
    waiting = await begun(alice, await alice.previews("reboot", "gpu001", reason="x"))
    carol = SharedDesk(cluster, tmp_path, 1002)
    posted = await carol.sees()

    refused = await carol.answers_with(posted)
    assert isinstance(refused, Refused)
    assert "carol may not do it either: role: no role is bound to carol" in refused.why

    carol.forges(posted)
    await alice.hears("carol may not do it either")
    alice.runner.hang_up()
    await waiting
    assert cluster.applied == []


async def test_an_unverified_agreement_counts_only_where_the_policy_says_so(
    cluster: SmallCluster, tmp_path: Path
) -> None:
    strict = SHARED_POLICY.replace('unverified = "allow"', 'unverified = "deny"')
    alice, bob = SharedDesk(cluster, tmp_path, policy=strict), SharedDesk(cluster, tmp_path, 1001)
    waiting = await begun(alice, await alice.previews("reboot", "gpu001", reason="x"))

    bob.forges(await bob.sees())

    await alice.hears("nothing proves that it is bob")
    alice.runner.hang_up()
    await waiting
    assert cluster.applied == []


async def test_a_denial_is_final_and_says_who_and_why(
    cluster: SmallCluster, alice: SharedDesk, bob: SharedDesk
) -> None:
    waiting = await begun(alice, await alice.previews("reboot", "gpu001", reason="x"))
    posted = await bob.sees()
    bob.forges(posted, sha256="1" * 64)

    answer = await bob.answers_with(posted, "denied", "the job on it ends at noon")

    assert isinstance(answer, Answered)
    refused = await waiting
    assert isinstance(refused, Refused)
    assert (refused.code, refused.why) == (
        "approval",
        "bob denied it: the job on it ends at noon; nothing was done",
    )
    assert cluster.applied == []
    assert phases(alice)[-1] == ("denied", "CANCELLED")
    assert latest(alice.audit_file, 1)[0]["result"] == "gpu001: bob denied it: the job on it ends at noon"
    assert phases(bob) == [("answer", "DENIED")]


async def test_a_target_that_changed_while_waiting_voids_the_request(
    cluster: SmallCluster, alice: SharedDesk, bob: SharedDesk
) -> None:
    waiting = await begun(alice, await alice.previews("reboot", "gpu001", reason="x"))
    posted = await bob.sees()
    cluster.nodes["gpu001"] = node("gpu001", "IDLE", "DRAIN", reason="NHC: ib0 down")

    refused = await bob.answers_with(posted)
    assert isinstance(refused, Refused)
    assert "gpu001 is no longer as the request shows it" in refused.why

    bob.forges(posted)
    ended = await waiting
    assert isinstance(ended, Refused)
    assert "gpu001 has changed since the preview" in ended.why
    assert cluster.applied == []


async def test_a_request_expires_after_a_quarter_of_an_hour(cluster: SmallCluster, alice: SharedDesk) -> None:
    alice.clock = ManualClock()
    plan = await alice.previews("reboot", "gpu001", reason="x")

    refused = await alice.confirms(plan)

    assert isinstance(refused, Refused)
    assert (refused.code, refused.why) == ("expired", "nobody agreed within 15 minutes; nothing was done")
    assert phases(alice)[-1] == ("lapsed", "EXPIRED")
    assert alice.desk.shelf.requests(0.0) == ()
    assert cluster.applied == []


@pytest.mark.parametrize(
    ("leave", "why"),
    [
        (lambda desk, plan: desk.runner.cancel(plan.plan_id), "withdrawn by whoever asked"),
        (lambda desk, plan: desk.runner.hang_up(), "whoever asked has gone"),
    ],
)
async def test_a_request_that_was_withdrawn_can_no_longer_be_agreed_to(
    cluster: SmallCluster, alice: SharedDesk, bob: SharedDesk, leave: Callable[[SharedDesk, object], None], why: str
) -> None:
    plan = await alice.previews("reboot", "gpu001", reason="x")
    waiting = await begun(alice, plan)
    posted = await bob.sees()

    leave(alice, plan)
    refused = await waiting

    assert isinstance(refused, Refused)
    assert why in refused.why
    late = await bob.answers_with(posted)
    assert isinstance(late, Refused)
    assert cluster.applied == []


async def test_other_actions_on_the_node_go_on_while_a_request_waits(
    cluster: SmallCluster, alice: SharedDesk, bob: SharedDesk
) -> None:
    waiting = await begun(alice, await alice.previews("reboot", "gpu001", reason="x"))
    await bob.sees()

    assert (await alice.does("drain", "gpu001", reason="meanwhile")).state == "VERIFIED"

    alice.runner.hang_up()
    await waiting


async def test_what_all_operators_do_counts_for_the_limit_of_each(cluster: SmallCluster, tmp_path: Path) -> None:
    tight = SHARED_POLICY.replace("per_hour = 500", "per_hour = 3")
    alice, bob = SharedDesk(cluster, tmp_path, policy=tight), SharedDesk(cluster, tmp_path, 1001, tight)
    assert (await alice.does("drain", "gpu001", "gpu002", reason="x")).state == "VERIFIED"

    assert (await bob.does("drain", "gpu003", reason="x")).state == "VERIFIED"
    refused = await bob.is_refused("drain", "gpu004", reason="x")
    assert "per_hour: 3 targets in the last hour and 1 more pass 3" in refused.why

    bob.clock.seconds += 3601
    assert (await bob.asks("drain", "gpu004", reason="x")).request_id == "r1"


def test_a_file_of_somebody_else_is_passed_over(tmp_path: Path) -> None:
    """The kernel says who wrote a file; its name and its content may say anything."""
    directory = shared_directory(tmp_path)
    other = os.geteuid() + 1
    name = f"{'a' * 32}.{other}.denied"
    (directory / name).write_text(
        f'{{"request":"{"a" * 32}","sha256":"","verdict":"denied","user":"x","uid":{other},"when":0}}'
    )
    (directory / name).chmod(0o640)

    assert Shelf(directory, os.geteuid()).answers("a" * 32) == ()
    assert Shelf(directory, os.geteuid(), lambda *_: other).answers("a" * 32)[0][1] == other


def test_a_link_a_file_that_others_may_write_and_nonsense_are_no_requests(tmp_path: Path) -> None:
    directory, me = shared_directory(tmp_path), os.geteuid()
    (directory / f"{'a' * 32}.{me}.request").symlink_to("/etc/passwd")
    (directory / f"{'b' * 32}.{me}.request").write_text("{}")
    (directory / f"{'c' * 32}.{me}.request").write_bytes(b"\xff" * 10_000)
    os.mkfifo(directory / f"{'d' * 32}.{me}.request")

    assert Shelf(directory, me).requests(0.0) == ()


@pytest.mark.parametrize("mode", [0o2777, 0o770, 0o2750])
def test_only_a_directory_for_one_group_is_used(tmp_path: Path, mode: int) -> None:
    shared_directory(tmp_path).chmod(mode)

    with pytest.raises(ApprovalsUnavailable, match=r"run: chmod 3770"):
        Shelf(shared_directory_path(tmp_path), os.geteuid()).check()


def shared_directory_path(folder: Path) -> Path:
    return folder / "approvals"


async def test_what_was_laid_down_long_ago_is_swept_by_its_owner(alice: SharedDesk, bob: SharedDesk) -> None:
    """Under a sticky bit nobody else can remove it."""
    waiting = await begun(alice, await alice.previews("reboot", "gpu001", reason="x"))
    await bob.answers_with(await bob.sees(), "denied")
    await waiting
    (left,) = bob.desk.shelf.directory.glob("*.denied")
    os.utime(left, (bob.clock.now() - 90_000,) * 2)

    waiting = await begun(alice, await alice.previews("reboot", "gpu001", reason="x"))
    await bob.answers_with(await bob.sees(), "denied")
    await waiting

    assert left not in bob.desk.shelf.directory.glob("*.denied")


async def test_two_answers_of_one_person_are_one(alice: SharedDesk, bob: SharedDesk) -> None:
    waiting = await begun(alice, await alice.previews("reboot", "gpu001", reason="x"))
    posted = await bob.sees()

    first, second = await asyncio.gather(bob.answers_with(posted), bob.answers_with(posted))

    assert {type(first), type(second)} <= {Answered, Refused}
    assert isinstance(await waiting, Finished)
