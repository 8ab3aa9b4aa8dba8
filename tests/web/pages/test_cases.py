"""The pages about cases: lists, one case, what people decide, and the first page."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select, update

from hedgerow import cases
from hedgerow.accounts import Permission, Role, create_key
from hedgerow.app import now
from hedgerow.app.serving.case_page import case_page
from hedgerow.app.today import KINDS, Fact, Today
from hedgerow.audit import list_entries
from hedgerow.banks import NewEntry, add_entries, create_bank
from hedgerow.cases import (
    ContentSignal,
    NewMatch,
    NewSubmission,
    Queue,
    Verdict,
    open_or_join_case,
    record_submission,
)
from hedgerow.cases.tables import cases as case_table
from hedgerow.cases.tables import clusters as cluster_table
from hedgerow.hashing.signal import Signal
from hedgerow.policy import Outcome, Then, Tier, install_default

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.accounts import User
    from hedgerow.cases import Case
    from hedgerow.database import Database

MARKUP = "<script>alert(1)</script>\"'&{{ 7*7 }}"


def bits(number: int) -> bytes:
    return hashlib.sha256(b"signal %d" % number).digest()


class Platform:
    """Sends what matches, straight into the rooms."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._sent = 0
        with database.write() as connection:
            self.policy = install_default(connection, now=now())
            self.bank = create_bank(connection, "known", now=now())
            add_entries(
                connection, self.bank, [NewEntry(Signal("pdq", bits(9000 + each))) for each in range(9)], now=now()
            )

    def send(
        self,
        picture: int = 0,
        *,
        account: str | None = "account-1",
        distance: int = 8,
        queue: str = "near",
        priority: int = 2,
        allows_no_look: bool = False,
        category: str | None = None,
        **said: Any,
    ) -> Case:
        """Send a picture under a new content id, and return the case into which it went."""
        self._sent += 1
        match = NewMatch(
            bank_id=self.bank.id,
            bank_name="known",
            entry_id=1,
            provenance="exchange:partner",
            signal_type="pdq",
            distance=distance,
            threshold=31,
            variant="as is",
            tier=Tier.NEAR if distance else Tier.EXACT,
            outcome=Outcome("a rule", Then.REVIEW, priority, queue, allows_no_look=allows_no_look),
            policy_version=self.policy,
            category=category,
        )
        sent = {
            "content_id": f"post-{self._sent}",
            "door": "api",
            "account_id": account,
            "media_type": "image/jpeg",
            "width": 640,
            "height": 480,
            "sha256": bits(picture),
            "policy_version": self.policy,
            **said,
        }
        with self.database.write() as connection:
            recorded = record_submission(connection, NewSubmission(**sent), now=now())
            gathered = open_or_join_case(
                connection,
                recorded.submission,
                [match],
                signal=ContentSignal(bits(picture), 100),
                actor="key:1",
                now=now(),
            )
        assert gathered is not None
        return gathered.case

    def case(self, case: Case) -> Case:
        with self.database.read() as connection:
            return cases.find_case(connection, case.id)

    def settle(self, case: Case, **said: Any) -> Case:
        """Let what was decided take effect, and close the case."""
        later = now() + timedelta(minutes=5)
        with self.database.write() as connection:
            for decision in cases.due_decisions(connection, now=later):
                cases.take_effect(connection, decision.id, now=later)
            return cases.finish_case(connection, case.id, now=later, **said)

    def change(self, case: Case, **values: Any) -> None:
        with self.database.write() as connection:
            connection.execute(update(case_table).where(case_table.c.id == case.id).values(**values))


@pytest.fixture
def platform(database: Database) -> Platform:
    return Platform(database)


