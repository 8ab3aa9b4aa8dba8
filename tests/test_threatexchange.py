from __future__ import annotations

import importlib.util
import io
import random
from typing import Any

import numpy as np
import pytest
from PIL import Image

import hedgerow.threatexchange as ours
from hedgerow.errors import InvalidSignal, ThreatexchangeMissing

__all__: list[str] = []

P = "f8f8f0cee0f4a84f0e37022a078f63f0b36e2ed596221e1d33e6339c4e9c9b22"


@pytest.fixture
def peer() -> Any:
    if importlib.util.find_spec("threatexchange") is None:
        pytest.skip("NO THREATEXCHANGE: this test checked NOTHING. Run pip install threatexchange.")
    from threatexchange.signal_type.pdq.signal import PdqSignal  # noqa: PLC0415  (where it is installed)

    return PdqSignal


def test_without_the_package_the_error_says_what_is_missing() -> None:
    if importlib.util.find_spec("threatexchange") is not None:
        assert ours.HedgerowPdqSignal.get_name() == "pdq"
    else:
        with pytest.raises(ThreatexchangeMissing, match="pip install threatexchange"):
            _ = ours.HedgerowPdqSignal
    with pytest.raises(AttributeError):
        _ = ours.nothing_of_that_name  # type: ignore[attr-defined]  # the point of the test


def _picture(seed: int, form: str = "PNG", mode: str = "RGB") -> bytes:
    drawn = np.random.default_rng(seed).random((9, 9, 3))
    image = Image.fromarray((drawn * 255).astype(np.uint8)).resize((400, 300), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    image.convert(mode).save(stream, form)
    return stream.getvalue()


def _near(signal: str, bits: int, seed: int) -> str:
    changed = int(signal, 16)
    for place in random.Random(seed).sample(range(256), bits):  # noqa: S311  (no secret)
        changed ^= 1 << place
    return f"{changed:064x}"


def test_it_takes_the_place_of_pdq_in_every_respect_that_clients_see(peer: Any) -> None:
    assert issubclass(ours.HedgerowPdqSignal, peer)
    assert ours.HedgerowPdqSignal.get_name() == peer.get_name()
    assert ours.HedgerowPdqSignal.get_content_types() == peer.get_content_types()
    for seed in range(5):
        other = _near(P, 7 * seed, seed)
        assert ours.HedgerowPdqSignal.compare_hash(P, other).match == peer.compare_hash(P, other).match


def test_it_hashes_as_the_peer_does(peer: Any) -> None:
    for seed in range(5):
        one = ours.HedgerowPdqSignal.hash_from_bytes(_picture(seed))
        assert (int(one, 16) ^ int(peer.hash_from_bytes(_picture(seed)), 16)).bit_count() <= 4


def test_it_hashes_palettes_and_cmyk_as_what_they_show(peer: Any) -> None:
    plain = ours.HedgerowPdqSignal.hash_from_bytes(_picture(1))
    for form, mode in (("GIF", "P"), ("JPEG", "CMYK")):
        other = ours.HedgerowPdqSignal.hash_from_bytes(_picture(1, form, mode))
        assert (int(plain, 16) ^ int(other, 16)).bit_count() <= 31


@pytest.mark.parametrize("data", [b"", b"neutral text", b"\xff\xd8\xff\xe0"])
def test_what_cannot_be_hashed_gives_the_empty_text_as_the_peer_wants_it(peer: Any, data: bytes) -> None:
    assert ours.HedgerowPdqSignal.hash_from_bytes(data) == ""


def test_a_newline_at_the_end_is_refused(peer: Any) -> None:
    assert ours.HedgerowPdqSignal.validate_signal_str(P) == P
    for value in (f"{P}\n", P.upper(), P[1:], "", None):
        with pytest.raises(ValueError, match="invalid PDQ hash"):
            ours.HedgerowPdqSignal.validate_signal_str(value)


def test_the_index_finds_what_the_peer_s_index_finds(peer: Any) -> None:
    known = [(_near(P, distance, distance), distance) for distance in range(48)]
    chance = random.Random(5)  # noqa: S311  (no secret)
    known += [(f"{chance.getrandbits(256):064x}", 100 + number) for number in range(200)]
    mine = ours.HedgerowPdqSignal.get_index_cls().build(known)
    theirs = peer.get_index_cls().build(known)
    for query in (P, *(value for value, _ in known[::7])):
        assert sorted((match.metadata, match.similarity_info.distance) for match in mine.query(query)) == sorted(
            (match.metadata, match.similarity_info.distance) for match in theirs.query(query)
        )


def test_equal_signals_are_found_both(peer: Any) -> None:
    index = ours.HedgerowPdqIndex.build([(P, 1), (P, 2)])
    assert sorted(match.metadata for match in index.query(P)) == [1, 2]


def test_a_malformed_signal_is_left_out_and_the_rest_is_found(peer: Any) -> None:
    index = ours.HedgerowPdqIndex.build([(f"{P}\n", 1), (P, 2), ("00" * 16, 3), (None, 4)])
    assert [match.metadata for match in index.query(P)] == [2]
    assert (len(index), index.quarantined) == (1, 3)
    with pytest.raises(InvalidSignal):
        index.query("nonsense")


def test_an_index_is_written_and_read_without_pickle(peer: Any) -> None:
    index = ours.HedgerowPdqIndex.build([(P, 7), (_near(P, 5, 1), {"a": 1})])
    stream = io.BytesIO()
    index.serialize(stream)
    read = ours.HedgerowPdqIndex.deserialize(io.BytesIO(stream.getvalue()))
    assert [match.metadata for match in read.query(P)] == [7, {"a": 1}]
    read.add(_near(P, 9, 2), 8)
    assert len(read) == 3
    for damaged in (b"", b"\x80\x04K\x01.", stream.getvalue()[:-3], stream.getvalue()[:60], b'{"count": 1}\n'):
        with pytest.raises(InvalidSignal):
            ours.HedgerowPdqIndex.deserialize(io.BytesIO(damaged))
    with pytest.raises(TypeError):
        ours.HedgerowPdqIndex.build([(P, object())]).serialize(io.BytesIO())
