"""Every error Hedgerow raises, drawn as a family and then defined.

    HedgerowError
    ├── MediaError                   media: what arrived could not be seen
    │   ├── MediaUnreadable          the operating system would not give us the bytes
    │   ├── MediaEmpty               there are no bytes
    │   ├── MediaUnsupported         these bytes are nothing that we decode
    │   │   └── VideoSupportMissing  a video, and what decodes videos is not installed
    │   ├── MediaTooLarge            more bytes than the limit
    │   ├── PictureTooLarge          more pixels than the limit
    │   ├── MediaDamaged             a picture or video, but nothing of it decodes
    │   ├── DecodeTimeout            decoding took longer than the limit
    │   ├── DecodeMemoryExceeded     decoding needed more memory than the limit
    │   ├── DecoderCrashed           the decoding process died
    │   └── ArchiveRefused           a zip or tar beyond its limits, encrypted or damaged
    ├── HashingError                 hashing
    │   ├── UnknownSignalType        no hasher of that name
    │   ├── InvalidSignal            text or bytes that are no signal of their type
    │   ├── InvalidPixels            an array that is no picture
    │   └── SelfTestFailed           this machine does not reproduce the published vectors
    ├── MatchingError                matching
    │   ├── InvalidThreshold         a threshold outside 0–64 bits
    │   ├── InvalidQuery             queries or rows of the wrong shape or type
    │   ├── DuplicateId              an id that the index holds already
    │   ├── SnapshotMissing          no snapshot where one was expected
    │   └── SnapshotDamaged          a snapshot that does not agree with its manifest
    ├── DatabaseError                database
    │   ├── DatabaseUnavailable      it cannot be opened or written
    │   ├── DatabaseTooNew           a newer Hedgerow wrote it
    │   ├── DatabaseOutdated         an older Hedgerow wrote it, and nobody asked for a migration
    │   ├── ServiceKeyUnusable       the key that seals secrets cannot be read, or is none
    │   ├── SealBroken               a sealed secret does not open at its place with our keys
    │   └── SealingSupportMissing    what seals is not installed
    ├── AuditError                   audit
    │   ├── InvalidAuditEntry        what was to be recorded does not fit an entry
    │   ├── AuditEntryNotFound       the chain does not reach that far
    │   ├── AuditFileUnreadable      no checkpoint or no public key
    │   ├── AuditKeyMissing          the key that signs is not in the data folder
    │   └── SigningSupportMissing    what signs and checks signatures is not installed
    ├── AccountError                 accounts
    │   ├── LoginRefused             name, password or code is wrong, or there were too many attempts
    │   ├── SecondFactorNeeded       the password is right, and a code is needed
    │   ├── SessionEnded             no session, or one that is over
    │   ├── PermissionDenied         whoever asks may not
    │   ├── PersonNeeded             a program asks for what people alone do
    │   ├── KeyRefused               an API key that is none, or does not work any more
    │   ├── LinkRefused              a one-time link that is none, was used, or expired
    │   ├── PasswordRefused          a password that may not be used
    │   ├── CodeRefused              a code that does not belong to the secret that is being set up
    │   ├── UserNotFound
    │   ├── UserExists
    │   ├── UsersExist               a first admin where there are users
    │   ├── InvalidUserName
    │   ├── InvalidDisplayName
    │   ├── InvalidIdentity          what an issuer calls somebody, in a form that cannot be kept
    │   ├── RoleRefused              roles that nobody may have, or may not give themselves
    │   ├── LastAdmin                nobody would be left to look after accounts
    │   ├── KeyNotFound
    │   ├── InvalidKey               what was said about a new API key does not fit
    │   ├── UnknownScope             no scope that an API key may have
    │   ├── PlainConnection          a login over a connection that others can read
    │   ├── FormRefused              a form of another site, or of a session that is over
    │   ├── ProviderUnavailable      the login provider does not answer
    │   ├── ProviderRefused          what the login provider says is not believed
    │   ├── IdentityUnknown          the login provider knows somebody whom no user is linked to
    │   └── LoginSupportMissing      what hashes passwords and checks codes is not installed
    ├── ActionError                  actions
    │   ├── InvalidEndpoint          an address, or an event, that is none
    │   ├── EndpointNotFound
    │   ├── EndpointPaused           nothing is sent to this endpoint
    │   ├── DeliveryNotFound
    │   ├── LeaseLost                somebody else took over what we were trying
    │   ├── InvalidWebhookSignature  a message that we did not sign, or an old one
    │   └── ServerSupportMissing     what the service needs is not installed
    ├── BankError                    banks
    │   ├── NoBanks                  nothing to match against: an empty answer would look like a clean one
    │   ├── BankNotFound
    │   ├── BankExists
    │   ├── InvalidBankName
    │   ├── EntryNotFound
    │   └── ImportUnreadable         a file in none of the import formats
    ├── HmaError                     hma
    │   ├── ContentNotFound
    │   ├── InvalidContent           what was said about a bank or a content does not fit
    │   ├── ExchangeNotFound
    │   ├── ExchangeExists
    │   ├── InvalidExchange          a kind of exchange, or its configuration, that is none
    │   ├── ResetRefused             a factory reset where there is something to lose
    │   ├── HmaUnreadable            an HMA that banks were to be taken from cannot be read
    │   └── ThreatexchangeMissing    python-threatexchange is not installed
    ├── PolicyError                  policy
    │   ├── PolicyInvalid            a text that is no policy
    │   ├── PolicyNotFound
    │   ├── NoActivePolicy           nothing says what a match leads to
    │   └── DryRunMissing            nobody has looked at what this version would change
    ├── CaseError                    cases
    │   ├── SubmissionNotFound
    │   ├── InvalidSubmission        what was said about a submission does not fit
    │   ├── CaseNotFound
    │   ├── TransitionRefused        a case in this state does not do that
    │   ├── CaseTaken                somebody else has claimed it
    │   ├── ClaimRefused             a case that this person must leave to others
    │   ├── ClaimLost                the claim ran out, or the case was given to somebody else
    │   ├── CaseChanged              something came to the case that the decider has not seen
    │   ├── DecisionNotFound
    │   ├── InvalidDecision          a decision that does not fit its case
    │   ├── UndoTooLate              the time in which a decision can be undone is over
    │   ├── InvalidView              what was said about a view cannot have happened
    │   └── SuppressionNotFound
    ├── LedgerError                  ledger
    │   ├── InvalidLookBack          what is to be looked back for cannot be said so
    │   ├── LookBackNotFound
    │   ├── LookBackLost             somebody else took over the look-back that we worked on
    │   ├── LedgerEmpty              nothing to look back on: an empty answer would look like a clean one
    │   └── LedgerRowUnreadable      a row of the ledger that cannot be read
    ├── FetchError                   screening, fetching: what an address gives was not taken
    │   ├── UrlRefused               an address that we do not go to
    │   ├── FetchFailed              no answer, or none that is media
    │   ├── FetchTooLarge            more bytes than the limit
    │   └── FetchTimeout             it took longer than the limit
    ├── ScanError                    scanning
    │   ├── NothingToScan            a path that does not exist
    │   ├── JournalBusy              another scan holds the same journal
    │   └── ReportUnwritable         the report cannot be written, or its format is not installed
    ├── ServiceError                 the service
    │   ├── InvalidRequest           what was asked cannot be read
    │   ├── RequestTooLarge          more bytes than the limit
    │   ├── RequestTooSlow           it did not arrive in time
    │   ├── TooManyRequests          one caller asks more often than it may
    │   └── ServiceBusy              more is being looked at than there are hands for
    ├── BackupError                  backups
    │   ├── BackupUnusable           a file that is no backup, or was damaged
    │   ├── BackupUnwritable         the file cannot be written
    │   └── RestoreRefused           there is something where the backup would go
    └── SettingsError                settings: a value that does not fit its setting

Each leaf carries what a person needs to act, and ``str(error)`` is one plain sentence for that person. None carries
a signal's value, a person's name or content. ``reason`` is the stable word for programs: it stands in JSON output
and reports, and never changes once released.
"""