@pytest.fixture
def people(add_user: Callable[..., User], browser: Any, app: Any) -> Callable[..., Any]:
    """Give what returns the browser of somebody of a role, logged in."""
    made: dict[str, User] = {}

    def visit(name: str, *roles: Role) -> Any:
        if name not in made:
            made[name] = add_user(name, *(roles or (Role.REVIEWER,)))
        own = type(browser)(app)
        assert own.log_in(name).status_code == 303
        own.user = made[name]
        return own

    return visit


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def taken(browser: Any, case: Case) -> dict[str, str]:
    """Take a case, and return what its form says by itself."""
    assert browser.send(f"/cases/{case.number}/claim").status_code == 303
    page = browser.get(f"/cases/{case.number}").text
    return {name: hidden(page, name) for name in ("token", "seen_version")}


def test_the_next_case_says_why_it_is_here_and_is_decided_and_taken_back(
    platform: Platform, people: Callable[..., Any]
) -> None:
    case = platform.send()
    rey = people("rey")
    answer = rey.send("/cases/next")
    assert answer.headers["location"] == f"/cases/{case.number}"
    page = rey.get(f"/cases/{case.number}").text
    for said in ("8 bits differ, up to 31 count as a match.", "from the partner partner", "account-1", "post-1"):
        assert said in page
    form = {name: hidden(page, name) for name in ("token", "seen_version")}
    answer = rey.send(f"/cases/{case.number}/decisions", verdict="confirmed", classification="A1", **form)
    assert answer.headers["location"] == "/cases?note=decided"
    assert str(platform.case(case).state) == "decided"
    assert f'action="/cases/{case.number}/undo"' in rey.get("/cases?note=decided").text
    answer = rey.send(f"/cases/{case.number}/undo")
    assert answer.headers["location"] == f"/cases/{case.number}?note=undone"
    again = platform.case(case)
    assert (str(again.state), again.claimed_by) == ("claimed", rey.user.id)


def test_two_people_who_press_next_get_different_cases(platform: Platform, people: Callable[..., Any]) -> None:
    both = {platform.send(each, account=f"account-{each}").number for each in (1, 2)}
    got = {people(name).send("/cases/next").headers["location"] for name in ("rey", "rob")}
    assert got == {f"/cases/{number}" for number in both}
    assert people("rey").send("/cases/next").headers["location"] == "/cases?note=empty"


def test_fifty_copies_are_one_decision_and_take_no_more_queries_than_one(
    platform: Platform, people: Callable[..., Any], database: Database
) -> None:
    single = platform.send(1, account="alone")
    for _ in range(50):
        many = platform.send(2, account="copies")
    for picture in range(3, 9):
        parts = platform.send(picture, account="parts")
    rey = people("rey")
    counted = []
    for case in (single, many, parts):
        statements: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            statements.append(statement)  # noqa: B023  (used within its round)

        event.listen(database.engine, "before_cursor_execute", note)
        case_page(database, case.number, user_id=rey.user.id, permissions=frozenset(Permission))
        event.remove(database.engine, "before_cursor_execute", note)
        counted.append(len([each for each in statements if "SELECT" in each]))
    assert len(set(counted)) == 1, counted
    assert counted[0] <= 22
    form = taken(rey, many)
    assert "49" in rey.get(f"/cases/{many.number}").text
    rey.send(f"/cases/{many.number}/decisions", verdict="confirmed", **form)
    with database.read() as connection:
        rows = connection.execute(select(cluster_table).where(cluster_table.c.case_id == many.id)).all()
        decided = list_entries(connection, action="case.decided")
    assert [(row.size, row.verdict) for row in rows] == [(50, "confirmed")]
    assert len(decided) == 1


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "verdict-error"),
        ({"verdict": "skip"}, "reason-error"),
        ({"verdict": "not_a_match", "classification": "A1"}, "classification-error"),
        ({"verdict": "skip", "reason": "x" * 501}, "reason-error"),
    ],
)
def test_a_decision_that_does_not_fit_is_shown_again_with_what_was_typed(
    platform: Platform, people: Callable[..., Any], said: dict[str, str], field: str
) -> None:
    case = platform.send()
    rey = people("rey")
    form = taken(rey, case)
    answer = rey.send(f"/cases/{case.number}/decisions", note="what I thought", **said, **form)
    assert answer.status_code == 422
    assert f'id="{field}"' in answer.text
    assert "what I thought" in answer.text
    assert str(platform.case(case).state) == "claimed"


