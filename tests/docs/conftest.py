"""The folder in which the examples of the documentation are run, prepared anew for each document.

::

    known/lamp.png, known/boat.png     two pictures that a person adds to a bank
    lists/partner.csv                  a partner's list under headers of its own; two of its five rows are faulty
    lists/digests.txt                  digests as plain text: the MD5 of uploads/monday/img-003.jpg, and one unknown
    uploads/monday/img-001.jpg         the lamp at half its size
    uploads/monday/img-002.gif         the lamp as GIF
    uploads/monday/img-003.jpg         unrelated
    uploads/tuesday/img-004.jpg        the boat, mirrored
    uploads/tuesday/img-005.jpg        the boat with a white border
    uploads/tuesday/album.zip          holds img-006.jpg, the lamp rotated, and img-007.jpg, unrelated
    uploads/tuesday/cut.jpg            an unrelated picture of which the second half is missing
    uploads/tuesday/notes.txt          no picture
    uploads/tuesday/plain.png          one colour
    films/known/fountain.mp4           a clip of six seconds that a person adds to a bank
    films/uploads/holiday.mp4          another clip, with the fountain in its middle
    films/uploads/mirrored.webm        the fountain, mirrored and encoded again
    films/uploads/other.mp4            unrelated
    films/uploads/poster.jpg           one frame of the fountain
    lists/vic.json                     a hash set of Project VIC: five records, of which two are known material
    lists/NSRLFile.txt                 known software: uploads/tuesday/notes.txt and something else
    lists/kite.txt                     the frames of a known video, as the vPDQ tool writes them

The README has a smaller folder of its own::

    list.txt                the lamp as plain text
    uploads/known.jpg       the lamp
    uploads/mirrored.jpg    the lamp, mirrored
    uploads/other.jpg       unrelated

All pictures are generated (`hedgerow.hashing.selftest.synthetic_picture`), and the clips are made of them. Without
PyAV there are no films.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hedgerow import hash_file, pdq
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.testing.alterations import ALTERATIONS
from hedgerow.testing.clips import can_write_clips, panning_frames, write_clip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LAMP, _BOAT = 11, 8  # seeds of pictures that survive all of what is done to them here
_UNRELATED = (3, 5, 7)


def _picture(seed: int) -> Image.Image:
    return Image.fromarray(synthetic_picture(640, 480, seed))


def _altered(seed: int, name: str) -> bytes:
    return next(each for each in ALTERATIONS if each.name == name).apply(_picture(seed))


def _list_rows() -> list[str]:
    lamp, boat = (pdq(synthetic_picture(640, 480, seed)).value for seed in (_LAMP, _BOAT))
    digest = hashlib.md5(b"a file that nobody here has", usedforsecurity=False).hexdigest()
    return [
        "Fingerprint;Method;Class;Reference",
        f"{lamp};PDQ;A1;ref-0001",
        f"{boat};PDQ;A2;ref-0002",
        f"{digest};MD5;A1;ref-0003",
        f"{'0' * 64};PDQ;A1;ref-0004",
        f"{lamp[:-3]};PDQ;A2;ref-0005",
    ]


@pytest.fixture(scope="session")
def master_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that every document begins with."""
    root = tmp_path_factory.mktemp("afternoon")
    for name in ("known", "lists", "uploads/monday", "uploads/tuesday"):
        (root / name).mkdir(parents=True)
    _picture(_LAMP).save(root / "known/lamp.png")
    _picture(_BOAT).save(root / "known/boat.png")
    monday, tuesday = root / "uploads/monday", root / "uploads/tuesday"
    (monday / "img-001.jpg").write_bytes(_altered(_LAMP, "half size"))
    (monday / "img-002.gif").write_bytes(_altered(_LAMP, "GIF"))
    (monday / "img-003.jpg").write_bytes(_altered(_UNRELATED[0], "saved again"))
    (tuesday / "img-004.jpg").write_bytes(_altered(_BOAT, "mirrored"))
    (tuesday / "img-005.jpg").write_bytes(_altered(_BOAT, "white border"))
    with zipfile.ZipFile(tuesday / "album.zip", "w") as album:
        album.writestr("img-006.jpg", _altered(_LAMP, "rotated 90°"))
        album.writestr("img-007.jpg", _altered(_UNRELATED[1], "saved again"))
    whole = _altered(_UNRELATED[2], "saved again")
    (tuesday / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tuesday / "notes.txt").write_text("Nothing to see here.\n", "utf-8")
    Image.new("RGB", (300, 200), "teal").save(tuesday / "plain.png")
    (root / "lists/partner.csv").write_text("\n".join(_list_rows()) + "\n", "utf-8")
    known = hashlib.md5((monday / "img-003.jpg").read_bytes(), usedforsecurity=False).hexdigest()
    unknown = hashlib.md5(b"another file", usedforsecurity=False).hexdigest()
    (root / "lists/digests.txt").write_text(f"# from a partner\nmd5 {known}\nmd5 {unknown}\n", "utf-8")
    _write_sets(root)
    if can_write_clips():
        _write_films(root)
    return root


