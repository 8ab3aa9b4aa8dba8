from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.cases import NewView, record_view
from hedgerow.cases.model import Form
from hedgerow.errors import (
    ApprovalRefused,
    DraftChanged,
    DraftInvalid,
    InvalidReport,
    PersonNeeded,
    ReportRefused,
    ViewedCannotBeStated,
)
from hedgerow.reports.approving import preview_report, revoke_approval
from hedgerow.reports.arming import DECLARATION, SoloRule
from hedgerow.reports.cybertipline.authority import CYBERTIPLINE
from hedgerow.reports.cybertipline.document import render_file
from hedgerow.reports.drafting import NewFile, edit_report, withdraw_report
from hedgerow.reports.filing_model import ReportState
from hedgerow.reports.finding import files_of

if TYPE_CHECKING:
    from tests.reports.conftest import Desk

    from hedgerow.reports.filing_model import Report
    from hedgerow.simulators.cybertipline import CyberTiplineSimulator

SOLO = SoloRule(is_on=True)


def edit(desk: Desk, report: Report, by: str | None = None, **said: Any) -> Report:
    said = {"revision": desk.look(report).revision} | said
    return desk.write(lambda c: edit_report(c, report.id, actor=by or desk.ada, now=desk.clock(), **said))


# ── two people ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_wrote_a_report_cannot_approve_it(desk: Desk) -> None:
    report = desk.draft(0)
    with pytest.raises(ApprovalRefused):
        desk.approve(report, by=desk.ada)
    assert desk.approve(report, by=desk.ben).approved_by == desk.ben


def test_nor_can_who_edited_it_since(desk: Desk) -> None:
    report = edit(desk, desk.draft(0), by=desk.ben, content=desk.content(additionalInfo="more"))
    assert report.authors == (desk.ada, desk.ben)
    for author in (desk.ada, desk.ben):
        with pytest.raises(ApprovalRefused):
            desk.approve(report, by=author)
    assert desk.approve(report, by=desk.cem).state is ReportState.APPROVED


@pytest.mark.parametrize("actor", ["cli", "key:3", "system"])
def test_only_a_person_writes_or_approves(desk: Desk, actor: str) -> None:
    report = desk.draft(0)
    with pytest.raises(PersonNeeded):
        desk.approve(report, by=actor)
    with pytest.raises(PersonNeeded):
        edit(desk, report, by=actor, content=desk.content())
    with pytest.raises(PersonNeeded):
        desk.write(lambda c: withdraw_report(c, report.id, reason="x", actor=actor, now=desk.clock()))


def test_the_database_itself_holds_no_approval_without_its_document(desk: Desk) -> None:
    from sqlalchemy import update  # noqa: PLC0415  (of this test alone)
    from sqlalchemy.exc import IntegrityError  # noqa: PLC0415  (as above)

    from hedgerow.reports.tables import reports  # noqa: PLC0415  (as above)

    report = desk.draft(0)
    with pytest.raises(IntegrityError):
        desk.write(lambda c: c.execute(update(reports).where(reports.c.id == report.id).values(state="approved")))


# ── one person ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_person_alone_declares_and_waits(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    report = desk.draft(0)
    for said in (None, "yes", DECLARATION.lower()):
        with pytest.raises(ApprovalRefused):
            desk.approve(report, by=desk.ada, solo=SOLO, declaration=said)
    approved = desk.approve(report, by=desk.ada, solo=SOLO, declaration=DECLARATION)
    assert approved.is_solo
    assert approved.effective_at == desk.clock() + timedelta(hours=1)
    assert not desk.filer().run_one()
    assert simulator.reports() == []
    desk.advance(minutes=61)
    assert desk.filer().run_one()
    assert desk.look(report).state is ReportState.FILED
    assert "report.approved_solo" in desk.actions()


def test_in_solo_mode_a_second_person_still_makes_it_an_approval_of_two(desk: Desk) -> None:
    approved = desk.approve(desk.draft(0), by=desk.ben, solo=SOLO)
    assert not approved.is_solo
    assert "report.approved_solo" not in desk.actions()


# ── what is approved ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_approval_names_the_preview_that_was_looked_at(desk: Desk) -> None:
    report = desk.draft(1)
    preview = desk.read(lambda c: preview_report(c, report.id, now=desk.clock()))
    edit(desk, report, content=desk.content(additionalInfo="other words"))
    from hedgerow.reports.approving import approve_report  # noqa: PLC0415  (of this test alone)

    def approve(revision: int, sha256: str) -> None:
        desk.write(
            lambda c: approve_report(c, report.id, revision=revision, sha256=sha256, actor=desk.ben, now=desk.clock())
        )

    with pytest.raises(DraftChanged):
        approve(preview.report.revision, preview.sha256 or "")
    with pytest.raises(ApprovalRefused):
        approve(preview.report.revision + 1, preview.sha256 or "")


def test_the_same_draft_gives_the_same_preview(desk: Desk) -> None:
    report = desk.draft(2)
    first, second = (desk.read(lambda c: preview_report(c, report.id, now=desk.clock())) for _ in range(2))
    assert (first.document, first.templates, first.sha256) == (second.document, second.templates, second.sha256)


def test_what_breaks_a_rule_cannot_be_approved_and_the_field_is_named(desk: Desk) -> None:
    content = desk.content()
    del content["incidentSummary"]["incidentDateTime"]
    report = edit(desk, desk.draft(0), content=content)
    with pytest.raises(DraftInvalid) as refused:
        desk.approve(report)
    assert "incident" in str(refused.value)


