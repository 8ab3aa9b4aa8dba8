"""The compiled decoder gives libjpeg's plane, or leaves the file to libjpeg."""

from __future__ import annotations

import random
import subprocess
import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hedgerow.errors import MediaError
from hedgerow.hashing import hash_bytes, hash_file
from hedgerow.media import lowpass
from hedgerow.media.compiled import CompiledKernels
from hedgerow.media.jpeg import JpegPicture, read_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from threading import Thread

    from numpy.typing import NDArray

SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")  # all that Pillow writes


class _Asked:
    """At which scale the pictures of this module are drawn at the moment."""

    scale = 0


@pytest.fixture(scope="module", params=lowpass.SCALES, autouse=True)
def _kernels(request: pytest.FixtureRequest) -> None:
    assert lowpass.prepare()
    _Asked.scale = request.param


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> CompiledKernels:
    """Start as a fresh process does."""
    kernels = CompiledKernels("hedgerow.media.lowpass_kernels", "draw", lowpass.KERNELS.worth_loading)
    monkeypatch.setattr(lowpass, "KERNELS", kernels)
    return kernels


def photo(columns: int, rows: int, noise: float = 25, seed: int = 1) -> Image.Image:
    """Draw gradients, an edge, and noise, so that blocks of every length come up."""
    y, x = np.mgrid[0:rows, 0:columns]
    base = np.dstack([4 * x, 3 * y, 2 * (x + y)]) % 256 + 90.0 * (x > y)[..., None]
    grain = np.random.default_rng(seed).normal(0, noise, base.shape) * (x % 40 < 25)[..., None]
    return Image.fromarray(np.clip(base + grain, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def plane_of(data: bytes) -> NDArray[np.uint8] | None:
    return lowpass.luma_plane(data, read_header(data), _Asked.scale)


def libjpeg_of(data: bytes) -> tuple[NDArray[np.uint8], bool]:
    """Return libjpeg's plane, and whether the data ends early."""
    header = read_header(data)
    picture = JpegPicture(lowpass.without_fine_waves(data, header, _Asked.scale), header, _Asked.scale, "L")
    picture.load()
    return np.asarray(picture), picture.is_truncated


def require_equal(data: bytes) -> None:
    plane = plane_of(data)
    assert plane is not None
    assert np.array_equal(plane, libjpeg_of(data)[0])


def require_equal_or_declined(data: bytes) -> bool:
    """Return whether the kernels took it; then libjpeg must have drawn the same, and all of it."""
    try:
        plane = plane_of(data)
    except MediaError:
        return False
    if plane is None:
        return False
    theirs, is_truncated = libjpeg_of(data)
    assert not is_truncated
    assert np.array_equal(plane, theirs)
    return True


def body_start(data: bytes) -> int:
    return lowpass._read_scan(data).start


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("quality", [5, 30, 75, 92, 100])
def test_the_plane_is_libjpegs_bit_for_bit(subsampling: str, quality: int) -> None:
    for columns, rows in ((8, 8), (1, 1), (7, 70), (65, 33), (200, 137)):
        require_equal(jpeg(photo(columns, rows), quality=quality, subsampling=subsampling))


@pytest.mark.parametrize(
    ("written", "sampling", "columns", "rows"),
    [("4:2:2", 0x12, 64, 96), ("4:2:0", 0x41, 192, 32), ("4:2:0", 0x14, 48, 128), ("4:4:4", 0x11, 64, 96)],
    ids=["4:4:0", "4:1:1", "one by four", "as written"],
)
def test_other_samplings_are_laid_out_as_libjpeg_lays_them(
    written: str, sampling: int, columns: int, rows: int
) -> None:
    # The blocks of an MCU are the same in number, so that the same data is another picture.
    data = bytearray(jpeg(photo(96, 64), subsampling=written))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = rows.to_bytes(2, "big") + columns.to_bytes(2, "big")
    data[at + 11] = sampling
    require_equal(bytes(data))


@pytest.mark.parametrize("edge", range(1, 71))
def test_every_edge_length_is_drawn_as_libjpeg_draws_it(edge: int) -> None:
    for subsampling in ("4:4:4", "4:2:0"):
        require_equal(jpeg(photo(edge, 23), subsampling=subsampling))
        require_equal(jpeg(photo(37, edge), subsampling=subsampling))
    require_equal(jpeg(photo(edge, 71 - edge).convert("L")))


@pytest.mark.parametrize(
    "options", [{"restart_marker_blocks": 1}, {"restart_marker_blocks": 5}, {"restart_marker_rows": 1}]
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_restart_markers_are_followed(options: dict[str, int], mode: str) -> None:
    require_equal(jpeg(photo(300, 170).convert(mode), quality=85, **options))


def test_optimised_codes_are_read() -> None:
    for quality in (10, 60, 95, 100):
        require_equal(jpeg(photo(150, 90), quality=quality, optimize=True))


def test_coarse_steps_of_sixteen_bits_are_read() -> None:
    steps = [min(300 + 3 * each, 1000) for each in range(64)]
    require_equal(jpeg(photo(90, 60), qtables=[steps, steps]))


def test_white_and_black_and_pure_noise_are_drawn_as_libjpeg_draws_them() -> None:
    for image in (
        Image.new("RGB", (99, 99), "white"),
        Image.new("RGB", (99, 99), "black"),
        photo(160, 160, noise=300),
        Image.fromarray(np.random.default_rng(3).integers(0, 2, (120, 120, 3), np.uint8) * 255),
    ):
        for quality in (1, 50, 100):
            require_equal(jpeg(image, quality=quality))


def test_exif_colour_profiles_and_comments_are_passed_over() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    require_equal(jpeg(photo(80, 60), exif=exif, icc_profile=bytes(70_000), comment="a\xff\xd8 comment"))


def test_what_follows_the_end_of_image_is_not_read() -> None:
    require_equal(jpeg(photo(80, 60)) + b"\xff\xd8 another, or anything")


@given(
    columns=st.integers(1, 130),
    rows=st.integers(1, 130),
    quality=st.integers(1, 100),
    subsampling=st.sampled_from(SUBSAMPLINGS),
    restart=st.sampled_from([0, 0, 1, 3, 7]),
    seed=st.integers(0, 1000),
    noise=st.sampled_from([0, 5, 60]),
    is_grey=st.booleans(),
    is_optimised=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_any_ordinary_jpeg_is_taken_and_equal(  # noqa: PLR0913, PLR0917  (Hypothesis passes them by name)
    columns: int,
    rows: int,
    quality: int,
    subsampling: str,
    restart: int,
    seed: int,
    noise: int,
    is_grey: bool,
    is_optimised: bool,
) -> None:
    image = photo(columns, rows, noise, seed).convert("L" if is_grey else "RGB")
    options: dict[str, Any] = {} if is_grey else {"subsampling": subsampling}
    require_equal(jpeg(image, quality=quality, optimize=is_optimised, restart_marker_blocks=restart, **options))


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"keep_rgb": True}], ids=["progressive", "red, green and blue"]
)
def test_an_unusual_jpeg_is_left_to_libjpeg(options: dict[str, Any]) -> None:
    assert plane_of(jpeg(photo(80, 60), **options)) is None


def test_cmyk_is_left_to_libjpeg() -> None:
    assert plane_of(jpeg(photo(80, 60).convert("CMYK"))) is None


@pytest.mark.parametrize("scale", [1, 2])
def test_other_scales_are_left_to_libjpeg(scale: int) -> None:
    data = jpeg(photo(80, 60))
    assert lowpass.luma_plane(data, read_header(data), scale) is None


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 2}])
def test_a_jpeg_cut_anywhere_is_left_to_libjpeg(options: dict[str, int]) -> None:
    data = jpeg(photo(120, 90), quality=80, **options)
    for length in range(body_start(data) - 40, len(data)):
        assert plane_of(data[:length]) is None
        # the same with an end of image put there
        require_equal_or_declined(data[:length] + b"\xff\xd9")


