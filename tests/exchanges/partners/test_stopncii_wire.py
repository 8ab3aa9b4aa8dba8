from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import InvalidSignal
from hedgerow.exchanges.model import Opaque, Record, Withdrawal
from hedgerow.exchanges.partners.stopncii_wire import (
    Unreadable,
    feedback_body,
    hashes_body,
    read_page,
    record_key,
    spelled,
)
from hedgerow.hashing.signal import Signal

__all__: list[str] = []

PDQ = "2afc4a5c09628a7961c13634fac9fa4b2afc4a5c09628a7961c13634fac9fa4b"
MD5 = "d35c785545392755e7e4164457657269"
CASE = "27664732-76e1-4a17-8099-455798e67022"


def _told(**changes: Any) -> dict[str, Any]:
    return {
        "lastModtimestamp": 1_700_000_000,
        "signalType": "ImagePDQ",
        "hashValue": PDQ,
        "hashStatus": "Active",
        "hashRegions": ["UK"],
        "caseNumbers": {CASE: "Active"},
        "CSPFeedbacks": [{"source": "Another", "feedbackValue": "Blocked", "tags": ["Nude"]}],
        **changes,
    }


def _page(*told: Any, **changes: Any) -> bytes:
    document = {
        "count": len(told),
        "nextSetTimestamp": 1_700_000_100,
        "nextPageToken": "W3siY29t",
        "hasMoreRecords": False,
        "hashRecords": list(told),
        **changes,
    }
    return json.dumps({key: each for key, each in document.items() if each is not ...}).encode()


def _only(**changes: Any) -> Record:
    (item,) = read_page(_page(_told(**changes))).items
    assert isinstance(item, Record)
    return item


# ── records ──


def test_a_picture_and_a_video_become_signals_under_the_partners_names() -> None:
    page = read_page(_page(_told(), _told(signalType="VideoMD5", hashValue=MD5)))
    picture, video = page.items
    assert isinstance(picture, Record)
    assert isinstance(video, Record)
    assert picture.signals == (("ImagePDQ", Signal.from_text("pdq", PDQ)),)
    assert video.signals == (("VideoMD5", Signal.from_text("md5", MD5)),)
    assert picture.updated_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert picture.tags == ("region UK", "Another: Blocked (Nude)")
    assert (page.next_set, page.token, page.has_more) == (1_700_000_100, "W3siY29t", False)


def test_neither_a_key_nor_a_representation_nor_a_handle_has_the_value() -> None:
    for told in (_told(), _told(signalType="ImageOfTomorrow"), _told(hashStatus="Received"), _told(hashValue="0" * 32)):
        (item,) = read_page(_page(told)).items
        assert told["hashValue"][:16] not in repr(item)
        assert isinstance(item, Record)
        assert told["hashValue"][:16] not in json.dumps(dict(item.handle))


@pytest.mark.parametrize("status", ["Withdrawn", "Deleted", "withdrawn", "DELETED"])
def test_a_withdrawn_hash_is_withdrawn_by_its_status_and_not_by_its_value(status: str) -> None:
    # The released client compares hashValue with these words, and so never withdraws anything.
    page = read_page(_page(_told(hashStatus=status)))
    assert page.items == (Withdrawal(record_key("ImagePDQ", PDQ), datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),)


@pytest.mark.parametrize("value", ["Withdrawn", "Deleted"])
def test_a_value_that_is_a_word_of_a_status_is_no_withdrawal(value: str) -> None:
    (item,) = read_page(_page(_told(hashValue=value))).items
    assert isinstance(item, Record)
    assert item.refused


def test_one_withdrawn_case_of_several_withdraws_nothing() -> None:
    record = _only(caseNumbers={CASE: "Withdrawn", "another": "Active"})
    assert record.signals
    assert "no live case" not in record.tags


def test_an_active_hash_without_a_live_case_says_so_and_is_matched() -> None:
    record = _only(caseNumbers={CASE: "Withdrawn", "another": "Deleted"})
    assert record.signals
    assert "no live case" in record.tags