from __future__ import annotations

import math
from typing import ClassVar

__all__ = [
    "AccountError",
    "ActionError",
    "ArchiveRefused",
    "AuditEntryNotFound",
    "AuditError",
    "AuditFileUnreadable",
    "AuditKeyMissing",
    "BackupError",
    "BackupUnusable",
    "BackupUnwritable",
    "BankError",
    "BankExists",
    "BankNotFound",
    "CaseChanged",
    "CaseError",
    "CaseNotFound",
    "CaseTaken",
    "ClaimLost",
    "ClaimRefused",
    "CodeRefused",
    "ContentNotFound",
    "DatabaseError",
    "DatabaseOutdated",
    "DatabaseTooNew",
    "DatabaseUnavailable",
    "DecisionNotFound",
    "DecodeMemoryExceeded",
    "DecodeTimeout",
    "DecoderCrashed",
    "DeliveryNotFound",
    "DryRunMissing",
    "DuplicateId",
    "EndpointNotFound",
    "EndpointPaused",
    "EntryNotFound",
    "ExchangeExists",
    "ExchangeNotFound",
    "FetchError",
    "FetchFailed",
    "FetchTimeout",
    "FetchTooLarge",
    "FormRefused",
    "HashingError",
    "HedgerowError",
    "HmaError",
    "HmaUnreadable",
    "IdentityUnknown",
    "ImportUnreadable",
    "InvalidAuditEntry",
    "InvalidBankName",
    "InvalidContent",
    "InvalidDecision",
    "InvalidDisplayName",
    "InvalidEndpoint",
    "InvalidExchange",
    "InvalidIdentity",
    "InvalidKey",
    "InvalidLookBack",
    "InvalidPixels",
    "InvalidQuery",
    "InvalidRequest",
    "InvalidSignal",
    "InvalidSubmission",
    "InvalidThreshold",
    "InvalidUserName",
    "InvalidView",
    "InvalidWebhookSignature",
    "JournalBusy",
    "KeyNotFound",
    "KeyRefused",
    "LastAdmin",
    "LeaseLost",
    "LedgerEmpty",
    "LedgerError",
    "LedgerRowUnreadable",
    "LinkRefused",
    "LoginRefused",
    "LoginSupportMissing",
    "LookBackLost",
    "LookBackNotFound",
    "MatchingError",
    "MediaDamaged",
    "MediaEmpty",
    "MediaError",
    "MediaTooLarge",
    "MediaUnreadable",
    "MediaUnsupported",
    "NoActivePolicy",
    "NoBanks",
    "NothingToScan",
    "PasswordRefused",
    "PermissionDenied",
    "PersonNeeded",
    "PictureTooLarge",
    "PlainConnection",
    "PolicyError",
    "PolicyInvalid",
    "PolicyNotFound",
    "ProviderRefused",
    "ProviderUnavailable",
    "ReportUnwritable",
    "RequestTooLarge",
    "RequestTooSlow",
    "ResetRefused",
    "RestoreRefused",
    "RoleRefused",
    "ScanError",
    "SealBroken",
    "SealingSupportMissing",
    "SecondFactorNeeded",
    "SelfTestFailed",
    "ServerSupportMissing",
    "ServiceBusy",
    "ServiceError",
    "ServiceKeyUnusable",
    "SessionEnded",
    "SettingsError",
    "SigningSupportMissing",
    "SnapshotDamaged",
    "SnapshotMissing",
    "SubmissionNotFound",
    "SuppressionNotFound",
    "ThreatexchangeMissing",
    "TooManyRequests",
    "TransitionRefused",
    "UndoTooLate",
    "UnknownScope",
    "UnknownSignalType",
    "UrlRefused",
    "UserExists",
    "UserNotFound",
    "UsersExist",
    "VideoSupportMissing",
]


