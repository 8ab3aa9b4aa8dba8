"""Two who do something with the same piece at the same moment: one of them is first, and the other hears of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from hedgerow import evidence
from hedgerow.cases import find_submission
from hedgerow.errors import EvidenceError, EvidenceGone, EvidenceHeld, EvidenceRequestRefused
from hedgerow.evidence import EvidenceState, HoldKind, Missing, Removal, RequestKind
from hedgerow.evidence.tables import evidence_certificates

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Custody


def together(*doing: Callable[[], Any]) -> list[Any]:
    """Let several do something at once; return what came of each, or what was refused."""
    start = Barrier(len(doing))

    def one(does: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return does()
        except EvidenceError as error:
            return error

    with ThreadPoolExecutor(len(doing)) as pool:
        return list(pool.map(one, doing))


def test_a_hold_and_a_destruction_at_once_leave_one_of_the_two_and_never_both(custody: Custody) -> None:
    for number in range(8):
        of = custody.kept(number, account=f"acc-{number}")
        custody.closed(of)

        def destroy(of: evidence.Evidence = of) -> None:
            custody.write(lambda c: evidence.begin_removal(c, of.id, Removal.DECISION, actor="user:1", now=custody.now))

        def hold(of: evidence.Evidence = of) -> None:
            custody.held(of, HoldKind.LEGAL)

        destroyed, held = together(destroy, hold)
        state = custody.read(of).state
        if isinstance(destroyed, EvidenceHeld):
            assert (state, held) == (EvidenceState.KEPT, None)
        else:
            assert (state, destroyed) == (EvidenceState.DESTROYING, None)
            assert isinstance(held, EvidenceGone)


def test_several_workers_that_finish_the_same_destruction_leave_one_certificate(custody: Custody) -> None:
    of = custody.kept()
    custody.closed(of)
    custody.write(lambda c: evidence.begin_removal(c, of.id, Removal.DECISION, actor="user:1", now=custody.now))
    assert sorted(together(*[custody.finish] * 4)) == [0, 0, 0, 1]
    with custody.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(evidence_certificates)).scalar_one() == 1


def test_two_who_agree_to_the_same_request_at_once_are_not_three_people(custody: Custody) -> None:
    of = custody.kept()
    hold = custody.held(of)
    request = custody.asked(RequestKind.LIFT, hold.id)
    came = together(lambda: custody.agreed(request, by=custody.ben), lambda: custody.agreed(request, by=custody.cem))
    assert sum(isinstance(each, EvidenceRequestRefused) for each in came) == 1
    assert custody.actions().count("evidence.hold_lifted") == 1


def test_a_row_that_says_nothing_was_kept_is_written_once(custody: Custody) -> None:
    case = custody.gathered()
    with custody.database.read() as connection:
        submission = find_submission(connection, 1)

    def say() -> Any:
        return custody.write(lambda c: evidence.record_missing(c, case, submission, Missing.NOT_KEPT, now=custody.now))

    assert sum(each is not None for each in together(say, say, say)) == 1


def test_several_expiries_at_once_destroy_each_piece_once(custody: Custody) -> None:
    for number in range(3):
        custody.closed(custody.kept(number, account=f"acc-{number}"))
    later = custody.now + timedelta(days=40)
    assert sum(together(*[lambda: custody.expire(later)] * 3)) == 3
    assert custody.actions().count("evidence.destruction_began") == 3
