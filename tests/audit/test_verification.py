from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.audit import Finding, Head, Verification, Wrong, lines_of, verify
from hedgerow.audit.line import LINE_BYTES, hash_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Chain = Callable[..., list[bytes]]
    Link = Callable[..., tuple[bytes, str]]

_values = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20)
_details = st.dictionaries(st.text("abcdefgh_", min_size=1, max_size=8), _values, max_size=3)
_many_details = st.lists(_details, min_size=1, max_size=12)
_firsts = st.sampled_from([1, 2, 17, 4_000_000_000])


def _verify(lines: Sequence[bytes], **how: Any) -> Verification:
    return verify(lines_of(io.BytesIO(b"".join(lines))), **how)


def _only(found: Verification) -> Finding:
    (finding,) = found.findings
    assert not found.is_sound
    return finding


def _first_difference(changed: Sequence[bytes], original: Sequence[bytes]) -> int:
    """Give the number of the first line that is not what it was, the header being 1."""
    return next(at for at, (new, old) in enumerate(zip(changed, original, strict=False), 1) if new != old)


# ── whole chains ─────────────────────────────────────────────────────────────────────────────────────────────────


@given(_many_details, _firsts)
def test_a_chain_as_it_was_written_is_sound(chain: Chain, details: list[dict[str, object]], first: int) -> None:
    lines = chain(details, first)
    found = _verify(lines)
    assert found.is_sound
    assert (found.first, found.entries) == (first, len(details))
    assert found.last is not None
    assert found.last.sequence == first + len(details) - 1
    assert found.last.hash.hex() == json.loads(lines[-1])["hash"]


def test_a_chain_without_entries_is_sound(chain: Chain) -> None:
    found = _verify(chain(0))
    assert found.is_sound
    assert (found.first, found.entries, found.last) == (1, 0, Head(0, bytes(32)))


# ── what somebody does to a file ─────────────────────────────────────────────────────────────────────────────────


@given(_many_details, _firsts, st.data())
def test_a_changed_byte_is_found_in_its_line(
    chain: Chain, details: list[dict[str, object]], first: int, data: st.DataObject
) -> None:
    lines = chain(details, first)
    text = bytearray(b"".join(lines))
    place = data.draw(st.integers(0, len(text) - 1))
    line = bytes(text[:place]).count(b"\n") + 1
    text[place] ^= data.draw(st.integers(1, 255))
    finding = _only(_verify([bytes(text)]))
    assert finding.line == line
    assert finding.sequence == (None if line == 1 else first + line - 2)
    assert not finding.is_unchecked


def test_any_bit_of_a_chain_that_is_flipped_is_found_in_its_line(chain: Chain) -> None:
    text = b"".join(chain(2, 17))
    for place in range(len(text)):
        line = text[:place].count(b"\n") + 1
        for bit in range(8):
            changed = bytearray(text)
            changed[place] ^= 1 << bit
            assert _only(_verify([bytes(changed)])).line == line, (place, bit)


@given(st.integers(2, 12), _firsts, st.data())
def test_a_line_that_was_taken_out_is_missed_where_it_was(
    chain: Chain, count: int, first: int, data: st.DataObject
) -> None:
    lines = chain(count, first)
    gone = data.draw(st.integers(1, count - 1))  # not the header, nor the last: that is cutting off
    until = data.draw(st.integers(gone, count - 1))
    finding = _only(_verify(lines[:gone] + lines[until + 1 :]))
    assert (finding.wrong, finding.line, finding.sequence) == (Wrong.MISSING, gone + 1, first + gone - 1)


@given(st.integers(1, 12), _firsts, st.data())
def test_a_line_that_stands_twice_is_found(chain: Chain, count: int, first: int, data: st.DataObject) -> None:
    lines = chain(count, first)
    which, where = data.draw(st.integers(1, count)), data.draw(st.integers(1, count + 1))
    changed = [*lines[:where], lines[which], *lines[where:]]
    finding = _only(_verify(changed))
    line = _first_difference([*changed, b""], [*lines, b"the end"])
    assert (finding.wrong, finding.line, finding.sequence) == (Wrong.INSERTED, line, first + which - 1)


