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
    │   └── DatabaseTooNew           a newer Hedgerow wrote it
    ├── BankError                    banks
    │   ├── NoBanks                  nothing to match against: an empty answer would look like a clean one
    │   ├── BankNotFound
    │   ├── BankExists
    │   ├── InvalidBankName
    │   ├── EntryNotFound
    │   └── ImportUnreadable         a file in none of the import formats
    ├── ScanError                    scanning
    │   ├── NothingToScan            a path that does not exist
    │   ├── JournalBusy              another scan holds the same journal
    │   └── ReportUnwritable         the report cannot be written, or its format is not installed
    └── SettingsError                settings: a value that does not fit its setting

Each leaf carries what a person needs to act, and ``str(error)`` is one plain sentence for that person. None carries
a signal's value, a person's name or content. ``reason`` is the stable word for programs: it stands in JSON output
and reports, and never changes once released.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "ArchiveRefused",
    "BankError",
    "BankExists",
    "BankNotFound",
    "DatabaseError",
    "DatabaseTooNew",
    "DatabaseUnavailable",
    "DecodeMemoryExceeded",
    "DecodeTimeout",
    "DecoderCrashed",
    "DuplicateId",
    "EntryNotFound",
    "HashingError",
    "HedgerowError",
    "ImportUnreadable",
    "InvalidBankName",
    "InvalidPixels",
    "InvalidQuery",
    "InvalidSignal",
    "InvalidThreshold",
    "JournalBusy",
    "MatchingError",
    "MediaDamaged",
    "MediaEmpty",
    "MediaError",
    "MediaTooLarge",
    "MediaUnreadable",
    "MediaUnsupported",
    "NoBanks",
    "NothingToScan",
    "PictureTooLarge",
    "ReportUnwritable",
    "ScanError",
    "SelfTestFailed",
    "SettingsError",
    "SnapshotDamaged",
    "SnapshotMissing",
    "UnknownSignalType",
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
