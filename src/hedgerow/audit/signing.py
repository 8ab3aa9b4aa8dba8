"""Make checkpoints, and change the key that signs them. The first argument is an open connection; the caller commits.

A key is on the disk before the database names it, and the old one leaves the disk after the database has forgotten it:
a kill at any point leaves a file too many, never one too few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from hedgerow.audit.checkpoints import signed_text
from hedgerow.audit.keys import find_public_key, load_key, make_key
from hedgerow.audit.model import Checkpoint
from hedgerow.audit.records import append, read_head, record_checkpoint
from hedgerow.audit.statements import statement_text
from hedgerow.audit.tables import audit_head
from hedgerow.audit.verification import ROTATED

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from hedgerow.audit.keys import SigningKey

__all__ = ["checkpoint_head", "current_public_key", "rotate_key", "sign_statement"]


def checkpoint_head(connection: Connection, folder: Path, *, actor: str, now: datetime) -> Checkpoint:
    """Sign the latest entry; make a key, and record that, where there is none yet.

    A checkpoint leaves no entry itself (it would never cover the last one); the row in audit_checkpoints is its record.

    Args:
        connection: Of `Database.write`.
        folder: Where the keys lie.
        actor: Who asks for it.
        now: When.

    Raises:
        AuditKeyMissing: The key's private half is not in the folder.
        SigningSupportMissing: What signs is not installed.
    """
    key = _current_key(connection, folder, actor=actor, now=now)
    return _sign(connection, key, now)


def current_public_key(connection: Connection, folder: Path, *, actor: str, now: datetime) -> bytes:
    """Return the public half of the key that signs; make a key, and record that, where there is none yet.

    Raises:
        AuditKeyMissing: Neither half of it is in the folder.
        SigningSupportMissing: There is none yet, and what makes keys is not installed.
    """
    key_id = read_head(connection).key_id
    if key_id is not None:
        return find_public_key(folder, key_id)
    return _current_key(connection, folder, actor=actor, now=now).public


def sign_statement(
    connection: Connection, folder: Path, kind: str, text: bytes, *, actor: str, now: datetime
) -> tuple[bytes, bytes]:
    """Sign a statement beside the chain; make a key, and record that, where there is none yet.

    Args:
        connection: Of `Database.write`.
        folder: Where the keys lie.
        kind: Of the statement (`hedgerow.audit.statements`).
        text: Its text.
        actor: Who asks for it.
        now: When.

    Returns:
        The public half of the key, and the signature.

    Raises:
        AuditKeyMissing: The key's private half is not in the folder.
        SigningSupportMissing: What signs is not installed.
    """
    key = _current_key(connection, folder, actor=actor, now=now)
    return key.public, key.sign(statement_text(kind, text))


def rotate_key(
    connection: Connection, folder: Path, *, actor: str, now: datetime, is_lost: bool = False
) -> tuple[Checkpoint, str | None]:
    """Bring a new key in: an entry that names it, and a checkpoint of that entry by the key that it replaces.

    Whoever trusts the old key and is given that checkpoint can trust the new one (`hedgerow.audit.verification`). When
    the transaction is committed, `hedgerow.audit.keys.forget_key` is to be called for the key that was replaced.

    Args:
        connection: Of `Database.write`.
        folder: Where the keys lie.
        actor: Who asks for it.
        now: When.
        is_lost: The old key's private half is gone: the new key signs for itself, and others have to be told of it by
            another way.

    Returns:
        The checkpoint, and the id of the key that was replaced; None where there was none.

    Raises:
        AuditKeyMissing: The old key's private half is not in the folder.
        SigningSupportMissing: What makes keys is not installed.
    """
    head = read_head(connection, is_locking=True)
    if head.key_id is None:
        return checkpoint_head(connection, folder, actor=actor, now=now), None
    old = None if is_lost else load_key(folder, head.key_id)
    new = make_key(folder)
    details: dict[str, str | bool] = {
        "old_key": head.key_id,
        "new_key": new.id,
        "public_key": new.public.hex(),
        "is_lost": is_lost,
    }
    append(connection, actor=actor, action=ROTATED, subject_type="audit", subject_id=None, details=details, now=now)
    connection.execute(update(audit_head).values(key_id=new.id))
    return _sign(connection, old or new, now), head.key_id


def _current_key(connection: Connection, folder: Path, *, actor: str, now: datetime) -> SigningKey:
    head = read_head(connection, is_locking=True)
    if head.key_id is not None:
        return load_key(folder, head.key_id)
    key = make_key(folder)
    details = {"new_key": key.id, "public_key": key.public.hex()}
    append(
        connection,
        actor=actor,
        action="audit.key_made",
        subject_type="audit",
        subject_id=None,
        details=details,
        now=now,
    )
    connection.execute(update(audit_head).values(key_id=key.id))
    return key


def _sign(connection: Connection, key: SigningKey, now: datetime) -> Checkpoint:
    head = read_head(connection, is_locking=True)
    signature = key.sign(signed_text(head.sequence, head.hash, now, key.id))
    checkpoint = Checkpoint(head.sequence, head.hash, now, key.id, signature)
    record_checkpoint(connection, checkpoint)
    return checkpoint
