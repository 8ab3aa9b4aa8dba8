from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hedgerow.actions import add_endpoint, list_deliveries
from hedgerow.errors import ReportLeaseLost, ReportNotFound, ReportRefused
from hedgerow.reports import records
from hedgerow.reports.alarms import raise_alarms
from hedgerow.reports.approving import revoke_approval
from hedgerow.reports.arming import ask_to_arm, find_arming
from hedgerow.reports.drafting import edit_report, withdraw_report
from hedgerow.reports.filing_model import Answer, AnswerKind, Call, Environment, ReportState, Trouble
from hedgerow.reports.finding import (
    calls_of,
    count_drafts,
    find_report,
    late_reports,
    list_reports,
    overdue_reports,
)

if TYPE_CHECKING:
    from tests.reports.conftest import Desk

    from hedgerow.reports.filing_model import Claim, Report
    from hedgerow.simulators.cybertipline import CyberTiplineSimulator

LOST = Answer(AnswerKind.LOST)


def claim(desk: Desk) -> Claim | None:
    return desk.write(lambda c: records.claim_due(c, now=desk.clock()))


def opened(report_id: str = "77") -> Answer:
    return Answer(AnswerKind.ANSWERED, 0, report_id=report_id, request_id="request-1", status=200)


# ── claims ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_is_claimed_once_until_its_lease_is_over(desk: Desk) -> None:
    desk.approved(0)
    first = claim(desk)
    assert first is not None
    assert claim(desk) is None
    desk.advance(minutes=7)
    second = claim(desk)
    assert second is not None
    assert second.token != first.token


def test_nothing_is_written_by_who_lost_the_claim(desk: Desk) -> None:
    report = desk.approved(0)
    late = claim(desk)
    assert late is not None
    announced = desk.write(lambda c: records.announce_call(c, late, now=desk.clock()))
    desk.advance(minutes=7)
    assert claim(desk) is not None
    before = desk.look(report)
    for write in (
        lambda c: records.record_answer(c, late, announced.call_id, opened(), duration_ms=1, now=desk.clock()),
        lambda c: records.announce_call(c, late, now=desk.clock()),
        lambda c: records.settle_lost(c, late, now=desk.clock()),
        lambda c: records.renew(c, late, now=desk.clock()),
        lambda c: records.postpone(c, late, desk.clock()),
        lambda c: records.environment_of(c, late),
    ):
        with pytest.raises(ReportLeaseLost):
            desk.write(write)
    desk.write(lambda c: records.release(c, late))
    assert desk.look(report) == before


def test_an_announced_call_without_an_answer_is_settled_as_lost_by_who_comes_next(desk: Desk) -> None:
    report = desk.approved(0)
    dying = claim(desk)
    assert dying is not None
    desk.write(lambda c: records.announce_call(c, dying, now=desk.clock()))
    assert desk.look(report).state is ReportState.OPENING
    desk.advance(minutes=7)
    heir = claim(desk)
    assert heir is not None
    settled = desk.write(lambda c: records.settle_lost(c, heir, now=desk.clock()))
    assert (settled.state, settled.filing.orphans) == (ReportState.APPROVED, 1)
    assert "report.opening_lost" in desk.actions()


def test_an_answer_that_comes_too_late_is_kept_and_says_whether_its_report_is_a_stray(desk: Desk) -> None:
    report = desk.approved(0)
    late = claim(desk)
    assert late is not None
    announced = desk.write(lambda c: records.announce_call(c, late, now=desk.clock()))
    desk.advance(minutes=7)
    claim(desk)
    assert desk.write(
        lambda c: records.record_late_answer(c, late, announced.call_id, opened(), duration_ms=5, now=desk.clock())
    )
    (call,) = desk.calls(report)
    assert (call.external_id, call.request_id, call.code) == ("77", "request-1", 0)
    assert desk.look(report).external_id is None


def test_the_number_and_the_request_id_are_on_record_with_the_answer(desk: Desk) -> None:
    report = desk.approved(0)
    ours = claim(desk)
    assert ours is not None
    announced = desk.write(lambda c: records.announce_call(c, ours, now=desk.clock()))
    desk.write(lambda c: records.record_answer(c, ours, announced.call_id, opened(), duration_ms=5, now=desk.clock()))
    found = desk.look(report)
    assert (found.state, found.external_id) == (ReportState.OPENED, "77")
    assert [(each.call, each.request_id, each.duration_ms) for each in desk.calls(report)] == [
        (Call.SUBMIT, "request-1", 5)
    ]


