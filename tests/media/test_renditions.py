"""What is shown of media: how little of it is left, and that nothing else is."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from hedgerow.errors import MediaDamaged, MediaError, MediaUnsupported
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.media import MediaLimits
from hedgerow.media.renditions import CELLS, render
from hedgerow.media.renditions_worker import RenditionPool

if TYPE_CHECKING:
    from collections.abc import Iterator


def picture(columns: int = 640, rows: int = 480, seed: int = 3, kind: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(synthetic_picture(columns, rows, seed)).save(file, kind, **options)
    return file.getvalue()


def shown(data: bytes, *forms: str) -> dict[str, Image.Image]:
    return {each.form: Image.open(io.BytesIO(each.data)) for each in render(data, forms)}


def video(frames: int = 90, container: str = "mp4", codec: str = "libx264") -> bytes:
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=30, options={"g": "15"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 30)
        for number in range(frames):
            grey = np.full((120, 160, 3), 20 + 200 * number // frames, np.uint8)
            grey[:, : 80 + number % 40] //= 2
            each = av.VideoFrame.from_ndarray(grey, format="rgb24")
            each.pts = number
            output.mux(stream.encode(each))
        output.mux(stream.encode())
    return file.getvalue()


def test_a_tile_and_a_blurred_picture_are_grey_and_as_large_as_their_place() -> None:
    made = shown(picture(), "tile", "blurred")
    assert made["tile"].size == (320, 240)
    assert made["blurred"].size == (1280, 960)
    for each in made.values():
        channels = np.asarray(each.convert("RGB")).astype(int)
        assert np.abs(channels - channels.mean(axis=2, keepdims=True)).max() <= 2


def test_nothing_finer_than_the_cells_is_left_in_what_is_shown_unasked() -> None:
    # Every picture with the same values in each cell, wherever they lie within it, gives the same file.
    rng = np.random.default_rng(5)
    cells = rng.integers(0, 256, (18, 20, CELLS, 20)).astype(np.uint8)
    made = []
    for each in (cells, np.roll(cells, (7, 11), axis=(1, 3)), np.sort(cells, axis=3)):
        file = io.BytesIO()
        Image.fromarray(each.reshape(360, 480)).save(file, "PNG")
        made.append([(form.form, form.data) for form in render(file.getvalue(), ["tile", "blurred"])])
    assert made[0] == made[1] == made[2]


def test_a_plain_copy_is_no_larger_than_a_screen_and_says_nothing_about_itself() -> None:
    exif = Image.Exif()
    exif[0x010E] = "where it was taken"
    data = picture(3000, 1500, exif=exif, comment=b"a comment")
    made = next(iter(render(data, ["full"])))
    assert (made.width, made.height) == (2048, 1024)
    opened = Image.open(io.BytesIO(made.data))
    assert b"where it was taken" not in made.data
    assert b"a comment" not in made.data
    assert not opened.getexif()
    assert opened.mode == "RGB"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_plain_copy_looks_like_the_picture(kind: str) -> None:
    source = synthetic_picture(320, 240, 9)
    file = io.BytesIO()
    Image.fromarray(source).save(file, kind)
    copy = np.asarray(shown(file.getvalue(), "full")["full"].convert("RGB")).astype(int)
    assert np.abs(copy - source).mean() < (25 if kind == "GIF" else 12)


def test_a_large_picture_is_reduced_strip_by_strip_to_the_same_picture() -> None:
    grey = np.linspace(0, 255, 4500).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.repeat(grey[:, None], 4200, axis=1)).save(file, "PNG")
    made = np.asarray(shown(file.getvalue(), "full")["full"].convert("L")).astype(int)
    assert made.shape == (2048, 1911)
    assert np.abs(made[:, 900] - np.linspace(0, 255, 2048)).max() <= 3


def test_a_picture_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    made = shown(picture(640, 480, exif=exif), "tile", "full")
    assert made["tile"].size == (240, 320)
    assert made["full"].size == (480, 640)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_the_smallest_and_the_longest_pictures_have_a_tile(size: tuple[int, int]) -> None:
    made = shown(picture(*size, kind="PNG"), "tile", "full")
    assert min(made["tile"].size) >= 48
    assert made["tile"].size[0] <= 320


def test_what_is_no_picture_gives_no_rendition() -> None:
    with pytest.raises(MediaUnsupported):
        list(render(b"hedgerow", ["tile"]))
    with pytest.raises(MediaDamaged):
        list(render(picture()[:200], ["tile"]))


def test_a_video_has_a_poster_and_a_strip_of_its_frames_in_their_order() -> None:
    made = shown(video(), "tile", "blurred", "strip", "full")
    assert made["tile"].size == (320, 240)
    assert made["strip"].size == (640, 240)
    cells = np.asarray(made["strip"].convert("L")).astype(float)
    means = [
        cells[row : row + 120, column + 100 : column + 160].mean() for row in (0, 120) for column in range(0, 640, 160)
    ]
    assert means == sorted(means)
    assert means[-1] - means[0] > 100


@pytest.mark.parametrize(("container", "codec"), [("avi", "mpeg4"), ("webm", "libvpx-vp9"), ("matroska", "libx264")])
def test_videos_that_browsers_do_not_play_have_a_strip_too(container: str, codec: str) -> None:
    made = shown(video(30, container, codec), "strip")
    assert made["strip"].size[0] in {160, 320, 480, 640}


def test_a_video_that_is_cut_off_shows_what_is_there() -> None:
    whole = video(90, "matroska")
    assert "tile" in shown(whole[: len(whole) // 2], "tile")


# ── in other processes ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def pool() -> Iterator[RenditionPool]:
    opened = RenditionPool(MediaLimits(seconds=20))
    yield opened
    opened.close()


def test_another_process_makes_the_same_renditions(pool: RenditionPool) -> None:
    data = picture()
    assert pool.render(["tile", "full"], data=data) == list(render(data, ["tile", "full"]))


def test_another_process_reads_a_video_where_it_is_told(pool: RenditionPool, tmp_path: Any) -> None:
    path = tmp_path / "film"
    path.write_bytes(video(30))
    assert [each.form for each in pool.render(["tile", "strip"], path=str(path))] == ["tile", "strip"]


def test_what_cannot_be_seen_there_is_said_in_one_sentence(pool: RenditionPool) -> None:
    with pytest.raises(MediaError, match="plain text"):
        pool.render(["tile"], data=b"hedgerow")
    assert pool.render(["tile"], data=picture())


def test_a_decoder_that_takes_too_much_memory_takes_nobody_with_it() -> None:
    large = io.BytesIO()
    Image.linear_gradient("L").resize((6000, 5000)).convert("RGB").save(large, "PNG", compress_level=1)
    small = RenditionPool(MediaLimits(seconds=20, memory_bytes=64 * 1024**2))
    try:
        with pytest.raises(MediaError):
            small.render(["full"], data=large.getvalue())
        assert small.render(["tile"], data=picture())
    finally:
        small.close()
