"""The branch of reports: the document, and filing it."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = [
    "ApprovalRefused",
    "ArmingRefused",
    "AuthorityNotReady",
    "CredentialsRefused",
    "DraftChanged",
    "DraftInvalid",
    "DraftUnreadable",
    "DraftUnwritable",
    "InvalidReport",
    "ProductionRefused",
    "ReportError",
    "ReportLeaseLost",
    "ReportNotFound",
    "ReportRefused",
    "ViewedCannotBeStated",
]


class ReportError(HedgerowError):
    """Something about a report to an authority."""

    reason = "report"


# ── the draft ────────────────────────────────────────────────────────────────────────────────────────────────────


class DraftUnwritable(ReportError):
    """Content that cannot be written as the document: nothing of it is left out unseen, so nothing is written.

    Args:
        field: Which field, by its path.
        problem: Why not, without repeating what it holds.
    """

    reason = "draft_unwritable"

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"The field {field} cannot be written into the report: {problem}.")


class DraftUnreadable(ReportError):
    """Bytes that are no such document.

    Args:
        problem: Why not, without repeating what they hold.
    """

    reason = "draft_unreadable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This is no document of a report: {problem}.")


class DraftInvalid(ReportError):
    """A draft that breaks rules of the authority cannot be approved or sent.

    Args:
        problems: One sentence for each; each names the field and where to mend it.
    """

    reason = "draft_invalid"

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__(f"The report cannot be sent like this: {' '.join(problems)}")


class ViewedCannotBeStated(ReportError):
    """Whether a file was viewed follows from what was recorded while people looked; nobody states it.

    Args:
        field: Where it was stated, by its path.
    """

    reason = "viewed_cannot_be_stated"

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(
            f"The field {field} cannot be typed: it follows from the records of who viewed the file, and nothing else."
        )


# ── filing ───────────────────────────────────────────────────────────────────────────────────────────────────────


class ReportNotFound(ReportError):
    """There is no report of that number.

    Args:
        number: The number.
    """

    reason = "report_not_found"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"There is no report {number}.")


class InvalidReport(ReportError):
    """What was said about a report does not fit.

    Args:
        problem: What is wrong, as the end of a sentence, without repeating what was said.
    """

    reason = "invalid_report"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This does not fit a report: {problem}.")


class DraftChanged(ReportError):
    """Somebody else changed the draft meanwhile.

    Args:
        number: The report's number.
        revision: The draft's revision now.
    """

    reason = "draft_changed"

    def __init__(self, number: int, revision: int) -> None:
        self.number = number
        self.revision = revision
        super().__init__(f"Report {number} was changed meanwhile: look at revision {revision} first.")


class ReportRefused(ReportError):
    """Where the report stands, this cannot be done with it.

    Args:
        number: The report's number.
        problem: Why not, as the end of a sentence.
    """

    reason = "report_refused"

    def __init__(self, number: int, problem: str) -> None:
        self.number = number
        self.problem = problem
        super().__init__(f"This cannot be done with report {number}: {problem}.")


class ApprovalRefused(ReportError):
    """This person cannot approve this report, or not like this.

    Args:
        problem: Why not, as the end of a sentence.
    """

    reason = "approval_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The report was not approved: {problem}.")


class ReportLeaseLost(ReportError):
    """Somebody else took over the report that we were filing; what came of our call is not recorded.

    Args:
        number: The report's number.
    """

    reason = "report_lease_lost"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"Report {number} took so long that another process has taken it over.")


class AuthorityNotReady(ReportError):
    """Nothing can be sent to this system of the authority now.

    Args:
        authority: Which.
        environment: Which of its systems.
        problem: Why not, and what to do, as a sentence.
        word: Why not, in a word.
    """

    reason = "authority_not_ready"

    def __init__(self, authority: str, environment: str, problem: str, word: str = "") -> None:
        self.authority = authority
        self.environment = environment
        self.problem = problem
        self.word = word
        super().__init__(f"Nothing can be sent to {authority} ({environment}) now. {problem}")


class ProductionRefused(ReportError):
    """An address or credentials of the authority's real system, where only rehearsal is allowed; or the other way.

    Args:
        problem: What is wrong, as the end of a sentence.
    """

    reason = "production_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"Nothing was sent: {problem}.")


class CredentialsRefused(ReportError):
    """Credentials that cannot be any.

    Args:
        problem: What is wrong, as the end of a sentence, without repeating them.
    """

    reason = "credentials_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"These are no credentials: {problem}.")


class ArmingRefused(ReportError):
    """Real reports cannot be switched on like this.

    Args:
        problem: Why not, as the end of a sentence.
    """

    reason = "arming_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"Real reports are not switched on: {problem}.")