def test_what_was_typed_outlives_the_claim(platform: Platform, people: Callable[..., Any]) -> None:
    case = platform.send()
    rey, rob = people("rey"), people("rob")
    form = taken(rey, case)
    kept = rey.ask(
        "POST",
        f"/cases/{case.number}/draft",
        content=json.dumps({"note": "half a thought", "verdict": "confirmed", "csrf_token": "x", "else": 1}),
        headers={"x-csrf-token": rey.csrf, "content-type": "application/json", "sec-fetch-site": "same-origin"},
    )
    assert kept.status_code == 204
    platform.change(case, claim_expires_at=now() - timedelta(seconds=1))
    late = rey.send(f"/cases/{case.number}/decisions", verdict="confirmed", note="a whole thought", **form)
    assert late.status_code == 409
    assert "what you wrote is kept" in late.text
    assert "a whole thought" in late.text
    assert rob.send("/cases/next").headers["location"] == f"/cases/{case.number}"
    assert "a whole thought" not in rob.get(f"/cases/{case.number}").text
    rob.send(f"/cases/{case.number}/release", token=hidden(rob.get(f"/cases/{case.number}").text, "token"))
    taken(rey, case)
    page = rey.get(f"/cases/{case.number}").text
    assert "a whole thought</textarea>" in page
    assert re.search(r'value="confirmed"[^>]* checked', page)


def test_what_came_meanwhile_must_be_seen_first(platform: Platform, people: Callable[..., Any]) -> None:
    case = platform.send(1)
    rey = people("rey")
    form = taken(rey, case)
    platform.send(2)
    answer = rey.send(f"/cases/{case.number}/decisions", verdict="confirmed", **form)
    assert answer.status_code == 409
    assert "Something came to this case" in answer.text
    assert str(platform.case(case).state) == "claimed"
    fresh = {name: hidden(answer.text, name) for name in ("token", "seen_version")}
    with platform.database.read() as connection:
        first = cases.case_clusters(connection, case.id)[0].id
    part = rey.send(f"/cases/{case.number}/decisions", verdict="confirmed", cluster=str(first), **fresh)
    assert part.headers["location"] == f"/cases/{case.number}?note=part"
    rest = rey.send(f"/cases/{case.number}/decisions", verdict="not_a_match", **fresh)
    assert rest.headers["location"] == "/cases?note=decided"


def test_a_text_is_shown_to_whoever_opened_it_and_only_after_that_was_recorded(
    platform: Platform, people: Callable[..., Any], database: Database
) -> None:
    case = platform.send(text_context="the words around it", context={"thread": "seven"}, ip_event={"ip": "192.0.2.7"})
    rey, rob = people("rey"), people("rob")
    page = rey.get(f"/cases/{case.number}").text
    assert "the words around it" not in page
    assert "192.0.2.7" not in page
    submission = hidden(page, "submission")
    with database.read() as connection:
        assert cases.list_views(connection, int(submission)) == []
    answer = rey.send(f"/cases/{case.number}/text", submission=submission)
    assert answer.status_code == 303
    with database.read() as connection:
        (view,) = cases.list_views(connection, int(submission))
    assert (str(view.view.form), view.view.user_id) == ("text", rey.user.id)
    page = rey.get(f"/cases/{case.number}").text
    assert all(said in page for said in ("the words around it", "192.0.2.7", "seven"))
    assert "the words around it" not in rob.get(f"/cases/{case.number}").text
    assert rey.send(f"/cases/{case.number}/text", submission="999").status_code == 422


