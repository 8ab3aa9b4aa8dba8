"""Measure: hash originals, alter them, hash the copies, and compare each with its original and with all strangers.

The work is done by killable processes (`hedgerow.evaluation.worker`); this module lays it out and adds up.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from hedgerow.errors import HashingError
from hedgerow.evaluation.methods import methods_of
from hedgerow.evaluation.model import BANK_ROW, DISTANCES, Evaluation, Hit, Impostors, Plan, SameScene
from hedgerow.media import MediaLimits
from hedgerow.media.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray


__all__ = ["Progress", "evaluate"]

_UNIT_S = 120.0  # a transform and its hashes take 0.05 s; this long means that something hangs
_MEMORY_BYTES = 3 * 1024**3  # four pictures of 24 megapixels in RGB, and what hashing them takes
_COMPANIONS = 3  # a collage of four
_MOST_HITS = 200  # kept for each method
_MOST_ALIKE = 500  # copies compared with each other, for each transform
_FEWEST = 2  # with one picture there is no stranger


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is.

    Attributes:
        stage: ``hashing originals`` or ``altering and looking up``.
        done: Pictures done in this stage.
        total: Pictures of this stage.
        elapsed_s: Seconds since the stage began.
    """

    stage: str
    done: int
    total: int
    elapsed_s: float


