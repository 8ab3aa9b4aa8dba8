"""The words of evidence for people."""

from __future__ import annotations

from typing import Final

from hedgerow.web.pages.language import marked

__all__ = ["HOLDS", "KINDS", "MISSING", "REQUESTS", "REQUEST_STATES", "STATES"]

STATES: Final = {
    "kept": marked("Kept for review"),
    "sealed": marked("Sealed"),
    "missing": marked("No bytes"),
    "destroying": marked("Being destroyed"),
    "destroyed": marked("Destroyed"),
}
KINDS: Final = {"media": marked("Media"), "attachment": marked("Attachment")}
MISSING: Final = {
    "signals_only": marked("The platform sent signals, and kept the media to itself."),
    "not_kept": marked("The case was opened later, when the bytes were gone."),
    "vault_failed": marked("The vault did not take them. That is a failure here."),
}
HOLDS: Final = {
    "filing": marked("Reported: one year from filing"),
    "extension": marked("Kept longer by choice"),
    "legal": marked("A court, a claim or an investigation"),
    "law_enforcement": marked("An authority asked for it"),
}
REQUESTS: Final = {
    "open": marked("Open evidence"),
    "lift": marked("Lift holds"),
    "destroy": marked("Destroy evidence"),
}
REQUEST_STATES: Final = {
    "waiting": marked("Waits for a second person"),
    "agreed": marked("Agreed"),
    "done": marked("Done"),
    "withdrawn": marked("Taken back"),
    "over": marked("Over: its time ran out"),
}
