"""What the authority's documentation asks of documents beyond their schema, judged as it is written there.

Each problem carries the number that ``business_rules.json`` gives its rule: R01–R19 for every document, B01–B05 for
batched reports, ``length`` and ``zone`` for the documented lengths and the zone that every time must state. Written
from the documentation alone: nothing is shared with what composes reports.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from hedgerow.simulators.cybertipline.schema import values_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LENGTHS", "Problem", "batch_problem", "file_problem", "is_batched", "report_problem"]

LENGTHS: Final[dict[str, int]] = {
    "incidentSummary/platform": 256,
    "incidentSummary/escalateToHighPriority": 3000,
    "incidentSummary/incidentDateTimeDescription": 3000,
    "webPageIncident/url": 2083,
    "newsgroupIncident/name": 255,
    "chatImIncident/chatClient": 255,
    "chatImIncident/chatRoomName": 255,
    "onlineGamingIncident/gameName": 255,
    "onlineGamingIncident/console": 255,
    "nonInternetIncident/locationName": 255,
    "peer2peerIncident/client": 255,
    "lawEnforcement/agencyName": 255,
    "lawEnforcement/caseNumber": 100,
    "reporter/legalURL": 2083,
    **{
        f"{person}/{name}": 100
        for person in (
            "reportingPerson",
            "contactPerson",
            "officerContact",
            "personOrUserReportedPerson",
            "intendedRecipientPerson",
            "victimPerson",
        )
        for name in ("firstName", "lastName")
    },
    **{
        f"{address}/{name}": most
        for address in ("address", "incidentAddress")
        for name, most in (("address", 255), ("city", 100), ("zipCode", 20), ("nonUsaState", 100))
    },
    "*/phone": 50,
    "*/phoneNumber": 50,
    "*/@extension": 10,
    "*/email": 255,
    "*/emailAddress": 255,
    "estimatedLocation/city": 255,
    "estimatedLocation/region": 255,
    "deviceId/idType": 255,
    "deviceId/idValue": 2083,
    "*/espIdentifier": 255,
    "*/espService": 100,
    "*/screenName": 256,
    "*/displayName": 255,
    "*/profileUrl": 2083,
    "personOrUserReported/groupIdentifier": 255,
    "intendedRecipient/groupIdentifier": 255,
    "personOrUserReported/vehicleDescription": 300,
    "victim/schoolName": 255,
    **{
        f"associatedAccount/{name}": 256
        for name in (
            "platform",
            "firstName",
            "middleName",
            "lastName",
            "espService",
            "espIdentifier",
            "groupIdentifier",
        )
    },
    "fileDetails/originalFileName": 2056,
    "fileDetails/locationOfFile": 2083,
    "originalFileHash/@hashType": 64,
    "nameValuePair/name": 64,
}
"""Parent and element (or attribute) → most characters; ``*`` for any parent that is not named itself."""

_MOST_LOCAL_PART: Final = 64
_MOST_AGE: Final = 150
_MOST_PORT: Final = 65_535
_EMAILS: Final = ("email", "emailAddress")
_PHONES: Final = ("phone", "phoneNumber")
_URLS: Final = ("url", "profileUrl", "legalURL", "locationOfFile")
_PAST_ATTRIBUTES: Final = ("disabledDate", "userNotifiedDate", "verificationDate", "timestamp")
_PAST_ELEMENTS: Final = (
    "ipCaptureEvent/dateTime",
    "deviceId/dateTime",
    "fileDetails/uploadedToEspTimestamp",
)
_ALL_TIMES: Final = (*_PAST_ATTRIBUTES, "reenabledDate")
_NOT_IN_BATCHES: Final = (
    "incidentSummary/escalateToHighPriority",
    "internetDetails",
    "lawEnforcement",
    "intendedRecipient",
    "victim",
    "additionalInfo",
)
_NOT_IN_FILES_OF_BATCHES: Final = (
    "originalFileName",
    "locationOfFile",
    "originalFileHash",
    "ipCaptureEvent",
    "deviceId",
    "details",
    "additionalInfo",
)
_MEMES: Final = frozenset({"viral", "potentialMeme"})
_SUPPLEMENTAL: Final = "Supplemental Reported"


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that a document breaks.

    Attributes:
        rule: Its number.
        path: The element or attribute, such as ``incidentSummary/incidentDateTime``.
        message: What is wrong, without the value.
    """

    rule: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message} ({self.rule})"