class HedgerowError(Exception):
    """The root of the family: catch this to catch all of Hedgerow's own errors."""

    reason: ClassVar[str] = "error"


# ── media ────────────────────────────────────────────────────────────────────────────────────────────────────────


class MediaError(HedgerowError):
    """What arrived could not be seen."""

    reason = "media"


class MediaUnreadable(MediaError):
    """The operating system would not give us the bytes.

    Args:
        problem: The system's own words, without a path ("Permission denied").
    """

    reason = "unreadable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The file cannot be read: {problem}.")


class MediaEmpty(MediaError):
    """There are no bytes."""

    reason = "empty"

    def __init__(self) -> None:
        super().__init__("The file is empty.")


class MediaUnsupported(MediaError):
    """These bytes are nothing that we decode.

    Args:
        what: What they seem to be, as a person would say it ("a video", "plain text", "a 12-bit JPEG").
    """

    reason = "unsupported"

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"This is {what}, which Hedgerow cannot hash as a picture.")


class VideoSupportMissing(MediaUnsupported):
    """A video, and what decodes videos is not installed."""

    reason = "video_support_missing"

    def __init__(self) -> None:
        self.what = "a video"
        MediaError.__init__(self, "This is a video, and PyAV is not installed: run `pip install 'hedgerow[video]'`.")


class MediaTooLarge(MediaError):
    """More bytes than the limit.

    Args:
        size_bytes: The size of the media.
        limit_bytes: The limit in force.
    """

    reason = "too_large"

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes
        super().__init__(f"The file has {size_bytes:,} bytes; the limit is {limit_bytes:,}.")


class PictureTooLarge(MediaError):
    """More pixels than the limit.

    Args:
        width: Columns, as the header states them.
        height: Rows, as the header states them.
        limit_pixels: The limit in force.
    """

    reason = "too_many_pixels"

    def __init__(self, width: int, height: int, limit_pixels: int) -> None:
        self.width = width
        self.height = height
        self.limit_pixels = limit_pixels
        super().__init__(f"The picture is {width}×{height} pixels; the limit is {limit_pixels:,} pixels in all.")


class MediaDamaged(MediaError):
    """A picture or video, but nothing of it decodes.

    Args:
        problem: What the decoder found, in a few words.
        what: What it is.
    """

    reason = "damaged"

    def __init__(self, problem: str, what: str = "picture") -> None:
        self.problem = problem
        super().__init__(f"The {what} is damaged: {problem}.")


class DecodeTimeout(MediaError):
    """Decoding took longer than the limit.

    Args:
        limit_s: The limit in seconds.
    """

    reason = "timeout"

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        super().__init__(f"Decoding took longer than the limit of {limit_s:g} seconds.")


class DecodeMemoryExceeded(MediaError):
    """Decoding needed more memory than the limit.

    Args:
        limit_bytes: The limit in bytes.
    """

    reason = "memory"

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"Decoding needed more memory than the limit of {limit_bytes:,} bytes.")


class DecoderCrashed(MediaError):
    """The decoding process died.

    Args:
        how: How it died ("signal 11", "exit status 1").
    """

    reason = "crashed"

    def __init__(self, how: str) -> None:
        self.how = how
        super().__init__(f"The decoder crashed on this file ({how}).")


class ArchiveRefused(MediaError):
    """A zip or tar beyond its limits, encrypted or damaged.

    Args:
        problem: What was found, in a few words ("a member is encrypted").
    """

    reason = "archive"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The archive was not read to its end: {problem}.")


