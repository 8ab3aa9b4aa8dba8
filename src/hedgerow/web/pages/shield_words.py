"""The words of Project Arachnid Shield for people: what it knows, why it did not answer, why it is not asked."""

from __future__ import annotations

from typing import Final

from hedgerow.exchanges.shield import Known
from hedgerow.web.pages.language import marked

__all__ = ["KNOWN", "LACKS", "REFUSALS", "SILENCES"]

KNOWN: Final[dict[str, tuple[str, str]]] = {
    Known.CSAM: (marked("Known to be child sexual abuse material"), "bad"),
    Known.HARMFUL: (marked("Known to be harmful or abusive material"), "bad"),
    Known.UNKNOWN: (marked("Known under another word"), "bad"),
    Known.NO_KNOWN_MATCH: (marked("No known match"), ""),
    Known.TEST: (marked("A picture for trying it out"), ""),
}
"""What it knows → what people call that, and how it is marked."""

SILENCES: Final[dict[str, str]] = {
    "busy": marked("It asks us to come later."),
    "unavailable": marked("It cannot be reached."),
    "unreadable": marked("Its answer cannot be read."),
    "no_answer": marked("It left this hash out of its answer."),
    "partner_refused": marked("It refuses us."),
    "not_armed": marked("It was disarmed meanwhile."),
    "credentials_missing": marked("Its credentials were taken away meanwhile."),
    "seal_broken": marked("Its credentials do not open with the keys of this house."),
    "case_over": marked("The case was over first."),
    "too_long": marked("It was silent for a week."),
}
"""Why it did not answer."""

LACKS: Final[dict[str, str]] = {
    "off": marked("It is switched off."),
    "stopped": marked("It refuses us, so that nothing is asked any more."),
    "credentials": marked("It has no credentials."),
    "arming": marked("Nobody has armed its production system."),
}
"""Why it cannot be asked at all."""

REFUSALS: Final[dict[str, str]] = {
    **LACKS,
    "no_such_media": marked("That medium is not in this case."),
    "no_hash": marked("This medium has no PDQ hash, and it is asked about nothing else."),
    "over": marked("The case is over."),
    "own_notice": marked("Only a person’s own notice speaks of it. That person gave the hash for blocking alone."),
}
"""Why it is not asked about this."""
