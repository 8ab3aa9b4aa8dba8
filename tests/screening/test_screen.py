from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update

from hedgerow.accounts import Role, create_user
from hedgerow.actions import add_endpoint, list_deliveries
from hedgerow.audit import entry_lines, verify
from hedgerow.cases import (
    Queue,
    Statement,
    Verdict,
    claim_next,
    decide,
    due_decisions,
    find_case,
    list_cases,
    submission_matches,
    take_effect,
)
from hedgerow.cases.tables import cases, submissions
from hedgerow.database.sealing import ServiceKeys, new_service_key
from hedgerow.errors import InvalidSubmission, NoActivePolicy
from hedgerow.hashing import MediaHash, Signal, Unchecked
from hedgerow.policy import activate, add_version, record_dry_run
from hedgerow.policy.model import Comparison
from hedgerow.policy.tables import policies
from hedgerow.screening import Context
from hedgerow.screening.screen import fingerprint_of

if TYPE_CHECKING:
    from conftest import House
    from hedgerow.screening import Screened


def answer(screened: Screened) -> dict[str, Any]:
    return json.loads(screened.answer)


def test_what_nothing_is_near_is_no_match_and_opens_no_case(house: House) -> None:
    house.know(house.picture(1))
    screened = house.submit(house.media(house.picture(2)))
    told = answer(screened)
    assert (screened.outcome, told["matches"], told["case"], told["unchecked"]) == ("no_match", [], None, None)
    with house.database.read() as connection:
        assert list_cases(connection) == []


def test_a_match_carries_all_that_is_known_of_it_and_opens_a_case(house: House) -> None:
    house.know(house.picture(1), provenance="exchange:partner", contributor="member 7", category="A1")
    told = answer(house.submit(house.media(house.picture(1, flipped=9)), account_id="account-1"))
    [match] = told["matches"]
    assert told["outcome"] == "review"
    assert match["bank"] == "known"
    assert match["provenance"] == "exchange:partner"
    assert (match["contributor"], match["category"]) == ("member 7", "A1")
    assert (match["distance"], match["threshold"], match["variant"], match["tier"]) == (9, 31, "as is", "near")
    assert match["rule"] == "near"
    assert not match["is_suppressed"]
    assert told["case"]["is_new"]
    with house.database.read() as connection:
        [case] = list_cases(connection)
    assert (case.number, case.subject_kind, case.subject_id) == (told["case"]["number"], "account", "account-1")


def test_two_matches_about_one_account_gather_in_one_case(house: House) -> None:
    house.know(house.picture(1), house.picture(2))
    first = answer(house.submit(house.media(house.picture(1)), "post-1", account_id="account-1"))
    second = answer(house.submit(house.media(house.picture(2)), "post-2", account_id="account-1"))
    assert first["case"]["number"] == second["case"]["number"]
    assert (first["case"]["is_new"], second["case"]["is_new"]) == (True, False)


def test_the_same_bytes_under_the_same_name_are_answered_the_same_and_recorded_once(house: House) -> None:
    house.know(house.picture(1))
    first = house.submit(house.media(house.picture(1)))
    house.withdraw(house.picture(1))
    again = house.submit(house.media(house.picture(1)))
    assert again.is_repeat
    assert not first.is_repeat
    assert again.answer == first.answer
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(submissions)).scalar_one() == 1


def test_what_comes_again_is_found_before_anything_is_hashed(house: House) -> None:
    house.know(house.picture(1))
    media = house.media(house.picture(1))
    first = house.submit(media)
    context = Context("post-1", "api")
    found = house.screener.earlier(context, media.signals[1].bits)
    assert found is not None
    assert (found.is_repeat, found.answer) == (True, first.answer)
    assert house.screener.earlier(Context("post-2", "api"), media.signals[1].bits) is None


def test_two_platforms_may_use_the_same_content_ids(house: House) -> None:
    house.know(house.picture(1))
    house.submit(house.media(house.picture(1)), namespace="one")
    assert not house.submit(house.media(house.picture(1)), namespace="two").is_repeat


def test_many_that_come_at_once_with_the_same_are_recorded_once_and_answered_the_same(house: House) -> None:
    house.know(house.picture(1))
    media = house.media(house.picture(1))
    with ThreadPoolExecutor(6) as pool:
        came = list(pool.map(lambda _: house.submit(media, account_id="account-1"), range(12)))
    assert len({each.answer for each in came}) == 1
    assert [each.is_repeat for each in came].count(False) == 1
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(cases)).scalar_one() == 1


def test_what_could_not_be_seen_is_unchecked_and_never_no_match(house: House) -> None:
    house.know(house.picture(1))
    screened = house.submit(MediaHash(None, (), Unchecked("damaged", "Nothing of it decodes.")))
    told = answer(screened)
    assert screened.outcome == "unchecked"
    assert told["unchecked"] == {"reason": "damaged", "detail": "Nothing of it decodes."}


def test_a_match_in_the_part_that_could_be_seen_counts_and_the_rest_is_still_unchecked(house: House) -> None:
    house.know(house.picture(1))
    partly = house.media(house.picture(1), unchecked=Unchecked("truncated", "The end is missing."))
    told = answer(house.submit(partly))
    assert told["outcome"] == "hold_for_review"
    assert told["unchecked"]["reason"] == "truncated"


def test_without_anything_to_match_against_nothing_is_called_clean(house: House) -> None:
    told = answer(house.submit(house.media(house.picture(1))))
    assert (told["outcome"], told["unchecked"]["reason"]) == ("unchecked", "no_banks")