# ── hashing ──────────────────────────────────────────────────────────────────────────────────────────────────────


class HashingError(HedgerowError):
    """Something about signals or hashers."""

    reason = "hashing"


class UnknownSignalType(HashingError):
    """No hasher of that name.

    Args:
        name: What was asked for.
        known: The names there are.
    """

    reason = "unknown_signal_type"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name = name
        self.known = known
        super().__init__(f"There is no signal type {name!r}; there are {', '.join(known)}.")


class InvalidSignal(HashingError):
    """Text or bytes that are no signal of their type.

    Args:
        signal_type: The type they were taken for.
        problem: What is wrong with them, without repeating them.
    """

    reason = "invalid_signal"

    def __init__(self, signal_type: str, problem: str) -> None:
        self.signal_type = signal_type
        self.problem = problem
        super().__init__(f"This is no {signal_type} signal: {problem}.")


class InvalidPixels(HashingError):
    """An array that is no picture.

    Args:
        problem: What is wrong with its shape or type.
    """

    reason = "invalid_pixels"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The array is no picture: {problem}.")


class SelfTestFailed(HashingError):
    """This machine does not reproduce the published vectors.

    Args:
        failed: How many vectors differ.
        total: How many there are.
    """

    reason = "self_test_failed"

    def __init__(self, failed: int, total: int) -> None:
        self.failed = failed
        self.total = total
        super().__init__(f"{failed} of {total} published vectors are not reproduced on this machine.")


# ── matching ─────────────────────────────────────────────────────────────────────────────────────────────────────


class MatchingError(HedgerowError):
    """Something about an index."""

    reason = "matching"


class InvalidThreshold(MatchingError):
    """A threshold outside the range that an index serves.

    Args:
        threshold: What was asked for, in bits.
        maximum: The largest that is served, in bits.
    """

    reason = "invalid_threshold"

    def __init__(self, threshold: object, maximum: int) -> None:
        self.threshold = threshold
        self.maximum = maximum
        super().__init__(f"A threshold is a whole number of bits from 0 to {maximum}, not {threshold!r}.")


class InvalidQuery(MatchingError):
    """Queries or rows of the wrong shape or type.

    Args:
        problem: What is wrong with them.
    """

    reason = "invalid_query"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This cannot be looked up or held: {problem}.")


class DuplicateId(MatchingError):
    """An id that the index holds already.

    Args:
        row_id: The id.
    """

    reason = "duplicate_id"

    def __init__(self, row_id: int) -> None:
        self.row_id = row_id
        super().__init__(f"The index holds id {row_id} already.")


class SnapshotMissing(MatchingError):
    """No snapshot where one was expected."""

    reason = "snapshot_missing"

    def __init__(self) -> None:
        super().__init__("There is no index snapshot in that folder.")


class SnapshotDamaged(MatchingError):
    """A snapshot that does not agree with its manifest.

    Args:
        problem: Which part differs, and how.
    """

    reason = "snapshot_damaged"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The index snapshot is damaged and was not used: {problem}.")


# ── database ─────────────────────────────────────────────────────────────────────────────────────────────────────


class DatabaseError(HedgerowError):
    """Something about the database as a whole."""

    reason = "database"


class DatabaseUnavailable(DatabaseError):
    """It cannot be opened or written.

    Args:
        problem: The database's own words, without values.
    """

    reason = "database_unavailable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The database cannot be used: {problem}.")


class DatabaseTooNew(DatabaseError):
    """A newer Hedgerow wrote it.

    Args:
        revision: The schema revision it carries.
    """

    reason = "database_too_new"

    def __init__(self, revision: str) -> None:
        self.revision = revision
        super().__init__(f"The database has schema {revision}, which this version of Hedgerow does not know: upgrade.")


class DatabaseOutdated(DatabaseError):
    """An older Hedgerow wrote it, and a service changes no schema that nobody asked it to."""

    reason = "database_outdated"

    def __init__(self) -> None:
        super().__init__(
            "The database was written by an older Hedgerow. Make a backup, then start with --migrate to bring it up "
            "to date."
        )


class ServiceKeyUnusable(DatabaseError):
    """The key that seals secrets cannot be read, or is none.

    Args:
        problem: What is wrong with it, without repeating it.
    """

    reason = "service_key_unusable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The service key cannot be used: {problem}.")


class SealBroken(DatabaseError):
    """A sealed secret does not open at its place with our keys: another key sealed it, or it was altered or moved.

    Args:
        table: The table it stands in.
        column: The column.
        row: The row's id.
    """

    reason = "seal_broken"

    def __init__(self, table: str, column: str, row: int) -> None:
        self.table = table
        self.column = column
        self.row = row
        super().__init__(
            f"The secret in {table}.{column}, row {row}, does not open: bring back the service key that sealed it, "
            "or enter the secret anew."
        )


class SealingSupportMissing(DatabaseError):
    """What seals is not installed."""

    reason = "sealing_support_missing"

    def __init__(self) -> None:
        super().__init__(
            "Secrets are sealed with cryptography, which is not installed: run `pip install 'hedgerow[server]'`."
        )


# ── audit ────────────────────────────────────────────────────────────────────────────────────────────────────────


