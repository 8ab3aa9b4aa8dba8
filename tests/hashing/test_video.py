"""Videos are written here, of pictures that are known; what is published is compared where the media are at hand."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from hedgerow.errors import HashingError, MediaDamaged
from hedgerow.hashing import HashOptions, MediaHash, Signal, examine_bytes, examine_file, hash_bytes, hash_file, pdq
from hedgerow.hashing.operator import operator
from hedgerow.hashing.pdq import TURNS, ArrayPixels, small_pictures
from hedgerow.hashing.pool import FileTask, HashingPool
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.hashing.video import animation_signal
from hedgerow.hashing.video_grid import Grid, folded
from hedgerow.hashing.video_ways import still_borders
from hedgerow.media import MediaLimits
from hedgerow.media.durations import frame_seconds

av = pytest.importorskip("av")

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hedgerow.hashing.frame_list import FrameList

ROWS, COLUMNS = 216, 384


def panned(frames: int, seed: int = 20, step: int = 3) -> list[np.ndarray]:
    """Return a camera's pan over a picture."""
    wide = synthetic_picture(COLUMNS + step * frames, ROWS, seed=seed)
    return [np.ascontiguousarray(wide[:, step * n : step * n + COLUMNS]) for n in range(frames)]


def write(
    pictures: Sequence[np.ndarray],
    container: str = "mp4",
    rate: int | Fraction = 30,
    matrix: Any = None,
    **options: str,
) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream("libx264", rate=rate, options={"preset": "veryfast", **options})
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], "yuv420p"
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


def frames_of(data: bytes, **how: Any) -> FrameList:
    listed = hash_bytes(data, ["vpdq"], **how).signals[0].frames
    assert listed is not None
    return listed


def distances(some: FrameList, others: FrameList) -> np.ndarray:
    """Return for each of some frames how far the nearest of the others is, in bits."""
    return np.bitwise_count(some.bits[:, None] ^ others.bits[None]).sum(axis=2).min(axis=1)


def by_variant(result: MediaHash) -> dict[str, FrameList]:
    return {each.variant: each.frames for each in result.signals if each.frames is not None}


FILM = write(panned(90))


def test_every_frame_is_hashed_as_its_picture_would_be() -> None:
    listed = frames_of(FILM, sampling="every frame")
    with av.open(io.BytesIO(FILM)) as plain:
        pictures = [frame.to_ndarray(format="rgb24") for frame in plain.decode(video=0)]
    assert listed.numbers.tolist() == list(range(90))
    assert listed.times_s == pytest.approx(np.arange(90) / 30)
    expected = np.stack([np.frombuffer(pdq(picture).bits, np.uint8) for picture in pictures])
    assert np.bitwise_count(listed.bits ^ expected).sum(axis=1).max() <= 10  # the other way to luma
    assert listed.duration_s == pytest.approx(3)


def test_a_bank_holds_the_frame_that_is_shown_at_each_second() -> None:
    listed = frames_of(write(panned(100)))
    assert listed.numbers.tolist() == [0, 30, 60, 90]
    assert listed.until_s == pytest.approx([1, 2, 3, 100 / 30])


def test_at_2997_frames_a_second_the_frame_at_a_second_is_the_one_before_it() -> None:
    listed = frames_of(write(panned(100), rate=Fraction(30000, 1001)))
    assert listed.numbers.tolist() == [0, 29, 59, 89]


def test_a_bank_also_holds_the_first_frame_of_each_scene() -> None:
    scenes = [*panned(40, seed=1), *panned(10, seed=2), *panned(40, seed=3)]
    assert frames_of(write(scenes)).numbers.tolist() == [0, 30, 40, 50, 60]


def test_what_stays_alike_is_kept_once_and_the_times_say_for_how_long() -> None:
    still = [panned(1)[0]] * 100 + panned(5, seed=9)
    for how in ({"sampling": "bank"}, {"level": "standard"}):
        listed = frames_of(write(still), **how)
        assert listed.times_s[0] == 0
        assert listed.until_s[0] == pytest.approx(100 / 30)
        assert listed.numbers[1] == 100


def test_a_blank_stretch_is_one_frame_of_no_quality() -> None:
    black = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    rng = np.random.default_rng(1)
    noisy = [np.clip(black + rng.integers(0, 4, black.shape), 0, 255).astype(np.uint8) for _ in range(40)]
    listed = frames_of(write([*panned(5), *noisy, *panned(5)]), level="standard")
    assert np.flatnonzero(listed.qualities < 50).size == 1