def test_while_it_is_being_sent_nobody_edits_withdraws_or_revokes(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    report = desk.approved(0)
    ours = claim(desk)
    assert ours is not None
    desk.write(lambda c: records.announce_call(c, ours, now=desk.clock()))
    now = desk.clock()
    for attempt in (
        lambda c: edit_report(c, report.id, revision=1, content=desk.content(), actor=desk.ada, now=now),
        lambda c: withdraw_report(c, report.id, reason="x", actor=desk.ada, now=now),
        lambda c: revoke_approval(c, report.id, actor=desk.cem, now=now),
    ):
        with pytest.raises(ReportRefused):
            desk.write(attempt)
    assert simulator.reports() == []


def test_taken_from_a_filer_between_two_calls_it_is_a_draft_and_the_filer_writes_nothing(desk: Desk) -> None:
    report = desk.approved(0)
    ours = claim(desk)
    assert ours is not None
    desk.write(lambda c: revoke_approval(c, report.id, actor=desk.cem, now=desk.clock()))
    with pytest.raises(ReportLeaseLost):
        desk.write(lambda c: records.announce_call(c, ours, now=desk.clock()))


def test_hurrying_does_not_cut_short_the_time_to_think_again(desk: Desk) -> None:
    from hedgerow.reports.arming import DECLARATION, SoloRule  # noqa: PLC0415  (of this test alone)

    report = desk.approve(desk.draft(0), by=desk.ada, solo=SoloRule(is_on=True), declaration=DECLARATION)
    desk.write(lambda c: records.hurry(c, report.id, actor=desk.ada, now=desk.clock()))
    assert claim(desk) is None
    other = desk.draft_more(report)
    with pytest.raises(ReportRefused):
        desk.write(lambda c: records.hurry(c, other.id, actor=desk.ada, now=desk.clock()))


def test_what_a_restored_backup_would_send_again_waits_for_a_person(
    desk: Desk, simulator: CyberTiplineSimulator
) -> None:
    report = desk.approved(1)
    simulator.faults.add("upload", 1, "1110")
    desk.filer().run_one()
    draft = desk.draft_more(report)
    desk.write(lambda c: ask_to_arm(c, "cybertipline", actor=desk.ben, now=desk.clock()))
    assert desk.write(lambda c: records.hold_restored(c, now=desk.clock())) == [report.id]
    held = desk.look(report)
    assert (held.state, held.filing.trouble) == (ReportState.NEEDS_PERSON, Trouble.RESTORED)
    assert desk.look(draft).state is ReportState.DRAFT
    assert desk.read(lambda c: find_arming(c, "cybertipline", now=desk.clock())) is None
    desk.advance(hours=1)
    assert not desk.filer().run_one()
    desk.write(lambda c: records.resolve_report(c, report.id, "again", actor=desk.ben, now=desk.clock()))
    assert desk.run(report).state is ReportState.FILED
    assert [each.state for each in simulator.reports()] == ["retracted", "finished"]


# ── alarms ───────────────────────────────────────────────────────────────────────────────────────────────────────


def alarm(desk: Desk) -> list[Report]:
    return desk.write(lambda c: raise_alarms(c, now=desk.clock()))


@pytest.mark.parametrize("is_approved", [False, True])
def test_what_is_not_filed_at_its_deadline_alarms_louder_and_louder(desk: Desk, is_approved: bool) -> None:
    desk.write(lambda c: add_endpoint(c, "https://platform.example/hook", keys=desk.keys, actor=desk.ben, now=desk.now))
    report = desk.draft(0)
    if is_approved:
        desk.approve(report)
    desk.advance(hours=23)
    assert alarm(desk) == []
    desk.advance(hours=2)
    for level in range(1, 8):
        (found,) = alarm(desk)
        assert (found.id, found.alarm_level) == (report.id, level)
        assert alarm(desk) == []
        desk.advance(hours=9)
    assert desk.actions().count("report.alarm") == 7
    sent = desk.read(lambda c: list_deliveries(c, now=desk.clock()))
    assert {each.event for each in sent} == {"report.alarm"}
    assert len(sent) == 7
    assert [each.id for each in desk.read(lambda c: overdue_reports(c, now=desk.clock()))] == [report.id]
    assert desk.read(lambda c: late_reports(c, now=desk.clock())) == [(report.id, 7, False)]


def test_drafts_are_counted_by_the_system_to_which_they_go(desk: Desk) -> None:
    def count(environment: Environment = Environment.TEST) -> int:
        return desk.read(lambda c: count_drafts(c, environment))

    report = desk.draft()
    assert (count(), count(Environment.PRODUCTION)) == (1, 0)
    desk.approve(report)
    assert count() == 0
    desk.approved(1)
    assert count() == 0


def test_what_needs_a_person_alarms_at_once(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    simulator.faults.add("submit", 1, "unknown_code")
    stuck = desk.run(desk.approved(0))
    (found,) = alarm(desk)
    assert (found.id, found.alarm_level) == (stuck.id, 1)


def test_what_is_filed_or_given_up_alarms_no_more(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    desk.run(desk.approved(0))
    given_up = desk.draft(0)
    desk.write(lambda c: withdraw_report(c, given_up.id, reason="a mistake", actor=desk.ada, now=desk.clock()))
    desk.advance(days=30)
    assert alarm(desk) == []
    assert len(simulator.reports()) == 1


def test_an_authority_that_is_away_for_days_is_tried_all_the_time_and_alarms(desk: Desk) -> None:
    desk.enter_credentials()
    report = desk.approved(0)
    filer = desk.filer(test_address="http://127.0.0.1:1/ispws")
    levels = []
    for _ in range(25):
        filer.run_one()
        levels += [each.alarm_level for each in alarm(desk)]
        desk.advance(hours=4)
    found = desk.look(report)
    assert found.state is ReportState.APPROVED
    assert found.filing.failures == 25
    assert levels == list(range(1, len(levels) + 1))
    assert len(levels) > 8


# ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_reports_are_listed_newest_first_and_by_what_is_asked(desk: Desk) -> None:
    drafts = [desk.draft(0, account=f"acc-{number}") for number in range(3)]
    desk.approve(drafts[1])

    def numbers(**said: object) -> list[int]:
        return [each.id for each in desk.read(lambda c: list_reports(c, **said))]

    assert numbers() == [3, 2, 1]
    assert numbers(states=[ReportState.APPROVED]) == [2]
    assert numbers(before=3, limit=1) == [2]
    assert numbers(case_id=drafts[0].case_id) == [1]


def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    with pytest.raises(ReportNotFound):
        desk.read(lambda c: find_report(c, 99))
    assert desk.read(lambda c: calls_of(c, 99)) == []
    assert timedelta(0) < records.LEASE
