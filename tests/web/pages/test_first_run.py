"""The first run: each step by who may do it, what is done seen in the record, and nothing real ever."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.web.pages.conftest import Browser

from hedgerow import accounts, cases
from hedgerow.accounts import Role
from hedgerow.app import now, rehearsal
from hedgerow.app.rehearsal import SimulatorHost
from hedgerow.app.serving import cases as casework
from hedgerow.app.serving import first_run
from hedgerow.app.serving import reports as serving
from hedgerow.app.serving.first_run import STEPS
from hedgerow.cases import Statement, Verdict
from hedgerow.web.pages.first_run import LABELS, _Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from hedgerow.accounts import User
    from hedgerow.app.service import Service
    from hedgerow.database import Database

PASSWORD = "harbour pencil violet stone"  # noqa: S105  (nobody's)


@pytest.fixture
def log_in(app: FastAPI, add_user: Callable[..., User]) -> Callable[..., Browser]:
    """Give what logs somebody in, and makes them first where they are new."""

    def open_(name: str, *roles: Role) -> Browser:
        if roles:
            add_user(name, *roles)
        browser = Browser(app)
        assert browser.log_in(name).status_code == 303
        return browser

    return open_


def service_of(app: FastAPI) -> Service:
    service: Service = app.state.service
    return service


def confirm(database: Database, number: str, user: User) -> None:
    """Let somebody take a case and confirm it, as the page of the case does."""
    claim = casework.claim(database, number, user_id=user.id)
    with database.read() as connection:
        version = cases.find_case_by_number(connection, number).version
    casework.decide(
        database,
        number,
        claim.claim.token,
        Statement(Verdict.CONFIRMED, classification="A1"),
        seen_version=version,
        user_id=user.id,
    )


def done(page: str) -> list[str]:
    """Return the labels of the steps that a page says are done."""
    found = re.findall(r'<li><a href="/first-run/(\w+)"[^>]*>[^<]*</a>( <span[^>]*>done</span>)?', page)
    assert [word for word, _ in found] == list(STEPS)
    return [word for word, is_done in found if is_done]


def test_there_is_a_page_for_each_step() -> None:
    assert tuple(LABELS) == STEPS == tuple(_Step.__args__)  # type: ignore[attr-defined]  # a Literal has them


def test_an_empty_house_leads_its_admin_there_and_a_house_at_work_nobody(
    app: FastAPI, log_in: Callable[..., Browser], database: Database
) -> None:
    ada, ana = log_in("ada", Role.ADMIN), log_in("ana", Role.ANALYST)
    assert 'href="/first-run"' in ada.get("/").text
    assert 'href="/first-run"' not in ana.get("/").text
    with database.write() as connection:
        from hedgerow.banks import create_bank  # noqa: PLC0415  (of this test)

        create_bank(connection, "theirs", now=now())
    assert 'href="/first-run"' not in ada.get("/").text


def test_two_people_are_named_with_links_that_are_shown_once(
    app: FastAPI, log_in: Callable[..., Browser], database: Database
) -> None:
    ada = log_in("ada", Role.ADMIN)
    page = ada.send("/first-run/people", lead="lea", approver="apo")
    assert page.status_code == 200
    links = re.findall(r'<code class="secret">http://127.0.0.1(/welcome/[^<]+)</code>', page.text)
    assert len(links) == 2
    with database.read() as connection:
        assert accounts.find_user(connection, "lea").roles == {Role.LEAD}
        assert accounts.find_user(connection, "apo").roles == {Role.APPROVER}
    again = ada.get("/first-run/people").text
    assert "/welcome/" not in again
    assert again.count("has not opened the link yet") == 2
    assert done(again) == ["people"]
    for link in links:
        answer = Browser(app).post(link, {"password": PASSWORD, "again": PASSWORD})
        assert answer.headers["location"] == "/login?note=password_set"
    assert "has not opened" not in ada.get("/first-run/people").text


@pytest.mark.parametrize(
    ("lead", "approver", "wrong"),
    [("lea", "LEA", "approver"), ("", "apo", "lead"), ("lea", "ada", "approver"), ("two words", "apo", "lead")],
)
def test_names_that_cannot_be_are_said_at_their_field_and_nobody_is_made(
    log_in: Callable[..., Browser], database: Database, lead: str, approver: str, wrong: str
) -> None:
    ada = log_in("ada", Role.ADMIN)
    page = ada.send("/first-run/people", lead=lead, approver=approver)
    assert page.status_code == 422
    assert re.findall(r'<p class="error" id="(\w+)-error">', page.text) == [wrong]
    with database.read() as connection:
        assert [each.name for each in accounts.list_users(connection)] == ["ada"]


def test_one_person_alone_is_two_only_in_solo_mode(
    serve: Callable[..., FastAPI], add_user: Callable[..., User]
) -> None:
    add_user("ada", Role.ADMIN, Role.LEAD, Role.APPROVER)
    for is_solo in (False, True):
        browser = Browser(serve(reports={"solo": is_solo}))
        browser.log_in()
        assert ("people" in done(browser.get("/first-run/people").text)) is is_solo


def test_a_key_that_may_screen_is_made_and_shown_once(log_in: Callable[..., Browser], database: Database) -> None:
    ada = log_in("ada", Role.ADMIN)
    page = ada.send("/first-run/key", name="platform").text
    (text,) = re.findall(r'<code class="secret">([^<]+)</code>', page)
    assert f"Authorization: Bearer {text}" in page
    with database.read() as connection:
        assert accounts.authenticate_key(connection, text, now()).permissions == {accounts.Permission.SCREEN}
    again = ada.get("/first-run/key").text
    assert text not in again
    assert done(again) == ["key"]
    assert ada.send("/first-run/key", name="").status_code == 422


def test_a_bank_with_the_picture_is_made_in_one_piece(log_in: Callable[..., Browser], database: Database) -> None:
    lea = log_in("lea", Role.LEAD)
    assert lea.send("/first-run/bank", name="no name").status_code == 422
    assert lea.send("/first-run/bank", name="rehearsal").headers["location"] == "/first-run/bank?note=bank"
    assert done(lea.get("/first-run/bank").text) == ["bank"]
    assert lea.send("/first-run/bank", name="rehearsal").status_code == 422
    assert "rehearsal" in lea.get("/first-run/bank").text


def test_from_the_bank_to_a_draft_that_nothing_is_missing_from(
    app: FastAPI,
    log_in: Callable[..., Browser],
    database: Database,
    add_user: Callable[..., User],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(first_run, "_PATIENCE_S", 0.01)  # nothing works here but what this test calls
    user = add_user("lea", Role.LEAD)
    lea = log_in("lea")
    service = service_of(app)
    host = SimulatorHost(service.settings, database, service.keys)
    try:
        log_in("ada", Role.ADMIN).send("/first-run/authority")
        assert host.look(now=now())
        assert lea.send("/first-run/case").status_code == 422  # there is nothing to find yet
        lea.send("/first-run/bank", name="rehearsal")
        answer = lea.send("/first-run/case")
        number = answer.headers["location"].removeprefix("/cases/")
        assert lea.send("/first-run/case").headers["location"] == f"/cases/{number}"
        assert lea.send("/first-run/report", email="a@b.example").status_code == 422  # nobody has decided
        confirm(database, number, user)
        assert lea.get("/").text.count('href="/first-run"') == 1
        assert lea.send("/first-run/report", email="nobody").status_code == 422
        assert (
            lea.send("/first-run/report", email="me@platform.example").headers["location"] == "/reports/1?note=drafted"
        )
        assert (
            lea.send("/first-run/report", email="me@platform.example").headers["location"] == "/reports/1?note=drafted"
        )
        shown = serving.preview(database, 1)
        assert list(shown.preview.violations) == []
        assert shown.preview.report.environment == "test"
        text = (shown.preview.document or b"").decode()
        assert "rehearsal of a new installation" in text
        assert "me@platform.example" in text
        assert done(lea.get("/first-run/report").text) == ["authority", "bank", "case"]
        with database.read() as connection:
            assert [each.name for each in accounts.list_users(connection)] == ["ada", "lea"]
    finally:
        host.close()


def test_a_house_that_sends_real_reports_is_told_so_and_nothing_is_rehearsed(
    serve: Callable[..., FastAPI], add_user: Callable[..., User], database: Database
) -> None:
    add_user("ada", Role.ADMIN, Role.LEAD)
    browser = Browser(serve(reports={"environment": "production"}))
    browser.log_in()
    assert "real reports" in browser.get("/first-run").text
    for path in ("case", "report", "authority"):
        assert browser.send(f"/first-run/{path}", email="a@b.example").status_code == 422
    with database.read() as connection:
        assert cases.count_queues(connection, now=now()) and not any(  # noqa: PT018  (one look)
            each.waiting for each in cases.count_queues(connection, now=now())
        )
    assert not rehearsal.standing(service_of(browser._app).settings).is_wanted


def test_where_no_worker_runs_the_page_says_how_to_start_one(
    serve: Callable[..., FastAPI], add_user: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_run, "_PATIENCE_S", 0.01)
    add_user("ada", Role.ADMIN)
    browser = Browser(serve(workers={"in_serve": False}))
    browser.log_in()
    assert "hedgerow worker" in browser.get("/first-run/house").text
    assert browser.send("/first-run/authority").headers["location"] == "/first-run/authority?note=asked"
    page = browser.get("/first-run/authority").text
    assert "hedgerow worker" in page
    assert "It does not run yet" in page
    assert browser.send("/first-run/end").status_code == 303
    assert "Start the stand-in" in browser.get("/first-run/authority").text


def test_whoever_has_no_part_in_it_learns_nothing_by_it(log_in: Callable[..., Browser], app: FastAPI) -> None:
    ada = log_in("ada", Role.ADMIN)
    ada.send("/first-run/people", lead="secretlead", approver="secretapprover")
    ada.send("/first-run/key", name="secretkey")
    ana = log_in("ana", Role.ANALYST)
    for step in STEPS:
        page = ana.get(f"/first-run/{step}")
        assert page.status_code == 200
        assert "secret" not in page.text
        assert "<form" not in page.text.split("<main", 1)[1].split("</main>")[0]


@pytest.mark.sqlite_file
def test_the_doctor_is_asked_by_a_form_and_its_findings_are_shown(log_in: Callable[..., Browser]) -> None:
    ada = log_in("ada", Role.ADMIN)
    page = ada.send("/first-run/checks")
    assert page.status_code == 200
    assert "What was looked at" in page.text
    assert "What was looked at" not in ada.get("/first-run/house").text
