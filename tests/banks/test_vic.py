from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.banks import Attributes, NewEntry, PassedOver, ReadOptions, vic
from hedgerow.banks.formats import open_list
from hedgerow.errors import ImportUnreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

M = "AB" * 16
S = "CD" * 20
PHOTO = "QUJD" * 48  # as long as a PhotoDNA in base64

SET_20 = ("@odata.context", "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media")
CASE_20 = ("@odata.context", "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Cases")
SET_13 = ("odata.metadata", "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media")
CASE_13 = ("odata.metadata", "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Cases")
CAID = ("odata.metadata", "http://github.com/ICMEC/ProjectVic/DataModels/1.2.xml#Media")


def record(**said: Any) -> dict[str, Any]:
    return {"MediaID": 7, "Category": 1, "MD5": M, "SHA1": S, "MediaSize": 2835, "IsPrecategorized": "true"} | said


def document(context: tuple[str, str], *records: object, **how: Any) -> bytes:
    return json.dumps({context[0]: context[1], "value": list(records)}, **how).encode()


def case(*records: object, **said: Any) -> dict[str, Any]:
    return (
        {"CaseID": "c-1", "CaseNumber": "9/2026", "SourceApplicationName": "a tool"} | said | {"Media": list(records)}
    )


def read(content: bytes, **options: Any) -> tuple[str, list[tuple[str, str, str | None, str | None]], list[str]]:
    """Return the format, (type, value, external id, category) of what was taken, and why the rest was not."""
    reading = open_list(io.BytesIO(content), ReadOptions(**options))
    results = [result for _, result in reading.results]
    taken = [
        (each.signal.type, each.signal.value, each.attributes.external_id, each.attributes.category)
        for each in results
        if isinstance(each, NewEntry)
    ]
    rest = [each for each in results if not isinstance(each, NewEntry)]
    others = [each.reason if isinstance(each, PassedOver) else each for each in rest]
    return reading.format, taken, others


BOTH = [("md5", M.lower(), "7", "VIC 1"), ("sha1", S.lower(), "7", "VIC 1")]


@pytest.mark.parametrize("context", [SET_20, SET_13])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_record_of_a_hash_set_is_a_digest_of_each_type_under_one_name(
    context: tuple[str, str], indent: int | None
) -> None:
    assert read(document(context, record(), indent=indent)) == ("vic", BOTH, [])


@pytest.mark.parametrize("context", [CASE_20, CASE_13, SET_20])
def test_a_case_is_told_by_the_media_in_its_first_record_whatever_the_context_says(context: tuple[str, str]) -> None:
    content = document(context, case(record()), case(), case(record(MediaID=8, SHA1=None)))
    assert read(content) == ("vic", [*BOTH, ("md5", M.lower(), "8", "VIC 1")], [])


def test_a_hash_set_whose_context_speaks_of_cases_is_one_all_the_same() -> None:
    assert read(document(CASE_20, record())) == ("vic", BOTH, [])


def test_media_of_a_case_behind_an_empty_one_are_found() -> None:
    assert read(document(CASE_20, {"CaseID": "c-0", "Media": None}, case(record())))[1] == BOTH


def test_a_case_whose_own_words_fill_the_beginning_is_told_by_its_context() -> None:
    long = [{"PropertyName": "note", "PropertyValue": "x" * 1_000}] * 200
    content = document(CASE_20, {"CaseMetadata": long} | case(record()))
    assert content.index(b'"Media"') > 100_000
    assert read(content) == ("vic", BOTH, [])


def test_what_is_of_the_model_1_2_is_of_caid() -> None:
    assert read(document(CAID, record(Category=2)))[:2] == (
        "caid",
        [("md5", M.lower(), "7", "CAID 2"), ("sha1", S.lower(), "7", "CAID 2")],
    )


def test_known_software_in_the_shape_of_caid_is_not_taken() -> None:
    software = {"odata.id": f"Media({M})", "MediaFiles": [{"MD5": M, "FileName": "a.art"}], "MediaID": 0, "Category": 8}
    content = document(CAID, software | {"MD5": M, "SHA1": S})
    assert read(content) == ("caid", [], ["its category, CAID 8, is none of those that are taken"])
    with pytest.raises(ImportUnreadable, match="no category that says what is known"):
        read(content, categories=("8",))