class AuditError(HedgerowError):
    """Something about the audit chain."""

    reason = "audit"


class InvalidAuditEntry(AuditError):
    """What was to be recorded does not fit an entry.

    Args:
        problem: What is wrong with it, without repeating its values.
    """

    reason = "invalid_audit_entry"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This cannot be recorded: {problem}.")


class AuditEntryNotFound(AuditError):
    """The chain does not reach that far.

    Args:
        entry: The sequence that was asked for.
    """

    reason = "audit_entry_not_found"

    def __init__(self, entry: int | str) -> None:
        self.entry = entry
        super().__init__(f"The audit chain has no entry {entry}.")


class AuditFileUnreadable(AuditError):
    """No checkpoint or no public key where one was expected.

    Args:
        problem: What was expected, and what was found.
    """

    reason = "audit_file_unreadable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"Nothing was verified: {problem}.")


class AuditKeyMissing(AuditError):
    """The key that signs is not in the data folder.

    Args:
        key_id: Its id.
    """

    reason = "audit_key_missing"

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(
            f"The private key {key_id} is not in the data folder: bring it back from its backup, or make a new one "
            "with `hedgerow audit key --rotate --lost`."
        )


class SigningSupportMissing(AuditError):
    """What signs and checks signatures is not installed."""

    reason = "signing_support_missing"

    def __init__(self) -> None:
        super().__init__(
            "Signatures are made and checked with cryptography, which is not installed: run "
            "`pip install 'hedgerow[server]'`."
        )


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────


class AccountError(HedgerowError):
    """Something about users, sessions, links or keys."""

    reason = "account"


class LoginRefused(AccountError):
    """Name, password or code is wrong, or there were too many attempts: one sentence, so that nobody learns which."""

    reason = "login_refused"

    def __init__(self) -> None:
        super().__init__(
            "The name, the password or the code is wrong, or there were too many attempts: wait a while and try again."
        )


class SecondFactorNeeded(AccountError):
    """The password is right, and a code is needed."""

    reason = "second_factor_needed"

    def __init__(self) -> None:
        super().__init__("Enter the code of your authenticator as well, or one of your recovery codes.")


class SessionEnded(AccountError):
    """No session, or one that is over."""

    reason = "session_ended"

    def __init__(self) -> None:
        super().__init__("You are not logged in any more: log in again.")


class PermissionDenied(AccountError):
    """Whoever asks may not.

    Args:
        permission: What would be needed.
    """

    reason = "permission_denied"

    def __init__(self, permission: str) -> None:
        self.permission = permission
        super().__init__(f"This needs the permission {permission}.")


class PersonNeeded(AccountError):
    """A program asks for what people alone do."""

    reason = "person_needed"

    def __init__(self) -> None:
        super().__init__("This is for people who have logged in; an API key is a program's.")


class KeyRefused(AccountError):
    """An API key that is none, or does not work any more.

    Args:
        key_id: Which one it is, for the record; None where it is none. The sentence does not tell.
    """

    reason = "key_refused"

    def __init__(self, key_id: int | None = None) -> None:
        self.key_id = key_id
        super().__init__("This API key is not valid.")


class LinkRefused(AccountError):
    """A one-time link that is none, was used, or expired."""

    reason = "link_refused"

    def __init__(self) -> None:
        super().__init__("This link was used, has expired or never was one: ask for a new one.")


class PasswordRefused(AccountError):
    """A password that may not be used.

    Args:
        problem: Why, without repeating it.
    """

    reason = "password_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This password cannot be used: {problem}. Take four words that do not belong together.")


class CodeRefused(AccountError):
    """A code that does not belong to the secret that is being set up."""

    reason = "code_refused"

    def __init__(self) -> None:
        super().__init__("The code is wrong: check the clock of the device that shows it, and enter the next one.")


class UserNotFound(AccountError):
    """There is no such user."""

    reason = "user_not_found"

    def __init__(self) -> None:
        super().__init__("There is no user of that name.")


class UserExists(AccountError):
    """There is a user of that name."""

    reason = "user_exists"

    def __init__(self) -> None:
        super().__init__("There is a user of that name already.")


class UsersExist(AccountError):
    """A first admin where there are users."""

    reason = "users_exist"

    def __init__(self) -> None:
        super().__init__("There are users already: an admin, or `hedgerow user add`, makes more of them.")


class InvalidUserName(AccountError):
    """A name that no user may have."""

    reason = "invalid_user_name"

    def __init__(self) -> None:
        super().__init__(
            "This is no name for a user: use 1 to 100 letters a to z, digits and the signs . _ - @ +, beginning with a "
            "letter or digit."
        )


class InvalidDisplayName(AccountError):
    """What others see of a user does not fit."""

    reason = "invalid_display_name"

    def __init__(self) -> None:
        super().__init__("What others see of a user has 1 to 200 characters, none of them a control character.")


class InvalidIdentity(AccountError):
    """What an issuer calls somebody, in a form that cannot be kept."""

    reason = "invalid_identity"

    def __init__(self) -> None:
        super().__init__(
            "An identity has an issuer of 1 to 500 characters and a subject of 1 to 255, without control characters."
        )


