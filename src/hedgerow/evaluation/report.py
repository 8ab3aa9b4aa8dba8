"""What was measured, as plain JSON values and as a CSV table."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hedgerow.errors import ReportUnwritable
from hedgerow.evaluation.model import BANDS
from hedgerow.evaluation.transforms import ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hedgerow.evaluation.model import Evaluation
    from hedgerow.evaluation.recommend import Recommendation
    from hedgerow.matching.background import Background

__all__ = ["SUFFIXES", "Report", "write_report"]

SUFFIXES: Final = (".html", ".json", ".csv")
"""What the name of a report may end in."""

_MOST_VARIANTS = 8  # named for each transform


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report tells.

    Attributes:
        evaluation: What was measured.
        background: Distances of unrelated pictures: measured here, or the shipped ones.
        recommendations: A threshold for each level.
        source: What the pictures are, in words.
        version: Of Hedgerow.
        date: When.
    """

    evaluation: Evaluation
    background: Background
    recommendations: Sequence[Recommendation]
    source: str
    version: str
    date: datetime

    def as_object(self, *, with_pairs: bool = True) -> dict[str, Any]:
        """Return it as plain JSON values.

        Args:
            with_pairs: Whether the distance of every single copy stands in it.
        """
        evaluation = self.evaluation
        content: dict[str, Any] = {
            "about": self._about(),
            "rows": [
                {"row": row.name, "level": row.level, "wanted": row.wanted, "recall": self._recall(transforms)}
                for row in ROWS.values()
                if (transforms := evaluation.transforms_of(row.name))
            ],
            "transforms": [self._transform(place) for place in range(len(evaluation.plan.transforms))],
            "bands": [
                {
                    "quality": band.name,
                    "recall": {
                        method: evaluation.recall(range(len(evaluation.plan.transforms)), method, band=band).as_object()
                        for method in evaluation.methods
                    },
                }
                for band in BANDS
            ],
            "false_matches": {method: self._impostors(method) for method in evaluation.methods},
            "alike": {
                transform.name: {"pairs": int(counts.sum()), "nearest": int(np.flatnonzero(counts)[0])}
                for transform, counts in zip(evaluation.plan.transforms, evaluation.alike, strict=True)
                if counts.any()
            },
            "same_scene": [
                {"one": each.one, "other": each.other, "distance": each.distance} for each in evaluation.same_scene
            ],
            "recommendations": [_recommendation(each) for each in self.recommendations],
            "background": self.background.as_object(),
        }
        if with_pairs:
            content["pairs"] = self._pairs()
        return content

    def _about(self) -> dict[str, Any]:
        evaluation = self.evaluation
        return {
            "version": self.version,
            "date": self.date.isoformat(timespec="seconds"),
            "source": self.source,
            "entries": len(evaluation.entries),
            "pictures": len(evaluation.pictures),
            "copies": int((evaluation.distance[:, :, 0] >= 0).sum()),
            "threshold": evaluation.plan.threshold,
            "minimum_quality": evaluation.plan.minimum_quality,
            "seed": evaluation.plan.seed,
            "methods": list(evaluation.methods),
            "looks": {
                name: round(total / max(1, count), 2)
                for name, (total, count) in zip(evaluation.methods, evaluation.looks.tolist(), strict=True)
            },
            "seconds": round(evaluation.seconds, 1),
            "left_out": [{"picture": name, "why": why} for name, why in evaluation.left_out],
            "problems": [
                {"transform": name, "kind": kind, "times": times}
                for (name, kind), times in sorted(evaluation.problems.items())
            ],
        }

    def _recall(self, transforms: Sequence[int]) -> dict[str, Any]:
        return {method: self.evaluation.recall(transforms, method).as_object() for method in self.evaluation.methods}

    def _transform(self, place: int) -> dict[str, Any]:
        evaluation = self.evaluation
        transform = evaluation.plan.transforms[place]
        recall = self._recall([place])
        for method in evaluation.methods:
            distances = evaluation.distances_of(place, method)
            if len(distances):
                recall[method]["median"] = float(np.median(distances))
                recall[method]["largest"] = int(distances.max())
        highest = evaluation.levels[-1]
        return {
            "transform": transform.name,
            "family": transform.family,
            "row": transform.row,
            "recall": recall,
            "bands": {
                band.name: {
                    method: evaluation.recall([place], method, band=band).as_object() for method in evaluation.methods
                }
                for band in BANDS
            },
            "variants": [list(each) for each in evaluation.variants_of(place, highest)[:_MOST_VARIANTS]],
        }

    def _impostors(self, method: str) -> dict[str, Any]:
        evaluation = self.evaluation
        impostors, threshold = evaluation.impostors[method], evaluation.plan.threshold
        counts = impostors.nearest.sum(axis=0)
        return {
            "queries": impostors.queries,
            "pairs": impostors.pairs,
            "within_threshold": impostors.within(threshold),
            "per_query_and_million_entries": impostors.rate_per_million_entries(threshold),
            "at_most_per_query_and_million_entries": impostors.highest_rate_per_million_entries(threshold),
            "nearest": [
                {
                    "copy_of": hit.picture,
                    "transform": hit.transform,
                    "entry": hit.entry,
                    "distance": hit.distance,
                    "variant": hit.variant,
                }
                for hit in impostors.hits
            ],
            "distances": {str(distance): int(counts[distance]) for distance in np.flatnonzero(counts).tolist()},
        }

    def _pairs(self) -> dict[str, Any]:
        """Return every copy's distance, one list for each picture and transform."""
        evaluation = self.evaluation
        return {
            "columns": ["picture", "transform", "quality", "quality of the copy", *evaluation.methods, "variant"],
            "rows": [
                [
                    evaluation.entries[entry],
                    transform.name,
                    int(evaluation.quality[entry]),
                    int(evaluation.query_quality[picture, place]),
                    *evaluation.distance[picture, place].tolist(),
                    evaluation.variants[evaluation.variant[picture, place, len(evaluation.levels) - 1]],
                ]
                for picture, entry in enumerate(evaluation.pictures)
                for place, transform in enumerate(evaluation.plan.transforms)
                if evaluation.distance[picture, place, 0] >= 0
            ],
        }

    def as_csv(self) -> str:
        """Return one line for each transform and method."""
        stream = io.StringIO()
        writer = csv.writer(stream)
        writer.writerow(["transform", "family", "row", "method", "found", "of", "share", "low", "high", "median bits"])
        for place, transform in enumerate(self.evaluation.plan.transforms):
            for method, recall in self._transform(place)["recall"].items():
                writer.writerow(
                    [
                        transform.name,
                        transform.family,
                        transform.row,
                        method,
                        *(recall[name] for name in ("found", "of", "share", "low", "high")),
                        recall.get("median", ""),
                    ]
                )
        return stream.getvalue()