def test_cut_headers_are_left_to_libjpeg() -> None:
    data = jpeg(photo(40, 40))
    for length in range(2, body_start(data)):
        assert not require_equal_or_declined(data[:length])


def test_a_missing_or_misplaced_restart_marker_is_left_to_libjpeg() -> None:
    data = jpeg(photo(120, 90), restart_marker_blocks=2)
    at = data.index(b"\xff\xd1")
    assert plane_of(data[:at] + data[at + 2 :]) is None
    assert plane_of(data[:at] + b"\xff\xd2" + data[at + 2 :]) is None
    assert plane_of(data[:at] + b"\xff\xd1" + data[at:]) is None
    assert plane_of(data[:at] + b"\0" + data[at:]) is None


def test_bytes_before_the_end_of_image_are_left_to_libjpeg() -> None:
    data = jpeg(photo(120, 90))
    assert plane_of(data[:-2] + b"\x55\x55" + data[-2:]) is None


def test_a_large_frame_with_hardly_any_data_is_declined_unread() -> None:
    data = bytearray(jpeg(photo(16, 16)))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\x00\xff\x00"
    assert plane_of(bytes(data)) is None


def _damaged(count: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)  # noqa: S311  (no secrets here)
    originals = [
        jpeg(photo(120, 90), quality=85),
        jpeg(photo(120, 90), quality=30, subsampling="4:4:4", optimize=True),
        jpeg(photo(120, 90), quality=95, restart_marker_blocks=3),
        jpeg(photo(120, 90).convert("L"), quality=100),
    ]
    for number in range(count):
        data = bytearray(originals[number % len(originals)])
        start = 2 if number % 3 else body_start(bytes(data))
        for _ in range(chance.choice([1, 1, 2, 9])):
            data[chance.randrange(start, len(data))] ^= 1 << chance.randrange(8)
        yield bytes(data)


