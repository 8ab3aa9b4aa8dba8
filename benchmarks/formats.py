"""One photograph in every format and mode: how far is each signal from that of the RGB JPEG?"""

from __future__ import annotations

import common  # noqa: F401  (first: it sets one thread)

# isort: split
import argparse
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import hedgerow
from charts import Bar, bar_chart
from common import Result, Table, peer, shared_data, synthetic_photograph
from encoders import cmyk_of, png, ycck_jpeg
from hedgerow.errors import HedgerowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUALITY = 90
LIMIT, LIMIT_FEW_LEVELS = 10, 31
MATCH = 31
_ORIENTATION = 0x0112

# What is to be stored so that a viewer, who follows the orientation, sees the picture upright (EXIF 2.32, 4.6.4).
_STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def photograph() -> tuple[Image.Image, str, bool]:
    """Give the photograph, say which it is, and whether it is one: made pictures are too soft to hold to a target."""
    data = shared_data()
    found = sorted(data.rglob("bridge-mods/aaa-orig.jpg")) if data else []
    if found:
        scaled = Image.open(found[0]).convert("RGB").resize((640, 402))
        return scaled, "ThreatExchange's bridge-mods/aaa-orig at 640×402", True
    made = Image.fromarray(synthetic_photograph(640, 402))
    return made, "a synthetic picture (no reference media were there)", False


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    """Save by way of Pillow."""
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def exif(orientation: int) -> bytes:
    """Make EXIF data with an orientation."""
    made = Image.Exif()
    made[_ORIENTATION] = orientation
    return made.tobytes()


def stored_turned(picture: Image.Image, orientation: int) -> Image.Image:
    """Turn a picture so that its orientation brings it back upright."""
    way = _STORED[orientation]
    return picture if way is None else picture.transpose(way)


def heic(picture: Image.Image, **options: object) -> bytes:
    """Save as HEIC."""
    pillow_heif = peer("pillow_heif")
    stream = io.BytesIO()
    pillow_heif.from_pillow(picture).save(stream, quality=QUALITY, **options)
    return stream.getvalue()