@pytest.mark.parametrize("status", ["Unknown", "Received", "Undefined", "Something new", "", None, 5, [], ...])
def test_only_an_active_hash_is_matched_and_the_others_are_kept_and_say_why(status: Any) -> None:
    told = _told(hashStatus=status)
    if status is ...:
        del told["hashStatus"]
    (record,) = read_page(_page(told)).items
    assert isinstance(record, Record)
    assert (record.signals, record.opaque) == ((), ())
    shown = status if isinstance(status, str) and status else "missing"
    assert record.tags[0] == f"not matched: status {shown}"


def test_a_status_that_the_configuration_names_is_matched_and_still_told() -> None:
    (record,) = read_page(_page(_told(hashStatus="Undefined")), frozenset({"active", "undefined"})).items
    assert isinstance(record, Record)
    assert record.signals
    assert "status Undefined" in record.tags


@pytest.mark.parametrize("kind", ["VideoTMK", "Text", "URL", "Unknown", "ImagePhotoDNA", "Video vPDQ/neu"])
def test_a_type_that_cannot_be_matched_is_kept(kind: str) -> None:
    record = _only(signalType=kind, hashValue="whatever it is")
    assert record.opaque == (Opaque(kind, "whatever it is"),)
    assert (record.signals, record.refused) == ((), ())
    assert "/" not in record.key.rpartition("/")[0]


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("ImagePDQ", "0" * 32, "32 characters"),
        ("ImagePDQ", "0" * 64, "all zeros"),
        ("ImagePDQ", PDQ + "\n", "65 characters"),
        ("ImagePDQ", "z" * 64, "no hex digit"),
        ("VideoMD5", "0" * 32, "all zeros"),
        ("VideoMD5", PDQ, "64 characters"),
    ],
)
def test_what_is_no_hash_of_its_type_is_refused_with_a_reason_and_without_its_value(
    kind: str, value: str, why: str
) -> None:
    record = _only(signalType=kind, hashValue=value)
    assert record.signals == ()
    ((of, said),) = record.refused
    assert of == kind
    assert why in said
    assert value not in said


def test_upper_case_is_the_same_signal_and_the_spelling_is_known_for_feedback() -> None:
    upper, lower, mixed = _only(hashValue=PDQ.upper()), _only(), _only(hashValue="A" + PDQ[1:])
    assert upper.signals == lower.signals
    assert upper.key != lower.key
    assert spelled(PDQ, upper.handle) == PDQ.upper()
    assert spelled(PDQ, lower.handle) == PDQ
    assert mixed.handle == {}


@pytest.mark.parametrize("cases", [[], {}, None, "none", 5, {CASE: 5}, {CASE: "Undefined"}])
def test_cases_may_be_anything(cases: Any) -> None:
    # [] stands where {} belongs, which ended the released client's fetch before 1.2.17.
    assert _only(caseNumbers=cases).signals


@pytest.mark.parametrize(
    "feedbacks",
    [None, {}, "x", [None], [{}], [{"source": 5, "feedbackValue": [], "tags": {}}], [{"feedbackValue": "Undefined"}]],
)
def test_feedback_of_others_may_be_anything(feedbacks: Any) -> None:
    assert _only(CSPFeedbacks=feedbacks, hashRegions=feedbacks).signals


def test_another_platforms_not_blocked_is_told_and_no_dispute() -> None:
    record = _only(CSPFeedbacks=[{"source": "Another", "feedbackValue": "NotBlocked"}])
    assert "Another: NotBlocked" in record.tags
    assert not record.is_disputed


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (1_700_000_000.75, datetime(2023, 11, 14, 22, 13, 20, 750_000, tzinfo=UTC)),
        ("1700000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (None, None),
        (True, None),
        (-5, None),
        (10**30, None),
        ("soon", None),
        ("nan", None),
        ({}, None),
    ],
)
def test_times_may_have_fractions_and_nonsense_says_nothing(said: Any, wanted: datetime | None) -> None:
    assert _only(lastModtimestamp=said).updated_at == wanted


@pytest.mark.parametrize(
    "told", [None, 5, [], "x", {}, _told(hashValue=None), _told(signalType=5), _told(hashValue="")]
)
def test_a_record_that_has_no_name_stops_nothing_and_is_seen(told: Any) -> None:
    nameless, following = read_page(_page(told, _told())).items
    assert isinstance(nameless, Record)
    assert isinstance(following, Record)
    assert nameless.refused == (("hashRecords", "a record without a type or a value"),)
    assert following.signals


