from __future__ import annotations

import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hedgerow.banks import Attributes, NewEntry, ReadOptions
from hedgerow.banks.formats import FORMATS, open_list
from hedgerow.errors import ImportUnreadable, UnknownSignalType
from hedgerow.hashing.signal import Signal

P = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
Q = "0123456789abcdef" * 4
M = "ab" * 16
S = "cd" * 20


def read(content: str | bytes, **options: object) -> tuple[str, list[tuple[int, str]], list[tuple[int, str]]]:
    """Return the format, (line, "type value") of what was read, and (line, reason) of what was not."""
    source = io.BytesIO(content.encode() if isinstance(content, str) else content)
    reading = open_list(source, ReadOptions(**options))  # type: ignore[arg-type]  # of several types
    results = list(reading.results)
    taken = [(line, f"{new.signal.type} {new.signal.value}") for line, new in results if isinstance(new, NewEntry)]
    return reading.format, taken, [(line, new) for line, new in results if isinstance(new, str)]


def new_entries(content: str, **options: object) -> list[NewEntry]:
    reading = open_list(io.BytesIO(content.encode()), ReadOptions(**options))  # type: ignore[arg-type]  # as above
    return [new for _, new in reading.results if isinstance(new, NewEntry)]


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "line",
    [f"pdq {P}", f"pdq,{P}", f"pdq\t{P}", f"PDQ {P.upper()}", f"pdq, {P}", f"pdq: {P}", f"pdq;{P}", P, P.upper()],
)
def test_a_line_of_text_is_a_value_with_or_without_its_type(line: str) -> None:
    assert read(line) == ("text", [(1, f"pdq {P}")], [])


def test_a_bare_value_is_known_by_its_length_and_64_digits_are_pdq_unless_said() -> None:
    assert read(f"{P}\n{M}\n{S}\n")[1] == [(1, f"pdq {P}"), (2, f"md5 {M}"), (3, f"sha1 {S}")]
    assert read(f"{P}\nmd5 {M}\n", signal_type="sha256")[1] == [(1, f"sha256 {P}"), (2, f"md5 {M}")]


def test_comments_and_blank_lines_are_no_signals_but_count_as_lines() -> None:
    assert read(f"# a list\n\n  \n{P}\n#{Q}\n{Q}") == ("text", [(4, f"pdq {P}"), (6, f"pdq {Q}")], [])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_either_line_end_and_a_byte_order_mark_are_no_content(end: str) -> None:
    assert read(f"\ufeff{P}{end}md5 {M}{end}") == ("text", [(1, f"pdq {P}"), (2, f"md5 {M}")], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{P} ", "trailing"),
        (f"{P}0", "wrong length"),
        (f"pdq {P}0", "trailing"),
        (f"{P}\r\r", "trailing"),
        (f"{P} {Q}", "trailing"),
        (f"pdq {P} 87", "trailing"),
        (f"md5 {P}", "trailing"),
        (f"pdq {M}", "wrong length"),
        (P[:-1], "wrong length"),
        (P[:-1] + "g", "no hex digit"),
        (f"pdq {P[:-1]}\u0661", "no hex digit"),
        (f"photodna {P}", "unknown"),
        (f"{M}é", "trailing"),
        (f"{P[:30]}\0{P[31:]}", "NUL"),
        ("pdq", "no signal"),
    ],
)
def test_a_line_that_is_no_signal_is_reported_with_its_number_and_reason_but_not_its_content(
    line: str, reason: str
) -> None:
    name, taken, refused = read(f"{Q}\n{line}\n{Q}\n")
    assert (name, [number for number, _ in taken]) == ("text", [1, 3])
    [(number, why)] = refused
    assert number == 2
    assert reason in why
    assert P[:20] not in why
    assert "photodna" not in why


def test_a_line_that_is_no_utf_8_is_reported() -> None:
    assert read(f"{P}\n".encode() + b"\xff\xfe" + f"\n{Q}".encode())[2] == [(2, "the line is no UTF-8")]


