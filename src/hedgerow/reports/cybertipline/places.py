"""Where in a document something is: its path for programs, its name for people, and where it is mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hedgerow.reports.model import Violation

if TYPE_CHECKING:
    from hedgerow.reports.cybertipline.schema import Attribute, Child

__all__ = ["Place", "file_place", "report_place"]

# What the settings hold for every report.
_SETTINGS: Final = {
    "report/reporter/reportingPerson/firstName": "reporter_first_name",
    "report/reporter/reportingPerson/lastName": "reporter_last_name",
    "report/reporter/reportingPerson/email": "reporter_email",
    "report/reporter/reportingPerson/phone": "reporter_phone",
    "report/reporter/contactPerson/firstName": "contact_first_name",
    "report/reporter/contactPerson/lastName": "contact_last_name",
    "report/reporter/contactPerson/email": "contact_email",
    "report/reporter/contactPerson/phone": "contact_phone",
    "report/reporter/companyTemplate": "company_template",
    "report/reporter/termsOfService": "terms_of_service",
    "report/reporter/legalURL": "legal_url",
    "report/incidentSummary/platform": "platform",
}
_INCIDENT_TIME = "report/incidentSummary/incidentDateTime"
_NUMBERS: Final = ("reportId", "fileId")


@dataclass(frozen=True, slots=True)
class Place:
    """A field of a document.

    Attributes:
        path: In the words of the schema, with numbers where something is repeated.
        labels: In plain words, from the outside in.
        bare: The path without numbers.
    """

    path: str
    labels: tuple[str, ...]
    bare: str

    @property
    def label(self) -> str:
        """What people call it, with what it lies in."""
        text = " › ".join(self.labels)
        return text[:1].upper() + text[1:]

    @property
    def fix(self) -> str:
        """Where to mend it."""
        owner = next((name for path, name in _SETTINGS.items() if _is_within(self.bare, path)), None)
        if owner is not None:
            return f"Mend it in the setting reports.{owner}, or in the draft."
        if self.bare == _INCIDENT_TIME:
            return "State it in the draft, under incident: only a person can."
        if self.bare.startswith("fileDetails"):
            if any(self.bare.endswith(f"/{name}") for name in _NUMBERS):
                return "It is filled in while the report is filed: leave it out."
            return f"Mend it in the draft, at {self.labels[0]}."
        return f"Mend it in the draft, under {self.labels[0]}." if self.labels else "Mend it in the draft."

    def child(self, child: Child, number: int | None = None) -> Place:
        """Go to an element below, of which there may be several."""
        index, which = ("", "") if number is None else (f"[{number}]", f" {number}")
        return Place(
            f"{self.path}/{child.name}{index}", (*self.labels, f"{child.label}{which}"), f"{self.bare}/{child.name}"
        )

    def attribute(self, attribute: Attribute) -> Place:
        """Go to an attribute of this element."""
        name = f"/@{attribute.name}"
        return Place(f"{self.path}{name}", (*self.labels, attribute.label), f"{self.bare}{name}")

    def breaks(self, rule: str, problem: str, fix: str | None = None) -> Violation:
        """Say that it breaks a rule: a phrase that goes on behind the name of the field."""
        return Violation(rule, self.path, f"{self.label or 'Report'}: {problem}.", fix or self.fix)


def report_place() -> Place:
    """Begin at the report itself."""
    return Place("report", (), "report")


def file_place(number: int | None = None) -> Place:
    """Begin at what is said of a file, counted from 1 in a draft."""
    index, which = ("", "file") if number is None else (f"[{number}]", f"file {number}")
    return Place(f"fileDetails{index}", (which,), "fileDetails")


def _is_within(path: str, outer: str) -> bool:
    return path == outer or path.startswith(f"{outer}/")