def cases(rgb: Image.Image) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """Yield name, suffix and writer of every form; the first is the one all others are held against."""
    grey = rgb.convert("L")
    levels = np.asarray(grey)
    colours = np.asarray(rgb)
    opaque = np.full((*levels.shape, 1), 255, np.uint8)
    other = rgb.transpose(Image.Transpose.FLIP_LEFT_RIGHT).rotate(180)
    frames = {"save_all": True, "append_images": [other], "duration": 400, "loop": 0}
    yield "JPEG, RGB", "jpg", lambda: saved(rgb, "JPEG", quality=QUALITY)
    yield "JPEG, grey", "jpg", lambda: saved(grey, "JPEG", quality=QUALITY)
    yield "JPEG, progressive", "jpg", lambda: saved(rgb, "JPEG", quality=QUALITY, progressive=True)
    yield "JPEG, RGB without conversion", "jpg", lambda: saved(rgb, "JPEG", quality=QUALITY, keep_rgb=True)
    yield "JPEG, CMYK", "jpg", lambda: saved(rgb.convert("CMYK"), "JPEG", quality=QUALITY)
    yield "JPEG, CMYK with black", "jpg", lambda: saved(cmyk_of(rgb), "JPEG", quality=QUALITY)
    yield "JPEG, YCCK (Adobe)", "jpg", lambda: ycck_jpeg(rgb, QUALITY)
    for orientation in _STORED:
        turned = stored_turned(rgb, orientation)
        yield (
            f"JPEG, EXIF orientation {orientation}",
            "jpg",
            lambda turned=turned, orientation=orientation: saved(
                turned, "JPEG", quality=QUALITY, exif=exif(orientation)
            ),
        )
    yield "PNG, RGB", "png", lambda: saved(rgb, "PNG")
    yield "PNG, RGB interlaced", "png", lambda: png(colours, is_interlaced=True)
    yield "PNG, RGB 16-bit", "png", lambda: png(colours.astype(np.uint16) * 257, 16)
    yield "PNG, RGBA", "png", lambda: png(np.concatenate([colours, opaque], axis=2))
    yield "PNG, RGBA 16-bit", "png", lambda: png(np.concatenate([colours, opaque], 2).astype(np.uint16) * 257, 16)
    yield "PNG, RGB with tRNS", "png", lambda: png(colours, transparency=bytes([0, 1, 0, 254, 0, 3]))
    yield "PNG, palette", "png", lambda: saved(rgb.quantize(256), "PNG")
    yield "PNG, palette with tRNS", "png", lambda: saved(rgb.quantize(255), "PNG", transparency=bytes([254]))
    yield "PNG, palette of 16", "png", lambda: saved(rgb.quantize(16), "PNG", bits=4)
    yield "PNG, grey", "png", lambda: saved(grey, "PNG")
    yield "PNG, grey interlaced", "png", lambda: png(levels, is_interlaced=True)
    yield "PNG, grey and alpha", "png", lambda: png(np.concatenate([levels[..., None], opaque], axis=2))
    yield "PNG, grey with tRNS", "png", lambda: png(levels, transparency=b"\0\1")
    yield "PNG, grey 16-bit", "png", lambda: png(levels.astype(np.uint16) * 257, 16)
    yield "PNG, grey 4-bit", "png", lambda: png(levels >> 4, 4)
    yield "PNG, grey 2-bit", "png", lambda: png(dithered(levels, 4), 2)
    yield "PNG, 1-bit", "png", lambda: saved(rgb.convert("1"), "PNG")
    yield "PNG, EXIF orientation 6", "png", lambda: saved(stored_turned(rgb, 6), "PNG", exif=exif(6))
    yield "APNG, first frame", "png", lambda: saved(rgb, "PNG", **frames)
    yield "GIF", "gif", lambda: saved(rgb, "GIF")
    yield "GIF, animated, first frame", "gif", lambda: saved(rgb.quantize(256), "GIF", **frames)
    yield "WebP, lossy", "webp", lambda: saved(rgb, "WEBP", quality=QUALITY)
    yield "WebP, lossless", "webp", lambda: saved(rgb, "WEBP", lossless=True)
    yield "WebP, with alpha", "webp", lambda: saved(rgb.convert("RGBA"), "WEBP", quality=QUALITY)
    yield (
        "WebP, EXIF orientation 6",
        "webp",
        lambda: saved(stored_turned(rgb, 6), "WEBP", quality=QUALITY, exif=exif(6)),
    )
    yield "WebP, animated, first frame", "webp", lambda: saved(rgb, "WEBP", quality=QUALITY, **frames)
    yield "BMP", "bmp", lambda: saved(rgb, "BMP")
    yield "TIFF, RGB", "tif", lambda: saved(rgb, "TIFF", compression="tiff_lzw")
    yield "TIFF, CMYK", "tif", lambda: saved(cmyk_of(rgb), "TIFF")
    yield "TIFF, grey 16-bit", "tif", lambda: saved(Image.fromarray(levels.astype(np.uint16) * 257), "TIFF")
    yield "AVIF", "avif", lambda: saved(rgb, "AVIF", quality=QUALITY, speed=9)
    yield (
        "AVIF, EXIF orientation 6",
        "avif",
        lambda: saved(stored_turned(rgb, 6), "AVIF", quality=QUALITY, speed=9, exif=exif(6)),
    )
    yield "HEIC", "heic", lambda: heic(rgb)
    yield "HEIC, grey", "heic", lambda: heic(grey)
    yield "HEIC, EXIF orientation 6", "heic", lambda: heic(stored_turned(rgb, 6), exif=exif(6))


def dithered(levels: np.ndarray, count: int) -> np.ndarray:
    """Reduce grey to a few levels, spreading the error over the neighbours as programs do."""
    palette = Image.new("P", (1, 1))
    steps = [round(255 * each / (count - 1)) for each in range(count)]
    palette.putpalette([value for step in steps for value in (step, step, step)])
    return np.asarray(Image.fromarray(levels).convert("RGB").quantize(palette=palette)) % count


