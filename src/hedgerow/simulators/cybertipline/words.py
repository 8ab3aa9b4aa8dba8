"""A document in plain words: sections of rows that a person can read, instead of elements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hedgerow.simulators.cybertipline.schema import parse_document

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Section", "indented", "sections", "title"]

_WORDS: Final[dict[str, str]] = {
    "incidentSummary": "What happened",
    "incidentDateTime": "when",
    "incidentDateTimeDescription": "what this time means",
    "incidentType": "kind",
    "escalateToHighPriority": "escalated to high priority, because",
    "reportAnnotations": "marked as",
    "csamSolicitation": "solicitation of abuse material",
    "batchedReport": "Batched report",
    "internetDetails": "Where on the internet",
    "webPageIncident": "web page",
    "emailIncident": "email",
    "chatImIncident": "chat",
    "peer2peerIncident": "peer to peer",
    "lawEnforcement": "Law enforcement",
    "reportedToLe": "reported to law enforcement",
    "officerContact": "officer",
    "fleaCountry": "country of the agency",
    "reporter": "Who reports",
    "reportingPerson": "reporting person",
    "contactPerson": "person to contact",
    "companyTemplate": "about the company",
    "legalURL": "address for legal process",
    "personOrUserReported": "Person or user reported",
    "personOrUserReportedPerson": "person",
    "intendedRecipient": "Intended recipient",
    "intendedRecipientPerson": "person",
    "victim": "Victim",
    "victimPerson": "person",
    "espIdentifier": "account",
    "espService": "service",
    "ipCaptureEvent": "internet address seen",
    "ipAddress": "address",
    "deviceId": "device",
    "idType": "kind of number",
    "idValue": "number",
    "eventName": "event",
    "dateTime": "when",
    "thirdPartyUserReported": "is a user of somebody else's service",
    "priorCTReports": "earlier report",
    "priorCTReport": "earlier report",
    "associatedAccount": "associated account",
    "additionalInfo": "further information",
    "fileDetails": "File",
    "fileViewedByEsp": "all of it was viewed by the company",
    "exifViewedByEsp": "its metadata were viewed by the company",
    "uploadedToEspTimestamp": "uploaded at",
    "locationOfFile": "where it was",
    "originalFileHash": "digest",
    "hashType": "kind of digest",
    "fileAnnotations": "marked as",
    "generativeAi": "made by generative AI",
    "industryClassification": "classification",
    "nameValuePair": "entry",
    "dateOfBirth": "date of birth",
    "state": "state in the US",
    "nonUsaState": "state outside the US",
}
_BOOLEANS: Final = {"true": "yes", "1": "yes", "false": "no", "0": "no"}
_TEXTS: Final = frozenset({"port", "age", "approximateAge", "zipCode", "caseNumber", "priorCTReports", "priorCTReport"})


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document.

    Attributes:
        title: In plain words.
        rows: Label and value, in the order of the document.
    """

    title: str
    rows: tuple[tuple[str, str], ...]


def title(name: str) -> str:
    """Return the plain words for the name of an element or attribute.

    >>> title("originalFileName"), title("reporter")
    ('original file name', 'Who reports')
    """
    return _WORDS.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def sections(document: bytes) -> list[Section]:
    """Return a document's parts in plain words.

    >>> sections(b"<fileDetails><reportId>7</reportId><fileViewedByEsp>true</fileViewedByEsp></fileDetails>")[0].rows
    (('report id', '7'), ('all of it was viewed by the company', 'yes'))
    """
    root = parse_document(document)
    found: list[Section] = []
    loose: list[tuple[str, str]] = []
    for child in root.iterchildren("*"):
        if root.tag == "report" and (len(child) or child.attrib):
            found.append(Section(title(child.tag), tuple(_rows(child, ()))))
        else:
            loose += _rows(child, (title(child.tag),))
    if loose:
        found.append(Section("Besides" if found else title(root.tag), tuple(loose)))
    return found


def indented(document: bytes) -> str:
    """Return a document with line breaks and indentation, for reading only."""
    from lxml import etree  # type: ignore[import-untyped]  # noqa: PLC0415  (no stubs; only who simulates needs it)

    root = parse_document(document)
    etree.indent(root)
    text: str = etree.tostring(root, encoding="unicode")
    return text


def _rows(element: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:  # noqa: ANN401  (an element of lxml)
    text = (element.text or "").strip()
    if not len(element) and (text or not element.attrib):
        value = text if element.tag in _TEXTS else _BOOLEANS.get(text, text)
        yield " › ".join(path), value or "yes"
    for name, value in element.attrib.items():
        if not name.startswith("{"):
            yield " › ".join((*path, title(name))), _BOOLEANS.get(value, value)
    for child in element.iterchildren("*"):
        yield from _rows(child, (*path, title(child.tag)))
