from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hedgerow.errors import MediaEmpty, MediaTooLarge, MediaUnreadable, MediaUnsupported
from hedgerow.hashing import HashOptions, examine_bytes, examine_file, hash_bytes, hash_file, pdq
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.media import MediaLimits

if TYPE_CHECKING:
    from pathlib import Path

PICTURE = synthetic_picture(160, 120, seed=1)


def encoded(*pictures: np.ndarray, form: str = "PNG", **options: object) -> bytes:
    first, *rest = [Image.fromarray(picture) for picture in pictures]
    stream = io.BytesIO()
    if rest:
        options = {"save_all": True, "append_images": rest, "duration": 50, **options}
    first.save(stream, form, **options)
    return stream.getvalue()


def test_a_still_picture_has_one_signal_as_is() -> None:
    result = hash_bytes(encoded(PICTURE))
    assert result.unchecked is None
    assert [(signal.variant, signal.bits) for signal in result.signals] == [("as is", pdq(PICTURE).bits)]


def test_file_and_bytes_give_the_same(tmp_path: Path) -> None:
    data = encoded(PICTURE, form="JPEG")
    (tmp_path / "picture").write_bytes(data)
    assert hash_file(tmp_path / "picture", ["pdq", "sha1"]) == hash_bytes(data, ["pdq", "sha1"])


def test_every_distinct_frame_of_an_animation_is_hashed_once() -> None:
    other = synthetic_picture(160, 120, seed=2)
    result = hash_bytes(encoded(PICTURE, other, PICTURE, form="WEBP", lossless=True))
    assert result.media is not None
    assert result.media.frames == 3
    assert [signal.variant for signal in result.signals] == ["as is", "frame 2"]


def test_transparency_that_matters_is_seen_over_white_and_over_black() -> None:
    alpha = np.full((120, 160, 1), 255, np.uint8)
    alpha[:60, :80] = 0  # a corner: PDQ does not see a step that runs the whole height
    result = hash_bytes(encoded(np.dstack([PICTURE, alpha])))
    by_variant = {signal.variant: signal.bits for signal in result.signals}
    assert by_variant["as is"] == pdq(np.where(alpha > 0, PICTURE, 255).astype(np.uint8)).bits
    assert by_variant["over black"] == pdq(np.where(alpha > 0, PICTURE, 0).astype(np.uint8)).bits
    assert by_variant["transparency ignored"] == pdq(PICTURE).bits


def test_signals_come_in_the_order_that_was_asked_for() -> None:
    types = ("sha256", "pdq", "md5")
    assert [signal.type for signal in hash_bytes(encoded(PICTURE), types).signals] == list(types)


def test_text_is_unsupported_but_its_digest_is_still_given(tmp_path: Path) -> None:
    data = b"These are words, and no picture.\n" * 20
    with pytest.raises(MediaUnsupported):
        hash_bytes(data)
    result = examine_bytes(data, HashOptions(types=("pdq", "md5")))
    assert [signal.value for signal in result.signals] == [hashlib.md5(data, usedforsecurity=False).hexdigest()]
    assert result.unchecked is not None
    assert result.unchecked.reason == "unsupported"
    (tmp_path / "text.jpg").write_bytes(data)
    assert examine_file(tmp_path / "text.jpg", HashOptions(types=("md5",))).unchecked is None


def test_an_empty_file_is_said_to_be_empty() -> None:
    with pytest.raises(MediaEmpty):
        hash_bytes(b"")


def test_a_file_over_the_size_limit_keeps_its_digest(tmp_path: Path) -> None:
    data = encoded(PICTURE)
    (tmp_path / "large.png").write_bytes(data)
    limits = MediaLimits(size_bytes=100)
    with pytest.raises(MediaTooLarge):
        hash_file(tmp_path / "large.png", limits=limits)
    result = examine_file(tmp_path / "large.png", HashOptions(types=("pdq", "md5"), limits=limits))
    assert [signal.type for signal in result.signals] == ["md5"]
    assert result.unchecked is not None
    assert result.unchecked.reason == "too_large"


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(MediaUnreadable):
        hash_file(tmp_path / "nothing.png")
    unchecked = examine_file(tmp_path / "nothing.png", HashOptions()).unchecked
    assert unchecked is not None
    assert str(tmp_path) not in unchecked.detail


def test_a_truncated_jpeg_is_hashed_as_far_as_it_decodes_and_marked() -> None:
    data = encoded(synthetic_picture(800, 600, seed=3), form="JPEG", quality=90)
    result = hash_bytes(data[: len(data) // 2])
    assert result.signals
    assert result.media is not None
    assert result.media.is_truncated
    assert result.unchecked is not None
    assert result.unchecked.reason == "truncated"


def test_the_reference_front_end_is_computed_from_the_full_raster() -> None:
    picture = synthetic_picture(1300, 900, seed=5)
    result = hash_bytes(encoded(picture), front_end="reference")
    assert result.signals[0].bits == pdq(picture, front_end="reference").bits
    assert result.signals[0].made_by == "reference/1"


@pytest.mark.shared
def test_the_reduced_path_stays_within_its_bounds_on_photographs(shared_data: Path) -> None:
    distances = []
    for path in sorted((shared_data / "photos").glob("*.jp*g")):
        reduced, full = hash_file(path).signals[0], hash_file(path, exact=True).signals[0]
        if full.quality is not None and full.quality >= 50:
            distances.append((int(reduced.value, 16) ^ int(full.value, 16)).bit_count())
    assert len(distances) >= 150
    assert np.mean(distances) <= 1.0
    assert np.percentile(distances, 99) <= 4
    assert max(distances) <= 6
