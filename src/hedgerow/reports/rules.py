"""What happens next to a report, as a function of what is on record. Nothing here knows a database or a clock.

The rules:

1. A call is announced (its *intent* is recorded), made, and its answer recorded. An intent without an answer is a call
   that may have been done: the connection broke, or the process died. Both are the same case, and the same rule.
2. An open report of which such a call is known is taken back first. ``5102`` to that says that it was finished: it is
   filed, since we had asked for it. ``0``, ``5101`` and ``5001`` say that it is not, and cannot be any more: a fresh
   report is begun. So whatever a process does that wakes up late, nothing is filed twice: its report is gone.
3. An opening of which the answer is lost leaves an open report whose number nobody knows. It holds nothing that can be
   finished by us, and dissolves by itself in 24 hours; a fresh one is begun, and it is noted.
4. A call that was surely not done is made again, later.
5. Codes 1000 to 1300 are the authority's own trouble. An upload or a file's details are tried again at their place a
   few times; then, and for every other call, the report is taken back and begun anew.
6. ``5102`` is believed only of a call to take back: whoever asks to finish and hears it takes back first. There it is
   believed when it is said twice; so are ``5101`` and ``5001`` once the report was asked to be finished. On this one
   answer rests whether a report is filed twice or never, and one wrong word must not decide it.
7. Credentials that are refused (401, 2000, 3xxx) stop everything of their environment, not only this report. The call
   was not done, and is made again when a person has mended them.
8. Codes 4000 to 4999 need a person, with the element named; the open report is taken back first. The same of a call
   that was tried before at its place is not believed: what was half done may be what it finds fault with.
9. A code that nobody knows needs a person at once, and nothing more is called. Only where it answers the finish is the
   report taken back first, so that the person is told what is so. Where taking back is answered oddly after that, it is
   asked a few times more; then a person is told that the report may be finished.
10. The digest of what was received must be ours. If not, the report is taken back and begun anew; the second time that
    it happens to the same file, a person is needed.
11. A receipt must name our report and exactly our files. One that names others needs a person; one that names nothing
    is half an answer (rule 2).
12. An open report dissolves 24 hours after its opening or one hour after the last addition, whichever is later. Nothing
    is begun that would end within `MARGIN` of that, as long as a fresh report would have more time: it is taken back,
    and begun anew.
13. Waits grow from 5 seconds to half an hour, with a random part. After `MOST_ROUNDS` openings a person is needed: a
    report is begun for ever no more than it is given up in silence.
14. What is not filed at its deadline alarms, and louder each time: see `alarm_after`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from hedgerow.reports.filing_model import (
    ACTIVE,
    Answer,
    AnswerKind,
    Call,
    Ending,
    Filing,
    Intent,
    ReportState,
    Trouble,
)

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.reports.filing_model import FileStanding

__all__ = [
    "DISSOLVES_AFTER",
    "LEASE",
    "MARGIN",
    "MOST_ROUNDS",
    "Step",
    "after",
    "alarm_after",
    "announce",
    "backoff",
    "dissolves_at",
    "is_stopping",
    "next_step",
]

DISSOLVES_AFTER: Final = timedelta(hours=24)
"""After its opening, an unfinished report is deleted (review of the public documentation, §2.4)."""

_DISSOLVES_AFTER_TOUCH: Final = timedelta(hours=1)
"""After the last upload or details; the later of the two counts."""

MARGIN: Final = timedelta(minutes=10)
"""Before that, nothing is begun: clocks differ, and ours may have been set meanwhile."""

_SLOWEST_BYTES_PER_S: Final = 1_000_000 / 8
"""A line that sends slower than 1 Mbit/s is not reckoned with when it is asked whether an upload ends in time."""

LEASE: Final = timedelta(minutes=6)
"""How long a process may work without a sign: twice the longest time-out of one call, and a margin."""

MOST_ROUNDS: Final = 20
"""Openings of one report: at the longest waits, nine hours of trying."""

_MOST_REPEATS: Final = 3
_MOST_MISMATCHES: Final = 2
_MOST_UNEXPECTED: Final = 3
_MOST_ODD: Final = 6

_FIRST_WAIT_S: Final = 5.0
_LONGEST_WAIT_S: Final = 1_800.0

_OK: Final = 0
_NO_REPORT: Final = 5001
_NO_FILE: Final = 5002
_RETRACTED: Final = 5101
_FINISHED: Final = 5102
_NO_CREDENTIALS: Final = 2000
_GONE: Final = frozenset({_NO_REPORT, _RETRACTED})
_KNOWN_TRANSIENT: Final = frozenset({1000, 1100, 1110, 1111, 1210, 1300})
_DENIED: Final = range(3000, 4000)
_REFUSED: Final = range(4000, 5000)


class Step(NamedTuple):
    """What to do next.

    Attributes:
        call: The call to make; None for none.
        position: Of which file.
        because: For a call that takes back: why, in a word.
    """

    call: Call | None
    position: int | None = None
    because: str | None = None


_NOTHING: Final = Step(None)


def dissolves_at(filing: Filing) -> datetime | None:
    """Return when the open report is deleted by the authority; None where none is open.

    >>> from datetime import UTC, datetime
    >>> day = datetime(2026, 3, 1, tzinfo=UTC)
    >>> late = day + timedelta(hours=23, minutes=50)
    >>> str(dissolves_at(Filing(ReportState.UPLOADING, opened_at=day, touched_at=late)))
    '2026-03-02 00:50:00+00:00'
    """
    if filing.opened_at is None:
        return None
    touched = filing.touched_at or filing.opened_at
    return max(filing.opened_at + DISSOLVES_AFTER, touched + _DISSOLVES_AFTER_TOUCH)


def backoff(failures: int, share: float) -> timedelta:
    """Return how long to wait after so many failures in a row.

    Args:
        failures: At least 1.
        share: A random number from 0 to 1; up to a quarter of the wait is taken off, so that many do not come at once.

    >>> backoff(1, 0), backoff(100, 0)
    (datetime.timedelta(seconds=5), datetime.timedelta(seconds=1800))
    """
    wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(failures - 1, 32))
    return timedelta(seconds=wait_s * (1 - share / 4))


def next_step(filing: Filing, now: datetime) -> Step:
    """Return the call that is due, if any; an intent must have been settled before (`after` with a lost answer)."""
    if filing.state not in ACTIVE or filing.intent is not None:
        return _NOTHING
    if filing.due_at is None or filing.due_at > now:
        return _NOTHING
    if filing.external_id is None:
        return Step(Call.SUBMIT)
    if filing.ending is not None:
        return Step(Call.RETRACT)
    step = _onward(filing)
    if _comes_too_late(filing, step, now):
        return Step(Call.RETRACT, because="too_late")
    return step


def _onward(filing: Filing) -> Step:
    for position, file in enumerate(filing.files):
        if file.external_id is None:
            return Step(Call.UPLOAD, position)
        if not file.is_described:
            return Step(Call.FILEINFO, position)
    return Step(Call.FINISH)


def _comes_too_late(filing: Filing, step: Step, now: datetime) -> bool:
    end, opened = dissolves_at(filing), filing.opened_at
    if end is None or opened is None:
        return False
    size_bytes = filing.files[step.position].size_bytes if step.call is Call.UPLOAD and step.position is not None else 0
    takes = timedelta(seconds=size_bytes / _SLOWEST_BYTES_PER_S)
    # A file that takes a day on a slow line is tried all the same: a fresh report has no more time than a fresh one.
    is_fresh = now - opened < _DISSOLVES_AFTER_TOUCH
    return now + takes > end - MARGIN and not (is_fresh and now < end - MARGIN)


def announce(filing: Filing, step: Step, now: datetime) -> Filing:
    """Return what is on record before a call is made."""
    if step.call is None:
        raise ValueError("there is nothing to announce")
    intent = Intent(step.call, step.position, now)
    if step.call is Call.SUBMIT:
        files = tuple(replace(file, external_id=None, is_described=False) for file in filing.files)
        return replace(
            filing,
            state=ReportState.OPENING,
            files=files,
            round=filing.round + 1,
            intent=intent,
            has_asked_to_finish=False,
            repeats=0,
        )
    if step.call is Call.FINISH:
        return replace(filing, state=ReportState.FINISHING, intent=intent, has_asked_to_finish=True)
    if step.call is Call.RETRACT:
        return replace(filing, intent=intent, ending=filing.ending or Ending.AGAIN)
    return replace(filing, state=ReportState.UPLOADING, intent=intent)


def is_stopping(answer: Answer) -> bool:
    """Tell whether an answer is about the credentials, and so about every report of the environment (rule 7)."""
    if answer.kind is not AnswerKind.ANSWERED or answer.code is None:
        return answer.kind is AnswerKind.UNAUTHORIZED
    return answer.code == _NO_CREDENTIALS or answer.code in _DENIED


def after(filing: Filing, answer: Answer, now: datetime, share: float = 0.0) -> Filing:
    """Return what is on record once the announced call has come to something.

    Args:
        filing: With its intent.
        answer: What came of it; `AnswerKind.LOST` where nobody knows.
        now: When.
        share: A random number from 0 to 1, for the wait.
    """
    intent = filing.intent
    if intent is None:
        raise ValueError("nothing was announced")
    at = _At(replace(filing, intent=None), intent, answer, now, share)
    if answer.kind is AnswerKind.NOT_SENT or is_stopping(answer):
        return at.not_done()
    if answer.kind is AnswerKind.SOURCE and filing.external_id is not None:
        return at.end(Ending.PERSON, Trouble.EVIDENCE_UNREADABLE)
    if answer.kind is AnswerKind.SOURCE:
        return at.person(Trouble.EVIDENCE_UNREADABLE)
    if answer.kind is AnswerKind.UNEXPECTED:
        return at.unexpected()
    if intent.call is Call.SUBMIT:
        return _after_submit(at)
    if intent.call is Call.RETRACT:
        return _after_retract(at)
    if intent.call is Call.FINISH:
        return _after_finish(at)
    return _after_file_call(at)


class _At(NamedTuple):
    """One transition under way."""

    filing: Filing  # without the intent
    intent: Intent
    answer: Answer
    now: datetime
    share: float

    @property
    def is_lost(self) -> bool:
        return self.answer.kind is AnswerKind.LOST

    @property
    def is_transient(self) -> bool:
        return self.is_lost or self.answer.code in _KNOWN_TRANSIENT

    @property
    def is_refused(self) -> bool:
        return self.answer.code is not None and self.answer.code in _REFUSED

    def wait(self, filing: Filing) -> Filing:
        """Go on later, for longer each time."""
        failures = filing.failures + 1
        due_at = self.now + backoff(failures, self.share)
        if self.answer.asked_s is not None:
            due_at = max(due_at, self.now + timedelta(seconds=min(max(self.answer.asked_s, 0.0), _LONGEST_WAIT_S)))
        return replace(filing, failures=failures, due_at=due_at)

    def went_on(self, **changes: object) -> Filing:
        """Go on at once: something was done."""
        return replace(self.filing, failures=0, repeats=0, due_at=self.now, **changes)  # type: ignore[arg-type]  # fields of Filing

    def not_done(self) -> Filing:
        """Forget the call: it was surely not done (rules 4 and 7)."""
        filing = self.filing
        if self.intent.call is Call.SUBMIT:
            # The round was none: nothing was opened.
            filing = replace(filing, state=ReportState.APPROVED, round=filing.round - 1)
        return self.wait(filing)

    def unexpected(self) -> Filing:
        """Try again for a while what no such authority would answer; then ask a person."""
        if self.filing.failures + 1 >= _MOST_UNEXPECTED and not self.filing.has_asked_to_finish:
            return self.person(Trouble.UNEXPECTED_ANSWER)
        lost = replace(self.answer, kind=AnswerKind.LOST)
        return after(replace(self.filing, intent=self.intent), lost, self.now, self.share)

    def person(self, trouble: Trouble) -> Filing:
        """Do nothing more until a person says what."""
        named = self.answer.element
        if named is None and self.answer.code is not None:
            named = f"code {self.answer.code}"
        return replace(
            self.filing,
            state=ReportState.NEEDS_PERSON,
            trouble=trouble,
            element=named or self.filing.element,
            ending=None,
            ending_trouble=None,
            due_at=None,
            failures=0,
        )

    def end(self, ending: Ending, trouble: Trouble | None = None) -> Filing:
        """Take the open report back first; `ending` follows."""
        filing = replace(self.filing, ending=ending, ending_trouble=trouble)
        if trouble is not None:
            named = self.answer.element
            if named is None and self.answer.code not in {None, _OK}:
                named = f"code {self.answer.code}"
            return replace(filing, element=named, due_at=self.now)
        return self.wait(filing)

    def gone(self) -> Filing:
        """Go on after an open report that is no more and was never finished."""
        filing = self.filing
        closed = replace(
            filing,
            external_id=None,
            opened_at=None,
            touched_at=None,
            has_asked_to_finish=False,
            ending=None,
            ending_trouble=None,
            repeats=0,
            heard=None,
        )
        if filing.ending is Ending.PERSON:
            return replace(
                closed,
                state=ReportState.NEEDS_PERSON,
                trouble=filing.ending_trouble or Trouble.KEEPS_FAILING,
                due_at=None,
                failures=0,
            )
        if filing.ending is Ending.DRAFT:
            return replace(closed, state=ReportState.DRAFT, due_at=None, failures=0, round=0)
        if filing.ending is Ending.RETRACTED:
            return replace(
                filing, state=ReportState.RETRACTED, ending=None, ending_trouble=None, due_at=None, failures=0
            )
        return self.again(closed)

    def again(self, closed: Filing) -> Filing:
        """Begin a fresh report, unless that was done too often (rule 13)."""
        if closed.round >= MOST_ROUNDS:
            return self._replace(filing=closed).person(Trouble.KEEPS_FAILING)
        due_at = self.now if closed.round <= 1 else self.now + backoff(closed.round - 1, self.share)
        return replace(closed, state=ReportState.APPROVED, due_at=max(due_at, closed.due_at or self.now))

    def filed(self, how: str) -> Filing:
        return replace(
            self.filing,
            state=ReportState.FILED,
            filed_how=how,
            ending=None,
            ending_trouble=None,
            due_at=None,
            failures=0,
        )


def _after_submit(at: _At) -> Filing:
    answer = at.answer
    if answer.code == _OK and answer.report_id is not None:
        # From the announcement: the authority's clock can have begun no earlier, so that we never think too late.
        return at.went_on(
            state=ReportState.OPENED, external_id=answer.report_id, opened_at=at.intent.at, touched_at=at.intent.at
        )
    if answer.code == _OK or at.is_lost:  # without a number it is open somewhere (rule 3)
        orphaned = replace(at.filing, orphans=at.filing.orphans + 1)
        return at.again(at.wait(orphaned))
    if at.is_transient:  # it says itself that nothing was opened
        return at.not_done()
    if at.is_refused:
        return at.person(Trouble.REFUSED)
    return at.person(Trouble.UNKNOWN_CODE)


def _after_retract(at: _At) -> Filing:
    code, filing = at.answer.code, at.filing
    if at.is_transient:
        return at.wait(replace(filing, heard=None))
    is_decisive = code == _FINISHED or (code in _GONE and filing.has_asked_to_finish)
    if is_decisive and filing.heard != code:
        return at.wait(replace(filing, heard=code))
    if code == _OK or code in _GONE:
        return at.gone()
    if code == _FINISHED:
        return at.filed("retract") if filing.has_asked_to_finish else at.person(Trouble.FINISHED_ELSEWHERE)
    if filing.has_asked_to_finish:
        return at.wait(filing) if filing.failures + 1 < _MOST_ODD else at.person(Trouble.UNCERTAIN)
    return at.person(Trouble.REFUSED if at.is_refused else Trouble.UNKNOWN_CODE)


def _after_finish(at: _At) -> Filing:
    filing, answer = at.filing, at.answer
    if answer.code == _OK and answer.report_id is not None:
        ours = sorted(file.external_id or "" for file in filing.files)
        if answer.report_id == filing.external_id and sorted(answer.file_ids) == ours:
            return at.filed("finish")
        return at.person(Trouble.RECEIPT_DIFFERS)
    if at.is_transient or answer.code in {_OK, _FINISHED}:
        return at.end(Ending.AGAIN)
    if answer.code in _GONE or at.is_refused:
        return _after_common(at)
    return at.end(Ending.PERSON, Trouble.UNKNOWN_CODE)


def _after_file_call(at: _At) -> Filing:
    filing, answer, position = at.filing, at.answer, at.intent.position
    if position is None:
        raise ValueError("a file's call names its file")
    file = filing.files[position]
    if answer.code == _OK and answer.report_id == filing.external_id:
        touched = max(filing.touched_at or at.intent.at, at.intent.at)
        if at.intent.call is Call.FILEINFO:
            return at.went_on(files=_with(filing, position, replace(file, is_described=True)), touched_at=touched)
        if answer.file_id is not None and answer.md5 == file.md5:
            changed = replace(file, external_id=answer.file_id)
            return at.went_on(files=_with(filing, position, changed), touched_at=touched)
        if answer.file_id is not None and answer.md5 is not None:
            return _after_mismatch(at, position)
        return at.end(Ending.AGAIN)
    if at.is_lost or answer.code in {_OK, _FINISHED, _NO_FILE}:
        return at.end(Ending.AGAIN)
    if at.is_transient:
        if filing.repeats < _MOST_REPEATS:
            return at.wait(replace(filing, repeats=filing.repeats + 1))
        return at.end(Ending.AGAIN)
    return _after_common(at)


def _after_common(at: _At) -> Filing:
    """Judge the codes that mean the same after every call into an open report."""
    if at.answer.code in _GONE:
        return at._replace(filing=at.wait(at.filing)).gone()
    if at.is_refused:
        return at.end(Ending.AGAIN) if at.filing.repeats else at.end(Ending.PERSON, Trouble.REFUSED)
    return at.person(Trouble.UNKNOWN_CODE)


def _after_mismatch(at: _At, position: int) -> Filing:
    file = at.filing.files[position]
    changed = replace(file, mismatches=file.mismatches + 1)
    moved = at._replace(filing=replace(at.filing, files=_with(at.filing, position, changed)))
    if changed.mismatches >= _MOST_MISMATCHES:
        return moved.end(Ending.PERSON, Trouble.DIGEST_DIFFERS)
    return moved.end(Ending.AGAIN)


def _with(filing: Filing, position: int, file: FileStanding) -> tuple[FileStanding, ...]:
    return (*filing.files[:position], file, *filing.files[position + 1 :])


# ── alarms ───────────────────────────────────────────────────────────────────────────────────────────────────────

_LOUDER: Final = (timedelta(hours=4), timedelta(hours=4), timedelta(hours=8), timedelta(hours=8))
"""Between two alarms of one report; after these, the last one's wait: a working day hears two of them."""


def alarm_after(level: int) -> timedelta:
    """Return how long after the alarm of a level the next one follows, for as long as nobody came.

    >>> alarm_after(1), alarm_after(40)
    (datetime.timedelta(seconds=14400), datetime.timedelta(seconds=28800))
    """
    return _LOUDER[min(max(level, 1), len(_LOUDER)) - 1]
