"""Insight: figures, and what is taken out for a transparency report."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert

from hedgerow.accounts import Role
from hedgerow.app import now
from hedgerow.cases.tables import cases, decisions

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.accounts import User
    from hedgerow.database import Database


@pytest.fixture
def decided(database: Database) -> Callable[..., None]:
    """Give what puts a case there that was opened and decided some hours later."""

    def decide(user: User, hours: float, number: int = 1, verdict: str = "confirmed") -> None:
        at = now() - timedelta(days=1)
        with database.write() as connection:
            case = connection.execute(
                insert(cases)
                .values(
                    number=f"2026-{number:05}",
                    namespace="",
                    subject_kind="account",
                    subject_id=f"account {number}",
                    queue="known",
                    state="closed",
                    priority=2,
                    due_at=at,
                    opened_at=at - timedelta(hours=hours),
                    state_changed_at=at,
                    closed_at=at,
                    claim_token=1,
                    version=1,
                    round=1,
                    is_contested=False,
                )
                .returning(cases.c.id)
            ).scalar_one()
            connection.execute(
                insert(decisions).values(
                    case_id=case,
                    round=1,
                    stage="first",
                    verdict=verdict,
                    classification="A1" if verdict == "confirmed" else None,
                    tags="[]",
                    is_no_look=True,
                    decided_by=user.id,
                    decided_at=at,
                    takes_effect_at=at,
                    effected_at=at,
                )
            )

    return decide


def test_figures_and_their_charts_say_the_same(
    browser: Any, add_user: Callable[..., User], decided: Callable[..., None]
) -> None:
    rey = add_user("rey", Role.REVIEWER)
    add_user("lea", Role.LEAD)
    decided(rey, 2)
    decided(rey, 50, 2, "not_a_match")
    browser.log_in("lea")
    page = browser.get("/insight?days=7").text
    assert "2 h" in page
    assert "2.1 days" in page
    assert page.count('class="other"') == 2  # the swatch, and one day's bar
    assert "Fewer than three people" in page
    assert "rey" not in page
    assert browser.get("/insight?days=9999999").status_code == 200


def test_an_empty_house_has_a_page_of_figures(browser: Any, add_user: Callable[..., User]) -> None:
    add_user("ana", Role.ANALYST)
    browser.log_in("ana")
    answer = browser.get("/insight")
    assert answer.status_code == 200
    assert "Nothing was decided in these days." in answer.text


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_what_is_taken_out_names_sums_and_is_on_record(
    browser: Any,
    add_user: Callable[..., User],
    decided: Callable[..., None],
    actions: Callable[[], list[str]],
    kind: str,
) -> None:
    decided(add_user("rey", Role.REVIEWER), 2)
    add_user("ana", Role.ANALYST)
    browser.log_in("ana")
    today = now().date()
    said = {"first": str(today - timedelta(days=5)), "last": str(today), "as": kind}
    taken = browser.send("/insight/export", **said)
    assert taken.status_code == 200, taken.text
    assert taken.headers["content-disposition"].endswith(f'.{kind}"')
    assert actions()[-1] == "transparency.exported"
    if kind == "json":
        found = json.loads(taken.text)
        assert found["verdicts"] == {"confirmed A1": {"number": 1, "without a look": 1}}
        assert found["time to decide"]["known"]["p50 hours"] == 2.0
    else:
        rows = list(csv.reader(io.StringIO(taken.text)))
        assert rows[0] == ["part", "name", "measure", "value"]
        assert ["verdicts", "confirmed A1", "number", "1"] in rows
    assert "account 1" not in taken.text


def test_days_that_are_none_come_back_and_nothing_is_taken_out(
    browser: Any, add_user: Callable[..., User], actions: Callable[[], list[str]]
) -> None:
    add_user("ana", Role.ANALYST)
    browser.log_in("ana")
    for first, last in (
        ("", "2026-01-01"),
        ("2026-01-32", "2026-02-01"),
        ("2026-02-01", "2026-01-01"),
        ("1900-01-01", "2026-01-01"),
    ):
        answer = browser.send("/insight/export", first=first, last=last)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
    assert "transparency.exported" not in actions()


def test_who_may_see_figures_may_not_always_take_them_out(
    browser: Any, ada: User, add_user: Callable[..., User], database: Database
) -> None:
    browser.log_in()
    assert "/insight/export" not in browser.get("/insight").text
    assert browser.send("/insight/export", first="2026-01-01", last="2026-01-01").status_code == 403
    add_user("rey", Role.REVIEWER)
    browser.cookies.clear()
    browser.log_in("rey")
    assert browser.get("/insight").status_code == 403
