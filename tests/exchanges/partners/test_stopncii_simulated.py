"""The adapter beside a service that shares no judgement with it: whatever happens, in the end both hold the same."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.exchanges.partners.mirror import Mirror, open_session

from hedgerow.errors import OpinionRefused, PageUnreadable, PartnerError, PartnerRefused
from hedgerow.exchanges.model import Saying, Sayings
from hedgerow.exchanges.partners.stopncii import StopNcii
from hedgerow.exchanges.partners.stopncii_wire import record_key
from hedgerow.simulators.stage import Simulator
from hedgerow.simulators.stopncii import StopNciiPlay, made_up_records

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from hedgerow.exchanges.model import Session

__all__: list[str] = []

PARTNER = StopNcii()
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEYS = {
    "subscription_key": "simulator-subscription",
    "fetch_function_key": "simulator-fetch",
    "feedback_function_key": "simulator-feedback",
    "submit_function_key": "simulator-hashes",
}
EXAMPLES = 12 if settings.default is None or settings.default.max_examples <= 20 else 300

PICTURES = ["01" * 32, "02" * 32, "AB" * 32]
VALUES = [*(("ImagePDQ", each) for each in PICTURES), ("VideoMD5", "01" * 16)]
FAULTS = (
    *("drop_before", "drop_during", "drop_after", "unauthorized", "too_many", "server_error", "bad_gateway"),
    *("unavailable", "truncated", "not_what_was_asked", "redirect", "zeros", "empty_array", "corrupt_page"),
    *("expired_token", "mutate", "mutate=ahead", "empty_page", "repeated", "unknown_type", "unknown_enum"),
    "unknown_enum=hashStatus",
)

DOINGS: list[dict[str, Any]] = [
    {"do": "create"},
    {"do": "create", "status": "Received"},
    *({"do": each} for each in ("create", "update", "withdraw_case", "delete", "reactivate", "corrupt")),
    {"do": "feedback", "feedbackValue": "NotBlocked"},
]

EDIT = st.builds(
    lambda do, which: {**do, "signalType": VALUES[which][0], "hashValue": VALUES[which][1]},
    st.sampled_from(DOINGS),
    st.integers(0, len(VALUES) - 1),
)
STEP = st.one_of(
    *(EDIT.map(lambda each: ("edit", each)) for _ in range(4)),  # as often as everything else together
    st.builds(lambda n, kind: ("fault", f"fetch:{n}:{kind}"), st.integers(1, 3), st.sampled_from(FAULTS)),
    st.none().map(lambda _: ("fetch", None)),
    st.integers(0, 3).map(lambda pages: ("fetch", pages)),
    st.integers(0, 50).map(lambda back: ("restart", back)),
    st.sampled_from([1, 400, 660, 2_400, 31 * 86_400]).map(lambda seconds: ("wait", seconds)),
    st.none().map(lambda _: ("mend", None)),
)


def _session(simulator: Simulator[StopNciiPlay], client: httpx.Client, **config: Any) -> Session:
    return open_session(simulator.url, client, simulator.clock.now, config=config, credentials=KEYS)


def _take(step: tuple[str, Any], simulator: Simulator[StopNciiPlay], mirror: Mirror, session: Session) -> None:
    what, of = step
    if what == "edit":
        with contextlib.suppress(ValueError):  # nothing is there that could be changed so
            simulator.edit(of)
    elif what == "fault":
        simulator.faults.add(of)
    elif what == "mend":
        simulator.edit({"do": "mend"})
    elif what == "wait":
        simulator.clock.advance(seconds=of)
    elif what == "restart":
        if mirror.saved:
            mirror.checkpoint = mirror.saved[-1 - of % len(mirror.saved)]
    else:
        with contextlib.suppress(PartnerError):
            mirror.fetch(session, dies_after=of)


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, min_size=10, max_size=30), st.booleans(), st.integers(1, 6), st.sampled_from([0, 20]))
def test_whatever_happened_the_mirror_holds_the_partners_set(
    client: httpx.Client, steps: list[tuple[str, Any]], is_shuffled: bool, page_size: int, overlap_s: int
) -> None:
    play = StopNciiPlay(made_up_records(6), is_shuffled=is_shuffled, overlap_s=overlap_s)
    with Simulator(play, stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client, page_size=page_size)
        for each in steps:
            _take(each, simulator, mirror, session)
        simulator.faults.clear()
        simulator.edit({"do": "mend"})
        # The set under way may have passed a place to which something moved; the one after it has all.
        ends = [mirror.fetch(session) for _ in range(3)]
        assert ends[1:] == [True, True]
        held = {key for key, each in mirror.records.items() if each.signals or each.opaque}
        assert held == {record_key(*key) for key in play.expected({"Active"})}
        # What is live by another word is there, and matches nothing; so is what is no hash. Nothing else is.
        nonsense = {record_key("ImagePDQ", "0" * 32)}
        assert set(mirror.records) - nonsense == {record_key(*key) for key in play.expected()}
        wanted = {
            record_key(kind, value): ((kind, value.lower()),)
            for kind, value in play.expected({"Active"})
            if kind in {"ImagePDQ", "VideoMD5"}
        }
        assert mirror.matched() == wanted


@pytest.mark.parametrize("edit", ["withdraw_case", "delete"])
def test_a_withdrawn_hash_stops_matching_with_the_next_fetch(client: httpx.Client, edit: str) -> None:
    # The released client goes on to match it for ever.
    with Simulator(StopNciiPlay(), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        simulator.edit({"do": "create", "hashValue": PICTURES[0]})
        assert mirror.fetch(session)
        assert set(mirror.matched()) == {record_key("ImagePDQ", PICTURES[0])}
        simulator.clock.advance(hours=1)
        simulator.edit({"do": edit, "hashValue": PICTURES[0]})
        assert mirror.fetch(session)
        assert mirror.matched() == {}
        simulator.edit({"do": "reactivate", "hashValue": PICTURES[0]})
        assert mirror.fetch(session)
        assert set(mirror.matched()) == {record_key("ImagePDQ", PICTURES[0])}


def test_a_hash_of_several_cases_survives_one_withdrawal(client: httpx.Client) -> None:
    with Simulator(StopNciiPlay(), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        for number in ("one", "two"):
            simulator.edit({"do": "create", "hashValue": PICTURES[0], "caseNumber": number})
        simulator.edit({"do": "withdraw_case", "hashValue": PICTURES[0], "caseNumber": "one"})
        assert mirror.fetch(session)
        assert mirror.matched()
        simulator.edit({"do": "withdraw_case", "hashValue": PICTURES[0], "caseNumber": "two"})
        assert mirror.fetch(session)
        assert mirror.records == {}


def test_a_death_after_the_first_page_leaves_nothing_out(client: httpx.Client) -> None:
    with Simulator(StopNciiPlay(made_up_records(10)), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client, page_size=3)
        assert not mirror.fetch(session, dies_after=1)
        assert len(mirror.records) == 3
        assert mirror.fetch(session)
        assert set(mirror.records) == {record_key(*key) for key in simulator.play.expected()}
        # and nothing was asked for twice, since the token still lived
        assert len(simulator.transcript()) == 2 + 3


def _skip_wanted(mirror: Mirror, session: Session) -> Mapping[str, Any] | None:
    """Fetch, and return where a skip would lead; None where everything could be read."""
    try:
        is_end = mirror.fetch(session)
    except PageUnreadable as error:
        return error.skip_to
    assert is_end
    return None


def test_a_page_that_stays_broken_is_passed_by_skips_that_leave_out_what_they_say(client: httpx.Client) -> None:
    records = list(made_up_records(100))
    keys = [record_key("ImagePDQ", each["hashValue"]) for each in records]
    with Simulator(StopNciiPlay(records, corrupt_at=50), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client, page_size=20, skip_span_s=300)
        spans: list[tuple[int, int]] = []
        with contextlib.suppress(PageUnreadable):
            mirror.fetch(session)
        before = len(mirror.records)
        while (skip_to := _skip_wanted(mirror, session)) is not None:
            spans.append((skip_to["start"] - 300, skip_to["start"]))
            mirror.checkpoint = dict(skip_to)
        missing = [number for number, key in enumerate(keys) if key not in mirror.records]
        assert (before, missing) == (40, list(range(40, 54)))
        told = {
            number
            for number, each in enumerate(records)
            if any(first <= each["lastModtimestamp"] < last for first, last in spans)
        }
        assert told - {39} == set(missing)  # the last that was read stands at the beginning of the span


def test_a_status_that_nobody_knows_is_matched_only_where_the_configuration_says_so(client: httpx.Client) -> None:
    with Simulator(
        StopNciiPlay(made_up_records(3)), stands_at=START, faults=["fetch:1:unknown_enum=hashStatus"]
    ) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        assert mirror.fetch(session)
        assert (len(mirror.records), len(mirror.matched())) == (3, 2)
        told = next(each for each in mirror.records.values() if not each.signals)
        assert told.tags[0] == "not matched: status Undefined"
        widened = Mirror(PARTNER)
        assert widened.fetch(_session(simulator, client, match_statuses=["Undefined"]))
        assert len(widened.matched()) == 3


def test_wrong_keys_are_refused_and_named_nowhere(client: httpx.Client) -> None:
    with Simulator(StopNciiPlay(made_up_records(1))) as simulator:
        keys = {**KEYS, "fetch_function_key": KEYS["feedback_function_key"]}
        session = open_session(simulator.url, client, simulator.clock.now, credentials=keys)
        with pytest.raises(PartnerRefused) as caught:
            list(PARTNER.pages(session, None))
        assert caught.value.status == 401
        assert "simulator-" not in str(caught.value)


def test_every_opinion_arrives_and_may_arrive_twice(client: httpx.Client) -> None:
    with Simulator(StopNciiPlay(), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client, feedback_tags=["Nude"])
        simulator.edit({"do": "create", "hashValue": PICTURES[-1]})
        assert mirror.fetch(session)
        ((key, record),) = mirror.records.items()
        ((kind, signal),) = record.signals
        for opinion in (Sayings.SEEN, Sayings.AGREE, Sayings.AGREE, Sayings.DISPUTE, Sayings.NONE):
            PARTNER.send(session, Saying(opinion, key, record.handle, kind, signal.value, None, "t"))
        assert [(each.hash_value, each.value, each.tags) for each in simulator.play.feedback] == [
            (PICTURES[-1], "PendingReview", ()),
            (PICTURES[-1], "Blocked", ("Nude",)),
            (PICTURES[-1], "Blocked", ("Nude",)),
            (PICTURES[-1], "NotBlocked", ()),
            (PICTURES[-1], "None", ()),
        ]
        assert mirror.fetch(session)
        assert mirror.records[key].tags == ("Hedgerow: None",)
        with pytest.raises(OpinionRefused):
            PARTNER.send(session, Saying(Sayings.AGREE, key, {}, kind, "00" * 32, None, "t"))


def test_hashes_of_our_own_are_taken(client: httpx.Client) -> None:
    with Simulator(StopNciiPlay(made_up_records(1), takes_hashes=True), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client, submits_hashes=True)
        assert mirror.fetch(session)
        ((_, signal),) = next(iter(mirror.records.values())).signals
        PARTNER.submit(session, [signal])
        assert simulator.play.submitted == [("ImagePDQ", signal.value)]


def test_a_quiet_service_is_asked_for_the_same_moment_each_time(client: httpx.Client) -> None:
    with Simulator(StopNciiPlay(made_up_records(5)), stands_at=START) as simulator:
        mirror, session = Mirror(PARTNER), _session(simulator, client)
        starts = []
        for _ in range(3):
            assert mirror.fetch(session)
            assert mirror.checkpoint is not None
            starts.append(mirror.checkpoint["start"])
            simulator.clock.advance(timedelta(days=20))
        assert len(set(starts)) == 1
