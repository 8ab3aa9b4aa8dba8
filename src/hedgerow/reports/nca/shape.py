"""The export as JSON: a schema of ours, since the agency's interface is not public. It is described in the guide.

Everything that a draft holds is there, under plain names, and nothing else: a field that has no place here is refused,
never left out. Names, kinds and order follow the one table of fields that drafts have
(`hedgerow.reports.cybertipline.schema`), so that both exports say the same. Texts with attributes become objects with
``value``; what can be repeated is always a list; the same content gives the same bytes.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import DraftUnwritable
from hedgerow.reports.cybertipline.schema import TEXT, load_schema
from hedgerow.reports.nca.duty import Priority, priority_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.reports.cybertipline.schema import Child, Kind, Root, Value

__all__ = [
    "FILE_SCHEMA",
    "LEFT_OUT",
    "REPORT_SCHEMA",
    "exported_file",
    "exported_report",
    "json_schema",
    "name_of",
    "written",
]

REPORT_SCHEMA: Final = "hedgerow-nca-report/1"
FILE_SCHEMA: Final = "hedgerow-nca-file/1"

LEFT_OUT: Final = frozenset({"batchedReport"})
"""What is of the CyberTipline alone: a draft that has it is not for this authority."""

_NUMBERS: Final = ("reportId", "fileId")
# Names that mean nothing outside the CyberTipline.
_NAMES: Final = {
    "incidentSummary": "incident",
    "incidentType": "kind",
    "incidentDateTime": "happened_at",
    "incidentDateTimeDescription": "what_that_time_is",
    "escalateToHighPriority": "why_it_is_urgent",
    "reportAnnotations": "annotations",
    "internetDetails": "places",
    "personOrUserReported": "reported",
    "personOrUserReportedPerson": "person",
    "intendedRecipient": "recipients",
    "intendedRecipientPerson": "person",
    "victim": "victims",
    "victimPerson": "person",
    "espIdentifier": "account_id",
    "espService": "service",
    "priorCTReports": "earlier_cybertipline_reports",
    "priorCTReport": "earlier_cybertipline_reports",
    "ipCaptureEvent": "ip_addresses",
    "deviceId": "devices",
    "displayName": "display_names",
    "profileUrl": "profile_urls",
    "associatedAccount": "associated_accounts",
    "phone": "phones",
    "email": "emails",
    "emailAddress": "email_addresses",
    "url": "urls",
    "fileViewedByEsp": "viewed_in_full",
    "exifViewedByEsp": "metadata_viewed",
    "uploadedToEspTimestamp": "uploaded_at",
    "locationOfFile": "address",
    "fileAnnotations": "annotations",
    "fileRelevance": "relevance",
    "industryClassification": "classification",
    "originalFileHash": "digests",
    "originalFileName": "file_name",
    "nameValuePair": "entries",
    "additionalInfo": "further_information",
    "reportedToLe": "reported_to_law_enforcement",
    "fleaCountry": "country_of_agency",
    "legalURL": "legal_url",
    "peer2peerIncident": "peer_to_peer_incident",
}
_JSON_TYPES: Final = {"boolean": "boolean", "int": "integer", "long": "integer", "double": "number"}

_PYTHON_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
}


def name_of(name: str) -> str:
    """Return what an element or attribute is called in the export.

    >>> name_of("espIdentifier"), name_of("vehicleDescription"), name_of("countryCallingCode")
    ('account_id', 'vehicle_description', 'country_calling_code')
    """
    return _NAMES.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def exported_report(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report as the export has it.

    Args:
        content: Of the draft.

    Raises:
        DraftUnwritable: It has a field that has no place here.
    """
    for name in LEFT_OUT & content.keys():
        raise DraftUnwritable(f"report/{name}", "only the CyberTipline knows it")
    priority = priority_of(content)
    return {
        "schema": REPORT_SCHEMA,
        "duty": "Online Safety Act 2023, section 66",
        "priority": int(priority),
        "is_immediate": priority is Priority.IMMEDIATE,
        "report": _exported(load_schema().roots["report"], content, "report"),
    }