@pytest.mark.parametrize(
    ("category", "reason"),
    [
        (0, "its category, VIC 0, is none of those that are taken"),
        ("0", "its category, VIC 0, is none of those that are taken"),
        (4, "its category, VIC 4, is none of those that are taken"),
        (5, "its category, VIC 5, is none of those that are taken"),
        (77, "its category is none of those that are taken"),
        (None, "it has no category, which is no verdict"),
        ("", "it has no category, which is no verdict"),
        (True, "its category is no number"),
        ("CSAM", "its category is no number"),
        ([1], "its category is no number"),
        (1.5, "its category is no number"),
        (-1, "its category is no number"),
    ],
)
def test_only_a_category_that_is_a_verdict_makes_known_material(category: object, reason: str) -> None:
    assert read(document(SET_20, record(Category=category)))[1:] == ([], [reason])


def test_a_record_without_a_category_is_not_taken_though_it_says_that_it_is_precategorized() -> None:
    without = record()
    del without["Category"]
    assert read(document(SET_20, without))[1:] == ([], ["it has no category, which is no verdict"])


@pytest.mark.parametrize("category", [2, "2", " 2 ", 2.0, "2.0", "02"])
def test_a_category_is_read_in_every_spelling(category: object) -> None:
    assert {said for *_, said in read(document(SET_20, record(Category=category)))[1]} == {"VIC 2"}


def test_which_categories_are_taken_can_be_said() -> None:
    content = document(SET_20, *(record(Category=number, MediaID=number) for number in (1, 2, 3)))
    assert {name for _, _, name, _ in read(content)[1]} == {"1", "2", "3"}
    _, taken, others = read(content, categories=("1", "3"))
    assert {name for _, _, name, _ in taken} == {"1", "3"}
    assert others == ["its category, VIC 2, is none of those that are taken"]
    assert read(content, categories=("baseline",))[1] == []


def test_a_photodna_is_passed_over_and_the_digests_beside_it_are_taken() -> None:
    content = document(SET_20, record(PhotoDNA=PHOTO), {"Category": 1, "PhotoDNA": PHOTO})
    _, taken, others = read(content)
    assert taken == BOTH
    assert others == ["a PhotoDNA, by which Hedgerow does not match"] * 2


def test_what_is_no_digest_is_rejected_and_the_others_are_taken() -> None:
    content = document(
        SET_20, record(MD5=M[:-1]), "no record", 12, [record()], {"Category": 1}, record(SHA1=3, MD5=""), record()
    )
    _, taken, others = read(content)
    assert taken == [BOTH[1], *BOTH]
    assert others == [
        "wrong length: a md5 signal has 32 hex digits",
        "the record is no JSON object",
        "the record is no JSON object",
        "the record is no JSON object",
        "it holds no signal",
        "its value is no text",
    ]


def test_a_rejection_has_the_number_of_its_record() -> None:
    content = document(CASE_20, case(record(), record(MD5="zz")), case(record(MD5="zz")))
    results = open_list(io.BytesIO(content), ReadOptions()).results
    assert [number for number, result in results if isinstance(result, str)] == [2, 3]


@pytest.mark.parametrize("number", [None, 0, "0", "", True, [1], {}])
def test_a_media_id_that_names_nothing_is_none(number: object) -> None:
    assert {name for _, _, name, _ in read(document(SET_20, record(MediaID=number)))[1]} == {None}
    said = Attributes(external_id="sheet 4")
    content = document(SET_20, record(MediaID=number))
    assert {name for _, _, name, _ in read(content, attributes=said)[1]} == {"sheet 4"}


def test_what_holds_for_the_whole_list_holds_for_its_records() -> None:
    said = Attributes("exchange:x", contributor="unit 5", note="by courier", may_be_redistributed=True, category="y")
    [new, _] = [
        each
        for _, each in open_list(io.BytesIO(document(SET_20, record())), ReadOptions(attributes=said)).results
        if isinstance(each, NewEntry)
    ]
    assert new.attributes == Attributes("exchange:x", "unit 5", "7", "VIC 1", "by courier", may_be_redistributed=True)


