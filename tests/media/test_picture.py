"""What a viewer sees is what comes out, whatever the format; what cannot be seen is a typed error."""

from __future__ import annotations

import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageOps

from hedgerow.errors import (
    DecodeMemoryExceeded,
    MediaDamaged,
    MediaEmpty,
    MediaTooLarge,
    MediaUnsupported,
    PictureTooLarge,
)
from hedgerow.media import MediaLimits, open_picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hedgerow.media import Frame

Encode = Any
Scene = Any


def frames_of(data: bytes, **options: Any) -> list[Frame]:
    return list(open_picture(data, **options).frames())


def only(data: bytes, **options: Any) -> Frame:
    frames = frames_of(data, **options)
    assert len(frames) == 1
    return frames[0]


def difference(one: Any, other: Any) -> float:
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


# ── formats and modes ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "options", "media_type", "tolerance"),
    [
        ("JPEG", {"quality": 95}, "image/jpeg", 3),
        ("JPEG", {"quality": 95, "progressive": True}, "image/jpeg", 3),
        ("PNG", {}, "image/png", 0),
        ("WEBP", {"lossless": True}, "image/webp", 0),
        ("WEBP", {"quality": 95}, "image/webp", 4),
        ("BMP", {}, "image/bmp", 0),
        ("TIFF", {}, "image/tiff", 0),
        ("TIFF", {"compression": "tiff_lzw"}, "image/tiff", 0),
        ("AVIF", {"quality": 95}, "image/avif", 4),
        ("HEIF", {"quality": 95}, "image/heic", 4),
    ],
)
def test_a_photograph_in_every_format_looks_the_same(
    scene: Scene, encoded: Encode, whole: Any, kind: str, options: Any, media_type: str, tolerance: float
) -> None:
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    picture = open_picture(encoded(scene(), kind, **options))
    frame = next(picture.frames())
    assert (picture.info.type, picture.info.width, picture.info.height) == (media_type, 96, 64)
    assert picture.info.frames == 1
    assert [look.name for look in frame.looks] == ["as is"]
    assert difference(whole(frame.looks[0].pixels), scene()) <= tolerance
    assert picture.unchecked is None


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_a_png_of_every_mode_is_resolved_to_what_is_seen(scene: Scene, encoded: Encode, whole: Any, mode: str) -> None:
    grey = scene().convert("L")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    elif mode == "P":
        image = scene().quantize(256)
    elif mode in {"LA", "RGBA"}:
        image = scene().convert(mode)
    else:
        image = grey.convert(mode)
    frame = only(encoded(image, "PNG"))
    assert [look.name for look in frame.looks] == ["as is"]
    expected = image.convert("RGB") if mode in {"P", "RGBA"} else grey if mode != "1" else image.convert("L")
    assert difference(whole(frame.looks[0].pixels), expected) == 0


def test_sixteen_bits_lose_their_low_byte_and_are_never_clipped(encoded: Encode, whole: Any) -> None:
    deep = np.linspace(0, 65535, 96 * 64).reshape(64, 96).astype(np.uint16)
    frame = only(encoded(Image.fromarray(deep), "PNG"))
    assert np.array_equal(whole(frame.looks[0].pixels), deep >> 8)


def test_twelve_bits_in_a_sixteen_bit_tiff_are_not_taken_for_darkness(encoded: Encode, whole: Any) -> None:
    deep = np.linspace(0, 4095, 96 * 64).reshape(64, 96).astype(np.uint16)
    frame = only(encoded(Image.fromarray(deep), "TIFF"))
    assert np.array_equal(whole(frame.looks[0].pixels), deep >> 4)


@pytest.mark.parametrize("peak", [1.0, 255.0, 4000.0])
def test_a_floating_point_tiff_is_scaled_to_what_it_spans(encoded: Encode, whole: Any, peak: float) -> None:
    values = (np.linspace(0, peak, 96 * 64).reshape(64, 96)).astype(np.float32)
    array = whole(only(encoded(Image.fromarray(values), "TIFF")).looks[0].pixels)
    assert difference(array, values / peak * 255) < 1