@given(st.integers(2, 12), _firsts, st.data())
def test_lines_in_another_order_are_found(chain: Chain, count: int, first: int, data: st.DataObject) -> None:
    lines = chain(count, first)
    order = data.draw(st.permutations(range(1, count + 1)).filter(lambda each: each != sorted(each)))
    changed = [lines[0]] + [lines[each] for each in order]
    finding = _only(_verify(changed))
    line = _first_difference(changed, lines)
    assert (finding.wrong, finding.line, finding.sequence) == (Wrong.REORDERED, line, first + order[line - 2] - 1)


@given(st.integers(1, 6), _firsts, st.data())
def test_a_file_that_ends_within_a_line_is_found(chain: Chain, count: int, first: int, data: st.DataObject) -> None:
    lines = chain(count, first)
    text = b"".join(lines)
    ends = {sum(map(len, lines[: number + 1])) for number in range(len(lines))}
    length = data.draw(st.integers(0, len(text) - 1).filter(lambda each: each not in ends))
    finding = _only(_verify([text[:length]]))
    line = text[:length].count(b"\n") + 1
    assert finding.line == line
    assert finding.wrong == (Wrong.NOT_THE_FORMAT if line == 1 else Wrong.TRUNCATED)


@given(st.integers(1, 12), _firsts, st.data())
def test_a_file_without_its_last_lines_is_found_against_a_checkpoint(
    chain: Chain, signer: Callable[[int], Any], count: int, first: int, data: st.DataObject
) -> None:
    lines = chain(count, first)
    key = signer(1)
    kept = data.draw(st.integers(1, count))
    signed = data.draw(st.integers(kept, count))
    how = {"checkpoints": [key.checkpoint(lines[signed])], "public_keys": [key.public]}
    assert _verify(lines, **how).held == (first + signed - 1,)
    assert _verify(lines[:kept]).is_sound  # nobody can tell without one
    finding = _only(_verify(lines[:kept], **how))
    assert (finding.wrong, finding.line) == (Wrong.TRUNCATED, kept)
    assert finding.sequence == (first + kept - 2 or None)


@given(st.integers(1, 12), _firsts, st.data())
def test_a_line_that_was_changed_and_hashed_anew_is_named_by_the_next(
    chain: Chain, link: Link, count: int, first: int, data: st.DataObject
) -> None:
    lines = chain(count + 1, first)
    which = data.draw(st.integers(1, count))
    previous = json.loads(lines[which])["previous"]
    lines[which], _ = link(previous, first + which - 1, {"count": -1})
    finding = _only(found := _verify(lines))
    assert (finding.wrong, finding.line, finding.sequence) == (Wrong.CHANGED, which + 1, first + which - 1)
    assert found.entries == which - 1
    assert found.last is not None
    assert found.last.hash.hex() == previous


@pytest.mark.parametrize("first", [1, 17])
def test_a_line_that_does_not_follow_one_that_is_signed_is_named_itself(
    chain: Chain, link: Link, signer: Callable[[int], Any], first: int
) -> None:
    lines, key = chain(3, first), signer(1)
    lines[2], _ = link("1" * 64, first + 1, {"count": 1})
    finding = _only(_verify(lines))
    assert (finding.wrong, finding.line, finding.sequence) == (Wrong.CHANGED, 2, first)
    how = {"checkpoints": [key.checkpoint(lines[1])], "public_keys": [key.public]}
    finding = _only(found := _verify(lines, **how))
    assert (finding.wrong, finding.line, finding.sequence) == (Wrong.CHANGED, 3, first + 1)
    assert (found.entries, found.held) == (1, (first,))


