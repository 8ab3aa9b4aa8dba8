"""The saga's rules against a model of the authority: whatever breaks, and wherever a process dies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.reports import rules
from hedgerow.reports.filing_model import (
    ACTIVE,
    Answer,
    AnswerKind,
    Call,
    Ending,
    FileStanding,
    Filing,
    ReportState,
    Trouble,
)
from hedgerow.reports.rules import Step, after, announce, backoff, dissolves_at, is_stopping, next_step

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOST = Answer(AnswerKind.LOST)


def approved(files: int = 2, *, size_bytes: int = 1_000) -> Filing:
    standing = tuple(FileStanding(size_bytes, f"{number:032x}") for number in range(files))
    return Filing(ReportState.APPROVED, standing, due_at=NOW)


def coded(code: int, **said: object) -> Answer:
    return Answer(AnswerKind.ANSWERED, code, **said)  # type: ignore[arg-type]  # fields of Answer


def opened(files: int = 2, **changes: object) -> Filing:
    filing = announce(approved(files), Step(Call.SUBMIT), NOW)
    return replace(after(filing, coded(0, report_id="77"), NOW), **changes)  # type: ignore[arg-type]  # fields of Filing


def uploaded(files: int = 2) -> Filing:
    done = tuple(
        replace(file, external_id=f"f{number}", is_described=True) for number, file in enumerate(opened(files).files)
    )
    return replace(opened(files), files=done)


def told(filing: Filing, step: Step, answer: Answer, now: datetime = NOW) -> Filing:
    return after(announce(filing, step, now), answer, now)


# ── the way when all goes well ───────────────────────────────────────────────────────────────────────────────────


def test_each_file_is_uploaded_and_described_before_the_next_and_then_it_is_finished() -> None:
    filing, calls = approved(2), []
    while filing.state in ACTIVE:
        step = next_step(filing, NOW)
        calls.append((step.call, step.position))
        filing = announce(filing, step, NOW)
        file = filing.files[step.position] if step.position is not None else None
        said = {"file_id": f"f{step.position}", "md5": file.md5} if file else {"file_ids": ("f1", "f0")}
        filing = after(filing, coded(0, report_id="77", **said), NOW)
    assert [str(call) for call, _ in calls] == ["submit", "upload", "fileinfo", "upload", "fileinfo", "finish"]
    assert (filing.state, filing.filed_how, filing.external_id) == (ReportState.FILED, "finish", "77")


def test_a_report_without_files_is_finished_after_it_was_opened() -> None:
    assert next_step(opened(0), NOW).call is Call.FINISH


def test_nothing_is_called_before_its_time_nor_in_a_state_that_is_not_active() -> None:
    assert next_step(replace(approved(), due_at=NOW + timedelta(seconds=1)), NOW).call is None
    for state in set(ReportState) - set(ACTIVE):
        assert next_step(replace(approved(), state=state), NOW).call is None


def test_nothing_is_called_while_a_call_is_unsettled() -> None:
    assert next_step(announce(opened(), Step(Call.FINISH), NOW), NOW).call is None


# ── lost answers ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lost_opening_is_noted_and_a_fresh_report_is_begun() -> None:
    filing = told(approved(), Step(Call.SUBMIT), LOST)
    assert (filing.state, filing.orphans, filing.external_id) == (ReportState.APPROVED, 1, None)
    assert next_step(filing, NOW + timedelta(minutes=1)).call is Call.SUBMIT


@pytest.mark.parametrize("call", [Call.UPLOAD, Call.FILEINFO, Call.FINISH])
def test_after_a_lost_answer_the_open_report_is_taken_back_first(call: Call) -> None:
    step = Step(call, None if call is Call.FINISH else 0)
    filing = told(uploaded(), step, LOST)
    assert next_step(filing, NOW + timedelta(minutes=1)).call is Call.RETRACT


@pytest.mark.parametrize("code", [0, 5101, 5001])
def test_what_could_be_taken_back_is_begun_anew(code: int) -> None:
    filing = told(told(uploaded(), Step(Call.FINISH), LOST), Step(Call.RETRACT), coded(code))
    if code:
        assert filing.external_id == "77"
        filing = told(filing, Step(Call.RETRACT), coded(code))
    assert (filing.state, filing.external_id) == (ReportState.APPROVED, None)


def test_what_cannot_be_taken_back_because_it_is_finished_is_filed() -> None:
    filing = told(told(uploaded(), Step(Call.FINISH), LOST), Step(Call.RETRACT), coded(5102))
    filing = told(filing, Step(Call.RETRACT), coded(5102))
    assert (filing.state, filing.filed_how, filing.external_id) == (ReportState.FILED, "retract", "77")


@pytest.mark.parametrize("said", [5102, 5101, 5001])
def test_one_wrong_word_about_what_was_to_be_finished_decides_nothing(said: int) -> None:
    filing = told(told(uploaded(), Step(Call.FINISH), LOST), Step(Call.RETRACT), coded(said))
    assert filing.state is ReportState.FINISHING
    assert next_step(filing, NOW + timedelta(minutes=1)).call is Call.RETRACT


def test_finished_without_our_having_asked_for_it_needs_a_person() -> None:
    filing = told(told(opened(), Step(Call.UPLOAD, 0), LOST), Step(Call.RETRACT), coded(5102))
    filing = told(filing, Step(Call.RETRACT), coded(5102))
    assert (filing.state, filing.trouble) == (ReportState.NEEDS_PERSON, Trouble.FINISHED_ELSEWHERE)


def test_already_finished_is_believed_only_of_a_call_to_take_back() -> None:
    filing = told(uploaded(), Step(Call.FINISH), coded(5102))
    assert filing.state is ReportState.FINISHING
    assert next_step(filing, NOW + timedelta(minutes=1)).call is Call.RETRACT


def test_a_lost_answer_to_taking_back_is_asked_again() -> None:
    filing = told(told(uploaded(), Step(Call.FINISH), LOST), Step(Call.RETRACT), LOST)
    assert next_step(filing, NOW + timedelta(minutes=1)).call is Call.RETRACT


# ── codes ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("answer", [Answer(AnswerKind.UNAUTHORIZED, status=401), coded(2000), coded(3100), coded(3300)])
@pytest.mark.parametrize("call", [Call.SUBMIT, Call.UPLOAD, Call.FINISH, Call.RETRACT])
def test_refused_credentials_stop_the_environment_and_lose_nothing_of_the_report(answer: Answer, call: Call) -> None:
    before = approved() if call is Call.SUBMIT else uploaded()
    if call is Call.RETRACT:
        before = replace(before, ending=Ending.AGAIN)
    filing = told(before, Step(call, 0 if call is Call.UPLOAD else None), answer)
    assert is_stopping(answer)
    assert (filing.external_id, filing.round, filing.orphans) == (before.external_id, before.round, 0)
    assert filing.state in ACTIVE


@pytest.mark.parametrize("code", [4000, 4100, 4110, 4200])
def test_a_refused_opening_needs_a_person_with_the_element_named(code: int) -> None:
    filing = told(approved(), Step(Call.SUBMIT), coded(code, element="incidentDateTime"))
    assert (filing.state, filing.trouble, filing.element) == (
        ReportState.NEEDS_PERSON,
        Trouble.REFUSED,
        "incidentDateTime",
    )


def test_a_refused_file_is_taken_back_before_a_person_is_asked() -> None:
    filing = told(opened(), Step(Call.UPLOAD, 0), coded(4200))
    assert next_step(filing, NOW).call is Call.RETRACT
    filing = told(filing, Step(Call.RETRACT), coded(0))
    assert (filing.state, filing.trouble, filing.element) == (ReportState.NEEDS_PERSON, Trouble.REFUSED, "code 4200")
    assert filing.external_id is None


def test_a_refusal_after_a_try_at_the_same_place_is_not_believed() -> None:
    filing = told(opened(), Step(Call.FILEINFO, 0), coded(1300))
    assert filing.repeats == 1
    filing = told(filing, Step(Call.FILEINFO, 0), coded(4000))
    assert filing.ending is Ending.AGAIN


def test_the_authoritys_own_trouble_is_tried_at_its_place_and_then_begun_anew() -> None:
    filing = opened()
    for _ in range(3):
        filing = told(filing, Step(Call.UPLOAD, 0), coded(1110))
        assert filing.ending is None
    assert told(filing, Step(Call.UPLOAD, 0), coded(1110)).ending is Ending.AGAIN


def test_an_unknown_code_to_the_finish_is_followed_by_taking_back_so_that_a_person_is_told_what_is_so() -> None:
    filing = told(uploaded(), Step(Call.FINISH), coded(1999))
    assert next_step(filing, NOW).call is Call.RETRACT
    refused = told(filing, Step(Call.RETRACT), coded(0))
    assert (refused.state, refused.trouble, refused.external_id) == (
        ReportState.NEEDS_PERSON,
        Trouble.UNKNOWN_CODE,
        None,
    )
    done = told(told(filing, Step(Call.RETRACT), coded(5102)), Step(Call.RETRACT), coded(5102))
    assert done.state is ReportState.FILED


def test_odd_answers_to_taking_back_after_the_finish_end_with_a_person_who_is_told_that_it_may_be_finished() -> None:
    filing = told(uploaded(), Step(Call.FINISH), LOST)
    asked = 0
    while filing.state is ReportState.FINISHING:
        filing, asked = told(filing, Step(Call.RETRACT), coded(4000)), asked + 1
    assert (filing.trouble, asked) == (Trouble.UNCERTAIN, 5)


@pytest.mark.parametrize("call", [Call.SUBMIT, Call.UPLOAD, Call.FILEINFO, Call.RETRACT])
@pytest.mark.parametrize("code", [1999, 7, -1, 6000])
def test_a_code_that_nobody_knows_needs_a_person_at_once(call: Call, code: int) -> None:
    before = approved() if call is Call.SUBMIT else opened()
    filing = told(before, Step(call, 0 if call in {Call.UPLOAD, Call.FILEINFO} else None), coded(code))
    assert (filing.state, filing.trouble) == (ReportState.NEEDS_PERSON, Trouble.UNKNOWN_CODE)
    assert filing.element == f"code {code}"
    assert next_step(filing, NOW + timedelta(days=1)).call is None


def test_an_answer_of_something_else_is_tried_three_times() -> None:
    filing, page = approved(), Answer(AnswerKind.UNEXPECTED, status=302)
    for _ in range(2):
        filing = told(filing, Step(Call.SUBMIT), page)
        assert filing.state is ReportState.APPROVED
    assert told(filing, Step(Call.SUBMIT), page).trouble is Trouble.UNEXPECTED_ANSWER


def test_what_was_not_sent_is_made_again_and_opens_no_round() -> None:
    filing = told(approved(), Step(Call.SUBMIT), Answer(AnswerKind.NOT_SENT))
    assert (filing.state, filing.round, filing.orphans, filing.failures) == (ReportState.APPROVED, 0, 0, 1)
    assert filing.due_at is not None
    assert filing.due_at > NOW


def test_the_authority_may_ask_for_a_longer_wait() -> None:
    filing = told(approved(), Step(Call.SUBMIT), Answer(AnswerKind.NOT_SENT, asked_s=120.0))
    assert filing.due_at == NOW + timedelta(minutes=2)


def test_evidence_that_cannot_be_read_takes_the_report_back_and_needs_a_person() -> None:
    filing = told(opened(), Step(Call.UPLOAD, 0), Answer(AnswerKind.SOURCE))
    filing = told(filing, Step(Call.RETRACT), coded(0))
    assert filing.trouble is Trouble.EVIDENCE_UNREADABLE


# ── digests and receipts ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_differing_digest_begins_anew_and_the_second_time_needs_a_person() -> None:
    wrong = coded(0, report_id="77", file_id="f0", md5="f" * 32)
    filing = told(opened(), Step(Call.UPLOAD, 0), wrong)
    assert (filing.ending, filing.files[0].external_id) == (Ending.AGAIN, None)
    filing = told(filing, Step(Call.RETRACT), coded(0))
    filing = told(filing, Step(Call.SUBMIT), coded(0, report_id="78"))
    filing = told(filing, Step(Call.UPLOAD, 0), replace(wrong, report_id="78"))
    filing = told(filing, Step(Call.RETRACT), coded(0))
    assert filing.trouble is Trouble.DIGEST_DIFFERS


@pytest.mark.parametrize(
    "receipt", [{"report_id": "78", "file_ids": ("f0", "f1")}, {"report_id": "77", "file_ids": ("f0",)}]
)
def test_a_receipt_for_something_else_needs_a_person(receipt: dict[str, object]) -> None:
    assert told(uploaded(), Step(Call.FINISH), coded(0, **receipt)).trouble is Trouble.RECEIPT_DIFFERS


def test_a_receipt_that_names_nothing_is_half_an_answer() -> None:
    assert told(uploaded(), Step(Call.FINISH), coded(0)).ending is Ending.AGAIN


def test_an_opening_without_a_number_is_half_an_answer() -> None:
    filing = told(approved(), Step(Call.SUBMIT), coded(0))
    assert (filing.state, filing.orphans) == (ReportState.APPROVED, 1)


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(opened_h=st.floats(0, 100), touched_h=st.floats(0, 100))
def test_an_open_report_dissolves_at_the_later_of_its_two_ends(opened_h: float, touched_h: float) -> None:
    begun = NOW + timedelta(hours=opened_h)
    touched = begun + timedelta(hours=touched_h)
    end = dissolves_at(Filing(ReportState.UPLOADING, opened_at=begun, touched_at=touched))
    assert end == max(begun + timedelta(hours=24), touched + timedelta(hours=1))


def test_nothing_is_begun_within_the_margin_of_the_end() -> None:
    late = NOW + timedelta(hours=23, minutes=51)
    for filing in (opened(), uploaded()):
        step = next_step(replace(filing, due_at=NOW), late)
        assert (step.call, step.because) == (Call.RETRACT, "too_late")
        assert next_step(filing, late - timedelta(minutes=2)).call is not Call.RETRACT


def test_an_upload_is_not_begun_that_would_end_too_late() -> None:
    large = replace(opened(1), files=(FileStanding(9_000_000_000, "0" * 32),))  # 20 hours at 1 Mbit/s
    assert next_step(large, NOW + timedelta(hours=3)).call is Call.UPLOAD
    assert next_step(large, NOW + timedelta(hours=5)).call is Call.RETRACT


def test_a_file_that_takes_longer_than_a_day_is_tried_in_a_fresh_report() -> None:
    huge = replace(opened(1), files=(FileStanding(90_000_000_000, "0" * 32),))
    assert next_step(huge, NOW + timedelta(minutes=1)).call is Call.UPLOAD


def test_a_clock_that_goes_backwards_changes_nothing() -> None:
    assert next_step(replace(opened(), due_at=NOW - timedelta(days=2)), NOW - timedelta(days=1)).call is Call.UPLOAD


@given(failures=st.integers(1, 10_000), share=st.floats(0, 1))
def test_waits_grow_to_half_an_hour_and_no_further(failures: int, share: float) -> None:
    wait = backoff(failures, share)
    assert timedelta(seconds=3) < wait <= timedelta(minutes=30)
    assert backoff(failures + 1, 0) >= backoff(failures, 0)


def test_reports_are_not_opened_for_ever() -> None:
    filing, now, rounds = approved(), NOW, 0
    while filing.state is ReportState.APPROVED:
        now += timedelta(hours=1)
        filing = told(filing, next_step(filing, now), LOST, now)
        rounds += 1
    assert (filing.trouble, rounds) == (Trouble.KEEPS_FAILING, rules.MOST_ROUNDS)


# ── all of it: a model of the authority, faults, and processes that die ──────────────────────────────────────────


@dataclass
class Authority:
    """What the authority remembers, and what goes wrong on the way."""

    reports: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    has_lied: bool = False

    def _do(self, call: Call, filing: Filing, position: int | None) -> Answer:
        number = filing.external_id or ""
        if call is Call.SUBMIT:
            new = str(100 + len(self.reports))
            self.reports[new], self.files[new] = "open", []
            return coded(0, report_id=new)
        if (state := self.reports[number]) != "open":
            return coded({"finished": 5102, "retracted": 5101, "gone": 5001}[state])
        if call is Call.RETRACT:
            self.reports[number] = "retracted"
            return coded(0, report_id=number)
        if call is Call.FINISH:
            self.reports[number] = "finished"
            return coded(0, report_id=number, file_ids=tuple(self.files[number]))
        assert position is not None
        if call is Call.UPLOAD:
            name = f"{number}-{len(self.files[number])}"
            self.files[number].append(name)
            return coded(0, report_id=number, file_id=name, md5=filing.files[position].md5)
        return coded(0, report_id=number)

    def answer(self, call: Call, filing: Filing, position: int | None, fault: str) -> Answer:
        if fault == "drop_before":
            return LOST
        if fault == "not_sent":
            return Answer(AnswerKind.NOT_SENT)
        if fault == "unauthorized":
            return Answer(AnswerKind.UNAUTHORIZED)
        if fault == "dissolved" and filing.external_id is not None and self.reports[filing.external_id] == "open":
            self.reports[filing.external_id] = "gone"
        if fault.isdecimal():
            is_lie = call is Call.RETRACT and fault in {"5001", "5101", "5102"}
            if not (is_lie and self.has_lied):  # one wrong word in a row: nobody can do anything against two
                self.has_lied = is_lie
                return coded(int(fault))
        self.has_lied = False
        answer = self._do(call, filing, position)
        if fault == "drop_after":
            return LOST
        if fault == "wrong_md5" and answer.md5 is not None:
            return replace(answer, md5="e" * 32)
        if fault == "without_id":
            return replace(answer, report_id=None)
        return answer


FAULTS = (
    "none",
    "drop_before",
    "drop_after",
    "not_sent",
    "unauthorized",
    "dissolved",
    "wrong_md5",
    "without_id",
    *("1000", "1100", "1110", "1999", "2000", "3100", "4100", "5001", "5101", "5102"),
)


def run(faults: list[str], files: int) -> tuple[Filing, Authority]:
    authority, filing, now = Authority(), approved(files), NOW
    script = iter(faults)
    for _ in range(2_000):
        if filing.state not in ACTIVE:
            break
        step = next_step(filing, now)
        if step.call is None:
            now = filing.due_at or now
            continue
        filing = announce(filing, step, now)
        filing = after(filing, authority.answer(step.call, filing, step.position, next(script, "none")), now)
    return filing, authority


@given(faults=st.lists(st.sampled_from(FAULTS), max_size=40), files=st.integers(0, 3))
def test_whatever_breaks_it_is_filed_once_or_a_person_is_asked_and_nothing_is_finished(
    faults: list[str], files: int
) -> None:
    filing, authority = run(faults, files)
    finished = [number for number, state in authority.reports.items() if state == "finished"]
    if filing.state is ReportState.FILED:
        assert finished == [filing.external_id]
    else:
        assert filing.state is ReportState.NEEDS_PERSON
        assert finished == [] or filing.trouble is Trouble.UNCERTAIN


@given(at=st.integers(0, 30), is_after=st.booleans(), files=st.integers(0, 3))
def test_one_lost_answer_anywhere_still_ends_in_exactly_one_filed_report(at: int, is_after: bool, files: int) -> None:
    filing, authority = run(["none"] * at + ["drop_after" if is_after else "drop_before"], files)
    assert filing.state is ReportState.FILED
    assert [number for number, state in authority.reports.items() if state == "finished"] == [filing.external_id]