@pytest.mark.parametrize("length", [1_001, 1_002, 1_003, 5_000])
def test_a_line_that_is_too_long_is_reported_and_skipped_whole(length: int) -> None:
    content = f"{P}\n{'x' * length}\n{Q}\r\n{'y' * length}"
    name, taken, refused = read(content, line_bytes=1_000)
    assert (name, [number for number, _ in taken]) == ("text", [1, 3])
    assert refused == [(2, "the line is too long"), (4, "the line is too long")]


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_line_of_just_the_limit_is_read(end: str) -> None:
    assert read(f"{P}{end}", line_bytes=64)[1] == [(1, f"pdq {P}")]


def test_an_endless_line_does_not_fill_the_memory() -> None:
    class Endless(io.RawIOBase):
        left = 200_000_000

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # the buffer is writable
            count = min(len(buffer), self.left)
            buffer[:count] = b"a" * count
            self.left -= count
            return count

    reading = open_list(io.BufferedReader(Endless()), ReadOptions(format="text"))
    assert list(reading.results) == [(1, "the line is too long")]


def test_an_empty_file_holds_nothing() -> None:
    assert read("") == read("\n\n") == ("text", [], [])


# ── csv ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["hash", "value", "PDQ", "pdq_hash", "Signal Value"])
def test_a_table_is_known_by_its_header(delimiter: str, name: str) -> None:
    content = delimiter.join(["id", name, "x"]) + "\n" + delimiter.join(["7", P, ""]) + "\n"
    assert read(content) == ("csv", [(2, f"pdq {P}")], [])


def test_one_column_is_a_table_too() -> None:
    assert read(f"md5\n{M}\n{M[::-1]}\n") == ("csv", [(2, f"md5 {M}"), (3, f"md5 {M[::-1]}")], [])
    assert read(f"hash\n{P}\n")[:2] == ("csv", [(2, f"pdq {P}")])


def test_a_row_s_columns_say_everything_about_the_entry() -> None:
    content = (
        "type,value,quality,variant,made_by,provenance,contributor,external_id,category,note,may_be_redistributed,added_at\n"
        f'pdq,{P},90,mirrored,full-size/1,exchange:x,m1,e7,A1,"a, ""b""\nc",true,2025-01-02T03:04:05+00:00\n'
    )
    [new] = new_entries(content)
    assert new.signal == Signal("pdq", bytes.fromhex(P), 90, "mirrored", "full-size/1")
    said = new.attributes
    assert (said.provenance, said.contributor, said.external_id, said.category) == ("exchange:x", "m1", "e7", "A1")
    assert said.note == 'a, "b"\nc'
    assert said.may_be_redistributed
    assert said.added_at is not None
    assert said.added_at.isoformat() == "2025-01-02T03:04:05+00:00"


def test_a_row_of_several_signals_gives_several_entries() -> None:
    assert read(f"MD5;SHA1;PhotoDNA;Image ID;Category\n{M.upper()};{S};xyz;12;1\n;{S};;13;\n")[1] == [
        (2, f"md5 {M}"),
        (2, f"sha1 {S}"),
        (3, f"sha1 {S}"),
    ]


def test_a_column_without_a_usual_name_can_be_said() -> None:
    content = f"id,fingerprint A,rating\n1,{P},7\n"
    options = {"columns": {"fingerprint A": "pdq", "rating": "category", "id": "external_id"}}
    [new] = new_entries(content, **options)
    assert (new.attributes.category, new.attributes.external_id) == ("7", "1")
    assert read(content, **options)[:2] == ("csv", [(2, f"pdq {P}")])


def test_a_column_that_is_said_goes_before_one_with_the_usual_name() -> None:
    assert read(f"hash,old\n{P},{Q}\n", columns={"old": "value"})[1] == [(2, f"pdq {Q}")]