def test_the_stored_template_is_filled_with_nothing_but_the_two_numbers(desk: Desk) -> None:
    report = desk.approve(desk.draft(1))
    (file,) = desk.read(lambda c: files_of(c, desk.look(report)))
    preview = desk.read(lambda c: preview_report(c, report.id, now=desk.clock()))
    assert file.template == preview.templates[0]
    filled = CYBERTIPLINE.fill(file.template or b"", "4564654", "b0754af766b426f2928a02c651ed4b99")
    whole = render_file(preview.draft.files[0], report_id=4564654, file_id="b0754af766b426f2928a02c651ed4b99")
    assert filled == whole
    lines = filled.split(b"\n")
    assert b"\n".join(line for line in lines if b"reportId" not in line and b"fileId" not in line) == file.template


def test_a_file_of_which_nothing_is_said_is_filled_too(desk: Desk) -> None:
    from hedgerow.reports.model import DraftFile  # noqa: PLC0415  (of this test alone)

    empty = DraftFile("a", {})
    filled = CYBERTIPLINE.fill(CYBERTIPLINE.render_file(empty), "12", "ab")
    assert filled == render_file(empty, report_id=12, file_id="ab")


# ── what voids an approval ───────────────────────────────────────────────────────────────────────────────────────


def test_an_edit_voids_it(desk: Desk) -> None:
    report = edit(desk, desk.approved(1), by=desk.cem, content=desk.content(additionalInfo="x"))
    assert (report.state, report.document, report.approved_by) == (ReportState.DRAFT, None, None)
    assert "report.approval_voided" in desk.actions()


def test_a_look_at_a_file_voids_it_before_anything_is_sent(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    report = desk.approved(1)
    view = NewView(report.case_id, 1, desk.reviewer, Form.FULL, desk.clock(), seconds=5.0)
    desk.write(lambda c: record_view(c, view, now=desk.clock()))
    desk.filer().run_one()
    found = desk.look(report)
    assert (found.state, found.voided) == (ReportState.DRAFT, "changed_since")
    assert simulator.reports() == []
    preview = desk.read(lambda c: preview_report(c, report.id, now=desk.clock()))
    assert b"<fileViewedByEsp>true</fileViewedByEsp>" in preview.templates[0]


def test_evidence_that_is_gone_voids_it_before_anything_is_sent(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    from hedgerow.evidence.tables import evidence as table  # noqa: PLC0415  (of this test alone)

    report = desk.approved(1)
    desk.write(lambda c: c.execute(table.update().values(state="sealed", wrapped=None, sealed=b"age")))
    desk.filer().run_one()
    assert desk.look(report).state is ReportState.DRAFT
    assert simulator.reports() == []
    with pytest.raises(ApprovalRefused):
        desk.approve(report)


def test_it_can_be_revoked_until_something_was_sent(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    report = desk.approved(0)
    desk.write(lambda c: revoke_approval(c, report.id, actor=desk.cem, now=desk.clock()))
    assert desk.look(report).state is ReportState.DRAFT
    desk.run(desk.approve(report))
    with pytest.raises(ReportRefused):
        desk.write(lambda c: revoke_approval(c, report.id, actor=desk.cem, now=desk.clock()))
    assert len(simulator.reports()) == 1


# ── what a draft may hold ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("field", ["fileViewedByEsp", "exifViewedByEsp", "FILEVIEWEDBYESP"])
def test_who_viewed_a_file_cannot_be_typed_anywhere(desk: Desk, field: str) -> None:
    report = desk.draft(1)
    with pytest.raises(ViewedCannotBeStated):
        edit(desk, report, content=desk.content(deep=[{"down": {field: True}}]))
    with pytest.raises(ViewedCannotBeStated):
        edit(desk, report, files=[NewFile(1, "a.jpg", {field: True})])


def test_files_are_those_of_the_case_and_each_once(desk: Desk) -> None:
    report = desk.draft(1)
    other = desk.kept(77, account="somebody-else")
    for files in ([NewFile(other.id)], [NewFile(999)], [NewFile(1), NewFile(1)], [NewFile(1, "")]):
        with pytest.raises(InvalidReport):
            edit(desk, report, files=files)


def test_numbers_of_the_authority_that_somebody_typed_are_left_out(desk: Desk) -> None:
    report = edit(desk, desk.draft(1), files=[NewFile(1, "a.jpg", {"reportId": 1, "fileId": "x"})])
    assert desk.read(lambda c: files_of(c, report))[0].details == {}


def test_two_who_edit_at_once_do_not_overwrite_each_other(desk: Desk) -> None:
    report = desk.draft(0)
    edit(desk, report, revision=1, content=desk.content(additionalInfo="first"))
    with pytest.raises(DraftChanged):
        edit(desk, report, revision=1, content=desk.content(additionalInfo="second"))


def test_a_draft_is_given_up_with_a_reason_and_alarms_no_more(desk: Desk) -> None:
    from hedgerow.reports.alarms import raise_alarms  # noqa: PLC0415  (of this test alone)

    report = desk.draft(0)
    with pytest.raises(InvalidReport):
        desk.write(lambda c: withdraw_report(c, report.id, reason=" ", actor=desk.ada, now=desk.clock()))
    done = desk.write(
        lambda c: withdraw_report(c, report.id, reason="reported by telephone", actor=desk.ada, now=desk.clock())
    )
    assert (done.state, done.closed_by) == (ReportState.WITHDRAWN, desk.ada)
    assert desk.write(lambda c: raise_alarms(c, now=desk.clock() + timedelta(days=9))) == []
    with pytest.raises(ReportRefused):
        edit(desk, report, content=desk.content())


def test_the_digest_on_record_is_that_of_the_document(desk: Desk) -> None:
    report = desk.approved(0)
    assert report.document_sha256 == hashlib.sha256(report.document or b"").hexdigest()
