from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.exchanges.model import Opaque, Record, Withdrawal
from hedgerow.exchanges.partners.ncmec_wire import (
    Paging,
    Unreadable,
    Wanted,
    feedback_body,
    key_of,
    read_categories,
    read_entries,
    read_members,
    read_own_member,
    read_reasons,
    read_time,
)
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.exchanges.partners.ncmec_wire import EntriesPage

__all__: list[str] = []

NS = "https://hashsharing.ncmec.org/hashsharing/v2"
MD5 = "d35c785545392755e7e4164457657269"
SHA1 = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"
PDQ = "2afc4a5c09628a7961c13634fac9fa4b2afc4a5c09628a7961c13634fac9fa4b"
AT = "2017-10-24T15:00:00Z"
GUID = "01234567-abcd-0123-4567-012345678900"


def _document(inside: str, root: str = "queryResult") -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NS}">{inside}</{root}>'.encode()


def _entry(
    prints: str = f"<md5>{MD5}</md5>", more: str = "", *, kind: str = "image", member: str = "42", name: str = "image1"
) -> str:
    return (
        f'<{kind}><member id="{member}">Example</member><timestamp>{AT}</timestamp><id>{name}</id>'
        f"<fingerprints>{prints}</fingerprints>{more}</{kind}>"
    )


def _page(*entries: str, next_path: str = "") -> bytes:
    paging = f"<paging><next>{next_path}</next></paging>" if next_path else ""
    return _document(f'<images count="{len(entries)}">{"".join(entries)}</images>{paging}')


def _only(page: EntriesPage) -> Record:
    (item,) = page.items
    assert isinstance(item, Record)
    return item


WHOLE = _document(
    f"""
  <images count="3" maxTimestamp="2017-10-24T15:10:00.125Z">
    <image>
      <member id="42">Example Member</member>
      <timestamp>{AT}</timestamp>
      <id>image1</id>
      <classification>A1</classification>
      <fingerprints>
        <md5>{MD5.upper()}</md5>
        <sha1>{SHA1}</sha1>
        <pdna>an opaque text</pdna>
        <pdq>
          {PDQ}
        </pdq>
        <videntifier rel="self" href="/v2/fingerprints/1"/>
      </fingerprints>
      <feedback lastUpdateTimestamp="{AT}">
        <affirmativeFeedback type="Md5" lastUpdateTimestamp="{AT}">
          <members timestamp="{AT}"><member id="43">Another Member</member></members>
        </affirmativeFeedback>
        <negativeFeedback type="Sha1" lastUpdateTimestamp="{AT}">
          <reasons>
            <reason guid="{GUID}" name="Example Reason 1" type="Sha1"/>
            <members timestamp="{AT}"><member id="43">Another Member</member></members>
          </reasons>
        </negativeFeedback>
      </feedback>
    </image>
    <deletedImage>
      <member id="43">Another Member</member><id>image4</id><timestamp>2017-10-24T15:10:00.125Z</timestamp>
    </deletedImage>
    <deletedImage><timestamp>soon</timestamp><id>image5</id><member id="43"/></deletedImage>
  </images>
  <videos count="1" maxTimestamp="{AT}">
    {_entry(f'<md5>{MD5}</md5><pdq>{PDQ}</pdq><tmk-pdqf rel="self" href="/v2/x"/>', kind="video", name="video1")}
    <deletedVideo><id>video4</id><member id="42"/><timestamp>{AT}</timestamp></deletedVideo>
  </videos>
  <paging><next>/v2/entries?from=a&amp;to=b&amp;start=2001&amp;size=1000&amp;max=3000</next></paging>
"""
)


def test_a_whole_page_is_read_by_names() -> None:
    page = read_entries(WHOLE)
    image, first, second, video, third = page.items
    assert image == Record(
        "42/image1",
        (
            ("MD5", Signal("md5", bytes.fromhex(MD5))),
            ("SHA1", Signal("sha1", bytes.fromhex(SHA1))),
            ("PDQ", Signal("pdq", bytes.fromhex(PDQ))),
        ),
        (Opaque("PDNA", "an opaque text"), Opaque("VIDENTIFIER")),
        contributor="42",
        category="A1",
        updated_at=datetime(2017, 10, 24, 15, tzinfo=UTC),
        handle={"member": "42", "id": "image1", "types": ["MD5", "SHA1", "PDNA", "PDQ", "VIDENTIFIER"]},
        is_disputed=True,
    )
    assert first == Withdrawal("43/image4", datetime(2017, 10, 24, 15, 10, 0, 125_000, tzinfo=UTC))
    assert second == Withdrawal("43/image5", None)
    assert third == Withdrawal("42/video4", datetime(2017, 10, 24, 15, tzinfo=UTC))
    assert isinstance(video, Record)
    assert page.count == 5
    assert page.paging == Paging("/v2/entries?from=a&to=b&start=2001&size=1000&max=3000", 2001, 1000, 3000)