def test_markup_in_what_others_wrote_is_shown_as_text(platform: Platform, people: Callable[..., Any]) -> None:
    case = platform.send(
        content_id=MARKUP, account=MARKUP, surface=MARKUP, text_context=MARKUP, context={"<b>": MARKUP}, category=MARKUP
    )
    lea = people("lea", Role.LEAD)
    form = taken(lea, case)
    page = lea.get(f"/cases/{case.number}").text
    lea.send(f"/cases/{case.number}/text", submission=hidden(page, "submission"))
    lea.send(f"/cases/{case.number}/decisions", verdict="skip", reason=MARKUP, note=MARKUP, then="stay", **form)
    assert "{{ 7*7 }}" in lea.get(f"/cases/{case.number}").text
    for path in (
        f"/cases/{case.number}",
        "/cases",
        f"/cases/{case.number}/timeline",
        f"/cases/{case.number}/more",
        "/",
    ):
        page = lea.get(path).text
        assert "<script>alert" not in page
        assert "<b>" not in page


def test_who_may_read_cases_may_not_decide_them(
    platform: Platform, people: Callable[..., Any], database: Database
) -> None:
    case = platform.send()
    approver, admin = people("apo", Role.APPROVER), people("ada", Role.ADMIN)
    page = approver.get(f"/cases/{case.number}")
    assert page.status_code == 200
    assert 'name="verdict"' not in page.text
    for path in (
        "next",
        f"{case.number}/claim",
        f"{case.number}/decisions",
        f"{case.number}/undo",
        f"{case.number}/reassign",
    ):
        assert approver.send(f"/cases/{path}", verdict="confirmed").status_code == 403
    assert admin.get("/cases").status_code == 403
    assert admin.get(f"/cases/{case.number}").status_code == 403
    with database.write() as connection:
        key = create_key(connection, "tests", scopes=["cases.read"], actor="cli", now=now()).text
    for path in ("/cases", f"/cases/{case.number}"):
        answer = type(admin)(admin._app).get(path, headers={"authorization": f"Bearer {key}"})
        assert answer.headers["location"].startswith("/login")


