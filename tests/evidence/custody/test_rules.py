from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.cases import Verdict
from hedgerow.errors import (
    ClockBehind,
    EvidenceGone,
    EvidenceHeld,
    EvidenceInUse,
    EvidenceRequestRefused,
    InvalidEvidence,
    InvalidHold,
    SecondPersonNeeded,
)
from hedgerow.evidence import rules
from hedgerow.evidence.model import (
    Evidence,
    EvidenceState,
    Hold,
    HoldKind,
    Kind,
    Removal,
    Request,
    RequestKind,
    RequestState,
    Standing,
    Use,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def evidence(state: EvidenceState = EvidenceState.KEPT, filed_at: datetime | None = None) -> Evidence:
    return Evidence(
        id=7,
        case_id=1,
        submission_id=1,
        kind=Kind.MEDIA,
        name="a.jpg",
        media_type=None,
        size_bytes=1,
        md5=None,
        sha1=None,
        sha256=None,
        pdq=None,
        uploaded_at=None,
        object="0" * 32,
        stored_bytes=1,
        cipher_sha256=None,
        wrapped=b"",
        sealed=None,
        state=state,
        missing_reason=None,
        kept_at=NOW,
        report_id=None if filed_at is None else 1,
        filed_at=filed_at,
        sealed_at=None,
        retain_until=None,
        destroyed_at=None,
    )


def hold(kind: HoldKind = HoldKind.LEGAL, until: datetime | None = None, lifted_at: datetime | None = None) -> Hold:
    return Hold(1, 7, kind, until, None, None, NOW, "user:1", lifted_at)


def use(verdict: Verdict | None = Verdict.NOT_A_MATCH, closed_since: datetime | None = NOW - 40 * DAY) -> Use:
    return Use(1, closed_since, verdict)


def request(**said: object) -> Request:
    values = {
        "id": 1,
        "kind": RequestKind.OPEN,
        "subjects": (7,),
        "reason": "why",
        "reference": None,
        "removal": None,
        "asked_by": "user:1",
        "asked_at": NOW,
        "expires_at": NOW + DAY,
    }
    return Request(**(values | said))  # type: ignore[arg-type]  # as said


# ── the year ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("filed", "until"),
    [
        (datetime(2026, 11, 22, 23, 59, 59, 999999, UTC), datetime(2027, 11, 22, 23, 59, 59, 999999, UTC)),
        (datetime(2028, 2, 29, 0, 0, tzinfo=UTC), datetime(2029, 3, 1, 0, 0, tzinfo=UTC)),
        (datetime(2028, 2, 28, tzinfo=UTC), datetime(2029, 2, 28, tzinfo=UTC)),
        (datetime(2027, 3, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)),
        (datetime(2027, 2, 28, 12, tzinfo=UTC), datetime(2028, 2, 28, 12, tzinfo=UTC)),
        # In Auckland it is the first of March already; what counts is UTC.
        (datetime(2028, 3, 1, 10, tzinfo=timezone(timedelta(hours=13))), datetime(2029, 3, 1, 21, tzinfo=UTC)),
    ],
)
def test_a_hold_ends_a_calendar_year_after_filing(filed: datetime, until: datetime) -> None:
    assert rules.one_year_after(filed) == until


@given(st.datetimes(datetime(1990, 1, 1), datetime(2190, 1, 1)), st.integers(-12, 14))  # noqa: DTZ001  (zones are added)
def test_a_hold_is_never_shorter_than_365_days_nor_longer_than_366(naive: datetime, hours: int) -> None:
    filed = naive.replace(tzinfo=timezone(timedelta(hours=hours)))
    until = rules.one_year_after(filed)
    assert timedelta(days=365) <= until - filed <= timedelta(days=366)
    assert until.tzinfo is UTC


def test_a_time_without_a_zone_is_not_counted_from() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        rules.one_year_after(datetime(2026, 1, 1))  # noqa: DTZ001  (the fact)


# ── holds ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hold_is_in_force_until_its_very_end_and_no_longer() -> None:
    held = hold(until=NOW)
    assert rules.hold_in_force([held], NOW - timedelta(microseconds=1)) is held
    assert rules.hold_in_force([held], NOW) is None


def test_a_hold_without_an_end_is_in_force_until_it_is_lifted() -> None:
    assert rules.hold_in_force([hold()], NOW + 10_000 * DAY) is not None
    assert rules.hold_in_force([hold(lifted_at=NOW)], NOW) is None


def test_what_is_retained_is_told_by_the_longest_hold_and_not_at_all_where_one_has_no_end() -> None:
    assert rules.retain_until([hold(until=NOW), hold(until=NOW + DAY)]) == NOW + DAY
    assert rules.retain_until([hold(until=NOW), hold()]) is None
    assert rules.retain_until([hold(until=NOW), hold(lifted_at=NOW)]) == NOW
    assert rules.retain_until([]) is None