def test_the_digests_of_pictures_and_the_pdq_of_videos_are_signals_too() -> None:
    # The released client takes the MD5 of videos and the PDQ of pictures, and nothing else.
    prints = f"<md5>{MD5}</md5><sha1>{SHA1}</sha1><pdq>{PDQ}</pdq>"
    for kind in ("image", "video"):
        record = _only(read_entries(_page(_entry(prints, kind=kind))))
        assert [(word, signal.value) for word, signal in record.signals] == [
            ("MD5", MD5),
            ("SHA1", SHA1),
            ("PDQ", PDQ),
        ]


def test_no_address_of_a_large_fingerprint_is_kept() -> None:
    large = ("videntifier", "tmk-pdqf", "ssvh-pdna", "ssvh-safer-hash", "tmk-safer-hash")
    prints = "".join(f'<{name} rel="self" href="/v2/secret"/>' for name in large)
    record = _only(read_entries(_page(_entry(prints))))
    assert record.signals == ()
    words = ["VIDENTIFIER", "TMK_PDQF", "SSVH_PDNA", "SSVH_SAFER_HASH", "TMK_SAFER_HASH"]
    assert record.opaque == tuple(Opaque(word) for word in words)
    assert "secret" not in str((record.opaque[0].value, record.handle))


def test_what_nobody_has_heard_of_is_kept_and_stops_nothing() -> None:
    prints = f"<unheardof>a value</unheardof><other-new/><md5>{MD5}</md5>"
    more = "<classification>C9</classification><weather><wind>3</wind></weather><note>sunny</note>"
    record = _only(read_entries(_page(_entry(prints, more))))
    assert record.category == "C9"
    assert record.opaque == (
        Opaque("UNHEARDOF", "a value"),
        Opaque("OTHER_NEW"),
        Opaque("weather"),
        Opaque("note", "sunny"),
    )
    assert [word for word, _ in record.signals] == ["MD5"]


def test_values_that_are_none_are_refused_without_being_quoted() -> None:
    prints = f"<md5>{MD5[:-1]}</md5><sha1>{SHA1[:-1]}g</sha1><pdq>{PDQ}0</pdq><pdna/><md5> </md5>"
    record = _only(read_entries(_page(_entry(prints))))
    assert record.signals == ()
    assert [word for word, _ in record.refused] == ["MD5", "SHA1", "PDQ"]
    told = repr(record.refused)
    assert not any(value[:8] in told for value in (MD5, SHA1, PDQ))
    assert record.handle["types"] == ["MD5", "SHA1", "PDQ"]


@pytest.mark.parametrize("body", [_document('<images count="0"/>'), _document(""), _document("<videos/><images/>")])
def test_a_page_without_entries_is_a_page(body: bytes) -> None:
    page = read_entries(body)
    assert (page.items, page.count, page.paging) == ((), 0, None)


def test_prefixes_do_not_matter() -> None:
    body = (
        WHOLE.decode().replace("<", "<h:").replace("<h:/", "</h:").replace("<h:?", "<?").replace("xmlns=", "xmlns:h=")
    )
    assert read_entries(body.encode()) == read_entries(WHOLE)


@pytest.mark.parametrize(
    ("feedback", "own", "is_disputed"),
    [
        ("<feedback/>", None, False),
        ('<feedback lastUpdateTimestamp="x"><negativeFeedback type="Md5"/></feedback>', None, False),
        (
            '<feedback><affirmativeFeedback><members><member id="1"/></members></affirmativeFeedback></feedback>',
            "7",
            False,
        ),
        ('<feedback><negativeFeedback><members><member id="7"/></members></negativeFeedback></feedback>', "7", False),
        (
            (
                '<feedback><negativeFeedback><members><member id="7"/><member id="8"/></members>'
                "</negativeFeedback></feedback>"
            ),
            "7",
            True,
        ),
        ('<feedback><negativeFeedback><reasons><reason guid="g"/></reasons></negativeFeedback></feedback>', "7", True),
    ],
)
def test_an_entry_is_disputed_by_others_only(feedback: str, own: str | None, is_disputed: bool) -> None:
    page = read_entries(_page(_entry(more=feedback)), own_member=lambda: own)
    assert _only(page).is_disputed is is_disputed


