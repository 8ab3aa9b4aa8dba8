"""What the words of cases are for people. Each is marked here, and translated by the page that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hedgerow.cases.model import Queue, Stage, State, Verdict
from hedgerow.web.pages.language import marked

if TYPE_CHECKING:
    from hedgerow.errors import HedgerowError

__all__ = [
    "ACTIONS",
    "CLASSES",
    "FILE_TAGS",
    "PROBLEMS",
    "QUEUES",
    "REPORT_TAGS",
    "STAGES",
    "STATES",
    "TAG_FIELDS",
    "TIERS",
    "VERDICTS",
    "WHY_NOT",
    "problem_of",
]

QUEUES: Final[dict[str, str]] = {
    Queue.KNOWN: marked("Known: the same file, or nearly"),
    Queue.NEAR: marked("Near matches"),
    Queue.ESCALATED: marked("Escalated"),
    Queue.SECOND_OPINION: marked("Second opinion"),
    Queue.APPEALS: marked("Appeals"),
    Queue.QA: marked("Second review of a sample"),
    Queue.NOTICES: marked("Removal requests"),
    Queue.TEXT: marked("Texts"),
}

STATES: Final[dict[str, str]] = {
    State.OPEN: marked("waits"),
    State.CLAIMED: marked("in work"),
    State.ESCALATED: marked("escalated"),
    State.SECOND_OPINION: marked("waits for a second opinion"),
    State.WAITING: marked("put aside"),
    State.APPEALED: marked("appealed"),
    State.SAMPLED: marked("waits for a second review"),
    State.DECIDED: marked("decided, can be taken back"),
    State.ACTING: marked("decided, the platform is being told"),
    State.CLOSED: marked("closed"),
}

VERDICTS: Final[dict[str, str]] = {
    Verdict.CONFIRMED: marked("Confirmed"),
    Verdict.NOT_A_MATCH: marked("Not a match"),
    Verdict.ESCALATE: marked("Escalated"),
    Verdict.SECOND_OPINION: marked("Second opinion asked for"),
    Verdict.SKIP: marked("Left to others"),
}

STAGES: Final[dict[str, str]] = {
    Stage.FIRST: marked("first decision"),
    Stage.SECOND_OPINION: marked("second opinion"),
    Stage.ESCALATED: marked("after it was escalated"),
    Stage.APPEAL: marked("on appeal"),
    Stage.QA: marked("second review of a sample"),
    Stage.CORRECTION: marked("correction"),
}

CLASSES: Final[dict[str, str]] = {
    "A1": marked("before puberty, a sex act"),
    "A2": marked("before puberty, lascivious exhibition"),
    "B1": marked("after puberty, a sex act"),
    "B2": marked("after puberty, lascivious exhibition"),
}

TIERS: Final[dict[str, str]] = {
    "exact": marked("exact"),
    "near": marked("near"),
    "altered": marked("altered"),
}

FILE_TAGS: Final[dict[str, str]] = {
    "generated": marked("made by a generator"),
    "drawing": marked("drawn or virtual"),
    "self_produced": marked("possibly made by the child itself"),
    "infant": marked("infant"),
    "physical_harm": marked("physical harm"),
    "violence": marked("violence"),
    "bestiality": marked("bestiality"),
    "live_stream": marked("live stream"),
    "viral": marked("viral"),
    "meme": marked("spread as a joke or in outrage"),
}
"""Tags that become annotations of the files of a report (`hedgerow.reports.cybertipline.codes`)."""

REPORT_TAGS: Final[dict[str, str]] = {
    "sextortion": marked("sextortion"),
    "solicitation": marked("solicitation"),
    "between_minors": marked("between minors"),
    "sadistic": marked("sadistic exploitation"),
    "spam": marked("spam"),
}
"""Tags that become annotations of the report."""

TAG_FIELDS: Final = frozenset(f"tag-{each}" for each in (*FILE_TAGS, *REPORT_TAGS))
"""The fields of a form that stand for them."""

ACTIONS: Final[dict[str, str]] = {
    "case.opened": marked("Opened"),
    "case.joined": marked("Something joined it"),
    "case.claimed": marked("Taken"),
    "case.released": marked("Given back"),
    "case.claim_lapsed": marked("The claim ran out"),
    "case.reassigned": marked("Given to somebody"),
    "case.put_aside": marked("Put aside"),
    "case.woken": marked("Back in its queue"),
    "case.decided": marked("Decided"),
    "case.handed_on": marked("Handed on"),
    "case.decision_undone": marked("A decision was taken back"),
    "case.decision_effected": marked("A decision took effect"),
    "case.appealed": marked("Appealed"),
    "case.closed": marked("Closed"),
    "webhook.enqueued": marked("A message to the platform"),
    "shield.asked": marked("Project Arachnid was asked about a hash"),
    "shield.answered": marked("Project Arachnid answered"),
    "shield.given_up": marked("Project Arachnid never answered"),
}

WHY_NOT: Final[dict[str, str]] = {
    "you decided it before": marked("You decided it before."),
    "you asked for the second opinion": marked("You asked for the second opinion."),
    "you left it to others": marked("You left it to others."),
}
"""As `hedgerow.cases.rules.why_not_claimed` says it."""

PROBLEMS: Final[dict[str, str]] = {
    "case_taken": marked("Somebody else is working on this case."),
    "claim_refused": marked("This case is for somebody else."),
    "claim_lost": marked("Your claim of this case is over. Nothing was decided, and what you wrote is kept."),
    "case_changed": marked("Something came to this case since you opened it. Nothing was decided: look at it again."),
    "transition_refused": marked("The case is not where it was any more, and nothing was changed."),
    "undo_too_late": marked("That decision has taken effect. It can be corrected, and not taken back."),
    "decision_not_found": marked("There is nothing of yours that can still be taken back."),
    "user_not_found": marked("Choose somebody."),
    "invalid_view": marked("That text is not in this case."),
}


def problem_of(error: HedgerowError) -> str:
    """Return what a page says of an error; its own sentence where pages have none for it."""
    return PROBLEMS.get(error.reason, str(error))
