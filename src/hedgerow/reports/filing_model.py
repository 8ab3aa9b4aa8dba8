"""The nouns of filing: report, file, call, answer, credentials, arming, and the words for where each stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = [
    "ACTIVE",
    "UNFINISHED",
    "Answer",
    "AnswerKind",
    "Arming",
    "Call",
    "Claim",
    "Ending",
    "Environment",
    "FileStanding",
    "Filing",
    "Intent",
    "Preservation",
    "RecordedCall",
    "Report",
    "ReportFile",
    "ReportState",
    "Trouble",
]


class ReportState(StrEnum):
    """Where a report stands.

    Attributes:
        DRAFT: People work on it.
        APPROVED: A second person has approved exactly these bytes; it waits to be sent.
        OPENING: The authority was asked to open a report, and has not answered yet.
        OPENED: It gave a number.
        UPLOADING: Files and what is said of them are on their way.
        FINISHING: It was asked to take the report for good.
        FILED: It has it.
        RETRACTED: It was opened, and taken back because a person wanted that.
        NEEDS_PERSON: Nothing more is done until a person says what.
        WITHDRAWN: Given up by a person before anything was sent.
    """

    DRAFT = "draft"
    APPROVED = "approved"
    OPENING = "opening"
    OPENED = "opened"
    UPLOADING = "uploading"
    FINISHING = "finishing"
    FILED = "filed"
    RETRACTED = "retracted"
    NEEDS_PERSON = "needs_person"
    WITHDRAWN = "withdrawn"


ACTIVE: Final = (
    ReportState.APPROVED,
    ReportState.OPENING,
    ReportState.OPENED,
    ReportState.UPLOADING,
    ReportState.FINISHING,
)
"""The states in which the filer works on a report."""

UNFINISHED: Final = (ReportState.DRAFT, *ACTIVE, ReportState.NEEDS_PERSON)
"""The states in which a report is owed, and alarms when it is late."""


class Environment(StrEnum):
    """Which of the authority's two systems. Nothing of one is ever sent with what belongs to the other."""

    TEST = "test"
    PRODUCTION = "production"


class Call(StrEnum):
    """One request to the authority."""

    STATUS = "status"
    SUBMIT = "submit"
    UPLOAD = "upload"
    FILEINFO = "fileinfo"
    FINISH = "finish"
    RETRACT = "retract"


class Ending(StrEnum):
    """What follows once an open report has been taken back."""

    AGAIN = "again"
    PERSON = "person"
    DRAFT = "draft"
    RETRACTED = "retracted"


class AnswerKind(StrEnum):
    """What became of a call.

    Attributes:
        ANSWERED: The authority answered with a code.
        LOST: It may have been done: no answer, half an answer, or the process died.
        NOT_SENT: It was surely not done: there was no connection, or the authority was too busy to listen.
        UNAUTHORIZED: The credentials are not accepted; it was not done.
        UNEXPECTED: An answer that is none of this interface's: a redirect, a page of a proxy.
        SOURCE: Our own evidence could not be read, so that it was not sent whole.
    """

    ANSWERED = "answered"
    LOST = "lost"
    NOT_SENT = "not_sent"
    UNAUTHORIZED = "unauthorized"
    UNEXPECTED = "unexpected"
    SOURCE = "source"