def test_our_own_number_is_not_asked_for_where_nobody_disputes() -> None:
    def asked() -> str:
        raise AssertionError

    assert not _only(read_entries(_page(_entry(more="<feedback/>")), own_member=asked)).is_disputed


# ── which are taken ──────────────────────────────────────────────────────────────────────────────────────────────


def test_only_wanted_members_are_taken_and_all_are_counted() -> None:
    tombstone = '<deletedImage><member id="43"/><id>b</id></deletedImage>'
    body = _page(_entry(member="42", name="a"), tombstone, _entry(member="43", name="c"), _entry(member="44", name="d"))
    only = read_entries(body, Wanted(only_members=frozenset({"42", "43"})))
    assert ([each.key for each in only.items], only.count) == (["42/a", "43/b", "43/c"], 4)
    without = read_entries(body, Wanted(except_members=frozenset({"43"})))
    assert ([each.key for each in without.items], without.count) == (["42/a", "44/d"], 4)


def _categorized(*inside: str) -> str:
    return _entry(more=f"<categorizations>{''.join(inside)}</categorizations>")


def test_categorizations_are_tags_and_named_where_they_are_but_guids() -> None:
    def names() -> Mapping[str, str]:
        return {GUID: "Potential Meme"}

    body = _page(
        _categorized(
            f'<group><categorization guid="{GUID.upper()}"/></group>',
            '<categorization guid="unknown"/>',
            '<categorization guid="a" name="Viral"/>',
            "<categorization>Known Minor</categorization>",
        )
    )
    assert _only(read_entries(body, categories=names)).tags == ("Potential Meme", "unknown", "Viral", "Known Minor")


@pytest.mark.parametrize(
    ("wanted", "is_taken"),
    [
        (Wanted(), True),
        (Wanted(only_categorizations=frozenset({"viral"})), True),
        (Wanted(only_categorizations=frozenset({GUID})), True),
        (Wanted(only_categorizations=frozenset({"known minor"})), False),
        (Wanted(except_categorizations=frozenset({"viral"})), False),
        (Wanted(only_categorizations=frozenset({"viral"}), except_categorizations=frozenset({GUID})), False),
    ],
)
def test_an_entry_that_is_not_wanted_any_more_for_its_categorization_is_withdrawn(
    wanted: Wanted, is_taken: bool
) -> None:
    (item,) = read_entries(_page(_categorized(f'<categorization guid="{GUID}" name="Viral"/>')), wanted).items
    assert isinstance(item, Record) is is_taken
    assert item.key == "42/image1"


# ── what cannot be read ──────────────────────────────────────────────────────────────────────────────────────────

BOMB = (
    '<!DOCTYPE queryResult [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
    '<queryResult><images><image><member id="42"/><id>&c;</id></image></images></queryResult>'
)


@pytest.mark.parametrize(
    ("body", "is_ours"),
    [
        (WHOLE[: len(WHOLE) // 2], True),
        (WHOLE + b"<", True),
        (b"", False),
        (b'{"error": 1}', False),
        (b"<html><body>log in</body></html>", False),
        (b"<!doctype html><title>Log in</title>", False),
        (_document("<images/>", root="status"), False),
        (BOMB.encode(), False),
        (BOMB.encode("utf-16"), False),
        (b'<!DOCTYPE queryResult SYSTEM "http://elsewhere.invalid/x.dtd"><queryResult/>', False),
        (b'<?xml version="1.0" encoding="klingon"?><queryResult/>', False),
        (_document("<images>" + "<a>" * 40 + "</a>" * 40 + "</images>"), True),
        (_page("<image><id>image1</id></image>"), True),
        (_page('<image><member id="42"/></image>'), True),
        (_page('<deletedImage><member id="42"/><id> </id></deletedImage>'), True),
        (_page(next_path="/v2/a path"), True),
        (_page(next_path="/v2/&#10;x"), True),
        (_page(next_path="http://[x"), True),
        (_page(next_path="/v2/entries?" + "x" * 5000), True),
    ],
)
def test_what_cannot_be_read_says_so_without_its_content(body: bytes, is_ours: bool) -> None:
    with pytest.raises(Unreadable) as caught:
        read_entries(body)
    assert caught.value.is_ours is is_ours
    assert MD5 not in str(caught.value)


@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=4))
def test_a_page_that_was_damaged_on_its_way_is_read_or_refused(at: int, noise: bytes) -> None:
    try:
        page = read_entries(WHOLE[:at] + noise + WHOLE[at + len(noise) :])
    except Unreadable:
        return
    assert page.count >= len(page.items)