def test_a_query_is_dense_and_within_a_few_bits_of_the_full_size() -> None:
    query, full = frames_of(FILM, level="standard"), frames_of(FILM, sampling="every frame")
    assert len(query) > 60
    was_shown = np.isclose(query.times_s * 30, query.numbers)  # the others are guessed between two frames
    same = full.bits[query.numbers]
    assert np.bitwise_count(query.bits ^ same).sum(axis=1)[was_shown].max() <= 10


def test_each_frame_of_a_bank_is_near_some_frame_of_a_trimmed_transcode_at_another_rate() -> None:
    pictures = panned(150)
    bank = frames_of(write(pictures))
    resampled = [pictures[min(149, 11 + round(n * 30 / 24))] for n in range(110)]
    query = frames_of(write(resampled, rate=24, crf="30"), level="standard")
    assert (distances(bank, query)[1:] <= 31).all()


def test_a_frame_left_out_of_a_fast_pan_is_guessed_between_its_neighbours() -> None:
    pan = panned(70, step=8)
    bank = frames_of(write(pan))
    left = write([picture for number, picture in enumerate(pan) if number not in {30, 60}])
    assert (distances(bank, frames_of(left, sampling="every frame"))[1:] > 31).all()
    assert (distances(bank, frames_of(left, level="standard"))[1:] <= 31).all()


def test_a_very_long_query_is_thinned_rather_than_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow.hashing.video._DENSE", 10)
    monkeypatch.setattr("hedgerow.hashing.video_ways._DENSE", 5)
    found = by_variant(hash_bytes(write(panned(90, step=8)), ["vpdq"], level="standard"))
    steps_s = np.diff(found["as is"].times_s)
    assert steps_s[:8].max() < 0.05
    assert steps_s[10:].min() >= 0.1 - 1e-6
    assert np.diff(found["mirrored"].times_s)[8:].min() >= 0.25 - 1e-6
    assert found["as is"].times_s[-1] > 2.8


def test_nothing_is_guessed_between_frames_that_are_near_or_have_nothing_in_common() -> None:
    scene = panned(1)
    near, cut = panned(30, step=1), [*scene * 10, *[255 - scene[0]] * 10]
    for pictures in (near, cut):
        listed = frames_of(write(pictures), level="standard")
        assert listed.times_s * 30 == pytest.approx(listed.numbers)


def test_a_copy_made_much_smaller_is_nearer_when_looked_up_as_resized() -> None:
    large = synthetic_picture(1280, 720, seed=5).astype(np.int64)
    large += np.random.default_rng(5).integers(-60, 60, (45, 80, 1)).repeat(16, axis=0).repeat(16, axis=1)
    large = np.clip(large, 0, 255).astype(np.uint8)
    small = np.asarray(Image.fromarray(large).resize((214, 120), Image.Resampling.BILINEAR))
    bank = frames_of(write([large] * 2))
    found = by_variant(hash_bytes(write([small] * 2), ["vpdq"], level="standard"))
    assert distances(bank, found["resized"])[0] < distances(bank, found["as is"])[0] - 6


def test_a_large_video_is_not_looked_up_as_resized() -> None:
    large = write([np.repeat(np.repeat(picture, 3, axis=0), 3, axis=1) for picture in panned(2)])
    assert "resized" not in by_variant(hash_bytes(large, ["vpdq"], level="standard"))


ALTERED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mirrored": lambda a: a[:, ::-1],
    "flipped": lambda a: a[::-1],
    "rotated 90°": lambda a: np.rot90(a, -1),
    "rotated 180°": lambda a: a[::-1, ::-1],
    "rotated 270°": np.rot90,
    "mirrored, rotated 90°": lambda a: np.rot90(a[:, ::-1], -1),
    "mirrored, rotated 270°": lambda a: np.rot90(a[:, ::-1]),
    "borders trimmed": lambda a: np.pad(a, ((60, 60), (0, 0), (0, 0))),
    "borders trimmed, mirrored": lambda a: np.pad(a[:, ::-1], ((0, 0), (120, 120), (0, 0)), constant_values=90),
}


@pytest.mark.parametrize("variant", ALTERED)
def test_an_altered_copy_is_found_under_the_name_of_what_was_done(variant: str) -> None:
    bank = frames_of(FILM)
    copy = hash_bytes(write([ALTERED[variant](each) for each in panned(90)], crf="26"), ["vpdq"], level="standard")
    found = by_variant(copy)
    assert (distances(bank, found["as is"]) > 31).all()
    assert (distances(bank, found[variant]) <= 31).all()


