from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.exchanges.partners.mirror import Mirror, open_session

from hedgerow.errors import (
    CheckpointStale,
    InvalidExchange,
    OpinionRefused,
    PageUnreadable,
    PartnerError,
    PartnerRefused,
    PartnerUnavailable,
)
from hedgerow.exchanges.model import Place, Record, Saying, Sayings, Withdrawal
from hedgerow.exchanges.partners.stopncii import StopNcii
from hedgerow.exchanges.partners.stopncii_wire import record_key
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hedgerow.exchanges.model import Page, Session

__all__: list[str] = []

PARTNER = StopNcii()
BASE = "http://127.0.0.1:1/v1"
NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
SECOND = int(NOW.timestamp())
PDQ = "2afc4a5c09628a7961c13634fac9fa4b2afc4a5c09628a7961c13634fac9fa4b"
KEYS = {
    "fetch_function_key": "key-of-fetch",
    "subscription_key": "key-of-subscription",
    "feedback_function_key": "key-of-feedback",
    "submit_function_key": "key-of-submit",
}


def _told(number: int, at: int, status: str = "Active") -> dict[str, Any]:
    return {
        "lastModtimestamp": at,
        "signalType": "ImagePDQ",
        "hashValue": f"{number:064x}",
        "hashStatus": status,
        "caseNumbers": {},
    }


def _key(number: int) -> str:
    return record_key("ImagePDQ", f"{number:064x}")


def _page(*told: Any, next_set: int | None = None, then: str | None = None) -> httpx.Response:
    document = {
        "count": len(told),
        "nextSetTimestamp": next_set,
        "nextPageToken": then,
        "hasMoreRecords": then is not None,
        "hashRecords": list(told),
    }
    return httpx.Response(200, json=document)


class Service:
    """Answers what a test says, and remembers what was asked."""

    def __init__(self, *answers: httpx.Response | Callable[[httpx.Request], httpx.Response]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.now = NOW
        self.client = httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, httpx.Response) else answer(request)

    def session(self, **config: Any) -> Session:
        return open_session(BASE, self.client, lambda: self.now, config=config, credentials=KEYS)

    def fetched(self, checkpoint: Mapping[str, Any] | None = None, **config: Any) -> list[Page]:
        return list(PARTNER.pages(self.session(**config), checkpoint))

    def asked(self) -> list[tuple[str, str | None]]:
        return [(each.url.params["startTimestamp"], each.url.params.get("nextPageToken")) for each in self.requests]


@pytest.fixture
def service() -> Iterator[Callable[..., Service]]:
    made: list[Service] = []

    def make(*answers: Any) -> Service:
        made.append(Service(*answers))
        return made[-1]

    yield make
    for each in made:
        each.client.close()


# ── sets ──


def test_a_walk_begins_at_the_beginning_with_both_keys_and_follows_the_tokens(
    service: Callable[..., Service],
) -> None:
    told = service(_page(_told(1, 5), then="T/1+="), _page(_told(2, 6), next_set=6))
    first, last = told.fetched()
    assert [each.key for each in (*first.items, *last.items)] == [_key(1), _key(2)]
    assert (first.is_end, last.is_end) == (False, True)
    assert told.asked() == [("10", None), ("10", "T/1+=")]
    assert {each.url.path for each in told.requests} == {"/v1/FetchHashes"}
    assert {each.url.params["pageSize"] for each in told.requests} == {"800"}
    assert {each.headers["x-functions-key"] for each in told.requests} == {"key-of-fetch"}
    assert {each.headers["ocp-apim-subscription-key"] for each in told.requests} == {"key-of-subscription"}


