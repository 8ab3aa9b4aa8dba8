"""The words of reports for people: where each stands, what it lacks, what was asked of the authority and answered."""

from __future__ import annotations

from typing import Final

from hedgerow.web.pages.language import marked

__all__ = ["AUTHORITIES", "CALLS", "ENVIRONMENTS", "OUTCOMES", "PROBLEMS", "STATES", "TRIALS", "TROUBLES", "VOIDED"]

STATES: Final = {
    "draft": marked("Draft"),
    "approved": marked("Approved"),
    "opening": marked("Being opened"),
    "opened": marked("Opened"),
    "uploading": marked("Files on their way"),
    "finishing": marked("Being finished"),
    "filed": marked("Filed"),
    "retracted": marked("Taken back"),
    "needs_person": marked("Needs a person"),
    "withdrawn": marked("Given up"),
}
"""State of a report → what people call it."""

AUTHORITIES: Final = {"cybertipline": marked("CyberTipline"), "nca": marked("National Crime Agency")}
"""Authority → what people call it, in few words."""

ENVIRONMENTS: Final = {"test": marked("rehearsal"), "production": marked("real")}
"""System of the authority → what a report to it is."""

TROUBLES: Final = {
    "refused": marked(
        "The authority refused what was sent. Correct what is named here: make it a draft again, and have it approved "
        "anew."
    ),
    "unknown_code": marked(
        "The authority answered with a code that nobody knows. Ask it, quoting the Request-ID, whether the report is "
        "finished. Then say that it is filed, or send it again."
    ),
    "unexpected_answer": marked(
        "What answered does not speak the authority's interface. Look at the address, proxies and firewalls. Then send "
        "it again."
    ),
    "digest_differs": marked(
        "The authority twice received other bytes than were sent. Look for what alters traffic on the way. Then send "
        "it again."
    ),
    "evidence_unreadable": marked(
        "A file could not be read from the vault. Have the vault verified and repaired, and send it again; or make it "
        "a draft again and leave the file out, saying so in the report."
    ),
    "receipt_differs": marked(
        "The authority finished the report, but its receipt names another report or other files. Ask it, quoting the "
        "Request-ID. Then say that it is filed, or draft a further report."
    ),
    "uncertain": marked(
        "The report may be finished: it was asked for, the answer was lost, and what the authority says since is no "
        "answer. Ask it, quoting the Request-ID. Then say that it is filed, or send it again."
    ),
    "finished_elsewhere": marked(
        "The authority says that the report is finished, though nobody here asked for that. Find out who did. Then say "
        "that it is filed."
    ),
    "restored": marked(
        "The database was restored from a backup while this report was being sent: it may have been filed since. Look "
        "for it at the authority. Then say that it is filed, send it again, or make it a draft again."
    ),
    "keeps_failing": marked(
        "It was begun anew too often. Look at the calls below for what fails. File it by hand if it cannot wait, and "
        "say so here; else send it again."
    ),
}
"""Why a report needs a person → what to do."""

VOIDED: Final = {
    "revoked": marked("The approval was taken back."),
    "edited": marked("The approval is void: the draft was changed afterwards."),
    "edit": marked("It was made a draft again."),
    "withdrawn": marked("The approval is void: the report was given up."),
    "changed_since": marked(
        "The approval is void: what would be sent is not what was approved any more. Look at the preview again."
    ),
}
"""Why the last approval came to nothing."""

PROBLEMS: Final = {
    "no_address": marked("No address for rehearsals is set: reports.test_url, such as that of the simulator."),
    "address_refused": marked("The address for rehearsals is one of the authority's real systems, and is refused."),
    "not_armed": marked("Real reports are not switched on: two people have to."),
    "cooling_off": marked("Real reports are switched on, and the time to think again is not over."),
    "no_credentials": marked("There are no credentials."),
    "stopped": marked("The authority refused the credentials. Nothing is sent until somebody has looked."),
}
"""Why nothing can be sent to a system now."""

CALLS: Final = {
    "status": marked("Try the credentials"),
    "submit": marked("Open a report"),
    "upload": marked("Send a file"),
    "fileinfo": marked("Describe a file"),
    "finish": marked("Finish the report"),
    "retract": marked("Take the report back"),
}
"""What is asked of the authority."""

OUTCOMES: Final = {
    "answered": marked("answered"),
    "lost": marked("no answer: it may have been done"),
    "not_sent": marked("not sent: nobody listened"),
    "unauthorized": marked("credentials refused"),
    "unexpected": marked("an answer that is none of this interface"),
    "source": marked("a file of ours could not be read"),
}
"""What became of it."""

TRIALS: Final = {
    "accepted": marked("The authority accepts the credentials."),
    "refused": marked("The authority does not accept the credentials."),
    "unheard": marked("The authority did not answer. The latest call is on record."),
}
"""What came of trying credentials."""