def test_a_film_that_had_bars_is_found_with_more_bars_on_the_other_sides() -> None:
    pillarboxed = [np.pad(each, ((0, 0), (80, 80), (0, 0))) for each in panned(60)]
    letterboxed = [np.pad(each, ((80, 80), (0, 0), (0, 0))) for each in pillarboxed]
    found = by_variant(hash_bytes(write(letterboxed), ["vpdq"], level="standard"))
    bank = frames_of(write(pillarboxed))
    assert (distances(bank, found["borders above and below trimmed"]) <= 31).all()


def test_a_film_banked_without_its_bars_too_is_found_with_more_bars_on_the_same_sides() -> None:
    barred = [np.pad(each, ((0, 0), (60, 60), (0, 0))) for each in panned(60)]
    banked = by_variant(examine_bytes(write(barred), HashOptions(types=("vpdq",), bank_regions=True)))
    assert list(banked) == ["as is", "borders trimmed"]
    assert banked["borders trimmed"].numbers.tolist() == banked["as is"].numbers.tolist()
    more = write([np.pad(each, ((0, 0), (80, 80), (0, 0))) for each in barred], crf="26")
    copy = by_variant(hash_bytes(more, ["vpdq"], level="standard"))
    assert all((distances(banked["as is"], listed) > 31).all() for listed in copy.values())
    names = [name for name in copy if name.startswith("borders trimmed")]
    assert min(distances(banked["borders trimmed"], copy[name]).max() for name in names) <= 31


def test_a_film_without_bars_is_banked_once() -> None:
    assert list(by_variant(examine_bytes(FILM, HashOptions(types=("vpdq",), bank_regions=True)))) == ["as is"]


def test_variants_are_of_the_levels_that_ask_for_them() -> None:
    assert len(hash_bytes(FILM, ["vpdq"], sampling="query").signals) == 1
    signals = hash_bytes(FILM, ["vpdq"], level="thorough").signals
    assert [each.level for each in signals] == ["exact"] + ["standard"] * 8  # the eighth because it is small


def test_the_frames_of_a_variant_are_in_order() -> None:
    bordered = [np.pad(each, ((60, 60), (0, 0), (0, 0))) for each in panned(150, step=6)]
    for listed in by_variant(hash_bytes(write(bordered), ["vpdq"], level="standard")).values():
        assert all(later >= earlier for earlier, later in pairwise(listed.numbers.tolist()))
        assert (listed.until_s > listed.times_s).all()


def test_a_rotation_tag_is_applied_and_the_stored_picture_is_a_variant() -> None:
    turned = [np.rot90(each) for each in panned(60)]  # stored lying; the tag turns it back
    one = 1 << 16
    tagged = hash_bytes(write(turned, matrix=(0, one, 0, -one, 0, 0, 0, 0, 1 << 30)), ["vpdq"], level="standard")
    bank = frames_of(write(panned(60)))
    assert (distances(bank, by_variant(tagged)["as is"]) <= 12).all()
    stored = by_variant(tagged)["as stored"]
    assert (distances(frames_of(write(turned)), stored) <= 20).all()


def test_a_video_has_a_vpdq_whether_that_or_pdq_was_asked_for() -> None:
    result = hash_bytes(FILM, ["sha256", "pdq"])
    assert [each.type for each in result.signals] == ["sha256", "vpdq"]
    assert [each.type for each in hash_bytes(FILM).signals] == ["vpdq"]


def test_a_still_picture_has_a_pdq_where_a_vpdq_was_asked_for() -> None:
    stream = io.BytesIO()
    Image.fromarray(panned(1)[0]).save(stream, "PNG")
    assert [each.type for each in hash_bytes(stream.getvalue(), ["vpdq"]).signals] == ["pdq"]