def test_the_checkpoint_moves_only_at_the_end_of_a_set(service: Callable[..., Service]) -> None:
    # The public sample: its first page says 1625175071, its last 1625167824. The released client keeps the first, and
    # what was not read yet is left out for ever if it dies then.
    told = service(
        _page(_told(1, 1_625_167_804), next_set=1_625_175_071, then="one"),
        _page(_told(2, 1_625_167_824), next_set=1_625_167_824),
    )
    first, last = told.fetched()
    assert (first.checkpoint["start"], first.checkpoint["token"]) == (10, "one")
    assert (last.checkpoint["start"], last.checkpoint["token"]) == (1_625_167_824 - 300, None)
    again = service(_page(_told(2, 1_625_167_824), next_set=1_625_167_824))
    again.fetched(first.checkpoint)
    assert again.asked() == [("10", "one")]


@pytest.mark.parametrize("said", [None, 0, 5, SECOND - 10_000, SECOND - 1_000, SECOND * 1_000, 2**53])
def test_a_set_never_begins_before_the_one_that_it_follows(service: Callable[..., Service], said: int | None) -> None:
    start = SECOND - 1_000
    (page,) = service(_page(next_set=said)).fetched(_checkpoint(start))
    assert page.checkpoint["start"] == start


@pytest.mark.parametrize("said", [SECOND + 5, SECOND + 86_400 * 365])
def test_a_set_never_begins_after_the_one_that_it_follows_was_begun(service: Callable[..., Service], said: int) -> None:
    told = service(_page(then="one"), _page(next_set=said))
    pages = PARTNER.pages(told.session(), _checkpoint(SECOND - 5_000))
    next(pages)
    told.now += timedelta(minutes=10)
    assert next(pages).checkpoint["start"] == SECOND - 300


def test_a_time_to_come_is_never_asked_for(service: Callable[..., Service]) -> None:
    told = service(_page(next_set=SECOND))
    told.fetched(_checkpoint(SECOND + 86_400))
    assert told.asked() == [(str(SECOND), None)]


def _checkpoint(start: int, whole_at: int = SECOND) -> dict[str, Any]:
    return {"version": 1, "start": start, "whole_at": whole_at}


def test_a_token_that_ended_begins_the_set_anew_from_the_same_moment(service: Callable[..., Service]) -> None:
    told = service(
        _page(_told(1, 5), then="one"),
        httpx.Response(400, json={"message": "the token has ended"}),
        _page(_told(1, 5), then="two"),
        _page(_told(2, 6), next_set=6),
    )
    pages = told.fetched(_checkpoint(1_000))
    assert [each.key for page in pages for each in page.items] == [_key(1), _key(1), _key(2)]
    assert told.asked() == [("1000", None), ("1000", "one"), ("1000", None), ("1000", "two")]


def test_an_old_token_is_not_even_tried(service: Callable[..., Service]) -> None:
    first = next(PARTNER.pages(service(_page(_told(1, 5), then="one")).session(), _checkpoint(1_000)))
    later = service(_page(_told(1, 5), next_set=5))
    later.now += timedelta(minutes=31)
    later.fetched(first.checkpoint)
    assert later.asked() == [("1000", None)]