def report_problem(report: Any, now: datetime) -> Problem | None:  # noqa: ANN401  (an element of lxml)
    """Return the first rule that a report breaks, or None.

    Args:
        report: The root, valid by the schema.
        now: What "in the past" is measured by.
    """
    return next(_report_problems(report, now), None)


def file_problem(details: Any, now: datetime) -> Problem | None:  # noqa: ANN401  (an element of lxml)
    """Return the first rule that the details of a file break when they arrive, or None; R17 is judged at the end.

    Args:
        details: The root, valid by the schema.
        now: What "in the past" is measured by.
    """
    return next(_file_problems(details, now), None)


def is_batched(report: Any) -> bool:  # noqa: ANN401  (an element of lxml)
    """Say whether a report is batched."""
    return report.find("batchedReport") is not None


def batch_problem(report: Any, details: list[Any | None]) -> Problem | None:  # noqa: ANN401  (elements of lxml)
    """Return the first rule that stands against finishing a report, or None.

    Args:
        report: The root of the report.
        details: For each uploaded file the root of its details, or None where none came.
    """
    return next(_final_problems(report, details), None)


# ── reports ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _report_problems(report: Any, now: datetime) -> Iterator[Problem]:  # noqa: ANN401  (an element of lxml)
    summary = report.find("incidentSummary")
    yield from _past(summary.find("incidentDateTime"), "R01", "incidentSummary/incidentDateTime", now)
    escalation = summary.find("escalateToHighPriority")
    if escalation is not None and not _text(escalation):
        yield Problem("R02", "incidentSummary/escalateToHighPriority", "may not be blank")
    if not [each for each in report.findall("reporter/reportingPerson/email") if _text(each)]:
        yield Problem("R03", "reporter/reportingPerson/email", "at least one is needed")
    if is_batched(report):
        yield from _batched(report)
    elif len(report.findall("personOrUserReported")) > 1:
        yield Problem("R04", "personOrUserReported", "at most one, unless the report is batched")
    yield from _known_addresses(report)
    yield from _common(report, now)


def _batched(report: Any) -> Iterator[Problem]:  # noqa: ANN401  (an element of lxml)
    for person in report.findall("personOrUserReported"):
        for child in person:
            if child.tag != "espIdentifier":
                path = f"personOrUserReported/{child.tag}"
                yield Problem("B01", path, "a batched report names people by espIdentifier only")
        if person.find("espIdentifier") is None:
            yield Problem("B01", "personOrUserReported/espIdentifier", "is missing")
    for path in _NOT_IN_BATCHES:
        if report.find(path) is not None:
            yield Problem("B02", path, "may not stand in a batched report")


def _known_addresses(report: Any) -> Iterator[Problem]:  # noqa: ANN401  (an element of lxml)
    known = {
        _text(email).casefold()
        for role in ("personOrUserReported", "intendedRecipient", "victim")
        for email in report.findall(f"{role}/{role}Person/email")
    }
    for kind in ("emailIncident", "newsgroupIncident"):
        for address in report.findall(f"internetDetails/{kind}/emailAddress"):
            if _text(address).casefold() not in known:
                yield Problem(
                    "R05", f"{kind}/emailAddress", "must also be an email of the person reported, recipient or victim"
                )


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _file_problems(details: Any, now: datetime) -> Iterator[Problem]:  # noqa: ANN401  (an element of lxml)
    if not _text(details.find("fileId")):
        yield Problem("R19", "fileDetails/fileId", "may not be blank")
    if _is_true(details.find("exifViewedByEsp")) and not _is_true(details.find("fileViewedByEsp")):
        yield Problem("R16", "fileDetails/fileViewedByEsp", "must be true where exifViewedByEsp is")
    yield from _common(details, now)


