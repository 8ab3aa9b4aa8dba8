"""The program that an evaluating process runs: ``python -m hedgerow.evaluation.worker OPTIONS.json``.

It hashes originals, makes altered copies, hashes these, and measures distances to the originals' rows. Pictures and
copies never leave it (`hedgerow.media.sandbox`).
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from hedgerow.errors import MediaError, PictureTooLarge
from hedgerow.evaluation.methods import methods_of
from hedgerow.evaluation.transforms import TRANSFORMS, Transform, prepared
from hedgerow.media import MediaLimits, read_media, sniff
from hedgerow.media.sandbox_worker import serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hedgerow.evaluation.methods import Column, Look
    from hedgerow.media.sandbox_worker import Request

__all__ = ["distances_between", "main", "upright_picture"]

_COMPANION_SIDE = 640  # pictures that stand beside others need no more
_MOST_HITS = 64  # listed for one altered copy and method
_FARTHEST = 256  # bits; stands where nothing was looked up
_NEAR = 9  # bits beyond the threshold up to which impostors are listed: near misses are worth a look


def upright_picture(data: bytes, limits: MediaLimits) -> Image.Image:
    """Decode a file with Pillow as a viewer sees it: upright, RGB, transparent parts over white.

    Raises:
        PictureTooLarge: More pixels than the limit.
        OSError: Pillow cannot read it.
    """
    media_type = sniff(data)
    if media_type in {"image/heic", "image/heif"}:
        from hedgerow.media.heif import open_heif  # noqa: PLC0415  (a large library that few files need)

        opened: Image.Image = open_heif(data)[0].to_pillow()
    else:
        opened = Image.open(io.BytesIO(data))
    if opened.width * opened.height > limits.pixels:
        raise PictureTooLarge(opened.width, opened.height, limits.pixels)
    upright = ImageOps.exif_transpose(opened)
    if "transparency" in upright.info or upright.mode in {"RGBA", "LA", "PA", "La", "RGBa"}:
        ground = Image.new("RGBA", upright.size, "white")
        ground.alpha_composite(upright.convert("RGBA"))
        return ground.convert("RGB")
    return upright.convert("RGB")


def distances_between(looks: Sequence[Look], bank: NDArray[np.uint64]) -> NDArray[np.int16]:
    """Return the distance in bits of every look to every bank row (n, 4): (looks, n)."""
    words = np.frombuffer(b"".join([each.bits for each in looks]), np.uint64).reshape(len(looks), 4)
    found = np.zeros((len(words), len(bank)), np.int16)
    for word in range(4):
        found += np.bitwise_count(words[:, word, None] ^ bank[None, :, word])
    return found


class _Bank:
    """The rows that copies are compared with, for one method: of each entry the whole, then its parts."""

    def __init__(self, path: str) -> None:
        rows = np.load(path, allow_pickle=False)
        self.bits = np.ascontiguousarray(rows["bits"]).view(np.uint64)
        self.is_kept = rows["is_kept"][rows["is_whole"]]
        self.whole = np.flatnonzero(rows["is_whole"])
        self._is_kept_row = rows["is_kept"]
        self._entry = rows["entry"]

    def kept_rows_of(self, entries: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which rows a bank would take that belong to some entries: their wholes and their parts."""
        chosen: NDArray[np.bool_] = self._is_kept_row & entries[self._entry]
        return chosen

    def rows_of(self, entry: int, *, has_parts: bool) -> NDArray[np.intp]:
        """Return the rows of an entry: the whole, and the parts that a bank would take."""
        end = self.whole[entry + 1] if entry + 1 < len(self.whole) else len(self._is_kept_row)
        rows = np.arange(self.whole[entry], end)
        return rows[self._is_kept_row[rows] | (rows == rows[0])] if has_parts else rows[:1]

    def of_entries(self, nearest: NDArray[np.int16], *, has_parts: bool) -> NDArray[np.int16]:
        """Return the distance to each entry, given that to each row."""
        if not has_parts:
            return nearest[self.whole]
        among = np.where(self._is_kept_row, nearest, np.int16(_FARTHEST))
        among[self.whole] = nearest[self.whole]
        found: NDArray[np.int16] = np.minimum.reduceat(among, self.whole)
        return found


