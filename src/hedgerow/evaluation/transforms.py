"""What happens to pictures on their way, as a table: each transform makes an encoded file of a Pillow picture.

A transform is deterministic: whatever chance it needs is seeded by the picture's key and its own name. None needs a
file from outside. Each belongs to a *row*: transforms whose recall is stated together, with the recall that is wanted
and the least level at which it is.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from PIL import Image

from hedgerow.evaluation import frames, geometry, overlays, screens, tones
from hedgerow.evaluation.chance import Chance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hedgerow.evaluation.chance import Maker

__all__ = ["FAMILIES", "LONG_SIDE", "ROWS", "TRANSFORMS", "Family", "Row", "Transform", "prepared", "transforms_named"]

Family = Literal[
    "encoding", "size", "tone", "overlay", "frame", "screenshot", "crop", "rotation", "way", "combined", "chain"
]
FAMILIES: Final[tuple[str, ...]] = get_args(Family)

LONG_SIDE: Final = 1280
"""Pixels to which larger pictures are brought before they are altered: what messengers pass on, and hours saved."""


@dataclass(frozen=True, slots=True)
class Row:
    """Transforms whose recall is stated together.

    Attributes:
        name: What they have in common.
        level: Least level at which the recall is wanted.
        wanted: Share of copies to be found at 31 bits against a bare PDQ; None where nothing is promised.
    """

    name: str
    level: str = "standard"
    wanted: float | None = None


ROWS: Final = {
    row.name: row
    for row in (
        Row("mirror, flips, quarter turns", wanted=0.99),
        Row("border 2–20 %, letterbox, pillarbox", wanted=0.97),
        Row("screenshot frames", wanted=0.90),
        Row("resize 0.25–2×", wanted=0.995),
        Row("JPEG q20, blur, noise, gamma, contrast, greyscale", wanted=0.995),
        Row("watermark, text, caption", wanted=0.85),
        Row("crop 1–2 % per side", wanted=0.97),
        Row("crop 3 % per side", wanted=0.85),
        Row("crop 5 % of one side", wanted=0.85),
        Row("crop 5 % per side", "thorough", 0.65),
        Row("crop 10 % of one side", "thorough", 0.75),
        Row("rotate 1–2°", "thorough", 0.97),
        Row("rotate 3–5°", "thorough", 0.75),
        Row("collage of 4", "thorough", 0.80),
        # What no target is stated for, and is measured all the same
        Row("other encodings"),
        Row("thumbnail of 128 px"),
        Row("sepia, brightness, saturation"),
        Row("inverted"),
        Row("stickers"),
        Row("bars filled with the blurred picture"),
        Row("crop 10–25 % per side", "thorough"),
        Row("rotate 10–45°", "thorough"),
        Row("collage of 2", "thorough"),
        Row("pasted into a larger picture", "thorough"),
        Row("printed and photographed", "thorough"),
        Row("chains"),
    )
}
"""The rows of the recall table, by name, in its order."""


def encode(image: Image.Image, form: str, **options: Any) -> bytes:  # noqa: ANN401  (Pillow's save options)
    """Return the bytes of the file that Pillow writes."""
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


@dataclass(frozen=True, slots=True)
class Coding:
    """How a file is written: Pillow's name of the format, and its options."""

    form: str = "JPEG"
    options: tuple[tuple[str, Any], ...] = (("quality", 85),)

    def __call__(self, image: Image.Image) -> bytes:
        """Write it."""
        if self.form == "GIF":
            image = image.quantize(256, Image.Quantize.FASTOCTREE)  # fifty times as fast as the median cut
        return encode(image, self.form, **dict(self.options))

    @property
    def suffix(self) -> str:
        """File name ending."""
        return {"JPEG": ".jpg", "WEBP": ".webp", "AVIF": ".avif", "GIF": ".gif", "PNG": ".png"}[self.form]


_JPEG = Coding()


@dataclass(frozen=True, slots=True)
class Transform:
    """One thing that may happen to a picture.

    Attributes:
        name: What happened, in a few words; unique.
        family: What kind of thing.
        row: A name from `ROWS`.
        steps: What is done to the pixels, in order. A coding among them is a save and a reload.
        coding: How the result is saved.
        is_video: Whether the result is a video.
    """

    name: str
    family: Family
    row: str
    steps: tuple[Maker | Coding, ...] = ()
    coding: Coding = _JPEG
    is_video: bool = False

    def apply(self, image: Image.Image, chance: random.Random, others: Sequence[Image.Image] = ()) -> bytes:
        """Return the file that comes of an RGB picture.

        Args:
            image: RGB, upright; it is left alone.
            chance: See `chance_for`.
            others: Pictures that may stand beside it; made-up content where there are none.
        """
        drawn = Chance(chance, others)
        for step in self.steps:
            image = _saved_and_read(image, step) if isinstance(step, Coding) else step(image, drawn)
        return self.coding(image)

    def chance_for(self, key: str) -> random.Random:
        """Return the generator that belongs to a picture of that key."""
        return random.Random(f"{key}/{self.name}")  # noqa: S311  (the same on every run, on purpose)


