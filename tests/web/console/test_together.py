"""Several people at once: nobody gets what somebody else has, and what was judged once is not asked again."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.console.conftest import picture

from hedgerow import cases
from hedgerow.app import now
from hedgerow.banks import find_bank
from hedgerow.banks.listing import list_entries
from hedgerow.cases import ContentSignal, NewMatch, NewSubmission, open_or_join_case, record_submission
from hedgerow.policy import Outcome, Then, Tier

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.web.console.conftest import House


@pytest.fixture(scope="module", autouse=True)
def _known(house: House) -> None:
    house.know(*map(picture, range(1, 6)))


def number_on(page: Any) -> str:
    page.wait_for_url("**/cases/2*")
    return str(page.url.rpartition("/")[2])


def waited(house: House, hours: float, priority: int, deadline: str | None = None) -> str:
    """Let a case have waited for so long: through the room, since no door lets anything be sent in the past."""
    at = now() - timedelta(hours=hours)
    of = hashlib.sha256(f"{hours} {priority}".encode()).digest()
    with house.database.write() as connection:
        bank = find_bank(connection, "known")
        match = NewMatch(
            bank_id=bank.id,
            bank_name=bank.name,
            entry_id=list_entries(connection, bank, limit=1)[0].id,
            provenance="person",
            signal_type="pdq",
            distance=8,
            threshold=31,
            variant="as is",
            tier=Tier.NEAR,
            outcome=Outcome("a rule", Then.REVIEW, priority, "near", deadline=deadline),
            policy_version=1,
        )
        sent = NewSubmission(
            content_id=f"waited {hours}", door="api", account_id=f"waited {hours}", sha256=of, policy_version=1
        )
        recorded = record_submission(connection, sent, now=at)
        gathered = open_or_join_case(
            connection, recorded.submission, [match], signal=ContentSignal(of, 100), actor="key:1", now=at
        )
    assert gathered is not None
    return gathered.case.number


def end_lease(house: House, number: str) -> None:
    """Let a lease be over now, as when its quarter of an hour has passed."""
    with house.database.write() as connection:
        case = cases.find_case_by_number(connection, number)
        claim = cases.find_claim(connection, case.id, now=now())
        assert claim is not None
        cases.extend_claim(connection, claim, now=now(), lease=timedelta(0))


def test_two_who_press_next_at_once_get_different_cases_and_what_one_leaves_comes_back_with_what_they_wrote(
    house: House, visit: Callable[..., Any]
) -> None:
    both = {str(house.screen(picture(each), account=f"both {each}")["case"]["number"]) for each in (1, 2)}
    with visit("rob") as rob:
        with visit("rey") as rey, visit("lea") as lea:
            lea.goto(f"{house.base}/team/working")
            rob.keyboard.press("n")
            rey.keyboard.press("n")
            left, kept = number_on(rey), number_on(rob)
            assert {left, kept} == both
            for name, number in (("rey", left), ("rob", kept)):  # whoever leads them sees it without asking again
                lea.get_by_role("row", name=f"{number} ").filter(has_text=name).wait_for()
            rey.keyboard.press("e")
            with rey.expect_response("**/draft"):
                rey.keyboard.type("half a thought")
        end_lease(house, left)
        rob.goto(f"{house.base}/")
        rob.keyboard.press("n")
        assert number_on(rob) == left
        assert "half a thought" not in rob.content()
        rob.keyboard.press("x")
        rob.wait_for_url("**/cases?note=released")
        with visit("rey") as rey:
            rey.keyboard.press("n")
            assert number_on(rey) == left
            assert rey.get_by_label("Note for colleagues").input_value() == "half a thought"
            rey.keyboard.press("x")
            rey.wait_for_url("**/cases?note=released")


def test_what_is_due_in_two_hours_goes_before_what_is_older_and_what_is_graver(
    house: House, visit: Callable[..., Any]
) -> None:
    older = [waited(house, 100, 4), waited(house, 60, 3)]
    graver = waited(house, 1, 1)
    due = waited(house, 46, 4, "us_tida")
    with visit("rey") as page:
        page.goto(f"{house.base}/cases?queue=near")
        listed = page.locator("tbody th[scope=row]").all_inner_texts()
        assert [each for each in listed if each in {*older, graver, due}] == [due, graver, older[1], older[0]]
        assert listed[0] == due
        assert "due in 2 hours" in page.get_by_role("row", name=due).inner_text()
        page.keyboard.press("n")
        assert number_on(page) == due
        page.keyboard.press("x")
        page.wait_for_url("**/cases?note=released")


def test_what_is_no_match_is_not_asked_again_is_counted_against_the_bank_and_can_be_taken_back(
    house: House, visit: Callable[..., Any]
) -> None:
    def send(account: str) -> str | None:
        case = house.screen(picture(5), account=account)["case"]
        return None if case is None else str(case["number"])

    number = send("not a match")
    with visit("rey") as page:
        page.goto(f"{house.base}/cases/{number}")
        page.get_by_role("button", name="Take this case").click()
        for is_last in (False, True):
            page.get_by_role("button", name="Record and go on").wait_for()
            page.keyboard.press("2")
            page.keyboard.press("d")
            page.get_by_role("button", name="Take it back").wait_for()
            assert send(f"again {is_last}") is None
            if not is_last:
                page.keyboard.press("u")
                page.wait_for_url(f"**/cases/{number}?note=undone")
                assert send("after that was taken back") is not None
    with visit("ana") as page:
        page.goto(f"{house.base}/insight")
        row = page.get_by_role("region", name="False positives by bank").get_by_role("row", name="known")
        assert row.locator("td").all_inner_texts()[1] == "1"
    with visit("lea") as page:
        page.goto(f"{house.base}/banks/known")
        assert "1 of 1 decided pairs were no match (100%)." in page.locator("#false-positives").inner_text()
        page.get_by_role("link", name="What is suppressed").click()
        page.get_by_role("button", name="Lift").click()
        page.get_by_text("The pair counts again.").wait_for()
    assert send("after it was lifted") is not None
