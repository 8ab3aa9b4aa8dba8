"""Make ``src/hedgerow/hashing/vectors/vectors.json``; SOURCES.md beside it says what each value is.

Run it by hand, with pdqhash installed, only when a vector is added: a changed value means a changed signal.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
from pathlib import Path

import numpy as np
import pdqhash
import pillow_heif
from PIL import Image

from hedgerow.hashing.selftest import synthetic_picture

OUT = Path(__file__).parents[2] / "src/hedgerow/hashing/vectors/vectors.json"
SIZES = [(64, 64, 1), (65, 200, 3), (127, 129, 3), (300, 200, 3), (512, 512, 3), (513, 400, 3), (640, 480, 1)]
SIZES += [(1031, 777, 3), (1500, 90, 1), (40, 30, 3)]
REDUCED = [(640, 480, 6, 160, 160), (1280, 720, 11, 256, 180), (720, 960, 12, 180, 192)]
# compute_dihedral's order, in our words for what was done to the file
WAYS = [
    "as is", "rotated 90°", "rotated 180°", "rotated 270°", "flipped", "mirrored",
    "mirrored, rotated 270°", "mirrored, rotated 90°",
]  # fmt: skip


def text(vector: np.ndarray) -> str:
    return np.packbits(vector.astype(bool)).tobytes().hex()


def rgb(picture: np.ndarray) -> np.ndarray:
    return picture if picture.ndim == 3 else np.dstack([picture] * 3)


def squashed(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    if max(height, width) <= 512:
        return picture
    return picture[np.arange(512) * height // 512][:, np.arange(512) * width // 512]


def picture_vector(width: int, height: int, channels: int, seed: int) -> dict[str, object]:
    picture = synthetic_picture(width, height, seed, channels)
    full, quality = pdqhash.compute(rgb(picture))
    reference, reference_quality = pdqhash.compute(np.ascontiguousarray(rgb(squashed(picture))))
    turned, _ = pdqhash.compute_dihedral(rgb(picture))
    return {
        "width": width, "height": height, "channels": channels, "seed": seed, "source": "PyPI pdqhash 0.2.8",
        "full-size": {"value": text(full), "quality": quality},
        "reference": {"value": text(reference), "quality": reference_quality},
        "dihedral": dict(zip(WAYS, map(text, turned), strict=True)),
    }  # fmt: skip


def file_vectors() -> list[dict[str, object]]:
    picture = synthetic_picture(128, 96, seed=7)
    image = Image.fromarray(picture)
    cmyk = Image.fromarray(np.dstack([255 - picture, np.zeros(picture.shape[:2], np.uint8)]), "CMYK")
    grey16 = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    upside_down = image.transpose(Image.Transpose.ROTATE_180)
    exif = Image.Exif()
    exif[0x0112] = 3
    pillow_heif.register_heif_opener()
    cases = [
        ("JPEG", image, {"format": "JPEG", "quality": 85}),
        ("JPEG, progressive", image, {"format": "JPEG", "quality": 85, "progressive": True}),
        ("JPEG, CMYK", cmyk, {"format": "JPEG", "quality": 85}),
        ("JPEG, EXIF orientation 3", upside_down, {"format": "JPEG", "quality": 85, "exif": exif}),
        ("PNG", image, {"format": "PNG"}),
        ("PNG, palette", image.quantize(64), {"format": "PNG"}),
        ("PNG, 16-bit grey", grey16, {"format": "PNG"}),
        ("GIF", image.quantize(64), {"format": "GIF"}),
        ("WebP", image, {"format": "WEBP", "quality": 85}),
        ("AVIF", image, {"format": "AVIF", "quality": 85}),
        ("HEIC", image, {"format": "HEIF", "quality": 85}),
    ]
    vectors = []
    for name, source, options in cases:
        stream = io.BytesIO()
        source.save(stream, **options)
        seen = source.convert("RGB") if source.mode == "P" else image  # a palette of 64 colours is another picture
        expected = text(pdqhash.compute(np.asarray(seen))[0])
        data = base64.b64encode(stream.getvalue()).decode()
        vectors.append(
            {"name": name, "source": "PyPI pdqhash 0.2.8 on the pixels before encoding", "value": expected,
             "tolerance": 10, "data": data}
        )  # fmt: skip
    return vectors


def reduced_frame_vector(width: int, height: int, seed: int, columns: int, rows: int) -> dict[str, object]:
    value, _ = pdqhash.compute(rgb(synthetic_picture(width, height, seed, 1)))
    return {
        "width": width, "height": height, "seed": seed, "columns": columns, "rows": rows, "tolerance": 10,
        "source": "PyPI pdqhash 0.2.8 on the whole picture", "value": text(value),
    }  # fmt: skip


# facebook/ThreatExchange baefb4ed, vpdq/sample-hashes/pattern-sd-grey-bar.txt: every 30th line
LINES = [
    "0,100,b2dc981be36c994787bc16811edcda81d20b855627b6bff86e8ba1050b44ff86,0.000",
    "30,100,92de981be52e894783bc92854edcda89f24b955627b6dff82a8b81052554dbc6,1.000",
    "60,100,c0a3efc9a963f0a91e9a62392afc65013ba5421f529aafb9af4fa013157467e2,2.000",
]


def frame_list_vector(lines: list[str], duration_s: float) -> dict[str, object]:
    packed = struct.pack("<4sId", b"HFL1", len(lines), duration_s)
    for line in lines:
        number, quality, value, time_s = line.split(",")
        packed += bytes.fromhex(value) + struct.pack("<BIdd", int(quality), int(number), float(time_s), float(time_s))
    return {
        "source": "Meta vpdq sample hashes, packed by Python's struct", "lines": lines, "duration_s": duration_s,
        "value": hashlib.sha256(packed).hexdigest(),
    }  # fmt: skip


DIGESTS = [
    ("md5", "abc", "900150983cd24fb0d6963f7d28e17f72", "RFC 1321 A.5"),
    ("md5", "message digest", "f96b697d7cb7938d525a2f31aaf161d0", "RFC 1321 A.5"),
    ("sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d", "FIPS 180-2 A.1"),
    ("sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "FIPS 180-2 B.1"),
]

if __name__ == "__main__":
    vectors = {
        "pictures": [picture_vector(w, h, c, seed) for seed, (w, h, c) in enumerate(SIZES)],
        "files": file_vectors(),
        "reduced frames": [reduced_frame_vector(*each) for each in REDUCED],
        "frame lists": [frame_list_vector(LINES, 3.0)],
        "digests": [dict(zip(("type", "text", "value", "source"), row, strict=True)) for row in DIGESTS],
    }
    OUT.write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