def prepared(image: Image.Image, long_side: int = LONG_SIDE) -> Image.Image:
    """Return the picture as RGB with at most that many pixels on its long side."""
    image = image.convert("RGB")
    if max(image.size) > long_side:
        scale = long_side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return image


def _saved_and_read(image: Image.Image, coding: Coding) -> Image.Image:
    with Image.open(io.BytesIO(coding(image))) as opened:
        return opened.convert("RGB")


def _jpeg(quality: int) -> Coding:
    return Coding("JPEG", (("quality", quality),))


def _webp(quality: int = 80) -> Coding:
    return Coding("WEBP", (("quality", quality), ("method", 1)))


_GIF = Coding("GIF", ())
_PNG = Coding("PNG", (("compress_level", 1),))


def _encodings() -> Iterable[Transform]:
    row = "JPEG q20, blur, noise, gamma, contrast, greyscale"
    for quality in (90, 50, 20):
        yield Transform(f"JPEG q{quality}", "encoding", row, (), _jpeg(quality))
    other = "other encodings"
    yield Transform("WebP", "encoding", other, (), _webp(75))
    yield Transform("AVIF", "encoding", other, (), Coding("AVIF", (("quality", 60), ("speed", 10), ("max_threads", 1))))
    yield Transform("GIF", "encoding", other, (), _GIF)


def _sizes() -> Iterable[Transform]:
    for factor in (0.25, 0.5, 0.75, 1.5, 2):
        yield Transform(f"resize {factor:g}×", "size", "resize 0.25–2×", (geometry.resized(factor),))
    yield Transform("resize to 128 px", "size", "thumbnail of 128 px", (geometry.resized_to(128),))


def _tones() -> Iterable[Transform]:
    row = "JPEG q20, blur, noise, gamma, contrast, greyscale"
    for name, step in (
        ("blur r2", tones.blurred(2)),
        ("blur r4", tones.blurred(4)),
        ("noise σ10", tones.noisy(10)),
        ("noise σ20", tones.noisy(20)),
        ("gamma 0.5", tones.gamma(0.5)),
        ("gamma 2", tones.gamma(2)),
        ("contrast 0.6", tones.contrasted(0.6)),
        ("contrast 1.5", tones.contrasted(1.5)),
        ("greyscale", tones.greyscale),
    ):
        yield Transform(name, "tone", row, (step,))
    for name, step in (
        ("sepia", tones.sepia),
        ("brightness 0.7", tones.brighter(0.7)),
        ("brightness 1.3", tones.brighter(1.3)),
        ("saturation 2", tones.saturated(2)),
        ("saturation 0.3", tones.saturated(0.3)),
    ):
        yield Transform(name, "tone", "sepia, brightness, saturation", (step,))
    yield Transform("inverted", "tone", "inverted", (tones.inverted,))


def _overlays() -> Iterable[Transform]:
    row = "watermark, text, caption"
    for name, step in (
        ("watermark 50 %", overlays.watermark(0.5)),
        ("tiled watermark 25 %", overlays.tiled_watermark(0.25)),
        ("corner logo", overlays.corner_logo),
        ("one line of text", overlays.text_lines(1)),
        ("three lines of text", overlays.text_lines(3)),
        ("caption above", overlays.caption_band),
        ("capitals at top and bottom", overlays.impact_text),
    ):
        yield Transform(name, "overlay", row, (step,))
    yield Transform("two stickers", "overlay", "stickers", (overlays.stickers(2),))
    yield Transform("five stickers", "overlay", "stickers", (overlays.stickers(5),))


def _frames() -> Iterable[Transform]:
    row = "border 2–20 %, letterbox, pillarbox"
    for share in (0.02, 0.05, 0.10, 0.20):
        for ground in ("white", "black", "coloured"):
            yield Transform(
                f"border {share:.0%}, {ground}".replace("%", " %"), "frame", row, (frames.bordered(share, ground),)
            )
    for share in (0.05, 0.20):
        for ground in ("gradient", "JPEG-noisy"):
            yield Transform(
                f"border {share:.0%}, {ground}".replace("%", " %"), "frame", row, (frames.bordered(share, ground),)
            )
    for ground in ("white", "coloured"):
        name = f"border 5 %, {ground}, rounded corners"
        yield Transform(name, "frame", row, (frames.rounded_border(0.05, ground),))
    directions: tuple[Literal["letterbox", "pillarbox"], ...] = ("letterbox", "pillarbox")
    for direction in directions:
        for ground in ("black", "white"):
            yield Transform(f"{direction}, {ground}", "frame", row, (frames.bars(direction, ground),))
        own = "bars filled with the blurred picture"
        yield Transform(f"{direction}, blurred", "frame", own, (frames.bars(direction, "blurred"),))


def _screens() -> Iterable[Transform]:
    row = "screenshot frames"
    for shade, theme, coding in (("light", screens.LIGHT, _JPEG), ("dark", screens.DARK, _PNG)):
        yield Transform(f"phone feed, {shade}", "screenshot", row, (screens.phone_feed(theme),))
        yield Transform(f"browser page, {shade}", "screenshot", row, (screens.browser_page(theme),), coding)
        yield Transform(f"chat, {shade}", "screenshot", row, (screens.chat(theme),))
        yield Transform(f"gallery, {shade}", "screenshot", row, (screens.gallery(theme),))