# ── odd spellings ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_byte_order_mark_is_no_content() -> None:
    assert read(b"\xef\xbb\xbf" + document(SET_20, record())) == ("vic", BOTH, [])
    assert read(b"\xef\xbb\xbf\r\n  " + document(CASE_13, case(record()), indent="\t")) == ("vic", BOTH, [])


def test_slashes_may_be_escaped_and_keys_be_in_another_case() -> None:
    content = document(SET_20, {"mediaid": 7, "category": "1", "md5": M.lower(), "Sha1": f" {S} "})
    assert read(content.replace(b"/", b"\\/")) == ("vic", BOTH, [])


def test_booleans_are_read_as_what_they_are_and_decide_nothing() -> None:
    for spelling in ("true", "false", True, False, None, "maybe"):
        said = record(VictimIdentified=spelling, OffenderIdentified=spelling, IsPrecategorized=spelling)
        assert read(document(SET_20, said))[1] == BOTH


def test_names_that_are_no_utf_8_do_not_stop_a_reading() -> None:
    content = document(SET_20, record(MediaFiles=[{"FileName": "@@"}]), record(MediaID=8), ensure_ascii=False)
    assert len(read(content.replace(b"@@", b"caf\xe9 \xff\xfe"))[1]) == 4
    assert len(read(content.replace(b"@@", "é🦔".encode()))[1]) == 4


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_character_that_is_split_between_two_reads_is_whole(size: int) -> None:
    class Slow(io.BytesIO):
        def read(self, count: int | None = -1, /) -> bytes:
            return super().read(min(count or size, size) if count and count > 0 else count)

    content = document(SET_20, record(Series="é🦔" * 20), record(MediaID=8), ensure_ascii=False)
    pieces = vic._Pieces(Slow(content), 10**6)
    taken = b""
    while piece := pieces.read(size):
        taken += piece
    assert taken == content


def test_everything_else_that_a_record_says_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(Path, "open", lambda path, *_a, **_k: opened.append(path))
    monkeypatch.setattr("builtins.open", lambda path, *_a, **_k: opened.append(path))
    said = record(
        RelativeFilePath="..\\..\\Windows\\win.ini",
        MediaFiles=[{"MD5": "EE" * 16, "FilePath": "C:\\Users\\x", "FileName": str(tmp_path), "Unallocated": "false"}],
        Exifs=[{"PropertyName": "Make", "PropertyValue": "x"}],
        AlternativeHashes=[{"HashName": "MD5", "HashValue": "FF" * 16}, {"HashName": "SHA256", "HashValue": "AA" * 32}],
        Comments="a person's words",
        Series="a series",
        Tags=["x"],
        Unheard={"of": [1, {"MD5": "DD" * 16}]},
    )
    assert read(document(SET_20, said)) == ("vic", BOTH, [])
    assert opened == []


# ── what breaks ──────────────────────────────────────────────────────────────────────────────────────────────────

_BROKEN = "the document is no JSON from here on; nothing after it was read"


@pytest.mark.parametrize("size", [1, 5, 40])
def test_a_document_that_is_cut_off_gives_what_came_and_says_so(size: int) -> None:
    content = document(SET_20, *[record(MediaID=number) for number in range(1, 50)])
    _, taken, others = read(content[:-size] if size > 2 else content[:-1])
    assert len(taken) in {96, 98}
    assert others == [_BROKEN]


@pytest.mark.parametrize("rest", [b"}", b" {}", b"garbage"])
def test_what_follows_a_document_is_reported(rest: bytes) -> None:
    assert read(document(SET_20, record()) + rest) == ("vic", BOTH, [_BROKEN])


def test_what_is_said_to_be_a_set_and_is_no_json_is_reported() -> None:
    assert read(b"pdq 0123", format="vic") == ("vic", [], [_BROKEN])
    assert read(b"", format="caid") == ("caid", [], [_BROKEN])
    assert read(json.dumps({"value": [record()]}).encode(), format="caid")[0] == "caid"


@pytest.mark.parametrize("number", [b"9" * 10_000, b"-" + b"9" * 5_000, b"1e999999", b"9" * 30])
def test_a_number_that_nobody_writes_is_reported_and_ends_no_process(number: bytes) -> None:
    content = document(SET_20, record(), record(MediaSize="@")).replace(b'"@"', number)
    assert read(content) == ("vic", BOTH, [_BROKEN])