# ── keys, times, addresses ───────────────────────────────────────────────────────────────────────────────────────


@given(st.text(min_size=1, max_size=80))
def test_keys_are_no_signals_and_differ_where_ids_do(name: str) -> None:
    assert key_of("42", name) != key_of("42", name + "x")
    assert key_of("42", name) != key_of("43", name)


@pytest.mark.parametrize("value", [MD5, SHA1.upper(), f"md5_{MD5}.jpg", PDQ])
def test_an_entry_that_is_called_by_its_digest_has_another_key(value: str) -> None:
    record = _only(read_entries(_page(_entry(name=value))))
    assert value.casefold() not in record.key.casefold()
    assert record.handle["id"] == value


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2017-10-24T15:10:00Z", datetime(2017, 10, 24, 15, 10, tzinfo=UTC)),
        ("2017-10-24T15:10:00.000Z", datetime(2017, 10, 24, 15, 10, tzinfo=UTC)),
        ("2017-10-24T15:10:00.123456789Z", datetime(2017, 10, 24, 15, 10, 0, 123_456, tzinfo=UTC)),
        (" 2017-10-24T17:10:00+02:00\n", datetime(2017, 10, 24, 15, 10, tzinfo=UTC)),
        ("2017-10-24T15:10:00", datetime(2017, 10, 24, 15, 10, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_are_read_as_utc_with_or_without_fractions(text: str, at: datetime | None) -> None:
    assert read_time(text) == at


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/v2/entries?start=1001&size=1000&max=1001", 1),
        ("/v2/entries?start=1001&size=1000&max=900", 0),
        ("/v2/entries?start=1001", 0),
        ("/v2/entries?start=x&size=&max=-3", 0),
        ("//[", 0),
        ("/v2/entries", 0),
    ],
)
def test_an_address_tells_how_many_are_left_or_nothing(path: str, left: int) -> None:
    assert Paging.from_text(path).left == left


# ── the small documents ──────────────────────────────────────────────────────────────────────────────────────────


def test_members_are_read_whatever_their_list_is_called() -> None:
    for root in ("members", "memberList"):
        body = _document('<member id="42">Example Member</member><member id="77">Take It Down</member>', root)
        assert read_members(body) == {"42": "Example Member", "77": "Take It Down"}
    with pytest.raises(Unreadable):
        read_members(b"<html><member>no</member></html>")


def test_our_own_number_is_read() -> None:
    body = _document(
        '<ipAddress>::1</ipAddress><username>us</username><member id="1">Sir Testington</member>', "status"
    )
    assert read_own_member(body) == "1"
    assert read_own_member(_document("", "status")) is None


def test_categorizations_are_read_with_their_names() -> None:
    body = _document(
        f'<group name="Context"><categorization guid="{GUID.upper()}" name="Viral"/></group><group name="Empty"/>',
        "availableCategorizations",
    )
    assert read_categories(body) == {GUID: "Viral"}


def test_reasons_are_read_where_they_stand_and_only_those_of_the_type() -> None:
    # The released client looks for the list within itself, finds nothing, and fails.
    body = _document(
        f'<reason guid="{GUID}" name="Example Reason 1" type="Sha1"/><reason guid="m" name="Other" type="Md5"/>'
        '<reason guid="" name="None" type="Sha1"/><reason guid="any" name="Any"/>',
        "availableFeedbackReasons",
    )
    assert read_reasons(body, "SHA1") == {GUID: "Example Reason 1", "any": "Any"}
    assert read_reasons(body, "PDQ") == {"any": "Any"}


def test_feedback_is_written_as_the_documentation_has_it() -> None:
    assert feedback_body(None) == f'<feedbackSubmission xmlns="{NS}"><affirmative/></feedbackSubmission>'.encode()
    inside = "<negative><reasonIds><guid>a&lt;b</guid></reasonIds></negative>"
    assert feedback_body("a<b") == f'<feedbackSubmission xmlns="{NS}">{inside}</feedbackSubmission>'.encode()