def _crops() -> Iterable[Transform]:
    for percent, row in (
        (1, "crop 1–2 % per side"),
        (2, "crop 1–2 % per side"),
        (3, "crop 3 % per side"),
        (5, "crop 5 % per side"),
        (10, "crop 10–25 % per side"),
        (15, "crop 10–25 % per side"),
        (25, "crop 10–25 % per side"),
    ):
        yield Transform(f"crop {percent} % per side", "crop", row, (geometry.cropped(percent / 100),))
    for percent in (5, 10):
        name = f"crop {percent} % of one side"
        yield Transform(name, "crop", name, (geometry.cropped_on_one_side(percent / 100),))


def _rotations() -> Iterable[Transform]:
    rows = {1: "rotate 1–2°", 2: "rotate 1–2°", 3: "rotate 3–5°", 5: "rotate 3–5°"}
    for degrees in (1, 2, 3, 5, 10, 15, 45):
        row = rows.get(degrees, "rotate 10–45°")
        yield Transform(f"rotate {degrees}°, black corners", "rotation", row, (geometry.rotated(degrees),))
        yield Transform(f"rotate {degrees}°, corners cut", "rotation", row, (geometry.straightened(degrees),))


def _ways() -> Iterable[Transform]:
    row = "mirror, flips, quarter turns"
    for name, method in (
        ("mirrored", Image.Transpose.FLIP_LEFT_RIGHT),
        ("flipped", Image.Transpose.FLIP_TOP_BOTTOM),
        ("quarter turn left", Image.Transpose.ROTATE_90),
        ("quarter turn right", Image.Transpose.ROTATE_270),
        ("half turn", Image.Transpose.ROTATE_180),
    ):
        yield Transform(name, "way", row, (geometry.transposed(method),))


def _combinations() -> Iterable[Transform]:
    yield Transform("collage of 2", "combined", "collage of 2", (geometry.collage(2),))
    yield Transform("collage of 4", "combined", "collage of 4", (geometry.collage(4),))
    pasted = "pasted into a larger picture"
    yield Transform("pasted into the middle, 50 %", "combined", pasted, (geometry.pasted_into(0.5, is_central=True),))
    yield Transform("pasted into the middle, 70 %", "combined", pasted, (geometry.pasted_into(0.7, is_central=True),))
    yield Transform("pasted into a corner, 50 %", "combined", pasted, (geometry.pasted_into(0.5, is_central=False),))
    yield Transform(
        "printed and scanned", "combined", "printed and photographed", (geometry.photographed_print(0.008),)
    )
    yield Transform(
        "printed and photographed", "combined", "printed and photographed", (geometry.photographed_print(0.03),)
    )


def _chains() -> Iterable[Transform]:
    for name, steps, coding in (
        ("to 1080, JPEG 70, to 720, WebP", (geometry.resized_to(1080), _jpeg(70), geometry.resized_to(720)), _webp(75)),
        (
            "to 480, JPEG 50, enlarged to 1080, JPEG 75",
            (geometry.resized_to(480), _jpeg(50), geometry.resized_to(1080)),
            _jpeg(75),
        ),
        ("to 320, GIF", (geometry.resized_to(320),), _GIF),
        ("JPEG 40 five times", (_jpeg(40), _jpeg(45), _jpeg(40), _jpeg(45)), _jpeg(40)),
        (
            "mirrored, to 720, JPEG 60",
            (geometry.transposed(Image.Transpose.FLIP_LEFT_RIGHT), geometry.resized_to(720)),
            _jpeg(60),
        ),
        ("screenshot of a chat, JPEG 60", (screens.chat(screens.LIGHT), _jpeg(85)), _jpeg(60)),
        ("crop 2 %, white border, JPEG 60", (geometry.cropped(0.02), frames.bordered(0.05, "white")), _jpeg(60)),
        ("one line of text, letterbox, WebP", (overlays.text_lines(1), frames.bars("letterbox", "black")), _webp(70)),
    ):
        yield Transform(name, "chain", "chains", tuple(steps), coding)


TRANSFORMS: Final[tuple[Transform, ...]] = (
    *_encodings(),
    *_sizes(),
    *_tones(),
    *_overlays(),
    *_frames(),
    *_screens(),
    *_crops(),
    *_rotations(),
    *_ways(),
    *_combinations(),
    *_chains(),
)
"""Every transform, in the order of the report."""


def transforms_named(*patterns: str) -> tuple[Transform, ...]:
    """Return those whose name, family or row fits one of some shell patterns (``crop*``, ``screenshot``).

    >>> [each.name for each in transforms_named("quarter*", "inverted")]
    ['inverted', 'quarter turn left', 'quarter turn right']
    """
    return tuple(
        each
        for each in TRANSFORMS
        if any(fnmatchcase(word, wanted) for wanted in patterns for word in (each.name, each.family, each.row))
    )