def _recommendation(each: Recommendation) -> dict[str, Any]:
    return {
        "level": each.level,
        "bank_entries": each.bank_entries,
        "per_million_queries": each.per_million,
        "threshold": each.threshold,
        "source": each.source,
        "is_own": each.is_own,
        "alike": None if each.alike is None else {"nearest": each.alike[0], "transform": each.alike[1]},
        "evidence": [
            {
                "threshold": step.threshold,
                "false_matches_per_million_queries": step.false_matches,
                "is_counted": step.is_counted,
                "recall": step.recall.as_object(),
            }
            for step in each.evidence
        ],
    }


def write_report(report: Report, path: str | os.PathLike[str]) -> None:
    """Write a report in the form that the name's ending asks for, at once: a kill leaves the old file or the new.

    Raises:
        ReportUnwritable: The name ends in nothing that we write, or the file cannot be written.
    """
    target = Path(path)
    match target.suffix.lower():
        case ".html":
            from hedgerow.evaluation.report_html import page  # noqa: PLC0415  (only where it is asked for)

            text = page(report)
        case ".json":
            text = json.dumps(report.as_object(), ensure_ascii=False) + "\n"
        case ".csv":
            text = report.as_csv()
        case _:
            raise ReportUnwritable(f"its name must end in one of {', '.join(SUFFIXES)}")
    _write(target, text)


def _write(target: Path, text: str) -> None:
    try:
        handle, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".partial")
    except OSError as error:
        raise ReportUnwritable(error.strerror or "the folder cannot be written") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(partial).replace(target)
    except OSError as error:
        with suppress(OSError):
            Path(partial).unlink()
        raise ReportUnwritable(error.strerror or "the file cannot be written") from error
