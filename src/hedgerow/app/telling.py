"""Say to the platform what a decision leads to, in the transaction in which it takes effect.

- ``confirmed``: ``content.remove`` for each submission that it is about;
- ``not_a_match``: ``content.release`` for each of them that was held back, or that was to be removed before;
- either: ``case.decided``, once.

Where a decided case is looked at again: ``case.reopened``.

Where a decision says what was in force already, nobody is told of it twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hedgerow.actions import enqueue
from hedgerow.cases import Verdict, find_submission

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from hedgerow.cases import Case, Effect, Submission

__all__ = ["ABOUT", "tell_effect", "tell_reopened"]

ABOUT: Final = "case"
"""The type of the subject of every such message: the case is closed when all about it are confirmed."""

_HELD: Final = ("hold_for_review", "action")


def tell_effect(connection: Connection, effect: Effect, *, now: datetime) -> list[int]:
    """Write what the platform is to be told of a decision that takes effect; return the numbers of the messages."""
    decision, case = effect.decision, effect.case
    numbers = []
    if decision.verdict is not effect.previous_verdict:
        for number in effect.submission_ids:
            submission = find_submission(connection, number)
            event = _event_of(effect, submission)
            if event is not None:
                numbers += _enqueue(connection, event, case, _submission_object(submission, case), now)
    if decision.verdict in {Verdict.CONFIRMED, Verdict.NOT_A_MATCH}:
        said = {**_case_object(case), "decision": decision.id, "verdict": str(decision.verdict)}
        numbers += _enqueue(connection, "case.decided", case, said, now)
    return numbers


def tell_reopened(connection: Connection, case: Case, *, actor: str, now: datetime) -> list[int]:
    """Write that a case is looked at again; return the numbers of the messages.

    They are about the case as the platform knows it, not about what its next decision leads to: it does not wait for
    them before it is closed again.
    """
    return enqueue(
        connection,
        "case.reopened",
        subject_type="appeal",
        subject_id=case.id,
        data=_case_object(case),
        actor=actor,
        now=now,
    )


def _event_of(effect: Effect, submission: Submission) -> str | None:
    if effect.decision.verdict is Verdict.CONFIRMED:
        return "content.remove"
    if effect.decision.verdict is not Verdict.NOT_A_MATCH:
        return None
    was_taken_down = effect.previous_verdict is Verdict.CONFIRMED or submission.outcome in _HELD
    return "content.release" if was_taken_down else None


def _enqueue(connection: Connection, event: str, case: Case, data: dict[str, object], now: datetime) -> list[int]:
    return enqueue(connection, event, subject_type=ABOUT, subject_id=case.id, data=data, actor="system", now=now)


def _submission_object(submission: Submission, case: Case) -> dict[str, object]:
    sent = submission.sent
    stated = {"namespace": sent.namespace or None, "account_id": sent.account_id}
    named = {name: value for name, value in stated.items() if value is not None}
    return {"content_id": sent.content_id, "submission": submission.id, "case": case.number, **named}


def _case_object(case: Case) -> dict[str, object]:
    said: dict[str, object] = {
        "case": case.number,
        "subject_kind": case.subject_kind,
        "subject_id": case.subject_id,
    }
    return {**said, "namespace": case.namespace} if case.namespace else said