@pytest.mark.parametrize("with_profile", [False, True])
def test_a_cmyk_jpeg_looks_like_its_rgb_twin(scene: Scene, encoded: Encode, whole: Any, with_profile: bool) -> None:
    data = encoded(scene().convert("CMYK"), "JPEG", quality=95, **({"icc_profile": b"x" * 200} if with_profile else {}))
    picture = open_picture(data)
    pixels = next(picture.frames()).looks[0].pixels
    assert pixels.scale == 1
    assert difference(whole(pixels), scene()) < 4


def test_a_cmyk_tiff_looks_like_its_rgb_twin(scene: Scene, encoded: Encode, whole: Any) -> None:
    assert difference(whole(only(encoded(scene().convert("CMYK"), "TIFF")).looks[0].pixels), scene()) < 1


def test_a_jpeg_coded_as_rgb_is_decoded_in_full(scene: Scene, encoded: Encode, whole: Any) -> None:
    image = scene(960, 640)
    data = encoded(image, "JPEG", quality=95, keep_rgb=True)
    pixels = only(data).looks[0].pixels
    assert pixels.scale == 1
    assert difference(whole(pixels), image) < 3


def test_every_strip_equals_the_same_rows_of_the_whole(scene: Scene, encoded: Encode, whole: Any) -> None:
    images = {
        "RGB": scene(),
        "L": scene().convert("L"),
        "P": scene().quantize(17),
        "RGBA": scene(),
        "LA": scene().convert("L"),
        "1": scene().convert("1"),
    }
    images["RGBA"].putalpha(scene().convert("L"))
    images["LA"].putalpha(scene().convert("L").rotate(180))
    for image in images.values():
        for look in only(encoded(image, "PNG")).looks:
            parts = [look.pixels.rows(start, min(start + 7, 64)) for start in range(0, 64, 7)]
            assert np.array_equal(np.concatenate(parts), whole(look.pixels))
            assert all(part.dtype == np.uint8 and part.flags.c_contiguous for part in parts)
            assert look.pixels.rows(10, 10).shape[0] == 0


