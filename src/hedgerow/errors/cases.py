"""The branch of cases: something about submissions, cases, decisions or views."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = [
    "CaseChanged",
    "CaseError",
    "CaseNotFound",
    "CaseTaken",
    "ClaimLost",
    "ClaimRefused",
    "DecisionNotFound",
    "InvalidDecision",
    "InvalidSubmission",
    "InvalidView",
    "SubmissionNotFound",
    "SuppressionNotFound",
    "TransitionRefused",
    "UndoTooLate",
]


class CaseError(HedgerowError):
    """Something about submissions, cases, decisions or views."""

    reason = "case"


class SubmissionNotFound(CaseError):
    """There is no such submission."""

    reason = "submission_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such submission.")


class InvalidSubmission(CaseError):
    """What was said about a submission does not fit.

    Args:
        problem: What is wrong with it, without repeating it.
    """

    reason = "invalid_submission"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This submission cannot be taken: {problem}.")


class CaseNotFound(CaseError):
    """There is no such case."""

    reason = "case_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such case.")


class TransitionRefused(CaseError):
    """A case in this state does not do that.

    Args:
        state: The state the case is in.
        event: What was to happen to it.
    """

    reason = "transition_refused"

    def __init__(self, state: str, event: str) -> None:
        self.state = state
        self.event = event
        super().__init__(f"A case in the state {state} does not take the step {event}.")


class CaseTaken(CaseError):
    """Somebody else has claimed it."""

    reason = "case_taken"

    def __init__(self) -> None:
        super().__init__("Somebody else is working on this case.")


class ClaimRefused(CaseError):
    """A case that this person must leave to others.

    Args:
        problem: Why.
    """

    reason = "claim_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This case is for somebody else: {problem}.")


class ClaimLost(CaseError):
    """The claim ran out, or the case was given to somebody else."""

    reason = "claim_lost"

    def __init__(self) -> None:
        super().__init__("Your claim of this case is over, and nothing was changed: claim it again.")


class CaseChanged(CaseError):
    """Something came to the case that the decider has not seen."""

    reason = "case_changed"

    def __init__(self) -> None:
        super().__init__("Something came to this case since you opened it, and nothing was decided: look at it again.")


class DecisionNotFound(CaseError):
    """There is no such decision."""

    reason = "decision_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such decision.")


class InvalidDecision(CaseError):
    """A decision that does not fit its case.

    Args:
        problem: What is wrong with it.
    """

    reason = "invalid_decision"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This cannot be decided so: {problem}.")


class UndoTooLate(CaseError):
    """The time in which a decision can be undone is over."""

    reason = "undo_too_late"

    def __init__(self) -> None:
        super().__init__("This decision has taken effect: it can be superseded by another one, and not undone.")


class InvalidView(CaseError):
    """What was said about a view cannot have happened.

    Args:
        problem: Why not.
    """

    reason = "invalid_view"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This view cannot be recorded: {problem}.")


class SuppressionNotFound(CaseError):
    """There is no such suppression, or it was lifted."""

    reason = "suppression_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such suppression, or it was lifted already.")