def test_tokens_that_always_end_too_soon_end_the_fetch_and_not_the_set(service: Callable[..., Service]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        has_token = "nextPageToken" in request.url.params
        return httpx.Response(410) if has_token else _page(_told(1, 5), then="one")

    told = service(answer)
    pages = PARTNER.pages(told.session(), None)
    with pytest.raises(PartnerUnavailable, match="page tokens"):
        list(pages)
    assert len(told.requests) == 6


def test_a_bad_request_without_a_token_is_refused(service: Callable[..., Service]) -> None:
    with pytest.raises(PartnerRefused):
        service(httpx.Response(400)).fetched()


def test_a_copy_that_was_not_whole_for_thirty_days_is_walked_through_anew(service: Callable[..., Service]) -> None:
    told = service(_page(_told(1, 5), then="one"), _page(next_set=5))
    first, last = told.fetched()
    for page in (first, last):
        told.now = NOW + timedelta(days=30)
        told.fetched(page.checkpoint)
        told.now += timedelta(seconds=1)
        with pytest.raises(CheckpointStale, match="30 days"):
            told.fetched(page.checkpoint)


def test_a_set_that_is_begun_again_and_again_does_not_count_as_whole(service: Callable[..., Service]) -> None:
    told = service(_page(_told(1, 5), then="one"))
    checkpoint: Mapping[str, Any] | None = None
    for _ in range(4):
        checkpoint = next(PARTNER.pages(told.session(), checkpoint)).checkpoint
        told.now += timedelta(days=10)
    with pytest.raises(CheckpointStale):
        next(PARTNER.pages(told.session(), checkpoint))


@pytest.mark.parametrize("checkpoint", [{}, {"version": 2}, {"version": 1}, {"version": 1, "start": 5, "new": 5}])
def test_a_checkpoint_of_another_version_is_stale(service: Callable[..., Service], checkpoint: dict[str, Any]) -> None:
    with pytest.raises(CheckpointStale):
        service(_page()).fetched(checkpoint)


# ── pages that cannot be read ──


def _unreadable(told: Service, checkpoint: Mapping[str, Any] | None, **config: Any) -> PageUnreadable:
    with pytest.raises(PageUnreadable) as caught:
        told.fetched(checkpoint, **config)
    return caught.value


def test_a_page_that_cannot_be_read_leaves_out_a_stated_span_and_nothing_else(
    service: Callable[..., Service],
) -> None:
    at = SECOND - 86_400
    broken = httpx.Response(200, text='{"count": 2, "hashRec')
    told = service(_page(_told(1, at), then="one"), broken)
    error = _unreadable(told, _checkpoint(at - 50_000))
    assert "behind records of 2026-11-21 12:30:00 UTC" in error.place
    assert error.skip == "what changed from 2026-11-21 12:30:00 UTC to 2026-11-21 13:30:00 UTC"
    assert error.skip_to is not None
    behind = service(_page(_told(3, at + 3_600), next_set=at + 3_600))
    behind.fetched(error.skip_to)
    assert behind.asked() == [(str(at + 3_600), None)]


def test_the_span_is_what_the_configuration_says(service: Callable[..., Service]) -> None:
    at = SECOND - 86_400
    told = service(_page(_told(1, at), then="one"), httpx.Response(200, text="{"))
    error = _unreadable(told, None, skip_span_s=60)
    assert error.skip_to is not None
    assert error.skip_to["start"] == at + 60


def test_the_same_page_is_asked_for_again_and_goes_on_when_it_can_be_read(service: Callable[..., Service]) -> None:
    told = service(_page(_told(1, 50), then="one"), httpx.Response(200, text="{"), _page(_told(2, 60), next_set=60))
    mirror = Mirror(PARTNER)
    with pytest.raises(PageUnreadable):
        mirror.fetch(told.session())
    assert mirror.fetch(told.session())
    assert set(mirror.records) == {_key(1), _key(2)}
    assert told.asked()[1:] == [("10", "one"), ("10", "one")]


def test_a_skip_never_leads_into_the_future_and_a_set_of_now_has_none(service: Callable[..., Service]) -> None:
    broken = httpx.Response(200, text="{")
    error = _unreadable(service(_page(_told(1, SECOND - 60), then="one"), broken), _checkpoint(SECOND - 600))
    assert error.skip_to is not None
    assert error.skip_to["start"] == SECOND
    assert _unreadable(service(broken), _checkpoint(SECOND)).skip_to is None


def test_the_first_page_of_all_is_skipped_from_the_day_on_which_the_service_opened(
    service: Callable[..., Service],
) -> None:
    error = _unreadable(service(httpx.Response(200, text="{")), None)
    assert error.skip == "what changed from the beginning to 2021-12-02 01:00:00 UTC"


def test_where_records_come_in_no_order_the_span_begins_with_the_set(service: Callable[..., Service]) -> None:
    # What was read there tells nothing of what was not: a span behind it would leave out more than it says.
    at = SECOND - 86_400
    for pages in (
        [_page(_told(1, at + 9_000), _told(2, at + 5), then="one")],
        [_page(_told(1, at + 9_000), then="one"), _page(_told(2, at + 5), then="two")],
    ):
        error = _unreadable(service(*pages, httpx.Response(200, text="{")), _checkpoint(at))
        assert error.skip_to is not None
        assert error.skip_to["start"] == at + 3_600


def test_a_page_that_leads_to_itself_is_tried_again_and_then_unreadable(service: Callable[..., Service]) -> None:
    told = service(_page(_told(1, 50), then="one"), _page(then="one"), _page(then="one"), _page(next_set=5))
    assert told.fetched()[-1].is_end
    told = service(_page(_told(1, 50), then="one"))
    assert "itself" in _unreadable(told, None).problem
    assert len(told.requests) == 4


def test_no_error_has_a_key_a_token_or_an_address(service: Callable[..., Service]) -> None:
    refused = [httpx.Response(401, text="key-of-fetch"), httpx.Response(403), httpx.Response(302), httpx.Response(503)]
    for answer in (*refused, httpx.Response(200, text="<html>key-of-fetch</html>")):
        told = service(_page(_told(1, 50), then="a-token"), answer)
        with pytest.raises(PartnerError) as caught:
            told.fetched()
        assert not [word for word in ("key-of", "a-token", "127.0.0.1", "startTimestamp") if word in str(caught.value)]


# ── feedback ──


def _said(opinion: Sayings, **changes: Any) -> Saying:
    values: dict[str, Any] = {"handle": {}, "type": "ImagePDQ", "value": PDQ, "reason": None, "token": "t"}
    return Saying(opinion, record_key("ImagePDQ", PDQ), **{**values, **changes})


@pytest.mark.parametrize(
    ("opinion", "value", "tags"),
    [
        (Sayings.SEEN, "PendingReview", []),
        (Sayings.AGREE, "Blocked", ["Nude", "Topless"]),
        (Sayings.DISPUTE, "NotBlocked", []),
        (Sayings.NONE, "None", []),
    ],
)
def test_an_opinion_becomes_feedback_with_the_key_of_its_function(
    service: Callable[..., Service], opinion: Sayings, value: str, tags: list[str]
) -> None:
    told = service(httpx.Response(200))
    PARTNER.send(told.session(feedback_tags=["Topless", "Nude"]), _said(opinion))
    (request,) = told.requests
    assert (request.method, request.url.path) == ("POST", "/v1/SubmitFeedback")
    assert request.headers["x-functions-key"] == "key-of-feedback"
    assert json.loads(request.content)["hashFeedbacks"] == [{"hashValue": PDQ, "feedbackValue": value, "tags": tags}]
    assert opinion in PARTNER.opinions


def test_feedback_names_the_hash_as_the_service_spells_it(service: Callable[..., Service]) -> None:
    told = service(httpx.Response(200))
    PARTNER.send(told.session(), _said(Sayings.SEEN, handle={"letters": "upper"}))
    assert json.loads(told.requests[0].content)["hashFeedbacks"][0]["hashValue"] == PDQ.upper()


def test_feedback_that_is_refused_for_good_is_told_from_trouble_and_tried_once(
    service: Callable[..., Service],
) -> None:
    for status, kind in (
        (400, OpinionRefused),
        (422, OpinionRefused),
        (401, PartnerRefused),
        (503, PartnerUnavailable),
    ):
        told = service(httpx.Response(status))
        with pytest.raises(kind):
            PARTNER.send(told.session(), _said(Sayings.AGREE))
        assert len(told.requests) == 1


def test_feedback_waits_for_a_key_that_nobody_entered(service: Callable[..., Service]) -> None:
    told = service(httpx.Response(200))
    keys = {name: KEYS[name] for name in ("fetch_function_key", "subscription_key")}
    with pytest.raises(PartnerUnavailable, match="feedback_function_key"):
        PARTNER.send(open_session(BASE, told.client, lambda: NOW, credentials=keys), _said(Sayings.AGREE))
    assert told.requests == []


def test_hashes_are_submitted_only_where_the_configuration_allows_it(service: Callable[..., Service]) -> None:
    told = service(httpx.Response(200))
    signals = [Signal("pdq", number.to_bytes(32, "big")) for number in range(1, 502)]
    with pytest.raises(OpinionRefused):
        PARTNER.submit(told.session(), signals)
    assert told.requests == []
    PARTNER.submit(told.session(submits_hashes=True), signals)
    assert [json.loads(each.content)["count"] for each in told.requests] == [500, 1]
    assert {each.headers["x-functions-key"] for each in told.requests} == {"key-of-submit"}


# ── configurations ──


def test_without_a_word_it_is_the_simulator_and_production_is_known_as_such() -> None:
    assert PARTNER.place({}) == Place("simulator", "http://127.0.0.1:8102/v1", is_production=False)
    assert PARTNER.place({"environment": "production"}).is_production
    assert PARTNER.place({"environment": "simulator", "base_url": "https://api.stopncii.org/v1/"}).is_production


@pytest.mark.parametrize(
    "config",
    [
        {"environment": "test"},
        {"base_url": "http://api.stopncii.org/v1"},
        {"page_size": 0},
        {"page_size": 5_001},
        {"page_size": float("nan")},
        {"skip_span_s": 0},
        {"match_statuses": ["withdrawn"]},
        {"match_statuses": ["Deleted"]},
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidExchange):
        PARTNER.check(config)


def test_a_configuration_is_accepted() -> None:
    PARTNER.check({"page_size": 100, "skip_span_s": 60, "match_statuses": ["Undefined"], "environment": "production"})


def test_credentials_made_for_another_address_are_sent_nowhere(service: Callable[..., Service]) -> None:
    told = service(_page(next_set=5))
    for address in ("https://elsewhere.example", "http://127.0.0.1:1"):
        session = open_session(BASE, told.client, lambda: NOW, credentials={**KEYS, "base_url_override": address})
        with pytest.raises(InvalidExchange, match="base_url"):
            list(PARTNER.pages(session, None))
    assert told.requests == []
    session = open_session(BASE, told.client, lambda: NOW, credentials={**KEYS, "base_url_override": f"{BASE}/"})
    assert list(PARTNER.pages(session, None))


def test_the_names_of_credentials_are_those_that_clients_of_hma_send() -> None:
    fields = PARTNER.credential_fields or ()
    assert [(each.name, each.is_required) for each in fields[:3]] == [
        ("fetch_function_key", True),
        ("subscription_key", True),
        ("base_url_override", False),
    ]
    assert not any(each.is_required for each in PARTNER.config_fields)


# ── zones ──


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def stand_in(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield stand_in
    monkeypatch.undo()
    time.tzset()


def test_requests_and_times_are_the_same_in_every_zone(
    service: Callable[..., Service], zone: Callable[[str], None]
) -> None:
    seen = []
    for name in ("UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin"):
        zone(name)
        told = service(
            _page(_told(1, SECOND - 9_000), then="one"),
            _page(_told(2, SECOND - 8_000, "Withdrawn"), next_set=SECOND - 8_000),
            _page(_told(3, SECOND - 7_000), then="two"),
            httpx.Response(200, text="{"),
        )
        pages = told.fetched()
        error = _unreadable(told, pages[-1].checkpoint)
        times = [each.updated_at for page in pages for each in page.items]
        seen.append((told.asked(), times, pages[-1].checkpoint, error.place, error.skip, error.skip_to))
    assert all(each == seen[0] for each in seen)
    assert seen[0][1] == [NOW - timedelta(seconds=9_000), NOW - timedelta(seconds=8_000)]


def test_withdrawals_and_records_of_one_page_keep_their_order(service: Callable[..., Service]) -> None:
    told = service(_page(_told(1, 5), _told(1, 6, "Withdrawn"), _told(2, 7, "Deleted"), _told(2, 8), next_set=8))
    (page,) = told.fetched()
    assert [type(each) for each in page.items] == [Record, Withdrawal, Withdrawal, Record]
    mirror = Mirror(PARTNER)
    mirror.apply(page)
    assert set(mirror.records) == {_key(2)}