# ── JPEG, reduced ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("columns", "rows", "scale", "is_colour"),
    [
        (383, 600, 1, True),
        (384, 600, 1, False),
        (640, 599, 1, False),
        (801, 603, 2, False),
        (1201, 1300, 4, False),
        (2405, 2403, 8, False),
    ],
)
def test_a_large_jpeg_is_decoded_no_larger_than_the_hash_can_see(
    scene: Scene, encoded: Encode, columns: int, rows: int, scale: int, is_colour: bool
) -> None:
    data = encoded(scene(columns, rows), "JPEG")
    picture = open_picture(data)
    pixels = next(picture.frames()).looks[0].pixels
    assert (pixels.scale, pixels.width, pixels.height) == (scale, columns, rows)
    shape = (-(-rows // scale), -(-columns // scale))
    assert pixels.rows(0, rows).shape == ((*shape, 3) if is_colour else shape)
    assert (picture.info.width, picture.info.height) == (columns, rows)


def test_exact_decodes_every_pixel_in_colour(scene: Scene, encoded: Encode, whole: Any) -> None:
    data = encoded(scene(801, 603), "JPEG")
    with Image.open(BytesIO(data)) as reference:
        assert np.array_equal(whole(only(data, exact=True).looks[0].pixels), np.asarray(reference))


def test_a_reduced_raster_is_the_luma_that_pillow_drafts(scene: Scene, encoded: Encode, whole: Any) -> None:
    data = encoded(scene(1301, 1207), "JPEG")
    with Image.open(BytesIO(data)) as reference:
        reference.draft("L", (1301 // 4, 1207 // 4))
        assert np.array_equal(whole(only(data).looks[0].pixels), np.asarray(reference))


# ── orientation ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_orientation_stands_the_picture_upright(
    scene: Scene, encoded: Encode, upright: Any, kind: str, orientation: int
) -> None:
    back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = scene() if back is None else scene().transpose(back)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    picture = open_picture(encoded(stored, kind, exif=exif, **options))
    pixels = next(picture.frames()).looks[0].pixels
    assert (picture.info.width, picture.info.height) == (96, 64)
    assert difference(upright(pixels), scene()) < 3
    if kind != "TIFF":  # Pillow turns those itself
        assert picture.info.orientation == pixels.orientation == orientation
        assert (pixels.width, pixels.height) == stored.size


def test_a_heic_that_its_decoder_turned_is_not_turned_again(scene: Scene, upright: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = scene().transpose(Image.Transpose.ROTATE_90)
    file = BytesIO()
    pillow_heif.from_bytes("RGB", stored.size, stored.tobytes()).save(file, exif=exif.tobytes(), quality=95)
    assert b"irot" in file.getvalue()
    picture = open_picture(file.getvalue())
    pixels = next(picture.frames()).looks[0].pixels
    assert pixels.orientation == 1
    assert (picture.info.width, picture.info.height) == (96, 64)
    assert difference(upright(pixels), scene()) < 5


@pytest.mark.parametrize("alpha", [False, True])
def test_a_heic_that_only_exif_turns_is_turned(scene: Scene, upright: Any, encoded: Encode, alpha: bool) -> None:
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = 8
    stored = scene().transpose(Image.Transpose.ROTATE_270)
    if alpha:
        stored.putalpha(255)
    picture = open_picture(encoded(stored, "HEIF", exif=exif, quality=95))
    pixels = next(picture.frames()).looks[0].pixels
    assert picture.info.orientation == pixels.orientation == 8
    assert (picture.info.width, picture.info.height) == (96, 64)
    assert difference(upright(pixels), scene()) < 5


# ── transparency ─────────────────────────────────────────────────────────────────────────────────────────────────


def half_transparent(scene: Scene, mode: str = "RGBA") -> Image.Image:
    image = scene().convert("RGB" if mode == "RGBA" else "L")
    alpha = np.zeros((64, 96), np.uint8)
    alpha[:, 48:] = 255
    alpha[:32, :48] = 128
    image.putalpha(Image.fromarray(alpha))
    return image


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGBA"), ("PNG", "LA"), ("WEBP", "RGBA"), ("TIFF", "RGBA")])
def test_transparency_is_seen_over_white_over_black_and_ignored(
    scene: Scene, encoded: Encode, whole: Any, kind: str, mode: str
) -> None:
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    image = half_transparent(scene, mode)
    looks = only(encoded(image, kind, **options)).looks
    assert [look.name for look in looks] == ["as is", "over black", "transparency ignored"]
    channels = np.asarray(image, float)
    colour, alpha = channels[..., :-1], channels[..., -1:] / 255
    for look, expected in zip(looks, (colour * alpha + 255 * (1 - alpha), colour * alpha, colour), strict=True):
        assert difference(whole(look.pixels), np.squeeze(expected)) < 0.6


def test_looks_that_are_equal_are_given_once(encoded: Encode) -> None:
    white = Image.new("RGBA", (8, 8), (255, 255, 255, 0))
    white.putpixel((0, 0), (1, 2, 3, 255))
    assert [look.name for look in only(encoded(white, "PNG")).looks] == ["as is", "over black"]


@pytest.mark.parametrize("mode", ["P", "L", "RGB", "1", "I;16"])
def test_a_transparent_colour_of_a_png_is_transparency(scene: Scene, encoded: Encode, whole: Any, mode: str) -> None:
    key: Any
    if mode == "P":
        image = scene().quantize(8)
        key = image.getpixel((0, 0))
    elif mode == "I;16":
        image = Image.fromarray(np.asarray(scene().convert("L")).astype(np.uint16) * 257)
        key = image.getpixel((0, 0))
    else:
        image = scene().convert(mode)
        key = image.getpixel((0, 0)) if mode != "1" else 0
    if mode == "1":
        image.putpixel((0, 0), 0)
    looks = only(encoded(image, "PNG", transparency=key)).looks
    assert [look.name for look in looks][:2] == ["as is", "over black"]
    assert np.all(whole(looks[0].pixels)[0, 0] == 255)
    assert np.all(whole(looks[1].pixels)[0, 0] == 0)


def test_a_transparent_colour_that_no_pixel_has_is_no_transparency(scene: Scene, encoded: Encode) -> None:
    image = scene().convert("L").point(lambda level: min(level, 200))
    assert len(only(encoded(image, "PNG", transparency=255)).looks) == 1
    palette = scene().quantize(8)
    assert len(only(encoded(palette, "PNG", transparency=200)).looks) == 1


# ── animations ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "options", "media_type"),
    [
        ("GIF", {}, "image/gif"),
        ("PNG", {}, "image/png"),
        ("WEBP", {"lossless": True}, "image/webp"),
        ("AVIF", {"quality": 95}, "image/avif"),
        ("TIFF", {}, "image/tiff"),
    ],
)
def test_every_distinct_frame_of_an_animation_is_seen_as_composed(
    scene: Scene, encoded: Encode, whole: Any, kind: str, options: Any, media_type: str
) -> None:
    one, two = scene(), scene().transpose(Image.Transpose.ROTATE_180)
    three = one.copy()
    three.paste((250, 250, 10), (10, 10, 40, 40))
    data = encoded(one, kind, save_all=True, append_images=[two, three, two, three], duration=100, **options)
    picture = open_picture(data)
    frames = list(picture.frames())
    assert picture.info.type == media_type
    assert picture.info.frames == 5
    if kind != "AVIF":  # lossy: what was equal may differ by a shade
        assert [frame.index for frame in frames] == [0, 1, 2]
    for frame, expected in zip(frames, (one, two, three), strict=False):
        assert difference(whole(frame.looks[0].pixels), expected) < 12
    assert picture.unchecked is None


def test_frames_stay_good_while_later_ones_are_drawn(scene: Scene, encoded: Encode, whole: Any) -> None:
    pictures = [scene().rotate(angle) for angle in (0, 90, 180)]
    data = encoded(pictures[0], "GIF", save_all=True, append_images=pictures[1:])
    frames = frames_of(data)
    assert len(frames) == 3
    for frame, expected in zip(frames, pictures, strict=True):
        assert difference(whole(frame.looks[0].pixels), expected) < 12


def test_frames_beyond_the_limit_are_not_looked_at_and_this_is_said(scene: Scene, encoded: Encode) -> None:
    pictures = [scene().rotate(angle) for angle in range(0, 60, 10)]
    data = encoded(pictures[0], "GIF", save_all=True, append_images=pictures[1:])
    picture = open_picture(data, MediaLimits(frames=2))
    assert len(list(picture.frames())) == 2
    assert picture.unchecked is not None
    assert picture.unchecked[0] == "frame_limit"
    assert picture.info.frames == 6


def test_an_animation_that_takes_too_long_stops_between_frames(scene: Scene, encoded: Encode) -> None:
    pictures = [scene().rotate(angle) for angle in range(0, 60, 10)]
    data = encoded(pictures[0], "WEBP", save_all=True, append_images=pictures[1:])
    picture = open_picture(data, MediaLimits(seconds=0.0))
    assert len(list(picture.frames())) == 1
    assert picture.unchecked is not None
    assert picture.unchecked[0] == "time_limit"


def test_a_still_picture_is_never_stopped_by_the_clock(scene: Scene, encoded: Encode) -> None:
    picture = open_picture(encoded(scene(), "PNG"), MediaLimits(seconds=0.0))
    assert len(list(picture.frames())) == 1
    assert picture.unchecked is None


def test_an_animation_too_large_to_compose_gives_its_first_frame(scene: Scene, encoded: Encode) -> None:
    data = encoded(scene(), "GIF", save_all=True, append_images=[scene().rotate(90)])
    picture = open_picture(data, MediaLimits(memory_bytes=20_000))
    assert len(list(picture.frames())) == 1
    assert picture.unchecked is not None
    assert picture.unchecked[0] == "memory"


def test_an_animation_that_breaks_off_keeps_the_frames_before(scene: Scene, encoded: Encode) -> None:
    pictures = [scene().rotate(angle) for angle in (0, 40, 80)]
    data = encoded(pictures[0], "PNG", save_all=True, append_images=pictures[1:])
    picture = open_picture(data[: len(data) * 3 // 4])
    frames = list(picture.frames())
    assert 1 <= len(frames) <= 2
    assert picture.unchecked is not None
    assert picture.unchecked[0] == "truncated"
    assert picture.info.is_truncated


def test_frames_may_be_walked_again(scene: Scene, encoded: Encode) -> None:
    pictures = [scene().rotate(angle) for angle in (0, 40, 80)]
    picture = open_picture(encoded(pictures[0], "GIF", save_all=True, append_images=pictures[1:]))
    assert len(list(picture.frames())) == len(list(picture.frames())) == 3


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("progressive", [False, True])
def test_a_truncated_jpeg_is_decoded_as_far_as_it_goes(
    scene: Scene, encoded: Encode, whole: Any, progressive: bool
) -> None:
    data = encoded(scene(), "JPEG", quality=95, progressive=progressive)
    picture = open_picture(data[: len(data) * 2 // 3])
    pixels = next(iter(list(picture.frames()))).looks[0].pixels
    assert picture.info.is_truncated
    assert picture.unchecked is not None
    assert picture.unchecked[0] == "truncated"
    assert pixels.height == 64
    assert difference(whole(pixels)[:16], np.asarray(scene())[:16]) < 25


def test_a_jpeg_that_lacks_only_its_end_marker_loses_nothing_but_is_marked(
    scene: Scene, encoded: Encode, whole: Any
) -> None:
    data = encoded(scene(), "JPEG")
    picture = open_picture(data[:-2])
    frames = list(picture.frames())
    assert np.array_equal(whole(frames[0].looks[0].pixels), whole(only(data).looks[0].pixels))
    assert picture.info.is_truncated


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP"])
def test_a_truncated_picture_is_decoded_as_far_as_it_goes(scene: Scene, encoded: Encode, whole: Any, kind: str) -> None:
    image = scene(600, 400).convert("L") if kind == "GIF" else scene(600, 400)
    data = encoded(image, kind, **({"interlace": 0} if kind == "GIF" else {}))
    picture = open_picture(data[: len(data) // 2])
    array = whole(next(iter(list(picture.frames()))).looks[0].pixels)
    assert picture.info.is_truncated
    expected = np.asarray(image.convert("RGB"))
    there = slice(-60, None) if kind == "BMP" else slice(0, 60)  # bottom up
    assert difference(array[there], expected[there]) < 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "AVIF"])
def test_a_picture_cut_anywhere_is_a_frame_or_a_typed_error(scene: Scene, encoded: Encode, kind: str) -> None:
    data = encoded(scene(64, 48), kind)
    outcomes = set()
    for length in range(1, len(data), max(1, len(data) // 60)):
        try:
            picture = open_picture(data[:length])
            outcomes.add("frame" if list(picture.frames()) else "none")
        except (MediaDamaged, MediaUnsupported, DecodeMemoryExceeded, PictureTooLarge) as error:
            outcomes.add(type(error).__name__)
    assert "none" not in outcomes
    assert "MediaDamaged" in outcomes


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "AVIF"])
def test_a_picture_with_flipped_bytes_is_a_frame_or_a_typed_error(scene: Scene, encoded: Encode, kind: str) -> None:
    data = encoded(scene(64, 48), kind)
    random = np.random.default_rng(7)
    limits = MediaLimits(pixels=1_000_000, memory_bytes=64_000_000)
    for _ in range(60):
        spoiled = bytearray(data)
        for at in random.integers(8, len(data), 4):
            spoiled[at] = random.integers(0, 256)
        with suppress(MediaDamaged, MediaUnsupported, DecodeMemoryExceeded, PictureTooLarge):
            assert frames_of(bytes(spoiled), limits=limits)


def test_notes_in_a_png_that_are_bombs_do_not_hide_the_picture(scene: Scene, encoded: Encode) -> None:
    data = encoded(scene(), "PNG")
    note = b"k\0\0" + zlib.compress(bytes(80_000_000), 9)
    chunk = struct.pack(">I", len(note)) + b"zTXt" + note
    chunk += struct.pack(">I", zlib.crc32(chunk[4:]))
    assert len(frames_of(data[:33] + chunk + data[33:])) == 1


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"once upon a time", "plain text"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"\0\0\0\x18ftypisom" + bytes(16), "a video"),
        (b"PK\x03\x04" + bytes(30), "a zip archive"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "a PostScript document"),
        (bytes(range(128, 256)) * 4, "a file of unknown kind"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, what: str) -> None:
    with pytest.raises(MediaUnsupported) as caught:
        open_picture(data)
    assert caught.value.what == what


def test_no_bytes_are_an_error_of_their_own() -> None:
    with pytest.raises(MediaEmpty):
        open_picture(b"")


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_more_bytes_than_the_limit_are_refused(scene: Scene, encoded: Encode) -> None:
    with pytest.raises(MediaTooLarge):
        open_picture(encoded(scene(), "PNG"), MediaLimits(size_bytes=100))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_more_pixels_than_the_limit_are_refused_before_decoding(scene: Scene, encoded: Encode, kind: str) -> None:
    with pytest.raises(PictureTooLarge):
        open_picture(encoded(scene(), kind), MediaLimits(pixels=6000))


def test_a_jpeg_counts_by_its_reduced_raster_up_to_sixteen_times_the_limit(scene: Scene, encoded: Encode) -> None:
    data = encoded(scene(1250, 1250), "JPEG")
    assert len(frames_of(data, limits=MediaLimits(pixels=100_000))) == 1
    with pytest.raises(PictureTooLarge):
        open_picture(data, MediaLimits(pixels=97_000))
    with pytest.raises(PictureTooLarge):
        open_picture(data, MediaLimits(pixels=1_000_000), exact=True)


def test_the_coefficients_of_a_progressive_jpeg_count_as_memory(scene: Scene, encoded: Encode) -> None:
    limits = MediaLimits(memory_bytes=3_000_000)
    assert len(frames_of(encoded(scene(1250, 1250), "JPEG"), limits=limits)) == 1
    with pytest.raises(DecodeMemoryExceeded):
        open_picture(encoded(scene(1250, 1250), "JPEG", progressive=True), limits)


def test_a_header_that_lies_about_its_size_costs_nothing() -> None:
    header = struct.pack(">IIBBBBB", 65535, 65535, 8, 6, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data += struct.pack(">I", 4) + b"IDAT" + bytes(8)
    with pytest.raises(PictureTooLarge) as caught:
        open_picture(data)
    assert (caught.value.width, caught.value.height) == (65535, 65535)


# ── the process around us ────────────────────────────────────────────────────────────────────────────────────────


def test_pillows_warnings_neither_leak_nor_silence_others(scene: Scene, encoded: Encode) -> None:
    data = bytearray(encoded(scene(), "TIFF"))
    data += b"\0" * 8
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        list(open_picture(bytes(data)).frames())
        assert list(warnings.filters) == before
        warnings.warn("ours", stacklevel=1)
    assert [str(each.message) for each in caught] == ["ours"]


def test_nothing_of_pillow_is_changed_for_the_whole_process(scene: Scene, encoded: Encode) -> None:
    from PIL import ImageFile  # noqa: PLC0415  (only here)

    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, set(Image.OPEN))
    data = encoded(scene(600, 400), "JPEG")
    frames_of(data[: len(data) // 2])
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, set(Image.OPEN)) == before


def test_pictures_may_be_opened_by_many_threads_at_once(scene: Scene, encoded: Encode, whole: Any) -> None:
    datas = [encoded(scene(), kind) for kind in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP")]
    expected = [whole(only(data).looks[0].pixels) for data in datas]

    def look(number: int) -> bool:
        return np.array_equal(whole(only(datas[number % 6]).looks[0].pixels), expected[number % 6])

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(look, range(120)))


# ── the reference media ──────────────────────────────────────────────────────────────────────────────────────────


def shared_picture(shared_data: Path, name: str) -> bytes:
    return (shared_data / "formats" / name).read_bytes()


@pytest.mark.shared
def test_avif_rotation_and_mirroring_end_upright(shared_data: Path, upright: Callable[[Any], Any]) -> None:
    for turned in range(4):
        for mirrored in range(2):
            data = shared_picture(shared_data, f"pillow__rot{turned}mir{mirrored}.avif")
            picture = open_picture(data)
            array = upright(next(picture.frames()).looks[0].pixels)
            with Image.open(BytesIO(data)) as reference:
                expected = np.asarray(ImageOps.exif_transpose(reference).convert("RGB"))
            assert array.shape[:2] == (picture.info.height, picture.info.width)
            assert np.array_equal(array, expected)


@pytest.mark.shared
@pytest.mark.parametrize(
    "family", ["pillow__hopper_orientation_{}.jpg", "sharp__Landscape_{}.jpg", "sharp__Portrait_{}.jpg"]
)
def test_the_eight_orientations_of_one_picture_look_alike(
    shared_data: Path, upright: Callable[[Any], Any], family: str
) -> None:
    first = 2 if "hopper" in family else 1
    pictures = [
        upright(only(shared_picture(shared_data, family.format(number)), exact=True).looks[0].pixels)
        for number in range(first, 9)
    ]
    assert len({each.shape for each in pictures}) == 1
    blocks = [each[: each.shape[0] // 8 * 8, : each.shape[1] // 8 * 8, 1] for each in pictures]
    small = [each.reshape(each.shape[0] // 8, 8, -1, 8).mean(axis=(1, 3)) for each in blocks]
    for other in small[1:]:
        assert np.corrcoef(small[0].ravel(), other.ravel())[0, 1] > 0.97  # the tones of the first differ a little


@pytest.mark.shared
def test_every_file_of_the_formats_set_is_decoded_whole(shared_data: Path) -> None:
    not_ours = {"pillow__hopper.ppm", "small__jpeg2.jp2"}
    for path in sorted((shared_data / "formats").iterdir()):
        if path.name in not_ours:
            with pytest.raises(MediaUnsupported):
                open_picture(path.read_bytes())
            continue
        picture = open_picture(path.read_bytes())
        assert list(picture.frames()), path.name
        assert picture.unchecked is None, path.name


@pytest.mark.shared
def test_every_broken_file_is_decoded_in_part_or_refused(shared_data: Path) -> None:
    for path in sorted((shared_data / "broken").iterdir()):
        try:
            picture = open_picture(path.read_bytes())
            assert list(picture.frames()), path.name
        except (MediaDamaged, MediaUnsupported):
            continue
        if "truncated" in path.name and path.name != "pillow__truncated_app14.jpg":
            assert picture.info.is_truncated, path.name