def evaluate(
    pictures: Sequence[Path],
    plan: Plan,
    *,
    limits: MediaLimits | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Evaluation:
    """Measure how well altered copies of pictures are found, and how often something else is.

    Args:
        pictures: Files of ordinary pictures; those that cannot be read are left out and named.
        plan: What to measure.
        limits: What one picture may cost.
        on_progress: Is told after every picture.

    Raises:
        HashingError: Fewer than two of the pictures can be used.
    """
    began = monotonic()
    chosen = _sample(sorted(pictures), plan.entries, plan.seed)
    # A copy and its hashes take less than a second, and a picture's first copy waits for up to four decodes.
    limits = limits or MediaLimits(seconds=_UNIT_S, memory_bytes=_MEMORY_BYTES)
    with tempfile.TemporaryDirectory(prefix="hedgerow-evaluate-") as folder:
        options = Path(folder, "options.json")
        options.write_text(json.dumps(_options(plan, limits)), "utf-8")
        command = (sys.executable, "-m", "hedgerow.evaluation.worker", str(options))
        with Sandbox(command, jobs=plan.jobs, seconds=_UNIT_S, memory_bytes=_MEMORY_BYTES) as sandbox:
            run = _Run(plan, limits, sandbox, Path(folder), on_progress)
            run.hash_originals(chosen)
            run.measure_copies()
    run.found.seconds = monotonic() - began
    return run.found


def _options(plan: Plan, limits: MediaLimits) -> dict[str, Any]:
    return {
        "limits": {name: getattr(limits, name) for name in MediaLimits.__slots__},
        "levels": plan.levels,
        "parts": plan.with_parts,
        "peers": plan.with_peers,
        "transforms": [each.name for each in plan.transforms],
        "threshold": plan.threshold,
        "minimum_quality": plan.minimum_quality,
    }


def _sample(paths: Sequence[Path], most: int | None, seed: int) -> list[Path]:
    if most is None or len(paths) <= most:
        return list(paths)
    return sorted(random.Random(seed).sample(paths, most))  # noqa: S311  (the same on every run, on purpose)


def names_of(paths: Sequence[Path]) -> list[str]:
    """Name files as short as they can be told apart: by their place below the folder that they share.

    >>> names_of([Path("/a/b/c.jpg"), Path("/a/d.jpg")])
    ['b/c.jpg', 'd.jpg']
    """
    parents = {path.parent for path in paths}
    if len(parents) <= 1:
        return [path.name for path in paths]
    shared = Path(os.path.commonpath([str(path) for path in parents]))
    return [path.relative_to(shared).as_posix() for path in paths]


_Banked = list[tuple[str, int | None]]
"""What a bank holds of one picture: bits in hex digits and quality, the whole first."""


class _Run:
    """One evaluation on its way."""

    def __init__(
        self,
        plan: Plan,
        limits: MediaLimits,
        sandbox: Sandbox,
        folder: Path,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._plan = plan
        self._sandbox = sandbox
        self._folder = folder
        self._on_progress = on_progress
        self._methods = methods_of(plan.levels, limits, with_parts=plan.with_parts, with_peers=plan.with_peers)
        self._names = tuple(column.name for each in self._methods for column in each.columns)
        self._paths: list[Path] = []
        self._banks: list[str] = []
        self._twins: list[list[int]] = []
        self._variants: dict[str, int] = {}
        self._copies: dict[tuple[int, int], str] = {}
        self.found: Evaluation

    def hash_originals(self, paths: Sequence[Path]) -> None:
        """Hash every picture as a bank would, and lay the banks out for the workers."""
        rows: list[list[_Banked]] = []
        left_out: list[tuple[str, str]] = []
        names: list[str] = []
        began = monotonic()
        for place, answer in self._sandbox.run({"path": str(path)} for path in paths):
            if "looks" in answer:
                rows.append(answer["looks"])
                self._paths.append(paths[place])
                names.append(names_of(paths)[place])
            elif "problem" in answer or "error" in answer:
                left_out.append((names_of(paths)[place], answer.get("problem") or _LOST.format(answer["error"])))
            self._tell("hashing originals", place + 1, len(paths), began)
        if len(rows) < _FEWEST:
            raise HashingError(f"An evaluation needs at least {_FEWEST} pictures that can be read.")
        quality = np.array([row[0][0][1] for row in rows], np.int16)
        shape = (0, len(self._plan.transforms), len(self._names))
        self.found = Evaluation(
            plan=self._plan,
            methods=self._names,
            entries=tuple(names),
            pictures=(),
            quality=quality,
            distance=np.full(shape, -1, np.int16),
            variant=np.zeros(shape, np.int32),
            query_quality=np.full(shape[:2], -1, np.int16),
            looks=np.zeros((len(self._names), 2), np.int64),
            impostors={name: Impostors() for name in self._names},
            single=np.zeros((len(self._plan.levels), 2, DISTANCES), np.int64),
            left_out=left_out,
        )
        for number in range(len(self._methods)):
            self._write_bank(number, [row[number] for row in rows])
        self._find_twins(np.frombuffer(b"".join(bytes.fromhex(row[0][0][0]) for row in rows), np.uint8))

    def _write_bank(self, number: int, entries: Sequence[_Banked]) -> None:
        """Lay out one method's rows, those of an entry together."""
        is_kept = self.found.quality >= self._plan.minimum_quality
        rows = [
            (
                np.frombuffer(bytes.fromhex(bits), np.uint8),
                entry,
                bool(is_kept[entry]) and (not place or quality is None or quality >= self._plan.minimum_quality),
                not place,
            )
            for entry, looks in enumerate(entries)
            for place, (bits, quality) in enumerate(looks)
        ]
        path = self._folder / f"bank-{number}.npy"
        np.save(path, np.array(rows, BANK_ROW), allow_pickle=False)
        self._banks.append(str(path))

    def _find_twins(self, bits: NDArray[np.uint8]) -> None:
        """Find originals that show the same scene."""
        words = np.ascontiguousarray(bits.reshape(-1, 32)).view(np.uint64)
        names = self.found.entries
        for row in range(len(words)):
            distances = np.bitwise_count(words ^ words[row]).sum(axis=1)
            twins = np.flatnonzero(distances <= self._plan.same_scene)
            self._twins.append([int(each) for each in twins if each != row])
            self.found.same_scene += [
                SameScene(names[row], names[other], int(distances[other])) for other in twins.tolist() if other > row
            ]

    def measure_copies(self) -> None:
        """Have the sample altered and looked up, and add everything up."""
        found = self.found
        places = {path: place for place, path in enumerate(self._paths)}
        sample = [places[path] for path in _sample(self._paths, self._plan.sample, self._plan.seed)]
        found.pictures = tuple(sample)
        shape = (len(sample), *found.distance.shape[1:])
        found.distance = np.full(shape, -1, np.int16)
        found.variant = np.zeros(shape, np.int32)
        found.query_quality = np.full(shape[:2], -1, np.int16)
        began, at = monotonic(), (-1, -1)
        for picture, answer in self._sandbox.run(self._tasks(sample)):
            transform = at[1] + 1 if picture == at[0] else 0
            at = (picture, transform)
            if "columns" in answer:
                self._take(picture, transform, answer)
            elif transform < len(self._plan.transforms):
                kind = answer.get("problem") or answer.get("error") or "no answer"
                key = (self._plan.transforms[transform].name, kind)
                found.problems[key] = found.problems.get(key, 0) + 1
            if answer["done"]:
                self._tell("altering and looking up", picture + 1, len(sample), began)
        found.variants = list(self._variants)
        self._compare_alike()
        for impostors in found.impostors.values():
            impostors.hits = sorted(impostors.hits, key=lambda hit: hit.distance)[:_MOST_HITS]

    def _tasks(self, sample: Sequence[int]) -> Iterator[dict[str, Any]]:
        for row in sample:
            key = self.found.entries[row]
            chance = random.Random(f"{key}/companions")  # noqa: S311  (the same on every run, on purpose)
            strangers = [each for each in range(len(self._paths)) if each != row and each not in self._twins[row]]
            companions = chance.sample(strangers, min(_COMPANIONS, len(strangers)))
            yield {
                "path": str(self._paths[row]),
                "key": key,
                "row": row,
                "same": self._twins[row],
                "companions": companions,
                "others": [str(self._paths[each]) for each in companions],
                "banks": self._banks,
            }

    def _take(self, picture: int, transform: int, answer: dict[str, Any]) -> None:
        """Add one altered copy's answer."""
        found, half = self.found, picture % 2
        found.query_quality[picture, transform] = -1 if answer["quality"] is None else answer["quality"]
        if min(found.query_quality[picture, transform], found.quality[found.pictures[picture]]) >= (
            self._plan.minimum_quality
        ):
            self._copies[transform, picture] = answer["bits"]
        name = found.entries[found.pictures[picture]]
        for method, column in enumerate(answer["columns"]):
            found.distance[picture, transform, method] = column["distance"]
            found.variant[picture, transform, method] = self._variants.setdefault(
                column["variant"], len(self._variants)
            )
            found.looks[method] += (column["looks"], 1)
            impostors = found.impostors[self._names[method]]
            _add_counts(impostors.nearest[half], column["nearest"])
            impostors.pairs += sum(column["nearest"][1::2])
            _add_counts(impostors.rows, column["rows"])
            impostors.queries += bool(column["nearest"])
            impostors.hits += [
                Hit(name, self._plan.transforms[transform].name, found.entries[entry], distance, variant)
                for entry, distance, variant in column["hits"]
            ]
        for level, counts in enumerate(answer["single"]):
            _add_counts(found.single[level, half], counts)

    def _compare_alike(self) -> None:
        """Compare copies of unlike pictures that were altered in the same way."""
        found = self.found
        found.alike = np.zeros((len(self._plan.transforms), DISTANCES), np.int64)
        for place, transform in enumerate(self._plan.transforms):
            if transform.family == "combined":  # there pictures stand beside each other
                continue
            pictures = [each for each in range(len(found.pictures)) if (place, each) in self._copies][:_MOST_ALIKE]
            bits = b"".join(bytes.fromhex(self._copies[place, each]) for each in pictures)
            words = np.frombuffer(bits, np.uint64).reshape(len(pictures), 4)
            for number, picture in enumerate(pictures):
                twins = set(self._twins[found.pictures[picture]])
                others = [each for each in range(number) if found.pictures[pictures[each]] not in twins]
                distances = np.bitwise_count(words[others] ^ words[number]).sum(axis=1)
                found.alike[place] += np.bincount(distances, minlength=DISTANCES)

    def _tell(self, stage: str, done: int, total: int, began: float) -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(stage, done, total, monotonic() - began))


_LOST = "Its process was lost: {}."


def _add_counts(into: NDArray[np.int64], counts: Sequence[int]) -> None:
    """Add what `hedgerow.evaluation.worker` counted: distance, count, distance, count and so on."""
    into[np.array(counts[::2], np.int64)] += np.array(counts[1::2], np.int64)
