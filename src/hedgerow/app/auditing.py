"""Export, verify and sign the audit chain for a door."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hedgerow.app.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hedgerow.audit import Checkpoint, Verification
    from hedgerow.database import Database
    from hedgerow.settings import Settings

__all__ = [
    "PublicKey",
    "audit_key",
    "export_audit",
    "list_audit_checkpoints",
    "make_audit_checkpoint",
    "read_key",
    "rotate_audit_key",
    "verify_audit",
    "verify_audit_file",
]


@contextmanager
def _database(settings: Settings, *, must_exist: bool = False) -> Iterator[Database]:
    from hedgerow.errors import DatabaseUnavailable
    from hedgerow.migrations import open_existing, open_migrated

    database = open_existing(settings) if must_exist else open_migrated(settings)
    if database is None:
        # A chain without entries would pass for a sound one where only the folder's name is wrong
        raise DatabaseUnavailable("there is none in the data folder")
    try:
        yield database
    finally:
        database.close()


def _key_folder(settings: Settings) -> Path:
    from hedgerow.audit.keys import FOLDER

    return settings.data / FOLDER


class PublicKey:
    """The public half of the key that signs checkpoints.

    Args:
        public_key: Its 32 bytes.

    Attributes:
        id: The first 16 hex digits of its SHA-256.
        hex: It, as 64 hex digits.
        pem: It, as other tools read it.
    """

    def __init__(self, public_key: bytes) -> None:
        from hedgerow.audit.checkpoints import key_id_of, public_key_text

        self.id = key_id_of(public_key)
        self.hex = public_key.hex()
        self.pem = public_key_text(public_key)


def export_audit(settings: Settings, out: BinaryIO, *, first: int = 1, actor: str = "cli") -> int:
    """Write the chain from an entry on as the published lines, and return how many entries.

    That it was exported is an entry, too: the last of those that are written, unless others came between.

    Raises:
        AuditEntryNotFound: The chain does not reach that far.
        DatabaseUnavailable: There is no database.
    """
    from hedgerow.audit import append, entry_lines, read_head
    from hedgerow.errors import AuditEntryNotFound

    with _database(settings, must_exist=True) as database:
        with database.write() as connection:
            if first > max(read_head(connection).sequence, 1):
                raise AuditEntryNotFound(first)
            details = {"first": first}
            append(
                connection,
                actor=actor,
                action="audit.exported",
                subject_type="audit",
                subject_id=None,
                details=details,
                now=now(),
            )
        with database.read() as connection:
            count = -1  # the header is no entry
            for line in entry_lines(connection, first=first):
                out.write(line)
                count += 1
        return count


def make_audit_checkpoint(settings: Settings, *, actor: str = "cli") -> Checkpoint:
    """Sign the latest entry."""
    from hedgerow.audit import checkpoint_head

    with _database(settings) as database, database.write() as connection:
        return checkpoint_head(connection, _key_folder(settings), actor=actor, now=now())


def list_audit_checkpoints(settings: Settings) -> list[Checkpoint]:
    """List all checkpoints that were made."""
    from hedgerow.audit import list_checkpoints

    with _database(settings) as database, database.read() as connection:
        return list_checkpoints(connection)


def audit_key(settings: Settings, *, actor: str = "cli") -> PublicKey:
    """Return the public half of the key that signs; make one where there is none."""
    from hedgerow.audit import current_public_key

    with _database(settings) as database, database.write() as connection:
        return PublicKey(current_public_key(connection, _key_folder(settings), actor=actor, now=now()))


def rotate_audit_key(settings: Settings, *, is_lost: bool = False, actor: str = "cli") -> tuple[PublicKey, Checkpoint]:
    """Replace the key that signs; return the new one, and the checkpoint with which the old one vouches for it."""
    from hedgerow.audit import current_public_key, rotate_key
    from hedgerow.audit.keys import forget_key

    folder = _key_folder(settings)
    with _database(settings) as database:
        with database.write() as connection:
            checkpoint, replaced = rotate_key(connection, folder, actor=actor, now=now(), is_lost=is_lost)
            key = PublicKey(current_public_key(connection, folder, actor=actor, now=now()))
        if replaced is not None:
            forget_key(folder, replaced)
    return key, checkpoint


def verify_audit_file(
    file: BinaryIO, *, public_keys: Sequence[str] = (), checkpoints: Sequence[Path] = ()
) -> Verification:
    """Verify exported lines with what is given alone: no database, no settings.

    Args:
        file: The lines.
        public_keys: Each 64 hex digits, or the path of a file that holds a key.
        checkpoints: Paths of files that hold some.

    Raises:
        AuditFileUnreadable: A file that was named cannot be used.
        SigningSupportMissing: There are checkpoints, and what checks signatures is not installed.
    """
    from hedgerow.audit import lines_of, verify

    return verify(
        lines_of(file),
        checkpoints=_read_checkpoints(checkpoints),
        public_keys=[read_key(each) for each in public_keys],
    )


def verify_audit(
    settings: Settings, *, public_keys: Sequence[str] = (), checkpoints: Sequence[Path] = ()
) -> Verification:
    """Verify the chain in the database, against its own head, the checkpoints made of it, and those that are given.

    The keys are those in the data folder, unless others are given: then these alone are trusted.

    Raises:
        DatabaseUnavailable: There is no database.
        AuditFileUnreadable: A file that was named cannot be used.
        SigningSupportMissing: There are checkpoints, and what checks signatures is not installed.
    """
    from hedgerow.audit import entry_lines, list_checkpoints, read_head, verify
    from hedgerow.audit.keys import known_public_keys

    given = [read_key(each) for each in public_keys]
    with _database(settings, must_exist=True) as database, database.read() as connection:
        return verify(
            entry_lines(connection),
            checkpoints=dict.fromkeys([*list_checkpoints(connection), *_read_checkpoints(checkpoints)]),
            public_keys=given or known_public_keys(_key_folder(settings)),
            head=read_head(connection),
        )


def read_key(stated: str) -> bytes:
    """Read a public key: 64 hex digits, or the path of a file that holds one.

    Raises:
        AuditFileUnreadable: There is none.
    """
    from hedgerow.audit import read_public_key

    is_hex = len(stated) == 64 and set(stated.lower()) <= set("0123456789abcdef")  # noqa: PLR2004  (32 bytes)
    return read_public_key(stated if is_hex else _text(Path(stated)))


def _read_checkpoints(paths: Sequence[Path]) -> list[Checkpoint]:
    from hedgerow.audit import read_checkpoints

    return [checkpoint for path in paths for checkpoint in read_checkpoints(_text(path))]


def _text(path: Path) -> str:
    from hedgerow.errors import AuditFileUnreadable

    try:
        return path.read_text("utf-8", errors="replace")  # a mail around it may be in any encoding
    except OSError as error:
        raise AuditFileUnreadable(f"{str(path)!r} cannot be read ({error.strerror})") from error