@given(st.integers(2, 12), st.data())
def test_a_chain_that_was_made_anew_from_somewhere_on_is_found_against_a_checkpoint(
    chain: Chain, signer: Callable[[int], Any], count: int, data: st.DataObject
) -> None:
    lines, key = chain(count), signer(1)
    since = data.draw(st.integers(1, count))
    again = chain([{"count": -1} if number >= since - 1 else {"count": number} for number in range(count)])
    assert again[:since] == lines[:since]
    assert _verify(again).is_sound  # nobody can tell without a checkpoint
    how = {"checkpoints": [key.checkpoint(line) for line in lines[1:]], "public_keys": [key.public]}
    found = _verify(again, **how)
    assert found.held == tuple(range(1, since))
    assert [(each.wrong, each.line) for each in found.findings] == [
        (Wrong.CHANGED, line) for line in range(since + 1, count + 2)
    ]


# ── what is no chain ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\n",
        b"{}\n",
        b"no JSON\n",
        b"[" * 5000 + b"\n",
        b"\xff\n",
        b'{"first":1,"format":"another","previous":"' + b"0" * 64 + b'","version":1}\n',
        b'{"first":1,"format":"hedgerow-audit","previous":"' + b"0" * 64 + b'","version":2}\n',
        b'{"first":1,"format":"hedgerow-audit","previous":"' + b"0" * 64 + b'","version":true}\n',
        b'{"first":2,"format":"hedgerow-audit","previous":"' + b"0" * 64 + b'","version":1}\n',
        b'{"first":1,"format":"hedgerow-audit","previous":"' + b"1" * 64 + b'","version":1}\n',
        b'{"first":0,"format":"hedgerow-audit","previous":"' + b"1" * 64 + b'","version":1}\n',
        b'{"first":1,"format":"hedgerow-audit","more":1,"previous":"' + b"0" * 64 + b'","version":1}\n',
        b'{"first":1,"first":1,"format":"hedgerow-audit","previous":"' + b"0" * 64 + b'","version":1}\n',
        b'{"first": 1,"format":"hedgerow-audit","previous":"' + b"0" * 64 + b'","version":1}\n',
    ],
)
def test_a_file_without_the_header_is_not_the_format(chain: Chain, header: bytes) -> None:
    finding = _only(found := _verify([header, *chain(2)[1:]]))
    assert (finding.wrong, finding.line, finding.sequence) == (Wrong.NOT_THE_FORMAT, 1, None)
    assert (found.first, found.entries, found.last) == (None, 0, None)


@pytest.mark.parametrize("gone", [1, 2])
def test_an_export_without_its_first_lines_is_not_the_format(chain: Chain, gone: int) -> None:
    assert _only(_verify(chain(3)[gone:])).wrong is Wrong.NOT_THE_FORMAT


def _as_line(hashed: bytes) -> bytes:
    return hashed[:-1] + b',"hash":"' + hash_of(hashed).hex().encode() + b'"}\n'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"sequence":1', b'"sequence":1.0'),
        (b'"sequence":1', b'"sequence":true'),
        (b'"sequence":1', b'"sequence":"1"'),
        (b'"sequence":1', b'"sequence":' + b"9" * 5000),
        (b'"sequence":1', b'"sequence":1,"sequence":1'),
        (b'"details":{"count":0}', b'"details":[]'),
        (b'"details":{"count":0}', b'"details":{"count":NaN}'),
        (b'"details":{"count":0}', b'"details":{"count":1e999}'),
        (b'"details":{"count":0}', b'"details":' + b"[" * 3000 + b"]" * 3000),
        (b'"details":{"count":0}', b'"details":{"count": 0}'),
        (b'"details":{"count":0}', b'"details":{"count":"\\ud800"}'),
        (b'"subject_id":"7"', b'"subject_id":7'),
        (b'"actor":"user:1"', b'"actor":null'),
        (b'"actor":"user:1"', b'"actor":"\xff"'),
        (b"T12:30:16.123456Z", b"T12:30:16Z"),
        (b"T12:30:16.123456Z", b"T25:30:16.123456Z"),
        (b"T12:30:16", "T12:3٠:16".encode()),
        (b',"subject_type":"case"', b""),
        (b'"subject_type":"case"', b'"subject_type":"case","zone":1'),
        (b'"previous":"0', b'"previous":"A'),
    ],
)
def test_a_line_whose_hash_holds_but_that_is_no_entry_is_not_the_format(chain: Chain, old: bytes, new: bytes) -> None:
    header, line = chain(1)
    hashed = line[: line.index(b',"hash"')] + b"}"
    assert _as_line(hashed) == line
    assert old in hashed
    finding = _only(_verify([header, _as_line(hashed.replace(old, new))]))
    assert (finding.wrong, finding.line) == (Wrong.NOT_THE_FORMAT, 2)


