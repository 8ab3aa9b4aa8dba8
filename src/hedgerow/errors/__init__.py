"""Every error Hedgerow raises, drawn as a family; each branch is defined in a file of its own.

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
    │   ├── SelfTestFailed           this machine does not reproduce the published vectors
    │   └── KnownGoodUnreadable      a list of known software that cannot be read, or a damaged set
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
    │   │   └── SharingDenied        this key may not do this with what is shared
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
    │   ├── InvalidPreference        how somebody wants the pages, in a way that cannot be
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
    │   ├── ImportUnreadable         a file in none of the import formats
    │   ├── NotRedistributable       an export that would hold what may not be passed on
    │   └── ManifestUnreadable       a file that is no manifest of an export
    ├── HmaError                     hma
    │   ├── ContentNotFound
    │   ├── InvalidContent           what was said about a bank or a content does not fit
    │   ├── ResetRefused             a factory reset where there is something to lose
    │   ├── HmaUnreadable            an HMA that banks were to be taken from cannot be read
    │   └── ThreatexchangeMissing    python-threatexchange is not installed
    ├── ExchangeError                exchanges
    │   ├── ExchangeNotFound
    │   ├── ExchangeExists
    │   ├── InvalidExchange          a kind of exchange, or its configuration, that is none
    │   ├── CredentialsMissing       it has none
    │   ├── FetchOvertaken           somebody else is at it now
    │   ├── NotArmed                 nobody allowed a partner's production system to be spoken to
    │   ├── PageNotFound             nothing stands in the way
    │   ├── PageNotSkippable         nothing behind it can be reached
    │   ├── QuestionRefused          Project Arachnid Shield cannot be asked, or not about this
    │   ├── SftpMissing              OpenSSH's `sftp` is not installed
    │   ├── ListNotFound             nothing is shared under this name
    │   ├── SharingExists
    │   ├── InvalidSharing           what was said about a sharing or its readers does not fit
    │   ├── FeedEpochGone            a reader's cursor is of a history that is gone
    │   ├── IdempotencyKeyMissing    an opinion without the name that lets it be taken once
    │   ├── IdempotencyKeyReused     an opinion under the name of another
    │   └── PartnerError             something went wrong between us and a partner
    │       ├── PartnerUnavailable   it cannot be reached now; it is tried again
    │       ├── PartnerRefused       it refuses our credentials or our request
    │       ├── PageUnreadable       it answered what cannot be read
    │       ├── CheckpointStale      its whole set has to be walked through again
    │       ├── OpinionRefused       it will never take this opinion
    │       └── PluginBroken         its adapter, which an installed package brings, cannot be used
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
    │   ├── ServiceBusy              more is being looked at than there are hands for
    │   └── TracesSupportMissing     what sends traces is not installed
    ├── EvidenceError                evidence: what is kept, and who may open it
    │   ├── VaultUnavailable         the place where evidence is kept cannot be read or written
    │   ├── ObjectMissing            the vault holds no object of that name
    │   ├── ObjectExists             objects are written once
    │   ├── InvalidObject            a name that no object can have, or no bytes
    │   ├── EvidenceDamaged          an object is not what was put there
    │   ├── ReviewKeyUnusable        the keys of evidence under review cannot be read
    │   ├── WrapBroken               a wrapped data key does not open
    │   ├── SealUnopened             a sealed data key does not open with this identity
    │   ├── InvalidCustodian         no recipient or no identity of a custodian
    │   ├── EvidenceSupportMissing   what keeps evidence is not installed
    │   ├── EvidenceNotFound
    │   ├── InvalidEvidence          what was said about a file does not fit
    │   ├── EvidenceGone             there are no bytes: they never came, or were destroyed
    │   ├── EvidenceSealed           review keys do not open it
    │   ├── EvidenceHeld             a hold keeps it from being deleted
    │   ├── EvidenceInUse            it is still needed, and is not deleted
    │   ├── HoldNotFound
    │   ├── InvalidHold              a hold that cannot be placed or lifted
    │   ├── EvidenceRequestNotFound
    │   ├── EvidenceRequestRefused   a request that cannot be made, agreed to or used
    │   ├── SecondPersonNeeded       who asks cannot be who agrees
    │   ├── RevealNeeded             no deliberate look was recorded just before
    │   ├── NoCustodian              there is nobody to seal to
    │   ├── CustodianNotFound
    │   └── ClockBehind              the clock is behind the audit, so nothing expires
    ├── ExposureError                exposure: somebody is kept from looking, for their own sake
    │   ├── CapReached               as much was looked at as may be in 24 hours
    │   ├── BreakDue                 it is time for a break
    │   ├── OptedOut                 of a category that this person does not look at
    │   └── LimitRefused             a limit that this person cannot set
    ├── ReportError                  reports: what is told to the authority
    │   ├── DraftUnwritable          content that cannot be written as the document
    │   ├── DraftUnreadable          bytes that are no such document
    │   ├── DraftInvalid             a draft that breaks rules of the authority
    │   ├── ViewedCannotBeStated     whether a file was viewed follows from records alone
    │   ├── ReportNotFound
    │   ├── InvalidReport            what was said about a report does not fit
    │   ├── DraftChanged             somebody else changed the draft meanwhile
    │   ├── ReportRefused            where the report stands, this cannot be done with it
    │   ├── ApprovalRefused          this person cannot approve this report
    │   ├── ReportLeaseLost          somebody else took over what we were filing
    │   ├── AuthorityNotReady        no address, no credentials, not armed, or stopped
    │   ├── ProductionRefused        the real system, where only rehearsal is allowed
    │   ├── CredentialsRefused       credentials that cannot be any
    │   └── ArmingRefused            real reports cannot be switched on like this
    ├── SimulatorError               simulators: a partner's service cannot be played
    │   ├── InvalidFault             a fault that cannot be played
    │   ├── RealNameRefused          under the name of the real service
    │   ├── SimulatorUnusable        its port or its file cannot be had
    │   └── SimulatorSupportMissing  what simulators need is not installed
    ├── BackupError                  backups
    │   ├── BackupUnusable           a file that is no backup, or was damaged
    │   ├── BackupUnwritable         the file cannot be written
    │   └── RestoreRefused           there is something where the backup would go
    └── SettingsError                settings: a value that does not fit its setting

Each leaf carries what a person needs to act, and ``str(error)`` is one plain sentence for that person. None carries
a signal's value, a person's name or content. ``reason`` is the stable word for programs: it stands in JSON output
and reports, and never changes once released.
"""