def animation(form: str) -> bytes:
    pictures = [Image.fromarray(each) for each in panned(4, step=40)]
    stream = io.BytesIO()
    pictures[0].save(
        stream, form, save_all=True, append_images=[*pictures[1:], pictures[0]], duration=[100, 200, 300, 400, 500]
    )
    return stream.getvalue()


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animated_picture_goes_the_same_way(form: str) -> None:
    result = hash_bytes(animation(form), ["pdq", "vpdq"])
    pictures, last = result.signals[:-1], result.signals[-1]
    assert [each.type for each in pictures] == ["pdq"] * len(pictures)
    listed = last.frames
    assert listed is not None
    assert listed.numbers.tolist()[:4] == [0, 1, 2, 3]
    assert listed.times_s[:4] == pytest.approx([0, 0.1, 0.3, 0.6])
    assert listed.duration_s == pytest.approx(1.5)
    assert {each.tobytes() for each in listed.bits} == {each.bits for each in pictures}
    assert [each.type for each in hash_bytes(animation(form), ["vpdq"]).signals] == ["vpdq"]


def test_delays_that_browsers_do_not_believe_are_a_tenth_of_a_second() -> None:
    stream = io.BytesIO()
    pictures = [Image.fromarray(each) for each in panned(3, step=40)]
    pictures[0].save(stream, "GIF", save_all=True, append_images=pictures[1:], duration=[10, 0, 500])
    assert frame_seconds(stream.getvalue(), "image/gif", 3) == [0.1, 0.1, 0.5]
    assert frame_seconds(b"GIF89a", "image/gif", 2) == [0.1, 0.1]


def test_alike_frames_of_an_animation_are_kept_once() -> None:
    same = pdq(panned(1)[0])
    listed = animation_signal([(0, same), (3, same)], [0.1] * 5).frames
    assert listed is not None
    assert (listed.numbers.tolist(), listed.until_s.tolist()) == ([0], [0.5])


def test_file_and_bytes_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(FILM)
    assert hash_file(tmp_path / "film", ["vpdq", "md5"]) == hash_bytes(FILM, ["vpdq", "md5"])