@pytest.mark.parametrize("columns", [{"no such": "pdq"}, {"hash": "colour"}])
def test_a_mapping_that_does_not_fit_is_refused(columns: dict[str, str]) -> None:
    with pytest.raises(ImportUnreadable):
        read(f"hash\n{P}\n", columns=columns, format="csv")


def test_a_table_of_unknown_columns_is_refused_rather_than_rejected_line_by_line() -> None:
    with pytest.raises(ImportUnreadable, match="say which"):
        read("photo,rating\nholiday.jpg,3\n")


def test_a_row_with_other_columns_than_the_header_is_reported() -> None:
    assert read(f"hash,note\n{P}\n{Q},x\n{P},x,y\n\n,\n")[1:] == (
        [(3, f"pdq {Q}")],
        [(2, "not as many cells as the header"), (4, "not as many cells as the header"), (6, "it holds no signal")],
    )


def test_a_stray_quotation_mark_hides_no_other_row() -> None:
    rows = "".join(f"{number:064x},note\n" for number in range(1, 200))
    name, taken, refused = read(f'hash,note\n{P},"never closed\n{rows}')
    assert name == "csv"
    assert len(taken) == 199
    assert [number for number, _ in refused] == [2]


def test_a_note_may_span_lines_and_the_row_has_the_number_of_its_first() -> None:
    assert read(f'hash,note\n{P},"one\r\ntwo\nthree"\n{Q},\n')[1] == [(2, f"pdq {P}"), (5, f"pdq {Q}")]


def test_a_header_that_cannot_be_split_is_refused() -> None:
    with pytest.raises(ImportUnreadable, match="header"):
        read('hash,"note"x\n', format="csv")


# ── jsonl ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_object_a_line_is_an_entry() -> None:
    content = f'{{"type": "pdq", "value": "{P}", "quality": 88, "note": "é"}}\n\n{{"MD5": "{M.upper()}"}}\n'
    assert read(content) == ("jsonl", [(1, f"pdq {P}"), (3, f"md5 {M}")], [])
    assert new_entries(content)[0].signal.quality == 88


def test_what_hedgerow_hash_prints_can_be_imported() -> None:
    printed = {
        "path": "a.jpg",
        "media": {"type": "image/jpeg", "width": 4, "height": 3, "frames": 1},
        "signals": [
            {"type": "pdq", "value": P, "quality": 90, "variant": "as is"},
            {"type": "md5", "value": M, "quality": None, "variant": "as is"},
        ],
        "unchecked": None,
    }
    empty = {"path": "b.txt", "media": None, "signals": [], "unchecked": {"reason": "unsupported", "detail": ""}}
    assert read(json.dumps(printed) + "\n" + json.dumps(empty)) == ("jsonl", [(1, f"pdq {P}"), (1, f"md5 {M}")], [])


@pytest.mark.parametrize(
    "line",
    ["{", "[1]", "12", "null", '{"value": 3}', '{"value": "xyz"}', "[" * 100_000, '{"a":' * 50_000, "9" * 10_000],
)
def test_a_line_that_is_no_entry_is_reported(line: str) -> None:
    good = f'{{"pdq": "{P}"}}'
    assert read(f"{good}\n{line}\n{good}\n", line_bytes=10**6)[1:][0] == [(1, f"pdq {P}"), (3, f"pdq {P}")]
    assert [number for number, _ in read(f"{good}\n{line}\n{good}\n", line_bytes=10**6)[2]] == [2]


@pytest.mark.parametrize("content", ['[\n{"pdq": 1}\n]', '{\n "hashes": [\n', "[1, 2]"])
def test_a_json_document_that_is_not_line_by_line_is_refused(content: str) -> None:
    with pytest.raises(ImportUnreadable, match="JSON"):
        read(content)


# ── all ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "head", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n", b"PK\x03\x04", b"\x1f\x8b\x08", b"\xff\xfea\0", b"%PDF-1"]
)
def test_a_file_that_is_no_text_is_refused_by_its_content(head: bytes) -> None:
    with pytest.raises(ImportUnreadable):
        read(head + b"\0" * 100)