from hedgerow.errors.accounts import (
    AccountError,
    CodeRefused,
    FormRefused,
    IdentityUnknown,
    InvalidDisplayName,
    InvalidIdentity,
    InvalidKey,
    InvalidPreference,
    InvalidUserName,
    KeyNotFound,
    KeyRefused,
    LastAdmin,
    LinkRefused,
    LoginRefused,
    LoginSupportMissing,
    PasswordRefused,
    PermissionDenied,
    PersonNeeded,
    PlainConnection,
    ProviderRefused,
    ProviderUnavailable,
    RoleRefused,
    SecondFactorNeeded,
    SessionEnded,
    UnknownScope,
    UserExists,
    UserNotFound,
    UsersExist,
)
from hedgerow.errors.actions import (
    ActionError,
    DeliveryNotFound,
    EndpointNotFound,
    EndpointPaused,
    InvalidEndpoint,
    InvalidWebhookSignature,
    LeaseLost,
    ServerSupportMissing,
)
from hedgerow.errors.audit import (
    AuditEntryNotFound,
    AuditError,
    AuditFileUnreadable,
    AuditKeyMissing,
    InvalidAuditEntry,
    SigningSupportMissing,
)
from hedgerow.errors.backup import (
    BackupError,
    BackupUnusable,
    BackupUnwritable,
    RestoreRefused,
)
from hedgerow.errors.banks import (
    BankError,
    BankExists,
    BankNotFound,
    EntryNotFound,
    ImportUnreadable,
    InvalidBankName,
    ManifestUnreadable,
    NoBanks,
    NotRedistributable,
)
from hedgerow.errors.cases import (
    CaseChanged,
    CaseError,
    CaseNotFound,
    CaseTaken,
    ClaimLost,
    ClaimRefused,
    DecisionNotFound,
    InvalidDecision,
    InvalidSubmission,
    InvalidView,
    SubmissionNotFound,
    SuppressionNotFound,
    TransitionRefused,
    UndoTooLate,
)
from hedgerow.errors.database import (
    DatabaseError,
    DatabaseOutdated,
    DatabaseTooNew,
    DatabaseUnavailable,
    SealBroken,
    SealingSupportMissing,
    ServiceKeyUnusable,
)
from hedgerow.errors.evidence import (
    ClockBehind,
    CustodianNotFound,
    EvidenceDamaged,
    EvidenceError,
    EvidenceGone,
    EvidenceHeld,
    EvidenceInUse,
    EvidenceNotFound,
    EvidenceRequestNotFound,
    EvidenceRequestRefused,
    EvidenceSealed,
    EvidenceSupportMissing,
    HoldNotFound,
    InvalidCustodian,
    InvalidEvidence,
    InvalidHold,
    InvalidObject,
    NoCustodian,
    ObjectExists,
    ObjectMissing,
    RevealNeeded,
    ReviewKeyUnusable,
    SealUnopened,
    SecondPersonNeeded,
    VaultUnavailable,
    WrapBroken,
)
from hedgerow.errors.exchanges import (
    CheckpointStale,
    CredentialsMissing,
    ExchangeError,
    ExchangeExists,
    ExchangeNotFound,
    FeedEpochGone,
    FetchOvertaken,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InvalidExchange,
    InvalidSharing,
    ListNotFound,
    NotArmed,
    OpinionRefused,
    PageNotFound,
    PageNotSkippable,
    PageUnreadable,
    PartnerError,
    PartnerRefused,
    PartnerUnavailable,
    PluginBroken,
    QuestionRefused,
    SftpMissing,
    SharingDenied,
    SharingExists,
)
from hedgerow.errors.exposure import (
    BreakDue,
    CapReached,
    ExposureError,
    LimitRefused,
    OptedOut,
)
from hedgerow.errors.fetching import (
    FetchError,
    FetchFailed,
    FetchTimeout,
    FetchTooLarge,
    UrlRefused,
)
from hedgerow.errors.hashing import (
    HashingError,
    InvalidPixels,
    InvalidSignal,
    KnownGoodUnreadable,
    SelfTestFailed,
    UnknownSignalType,
)
from hedgerow.errors.hma import (
    ContentNotFound,
    HmaError,
    HmaUnreadable,
    InvalidContent,
    ResetRefused,
    ThreatexchangeMissing,
)
from hedgerow.errors.ledger import (
    InvalidLookBack,
    LedgerEmpty,
    LedgerError,
    LedgerRowUnreadable,
    LookBackLost,
    LookBackNotFound,
)
from hedgerow.errors.matching import (
    DuplicateId,
    InvalidQuery,
    InvalidThreshold,
    MatchingError,
    SnapshotDamaged,
    SnapshotMissing,
)
from hedgerow.errors.media import (
    ArchiveRefused,
    DecodeMemoryExceeded,
    DecoderCrashed,
    DecodeTimeout,
    MediaDamaged,
    MediaEmpty,
    MediaError,
    MediaTooLarge,
    MediaUnreadable,
    MediaUnsupported,
    PictureTooLarge,
    VideoSupportMissing,
)
from hedgerow.errors.policy import (
    DryRunMissing,
    NoActivePolicy,
    PolicyError,
    PolicyInvalid,
    PolicyNotFound,
)
from hedgerow.errors.reports import (
    ApprovalRefused,
    ArmingRefused,
    AuthorityNotReady,
    CredentialsRefused,
    DraftChanged,
    DraftInvalid,
    DraftUnreadable,
    DraftUnwritable,
    InvalidReport,
    ProductionRefused,
    ReportError,
    ReportLeaseLost,
    ReportNotFound,
    ReportRefused,
    ViewedCannotBeStated,
)
from hedgerow.errors.root import (
    HedgerowError,
)
from hedgerow.errors.scanning import (
    JournalBusy,
    NothingToScan,
    ReportUnwritable,
    ScanError,
)
from hedgerow.errors.service import (
    InvalidRequest,
    RequestTooLarge,
    RequestTooSlow,
    ServiceBusy,
    ServiceError,
    TooManyRequests,
    TracesSupportMissing,
)
from hedgerow.errors.settings import (
    SettingsError,
)
from hedgerow.errors.simulators import (
    InvalidFault,
    RealNameRefused,
    SimulatorError,
    SimulatorSupportMissing,
    SimulatorUnusable,
)