class RoleRefused(AccountError):
    """Roles that nobody may have, or may not give themselves.

    Args:
        problem: Why.
    """

    reason = "role_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"These roles cannot be given: {problem}.")


class LastAdmin(AccountError):
    """Nobody would be left to look after accounts."""

    reason = "last_admin"

    def __init__(self) -> None:
        super().__init__("This is the last active admin: make another one first.")


class KeyNotFound(AccountError):
    """There is no such API key."""

    reason = "key_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such API key: `hedgerow key list` shows their numbers.")


class InvalidKey(AccountError):
    """What was said about a new API key does not fit.

    Args:
        problem: What is wrong with it.
    """

    reason = "invalid_key"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This API key cannot be made: {problem}.")


class UnknownScope(AccountError):
    """No scope that an API key may have.

    Args:
        scope: What was asked for.
        known: The scopes there are.
    """

    reason = "unknown_scope"

    def __init__(self, scope: str, known: tuple[str, ...]) -> None:
        self.scope = scope
        self.known = known
        super().__init__(f"An API key cannot have the scope {scope!r}; it has one or more of {', '.join(known)}.")


class PlainConnection(AccountError):
    """A login over a connection that others can read along."""

    reason = "plain_connection"

    def __init__(self) -> None:
        super().__init__(
            "Logins are taken over https, or on this machine itself (localhost). Behind a proxy that speaks https, set "
            "server.public_url to the address that people use."
        )


class FormRefused(AccountError):
    """A form that another site sent, or that belongs to a session that is over."""

    reason = "form_refused"

    def __init__(self) -> None:
        super().__init__("This form does not belong to your session: go back, load the page again and repeat it.")


class ProviderUnavailable(AccountError):
    """The login provider (OpenID Connect) does not answer, or not as one does.

    Args:
        problem: What went wrong.
    """

    reason = "provider_unavailable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"The login provider cannot be used at the moment: {problem}. Try again later, or log in with a password."
        )


class ProviderRefused(AccountError):
    """What the login provider says of somebody is not believed, or it does not vouch for them.

    Args:
        problem: Why, without names or tokens.
    """

    reason = "provider_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The login through the provider was not accepted: {problem}. Begin again at the login page.")


class IdentityUnknown(AccountError):
    """The login provider vouches for somebody whom no user here is linked to."""

    reason = "identity_unknown"

    def __init__(self) -> None:
        super().__init__(
            "The login provider knows you, and nobody here is linked to you. Log in with your password and link your "
            "account on the page Account; if you have none, ask an admin for an invitation."
        )


class LoginSupportMissing(AccountError):
    """What hashes passwords and checks codes is not installed."""

    reason = "login_support_missing"

    def __init__(self) -> None:
        super().__init__(
            "Accounts need argon2-cffi and pyotp, which are not installed: run `pip install 'hedgerow[server]'`."
        )


# ── actions ──────────────────────────────────────────────────────────────────────────────────────────────────────


class ActionError(HedgerowError):
    """Something about webhooks."""

    reason = "action"


class InvalidEndpoint(ActionError):
    """An address, or an event, that is none.

    Args:
        problem: What is wrong, as the end of a sentence, without the address.
    """

    reason = "invalid_endpoint"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This is no endpoint for webhooks: {problem}.")


class EndpointNotFound(ActionError):
    """There is no endpoint of that number.

    Args:
        number: The number.
    """

    reason = "endpoint_not_found"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"There is no webhook endpoint {number}.")


class EndpointPaused(ActionError):
    """Nothing is sent to this endpoint.

    Args:
        number: Its number.
    """

    reason = "endpoint_paused"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"Nothing is sent to webhook endpoint {number}: `hedgerow webhook change {number} --active`.")


class DeliveryNotFound(ActionError):
    """There is no delivery of that number.

    Args:
        number: The number.
    """

    reason = "delivery_not_found"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"There is no webhook delivery {number}.")


class LeaseLost(ActionError):
    """Somebody else took over what we were trying; what came of it is not recorded.

    Args:
        number: The delivery's number.
    """

    reason = "lease_lost"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"Delivery {number} took so long that another process has taken it over.")


class InvalidWebhookSignature(ActionError):
    """A message that we did not sign, or an old one.

    Args:
        problem: What is wrong, as the end of a sentence.
    """

    reason = "invalid_webhook_signature"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This message must not be believed: {problem}.")


class ServerSupportMissing(ActionError):
    """What the service needs is not installed.

    Args:
        package: Its name.
    """

    reason = "server_support_missing"

    def __init__(self, package: str) -> None:
        self.package = package
        super().__init__(f"This needs {package}, which is not installed: run `pip install 'hedgerow[server]'`.")


# ── banks ────────────────────────────────────────────────────────────────────────────────────────────────────────


class BankError(HedgerowError):
    """Something about banks."""

    reason = "bank"


class NoBanks(BankError):
    """Nothing to match against: an empty answer would look like a clean one."""

    reason = "no_banks"

    def __init__(self) -> None:
        super().__init__(
            "There is no enabled bank with entries to match against: create one with `hedgerow bank create`."
        )


