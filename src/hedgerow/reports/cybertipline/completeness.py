"""How useful a report is to whoever has to find a person by it.

The weights are a judgement, after what investigators say they lack (review.md §2.9: a million reports of one year had
"no actionable information"): who, from which address and at which time come first; then what it is, and where.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hedgerow.reports.cybertipline.codes import REPORTED
from hedgerow.reports.cybertipline.document import text_of
from hedgerow.reports.model import Completeness, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hedgerow.reports.model import DraftFile

__all__ = ["completeness"]


class _Said(NamedTuple):
    report: Mapping[str, Any]
    files: Sequence[Mapping[str, Any]]
    people: list[Mapping[str, Any]]
    persons: list[Mapping[str, Any]]
    events: list[Mapping[str, Any]]

    def has(self, *names: str) -> bool:
        """Whether the reported person has one of these fields."""
        return any(each.get(name) for name in names for each in self.people)

    def is_known(self, *names: str) -> bool:
        """Whether the person behind the account has one of these fields."""
        return any(each.get(name) for name in names for each in self.persons)


class _Point(NamedTuple):
    points: int
    is_there: Callable[[_Said], bool]
    missing: str


_PARTS: Final[dict[str, tuple[str, tuple[_Point, ...]]]] = {
    "identity": (
        "who it is",
        (
            _Point(8, lambda said: said.has("espIdentifier"), "the id of the account on your service"),
            _Point(8, lambda said: said.is_known("email"), "an e-mail address of the account"),
            _Point(5, lambda said: said.has("screenName", "displayName"), "the name that the account shows"),
            _Point(4, lambda said: said.is_known("phone"), "a phone number of the account"),
            _Point(
                3,
                lambda said: said.is_known("firstName", "lastName", "dateOfBirth", "age"),
                "a name, an age or a date of birth",
            ),
            _Point(2, lambda said: said.has("profileUrl"), "the address of the profile"),
        ),
    ),
    "ip": (
        "from where on the network",
        (
            _Point(8, lambda said: bool(said.events), "an IP address"),
            _Point(
                8,
                lambda said: any(each.get("dateTime") for each in said.events),
                "the time of an IP address: without it a provider cannot say whose it was",
            ),
            _Point(
                4,
                lambda said: any(each.get("port") for each in said.events),
                "the port of an IP address: mobile networks share one address among thousands",
            ),
        ),
    ),
    "content": (
        "what it is",
        (
            _Point(
                10,
                lambda said: bool(said.files) or bool(_incident_texts(said.report)),
                "a file, or the text that is reported",
            ),
            _Point(
                4,
                lambda said: (
                    any(each.get("industryClassification") or each.get("fileAnnotations") for each in said.files)
                    or bool(_section(said.report, "incidentSummary").get("reportAnnotations"))
                ),
                "a class or an annotation",
            ),
            _Point(
                3,
                lambda said: (
                    bool(said.report.get("internetDetails")) or any(each.get("locationOfFile") for each in said.files)
                ),
                "where on your service it was",
            ),
            _Point(
                3,
                lambda said: (
                    any(each.get("originalFileHash") for each in said.files)
                    or (not said.files and bool(_incident_texts(said.report)))
                ),
                "digests of the files, where there are files",
            ),
        ),
    ),
    "time": (
        "when it happened",
        (
            _Point(
                10,
                lambda said: bool(_section(said.report, "incidentSummary").get("incidentDateTime")),
                "when it happened: a person has to state it",
            ),
            _Point(
                5,
                lambda said: (
                    all(each.get("uploadedToEspTimestamp") for each in said.files if _is_reported(each))
                    and (
                        bool(said.files)
                        or bool(_section(said.report, "incidentSummary").get("incidentDateTimeDescription"))
                    )
                ),
                "when each file was uploaded, or what the incident's time is",
            ),
        ),
    ),
    "location": (
        "where the person is",
        (
            _Point(6, lambda said: said.has("estimatedLocation"), "where the person is thought to be"),
            _Point(4, lambda said: said.is_known("address"), "a postal address"),
        ),
    ),
    "contact": (
        "whom to ask",
        (
            _Point(
                2,
                lambda said: bool(_section(_section(said.report, "reporter"), "reportingPerson").get("email")),
                "your own e-mail address: settings, reports.reporter_email",
            ),
            _Point(
                2,
                lambda said: bool(_section(said.report, "reporter").get("contactPerson")),
                "whom law enforcement may contact: settings, reports.contact_email",
            ),
            _Point(
                1,
                lambda said: bool(_section(said.report, "reporter").get("companyTemplate")),
                "how legal process is served: settings, reports.company_template",
            ),
        ),
    ),
}


def completeness(content: Mapping[str, Any], files: Sequence[DraftFile] = ()) -> Completeness:
    """Weigh what a report says.

    Args:
        content: Of the report.
        files: Its files.

    >>> completeness({}).score, completeness({}).missing[0]
    (0, 'the id of the account on your service')
    """
    details = [each.details for each in files]
    people = _objects(content, "personOrUserReported")
    persons = [_section(each, "personOrUserReportedPerson") for each in people]
    events = [event for each in people for event in _objects(each, "ipCaptureEvent")]
    events += [event for each in details if (event := _section(each, "ipCaptureEvent"))]
    said = _Said(content, details, people, persons, events)
    return Completeness(tuple(_part(name, label, points, said) for name, (label, points) in _PARTS.items()))


def _part(name: str, label: str, points: tuple[_Point, ...], said: _Said) -> Part:
    there = [each.is_there(said) for each in points]
    gained = sum(each.points for each, is_there in zip(points, there, strict=True) if is_there)
    lacking = sorted(
        (each for each, is_there in zip(points, there, strict=True) if not is_there), key=lambda each: -each.points
    )
    return Part(name, label, gained, sum(each.points for each in points), tuple(each.missing for each in lacking))


def _section(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    return found if isinstance(found, dict) else {}


def _objects(content: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = content.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _incident_texts(report: Mapping[str, Any]) -> list[str]:
    found = [report.get("additionalInfo")]
    for each in _objects(report, "internetDetails"):
        for incident in each.values():
            if isinstance(incident, dict):
                found += [incident.get("content"), incident.get("additionalInfo")]
    return [text for each in found if isinstance(text := text_of(each), str) and text.strip()]


def _is_reported(details: Mapping[str, Any]) -> bool:
    return bool(details.get("fileRelevance", REPORTED) == REPORTED)