__all__ = [
    "AccountError",
    "ActionError",
    "ApprovalRefused",
    "ArchiveRefused",
    "ArmingRefused",
    "AuditEntryNotFound",
    "AuditError",
    "AuditFileUnreadable",
    "AuditKeyMissing",
    "AuthorityNotReady",
    "BackupError",
    "BackupUnusable",
    "BackupUnwritable",
    "BankError",
    "BankExists",
    "BankNotFound",
    "BreakDue",
    "CapReached",
    "CaseChanged",
    "CaseError",
    "CaseNotFound",
    "CaseTaken",
    "CheckpointStale",
    "ClaimLost",
    "ClaimRefused",
    "ClockBehind",
    "CodeRefused",
    "ContentNotFound",
    "CredentialsMissing",
    "CredentialsRefused",
    "CustodianNotFound",
    "DatabaseError",
    "DatabaseOutdated",
    "DatabaseTooNew",
    "DatabaseUnavailable",
    "DecisionNotFound",
    "DecodeMemoryExceeded",
    "DecodeTimeout",
    "DecoderCrashed",
    "DeliveryNotFound",
    "DraftChanged",
    "DraftInvalid",
    "DraftUnreadable",
    "DraftUnwritable",
    "DryRunMissing",
    "DuplicateId",
    "EndpointNotFound",
    "EndpointPaused",
    "EntryNotFound",
    "EvidenceDamaged",
    "EvidenceError",
    "EvidenceGone",
    "EvidenceHeld",
    "EvidenceInUse",
    "EvidenceNotFound",
    "EvidenceRequestNotFound",
    "EvidenceRequestRefused",
    "EvidenceSealed",
    "EvidenceSupportMissing",
    "ExchangeError",
    "ExchangeExists",
    "ExchangeNotFound",
    "ExposureError",
    "FeedEpochGone",
    "FetchError",
    "FetchFailed",
    "FetchOvertaken",
    "FetchTimeout",
    "FetchTooLarge",
    "FormRefused",
    "HashingError",
    "HedgerowError",
    "HmaError",
    "HmaUnreadable",
    "HoldNotFound",
    "IdempotencyKeyMissing",
    "IdempotencyKeyReused",
    "IdentityUnknown",
    "ImportUnreadable",
    "InvalidAuditEntry",
    "InvalidBankName",
    "InvalidContent",
    "InvalidCustodian",
    "InvalidDecision",
    "InvalidDisplayName",
    "InvalidEndpoint",
    "InvalidEvidence",
    "InvalidExchange",
    "InvalidFault",
    "InvalidHold",
    "InvalidIdentity",
    "InvalidKey",
    "InvalidLookBack",
    "InvalidObject",
    "InvalidPixels",
    "InvalidPreference",
    "InvalidQuery",
    "InvalidReport",
    "InvalidRequest",
    "InvalidSharing",
    "InvalidSignal",
    "InvalidSubmission",
    "InvalidThreshold",
    "InvalidUserName",
    "InvalidView",
    "InvalidWebhookSignature",
    "JournalBusy",
    "KeyNotFound",
    "KeyRefused",
    "KnownGoodUnreadable",
    "LastAdmin",
    "LeaseLost",
    "LedgerEmpty",
    "LedgerError",
    "LedgerRowUnreadable",
    "LimitRefused",
    "LinkRefused",
    "ListNotFound",
    "LoginRefused",
    "LoginSupportMissing",
    "LookBackLost",
    "LookBackNotFound",
    "ManifestUnreadable",
    "MatchingError",
    "MediaDamaged",
    "MediaEmpty",
    "MediaError",
    "MediaTooLarge",
    "MediaUnreadable",
    "MediaUnsupported",
    "NoActivePolicy",
    "NoBanks",
    "NoCustodian",
    "NotArmed",
    "NotRedistributable",
    "NothingToScan",
    "ObjectExists",
    "ObjectMissing",
    "OpinionRefused",
    "OptedOut",
    "PageNotFound",
    "PageNotSkippable",
    "PageUnreadable",
    "PartnerError",
    "PartnerRefused",
    "PartnerUnavailable",
    "PasswordRefused",
    "PermissionDenied",
    "PersonNeeded",
    "PictureTooLarge",
    "PlainConnection",
    "PluginBroken",
    "PolicyError",
    "PolicyInvalid",
    "PolicyNotFound",
    "ProductionRefused",
    "ProviderRefused",
    "ProviderUnavailable",
    "QuestionRefused",
    "RealNameRefused",
    "ReportError",
    "ReportLeaseLost",
    "ReportNotFound",
    "ReportRefused",
    "ReportUnwritable",
    "RequestTooLarge",
    "RequestTooSlow",
    "ResetRefused",
    "RestoreRefused",
    "RevealNeeded",
    "ReviewKeyUnusable",
    "RoleRefused",
    "ScanError",
    "SealBroken",
    "SealUnopened",
    "SealingSupportMissing",
    "SecondFactorNeeded",
    "SecondPersonNeeded",
    "SelfTestFailed",
    "ServerSupportMissing",
    "ServiceBusy",
    "ServiceError",
    "ServiceKeyUnusable",
    "SessionEnded",
    "SettingsError",
    "SftpMissing",
    "SharingDenied",
    "SharingExists",
    "SigningSupportMissing",
    "SimulatorError",
    "SimulatorSupportMissing",
    "SimulatorUnusable",
    "SnapshotDamaged",
    "SnapshotMissing",
    "SubmissionNotFound",
    "SuppressionNotFound",
    "ThreatexchangeMissing",
    "TooManyRequests",
    "TracesSupportMissing",
    "TransitionRefused",
    "UndoTooLate",
    "UnknownScope",
    "UnknownSignalType",
    "UrlRefused",
    "UserExists",
    "UserNotFound",
    "UsersExist",
    "VaultUnavailable",
    "VideoSupportMissing",
    "ViewedCannotBeStated",
    "WrapBroken",
]

# Whoever meets one reads where to import it from, not in which file it stands.
for _name in __all__:
    globals()[_name].__module__ = __name__
del _name