@pytest.mark.parametrize("bracket", [b"[", b'{"a":', b'[{"Media":'])
def test_brackets_within_brackets_end_a_reading_and_take_no_memory(bracket: bytes) -> None:
    content = document(SET_20, record(), record(Tags="@")).replace(b'"@"', bracket * 200_000)
    assert read(content) == ("vic", BOTH, ["the document is nested too deeply; nothing after it was read"])


def test_a_json_document_that_says_nothing_of_project_vic_is_no_set() -> None:
    for content in (b'{\n"value": [\n{}]}', b'{"note": "ProjectVic/DataModels/2.0.xml"}'):
        try:
            name = read(content)[0]
        except ImportUnreadable:
            continue
        assert name == "jsonl"


class _Made(io.RawIOBase):
    """Makes a document while it is read."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._rest = b""
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # the buffer is writable
        while len(self._rest) < len(buffer) and (part := next(self._parts, None)) is not None:
            self._rest += part
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        self.given += len(taken)
        return len(taken)


_MANY = 2_000
_PADDING = "x" * 2_000


def _begin(context: tuple[str, str]) -> bytes:
    return f'{{"{context[0]}": "{context[1]}", "value": ['.encode()


def _set() -> Iterator[bytes]:
    yield _begin(SET_20)
    for number in range(_MANY):
        yield f'{{"MediaID": {number}, "Category": 1, "MD5": "{number:032X}", "PhotoDNA": "{_PADDING}"}},\n'.encode()
    yield b"{}]}"


def _case() -> Iterator[bytes]:
    yield _begin(CASE_13) + b'{"CaseID": "1", "Media": ['
    for number in range(_MANY):
        files = '"MediaFiles": [{"FilePath": "C:\\\\Users\\\\someone", "FileName": "' + _PADDING + '"}]'
        yield f'{{"MediaID": {number}, {files}, "Category": "1", "MD5": "{number:032X}"}},\n'.encode()
    yield b"{}]}]}"


@pytest.mark.parametrize("parts", [_set, _case])
def test_of_a_document_only_a_bounded_part_is_held(parts: Callable[[], Iterator[bytes]]) -> None:
    made = _Made(parts())
    tracemalloc.start()
    try:
        reading = open_list(io.BufferedReader(made), ReadOptions())
        count = sum(isinstance(result, NewEntry) for _, result in reading.results)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == _MANY
    assert made.given > 4_000_000
    assert most < 2_500_000


def test_a_record_without_an_end_does_not_fill_the_memory() -> None:
    def parts() -> Iterator[bytes]:
        yield _begin(SET_20) + json.dumps(record()).encode() + b', {"MD5": "'
        while True:
            yield b"A" * 100_000

    made = _Made(parts())
    reading = open_list(io.BufferedReader(made), ReadOptions(line_bytes=1_000_000))
    assert [result for _, result in reading.results if isinstance(result, str)] == [
        "the record is too long; nothing after it was read"
    ]
    assert made.given < 3_000_000


# ── any ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_fields = st.dictionaries(
    st.sampled_from(["MediaID", "Category", "MD5", "SHA1", "PhotoDNA", "md5", "MediaFiles", "Media", "x"]), _json
)


@settings(max_examples=30)
@given(st.sampled_from([SET_20, CASE_20, SET_13, CASE_13, CAID]), st.lists(_fields | _json, max_size=5), st.booleans())
def test_any_record_is_taken_or_reported_and_nothing_else_happens(
    context: tuple[str, str], records: list[Any], is_case: bool
) -> None:
    content = document(context, case(*records) if is_case else records and records[0], *records[1:])
    for _, result in open_list(io.BytesIO(content), ReadOptions()).results:
        assert isinstance(result, NewEntry | PassedOver | str)


@settings(max_examples=30)
@given(st.binary(max_size=200))
def test_any_bytes_behind_the_context_are_read_or_reported(rest: bytes) -> None:
    list(open_list(io.BytesIO(_begin(SET_20) + rest), ReadOptions()).results)
