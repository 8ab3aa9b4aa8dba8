"""Evaluate how well altered copies of ordinary pictures are found, for a door."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hedgerow.app.clock import now
from hedgerow.errors import NothingToScan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hedgerow.evaluation import Progress, Report
    from hedgerow.hashing.signal import Level
    from hedgerow.settings import Settings

__all__ = ["EvaluationPlan", "evaluate_pictures", "pictures_below"]

# What the walk takes for pictures: an evaluation is of the operator's own ordinary pictures, so that their names may
# be believed; what is none is left out with a reason all the same.
_SUFFIXES = frozenset({".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """What is to be measured.

    Attributes:
        pictures: The files.
        source: What they are, in words.
        levels: Levels of query variants; empty for all.
        threshold: In bits; None for the one in the settings.
        transforms: Shell patterns of transforms, their families or rows; empty for all.
        sample: Pictures of which altered copies are made.
        bank_entries: Size of the bank for which a threshold is recommended.
        per_million: False matches among a million queries that are bearable.
        with_parts: Whether a bank that holds parts of each picture is measured too.
        with_peers: Whether peers that are installed run too.
        reports: Files to write.
    """

    pictures: Sequence[Path]
    source: str
    levels: Sequence[Level] = ()
    threshold: int | None = None
    transforms: Sequence[str] = ()
    sample: int | None = 100
    bank_entries: int = 1_000_000
    per_million: float = 1.0
    with_parts: bool = False
    with_peers: bool = True
    reports: Sequence[str] = ()


def pictures_below(folder: str | os.PathLike[str]) -> list[Path]:
    """List the pictures below a folder, by their names.

    Raises:
        NothingToScan: There are none.
    """
    found = [
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if Path(name).suffix.lower() in _SUFFIXES
    ]
    if not found:
        raise NothingToScan(os.fspath(folder))
    return sorted(found)


def evaluate_pictures(
    settings: Settings, plan: EvaluationPlan, *, on_progress: Callable[[Progress], None] | None = None
) -> Report:
    """Measure, recommend, write the reports, and return everything.

    Raises:
        HashingError: There are fewer than two pictures that can be read.
        ReportUnwritable: A report's name ends in nothing that we write, or it cannot be written.
    """
    from hedgerow import __version__
    from hedgerow.errors import ReportUnwritable
    from hedgerow.evaluation import Plan, Report, evaluate, transforms_named, write_report
    from hedgerow.evaluation.recommend import background_of, recommend
    from hedgerow.evaluation.report import SUFFIXES
    from hedgerow.hashing.signal import LEVELS
    from hedgerow.matching.background import Background

    for path in plan.reports:
        if Path(path).suffix.lower() not in SUFFIXES:  # before an hour of work, not after
            raise ReportUnwritable(f"its name must end in one of {', '.join(SUFFIXES)}")
    evaluation = evaluate(
        plan.pictures,
        Plan(
            transforms=transforms_named(*(plan.transforms or ("*",))),
            levels=tuple(plan.levels) or LEVELS,
            threshold=settings.threshold if plan.threshold is None else plan.threshold,
            sample=plan.sample,
            with_parts=plan.with_parts,
            with_peers=plan.with_peers,
            jobs=settings.jobs,
        ),
        on_progress=on_progress,
    )
    own = background_of(evaluation, plan.source)
    background = own or Background.default()
    report = Report(
        evaluation,
        background,
        [
            recommend(
                evaluation,
                background,
                level=level,
                bank_entries=plan.bank_entries,
                per_million=plan.per_million,
                is_own=own is not None,
            )
            for level in LEVELS
            if level in evaluation.plan.levels
        ],
        plan.source,
        __version__,
        now(),
    )
    for path in plan.reports:
        write_report(report, path)
    return report
