"""Reports and evidence for people: who sees and does what, what is shown, and that nothing typed is lost."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update
from tests.web.pages.conftest import Browser

from hedgerow.accounts import Role, find_user_by_id
from hedgerow.accounts.model import SessionPolicy
from hedgerow.accounts.records import create_user
from hedgerow.accounts.sessions import begin_session
from hedgerow.cases import find_case
from hedgerow.database.sealing import load_service_keys
from hedgerow.evidence import ReviewKeys, new_custodian
from hedgerow.reports.arming import DECLARATION
from hedgerow.reports.cybertipline.completeness import completeness
from hedgerow.reports.cybertipline.schema import load_schema, walk
from hedgerow.reports.tables import reports as table
from hedgerow.web.pages.report_labels import LABELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from hedgerow.database import Database

MARKUP = "<script>alert(1)</script>\"'&"
HERE = Path(__file__).parent


def _desk_of_reports() -> Any:
    specification = util.spec_from_file_location("reports_conftest", HERE.parents[1] / "reports" / "conftest.py")
    assert specification is not None
    assert specification.loader is not None
    module = util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.Desk


class Office:
    """A desk with its pages, and whoever sits before them."""

    def __init__(self, desk: Any, app: FastAPI) -> None:
        self.desk = desk
        self.app = app
        self.author = self.of(desk.ada)
        self.approver = self.of(desk.ben)

    def of(self, actor: str) -> Browser:
        """Give the browser of a person."""
        with self.desk.database.write() as connection:
            user = find_user_by_id(connection, int(actor.removeprefix("user:")))
            logged_in = begin_session(connection, user, policy=SessionPolicy(), how="password", now=datetime.now(UTC))
        browser = Browser(self.app)
        browser.cookies["hedgerow"] = logged_in.token
        return browser

    def new(self, *roles: Role, name: str = "eva") -> Browser:
        with self.desk.database.write() as connection:
            user = create_user(connection, name, roles=roles, actor="cli", now=datetime.now(UTC))
        return self.of(user.actor)

    def seen(self, browser: Browser, number: int, at: str) -> str:
        page = browser.get(f"/reports/{number}/edit", params={"at": at})
        assert page.status_code == 200, page.text
        return re.findall(r'name="seen" value="([0-9a-f]+)"', page.text)[0]

    def keep(self, browser: Browser, number: int, at: str, **fields: str) -> Any:
        seen = fields.pop("seen", None) or self.seen(browser, number, at)
        return browser.send(f"/reports/{number}/edit", at=at, seen=seen, **fields)

    def approve(self, browser: Browser, number: int, **said: str) -> Any:
        page = browser.get(f"/reports/{number}/preview").text
        named = dict(re.findall(r'name="(revision|sha256)" value="([^"]+)"', page))
        return browser.send(f"/reports/{number}/approval", **(named | said))


@pytest.fixture
def office(database: Database, tmp_path: Path, serve: Callable[..., FastAPI]) -> Office:
    desk = _desk_of_reports()(database, tmp_path, datetime.now(UTC))
    desk.keeper.keys = ReviewKeys.of_service(load_service_keys(tmp_path))  # those that pages read with
    return Office(desk, serve(reports={"reporter_email": "trust-and-safety@platform.example"}))


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_is_composed_from_a_case_and_says_what_keeps_it_from_being_sent_and_where_that_is_mended(
    office: Office,
) -> None:
    kept = office.desk.kept(1)
    assert office.author.get(f"/evidence/{kept.id}").status_code == 403  # reviewers see no evidence
    with office.desk.database.read() as connection:
        case = find_case(connection, kept.case_id).number
    made = office.author.send("/reports", case=case)
    assert made.headers["location"] == "/reports/1?note=drafted"
    page = office.author.get(made.headers["location"]).text
    assert "Nothing in this case is confirmed" in page
    assert "nobody has stated it yet" in page
    assert "/reports/1/edit?at=incidentSummary#f%2FincidentDateTime" in page
    form = office.author.get("/reports/1/edit?at=incidentSummary").text
    assert re.search(r'id="f/incidentDateTime-error".*?Nobody has stated it yet', form, re.DOTALL)
    assert 'id="f/incidentDateTime"' in form


def test_a_case_that_does_not_exist_is_said_at_its_field(office: Office) -> None:
    for case in ("2026-99999", "nonsense", "a\0b", ""):
        refused = office.author.send("/reports", case=case)
        assert refused.status_code == 404
        assert 'id="case-error"' in refused.text


def test_what_is_kept_mends_the_report_and_whoever_keeps_it_is_an_author(office: Office) -> None:
    report = office.desk.drafted(office.desk.kept(1).case_id, [])
    lead = office.new(Role.LEAD, name="lea")
    made = office.keep(lead, report.id, "personOrUserReported[1]", espIdentifier="account-1", displayName="a\r\nb")
    assert made.headers["location"] == f"/reports/{report.id}?note=kept"
    found = office.desk.look(report)
    assert found.content["personOrUserReported"] == [{"espIdentifier": "account-1", "displayName": ["a", "b"]}]
    assert len(found.authors) == 2
    assert "lea" in office.author.get(f"/reports/{report.id}").text


def test_to_keep_what_is_the_same_makes_nobody_an_author(office: Office) -> None:
    report = office.desk.drafted(office.desk.kept(1).case_id, [])
    lead = office.new(Role.LEAD, name="lea")
    page = lead.get(f"/reports/{report.id}/edit?at=report").text
    assert "additionalInfo" in page
    assert office.keep(lead, report.id, "report", additionalInfo="").headers["location"].endswith("note=same")
    assert office.desk.look(report).revision == 1


def test_two_people_change_different_parts_and_of_the_same_part_nothing_typed_is_lost(office: Office) -> None:
    report = office.desk.drafted(office.desk.kept(1).case_id, [])
    seen = office.seen(office.author, report.id, "report")
    first = office.keep(office.author, report.id, "incidentSummary", incidentType="Child Sex Tourism", platform="here")
    assert first.status_code == 303
    assert office.keep(office.author, report.id, "report", seen=seen, additionalInfo="one").status_code == 303
    again = office.keep(office.author, report.id, "report", seen=seen, additionalInfo="what I typed")
    assert again.status_code == 409
    assert "what I typed" in again.text
    assert office.desk.look(report).content["additionalInfo"] == "one"
    present = re.findall(r'name="seen" value="([0-9a-f]+)"', again.text)[0]
    assert office.keep(office.author, report.id, "report", seen=present, additionalInfo="two").status_code == 303
    assert office.desk.look(report).content["additionalInfo"] == "two"


def test_a_file_is_described_left_out_and_put_in_again_and_no_field_says_that_it_was_viewed(office: Office) -> None:
    report = office.desk.draft(2)
    page = office.author.get(f"/reports/{report.id}/edit", params={"at": "fileDetails[1]"}).text
    assert "ViewedByEsp" not in page
    assert "whether it was viewed in full" in page.lower()
    kept = office.keep(
        office.author, report.id, "fileDetails[1]", industryClassification="A1", fileRelevance="Reported"
    )
    assert kept.status_code == 303
    shown = office.author.get(f"/reports/{report.id}").text
    left = re.findall(r'name="evidence" value="(\d+)"', shown)[0]
    assert office.author.send(f"/reports/{report.id}/files", evidence=left, what="leave").status_code == 303
    shown = office.author.get(f"/reports/{report.id}").text
    assert "1 file of the case is left out" in shown
    assert office.author.send(f"/reports/{report.id}/files", evidence=left, what="put").status_code == 303
    assert "is left out" not in office.author.get(f"/reports/{report.id}").text
    assert office.author.send(f"/reports/{report.id}/files", evidence="x").status_code == 404


def test_markup_in_every_field_is_shown_as_text(office: Office) -> None:
    report = office.desk.drafted(office.desk.kept(1).case_id, [])
    form = office.author.get(f"/reports/{report.id}/edit", params={"at": "personOrUserReported[1]"}).text
    names = re.findall(r'<(?:input|textarea)[^>]* name="([^"]+)"', form)
    fields = {unescape(name): MARKUP for name in names if name not in {"csrf_token", "at", "seen"}}
    assert office.keep(office.author, report.id, "personOrUserReported[1]", **fields).status_code == 303
    for path in ("", "/preview", "/edit?at=personOrUserReported%5B1%5D"):
        page = office.author.get(f"/reports/{report.id}{path}").text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


# ── approval and filing ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_author_has_no_button_and_the_second_person_approves_exactly_what_is_shown(office: Office) -> None:
    number = office.desk.draft(1).id
    both = office.new(Role.REVIEWER, Role.APPROVER)
    office.keep(both, number, "report", additionalInfo="by both")
    assert "Approve exactly this" not in both.get(f"/reports/{number}/preview").text
    assert "Approve exactly this" not in office.author.get(f"/reports/{number}/preview").text
    page = office.approver.get(f"/reports/{number}/preview").text
    said = dict(re.findall(r'name="(revision|sha256)" value="([^"]+)"', page))
    refused = both.send(f"/reports/{number}/approval", **said)
    assert refused.status_code == 403
    assert office.author.send(f"/reports/{number}/approval", **said).status_code == 403
    assert office.approver.send(f"/reports/{number}/approval", revision="2", sha256="0" * 64).status_code == 403
    assert office.approver.send(f"/reports/{number}/approval", **said | {"revision": "1"}).status_code == 409
    assert office.approver.send(f"/reports/{number}/approval", **said).status_code == 303
    found = office.desk.look(number)
    assert found.approved_by == office.desk.ben
    assert found.document is not None
    shown = office.approver.get(f"/reports/{number}/preview").text
    assert found.document_sha256 in shown
    assert (
        unescape(re.findall(r'<pre id="document"><code>(.*?)</code>', shown, re.DOTALL)[0]) == found.document.decode()
    )


def test_what_breaks_a_rule_is_not_approved_and_says_where_it_is_mended(office: Office) -> None:
    number = office.desk.draft(0).id
    office.keep(office.author, number, "incidentSummary", incidentType="")
    page = office.approver.get(f"/reports/{number}/preview").text
    assert "It cannot be approved yet" in page
    assert "Approve exactly this" not in page
    assert office.approver.send(f"/reports/{number}/approval", revision="2", sha256="0" * 64).status_code == 422


def test_one_person_alone_declares_word_for_word_and_can_think_again(
    database: Database, tmp_path: Path, serve: Callable[..., FastAPI]
) -> None:
    office = Office(_desk_of_reports()(database, tmp_path, datetime.now(UTC)), serve(reports={"solo": True}))
    both = office.new(Role.REVIEWER, Role.APPROVER)
    number = office.desk.draft(0).id
    office.keep(both, number, "report", additionalInfo="mine")
    page = both.get(f"/reports/{number}/preview").text
    assert DECLARATION in page
    assert "60 minutes later" in page
    refused = office.approve(both, number, declaration="I do")
    assert refused.status_code == 403
    assert office.approve(both, number, declaration=DECLARATION).status_code == 303
    shown = text_of(both.get(f"/reports/{number}").text)
    assert "alone, with a declaration" in shown
    assert "can be taken back until then" in shown
    assert both.send(f"/reports/{number}/approval/revoke").headers["location"].endswith("revoked")
    assert office.desk.look(number).state == "draft"


def test_a_report_is_sent_settled_and_given_up_only_where_it_stands_so_and_each_refusal_is_a_page(
    office: Office,
) -> None:
    number = office.desk.draft(0).id
    assert office.approver.send(f"/reports/{number}/file").status_code == 409
    assert office.approver.send(f"/reports/{number}/resolve", what="again").status_code == 409
    assert office.approve(office.approver, number).status_code == 303
    assert office.approver.send(f"/reports/{number}/file").status_code == 303
    refused = office.author.send(f"/reports/{number}/withdraw", reason=" ")
    assert refused.status_code == 422
    assert 'id="reason-error"' in refused.text
    assert office.author.send(f"/reports/{number}/withdraw", reason="told by telephone").status_code == 303
    page = text_of(office.author.get(f"/reports/{number}").text)
    assert "told by telephone" in page
    assert "Draft a further report" in page


def test_a_person_says_that_it_is_filed_under_a_number(office: Office) -> None:
    number = office.desk.draft(0).id
    wrong = office.approver.send(f"/reports/{number}/resolve", what="filed", reference="none")
    assert wrong.status_code == 422
    assert 'value="none"' in wrong.text
    assert office.approver.send(f"/reports/{number}/resolve", what="filed", reference="4564654").status_code == 303
    assert "4564654" in office.author.get(f"/reports/{number}").text


def test_how_far_it_is_is_said_in_few_words_and_changes_its_version(office: Office) -> None:
    number = office.desk.draft(1).id
    before = office.author.get(f"/reports/{number}/live").json()
    assert before["is_under_way"] is False
    office.approve(office.approver, number)
    after = office.author.get(f"/reports/{number}/live").json()
    assert after["state"] == "approved"
    assert after["is_under_way"] is True
    assert after["version"] != before["version"]
    assert f'data-live="/reports/{number}/live"' in office.author.get(f"/reports/{number}").text


def test_every_name_of_a_field_is_marked_for_translation() -> None:
    named = {each.label for kind in load_schema().roots.values() for _, each in walk(kind)}
    parts = completeness({}).parts
    named |= {each.label for each in parts} | {missing for each in parts for missing in each.missing}
    assert named <= set(LABELS)
    assert len(LABELS) == len(set(LABELS))


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_late_comes_first_and_pages_show_each_report_once(office: Office, database: Database) -> None:
    case = office.desk.kept(1).case_id
    numbers = [office.desk.drafted(case, []).id for _ in range(53)]
    with database.write() as connection:
        late = datetime.now(UTC) - timedelta(hours=3)
        connection.execute(update(table).where(table.c.id == numbers[40]).values(deadline_at=late))
    seen: list[int] = []
    path: str | None = "/reports"
    while path:
        page = office.author.get(path).text
        seen += [int(each) for each in re.findall(r'<th scope="row"><a href="/reports/(\d+)"', page)]
        found = re.findall(r'href="([^"]+)" rel="next"', page)
        path = unescape(found[0]) if found else None
    assert seen[0] == numbers[40]
    assert sorted(seen) == numbers
    assert "late" in office.author.get("/reports").text


def test_a_report_is_found_by_its_number_and_by_its_case(office: Office) -> None:
    report = office.desk.draft(0)
    page = office.author.get("/reports", params={"find": str(report.id)}).text
    assert f"/reports/{report.id}" in page
    case = re.findall(r'href="/cases/([0-9-]+)"', page)[0]
    assert f"/reports/{report.id}" in office.author.get("/reports", params={"find": case}).text
    for nonsense in ("2026-99999", "x" * 40, "\0", "9" * 40):
        assert office.author.get("/reports", params={"find": nonsense}).status_code in {200, 404}
    assert office.author.get("/reports?show=over").status_code == 200
    assert office.author.get("/reports?after=nonsense").status_code == 400


# ── filing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_credentials_go_in_and_never_come_out(office: Office) -> None:
    admin = office.new(Role.ADMIN)
    secret = "the authority's own word"  # noqa: S105  (of nobody)
    assert admin.send("/filing/credentials/test", username="esp", password=secret).status_code == 303
    refused = admin.send("/filing/credentials/test", username="a:b", password=secret)
    assert refused.status_code == 422
    page = admin.get("/filing").text
    assert "entered by" in text_of(page)
    assert secret not in page + refused.text
    assert admin.send("/filing/credentials/test/trial").status_code == 409  # no address is set
    nobodys = {"username": "a", "password": "b"}
    assert admin.send("/filing/credentials/elsewhere", **nobodys).status_code == 422
    assert office.approver.send("/filing/credentials/test", **nobodys).status_code == 403


def test_real_reports_take_two_people_and_one_switches_them_off(office: Office) -> None:
    admin = office.new(Role.ADMIN)
    assert admin.send("/filing/arming").status_code == 303
    assert "Agree to real reports" not in admin.get("/filing").text
    assert admin.send("/filing/arming/agreement").status_code == 409
    assert "Agree to real reports" in office.approver.get("/filing").text
    assert office.approver.send("/filing/arming/agreement").status_code == 303
    assert "Agreed by" in admin.get("/filing").text
    assert admin.send("/filing/arming/end").status_code == 303
    assert "switched off" in text_of(admin.get("/filing").text)


# ── evidence ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_evidence_is_listed_and_shown_without_its_bytes_and_found_by_case(office: Office) -> None:
    kept = [office.desk.kept(number) for number in (1, 2)]
    custodian = office.new(Role.CUSTODIAN)
    page = custodian.get("/evidence").text
    assert re.findall(r'<a href="/evidence/(\d+)"', page) == [str(each.id) for each in reversed(kept)]
    case = re.findall(r'href="/cases/([0-9-]+)"', page)[0]
    assert "Hold everything of this case" in custodian.get("/evidence", params={"find": case}).text
    shown = custodian.get(f"/evidence/{kept[0].id}").text
    assert kept[0].sha256 is not None
    assert kept[0].sha256.hex() in shown
    assert "<img" not in shown
    assert custodian.get("/evidence?state=nonsense").status_code == 200
    assert custodian.get("/evidence", params={"find": "2026-99999"}).status_code == 404
    held = custodian.send("/evidence/holds", case=case, kind="legal", reason="a claim")
    assert held.status_code == 303
    assert "in force" in custodian.get(f"/evidence/{kept[1].id}").text


def test_a_hold_is_placed_by_one_and_lifted_by_two(office: Office) -> None:
    number = office.desk.kept(1).id
    custodian = office.new(Role.CUSTODIAN)
    for wrong in ({"reason": ""}, {"kind": "filing"}, {"until": "2020-01-01"}, {"until": "soon"}):
        fields = {"kind": "legal", "reason": "a claim", "until": ""} | wrong
        refused = custodian.send(f"/evidence/{number}/holds", **fields)
        assert refused.status_code in {409, 422}, wrong
        assert 'id="reason-hold-error"' in refused.text
    assert custodian.send(f"/evidence/{number}/holds", kind="legal", reason="a claim").status_code == 303
    asked = custodian.send(f"/evidence/{number}/holds/1/lifting", reason="the claim is over")
    wish = asked.headers["location"].partition("?")[0]
    assert custodian.send(f"{wish}/agreement").status_code == 403
    assert "somebody else has to agree" in custodian.get(wish).text
    assert office.approver.send(f"{wish}/agreement").status_code == 303
    assert "lifted" in custodian.get(f"/evidence/{number}").text
    assert custodian.get(wish).status_code == 200


def test_bytes_are_given_only_to_who_asked_once_somebody_else_has_agreed(office: Office) -> None:
    kept = office.desk.kept(1)
    custodian = office.new(Role.CUSTODIAN)
    asked = custodian.send(f"/evidence/{kept.id}/opening", reason="a court asks")
    wish = asked.headers["location"].partition("?")[0]
    content = f"{wish}/content/{kept.id}"
    assert custodian.send(content).status_code == 409
    assert office.approver.send(f"{wish}/agreement").status_code == 303
    assert office.approver.send(content).status_code == 403
    other = office.new(Role.CUSTODIAN, name="cato")
    assert other.send(content).status_code == 409
    given = custodian.send(content)
    assert given.status_code == 200
    assert given.headers["content-disposition"].startswith("attachment")
    assert given.headers["cache-control"] == "no-store"
    assert given.content == office.desk.plain(1)
    assert custodian.send(f"{wish}/withdrawal").status_code == 303
    assert custodian.send(content).status_code == 409


def test_what_two_people_destroyed_leaves_its_certificate(office: Office) -> None:
    kept = office.desk.kept(1)
    custodian = office.new(Role.CUSTODIAN)
    assert "Only an authority" in custodian.get(f"/evidence/{kept.id}").text  # its case is open
    fields = {"removal": "law_enforcement", "reason": "ordered"}
    refused = custodian.send(f"/evidence/{kept.id}/destruction", **fields)
    assert refused.status_code == 409
    asked = custodian.send(f"/evidence/{kept.id}/destruction", **fields, reference="order 7")
    wish = asked.headers["location"].partition("?")[0]
    assert office.approver.send(f"{wish}/agreement").status_code == 303
    page = text_of(custodian.get(f"/evidence/{kept.id}").text)
    assert "Destroyed" in page
    assert "Certificate of its destruction" in page
    assert "hedgerow evidence certificate v1" in page


def test_custodians_are_added_and_retired_by_who_looks_after_the_vault(office: Office) -> None:
    pytest.importorskip("pyrage")
    recipient = new_custodian().recipient
    admin, custodian = office.new(Role.ADMIN), office.new(Role.CUSTODIAN, name="cus")
    refused = admin.send("/vault/custodians", custodian="Cato", recipient="AGE-SECRET-KEY-1")
    assert refused.status_code == 422
    assert admin.send("/vault/custodians", custodian=MARKUP, recipient=recipient).status_code == 303
    page = custodian.get("/evidence/custodians").text
    assert recipient in page
    assert "<script>alert" not in page
    assert custodian.send("/vault/custodians", custodian="a", recipient=recipient).status_code == 403
    assert admin.send("/vault/custodians/1/retirement").status_code == 303
    assert "retired" in custodian.get("/evidence/custodians").text