def test_what_could_not_be_checked_is_checked_anew_when_it_can_be(house: House) -> None:
    media = house.media(house.picture(1))
    assert house.submit(media).outcome == "unchecked"  # there was no bank
    house.know(house.picture(1))
    second = house.submit(media)
    assert (second.outcome, second.is_repeat) == ("hold_for_review", False)
    assert answer(second)["revision"] == 2


def test_a_plain_picture_is_matched_with_a_caution(house: House) -> None:
    house.know(house.picture(1))
    plain = house.media(house.picture(2))
    told = answer(house.submit(MediaHash(plain.media, (Signal("pdq", house.picture(2), 10), plain.signals[1]))))
    assert told["caution"]["reason"] == "low_quality"


def test_signals_alone_are_screened_and_told_apart_by_what_they_are(house: House) -> None:
    house.know(house.picture(1))
    known = (Signal("pdq", house.picture(1), 90),)
    assert house.submit(MediaHash(None, known)).outcome == "hold_for_review"
    assert house.submit(MediaHash(None, known)).is_repeat
    other = (Signal("pdq", house.picture(2), 90),)
    assert not house.submit(MediaHash(None, other)).is_repeat
    assert fingerprint_of(known) != fingerprint_of(other)


def test_an_answer_holds_no_signal_and_nothing_that_the_platform_said_but_its_content_id(house: House) -> None:
    house.know(house.picture(1))
    said = {
        "account_id": "account-of-somebody",
        "text_context": "what was written",
        "ip_event": {"address": "192.0.2.7"},
    }
    screened = house.submit(house.media(house.picture(1)), **said, more={"note": "a private note"})
    for text in (house.picture(1).hex(), "account-of-somebody", "what was written", "192.0.2.7", "private"):
        assert text not in screened.answer


def test_what_a_rule_wants_told_is_in_the_outbox_with_the_submission(house: House) -> None:
    text = """
    format = 1
    [[rule]]
    name = "exact"
    when = { tier = "exact" }
    then = "action"
    priority = 1
    events = ["content.remove"]
    [default]
    then = "log"
    """
    with house.database.write() as connection:
        house.screener._policies.active(connection, house.now)
        version = add_version(connection, text, actor="cli", now=house.now)
        record_dry_run(connection, version, Comparison(0, 0, (), {}), against=1, actor="cli", now=house.now)
        activate(connection, version, actor="cli", now=house.now)
        keys = ServiceKeys.of(new_service_key())
        add_endpoint(connection, "https://platform.example/hook", keys=keys, actor="cli", now=house.now)
    house.know(house.picture(1))
    told = answer(house.submit(house.media(house.picture(1)), account_id="account-1"))
    assert (told["outcome"], told["policy_version"]) == ("action", version)
    with house.database.read() as connection:
        sent = {each.event: json.loads(each.body)["data"] for each in list_deliveries(connection, now=house.now)}
    assert set(sent) == {"content.remove", "case.opened"}
    assert sent["content.remove"] == {
        "account_id": "account-1",
        "case": told["case"]["number"],
        "content_id": "post-1",
        "submission": told["submission"],
    }


def test_a_pair_that_was_judged_no_match_is_listed_and_changes_nothing(house: House) -> None:
    house.know(house.picture(1))
    media = house.media(house.picture(1, flipped=6))
    house.submit(media)
    with house.database.write() as connection:
        user = create_user(connection, "ada", roles=[Role.REVIEWER], actor="cli", now=house.now)
        claim = claim_next(connection, list(Queue), user.id, now=house.now)
        case = find_case(connection, claim.case_id)
        decide(connection, claim, Statement(Verdict.NOT_A_MATCH), seen_version=case.version, now=house.now)
        later = house.now + timedelta(days=1)
        for decision in due_decisions(connection, now=later):
            take_effect(connection, decision.id, now=later)
    told = answer(house.submit(media, "post-2"))
    assert (told["outcome"], told["case"]) == ("no_match", None)
    assert [each["is_suppressed"] for each in told["matches"]] == [True]


def test_where_the_policy_was_put_aside_nothing_is_recorded(house: House) -> None:
    house.know(house.picture(1))
    house.submit(house.media(house.picture(1)))
    with house.database.write() as connection:
        connection.execute(update(policies).values(is_active=None))
    with pytest.raises(NoActivePolicy):
        house.submit(house.media(house.picture(1)), "post-2")
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(submissions)).scalar_one() == 1


def test_what_does_not_fit_is_refused_and_leaves_nothing(house: House) -> None:
    with pytest.raises(InvalidSubmission):
        house.submit(house.media(house.picture(1)), "x" * 300)
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(submissions)).scalar_one() == 0


def test_every_submission_leaves_its_line_and_the_chain_holds(house: House) -> None:
    house.know(house.picture(1))
    for number in range(5):
        house.submit(house.media(house.picture(number)), f"post-{number}")
    with house.database.read() as connection:
        lines = list(entry_lines(connection))
    assert verify(lines).is_sound
    screened = [json.loads(each) for each in lines if b'"submission.screened"' in each]
    assert len(screened) == 5


def test_a_match_keeps_which_policy_said_what(house: House) -> None:
    house.know(house.picture(1))
    screened = house.submit(house.media(house.picture(1)))
    with house.database.read() as connection:
        [kept] = submission_matches(connection, screened.submission_id)
    assert (kept.match.policy_version, kept.match.outcome.rule) == (1, "exact")