def test_an_extension_only_lengthens() -> None:
    filing = hold(HoldKind.FILING, NOW + 365 * DAY)
    rules.check_hold(evidence(), [filing], HoldKind.EXTENSION, NOW + 366 * DAY, NOW)
    for until in (NOW + 365 * DAY, NOW + DAY, None):
        with pytest.raises(InvalidHold):
            rules.check_hold(evidence(), [filing], HoldKind.EXTENSION, until, NOW)


def test_a_hold_that_would_be_over_or_holds_nothing_is_refused() -> None:
    for until in (NOW, datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(InvalidHold):
            rules.check_hold(evidence(), [], HoldKind.LEGAL, until, NOW)
    for state in (EvidenceState.MISSING, EvidenceState.DESTROYING, EvidenceState.DESTROYED):
        with pytest.raises(EvidenceGone):
            rules.check_hold(evidence(state), [], HoldKind.LEGAL, None, NOW)


def test_nobody_lifts_the_hold_of_a_filing() -> None:
    with pytest.raises(InvalidHold):
        rules.check_lifting(hold(HoldKind.FILING, NOW + DAY))
    for kind in (HoldKind.EXTENSION, HoldKind.LEGAL, HoldKind.LAW_ENFORCEMENT):
        rules.check_lifting(hold(kind))


# ── what may go ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("removal", [each for each in Removal if each is not Removal.LAW_ENFORCEMENT])
@pytest.mark.parametrize("kind", list(HoldKind))
@pytest.mark.parametrize("state", [EvidenceState.KEPT, EvidenceState.SEALED])
def test_every_path_but_the_authoritys_stops_at_every_hold(
    removal: Removal, kind: HoldKind, state: EvidenceState
) -> None:
    held = Standing(evidence(state, NOW - 400 * DAY), (hold(kind, NOW + DAY),), (use(),))
    with pytest.raises(EvidenceHeld) as refused:
        rules.check_removal(held, removal, NOW)
    assert refused.value.hold == kind
    rules.check_removal(held, Removal.LAW_ENFORCEMENT, NOW)


@pytest.mark.parametrize("removal", [each for each in Removal if each is not Removal.LAW_ENFORCEMENT])
def test_nothing_goes_that_a_case_still_needs(removal: Removal) -> None:
    for uses in ((use(closed_since=None),), (use(), use(closed_since=None))):
        with pytest.raises(EvidenceInUse):
            rules.check_removal(Standing(evidence(), (), uses), removal, NOW)


@pytest.mark.parametrize("verdict", [Verdict.CONFIRMED, None])
def test_what_was_confirmed_and_not_filed_goes_by_the_decision_of_two_people_alone(verdict: Verdict | None) -> None:
    standing = Standing(evidence(), (), (use(), use(verdict)))
    for removal in (Removal.ERASURE, Removal.NOT_A_MATCH, Removal.EXPIRY):
        with pytest.raises(EvidenceInUse):
            rules.check_removal(standing, removal, NOW)
    rules.check_removal(standing, Removal.DECISION, NOW)


def test_what_is_no_match_goes_on_its_paths_and_what_was_filed_on_its_own() -> None:
    for removal in (Removal.NOT_A_MATCH, Removal.ERASURE, Removal.DECISION):
        rules.check_removal(Standing(evidence(), (), (use(),)), removal, NOW)
    with pytest.raises(EvidenceInUse):
        rules.check_removal(Standing(evidence(), (), (use(),)), Removal.EXPIRY, NOW)
    filed = Standing(evidence(EvidenceState.SEALED, NOW - 400 * DAY), (), (use(Verdict.CONFIRMED),))
    rules.check_removal(filed, Removal.EXPIRY, NOW)


@pytest.mark.parametrize("state", [EvidenceState.MISSING, EvidenceState.DESTROYING, EvidenceState.DESTROYED])
@pytest.mark.parametrize("removal", list(Removal))
def test_what_is_not_there_is_not_destroyed_again(state: EvidenceState, removal: Removal) -> None:
    with pytest.raises(EvidenceGone):
        rules.check_removal(Standing(evidence(state), (), (use(),)), removal, NOW)


def test_what_was_filed_is_due_when_its_year_is_over_whatever_its_holds_say() -> None:
    filed = evidence(EvidenceState.SEALED, NOW - 365 * DAY)
    assert rules.is_due_after_filing(Standing(filed, (), ()), NOW)
    assert not rules.is_due_after_filing(Standing(filed, (), ()), NOW - timedelta(microseconds=1))
    assert not rules.is_due_after_filing(Standing(filed, (hold(),), ()), NOW + 1_000 * DAY)
    assert not rules.is_due_after_filing(Standing(evidence(), (), ()), NOW + 1_000 * DAY)


def test_what_is_no_match_is_due_some_days_after_the_last_of_its_cases_was_closed() -> None:
    after = 30 * DAY
    early, late = use(closed_since=NOW - 40 * DAY), use(closed_since=NOW - 29 * DAY)
    assert rules.is_due_as_no_match(Standing(evidence(), (), (early,)), NOW, after)
    assert not rules.is_due_as_no_match(Standing(evidence(), (), (early, late)), NOW, after)
    assert rules.is_due_as_no_match(Standing(evidence(), (), (early, late)), NOW + DAY, after)
    assert not rules.is_due_as_no_match(Standing(evidence(), (hold(),), (early,)), NOW, after)
    assert not rules.is_due_as_no_match(Standing(evidence(), (), (use(Verdict.CONFIRMED),)), NOW, after)
    assert not rules.is_due_as_no_match(Standing(evidence(), (), ()), NOW, after)


def test_a_clock_that_is_behind_lets_nothing_expire() -> None:
    rules.check_clock(NOW, None)
    rules.check_clock(NOW, NOW + timedelta(seconds=5))
    with pytest.raises(ClockBehind) as refused:
        rules.check_clock(NOW, NOW + timedelta(seconds=6))
    assert refused.value.behind_s == 6


# ── two people ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_waits_is_agreed_runs_out_is_done_or_withdrawn() -> None:
    assert rules.request_state(request(), NOW) is RequestState.WAITING
    assert rules.request_state(request(), NOW + DAY) is RequestState.OVER
    agreed = request(agreed_by="user:2", agreed_at=NOW)
    assert rules.request_state(agreed, NOW) is RequestState.AGREED
    assert rules.request_state(request(agreed_by="user:2", agreed_at=NOW, done_at=NOW), NOW) is RequestState.DONE
    assert rules.request_state(request(withdrawn_at=NOW), NOW) is RequestState.WITHDRAWN


def test_who_asks_does_not_agree() -> None:
    rules.check_agreement(request(), "user:2", NOW)
    with pytest.raises(SecondPersonNeeded):
        rules.check_agreement(request(), "user:1", NOW)


@pytest.mark.parametrize(
    "said", [{"withdrawn_at": NOW}, {"agreed_at": NOW, "agreed_by": "user:3"}, {"expires_at": NOW}]
)
def test_a_request_that_waits_for_nobody_is_not_agreed_to(said: dict[str, object]) -> None:
    with pytest.raises(EvidenceRequestRefused):
        rules.check_agreement(request(**said), "user:2", NOW)


def test_an_opening_is_for_what_it_names_for_who_asked_and_for_a_while() -> None:
    opened = request(agreed_by="user:2", agreed_at=NOW)
    rules.check_opened(opened, 7, "user:1", NOW)
    refused = [
        (opened, 8, "user:1", NOW),
        (opened, 7, "user:2", NOW),
        (opened, 7, "user:1", NOW + DAY),
        (request(), 7, "user:1", NOW),
        (request(kind=RequestKind.DESTROY, agreed_by="user:2", agreed_at=NOW), 7, "user:1", NOW),
        (request(agreed_by="user:2", agreed_at=NOW, withdrawn_at=NOW), 7, "user:1", NOW),
    ]
    for each in refused:
        with pytest.raises(EvidenceRequestRefused):
            rules.check_opened(*each)


def test_a_request_names_something_and_an_authoritys_wish_its_reference() -> None:
    rules.check_request(RequestKind.DESTROY, Removal.LAW_ENFORCEMENT, "17/2026", [1])
    for asked in (
        (RequestKind.OPEN, None, None, []),
        (RequestKind.DESTROY, Removal.LAW_ENFORCEMENT, " ", [1]),
        (RequestKind.DESTROY, Removal.ERASURE, None, [1]),
        (RequestKind.DESTROY, None, None, [1]),
    ):
        with pytest.raises(EvidenceRequestRefused):
            rules.check_request(*asked)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2_001, "a\0b", "\ud800"])
def test_a_reason_says_something_that_can_be_kept(reason: str) -> None:
    with pytest.raises(EvidenceRequestRefused):
        rules.check_reason(reason, None)


@pytest.mark.parametrize("name", ["", " ", "../etc/passwd", "a\\b", "a\nb", "x" * 256])
def test_the_name_of_a_file_is_no_path(name: str) -> None:
    with pytest.raises(InvalidEvidence):
        rules.check_name(name)