def _write_sets(root: Path) -> None:
    def digest(name: str, number: int) -> str:
        return hashlib.new(name, b"known %d" % number, usedforsecurity=False).hexdigest().upper()

    context = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media"
    records: list[dict[str, object]] = [
        {"MediaID": number, "Category": category, "MD5": digest("md5", number), "SHA1": digest("sha1", number)}
        for number, category in enumerate((1, 2, 0, 5, None), 1)
    ]
    for each in records[:2]:
        each["PhotoDNA"] = "QUJD" * 48
    (root / "lists/vic.json").write_text(json.dumps({"@odata.context": context, "value": records}), "utf-8-sig")
    header = '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"'
    notes = hashlib.sha1((root / "uploads/tuesday/notes.txt").read_bytes(), usedforsecurity=False).hexdigest()
    rows = [f'"{sha1.upper()}","","","a",1,1,"",""' for sha1 in (notes, digest("sha1", 9))]
    (root / "lists/NSRLFile.txt").write_text("\r\n".join([header, *rows, ""]), "utf-8")


def _write_films(root: Path) -> None:
    for name in ("films/known", "films/uploads"):
        (root / name).mkdir(parents=True)
    fountain, holiday, other, kite = (
        panning_frames([_strong(seed) for seed in seeds]) for seeds in ((1, 2, 3), (4, 5), (6, 9), (10, 12))
    )
    uploads = root / "films/uploads"
    write_clip(root / "films/known/fountain.mp4", fountain)
    write_clip(uploads / "holiday.mp4", [*holiday, *fountain, *holiday[::-1]])
    write_clip(uploads / "mirrored.webm", [np.fliplr(frame).copy() for frame in fountain], codec="libvpx-vp9")
    write_clip(uploads / "other.mp4", other)
    Image.fromarray(fountain[36]).save(uploads / "poster.jpg", quality=90)
    write_clip(root / "kite.mp4", kite)
    frames = hash_file(root / "kite.mp4").signals[0].frames
    assert frames is not None
    lines = zip(frames.numbers, frames.qualities, frames.bits, frames.times_s, strict=True)
    listed = [f"{number},{quality},{bits.tobytes().hex()},{time_s:.3f}\n" for number, quality, bits, time_s in lines]
    (root / "lists/kite.txt").write_text("".join(listed), "utf-8")
    (root / "kite.mp4").unlink()


def _strong(seed: int) -> Image.Image:
    """Make a picture with as much contrast as a photograph."""
    soft = synthetic_picture(480, 360, seed).astype(int)
    return Image.fromarray(np.clip((soft - 128) * 3 + 128, 0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def readme_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that the README begins with."""
    root = tmp_path_factory.mktemp("five-minutes")
    (root / "uploads").mkdir()
    for name, seed, alteration in (
        ("known", _LAMP, "saved again"),
        ("mirrored", _LAMP, "mirrored"),
        ("other", _UNRELATED[0], "saved again"),
    ):
        (root / f"uploads/{name}.jpg").write_bytes(_altered(seed, alteration))
    (root / "list.txt").write_text(f"pdq {pdq(synthetic_picture(640, 480, _LAMP)).value}\n", "utf-8")
    return root


@pytest.fixture(scope="session")
def prepared(
    master_folder: Path, readme_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], Path]:
    """Give a function that lays out a fresh folder for a document."""

    def lay_out(document: Path) -> Path:
        place = tmp_path_factory.mktemp(document.stem) / "folder"
        shutil.copytree(readme_folder if document.name == "README.md" else master_folder, place)
        return place

    return lay_out