class _Handler:
    """Answers tasks about originals and about altered copies."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._limits = MediaLimits(**options["limits"])
        self._methods = methods_of(
            options["levels"], self._limits, with_parts=options["parts"], with_peers=options["peers"]
        )
        named = {each.name: each for each in TRANSFORMS}
        self._transforms = [named[name] for name in options["transforms"]]
        self._near: int = options["threshold"] + _NEAR
        self._minimum_quality: int = options["minimum_quality"]
        self._banks: list[_Bank] = []

    def __call__(self, request: Request) -> Iterator[dict[str, Any]]:
        """Answer one task."""
        if "banks" in request.body:
            yield from self._altered(request)
        else:
            yield self._original(request.body["path"]) | {"done": True}

    def _original(self, path: str) -> dict[str, Any]:
        try:
            data = read_media(path, self._limits)
            upright = upright_picture(data, self._limits)
            looks = [each.banked(data, upright) for each in self._methods]
        except MediaError as error:
            return {"problem": str(error)}
        except OSError as error:
            return {"problem": f"Pillow cannot read it ({type(error).__name__})."}
        return {"looks": [[[look.bits.hex(), look.quality] for look in of_method] for of_method in looks]}

    def _altered(self, request: Request) -> Iterator[dict[str, Any]]:
        """Answer once for every transform."""
        body = request.body
        self._banks = self._banks or [_Bank(path) for path in body["banks"]]
        image = prepared(upright_picture(read_media(body["path"], self._limits), self._limits))
        others = [
            prepared(upright_picture(read_media(path, self._limits), self._limits), _COMPANION_SIDE)
            for path in body["others"]
        ]
        for transform in self._transforms[request.skip :]:
            request.begin(transform.name)
            try:
                data = transform.apply(image, transform.chance_for(body["key"]), others)
                yield self._measured(data, transform, body)
            except (MediaError, OSError) as error:
                yield {"problem": type(error).__name__}

    def _measured(self, data: bytes, transform: Transform, body: dict[str, Any]) -> dict[str, Any]:
        """Compare one altered copy with every bank row, by every method."""
        row: int = body["row"]
        strange = np.ones(len(self._banks[0].is_kept), bool)
        strange[[row, *body["same"], *(body["companions"] if transform.family == "combined" else ())]] = False
        columns: list[dict[str, Any]] = []
        single: list[list[int]] = []
        as_is: Look | None = None
        for method, bank in zip(self._methods, self._banks, strict=True):
            looks = method.asked(data)
            as_is = as_is or looks[0]
            is_banked = bool(bank.is_kept[row])
            if is_banked:
                looks = [each for each in looks if each.quality is None or each.quality >= self._minimum_quality]
            # What is too plain for a bank shows what the minimum quality costs; it is no query, so it has no strangers.
            among = bank.is_kept & strange if is_banked else np.zeros(len(strange), bool)
            found = distances_between(looks, bank.bits)
            before = -1
            for column in method.columns:
                seen = [number for number, each in enumerate(looks) if each.level <= column.level]
                columns.append(self._column(looks, seen, found, bank, column, row, among))
                if method.is_ours and not column.has_parts:
                    own = [number for number in seen if looks[number].level > before]
                    single.append(_counts(found[own][:, bank.whole[among]]))
                    before = column.level
        assert as_is is not None  # noqa: S101  (Hedgerow is always measured)
        return {"quality": as_is.quality, "bits": as_is.bits.hex(), "columns": columns, "single": single}

    def _column(
        self,
        looks: Sequence[Look],
        seen: list[int],
        found: NDArray[np.int16],
        bank: _Bank,
        column: Column,
        row: int,
        among: NDArray[np.bool_],
    ) -> dict[str, Any]:
        """Sum up one column: how near the copy is to its original, and how near to strangers."""
        if not seen:
            return {"distance": _FARTHEST, "variant": "", "looks": 0, "nearest": [], "rows": [], "hits": []}
        distances = found[seen]

        def nearest_look(entry: int) -> tuple[int, str]:
            each = distances[:, bank.rows_of(entry, has_parts=column.has_parts)].min(axis=1)
            return int(each.min()), looks[seen[int(each.argmin())]].variant

        of_rows = distances.min(axis=0)
        nearest = bank.of_entries(of_rows, has_parts=column.has_parts)
        near = np.flatnonzero(among & (nearest <= self._near))[:_MOST_HITS].tolist()
        distance, variant = nearest_look(row)
        return {
            "distance": distance,
            "variant": variant,
            "looks": len(seen),
            "nearest": _counts(nearest[among]),
            "rows": _counts(of_rows[bank.kept_rows_of(among)]),
            "hits": [[entry, *nearest_look(entry)] for entry in near],
        }


def _counts(distances: NDArray[np.int16]) -> list[int]:
    """Count distances, as the pairs that are not zero: distance, count and so on."""
    counts = np.bincount(distances.ravel(), minlength=1)
    places = np.flatnonzero(counts)
    return [int(each) for pair in zip(places, counts[places], strict=True) for each in pair]


def main() -> None:
    """Serve until the parent goes away."""
    options = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    serve(_Handler(options))


if __name__ == "__main__":
    main()
