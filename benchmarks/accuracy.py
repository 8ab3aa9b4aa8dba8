"""How exact our signals are: the reduced decode against the full one, ours against the published ones."""

from __future__ import annotations

import common  # first: it sets one thread

# isort: split
import argparse
import statistics
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

import hedgerow
from charts import column_chart
from common import Result, Table, peer, photographs, share, shared_data
from hedgerow.hashing import PdqHasher
from hedgerow.hashing.pdq import TURNS, WAYS, ArrayPixels, bits, coefficients, dihedral, small_picture
from hedgerow.hashing.selftest import check_golden_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

NO_DATA = "the reference media are not there (HEDGEROW_TEST_DATA)"
MINIMUM_QUALITY = 50
PHOTOGRAPHS_AT_LEAST = 300


def as_is(path: Path, *, exact: bool) -> hedgerow.Signal:
    """Return the signal that would be stored."""
    return hedgerow.hash_file(path, exact=exact).signals[0]


def distance(first: bytes, second: bytes) -> int:
    """Count differing bits."""
    return (int.from_bytes(first) ^ int.from_bytes(second)).bit_count()


def reduced_and_full(result: Result, paths: Iterable[Path]) -> None:
    """Compare the default decode of each JPEG with the full one."""
    found: list[int] = []
    steps: list[int] = []
    by_scale: dict[str, list[int]] = {}
    plain = 0
    for path in paths:
        reduced, full = as_is(path, exact=False), as_is(path, exact=True)
        if (full.quality or 0) < MINIMUM_QUALITY:
            plain += 1
            continue
        found.append(distance(reduced.bits, full.bits))
        steps.append(abs((reduced.quality or 0) - (full.quality or 0)))
        scale = reduced.made_by.partition("from ")[2] or "1:1"
        by_scale.setdefault(scale, []).append(found[-1])
        result.rows.append({"what": "reduced", "scale": scale, "bits": found[-1], "quality": steps[-1]})
    rows = [
        (
            name,
            f"{len(each)}",
            f"{statistics.mean(each):.2f}",
            f"{share(each, 0.99)}",
            f"{max(each)}",
        )
        for name, each in [*sorted(by_scale.items()), ("all", found)]
        if each
    ]
    result.tables.append(
        Table(
            "Reduced decode against full decode",
            ("JPEG decoded at", "photographs", "mean bits", "99th percentile", "largest"),
            tuple(rows),
            f"Photographs of quality ≥ {MINIMUM_QUALITY}; {plain} plainer ones are left out. The quality differs by at "
            f"most {max(steps, default=0)}. Pictures decoded at 1:1 differ only where their short side allows grey.",
        )
    )
    for name, limit, value in (
        ("mean", 1.0, statistics.mean(found) if found else None),
        ("99th percentile", 4, share(found, 0.99) if found else None),
        ("largest", 6, max(found, default=None)),
    ):
        result.check(f"Reduced against full, {name}", "at most", limit, value, unit=" bits", why=NO_DATA)
    if found:
        counts = Counter(found)
        result.charts["accuracy-reduced.svg"] = column_chart(
            "Bits between the reduced and the full decode: photographs",
            [(str(each), counts[each]) for each in range(max(7, max(found) + 1))],
            "bits of 256 (dashed: the largest allowed; a match is up to 31)",
            target=6,
        )


def full_and_pdqhash(result: Result, paths: Iterable[Path]) -> None:
    """Compare the full decode with PyPI's pdqhash on the upright pixels."""
    pdqhash = peer("pdqhash")
    if pdqhash is None:
        result.check("Full decode against pdqhash", "at most", 0, None, why="pdqhash is not installed")
        return
    heif = peer("pillow_heif")
    if heif:
        heif.register_heif_opener()
    bits_off: list[int] = []
    quality_off: list[int] = []
    left_out = 0
    for path in paths:
        ours = hedgerow.hash_file(path, exact=True).signals[0]
        with Image.open(path) as opened:
            if opened.mode not in {"RGB", "L"} or getattr(opened, "n_frames", 1) > 1:
                left_out += 1
                continue
            array = np.asarray(ImageOps.exif_transpose(opened))
        if array.ndim == 2:
            array = np.repeat(array[..., None], 3, axis=2)
        vector, quality = pdqhash.compute(np.ascontiguousarray(array))
        bits_off.append(distance(ours.bits, np.packbits(vector).tobytes()))
        quality_off.append(abs((ours.quality or 0) - int(quality)))
    result.rows.append({"what": "pdqhash", "bits": bits_off, "quality": quality_off})
    result.tables.append(
        Table(
            "Full decode against PyPI pdqhash",
            ("", "pictures", "equal", "largest difference", "quality, largest difference"),
            (
                (
                    "RGB and grey",
                    f"{len(bits_off)}",
                    f"{bits_off.count(0)}",
                    f"{max(bits_off, default=0)} bits",
                    f"{max(quality_off, default=0)}",
                ),
            ),
            f"Same pixels, upright. {left_out} pictures with transparency, palette or several frames are left out: "
            "pdqhash takes no such pixels.",
        )
    )
    why = "" if bits_off else NO_DATA
    result.check(
        "Full decode against pdqhash, largest", "at most", 0, max(bits_off, default=None), unit=" bits", why=why
    )
    result.check(
        "Full decode against pdqhash, quality", "at most", 0, max(quality_off, default=None), unit=" points", why=why
    )
    result.check("Pictures compared with pdqhash", "at least", PHOTOGRAPHS_AT_LEAST, len(bits_off) or None, why=why)