class BankNotFound(BankError):
    """There is no such bank.

    Args:
        name: What was asked for.
    """

    reason = "bank_not_found"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no bank named {name!r}.")


class BankExists(BankError):
    """A bank of that name exists.

    Args:
        name: The name.
    """

    reason = "bank_exists"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is a bank named {name!r} already.")


class InvalidBankName(BankError):
    """A name that no bank may have.

    Args:
        name: What was asked for.
    """

    reason = "invalid_bank_name"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} is no name for a bank: use 1 to 100 letters, digits, dots, dashes and underscores, "
            "beginning with a letter or digit."
        )


class EntryNotFound(BankError):
    """The bank has no such entry, or it was withdrawn.

    Args:
        bank: The bank's name.
    """

    reason = "entry_not_found"

    def __init__(self, bank: str) -> None:
        self.bank = bank
        super().__init__(f"The bank {bank!r} holds no such entry.")


class ImportUnreadable(BankError):
    """A file in none of the import formats.

    Args:
        problem: What is wrong with it.
    """

    reason = "import_unreadable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"Nothing was imported: {problem}.")


# ── hma ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class HmaError(HedgerowError):
    """What HMA keeps beside the banks, and the door that speaks its interface."""

    reason = "hma"


class ContentNotFound(HmaError):
    """There is no such content in this bank.

    Args:
        content_id: Its number, as it was asked for.
    """

    reason = "content_not_found"

    def __init__(self, content_id: int) -> None:
        self.content_id = content_id
        super().__init__(f"content '{content_id}' not found")


class InvalidContent(HmaError):
    """What was said about a bank or a content does not fit; worded as HMA does where HMA says it too.

    Args:
        problem: What does not fit, without a signal's value.
    """

    reason = "invalid_content"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class ExchangeNotFound(HmaError):
    """There is no such exchange.

    Args:
        name: Its name, as it was asked for.
    """

    reason = "exchange_not_found"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Exchange '{name}' not found")


class ExchangeExists(HmaError):
    """There is an exchange or a bank of that name.

    Args:
        name: The name.
    """

    reason = "exchange_exists"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is an exchange or a bank called {name} already.")


class InvalidExchange(HmaError):
    """A kind of exchange, or its configuration, that is none; worded as HMA does where HMA says it too.

    Args:
        problem: What does not fit, without a secret.
    """

    reason = "invalid_exchange"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class ResetRefused(HmaError):
    """A factory reset where there is something to lose."""

    reason = "reset_refused"

    def __init__(self) -> None:
        super().__init__("This data folder holds submissions or cases: it is not emptied. Use a folder of its own.")


class HmaUnreadable(HmaError):
    """An HMA that banks were to be taken from cannot be read.

    Args:
        problem: What stands against it, without an address.
    """

    reason = "hma_unreadable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The HMA cannot be read: {problem}.")


class ThreatexchangeMissing(HmaError):
    """The package python-threatexchange is not installed."""

    reason = "threatexchange_missing"

    def __init__(self) -> None:
        super().__init__("The package threatexchange is not installed here: run `pip install threatexchange`.")


# ── policy ───────────────────────────────────────────────────────────────────────────────────────────────────────


class PolicyError(HedgerowError):
    """Something about what matches lead to."""

    reason = "policy"


class PolicyInvalid(PolicyError):
    """A text that is no policy.

    Args:
        problems: What is wrong with it, each with its line where that is known ("line 12: unknown key 'bnak'").
    """

    reason = "policy_invalid"

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("This is no policy: " + "; ".join(problems) + ".")


class PolicyNotFound(PolicyError):
    """There is no such version.

    Args:
        version: The number that was asked for.
    """

    reason = "policy_not_found"

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(f"There is no version {version} of the policy.")


class NoActivePolicy(PolicyError):
    """Nothing says what a match leads to."""

    reason = "no_active_policy"

    def __init__(self) -> None:
        super().__init__("No policy is active, so nothing says what a match leads to: activate a version first.")


class DryRunMissing(PolicyError):
    """Nobody has looked at what this version would change.

    Args:
        version: The version that was to be activated.
    """

    reason = "dry_run_missing"

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(
            f"Version {version} of the policy was not tried on past matches within a day, beside the version that is "
            "active now: do so first, and look at what would change."
        )


# ── cases ────────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── ledger ───────────────────────────────────────────────────────────────────────────────────────────────────────


class LedgerError(HedgerowError):
    """Looking back on what was submitted before."""

    reason = "ledger"


class InvalidLookBack(LedgerError):
    """What is to be looked back for cannot be said so.

    Args:
        problem: What is wrong, without the value.
    """

    reason = "invalid_look_back"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This look-back cannot be asked for: {problem}.")


class LookBackNotFound(LedgerError):
    """There is no look-back of that number.

    Args:
        number: The number.
    """

    reason = "look_back_not_found"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"There is no look-back {number}.")


class LookBackLost(LedgerError):
    """Somebody else took over the look-back that we worked on, or stopped it; what we found is not recorded.

    Args:
        number: Its number.
    """

    reason = "look_back_lost"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"Look-back {number} was taken over by another process, or stopped.")