def test_a_format_that_is_said_is_not_guessed() -> None:
    assert read(f"hash\n{P}\n", format="text")[0] == "text"
    assert [number for number, _ in read(f"hash\n{P}\n", format="text")[2]] == [1]
    with pytest.raises(ImportUnreadable, match="format"):
        read(P, format="xml")


def test_a_type_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownSignalType):
        read(P, signal_type="photodna")


def test_what_holds_for_the_whole_list_is_said_once() -> None:
    said = Attributes("exchange:x", category="A")
    assert all(new.attributes is said for new in new_entries(f"{P}\n{Q}\n", attributes=said))


def test_the_format_is_told_by_the_content_after_the_comments() -> None:
    assert read(f"# x\n\n# y\nhash,note\n{P},z\n")[:2] == ("csv", [(5, f"pdq {P}")])
    assert read(f'#x\n{{"pdq":"{P}"}}\n')[0] == "jsonl"


def test_a_mistyped_first_line_does_not_turn_a_list_into_a_table() -> None:
    assert read(f"pdq,{P}x\npdq,{Q}\n")[:2] == ("text", [(2, f"pdq {Q}")])


_VALID = st.sampled_from([f"pdq {P}", f"pdq,{Q}", f"md5 {M}", S, P])
_INVALID = st.sampled_from([f"{P} ", f"pdq {P[1:]}", f"tlsh {P}", "hello", P[:-1] + "z", f"{P}\0"])


@given(st.lists(st.tuples(st.booleans(), _VALID, _INVALID), min_size=1, max_size=30), st.sampled_from(["\n", "\r\n"]))
def test_of_any_mixture_of_lines_each_is_taken_or_reported(lines: list[tuple[bool, str, str]], end: str) -> None:
    content = end.join(valid if is_valid else invalid for is_valid, valid, invalid in lines)
    _, taken, refused = read(content, format="text")
    assert [number for number, _ in taken] == [number for number, line in enumerate(lines, 1) if line[0]]
    assert [number for number, _ in refused] == [number for number, line in enumerate(lines, 1) if not line[0]]


@given(st.binary(max_size=300), st.sampled_from([None, *FORMATS]))
@example(b'hash\n"', "csv")
@example(b'\n"\n"', "csv")
def test_any_bytes_are_read_or_refused_and_nothing_else(content: bytes, name: str | None) -> None:
    try:
        _, taken, refused = read(content, format=name)
    except ImportUnreadable:
        return
    lines = content.count(b"\n") + 1
    assert all(1 <= number <= lines for number, _ in taken + refused)


@given(st.text('hash,;\t"\n{}[]:pdq0123456789abcdef # \r', max_size=200), st.sampled_from([None, *FORMATS]))
def test_any_text_of_the_formats_own_letters_is_read_or_refused(content: str, name: str | None) -> None:
    try:
        read(content, format=name)
    except ImportUnreadable:
        return


# ── videos ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _frame_lines(count: int) -> list[str]:
    return [f"{30 * at},100,{Q[at:]}{Q[:at]},{at}.000" for at in range(count)]


def _json_frames(count: int) -> list[str]:
    return [f"{Q[at:]}{Q[:at]},100,{float(at)}" for at in range(count)]


def _only_video(content: str, **options: object) -> NewEntry:
    [new] = new_entries(content, **options)
    assert new.signal.type == "vpdq"
    assert new.signal.frames is not None
    assert new.signal.bits == new.signal.frames.digest()
    return new


@pytest.mark.parametrize("head", ["", "# made on Monday\n", "frame,quality,hash,timestamp\n"])
def test_a_vpdq_text_file_is_one_video(head: str) -> None:
    content = head + "\n".join(_frame_lines(5)) + "\n"
    assert read(content)[0] == "vpdq"
    frames = _only_video(content).signal.frames
    assert frames is not None
    assert len(frames) == 5