def _final_problems(report: Any, details: list[Any | None]) -> Iterator[Problem]:  # noqa: ANN401  (elements of lxml)
    if is_batched(report) and len(details) > 1:
        yield Problem("B03", "batchedReport", "at most one file may be uploaded to a batched report")
    for each in details:
        if each is not None and each.findtext("fileRelevance") == _SUPPLEMENTAL:
            annotated = _is_true(each.find("potentialMeme")) or each.find("fileAnnotations/potentialMeme") is not None
            if annotated or each.find("industryClassification") is not None:
                yield Problem(
                    "R17",
                    "fileDetails/fileRelevance",
                    f"may not be {_SUPPLEMENTAL} where potentialMeme or industryClassification stands",
                )
        if is_batched(report):
            yield from _file_of_batch(each)


def _file_of_batch(details: Any | None) -> Iterator[Problem]:  # noqa: ANN401  (an element of lxml)
    annotations = {each.tag for each in details.findall("fileAnnotations/*")} if details is not None else set()
    if details is not None and _is_true(details.find("potentialMeme")):
        annotations.add("potentialMeme")
    if not annotations or annotations - _MEMES:
        yield Problem(
            "B04", "fileDetails/fileAnnotations", "must be viral, potentialMeme or both, and nothing else, in a batch"
        )
    if details is None:
        return
    if (details.findtext("fileRelevance") or "Reported") != "Reported":
        yield Problem("B04", "fileDetails/fileRelevance", "must be Reported in a batch")
    for name in _NOT_IN_FILES_OF_BATCHES:
        if details.find(name) is not None:
            yield Problem("B05", f"fileDetails/{name}", "may not stand in a batch")


# ── both ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _common(root: Any, now: datetime) -> Iterator[Problem]:  # noqa: ANN401  (an element of lxml)
    for element in root.iter("*"):
        parent = element.getparent()
        path = element.tag if parent is None else f"{parent.tag}/{element.tag}"
        yield from _too_long(element, path)
        yield from _contact(element, path)
        yield from _numbers(element, path)
        yield from _times(element, path, now)
        if element.tag in _URLS and not _is_url(element.text or ""):
            yield Problem("R06", path, "is no valid URL")
        if path == "ipCaptureEvent/ipAddress" and not _is_address(element.text or ""):
            yield Problem("R07", path, "is no IPv4 or IPv6 address")
        if element.tag in {"accountTemporarilyDisabled", "accountPermanentlyDisabled"}:
            yield from _disabled(element)
        if element.tag == "estimatedLocation":
            yield from _location(element)
        if element.tag in {"priorCTReports", "priorCTReport"} and int(element.text) <= 0:
            yield Problem("R15", path, "is no number of a report")


def _too_long(element: Any, path: str) -> Iterator[Problem]:  # noqa: ANN401  (an element of lxml)
    most = LENGTHS.get(path, LENGTHS.get(f"*/{element.tag}"))
    if most is not None and len(element) == 0 and len(element.text or "") > most:
        yield Problem("length", path, f"is longer than {most} characters")
    for name, value in element.attrib.items():
        most = LENGTHS.get(f"{element.tag}/@{name}", LENGTHS.get(f"*/@{name}"))
        if most is not None and len(value) > most:
            yield Problem("length", f"{path}/@{name}", f"is longer than {most} characters")