class LedgerEmpty(LedgerError):
    """There is nothing to look back on: an empty answer would look like a clean one."""

    reason = "ledger_empty"

    def __init__(self) -> None:
        super().__init__(
            "The ledger is empty: no signals of what was submitted were kept. The setting lookback.enabled keeps them."
        )


class LedgerRowUnreadable(LedgerError):
    """A row of the ledger that cannot be read."""

    reason = "ledger_row_unreadable"

    def __init__(self) -> None:
        super().__init__("A row of the ledger cannot be read.")


# ── screening: fetching ──────────────────────────────────────────────────────────────────────────────────────────


class FetchError(HedgerowError):
    """What an address gives was not taken."""

    reason = "fetch"


class UrlRefused(FetchError):
    """An address that we do not go to. Which one is not said: an address can hold a password.

    Args:
        why: A word for programs, one of `hedgerow.screening.fetching.REFUSALS`.
        problem: The same in words.
    """

    reason = "url_refused"

    def __init__(self, why: str, problem: str) -> None:
        self.why = why
        self.problem = problem
        super().__init__(f"This address is not fetched: {problem}.")


class FetchFailed(FetchError):
    """There was no answer, or none that is media.

    Args:
        problem: What happened, without the address.
    """

    reason = "fetch_failed"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The media could not be fetched: {problem}.")


class FetchTooLarge(FetchError):
    """More bytes than the limit.

    Args:
        limit_bytes: The limit in force.
    """

    reason = "fetch_too_large"

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"The media has more bytes than the limit of {limit_bytes:,}.")


class FetchTimeout(FetchError):
    """It took longer than the limit.

    Args:
        limit_s: The limit in seconds.
    """

    reason = "fetch_timeout"

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        super().__init__(f"Fetching took longer than the limit of {limit_s:g} seconds.")


# ── scanning ─────────────────────────────────────────────────────────────────────────────────────────────────────


class ScanError(HedgerowError):
    """Something about a scan as a whole (a single file that cannot be checked is no error but a result)."""

    reason = "scan"


class NothingToScan(ScanError):
    """A path that does not exist.

    Args:
        path: The path, as it was given.
    """

    reason = "nothing_to_scan"

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"There is nothing at {path!r}.")


class JournalBusy(ScanError):
    """Another scan holds the same journal."""

    reason = "journal_busy"

    def __init__(self) -> None:
        super().__init__("The same scan is running already.")


class ReportUnwritable(ScanError):
    """The report cannot be written, or its format is not installed.

    Args:
        problem: What to do about it.
    """

    reason = "report_unwritable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The report cannot be written: {problem}.")


# ── service ──────────────────────────────────────────────────────────────────────────────────────────────────────


class ServiceError(HedgerowError):
    """A request that the service does not serve as it came."""

    reason = "service"


class InvalidRequest(ServiceError):
    """What was asked cannot be read.

    Args:
        problem: What is wrong with it, without its content.
    """

    reason = "invalid_request"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The request cannot be read: {problem}.")


class RequestTooLarge(ServiceError):
    """It has more bytes than the limit.

    Args:
        limit_bytes: The limit.
    """

    reason = "request_too_large"

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"The request has more than {limit_bytes:,} bytes.")


class RequestTooSlow(ServiceError):
    """It did not arrive in time.

    Args:
        seconds: How long it may take.
    """

    reason = "request_too_slow"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"The request did not arrive within {seconds:g} seconds.")


class TooManyRequests(ServiceError):
    """One caller asks more often than it may.

    Args:
        wait_s: Seconds until the next request is taken.
    """

    reason = "too_many_requests"

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(f"Too many requests came at once; the next is taken in {math.ceil(wait_s)} seconds.")


class ServiceBusy(ServiceError):
    """More is being looked at than there are hands for; nothing was recorded.

    Args:
        wait_s: Seconds after which it is worth another try.
    """

    reason = "service_busy"

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(f"Too much media waits to be looked at; try again in {math.ceil(wait_s)} seconds.")


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


class SettingsError(HedgerowError):
    """A value that does not fit its setting.

    Args:
        setting: The setting's name.
        problem: What is wrong with its value.
    """

    reason = "settings"

    def __init__(self, setting: str, problem: str) -> None:
        self.setting = setting
        self.problem = problem
        super().__init__(f"The setting {setting} does not fit: {problem}.")


# ── backups ──────────────────────────────────────────────────────────────────────────────────────────────────────


class BackupError(HedgerowError):
    """Something about a backup."""

    reason = "backup"


class BackupUnusable(BackupError):
    """A file that is no backup, or was damaged; nothing was changed.

    Args:
        problem: What is wrong with it, as the end of a sentence.
    """

    reason = "backup_unusable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The backup cannot be used, and nothing was restored: {problem}.")


class BackupUnwritable(BackupError):
    """The file cannot be written, or is there already.

    Args:
        problem: Why not, as the end of a sentence.
    """

    reason = "backup_unwritable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"No backup was made: {problem}.")


class RestoreRefused(BackupError):
    """There is something where the backup would go.

    Args:
        problem: What is there, as the end of a sentence.
    """

    reason = "restore_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"Nothing was restored: {problem}.")