def test_a_line_without_end_is_not_read_into_memory(chain: Chain) -> None:
    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.read_bytes = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert 0 < size <= LINE_BYTES
            self.read_bytes += size
            return b"x" * size

    file = Endless()
    finding = _only(verify(lines_of(file)))  # type: ignore[arg-type]  # as much of a file as is read
    assert finding.wrong is Wrong.NOT_THE_FORMAT
    assert file.read_bytes == LINE_BYTES
    header, line = chain(1)
    overlong = line.replace(b'{"count":0}', b'{"count":"' + b"x" * LINE_BYTES + b'"}')
    assert _only(_verify([header, overlong, line])).line == 2


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_checkpoint_whose_signature_is_another_s_is_wrong(chain: Chain, signer: Callable[[int], Any]) -> None:
    lines, key = chain(3), signer(1)
    true, other = key.checkpoint(lines[2]), signer(2).checkpoint(lines[2])
    forged = type(true)(true.sequence, true.hash, true.at, true.key_id, other.signature)
    found = _verify(lines, checkpoints=[forged], public_keys=[key.public])
    assert (_only(found).wrong, found.is_broken, found.held) == (Wrong.SIGNATURE_WRONG, True, ())


def test_a_checkpoint_beyond_the_end_that_nobody_trusted_signed_cuts_nothing_off(
    chain: Chain, signer: Callable[[int], Any]
) -> None:
    lines, key, other = chain(3), signer(1), signer(2)
    found = _verify(lines, checkpoints=[other.sign(99, bytes(32))], public_keys=[key.public])
    assert (_only(found).wrong, found.is_broken) == (Wrong.KEY_UNKNOWN, False)


def test_a_checkpoint_of_an_unknown_key_is_neither_right_nor_wrong(chain: Chain, signer: Callable[[int], Any]) -> None:
    lines = chain(3)
    found = _verify(lines, checkpoints=[signer(1).checkpoint(lines[2])])
    finding = _only(found)
    assert (finding.wrong, finding.is_unchecked, found.is_broken) == (Wrong.KEY_UNKNOWN, True, False)
    assert signer(1).id in finding.sentence


def test_a_part_of_a_chain_is_held_against_the_checkpoint_of_the_entry_before_it(
    chain: Chain, signer: Callable[[int], Any]
) -> None:
    lines, key = chain(5), signer(1)
    previous = json.loads(lines[3])["hash"]
    header = f'{{"first":4,"format":"hedgerow-audit","previous":"{previous}","version":1}}\n'.encode()
    part = [header, *lines[4:]]
    assert _verify(part, checkpoints=[key.checkpoint(lines[3])], public_keys=[key.public]).held == (3,)
    wrong = _only(_verify(part, checkpoints=[key.sign(3, bytes(32))], public_keys=[key.public]))
    assert (wrong.wrong, wrong.line, wrong.sequence) == (Wrong.CHANGED, 1, 3)
    early = _verify(part, checkpoints=[key.checkpoint(lines[2])], public_keys=[key.public])
    assert (_only(early).wrong, early.is_broken) == (Wrong.NOT_COVERED, False)


def test_what_is_wrong_comes_before_what_could_not_be_checked(chain: Chain, signer: Callable[[int], Any]) -> None:
    lines, key = chain(3), signer(1)
    checkpoints = [signer(2).checkpoint(lines[1]), key.sign(2, bytes(32))]
    found = _verify(lines, checkpoints=checkpoints, public_keys=[key.public])
    assert [each.wrong for each in found.findings] == [Wrong.CHANGED, Wrong.KEY_UNKNOWN]