def _contact(element: Any, path: str) -> Iterator[Problem]:  # noqa: ANN401  (an element of lxml)
    is_email, is_phone = element.tag in _EMAILS, element.tag in _PHONES
    if not (is_email or is_phone):
        return
    if is_email and len(_text(element).rpartition("@")[0]) > _MOST_LOCAL_PART:
        yield Problem("length", path, f"has more than {_MOST_LOCAL_PART} characters before the @")
    code = element.get("countryCallingCode")
    if is_phone and code and re.sub(r"[^0-9+]", "", element.text or "").startswith((code, code[1:])):
        yield Problem("R10", path, "may not start with the calling code that countryCallingCode states")
    if element.get("verificationDate") is not None and element.get("verified") not in {"true", "1"}:
        yield Problem("R11", f"{path}/@verified", "must be true where verificationDate is stated")


def _numbers(element: Any, path: str) -> Iterator[Problem]:  # noqa: ANN401  (an element of lxml)
    if path == "ipCaptureEvent/port" and not 1 <= int(element.text) <= _MOST_PORT:
        yield Problem("R08", path, f"lies outside 1–{_MOST_PORT:,}")
    if element.tag in {"age", "approximateAge"} and not 0 <= int(element.text) <= _MOST_AGE:
        yield Problem("R14", path, f"lies outside 0–{_MOST_AGE}")
    if path == "associatedAccount/approximateAge" and element.getparent().find("dateOfBirth") is not None:
        yield Problem("R14", path, "may not stand beside dateOfBirth")


def _times(element: Any, path: str, now: datetime) -> Iterator[Problem]:  # noqa: ANN401  (an element of lxml)
    if path in _PAST_ELEMENTS:
        yield from _past(element, "R09", path, now)
    if element.tag == "dateOfBirth":
        born = _date(element.text)
        if born is None or born >= now.astimezone(UTC).date():
            yield Problem("R09", path, "must lie in the past")
    for name in _ALL_TIMES:
        value = element.get(name)
        if value is None:
            continue
        when = _moment(value)
        if when is None:
            yield Problem("zone", f"{path}/@{name}", "must be a time with its zone")
        elif name in _PAST_ATTRIBUTES and when >= now:
            yield Problem("R09", f"{path}/@{name}", "must lie in the past")


def _past(element: Any, rule: str, path: str, now: datetime) -> Iterator[Problem]:  # noqa: ANN401  (as above)
    when = _moment(element.text)
    if when is None:
        yield Problem("zone", path, "must be a time with its zone")
    elif when >= now:
        yield Problem(rule, path, "must lie in the past")


def _disabled(element: Any) -> Iterator[Problem]:  # noqa: ANN401  (an element of lxml)
    disabled, notified, again = (
        _moment(element.get(name)) for name in ("disabledDate", "userNotifiedDate", "reenabledDate")
    )
    if disabled is None:
        return
    if notified is not None and notified < disabled:
        yield Problem("R12", f"{element.tag}/@userNotifiedDate", "may not lie before disabledDate")
    if again is not None and again <= disabled:
        yield Problem("R12", f"{element.tag}/@reenabledDate", "must lie after disabledDate")


def _location(element: Any) -> Iterator[Problem]:  # noqa: ANN401  (an element of lxml)
    city, region, country = (_text(element.find(name)) for name in ("city", "region", "countryCode"))
    if not country:
        yield Problem("R13", "estimatedLocation/countryCode", "is needed")
    if country == "US" and city and not region:
        yield Problem("R13", "estimatedLocation/region", "is needed where a city of the US is named")
    if country == "US" and region and region not in values_of("state"):
        yield Problem("R13", "estimatedLocation/region", "must be the code of a state in the US")


def _text(element: Any | None) -> str:  # noqa: ANN401  (an element of lxml)
    return "" if element is None else (element.text or "").strip()


def _is_true(element: Any | None) -> bool:  # noqa: ANN401  (an element of lxml)
    return _text(element) in {"true", "1"}


def _moment(text: str | None) -> datetime | None:
    """Read an xs:dateTime that states its zone; None for any other."""
    try:
        when = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return when if when.tzinfo is not None else None


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "").strip()[:10])
    except ValueError:
        return None


def _is_url(text: str) -> bool:
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        return False
    try:
        parts = urlsplit(text)
        return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", parts.scheme) and parts.hostname)
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text
