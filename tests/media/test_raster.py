"""A decoder's own bytes are looked at where it gives them, and show what Pillow's image would have shown."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import AvifImagePlugin, Image, ImageFile, WebPImagePlugin

from hedgerow.errors import MediaError
from hedgerow.media import open_picture
from hedgerow.media.raster import ArrayPixels, ImagePixels, Uncopied, looks_of, uncopied

if TYPE_CHECKING:
    from hedgerow.media import Look

FORMS: dict[str, tuple[type[ImageFile.ImageFile], dict[str, Any], str]] = {
    "webp": (WebPImagePlugin.WebPImageFile, {"quality": 80}, "RGB"),
    "webp, lossless": (WebPImagePlugin.WebPImageFile, {"lossless": True}, "RGB"),
    "webp, with alpha": (WebPImagePlugin.WebPImageFile, {"quality": 80}, "RGBA"),
    "avif": (AvifImagePlugin.AvifImageFile, {"quality": 80, "speed": 10}, "RGB"),
    "avif, with alpha": (AvifImagePlugin.AvifImageFile, {"quality": 80, "speed": 10}, "RGBA"),
}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def data(form: str, scene: Any, encoded: Any) -> bytes:
    reader, options, mode = FORMS[form]
    image = scene(97, 63)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    result: bytes = encoded(image, reader.format, **options)
    return result


def opened(form: str, data: bytes) -> Uncopied:
    image = uncopied(FORMS[form][0])(BytesIO(data), "")
    assert isinstance(image, Uncopied)
    return image


def looks(data: bytes) -> list[Look]:
    (frame,) = open_picture(data).frames()
    return list(frame.looks)


def test_what_a_decoder_gave_is_what_pillow_shows(form: str, data: bytes) -> None:
    image = Image.open(BytesIO(data))
    decoded = opened(form, data).decoded()
    assert decoded is not None
    if isinstance(decoded, ArrayPixels):
        shown = decoded.rows(0, decoded.height)
    else:
        shown = np.asarray(decoded)[:, :, : len(image.getbands())]
    assert np.array_equal(shown, np.asarray(image))


def test_the_decoders_bytes_are_not_copied_into_an_image(form: str, data: bytes) -> None:
    image = opened(form, data)
    assert image.decoded() is not None
    assert image._im is None


def test_a_reader_that_gave_its_bytes_still_loads(form: str, data: bytes) -> None:
    image = opened(form, data)
    image.decoded()
    assert image.tobytes() == Image.open(BytesIO(data)).tobytes()


class Reader(ImageFile.ImageFile):
    """Ends its `load` as Pillow's readers of WebP and AVIF do, with what a test tells it to."""

    def _open(self) -> None:
        self._mode, self._size = "RGB", (4, 2)

    def load(self) -> Any:
        self.fp, self.tile = self.info.pop("then", (self.fp, self.tile))
        return super().load()


PLAIN = ImageFile._Tile("raw", (0, 0, 4, 2), 0, "RGB")


@pytest.mark.parametrize(
    ("raster", "tiles", "is_given"),
    [
        (bytes(24), [PLAIN], True),
        (bytes(24), [], False),
        (bytes(24), [PLAIN, PLAIN], False),
        (bytes(23), [PLAIN], False),
        (bytes(25), [PLAIN], False),
        (bytes(24), [PLAIN._replace(codec_name="zip")], False),
        (bytes(24), [PLAIN._replace(extents=(0, 0, 4, 1))], False),
        (bytes(24), [PLAIN._replace(offset=1)], False),
        (bytes(24), [PLAIN._replace(args=("RGB", 0, 1))], False),
        (bytes(24), [PLAIN._replace(args="BGR")], False),
        (bytes(32), [PLAIN._replace(args="RGBX")], True),
        (b"", [PLAIN._replace(args="")], False),
    ],
)
def test_bytes_are_given_only_where_they_are_surely_the_raster(
    raster: bytes, tiles: list[Any], *, is_given: bool
) -> None:
    image = uncopied(Reader)(BytesIO(b"the file"), "")
    image.info["then"] = (BytesIO(raster), tiles)
    assert isinstance(image, Uncopied)
    assert (image.decoded() is not None) == is_given


def test_a_file_is_never_taken_for_its_raster() -> None:
    image = uncopied(Reader)(BytesIO(bytes(24)), "")
    image.info["then"] = (image.fp, [PLAIN])
    assert isinstance(image, Uncopied)
    assert image.decoded() is None


def outcome(data: bytes) -> list[tuple[str, bytes]] | str:
    try:
        return [(look.name, look.pixels.rows(0, look.pixels.height).tobytes()) for look in looks(data)]
    except MediaError as error:
        return f"{type(error).__name__}: {error}"


def test_taking_the_bytes_changes_nothing_of_what_is_seen(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    half = len(data) // 2
    blank = data[:half] + bytes(len(data) - half)
    files = [data, data[:half], data[:-1], blank, *(data[:at] + b"\xff" + data[at + 1 :] for at in range(9, 400, 13))]
    taken = [outcome(each) for each in files]
    decoded = Uncopied.decoded

    def nothing(self: Uncopied) -> None:
        decoded(self)  # Pillow's image is then made after all

    monkeypatch.setattr(Uncopied, "decoded", nothing)
    assert taken == [outcome(each) for each in files]
    monkeypatch.setattr(Uncopied, "decoded", lambda _: None)
    assert taken == [outcome(each) for each in files]
    assert not isinstance(taken[0], str)
    assert isinstance(taken[1], str)


def test_the_orientation_of_a_still_is_kept(form: str, scene: Any, encoded: Any, upright: Any) -> None:
    reader, options, _ = FORMS[form]
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = scene().transpose(Image.Transpose.ROTATE_90)
    (look,) = looks(encoded(turned, reader.format, exif=exif.tobytes(), **options))
    assert np.abs(upright(look.pixels).astype(float) - np.asarray(scene(), float)).mean() < 6


@pytest.mark.parametrize("rows", [63, 1_000])  # kept packed, and packed strip by strip
def test_a_raster_of_four_bytes_a_pixel_reads_as_rgb(scene: Any, rows: int) -> None:
    image = scene(1_031, rows)
    padded = Image.frombuffer("RGBX", image.size, image.convert("RGBX").tobytes(), "raw", "RGBX", 0, 1)
    expected = np.asarray(image)
    (look,) = looks_of(padded)
    assert isinstance(look.pixels, ImagePixels)
    assert not look.pixels.is_grey
    for start, stop in ((0, rows), (0, 7), (rows - 5, rows), (rows - 5, rows + 5), (9, 9)):
        assert np.array_equal(look.pixels.rows(start, stop), expected[start:stop])