def golden(result: Result, data: Path | None) -> None:
    """Compare the reference front end with Meta's C++ tool."""
    if data is None:
        result.check("C++ golden rows reproduced", "at least", 39, None, why=NO_DATA)
        return
    folder = data / "reference"
    rows = list(check_golden_file(folder / "pdq-cpp-golden.csv", _folder_of(folder, "bridge-mods").parent))
    passed = sum(row.has_passed for row in rows)
    result.rows.append({"what": "golden", "rows": len(rows), "passed": passed})
    result.tables.append(
        Table(
            "Reference front end against Meta's C++ tool",
            ("", "rows", "bits and quality equal"),
            (("pdq/data of facebook/ThreatExchange", f"{len(rows)}", f"{passed}"),),
        )
    )
    result.notes += [f"{row.name}: {row.problem or f'{row.distance} bits'}" for row in rows if not row.has_passed]
    result.check("C++ golden rows reproduced", "at least", 39, passed)


def _folder_of(folder: Path, name: str) -> Path:
    return next(each for each in sorted(folder.rglob(name)) if each.is_dir())


def upright_array(path: Path) -> NDArray[np.uint8]:
    """Decode a photograph in full, as a viewer sees it."""
    with Image.open(path) as opened:
        return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))


def turned(array: NDArray[np.uint8], way: str) -> NDArray[np.uint8]:
    """Do to a picture what undoing is the way of that name."""
    turn = WAYS[way]
    # WAYS lead back from the file to the banked picture; the file is therefore the inverse.
    inverse = next(each for each in TURNS.values() if turn.then(each) == TURNS[1])
    rows, columns, is_transposed = inverse
    found = array[:: -1 if rows else 1, :: -1 if columns else 1]
    return np.ascontiguousarray(np.swapaxes(found, 0, 1) if is_transposed else found)


def ways(result: Result, paths: list[Path], most: int) -> None:
    """Compare the eight variants of turned photographs with the signal of the photograph."""
    hasher = PdqHasher()
    ours: dict[str, list[int]] = {way: [] for way in WAYS}
    published: dict[str, list[int]] = {way: [] for way in WAYS}
    for path in paths[:: max(1, len(paths) // most)][:most]:
        array = upright_array(path)
        wanted = hedgerow.pdq(array)
        if (wanted.quality or 0) < MINIMUM_QUALITY:
            continue
        for way in WAYS:
            pixels = ArrayPixels(turned(array, way))
            variants = {each.variant: each.bits for each in hasher.signals(pixels, level="standard")}
            ours[way].append(distance(variants[way], wanted.bits))
            signs = bits(dihedral(coefficients(small_picture(pixels)))[way])
            published[way].append(distance(signs, wanted.bits))
    if not ours["mirrored"]:
        result.check("Turned and mirrored variants, largest", "at most", 36, None, why=NO_DATA)
        return
    rows = [
        (
            way,
            f"{statistics.median(ours[way]):g}",
            f"{max(ours[way])}",
            f"{statistics.median(published[way]):g}",
            f"{max(published[way])}",
        )
        for way in WAYS
    ]
    result.rows.append({"what": "ways", "ours": ours, "published": published})
    result.tables.append(
        Table(
            "The eight ways to lay a picture",
            ("variant", "ours: median bits", "largest", "sign changes (as PDQ publishes it): median", "largest"),
            tuple(rows),
            f"{len(ours['mirrored'])} photographs, truly turned, then looked up under the variant that leads back. "
            "Ours turns the operators, which is the same as turning the pixels; PDQ's own way changes signs of the "
            "coefficients, which is not quite.",
        )
    )
    result.check(
        "Turned and mirrored variants, median",
        "at most",
        8,
        max(statistics.median(each) for each in ours.values()),
        unit=" bits",
    )
    result.check(
        "Turned and mirrored variants, largest", "at most", 36, max(max(each) for each in ours.values()), unit=" bits"
    )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, help="photographs at most (default: all)")
    parser.add_argument("--ways", type=int, default=60, help="photographs that are turned (default 60)")
    arguments = parser.parse_args()
    result = Result(
        "accuracy",
        "How exact the signals are",
        "Bits of 256 between two signals that should be the same. A match is usually taken to be up to 31.",
    )
    data = shared_data()
    paths = photographs()[: arguments.most]
    references = (
        sorted((data / "reference").rglob("*.jp*g")) + sorted((data / "reference").rglob("*.png")) if data else []
    )
    jpegs = [path for path in paths if path.suffix.lower() in {".jpg", ".jpeg"}]
    with common.on_one_core():
        reduced_and_full(result, jpegs)
        full_and_pdqhash(result, [*paths, *references])
        golden(result, data)
        ways(result, jpegs, arguments.ways)
    result.write()


if __name__ == "__main__":
    main()