def test_a_video_is_called_what_its_file_is_called_unless_something_else_is_said() -> None:
    content = "\n".join(_frame_lines(2))
    assert _only_video(content, name="clip 7").attributes.external_id == "clip 7"
    said = Attributes(external_id="A-1")
    assert _only_video(content, name="clip 7", attributes=said).attributes.external_id == "A-1"
    assert new_entries(P, name="list")[0].attributes.external_id is None


def test_of_a_vpdq_text_file_every_line_that_is_no_frame_is_reported() -> None:
    lines = _frame_lines(4)
    broken = b"\n".join([lines[0].encode(), lines[1].encode(), b"31,100,zz,1.5", b"\xff", b"", lines[2].encode()])
    name, taken, refused = read(broken)
    assert name == "vpdq"
    assert [line for line, _ in taken] == [1]
    assert sorted(refused) == [(3, "its hash has not 64 hex digits"), (4, "the line is no UTF-8")]


def test_a_json_list_of_frames_is_one_video_on_one_line_or_many() -> None:
    listed = _json_frames(3)
    for content in (json.dumps(listed), json.dumps(listed, indent=2)):
        assert read(content)[0] == "vpdq-json"
        frames = _only_video(content).signal.frames
        assert frames is not None
        assert frames.times_s.tolist() == [0.0, 1.0, 2.0]
    assert read(f"[\n{json.dumps(listed)[1:]}")[0] == "vpdq-json"


def test_json_lists_one_a_line_are_as_many_videos() -> None:
    lines = [json.dumps(_json_frames(count)) for count in (1, 2, 3)]
    lines.insert(1, "[1, 2]")
    name, taken, refused = read("\n".join(lines))
    assert name == "jsonl"
    assert [line for line, _ in taken] == [1, 3, 4]
    assert [line for line, _ in refused] == [2]


def test_a_list_that_is_broken_is_reported() -> None:
    assert read("[\n" + json.dumps(Q + ",100,0.0") + ",\n")[2] == [(1, "its frames are no JSON")]
    assert read("[1,\n2]", format="vpdq-json")[2] == [(1, "one of its frames is none")]


def test_an_object_or_a_row_may_hold_a_video() -> None:
    frames = _json_frames(3)
    content = json.dumps({"type": "vpdq", "frames": frames, "category": "A1"})
    assert _only_video(content).attributes.category == "A1"
    assert _only_video(json.dumps({"vpdq": frames, "quality": 7})).signal.quality is None
    assert _only_video(json.dumps({"frames": frames})).signal == _only_video(content).signal
    assert _only_video(f"vpdq {json.dumps(frames)}").signal == _only_video(content).signal
    with_more = json.dumps({"signals": [{"type": "vpdq", "frames": frames}, {"type": "md5", "value": M}]})
    assert [new.signal.type for new in new_entries(with_more)] == ["vpdq", "md5"]
    assert read(json.dumps({"type": "vpdq", "value": P}))[2] == [(1, "a vpdq signal without frames")]


def test_a_table_with_a_column_of_times_is_no_video() -> None:
    content = f"hash,quality,timestamp\n{P},90,1700000000\n{Q},91,1700000001\n"
    assert read(content) == ("csv", [(2, f"pdq {P}"), (3, f"pdq {Q}")], [])


def test_a_tmk_signal_is_refused_with_advice() -> None:
    with pytest.raises(ImportUnreadable, match="ask whoever made it for the video's vPDQ list"):
        read(b"TMK1FVECPDQF\x0f" + b"\0" * (263_344 - 13))
    with pytest.raises(ImportUnreadable, match="has not its 263,344 bytes"):
        read(b"TMK1FVECPDQF\n")


def test_the_cell_of_a_table_that_nobody_closes_swallows_no_more_than_some_megabytes() -> None:
    long = "x" * 3_000_000
    content = f'value,note\n{P},"\n{long}\n{long}\n{long}\n{Q},fine\n'
    name, taken, _ = read(content)
    assert name == "csv"
    assert taken == [(6, f"pdq {Q}")]