# ── pages ──


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "no JSON"),
        (_page(_told(), _told())[:200], "no JSON"),
        (b"<!doctype html><title>200</title>", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"hasMoreRecords": "\xff"}', "no JSON"),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (_page(hashRecords="many"), "no list"),
        (_page(hashRecords=..., count=2), "no list"),
        (_page(hashRecords=None, count=2), "no list"),
        (_page(hasMoreRecords=...), "whether more"),
        (_page(hasMoreRecords="perhaps"), "whether more"),
        (_page(hasMoreRecords=True, nextPageToken=...), "not where"),
        (_page(hasMoreRecords=True, nextPageToken=""), "not where"),
        (_page(hasMoreRecords=True, nextPageToken=5), "not where"),
    ],
)
def test_a_page_that_cannot_be_read_says_why_and_quotes_nothing(body: bytes, problem: str) -> None:
    with pytest.raises(Unreadable, match=problem) as caught:
        read_page(body)
    assert PDQ[:16] not in str(caught.value)


@pytest.mark.parametrize("records", [[], {}, None, ...])
def test_a_page_may_be_empty_in_every_spelling(records: Any) -> None:
    assert read_page(_page(hashRecords=records, count=0)).items == ()


@pytest.mark.parametrize("said", [None, 0, "soon", [], ...])
def test_the_next_set_may_be_missing(said: Any) -> None:
    assert read_page(_page(nextSetTimestamp=said)).next_set is None


def test_what_nobody_described_is_passed_over() -> None:
    page = read_page(_page(_told(addedIn2027={"deep": [1]}), somethingNew=5, hasMoreRecords="True"))
    assert page.has_more
    assert len(page.items) == 1


def test_a_page_tells_its_times_and_whether_they_are_in_order() -> None:
    def times(*said: Any) -> tuple[int | None, int | None, bool]:
        page = read_page(_page(*(_told(lastModtimestamp=each) for each in said)))
        return page.first_at, page.last_at, page.is_ordered

    assert times(5, 5, 7.5) == (5, 7, True)
    assert times(7, 5) == (5, 7, False)
    assert times() == times(None) == (None, None, True)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        *("hashRecords", "count", "hasMoreRecords", "nextPageToken", "signalType", "hashValue"),
                        *("hashStatus", "caseNumbers", "CSPFeedbacks", "lastModtimestamp", "tags", "source"),
                    ]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=30,
    )
)
def test_whatever_json_is_answered_is_read_or_unreadable(told: Any) -> None:
    for body in (json.dumps(told).encode(), _page(told), _page(_told(caseNumbers=told, hashStatus=told))):
        try:
            page = read_page(body)
        except Unreadable:
            continue
        assert len({each.key for each in page.items}) <= len(page.items)


# ── what we say ──


def test_feedback_is_written_as_described() -> None:
    assert json.loads(feedback_body(PDQ, "Blocked", ["Nude"])) == {
        "count": 1,
        "hashFeedbacks": [{"hashValue": PDQ, "feedbackValue": "Blocked", "tags": ["Nude"]}],
    }


def test_submitted_hashes_name_their_type_as_the_service_does() -> None:
    # The released client writes "StopNCIISignalType.ImagePDQ" here.
    at = datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)
    body = hashes_body([Signal.from_text("pdq", PDQ), Signal.from_text("md5", MD5)], at, [])
    told = json.loads(body)
    assert [each["signalType"] for each in told["hashRecords"]] == ["ImagePDQ", "VideoMD5"]
    assert told["count"] == 2
    assert told["hashRecords"][0] == {
        "lastModtimestamp": 1_700_000_000,
        "signalType": "ImagePDQ",
        "hashValue": PDQ,
        "CSPFeedbacks": [{"feedbackValue": "Blocked", "tags": []}],
    }


def test_a_hash_of_another_type_is_not_submitted() -> None:
    with pytest.raises(InvalidSignal):
        hashes_body([Signal("sha1", bytes(20))], datetime(2026, 1, 1, tzinfo=UTC), [])
