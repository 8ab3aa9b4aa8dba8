"""When a report to the NCA is due, and what discharges the duty to make one.

1. What threatens a life or serious harm is *priority 1* and due at once (SI 2026/268); all else is due as soon as
   possible. A report says so by stating why it is urgent; a person states that, never a machine.
2. Content that was reported to a foreign agency such as NCMEC is not unreported (Online Safety Act 2023 s.70(5)): a
   report that NCMEC's *real* system has taken for good discharges the duty, and its number is recorded.
3. A report to a test system, one that is not finished, and one without a number discharge nothing.
4. Which authorities count is data: ``discharged_by`` of the profile ``uk_nca`` in ``jurisdictions.toml``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from hedgerow.reports.filing_model import Environment, ReportState
from hedgerow.reports.jurisdictions import profile_named

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["DUTY", "Discharge", "FiledReport", "Priority", "discharge", "discharges", "priority_of"]

DUTY: Final = "uk_nca"
"""The profile of the duty, in `hedgerow.reports.jurisdictions`."""


class Priority(IntEnum):
    """How urgent a report is.

    Attributes:
        IMMEDIATE: A life or serious harm is threatened: at once.
        SOON: As soon as possible.
    """

    IMMEDIATE = 1
    SOON = 2


class FiledReport(Protocol):
    """What the rule asks of a report; `hedgerow.reports.filing_model.Report` has all of it."""

    @property
    def authority(self) -> str:
        """To whom."""

    @property
    def environment(self) -> Environment:
        """Into which of its systems."""

    @property
    def state(self) -> ReportState:
        """Where it stands."""

    @property
    def external_id(self) -> str | None:
        """The authority's number for it."""

    @property
    def filed_at(self) -> datetime | None:
        """When it was filed."""


@dataclass(frozen=True, slots=True)
class Discharge:
    """That a duty is fulfilled by a report to somebody else.

    Attributes:
        duty: The profile of the duty.
        authority: Who has the report.
        reference: Its number there.
        at: When it was filed there.
        source: Where it stands that this is enough.
    """

    duty: str
    authority: str
    reference: str
    at: datetime
    source: str

    @property
    def sentence(self) -> str:
        """The same for people, and for the record."""
        return (
            f"Reported to {self.authority} on {self.at:%Y-%m-%d %H:%M} UTC under the reference {self.reference}; "
            f"this discharges the duty {self.duty}. {self.source}."
        )


def discharges(report: FiledReport, duty: str = DUTY) -> bool:
    """Tell whether a report discharges a duty to report the same content to somebody else.

    Args:
        report: A report about the same case.
        duty: The profile of the duty.

    Raises:
        InvalidReport: There is no such profile.
    """
    return discharge(report, duty) is not None


def discharge(report: FiledReport, duty: str = DUTY) -> Discharge | None:
    """Return what is recorded where a report discharges a duty, or None where it does not.

    Args:
        report: A report about the same case.
        duty: The profile of the duty.

    Raises:
        InvalidReport: There is no such profile.
    """
    profile = profile_named(duty)
    if (
        report.authority not in profile.discharged_by
        or report.environment is not Environment.PRODUCTION
        or report.state is not ReportState.FILED
        or not report.external_id
        or report.filed_at is None
    ):
        return None
    return Discharge(duty, report.authority, report.external_id, report.filed_at, profile.discharge_source)


def priority_of(content: Mapping[str, Any]) -> Priority:
    """Return how urgent a report is: what states why it is urgent is.

    Args:
        content: Of a report, as `hedgerow.reports.model.Content`.

    >>> priority_of({"incidentSummary": {"escalateToHighPriority": "said that he is on his way to her"}}).name
    'IMMEDIATE'
    """
    summary = content.get("incidentSummary")
    reason = summary.get("escalateToHighPriority") if isinstance(summary, dict) else None
    return Priority.IMMEDIATE if isinstance(reason, str) and reason.strip() else Priority.SOON