class Trouble(StrEnum):
    """Why a report needs a person, each with what to do (printed by `report status` and in the guide)."""

    remedy: str

    def __new__(cls, word: str, remedy: str = "") -> Trouble:  # noqa: PYI034  (an enum makes its own members)
        """Keep the remedy beside the word."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.remedy = remedy
        return member

    REFUSED = (
        "refused",
        (
            "The authority refused what was sent. Correct the element that is named: `report resolve edit`, then "
            "approve it anew."
        ),
    )
    UNKNOWN_CODE = (
        "unknown_code",
        (
            "The authority answered with a code that we do not know. Ask it, quoting the Request-ID, whether the "
            "report is finished; then `report resolve filed` or `report resolve again`."
        ),
    )
    UNEXPECTED_ANSWER = (
        "unexpected_answer",
        (
            "What answered does not speak the authority's interface. Look at the address, proxies and firewalls; "
            "then `report resolve again`."
        ),
    )
    DIGEST_DIFFERS = (
        "digest_differs",
        (
            "The authority twice received other bytes than we sent. Look for what alters traffic on the way; then"
            " `report resolve again`."
        ),
    )
    EVIDENCE_UNREADABLE = (
        "evidence_unreadable",
        (
            "A file could not be read from the vault. Run `hedgerow evidence verify`; repair the vault and "
            "`report resolve again`, or `report resolve edit` and leave the file out, saying so in the report."
        ),
    )
    RECEIPT_DIFFERS = (
        "receipt_differs",
        (
            "The authority finished the report, but its receipt names another report or other files. Ask it, "
            "quoting the Request-ID; then `report resolve filed`, or draft a further report."
        ),
    )
    UNCERTAIN = (
        "uncertain",
        (
            "The report may be finished: we asked for it, the answer was lost, and what the authority says since "
            "is no answer. Ask it, quoting the Request-ID; then `report resolve filed` or `report resolve again`."
        ),
    )
    FINISHED_ELSEWHERE = (
        "finished_elsewhere",
        (
            "The authority says that the report is finished, though we never asked for that. Find out who did; "
            "then `report resolve filed`."
        ),
    )
    RESTORED = (
        "restored",
        (
            "The database was restored from a backup while this report was being sent: it may have been filed "
            "since. Look for it at the authority; then `report resolve filed`, `report resolve again` or `report "
            "resolve edit`."
        ),
    )
    KEEPS_FAILING = (
        "keeps_failing",
        (
            "It was begun anew too often. See the calls in `report status` for what fails; file it by hand if it "
            "cannot wait (`report resolve filed`), else `report resolve again`."
        ),
    )


class Preservation(StrEnum):
    """Whether the evidence of a filed report is sealed and held; never whether the report is filed."""

    NONE = "none"
    PENDING = "pending"
    SEALED = "sealed"


# ── what the rules know ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that was announced and of which no answer is on record.

    Attributes:
        call: Which call.
        position: Of which file, from 0; None for calls about the report.
        at: When it was announced.
    """

    call: Call
    position: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class FileStanding:
    """How far one file of the current round is.

    Attributes:
        size_bytes: Of the plaintext.
        md5: 32 hex digits, as we have it.
        external_id: The authority's name for it; None until it was uploaded.
        is_described: Whether its details were taken.
        mismatches: How often the authority received other bytes, over all rounds.
    """

    size_bytes: int
    md5: str
    external_id: str | None = None
    is_described: bool = False
    mismatches: int = 0


