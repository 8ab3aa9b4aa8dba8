"""The rules of a batched report, about something that many share without knowing what it is: B01 to B05."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hedgerow.reports.cybertipline.schema import load_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hedgerow.reports.cybertipline.places import Place
    from hedgerow.reports.model import Violation

__all__ = ["check_batched_file", "check_batched_report", "is_batched"]

_FORBIDDEN_IN_REPORT: Final = ("internetDetails", "lawEnforcement", "intendedRecipient", "victim", "additionalInfo")
_FORBIDDEN_IN_FILE: Final = (
    "originalFileName",
    "locationOfFile",
    "originalFileHash",
    "ipCaptureEvent",
    "deviceId",
    "details",
    "additionalInfo",
)
_ANNOTATIONS: Final = {"viral", "potentialMeme"}


def is_batched(report: object) -> bool:
    """Tell whether a report is a batched one."""
    return isinstance(report, dict) and "batchedReport" in report


def check_batched_report(report: Mapping[str, Any], place: Place, *, files: int) -> Iterator[Violation]:
    """Find what a batched report cannot hold.

    Args:
        report: Its content.
        place: Where it is.
        files: How many files go with it.
    """
    root = load_schema().roots["report"]
    people = report.get("personOrUserReported")
    child = root.children["personOrUserReported"]
    for number, each in enumerate(people if isinstance(people, list) else [], 1):
        if isinstance(each, dict) and set(each) != {"espIdentifier"}:
            problem = "in a batched report it has its account id, and nothing else"
            yield place.child(child, number).breaks("B01", problem)
    incident = root.children["incidentSummary"]
    said = report.get("incidentSummary")
    if isinstance(said, dict) and "escalateToHighPriority" in said:
        urgent = place.child(incident).child(incident.kind.children["escalateToHighPriority"])
        yield urgent.breaks("B02", "a batched report cannot have it")
    for name in _FORBIDDEN_IN_REPORT:
        if report.get(name) not in (None, []):
            yield place.child(root.children[name]).breaks("B02", "a batched report cannot have it")
    if files > 1:
        yield place.child(root.children["batchedReport"]).breaks(
            "B03",
            f"a batched report has one file at most, and this one has {files}",
            "Take files out of the draft, or make a report for each.",
        )


def check_batched_file(details: Mapping[str, Any], place: Place) -> Iterator[Violation]:
    """Find what cannot be said of a file of a batched report."""
    children = load_schema().roots["fileDetails"].children
    annotations = details.get("fileAnnotations")
    stated = set(annotations) if isinstance(annotations, dict) else set()
    if not stated or stated - _ANNOTATIONS:
        problem = "in a batched report they are viral, potential meme or both, and no others"
        yield place.child(children["fileAnnotations"]).breaks("B04", problem)
    if details.get("fileRelevance", "Reported") != "Reported":
        yield place.child(children["fileRelevance"]).breaks("B04", "in a batched report it is Reported")
    for name in _FORBIDDEN_IN_FILE:
        if details.get(name) not in (None, []):
            yield place.child(children[name]).breaks("B05", "a file of a batched report cannot have it")