def test_flipped_bits_give_libjpegs_plane_or_none() -> None:
    # Damage to values, not to codes, leaves a JPEG that is whole.
    assert sum(require_equal_or_declined(data) for data in _damaged(2000, 7)) > 100


@pytest.mark.slow
def test_flipped_bits_give_libjpegs_plane_or_none_many_times() -> None:
    assert sum(require_equal_or_declined(data) for data in _damaged(60_000, 8)) > 3000


@given(st.binary(max_size=3000))
@settings(deadline=None)
def test_hostile_data_behind_a_good_header_is_survived(noise: bytes) -> None:
    data = jpeg(photo(120, 90), restart_marker_blocks=7)
    require_equal_or_declined(data[: body_start(data)] + noise + b"\xff\xd9")


def test_a_hash_is_the_same_with_and_without(tmp_path: Path, unloaded: CompiledKernels) -> None:
    data = jpeg(photo(375 * _Asked.scale, 325 * _Asked.scale), quality=80)
    file = tmp_path / "photo.jpg"
    file.write_bytes(data)
    without, cut = hash_file(file), hash_bytes(data[:-500])
    assert unloaded.work_done == 2 * len(data) - 500
    assert lowpass.prepare()
    assert hash_file(file) == without
    assert hash_bytes(data[:-500]) == cut
    assert plane_of(data) is not None


def test_the_kernels_are_loaded_in_the_background_once_that_pays(unloaded: CompiledKernels) -> None:
    data = jpeg(photo(80, 60))
    unloaded.worth_loading = 2 * len(data)
    assert plane_of(data) is None
    assert not unloaded.loader
    assert plane_of(data) is None
    loader: Thread | None = unloaded.loader
    assert loader
    loader.join()
    assert plane_of(data) is not None


def test_importing_hedgerow_imports_no_numba() -> None:
    program = "import sys, hedgerow.media, hedgerow.media.lowpass; print('numba' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


@pytest.mark.shared
def test_every_photograph_is_drawn_as_libjpeg_draws_it(shared_data: Path) -> None:
    taken = seen = 0
    for path in sorted(shared_data.rglob("*.jp*g")):
        data = path.read_bytes()
        try:
            header = read_header(data)
        except MediaError:
            continue
        if header.frame not in {0xC0, 0xC1} or not header.has_luma or "hostile" in path.parts:
            require_equal_or_declined(data)
            continue
        seen += 1
        taken += require_equal_or_declined(data)
    print(f"{taken} of {seen} baseline JPEGs taken")  # noqa: T201  (shown with -s)
    assert taken > 0.95 * seen


@pytest.mark.shared
def test_without_fine_waves_a_photograph_differs_by_little(shared_data: Path) -> None:
    far = 0
    for path in sorted(shared_data.glob("photos/*.jpg"))[::5]:
        with Image.open(path) as opened:
            data = jpeg(opened.convert("RGB").resize((1640, 1220), Image.Resampling.LANCZOS), quality=88)
        reduced, full = hash_bytes(data).signals[0], hash_bytes(data, exact=True).signals[0]
        assert reduced.made_by.endswith("1:4")
        far = max(far, (int(reduced.value, 16) ^ int(full.value, 16)).bit_count())
    assert far <= 4