def test_a_video_larger_than_what_is_read_at_once_is_still_hashed(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(FILM)
    result = hash_file(tmp_path / "film", ["vpdq", "md5"], limits=MediaLimits(size_bytes=1000))
    assert [each.type for each in result.signals] == ["vpdq", "md5"]


def test_frames_beyond_the_limit_are_not_looked_at_and_the_answer_says_so() -> None:
    result = hash_bytes(FILM, ["vpdq"], sampling="query", limits=MediaLimits(video_frames=10))
    assert result.unchecked is not None
    assert result.unchecked.reason == "frame_limit"
    assert len(by_variant(result)["as is"]) >= 10


def test_a_truncated_film_gives_a_partial_answer_and_keeps_its_digest(tmp_path: Path) -> None:
    whole = write(panned(90), "matroska", g="10")
    (tmp_path / "film").write_bytes(whole[: len(whole) // 2])
    result = examine_file(tmp_path / "film", HashOptions(types=("vpdq", "md5")))
    assert [each.type for each in result.signals] == ["vpdq", "md5"]
    assert result.unchecked is not None
    assert result.unchecked.reason == "truncated"
    (tmp_path / "film").write_bytes(FILM[: len(FILM) // 2])
    result = examine_file(tmp_path / "film", HashOptions(types=("vpdq", "md5")))
    assert [each.type for each in result.signals] == ["md5"]
    with pytest.raises(MediaDamaged):
        hash_bytes(FILM[: len(FILM) // 2])


def test_a_sampling_that_does_not_exist_is_refused() -> None:
    with pytest.raises(HashingError):
        HashOptions(sampling="sometimes")  # type: ignore[arg-type]  # the point


# ── the reduced raster ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_operator_folded_onto_its_own_pixels_is_itself() -> None:
    assert np.array_equal(folded(200, 200), operator(200).dense)
    assert np.array_equal(folded(150, 192), operator(150).dense)


@pytest.mark.parametrize(("n", "cells"), [(720, 192), (1080, 192), (200, 192), (1081, 257)])
def test_a_folded_operator_keeps_means_and_slopes(n: int, cells: int) -> None:
    pixels = np.linspace(0, 255, n)
    edges = np.linspace(0, n, cells + 1)
    running = np.concatenate([[0], np.cumsum(pixels)])
    means = np.diff(np.interp(edges, np.arange(n + 1), running)) / np.diff(edges)
    assert folded(n, cells) @ np.ones(cells) == pytest.approx(np.ones(64), abs=1e-5)
    inner = slice(1, -1)  # at the edge the picture is taken to go on as it ends
    assert (folded(n, cells) @ means)[inner] == pytest.approx((operator(n).dense @ pixels)[inner], abs=0.1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_grid_is_pdq_of_a_raster_that_is_not_reduced(orientation: int) -> None:
    raster = np.ascontiguousarray(panned(1)[0][:150, :180, 1])
    pixels = ArrayPixels(raster)
    pixels.orientation = orientation
    grid = Grid((150, 180), (150, 180), orientation)
    small, flips = np.empty((64, 64), np.float32), np.empty((2, 2, 64, 64), np.float32)
    grid.small(raster, small)
    grid.flips(raster, flips)
    assert small == pytest.approx(small_pictures(pixels, [TURNS[orientation]])[0], abs=1e-2)
    for number in (1, 2, 3, 4):
        turn = TURNS[number]
        expected = small_pictures(ArrayPixels(raster), [turn])[0]
        assert flips[int(turn.is_row_flipped), int(turn.is_column_flipped)] == pytest.approx(expected, abs=1e-2)


def test_a_dark_scene_between_bars_is_not_taken_for_a_border() -> None:
    content = panned(30, step=10)
    dim = [np.pad(each[..., 1] // 8, ((40, 40), (0, 0))) for each in content]
    box = still_borders(dim)["borders trimmed"]
    assert (box.top, box.bottom, box.left, box.right) == (40, 40 + ROWS, 0, COLUMNS)


def test_where_a_border_ends_softly_each_end_is_tried() -> None:
    chance = np.random.default_rng(5)
    dim = [np.pad(each[..., 1], ((0, 0), (60, 60))) for each in panned(30, step=10)]
    # what a codec leaves beside the picture: more of it the nearer
    for first, last, noise in ((54, 57, 3), (57, 60, 7)):
        for each in dim:
            each[:, first:last] = chance.integers(0, noise, (ROWS, last - first))
    boxes = still_borders(dim)
    ends = {boxes[name].left for name in ("borders trimmed", "borders trimmed less closely", "borders trimmed closely")}
    assert ends == {54, 57, 60}


def test_a_picture_without_borders_has_none() -> None:
    assert still_borders([each[..., 1] for each in panned(10)]) == {}


# ── in the pool ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_pool_gives_the_same_frames(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(FILM)
    options = HashOptions(types=("vpdq", "sha1"), level="standard")
    with HashingPool(options, jobs=1) as pool:
        (answer,) = pool.results([FileTask(str(tmp_path / "film.mp4"))])
        assert answer.hash == examine_file(tmp_path / "film.mp4", options)
        assert pool.hash_bytes(FILM).signals == answer.hash.signals


def test_a_video_may_take_longer_than_a_picture(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(write(panned(240)))
    limits = MediaLimits(seconds=0.01)  # a second more is granted to every worker
    options = HashOptions(types=("vpdq",), sampling="every frame", limits=limits)
    with HashingPool(options, jobs=1) as pool:
        tasks = [FileTask(str(tmp_path / "film.mp4"))] * 4
        assert [len(answer.hash.signals) for answer in pool.results(tasks)] == [1] * 4


def test_time_that_runs_out_leaves_a_partial_answer_in_the_pool(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(write(panned(600)))
    options = HashOptions(types=("vpdq",), sampling="every frame", limits=MediaLimits(video_seconds=0.3))
    with HashingPool(options, jobs=1) as pool:
        (answer,) = pool.results([FileTask(str(tmp_path / "film.mp4"))])
    assert answer.hash.unchecked is not None
    assert answer.hash.unchecked.reason == "time_limit"
    assert 0 < len(by_variant(answer.hash)["as is"]) < 600


REASONS = {
    *("crashed", "damaged", "empty", "memory", "timeout", "too_large", "too_many_pixels", "unreadable"),
    *("unsupported", "truncated", "time_limit", "duration_limit", "frame_limit"),
}


@pytest.mark.shared
def test_every_hostile_or_broken_video_is_a_partial_result_or_a_typed_error(shared_data: Path) -> None:
    paths = sorted((shared_data / "hostile" / "video").iterdir())
    paths += sorted((shared_data / "hostile" / "mismatch").iterdir())
    paths += sorted((shared_data / "hostile").rglob("*.heic"))
    assert len(paths) > 30
    options = HashOptions(types=("vpdq",), level="standard", limits=MediaLimits(video_seconds=8))
    with HashingPool(options, jobs=2) as pool:
        for answer in pool.results(FileTask(str(path)) for path in paths):
            unchecked = answer.hash.unchecked
            assert answer.hash.signals or unchecked is not None, answer.path
            assert unchecked is None or unchecked.reason in REASONS, answer.path


@pytest.mark.shared
def test_a_cut_video_never_crashes_wherever_it_is_cut(shared_data: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    paths = []
    for source in sorted((shared_data / "videos").iterdir()):
        data = source.read_bytes()
        for number, share in enumerate(rng.uniform(0.01, 0.99, 2)):
            paths.append(tmp_path / f"{number}-{source.name}")
            paths[-1].write_bytes(data[: int(share * len(data))])
    with HashingPool(HashOptions(types=("vpdq",), sampling="bank"), jobs=2) as pool:
        for answer in pool.results(FileTask(str(path)) for path in paths):
            unchecked = answer.hash.unchecked
            assert unchecked is None or unchecked.reason in {"damaged", "truncated", "unsupported"}, answer.path


# ── published lists ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.shared
def test_vpdq_sample_videos_give_the_published_frames(shared_data: Path) -> None:
    # facebook/ThreatExchange baefb4ed, vpdq/sample-hashes: skipped below quality 50, else within 31 bits.
    reference = shared_data / "reference" / "threatexchange"
    videos = sorted((reference / "tmk" / "sample-videos").glob("*.mp4"))
    assert videos
    for video in videos:
        with (reference / "vpdq" / "sample-hashes" / f"{video.stem}.txt").open(newline="") as file:
            rows = list(csv.reader(file))
        listed = by_variant(hash_file(video, ["vpdq"], sampling="every frame"))["as is"]
        assert listed.numbers.tolist() == [int(row[0]) for row in rows], video.name
        bits = np.stack([np.frombuffer(bytes.fromhex(row[2]), np.uint8) for row in rows])
        is_clear = (listed.qualities >= 50) & (np.array([int(row[1]) for row in rows]) >= 50)
        assert is_clear.any()
        assert np.bitwise_count(listed.bits ^ bits).sum(axis=1)[is_clear].max() <= 22, video.name
        assert listed.times_s == pytest.approx([float(row[3]) for row in rows], abs=0.001)


# ── two hours ────────────────────────────────────────────────────────────────────────────────────────────────────────

HUNGRY = r"""
import re, sys, time
from pathlib import Path
import av, hedgerow.hashing.video
from hedgerow.hashing import hash_file
from hedgerow.media import MediaLimits
began = time.monotonic()
result = hash_file(sys.argv[1], ["vpdq"], level="standard", limits=MediaLimits(video_seconds=float(sys.argv[2])))
# not ru_maxrss: that of a new process begins with its parent's
peak_kb = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text()).group(1)
print(peak_kb, time.monotonic() - began, result.unchecked and result.unchecked.reason, len(result.signals[0].frames))
"""


def two_hours(path: Path) -> None:
    """Write a minute that moves all the time, with a cut each second, and repeat its packets 120 times."""
    scenes = [picture for second in range(60) for picture in panned(12, seed=second, step=12)]
    minute = write(scenes, rate=12, preset="ultrafast")
    with av.open(io.BytesIO(minute)) as source, av.open(path, "w") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        length = round(60 / stream.time_base)
        for turn in range(120):
            source.seek(0, stream=stream)
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.pts, packet.dts = packet.pts + turn * length, packet.dts + turn * length
                    packet.stream = copy
                    output.mux(packet)


def hashed_elsewhere(path: Path, limit_s: float) -> tuple[int, float, str, int]:
    """Hash in a process of its own: its peak in KiB, seconds, what was left out, frames kept."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the peak of a process is read from /proc")
    command = [sys.executable, "-c", HUNGRY, path, str(limit_s)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak_kb, seconds, reason, frames = done.stdout.split()
    return int(peak_kb), float(seconds), reason, int(frames)


@pytest.mark.slow
def test_two_hours_are_hashed_in_300_megabytes_and_ten_seconds_of_them_in_ten(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    two_hours(path)
    peak_kb, _, reason, frames = hashed_elsewhere(path, 3600)
    assert reason == "None"
    assert frames > 50_000
    assert peak_kb < 300 * 1024
    _, seconds, reason, frames = hashed_elsewhere(path, 10)
    assert reason == "time_limit"
    assert seconds < 12
    assert frames > 0


def test_a_signal_of_frames_tells_equal_lists() -> None:
    one, other = (hash_bytes(FILM, ["vpdq"]).signals[0] for _ in range(2))
    assert isinstance(one, Signal)
    assert one == other
    assert one.bits == other.bits
