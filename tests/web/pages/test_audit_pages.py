"""The pages of the audit log: search, one entry, verification in slices, export."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from hedgerow.accounts import Role
from hedgerow.app import now
from hedgerow.app.serving import verifying
from hedgerow.audit import append, lines_of, read_head, verify
from hedgerow.audit.tables import audit_entries

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.accounts import User
    from hedgerow.database import Database


def note(database: Database, actor: str = "system", action: str = "case.opened", number: int | str = 17) -> int:
    with database.write() as connection:
        made = append(
            connection,
            actor=actor,
            action=action,
            subject_type="case",
            subject_id=number,
            details={"queue": "near", "clusters": [1, 2], "is_sampled": False},
            now=now(),
        )
    return made.sequence


def shown(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'href="/audit/(\d+)"', page)]


@pytest.fixture
def head(database: Database) -> Callable[[], int]:
    def read() -> int:
        with database.read() as connection:
            return read_head(connection).sequence

    return read


def test_entries_are_found_by_the_name_of_who_did_it_and_by_what_it_is_about(
    browser: Any, ada: User, database: Database
) -> None:
    browser.log_in()
    mine, other = note(database, ada.actor), note(database, number="<b>odd</b>")
    everything = browser.get("/audit").text
    assert shown(everything)[:2] == [other, mine]
    assert "&lt;b&gt;odd&lt;/b&gt;" in everything
    assert "<b>odd" not in everything
    assert "clusters: 1, 2" in everything
    assert other not in shown(browser.get("/audit?who=ADA").text)
    assert mine in shown(browser.get(f"/audit?who={ada.actor}").text)
    assert shown(browser.get("/audit?kind=case&which=17").text) == [mine]
    assert shown(browser.get("/audit?what=case.").text) == [other, mine]
    assert "There is nothing like that." not in everything
    assert shown(browser.get("/audit?since=1999-01-01&to=1999-12-31").text) == []


def test_a_page_is_followed_by_the_one_before_it(browser: Any, ada: User, database: Database) -> None:
    browser.log_in()
    made = [note(database, number=number) for number in range(120)]
    seen, address = [], "/audit?what=case"
    while address:
        page = browser.get(address).text
        seen += shown(page)
        found = re.search(r'href="(/audit\?[^"]*)" rel="next"', page)
        address = found[1].replace("&amp;", "&") if found else ""
    assert seen == made[::-1]


def test_what_is_no_day_is_said_at_its_field(browser: Any, ada: User) -> None:
    browser.log_in()
    for said in ("yesterday", "2026-13-01", "0001-01-01", "9999-12-31"):
        answer = browser.get(f"/audit?since={said}&who=somebody")
        assert answer.status_code == 422
        assert "A day is written as 2026-11-30." in answer.text
        assert 'value="somebody"' in answer.text


@pytest.mark.parametrize("said", ["%00", "%ff", "a" * 5000, "%22%3E%3Cscript%3E", "%25", "1%00"])
def test_whatever_is_typed_is_looked_for_and_shown_as_text(browser: Any, ada: User, said: str) -> None:
    browser.log_in()
    for name in ("who", "what", "kind", "which"):
        answer = browser.get(f"/audit?{name}={said}")
        assert answer.status_code == 200
        assert "<script>" not in answer.text


def test_an_entry_says_whether_it_holds(browser: Any, ada: User, database: Database) -> None:
    browser.log_in()
    number = note(database)
    note(database)
    page = browser.get(f"/audit/{number}").text
    assert "This entry holds." in page
    assert f'href="/audit/{number - 1}"' in page
    with database.write() as connection:
        connection.execute(update(audit_entries).where(audit_entries.c.sequence == number).values(actor="user:99"))
    assert "This entry does not hold." in browser.get(f"/audit/{number}").text
    assert "This entry holds." in browser.get(f"/audit/{number + 1}").text
    assert browser.get("/audit/999999").status_code == 404


def test_a_whole_chain_is_said_to_be_whole(browser: Any, ada: User, head: Callable[[], int]) -> None:
    browser.log_in()
    assert "nobody has verified the chain" in browser.get("/audit/verify").text
    latest = head()
    assert browser.send("/audit/verify").headers["location"] == "/audit/verify"
    assert f"The chain is whole up to #{latest}." in browser.get("/audit/verify").text
    assert f"The chain is whole up to #{latest}." in browser.get("/audit").text


def test_a_chain_that_was_changed_is_said_to_be_broken_where_it_is(browser: Any, ada: User, database: Database) -> None:
    browser.log_in()
    number = note(database)
    note(database)
    with database.write() as connection:
        connection.execute(update(audit_entries).where(audit_entries.c.sequence == number).values(action="case.closed"))
    browser.send("/audit/verify")
    assert f"The chain is broken at #{number}." in browser.get("/audit/verify").text


def test_a_long_chain_is_verified_slice_by_slice_and_says_how_far_it_is(
    browser: Any, ada: User, database: Database, head: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "_SLICE_S", -1.0)
    monkeypatch.setattr(verifying, "_LINES", 4)
    browser.log_in()
    for _ in range(10):
        note(database)
    browser.send("/audit/verify")
    page = browser.get("/audit/verify").text
    assert f"Whole so far: 4 of {head()} entries." in page
    assert "data-verify" in page
    browser.send("/audit/verify")  # begins no other one
    assert f"Whole so far: 8 of {head()} entries." in browser.get("/audit/verify").text
    late = note(database)  # while it is under way
    script = {"accept": "application/json", "x-csrf-token": browser.csrf, "content-type": "application/json"}
    steps = []
    while not steps or not steps[-1]["is_over"]:
        steps.append(browser.post("/audit/verify/further", headers=script).json())
    assert steps[0] == {"is_over": False, "reached": 12, "of": late}
    assert steps[-1] == {"is_over": True, "reached": late, "of": late}
    assert f"The chain is whole up to #{late}." in browser.get("/audit/verify").text


def test_what_is_taken_out_verifies_elsewhere_and_is_on_record(
    browser: Any, ada: User, actions: Callable[[], list[str]]
) -> None:
    browser.log_in()
    taken = browser.send("/audit/export")
    assert taken.headers["content-type"] == "application/jsonl"
    assert verify(lines_of(io.BytesIO(taken.content))).is_sound
    assert actions()[-1] == "audit.exported"
    for said in ("999999", "0", "-1", "two", "1" * 30):
        refused = browser.send("/audit/export", first=said)
        assert refused.status_code == 422
        assert "The audit chain has no entry" in refused.text
    assert actions().count("audit.exported") == 1


def test_who_may_read_the_log_may_not_take_it_out(browser: Any, add_user: Callable[..., User]) -> None:
    add_user("lea", Role.LEAD)
    add_user("rey", Role.REVIEWER)
    browser.log_in("lea")
    assert "/audit/export" not in browser.get("/audit").text
    assert browser.send("/audit/export").status_code == 403
    browser.cookies.clear()
    browser.log_in("rey")
    for path in ("/audit", "/audit/1", "/audit/verify"):
        assert browser.get(path).status_code == 403
    assert browser.send("/audit/verify").status_code == 403
    assert browser.send("/audit/verify/further").status_code == 403
