"""What each command's exit status means, in one table.

=====  ==========================================================================================
0      Nothing matched (for commands that do not match: done)
1      Something matched
2      Usage: a wrong option, a name that does not exist
3      Something could not be checked; wins over 1, as an error does in grep, because the answer is incomplete
4      Hedgerow could not do its work: a damaged database, a full disk, a failed self-test
130    Interrupted with Ctrl-C; a scan goes on where it was when the same command is given again
=====  ==========================================================================================
"""

from __future__ import annotations

from typing import Final

from hedgerow.errors import (
    AccountError,
    ActionError,
    AuditEntryNotFound,
    AuditFileUnreadable,
    BackupUnwritable,
    BankError,
    CaseError,
    ClockBehind,
    EvidenceDamaged,
    EvidenceError,
    EvidenceSupportMissing,
    ExchangeError,
    HashingError,
    HedgerowError,
    InvalidFault,
    InvalidLookBack,
    InvalidThreshold,
    LoginSupportMissing,
    LookBackNotFound,
    MediaError,
    NothingToScan,
    ObjectMissing,
    PartnerError,
    PolicyError,
    RealNameRefused,
    ReportError,
    ReportUnwritable,
    RestoreRefused,
    ReviewKeyUnusable,
    SelfTestFailed,
    ServerSupportMissing,
    SettingsError,
    VaultUnavailable,
    WrapBroken,
)

__all__ = ["DONE", "FAILED", "INTERRUPTED", "MATCHED", "NOTHING_MATCHED", "UNCHECKED", "USAGE", "exit_code", "verdict"]

DONE: Final = 0
NOTHING_MATCHED: Final = 0
MATCHED: Final = 1
USAGE: Final = 2
UNCHECKED: Final = 3
FAILED: Final = 4
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells report it

_BRANCHES: Final[tuple[tuple[type[HedgerowError], int], ...]] = (
    (SelfTestFailed, FAILED),
    (NothingToScan, USAGE),
    (ReportUnwritable, USAGE),
    (BackupUnwritable, USAGE),
    (RestoreRefused, USAGE),
    (InvalidThreshold, USAGE),
    (InvalidFault, USAGE),
    (RealNameRefused, USAGE),
    (AuditEntryNotFound, USAGE),
    (AuditFileUnreadable, USAGE),
    (LoginSupportMissing, FAILED),
    (AccountError, USAGE),
    (ServerSupportMissing, FAILED),
    (ActionError, USAGE),
    (PolicyError, USAGE),
    (CaseError, USAGE),
    (BankError, USAGE),
    (PartnerError, UNCHECKED),
    (ExchangeError, USAGE),
    (EvidenceDamaged, FAILED),
    (EvidenceSupportMissing, FAILED),
    (VaultUnavailable, FAILED),
    (ObjectMissing, FAILED),
    (ReviewKeyUnusable, FAILED),
    (WrapBroken, FAILED),
    (ClockBehind, FAILED),
    (EvidenceError, USAGE),
    (ReportError, USAGE),
    (InvalidLookBack, USAGE),
    (LookBackNotFound, USAGE),
    (HashingError, USAGE),
    (SettingsError, USAGE),
    (MediaError, UNCHECKED),
    (HedgerowError, FAILED),
)


def exit_code(error: HedgerowError) -> int:
    """Return the exit status for an error: the first branch of the table that it belongs to."""
    return next(code for branch, code in _BRANCHES if isinstance(error, branch))


def verdict(*, has_matches: bool, has_unchecked: bool) -> int:
    """Return the exit status of a command that looked for matches.

    >>> verdict(has_matches=True, has_unchecked=False), verdict(has_matches=True, has_unchecked=True)
    (1, 3)
    """
    if has_unchecked:
        return UNCHECKED
    return MATCHED if has_matches else NOTHING_MATCHED
