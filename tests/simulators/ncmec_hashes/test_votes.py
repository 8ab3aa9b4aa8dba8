"""Votes: what is taken, what is refused, and how entries show them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.simulators.ncmec_hashes import ENVIRONMENTS, Vote

if TYPE_CHECKING:
    from collections.abc import Callable

NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
NS = f"{{{NAMESPACE}}}"
AT = "/v2/entries/42/made-up-0/MD5/feedback"


def ballot(inside: str, root: str = "feedbackSubmission", namespace: str = NAMESPACE) -> bytes:
    return f'<{root} xmlns="{namespace}">{inside}</{root}>'.encode()


def negative(*guids: str) -> bytes:
    return ballot(f"<negative><reasonIds>{''.join(f'<guid>{each}</guid>' for each in guids)}</reasonIds></negative>")


AGREED = ballot("<affirmative/>")


@pytest.fixture
def caller(service: Callable[..., Any]) -> Any:
    return service(generated=20)


def put(caller: Any, body: bytes, path: str = AT, **more: Any) -> Any:
    return caller.ask(path, method="PUT", body=body, **more)


def reasons(caller: Any, kind: str = "MD5", of: str = "hashsharing") -> list[str]:
    root = caller.read(f"/v2/feedback/{kind}/reasons", of=of)
    assert root.tag == f"{NS}availableFeedbackReasons"
    return [each.get("guid") for each in root]


def test_reasons_are_of_a_type_and_of_a_list(caller: Any) -> None:
    kinds = ["MD5", "SHA1", "PDQ", "PDNA", "NETCLEAN", "VIDENTIFIER", "TMK_PDQF", "SSVH_PDNA", "SSVH_SAFER_HASH"]
    known = [guid for of in ENVIRONMENTS for kind in kinds for guid in reasons(caller, kind, of)]
    assert len(known) == len(set(known)) == 7 * len(kinds) * 2
    assert reasons(caller, "TMK_SAFER_HASH") == reasons(caller, "SSVH_SAFER_HASH")
    (reason, _) = caller.read("/v2/feedback/SHA1/reasons")
    assert (reason.get("type"), reason.get("name")) == ("Sha1", "Example Reason 1")
    assert caller.ask("/v2/feedback/Sha1/reasons").status == 404


def test_a_vote_is_taken_and_a_second_one_replaces_it(caller: Any) -> None:
    assert (put(caller, AGREED).status, put(caller, AGREED).status) == (200, 200)
    first = Vote("hashsharing", 1, 42, "made-up-0", "md5", True, (), int(caller.now.timestamp()), 2)
    assert caller.play.votes() == [first]
    caller.now += timedelta(seconds=5)
    guid = reasons(caller)[1]
    assert put(caller, negative(guid.upper(), guid)).status == 200
    (vote,) = caller.play.votes()
    assert (vote.is_affirmative, vote.reasons, vote.at_s, vote.times) == (False, (guid,), first.at_s + 5, 3)
    assert put(caller, AGREED, AT.replace("MD5", "SHA1")).status == 200
    assert len(caller.play.votes("hashsharing")) == 2
    assert caller.play.votes("npo") == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"<feedbackSubmission", 400),
        (ballot(""), 400),
        (ballot("<affirmative/><affirmative/>"), 400),
        (ballot("<affirmative/><negative/>"), 400),
        (ballot("<affirmative><guid/></affirmative>"), 400),
        (ballot("<negative/>"), 400),
        (ballot("<undecided/>"), 400),
        (ballot("<affirmative/>", root="feedback"), 400),
        (ballot("<affirmative/>", namespace="https://other.example/"), 400),
        (negative(), 400),
        (negative("01234567-abcd-0123-4567-012345678900"), 400),
        (ballot("<negative><reasonIds><id>x</id></reasonIds></negative>"), 400),
    ],
)
def test_a_vote_that_is_not_as_it_must_be_does_not_count(body: bytes, status: int, caller: Any) -> None:
    assert put(caller, body).status == status
    assert caller.play.votes() == []


def test_a_reason_of_another_type_or_list_does_not_count(caller: Any) -> None:
    assert put(caller, negative(reasons(caller)[0], reasons(caller, "SHA1")[0])).status == 400
    assert put(caller, negative(reasons(caller, of="npo")[0])).status == 400
    assert put(caller, negative(*reasons(caller))).status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/entries/42/made-up-99/MD5/feedback", 404),
        ("/v2/entries/43/made-up-0/MD5/feedback", 404),
        ("/v2/entries/x/made-up-0/MD5/feedback", 404),
        ("/v2/entries/42/made-up-0/md5/feedback", 404),
        ("/v2/entries/42/made-up-0/NETCLEAN/feedback", 404),
        ("/v2/entries/42/gone/MD5/feedback", 404),
        ("/v2/entries/1/mine/MD5/feedback", 403),
        ("/v2/entries/42/one%2Fslash/MD5/feedback", 200),
    ],
)
def test_a_vote_must_be_about_a_fingerprint_of_an_entry_of_another(path: str, status: int, caller: Any) -> None:
    caller.edit("create", member=1, id="mine")
    caller.edit("create", member=42, id="one/slash")
    caller.edit("create", member=42, id="gone")
    caller.edit("delete", member=42, id="gone")
    assert put(caller, AGREED, path).status == status
    assert len(caller.play.votes()) == (status == 200)


def test_a_vote_must_be_sent_as_xml(caller: Any) -> None:
    assert put(caller, AGREED, headers={"content-type": "text/plain"}).status == 415
    assert caller.play.votes() == []


def test_entries_show_the_votes_about_them(caller: Any) -> None:
    put(caller, AGREED)
    why = reasons(caller, "SHA1")
    caller.edit("vote", member=42, id="made-up-0", voter=43, type="md5")
    caller.edit("vote", member=42, id="made-up-0", voter=44, type="sha1", is_affirmative=False, reasons=why)
    entry = next(each for each in caller.on(caller.read()) if caller.key(each) == (42, "made-up-0"))
    (feedback,) = entry.findall(f"{NS}feedback")
    assert feedback.get("lastUpdateTimestamp") == "2026-11-22T12:00:00Z"
    agreed, disputed = feedback
    assert (agreed.tag, agreed.get("type")) == (f"{NS}affirmativeFeedback", "Md5")
    assert [each.get("id") for each in agreed.iter(f"{NS}member")] == ["1", "43"]
    assert (disputed.tag, disputed.get("type")) == (f"{NS}negativeFeedback", "Sha1")
    assert [each.get("guid") for each in disputed.iter(f"{NS}reason")] == why
    assert [each.text for each in disputed.iter(f"{NS}member")] == ["Example & Sons"]


@pytest.mark.parametrize(
    "about",
    [
        {"voter": 42, "type": "md5"},
        {"voter": 99, "type": "md5"},
        {"voter": 43, "type": "netclean"},
        {"voter": 43, "type": "md5", "is_affirmative": False},
        {"voter": 43, "type": "md5", "is_affirmative": False, "reasons": ["Unheard of"]},
        {"voter": 43, "type": "md5", "reasons": ["Example Reason 1"]},
    ],
)
def test_a_vote_of_the_script_must_be_possible_too(about: dict[str, Any], caller: Any) -> None:
    with pytest.raises(ValueError, match=r"voter|no such fingerprint|reasons"):
        caller.edit("vote", member=42, id="made-up-0", **about)
    caller.edit(
        "vote", member=42, id="made-up-0", voter=43, type="md5", is_affirmative=False, reasons=["Example Reason 1"]
    )
    assert len(caller.play.votes()) == 1