def signal_of(path: Path) -> bytes | str:
    """Hash with Hedgerow: the bits of the stored signal, or what went wrong."""
    try:
        found = hedgerow.hash_file(path)
    except HedgerowError as error:
        return type(error).__name__
    return next((each.bits for each in found.signals if each.variant == "as is"), "no signal")


def peer_signal_of(path: Path) -> bytes | str:
    """Hash with threatexchange, as its command line does."""
    pytx = peer("threatexchange.signal_type.pdq.signal")
    if pytx is None:
        return "not installed"
    try:
        value: str = pytx.PdqSignal.hash_from_file(path)
    except Exception as error:  # noqa: BLE001  (whatever the peer does is the finding)
        return type(error).__name__
    return bytes.fromhex(value) if value else "empty hash"


def distance(first: bytes | str, second: bytes | str) -> int | None:
    """Count differing bits; None where one is no signal."""
    if isinstance(first, str) or isinstance(second, str):
        return None
    return (int.from_bytes(first) ^ int.from_bytes(second)).bit_count()


def main() -> None:
    """Run it."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    rgb, described, is_real = photograph()
    result = Result(
        "formats",
        "One photograph in every format and mode",
        f"Bits of 256 between the signal of the RGB JPEG and that of the same photograph in another form. More than "
        f"{MATCH} is a miss. The photograph is {described}.",
    )
    rows = []
    bars: list[tuple[str, list[Bar]]] = []
    worst, worst_few = 0, 0
    failed: list[str] = []
    standard: tuple[bytes | str, bytes | str] | None = None
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, suffix, write) in enumerate(cases(rgb)):
            path = Path(folder) / f"{number}.{suffix}"
            try:
                path.write_bytes(write())
            except (KeyError, OSError, ValueError) as error:
                rows.append((name, "not written", "–"))
                result.notes.append(f"{name} could not be written: {type(error).__name__}.")
                continue
            found = signal_of(path), peer_signal_of(path)
            standard = standard or found
            ours, theirs = (distance(each, of) for each, of in zip(found, standard, strict=True))
            has_few_levels = "1-bit" in name or "4-bit" in name or "2-bit" in name or "palette of 16" in name
            if ours is None:
                failed.append(name)
            elif has_few_levels:
                worst_few = max(worst_few, ours)
            else:
                worst = max(worst, ours)
            texts = [str(each if bits is None else bits) for each, bits in zip(found, (ours, theirs), strict=True)]
            is_miss = theirs is None or theirs > MATCH
            rows.append((name, texts[0], f"**{texts[1]}**" if is_miss else texts[1]))
            result.rows.append({"form": name, "hedgerow": ours, "threatexchange": theirs, "texts": texts})
            bars.append(
                (
                    "",
                    [Bar(name, float(ours) if ours is not None else None, texts[0], "ours"), Bar("", theirs, texts[1])],
                )
            )
    result.tables.append(
        Table(
            "Bits away from the RGB JPEG",
            ("form", "hedgerow", "threatexchange"),
            tuple(rows),
            "Bold: the peer would not find it. Each tool is held against its own signal of the RGB JPEG.",
        )
    )
    result.check("Forms that could not be hashed", "at most", 0, len(failed))
    for label, limit, value in (
        ("One photograph in every form, largest distance", LIMIT, worst),
        ("The same, 1, 2 and 4 bits a pixel", LIMIT_FEW_LEVELS, worst_few),
    ):
        why = "no photograph: the reference media are not there (HEDGEROW_TEST_DATA)"
        result.check(label, "at most", limit, value if is_real else None, unit=" bits", why=why)
    result.notes += [f"{name} could not be hashed." for name in failed]
    result.charts["formats.svg"] = bar_chart(
        "Bits away from the RGB JPEG: Hedgerow (green), threatexchange (grey); dashed: a match ends",
        bars,
        is_compact=True,
        target=MATCH,
    )
    result.write()


if __name__ == "__main__":
    main()