def exported_file(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of a file as the export has it.

    Args:
        details: With what the records of viewing say, without numbers.

    Raises:
        DraftUnwritable: It has a field that has no place here.
    """
    for name in _NUMBERS:
        if name in details:
            raise DraftUnwritable(f"fileDetails/{name}", "numbers are given when the package is made")
    return {"schema": FILE_SCHEMA, "file": _exported(load_schema().roots["fileDetails"], details, "fileDetails")}


def written(export: Mapping[str, Any]) -> bytes:
    """Write an export: UTF-8, two spaces, the same bytes each time."""
    try:
        text = json.dumps(export, ensure_ascii=False, indent=2, allow_nan=False)
        return f"{text}\n".encode()
    except ValueError:  # a lone surrogate, or a number that is none
        raise DraftUnwritable("report", "it holds a character or number that cannot be written") from None


def _exported(kind: Kind, said: Any, path: str) -> Any:  # noqa: ANN401  (any part of content)
    if kind.value is not None:
        return _text(kind, said, path)
    if not isinstance(said, dict):
        raise DraftUnwritable(path, "it holds fields of its own, and no text")
    _refuse_unknown(kind, said, path)
    found = _attributes(kind, said, path)
    for child in kind.children.values():
        if child.name not in said or child.name in LEFT_OUT:
            continue
        below, value = f"{path}/{child.name}", said[child.name]
        if child.is_repeated:
            if not isinstance(value, list):
                raise DraftUnwritable(below, "it can be repeated, and is written as a list")
            found[name_of(child.name)] = [_exported(child.kind, each, below) for each in value]
        else:
            found[name_of(child.name)] = _exported(child.kind, value, below)
    return found


def _text(kind: Kind, said: Any, path: str) -> Any:  # noqa: ANN401  (any part of content)
    if not isinstance(said, dict):
        said = {TEXT: said}
    _refuse_unknown(kind, said, path)
    if TEXT not in said:
        raise DraftUnwritable(path, "its text is missing")
    assert kind.value is not None  # noqa: S101  (for the type checker: the caller looked)
    value = _value(kind.value, said[TEXT], path)
    return {"value": value, **_attributes(kind, said, path)} if kind.attributes else value


def _attributes(kind: Kind, said: Mapping[str, Any], path: str) -> dict[str, Any]:
    return {
        name_of(name): _value(attribute.value, said[f"@{name}"], f"{path}/@{name}")
        for name, attribute in kind.attributes.items()
        if f"@{name}" in said
    }


def _refuse_unknown(kind: Kind, said: Mapping[str, Any], path: str) -> None:
    known = {*kind.children, *(f"@{name}" for name in kind.attributes), *([TEXT] if kind.value is not None else [])}
    for name in said:
        if name not in known:
            # Whoever sent it chose its names: what is no plain word is not repeated.
            shown = name if re.fullmatch(r"[@#]?[A-Za-z0-9]{1,40}", str(name)) else "…"
            raise DraftUnwritable(f"{path}/{shown}", "there is no such field")


def _value(value: Value, said: Any, path: str) -> Any:  # noqa: ANN401  (a text, a number, true or false)
    expected = _PYTHON_TYPES[_json_type(value)]
    if not isinstance(said, expected) or (isinstance(said, bool) and value.base != "boolean"):
        raise DraftUnwritable(path, f"it is no {_json_type(value)}")
    return said


def _json_type(value: Value) -> str:
    return _JSON_TYPES.get(value.base, "string")


# ── the schema ───────────────────────────────────────────────────────────────────────────────────────────────────


def json_schema(root: Root = "report") -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an export: of a report, or of what is said of a file.

    Args:
        root: ``report`` or ``fileDetails``.
    """
    inside = _schema_of(load_schema().roots[root])
    if root == "report":
        properties: dict[str, Any] = {
            "schema": {"const": REPORT_SCHEMA},
            "duty": {"type": "string", "description": "The law under which it is reported."},
            "priority": {
                "enum": [int(each) for each in Priority],
                "description": "1: a life or serious harm is threatened.",
            },
            "is_immediate": {"type": "boolean"},
            "report": inside,
        }
    else:
        properties = {
            "schema": {"const": FILE_SCHEMA},
            "reference": {"type": "string", "description": "The agency's reference of the report, once it is known."},
            "file_id": {"type": "string", "description": "Its name in the package."},
            "file": inside,
        }
    required = [each for each in properties if each not in {"reference", "file_id"}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": REPORT_SCHEMA if root == "report" else FILE_SCHEMA,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _schema_of(kind: Kind) -> dict[str, Any]:
    attributes = {
        name_of(name): {"description": each.label, **_schema_of_value(each.value)}
        for name, each in kind.attributes.items()
    }
    required = [name_of(name) for name, each in kind.attributes.items() if each.is_required]
    if kind.value is not None:
        value = _schema_of_value(kind.value)
        if not attributes:
            return value
        properties = {"value": value, **attributes}
        return {
            "type": "object",
            "properties": properties,
            "required": ["value", *required],
            "additionalProperties": False,
        }
    properties = dict(attributes)
    for child in kind.children.values():
        if child.name in LEFT_OUT or child.name in _NUMBERS:
            continue
        properties[name_of(child.name)] = {"description": child.label, **_schema_of_child(child)}
        if child.minimum and not kind.is_choice:
            required.append(name_of(child.name))
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        found["required"] = required
    if kind.is_choice:
        found |= {"minProperties": 1, "maxProperties": 1}
    return found


def _schema_of_child(child: Child) -> dict[str, Any]:
    inside = _schema_of(child.kind)
    return {"type": "array", "items": inside} if child.is_repeated else inside


def _schema_of_value(value: Value) -> dict[str, Any]:
    found: dict[str, Any] = {"type": _json_type(value)}
    if value.is_fixed_true:
        found = {"const": True}
    if value.words:
        found["enum"] = list(value.words)
    if value.base in {"date", "dateTime"}:
        found["format"] = "date" if value.base == "date" else "date-time"
    return found