@dataclass(frozen=True, slots=True)
class Filing:
    """Everything that decides what happens next to a report.

    Attributes:
        state: Where it stands.
        files: How far each file is, in order.
        round: How often the authority was asked to open a report since the approval; each opens a fresh one.
        external_id: The number of the report that is open there; None where none is known to be.
        opened_at: When it was asked for: the authority's clock began no earlier.
        touched_at: When something was last added to it.
        has_asked_to_finish: Whether this open report was ever asked to be finished.
        intent: The call that was announced and not answered.
        ending: What follows once the open report is taken back; None while it goes ahead.
        ending_trouble: For `Ending.PERSON`: why.
        failures: Calls in a row that did not get on; the next one waits longer.
        repeats: How often the next call was tried already, in this round.
        heard: The code that the last call to take back was answered with, where it must be said twice.
        orphans: Reports that may have been opened without our knowing their number; they dissolve by themselves.
        due_at: When the next call may be made.
        trouble: Why it needs a person.
        element: The element of the document that was refused, or the code that was not known.
        filed_how: ``finish`` by its receipt, ``retract`` because it could not be taken back any more.
    """

    state: ReportState
    files: tuple[FileStanding, ...] = ()
    round: int = 0
    external_id: str | None = None
    opened_at: datetime | None = None
    touched_at: datetime | None = None
    has_asked_to_finish: bool = False
    intent: Intent | None = None
    ending: Ending | None = None
    ending_trouble: Trouble | None = None
    failures: int = 0
    repeats: int = 0
    heard: int | None = None
    orphans: int = 0
    due_at: datetime | None = None
    trouble: Trouble | None = None
    element: str | None = None
    filed_how: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call.

    Attributes:
        kind: See `AnswerKind`.
        code: The authority's code.
        report_id: The report that it names.
        file_id: The file that it names.
        md5: The digest of what it received, in small letters.
        file_ids: The files on the receipt.
        element: The element that it finds fault with, where that is a name of the schema.
        status: The HTTP status.
        request_id: The authority's name for the request, for asking about it.
        asked_s: Seconds that it wants us to wait.
        problem: In a few words what went wrong on the way; never what was sent or answered.
    """

    kind: AnswerKind
    code: int | None = None
    report_id: str | None = None
    file_id: str | None = None
    md5: str | None = None
    file_ids: tuple[str, ...] = ()
    element: str | None = None
    status: int | None = None
    request_id: str | None = None
    asked_s: float | None = None
    problem: str | None = None


# ── what is on record ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Report:
    """A report, as it is on record.

    Attributes:
        id: Its number with us.
        case_id: The case that it is about.
        authority: To whom.
        environment: Into which of the authority's systems.
        namespace: Of the account.
        account_id: The platform's own name for the account.
        content: What it says, as `hedgerow.reports.cybertipline` takes it.
        revision: Raised with every change of the draft.
        authors: Everybody who wrote any of it.
        created_at: When it was drafted.
        document: The approved bytes, which are what is sent.
        document_sha256: Their digest.
        basis_sha256: Digest of what the approval rests on: the draft, the evidence, who has seen what.
        approved_by: Who approved it.
        approved_at: When.
        is_solo: Whether author and approver are one person, in solo mode.
        effective_at: When the approval counts: at once, or after the cooling-off of solo mode.
        voided: Why the last approval came to nothing; None where it did not.
        deadline_at: When it is late.
        alarm_level: 0 for none; one more each time that nobody came.
        alarmed_at: When it last alarmed.
        filing: What decides the next step.
        filed_at: When it was filed.
        filed_by: The person who stated that it was; None where the authority's answer says so.
        request_id: Of the answer that says it is filed.
        preservation: Whether its evidence is sealed and held.
        closed_by: Who withdrew it.
        close_reason: Why.
        lease_until: Until when somebody works on it.
    """

    id: int
    case_id: int
    authority: str
    environment: Environment
    namespace: str
    account_id: str | None
    content: Mapping[str, Any] = field(repr=False)
    revision: int
    authors: tuple[str, ...]
    created_at: datetime
    document: bytes | None = field(repr=False)
    document_sha256: str | None
    basis_sha256: str | None
    approved_by: str | None
    approved_at: datetime | None
    is_solo: bool
    effective_at: datetime | None
    voided: str | None
    deadline_at: datetime
    alarm_level: int
    alarmed_at: datetime | None
    filing: Filing
    filed_at: datetime | None
    filed_by: str | None
    request_id: str | None
    preservation: Preservation
    closed_by: str | None
    close_reason: str | None
    lease_until: datetime | None

    @property
    def state(self) -> ReportState:
        """Where it stands."""
        return self.filing.state

    @property
    def external_id(self) -> str | None:
        """The authority's number for it."""
        return self.filing.external_id


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file of a report.

    Attributes:
        id: Its number.
        position: From 0, in the order of sending.
        evidence_id: What it is in the vault.
        name: What the authority is told it is called; None leaves that to the vault's object.
        size_bytes: Of the plaintext.
        md5: 32 hex digits.
        sha256: 64 hex digits.
        details: What is said of it, without the ids that the authority gives.
        template: The approved bytes of that, with the ids left open.
        standing: How far it is.
    """

    id: int
    position: int
    evidence_id: int
    name: str | None
    size_bytes: int
    md5: str
    sha256: str
    details: Mapping[str, Any] = field(repr=False)
    template: bytes | None = field(repr=False)
    standing: FileStanding


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call that was made, or announced.

    Attributes:
        id: Its number.
        report_id: Of which report; None for a trial of the credentials.
        round: Which opening of it.
        external_id: The authority's number of that opening, where it was known or told.
        call: Which call.
        position: Of which file.
        begun_at: When it was announced.
        answered_at: When its answer was recorded; None for one that never was.
        outcome: What became of it.
        code: The authority's code.
        status: The HTTP status.
        request_id: The authority's name for the request.
        duration_ms: How long it took.
        problem: In a few words what was wrong.
    """

    id: int
    report_id: int | None
    round: int
    external_id: str | None
    call: Call
    position: int | None
    begun_at: datetime
    answered_at: datetime | None
    outcome: AnswerKind | None
    code: int | None
    status: int | None
    request_id: str | None
    duration_ms: int | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A report that is ours to file until the lease ends.

    Attributes:
        report_id: Which.
        token: Only who holds it may write.
    """

    report_id: int
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arming:
    """That real reports may be sent: proof of it, which only `hedgerow.reports.arming` gives out.

    Attributes:
        id: Its number.
        authority: To whom.
        first_by: Who asked for it.
        first_at: When.
        second_by: Who agreed; the same as `first_by` in solo mode; None until somebody did.
        second_at: When.
        is_solo: Whether one person did both.
        effective_at: From when on it holds.
        disarmed_by: Who ended it.
        disarmed_at: When.
    """

    id: int
    authority: str
    first_by: str
    first_at: datetime
    second_by: str | None
    second_at: datetime | None
    is_solo: bool
    effective_at: datetime | None
    disarmed_by: str | None
    disarmed_at: datetime | None
