"""ThreatExchange's documents, read without a network."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import PartnerError, PartnerRefused, PartnerUnavailable
from hedgerow.exchanges.model import Opaque, Record, Withdrawal
from hedgerow.exchanges.partners.threatexchange_wire import (
    GraphError,
    View,
    read_document,
    read_error,
    read_listing,
    read_update,
)

PDQ = "0f" * 32
OURS = View(app="900000001")


def descriptor(owner: str | None = "11", status: str = "MALICIOUS", **more: Any) -> dict[str, Any]:
    said = {"id": f"{owner}00", "status": status, **more}
    return said if owner is None else said | {"owner": {"id": owner}}


def update(*descriptors: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = {"id": "30", "indicator": PDQ, "type": "HASH_PDQ", "last_updated": 1700000000, "should_delete": False}
    return said | {"descriptors": {"data": list(descriptors)}} | more


def record(*descriptors: dict[str, Any], **more: Any) -> Record:
    read = read_update(update(*descriptors, **more), OURS)
    assert isinstance(read, Record)
    return read


# ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_has_all_that_the_group_says() -> None:
    tags = {"data": [{"id": "1", "text": "media_type_photo"}, {"id": "2", "text": "b"}]}
    read = record(descriptor("11", tags=tags), descriptor("12", "SUSPICIOUS", tags={"data": [{"text": "b"}]}))
    assert read.key == "30"
    assert [(kind, signal.type, signal.value) for kind, signal in read.signals] == [("HASH_PDQ", "pdq", PDQ)]
    assert (read.contributor, read.category, read.tags) == ("11", "MALICIOUS", ("media_type_photo", "b"))
    assert read.updated_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert read.handle == {"indicator": "30", "type": "HASH_PDQ", "descriptors": ["1100", "1200"]}
    assert not read.is_disputed
    assert not read.may_be_redistributed
    assert PDQ not in repr(read)


@pytest.mark.parametrize(
    ("kind", "digits", "ours"),
    [
        ("HASH_PDQ", 64, "pdq"),
        ("HASH_MD5", 32, "md5"),
        ("HASH_VIDEO_MD5", 32, "md5"),
        ("HASH_SHA1", 40, "sha1"),
        ("HASH_SHA256", 64, "sha256"),
        ("HASH_VIDEO_SHA256", 64, "sha256"),
    ],
)
def test_each_type_that_we_know_is_matched_in_either_case(kind: str, digits: int, ours: str) -> None:
    (said, signal), *_ = record(descriptor(), type=kind, indicator="AB" * (digits // 2)).signals
    assert (said, signal.type, signal.value) == (kind, ours, "ab" * (digits // 2))


def test_what_we_cannot_match_is_kept() -> None:
    assert record(descriptor(), type="HASH_TMK", indicator="abc").opaque == (Opaque("HASH_TMK", "abc"),)
    assert record(descriptor(), type=None, indicator=7).opaque == (Opaque("unknown", None),)
    assert record(descriptor("11", "UNDER_APPEAL")).category == "UNDER_APPEAL"


def test_what_is_no_signal_is_refused_without_its_value() -> None:
    read = record(descriptor(), indicator="0" * 32)
    assert read.signals == ()
    assert read.refused == (("HASH_PDQ", "32 characters where 64 hex digits belong"),)


@pytest.mark.parametrize(
    ("statuses", "category", "contributor"),
    [
        (("UNKNOWN", "SUSPICIOUS"), "SUSPICIOUS", "12"),
        (("NON_MALICIOUS", "MALICIOUS"), "MALICIOUS", "12"),
        (("NON_MALICIOUS", "UNKNOWN"), "UNKNOWN", "12"),
        (("UNKNOWN", "OF_TOMORROW"), "OF_TOMORROW", "12"),
        (("MALICIOUS", "MALICIOUS"), "MALICIOUS", "11"),
    ],
)
def test_the_gravest_status_counts_and_its_owner_is_named(
    statuses: tuple[str, str], category: str, contributor: str
) -> None:
    read = record(descriptor("11", statuses[0]), descriptor("12", statuses[1]))
    assert (read.category, read.contributor) == (category, contributor)
    assert read.is_disputed is ("NON_MALICIOUS" in statuses)
    assert record(descriptor("12", statuses[1]), descriptor("11", statuses[0])).category == category


@pytest.mark.parametrize(
    ("reactions", "is_disputed"),
    [
        ([{"key": "HELPFUL", "value": "111,222"}], False),
        ([{"key": "DISAGREE_WITH_TAGS", "value": "111,222"}], True),
        ([{"key": "NON_MALICIOUS", "value": "111"}], True),
        ([{"key": "DISAGREE_WITH_TAGS", "value": "900000001"}], False),  # our own
        ([{"key": "DISAGREE_WITH_TAGS", "value": "900000001, 111"}], True),
        ({"DISAGREE_WITH_TAGS": "111"}, True),
        ({"data": [{"key": "DISAGREE_WITH_TAGS", "value": ["111"]}]}, True),
        ([{"key": "DISAGREE_WITH_TAGS", "value": ""}], False),
        ("DISAGREE_WITH_TAGS", False),
    ],
)
def test_others_dispute_by_reactions(reactions: Any, is_disputed: bool) -> None:
    assert record(descriptor(reactions=reactions)).is_disputed is is_disputed


def test_a_reaction_to_a_descriptor_without_an_owner_counts() -> None:
    assert record(descriptor(), descriptor(None, reactions=[{"key": "NON_MALICIOUS", "value": "111"}])).is_disputed


# ── bugs of the reference client, and of the service ─────────────────────────────────────────────────────────────


def test_an_update_without_descriptors_is_a_withdrawal_and_no_crash() -> None:
    """ThreatExchange issue 834: ``should_delete`` is false, and there is nothing to read."""
    whole = update(descriptor())
    del whole["descriptors"]
    for hidden in (whole, update(), update(descriptors=[]), update(descriptors={}), update(descriptors=None)):
        assert read_update(hidden, OURS) == Withdrawal("30", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC))


def test_a_missing_owner_drops_that_opinion_and_keeps_the_rest() -> None:
    read = record(descriptor(None, "NON_MALICIOUS"), descriptor("12", "SUSPICIOUS"))
    assert (read.contributor, read.category, read.is_disputed) == ("12", "SUSPICIOUS", False)
    assert read.handle["descriptors"] == ["1200"]


def test_an_indicator_of_which_all_owners_are_hidden_stays() -> None:
    """The reference client takes it for withdrawn, though somebody in the group shares it."""
    read = record(descriptor(None))
    assert (read.contributor, read.category) == (None, None)
    assert len(read.signals) == 1


def test_a_record_that_lacks_should_delete_is_there() -> None:
    """The reference client dies of it."""
    whole = update(descriptor())
    del whole["should_delete"]
    assert isinstance(read_update(whole, OURS), Record)
    assert isinstance(read_update(whole | {"should_delete": "true"}, OURS), Withdrawal)


@pytest.mark.parametrize("tags", [["a"], {"data": [{"text": "a"}]}, [{"text": "a"}]])
def test_tags_come_in_either_form(tags: Any) -> None:
    assert record(descriptor(tags=tags)).tags == ("a",)


# ── filters ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_filters_say_which_descriptors_count_and_what_has_none_is_withdrawn() -> None:
    both = update(descriptor("11", tags=["a"]), descriptor("12", "SUSPICIOUS", tags=["b"]))
    read = read_update(both, View(only_tags=frozenset({"b", "c"})))
    assert isinstance(read, Record)
    assert (read.contributor, read.category, read.tags) == ("12", "SUSPICIOUS", ("b",))
    assert isinstance(read_update(both, View(only_tags=frozenset({"c"}))), Withdrawal)
    assert isinstance(read_update(both, View(only_owners=frozenset({"13"}))), Withdrawal)
    disputed = update(descriptor("11"), descriptor("12", "NON_MALICIOUS"))
    read = read_update(disputed, View(only_owners=frozenset({"11"})))
    assert isinstance(read, Record)
    assert read.is_disputed  # whoever says so


# ── listings ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_listing_says_what_follows_by_its_next_address_and_where_by_its_cursor() -> None:
    data = [update(descriptor(), last_updated=5), update(descriptor(), last_updated="6.75"), update(last_updated=None)]
    read = read_listing({"data": data, "paging": {"cursors": {"after": "a1"}}}, OURS)
    assert (read.times, read.after, read.has_next, len(read.items)) == ((5, 6, None), "a1", False, 3)
    address = "https://elsewhere.example/v26.0/12/threat_updates?access_token=1%7C2&after=a2"
    read = read_listing({"data": [], "paging": {"next": address}}, OURS)
    assert (read.after, read.has_next) == ("a2", True)
    read = read_listing({"data": [], "paging": {"next": "https://[::1"}}, OURS)
    assert (read.after, read.has_next) == (None, True)
    read = read_listing({"data": [], "paging": []}, OURS)
    assert (read.after, read.has_next) == (None, False)


@pytest.mark.parametrize("document", [None, [], {}, {"data": {}}, {"data": "x"}, {"data": [7]}, {"data": [{}]}])
def test_what_cannot_be_told_is_no_page(document: Any) -> None:
    with pytest.raises(ValueError, match=r"^(it has no list|one of its updates)"):
        read_listing(document, OURS)


def test_an_update_without_a_number_has_a_digest_for_a_key() -> None:
    read = read_update(update(descriptor(), id=None), OURS)
    assert read.key.startswith("HASH_PDQ/")
    assert len(read.key) == len("HASH_PDQ/") + 32
    assert PDQ[:16] not in read.key


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        (1700000000, 1700000000),
        (1700000000.5, 1700000000),
        ("1700000000", 1700000000),
        ("2023-11-14T22:13:20+0000", 1700000000),
        ("2023-11-15T07:13:20.25+09:00", 1700000000),
        ("2023-11-14T22:13:20", 1700000000),
        (-1, None),
        (10**30, None),
        (float("nan"), None),
        (True, None),
        ("yesterday", None),
        ({}, None),
    ],
)
def test_times_are_read_in_every_form_that_the_service_has(time: Any, seconds: int | None) -> None:
    assert read_listing({"data": [update(last_updated=time)]}, OURS).times == (seconds,)


_NAMES = (
    *("data", "id", "indicator", "type", "descriptors", "owner", "tags", "text", "reactions", "key", "value", "paging"),
    *("cursors", "after", "next", "last_updated", "should_delete", "status", "error"),
)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(_NAMES),
                inner,
                max_size=6,
            )
        ),
        max_leaves=40,
    )
)
def test_whatever_comes_is_read_or_is_no_page(value: Any) -> None:
    for document in (value, {"data": [value]}, {"data": [update(descriptors=value)]}):
        try:
            for each in read_listing(document, OURS).items:
                assert each.key
                if isinstance(each, Record):
                    json.dumps(dict(each.handle))
        except ValueError as error:
            assert str(error).startswith(("it ", "one of"))  # noqa: PT017  (whether it is raised is not the point)
    read_error(value)
    read_error({"error": value})


# ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "status", "kind", "said"),
    [
        (190, 400, PartnerRefused, 401),
        (102, 400, PartnerRefused, 401),
        (104, 400, PartnerRefused, 401),
        (10, 403, PartnerRefused, 403),
        (200, 403, PartnerRefused, 403),
        (4, 403, PartnerUnavailable, 403),
        (17, 400, PartnerUnavailable, 400),
        (32, 403, PartnerUnavailable, 403),
        (613, 400, PartnerUnavailable, 400),
        (1, 400, PartnerUnavailable, 400),
        (2, 500, PartnerUnavailable, 500),
        (100, 400, PartnerRefused, 400),
        (2635, 400, PartnerRefused, 400),
        (99_999, 400, PartnerRefused, 400),
    ],
)
def test_the_code_of_an_envelope_decides_and_not_the_status(
    code: int, status: int, kind: type[PartnerError], said: int
) -> None:
    error = read_error({"error": {"message": f"a sentence with {PDQ}", "code": code}})
    assert error is not None
    raised = error.as_raised(status)
    assert type(raised) is kind
    assert raised.status == said  # type: ignore[attr-defined]  # both have one
    assert PDQ not in str(raised)


def test_what_is_said_to_pass_is_tried_again_and_a_gone_object_is_known() -> None:
    assert isinstance(GraphError(99_999, is_transient=True).as_raised(400), PartnerUnavailable)
    assert GraphError(100, 33).is_gone
    assert not GraphError(100, 33).is_of_a_parameter
    assert GraphError(100).is_of_a_parameter
    assert read_error({"error": "words"}) == GraphError(0)
    assert read_error({"data": []}) is None
    assert read_error([]) is None


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data": [', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_said_without_its_content(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it is no JSON$"):
        read_document(body)