def test_the_head_that_the_database_remembers_shows_what_was_cut_off(chain: Chain) -> None:
    lines = chain(3)
    last = _verify(lines).last
    assert last is not None
    assert _verify(lines, head=last).is_sound
    finding = _only(_verify(lines[:-1], head=last))
    assert (finding.wrong, finding.line, finding.sequence) == (Wrong.TRUNCATED, 3, 2)
    assert _only(_verify(lines, head=Head(3, bytes(32)))).wrong is Wrong.CHANGED
    assert _only(_verify(lines, head=Head(2, last.hash))).wrong is Wrong.CHANGED


# ── changes of key ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def rotated(chain: Chain, link: Link, signer: Callable[[int], Any]) -> list[bytes]:
    """Give five entries, of which the third replaces key 1 by key 2."""
    lines = chain(2)
    previous = json.loads(lines[-1])["hash"]
    details = {"old_key": signer(1).id, "new_key": signer(2).id, "public_key": signer(2).public.hex()}
    for sequence in (3, 4, 5):
        how = (details, "audit.key_rotated") if sequence == 3 else ({"count": sequence},)
        line, previous = link(previous, sequence, *how)
        lines.append(line)
    return lines


def test_a_new_key_is_trusted_once_the_old_one_signed_the_entry_that_brings_it_in(
    rotated: list[bytes], signer: Callable[[int], Any]
) -> None:
    old, new = signer(1), signer(2)
    vouching, later = old.checkpoint(rotated[3]), new.checkpoint(rotated[5])
    assert _verify(rotated, checkpoints=[later, vouching], public_keys=[old.public]).held == (3, 5)
    assert _only(_verify(rotated, checkpoints=[later], public_keys=[old.public])).wrong is Wrong.KEY_UNKNOWN


def test_a_new_key_is_not_trusted_because_the_old_one_signed_another_entry(
    rotated: list[bytes], signer: Callable[[int], Any]
) -> None:
    old, new = signer(1), signer(2)
    checkpoints = [old.checkpoint(rotated[2]), old.checkpoint(rotated[4]), new.checkpoint(rotated[5])]
    assert _only(_verify(rotated, checkpoints=checkpoints, public_keys=[old.public])).wrong is Wrong.KEY_UNKNOWN


def test_a_new_key_is_not_trusted_because_another_than_the_replaced_one_signed(
    rotated: list[bytes], signer: Callable[[int], Any]
) -> None:
    other, new = signer(3), signer(2)
    checkpoints = [other.checkpoint(rotated[3]), new.checkpoint(rotated[5])]
    assert _only(_verify(rotated, checkpoints=checkpoints, public_keys=[other.public])).wrong is Wrong.KEY_UNKNOWN


def test_a_key_that_was_replaced_signs_nothing_afterwards(rotated: list[bytes], signer: Callable[[int], Any]) -> None:
    old = signer(1)
    checkpoints = [old.checkpoint(rotated[3]), old.checkpoint(rotated[4])]
    found = _verify(rotated, checkpoints=checkpoints, public_keys=[old.public])
    assert (_only(found).wrong, found.held) == (Wrong.SIGNATURE_WRONG, (3,))
    assert "retired" in _only(found).sentence


def test_an_entry_that_brings_in_no_key_is_not_believed(chain: Chain, link: Link, signer: Callable[[int], Any]) -> None:
    old, new = signer(1), signer(2)
    for stated in (None, 5, "no hex", new.public.hex()[:-2]):
        lines = chain(1)
        details = {"old_key": old.id, "new_key": new.id, "public_key": stated}
        lines.append(link(json.loads(lines[-1])["hash"], 2, details, "audit.key_rotated")[0])
        found = _verify(
            lines, checkpoints=[old.checkpoint(lines[2]), new.checkpoint(lines[2])], public_keys=[old.public]
        )
        assert found.held == (2,)
        assert _only(found).wrong is Wrong.KEY_UNKNOWN