def test_what_is_due_soon_stands_above_what_merely_has_a_higher_priority_and_pages_miss_nothing(
    platform: Platform, people: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow.web.pages.cases._ROWS", 3)
    made = [platform.send(each, account=f"account-{each}", priority=2) for each in range(7)]
    urgent = platform.send(8, account="urgent", priority=4)
    platform.change(urgent, due_at=now() + timedelta(hours=2))
    rey = people("rey")
    taken(rey, made[3])
    path, numbers = "/cases", []
    while path:
        page = rey.get(path).text
        numbers += re.findall(r'<th scope="row"><a href="/cases/([0-9-]+)"', page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert numbers[0] == urgent.number
    assert sorted(numbers) == sorted(each.number for each in [*made, urgent])
    assert re.findall(r'<th scope="row"><a href="/cases/([0-9-]+)"', rey.get("/cases?mine=1").text) == [made[3].number]
    assert rey.get("/cases?cursor=none").status_code in {400, 422}


def test_a_case_is_found_by_its_number_its_account_and_its_content(
    platform: Platform, people: Callable[..., Any]
) -> None:
    case = platform.send(1, account="a person", namespace="here")
    platform.send(2, account="another", namespace="there")
    rey = people("rey")
    assert rey.get(f"/cases?q={case.number}").headers["location"] == f"/cases/{case.number}"
    for text in ("a person", "post-1"):
        page = rey.get("/cases", params={"q": text}).text
        assert re.findall(r'<th scope="row"><a href="/cases/([0-9-]+)"', page) == [case.number]
    assert "There is none." in rey.get("/cases?q=nobody").text


def test_closed_cases_are_listed_the_latest_first(platform: Platform, people: Callable[..., Any]) -> None:
    rey = people("rey")
    made = [platform.send(each, account=f"account-{each}") for each in (1, 2)]
    for case in made:
        rey.send(f"/cases/{case.number}/decisions", verdict="confirmed", **taken(rey, case))
        platform.settle(case)
    page = rey.get("/cases?state=closed").text
    found = re.findall(r'<th scope="row"><a href="/cases/([0-9-]+)"', page)
    assert sorted(found) == sorted(each.number for each in made)


def test_a_second_review_is_blind(platform: Platform, people: Callable[..., Any]) -> None:
    case = platform.send()
    rey, rob = people("rey"), people("rob")
    rey.send(
        f"/cases/{case.number}/decisions",
        verdict="confirmed",
        classification="B2",
        note="seen before",
        **taken(rey, case),
    )
    platform.settle(case, qa_rate=1.0)
    assert str(platform.case(case).state) == "sampled"
    taken(rob, case)
    for path in ("", "/timeline", "/more"):
        page = rob.get(f"/cases/{case.number}{path}").text
        assert "seen before" not in page
        assert "Confirmed" not in page
        assert "confirmed</td>" not in page


def test_a_lead_gives_a_case_to_somebody_takes_an_appeal_and_corrects(
    platform: Platform, people: Callable[..., Any]
) -> None:
    case = platform.send()
    rey, rob, lea = people("rey"), people("rob"), people("lea", Role.LEAD)
    form = taken(rey, case)
    assert rey.get(f"/cases/{case.number}/more").text.count('action="/cases') == 0
    assert 'name="user"' in lea.get(f"/cases/{case.number}/more").text
    assert lea.send(f"/cases/{case.number}/reassign", user=str(rob.user.id)).status_code == 303
    assert rey.send(f"/cases/{case.number}/decisions", verdict="confirmed", **form).status_code == 409
    assert lea.send(f"/cases/{case.number}/reassign", user="").status_code == 422
    page = rob.get(f"/cases/{case.number}").text
    fresh = {name: hidden(page, name) for name in ("token", "seen_version")}
    rob.send(f"/cases/{case.number}/decisions", verdict="confirmed", **fresh)
    assert lea.send(f"/cases/{case.number}/appeal", priority="2").status_code == 422
    platform.settle(case)
    decision = re.search(r'<option value="(\d+)">Confirmed', lea.get(f"/cases/{case.number}/more").text)
    assert decision is not None
    answer = lea.send(f"/cases/{case.number}/correct", decision=decision[1], verdict="not_a_match", reason="a mistake")
    assert answer.headers["location"] == f"/cases/{case.number}?note=corrected"
    platform.settle(case)
    assert lea.send(f"/cases/{case.number}/appeal", priority="2").status_code == 303
    assert platform.case(case).queue is Queue.APPEALS


def test_what_is_kept_for_later_is_there_later_and_decides_nothing(
    platform: Platform, people: Callable[..., Any]
) -> None:
    case = platform.send()
    rey = people("rey")
    form = taken(rey, case)
    said = {"verdict": "confirmed", "classification": "B1", "note": "to be asked", "tag-drawing": "on"}
    answer = rey.send(f"/cases/{case.number}/decisions", then="keep", **said, **form)
    assert answer.headers["location"] == f"/cases/{case.number}?note=kept"
    page = rey.get(f"/cases/{case.number}?note=kept").text
    for field in ('value="confirmed"', 'value="B1"', 'name="tag-drawing"'):
        assert re.search(rf"<input[^>]*{field}[^>]* checked", page), field
    assert "to be asked</textarea>" in page
    assert str(platform.case(case).state) == "claimed"


def test_a_second_opinion_is_somebody_elses(platform: Platform, people: Callable[..., Any]) -> None:
    case = platform.send()
    rey, rob = people("rey"), people("rob")
    asked = rey.send(f"/cases/{case.number}/decisions", verdict="second_opinion", **taken(rey, case))
    assert asked.headers["location"] == "/cases?note=decided"
    assert platform.case(case).queue is Queue.SECOND_OPINION
    assert rey.send("/cases/next").headers["location"] == "/cases?note=empty"
    assert rey.send(f"/cases/{case.number}/claim").status_code == 403
    assert "This case is for somebody else." in rey.get(f"/cases/{case.number}").text
    assert rob.send("/cases/next").headers["location"] == f"/cases/{case.number}"


def test_an_appeal_goes_to_who_has_decided_none_of_it(platform: Platform, people: Callable[..., Any]) -> None:
    case = platform.send()
    rey, rob, lea = people("rey"), people("rob"), people("lea", Role.LEAD)
    rey.send(f"/cases/{case.number}/decisions", verdict="confirmed", **taken(rey, case))
    platform.settle(case)
    assert lea.send(f"/cases/{case.number}/appeal", priority="1").status_code == 303
    assert rey.send("/cases/next").headers["location"] == "/cases?note=empty"
    assert rey.send(f"/cases/{case.number}/claim").status_code == 403
    assert lea.send(f"/cases/{case.number}/reassign", user=str(rey.user.id)).status_code == 422
    assert rob.send("/cases/next").headers["location"] == f"/cases/{case.number}"


def test_a_case_is_put_aside_given_back_and_its_claim_extended(platform: Platform, people: Callable[..., Any]) -> None:
    case = platform.send()
    rey = people("rey")
    token = taken(rey, case)["token"]
    platform.change(case, claim_expires_at=now() + timedelta(seconds=20))

    def extend(number: int) -> Any:
        return rey.ask(
            "POST",
            f"/cases/{case.number}/claim/extend",
            content=json.dumps({"token": number}),
            headers={
                "x-csrf-token": rey.csrf,
                "content-type": "application/json",
                "accept": "*/*",
                "sec-fetch-site": "same-origin",
            },
        )

    assert extend(int(token)).status_code == 200
    expires = platform.case(case).claim_expires_at
    assert expires is not None
    assert expires > now() + timedelta(minutes=10)
    assert extend(int(token) + 1).status_code == 409
    assert rey.send(f"/cases/{case.number}/aside", token=token, hours="4", aside_reason="").status_code == 422
    answer = rey.send(f"/cases/{case.number}/aside", token=token, hours="4", aside_reason="an answer")
    assert answer.headers["location"] == "/cases?note=aside"
    assert str(platform.case(case).state) == "waiting"
    assert rey.send(f"/cases/{case.number}/release", token=token).status_code == 409


def test_what_is_surely_known_says_that_no_look_is_needed(platform: Platform, people: Callable[..., Any]) -> None:
    sure = platform.send(1, account="sure", distance=0, queue="known", allows_no_look=True)
    near = platform.send(2, account="near")
    rey = people("rey")
    assert "No look is needed" in rey.get(f"/cases/{sure.number}").text
    assert "No look is needed" not in rey.get(f"/cases/{near.number}").text


def test_the_timeline_says_when_the_record_was_changed(
    platform: Platform, people: Callable[..., Any], database: Database
) -> None:
    case = platform.send()
    rey = people("rey")
    assert "record whole" in rey.get(f"/cases/{case.number}").text
    with database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE audit_entries SET details = '{\"queue\":\"known\"}' WHERE action = 'case.opened'"
        )
    assert "record broken" in rey.get(f"/cases/{case.number}").text
    assert "record broken" in rey.get(f"/cases/{case.number}/timeline").text


def test_all_that_was_decided_at_once_is_taken_back_at_once(platform: Platform, people: Callable[..., Any]) -> None:
    for picture in (1, 2, 3):
        case = platform.send(picture)
    rey = people("rey")
    form = taken(rey, case)
    with platform.database.read() as connection:
        first, *_ = [each.id for each in cases.case_clusters(connection, case.id)]
    rey.send(f"/cases/{case.number}/decisions", verdict="confirmed", cluster=str(first), **form)
    with platform.database.write() as connection:  # what was said first is an hour old
        connection.exec_driver_sql("UPDATE decisions SET takes_effect_at = decided_at")
    rey.send(f"/cases/{case.number}/decisions", verdict="not_a_match", **form)
    assert rey.send(f"/cases/{case.number}/undo").status_code == 303
    with platform.database.read() as connection:
        verdicts = [each.verdict for each in cases.case_clusters(connection, case.id)]
    assert verdicts == [Verdict.CONFIRMED, None, None]


@pytest.mark.sqlite_file
def test_every_kind_of_fact_has_a_sentence_on_the_first_page(
    browser: Any, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"n": 3, "report": 7, "alarm": 1, "endpoint": 2, "name": "partner", "case": "2026-00001"}
    facts = [Fact(kind, "/banks", said) for kind in KINDS]
    stands = Today(now(), facts, None, [], None, is_watching=True)
    monkeypatch.setattr("hedgerow.web.pages.today.today", lambda *_, **__: stands)
    browser.log_in()
    page = browser.get("/").text
    found = re.findall(r'<li data-kind="(\w+)">(.*?)</li>', page, re.DOTALL)
    assert [kind for kind, _ in found] == list(KINDS)
    assert all(len(text.split("<a")[0].strip()) > 10 for _, text in found)


def test_the_first_page_says_what_is_overdue_and_what_one_works_on(
    platform: Platform, people: Callable[..., Any]
) -> None:
    case = platform.send()
    platform.change(case, due_at=now() - timedelta(hours=1))
    rey = people("rey")
    page = rey.get("/").text
    assert "1 case is overdue." in page
    taken(rey, case)
    assert f"Go on with {case.number}" in rey.get("/").text


def test_what_is_escalated_is_given_to_who_asks_for_it(platform: Platform, people: Callable[..., Any]) -> None:
    case = platform.send()
    rey = people("rey")
    form = taken(rey, case)
    rey.send(f"/cases/{case.number}/decisions", verdict="escalate", **form)
    assert platform.case(case).queue is Queue.ESCALATED
    assert rey.send("/cases/next").headers["location"] == "/cases?note=empty"
    assert rey.send("/cases/next", queue="escalated").headers["location"].startswith(f"/cases/{case.number}")


def test_why_it_is_no_match_stands_at_the_head_of_the_reason_for_the_partner(
    platform: Platform, people: Callable[..., Any], database: Database
) -> None:
    case = platform.send(1)
    rey = people("rey", Role.REVIEWER)
    rey.send(f"/cases/{case.number}/claim")
    page = rey.get(f"/cases/{case.number}").text
    assert '<select id="why-not" name="why"' in page
    said = dict(re.findall(r'name="(token|seen_version)" value="(\d+)"', page))
    rey.send(f"/cases/{case.number}/decisions", verdict="not_a_match", why="low_quality", reason="a grey area", **said)
    with database.read() as connection:
        (decision,) = cases.decisions_of(connection, case.id)
    assert decision.reason == "low_quality: a grey area"
    assert "the signal is poor: a grey area" in rey.get(f"/cases/{case.number}").text


def test_a_reason_for_partners_goes_with_no_other_decision(
    platform: Platform, people: Callable[..., Any], database: Database
) -> None:
    case = platform.send(2)
    rey = people("rey", Role.REVIEWER)
    rey.send(f"/cases/{case.number}/claim")
    said = dict(re.findall(r'name="(token|seen_version)" value="(\d+)"', rey.get(f"/cases/{case.number}").text))
    rey.send(f"/cases/{case.number}/decisions", verdict="confirmed", why="lawful", **said)
    with database.read() as connection:
        (decision,) = cases.decisions_of(connection, case.id)
    assert decision.reason is None
