"""Make, check and revoke API keys. The first argument is an open connection; the caller commits."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, or_, select, update

from hedgerow.accounts.changes import take_change
from hedgerow.accounts.model import ApiKey, NewKey
from hedgerow.accounts.rules import SCOPES, check_scopes
from hedgerow.accounts.tables import api_keys
from hedgerow.accounts.tokens import digest_of, is_same, new_key_text, read_key_text
from hedgerow.audit import append
from hedgerow.errors import InvalidKey, KeyNotFound, KeyRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

__all__ = [
    "authenticate_key",
    "create_key",
    "find_key",
    "list_keys",
    "note_key_uses",
    "record_refused_key",
    "revoke_key",
]

_NAMESPACE = re.compile(r"(?:[a-z0-9][a-z0-9._-]{0,63})?")
_LONGEST_NAME: Final = 100
# 2^31 - 1: what the column holds.
_MOST_REQUESTS: Final = 2_147_483_647
# Held against the secret where no key has the prefix: no SHA-256 that anybody knows of is this.
_NO_DIGEST: Final = bytes(32)


def create_key(
    connection: Connection,
    name: str,
    *,
    scopes: Iterable[str],
    namespace: str = "",
    requests_per_minute: int | None = None,
    expires_at: datetime | None = None,
    actor: str,
    now: datetime,
) -> NewKey:
    """Make an API key. Its text is in what comes back and nowhere else.

    Args:
        connection: Of `Database.write`.
        name: What people call it; two keys may have the same.
        scopes: What it may do.
        namespace: Whose content ids it speaks of: two platforms may use the same ones.
        requests_per_minute: Its own limit; None for the service's.
        expires_at: When it stops working; None for never.
        actor: Who makes it.
        now: When.

    Raises:
        UnknownScope: A scope is none that a key may have, or there is none.
        InvalidKey: Another of these does not fit.
    """
    given = check_scopes(scopes)
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable() or not name.strip():
        raise InvalidKey(f"its name has 1 to {_LONGEST_NAME} characters, none of them a control character")
    if not _NAMESPACE.fullmatch(namespace):
        raise InvalidKey("its namespace has up to 64 small letters, digits, dots, dashes and underscores")
    if requests_per_minute is not None and not 1 <= requests_per_minute <= _MOST_REQUESTS:
        raise InvalidKey("its requests a minute are 1 or more")
    if expires_at is not None and expires_at <= now:
        raise InvalidKey("it would have expired already")
    take_change(connection)
    text = new_key_text()
    row = connection.execute(
        insert(api_keys)
        .values(
            name=name,
            prefix=text.prefix,
            digest=digest_of(text.secret),
            scopes=json.dumps(sorted(given), separators=(",", ":")),
            namespace=namespace,
            created_by=actor,
            created_at=now,
            expires_at=expires_at,
            requests_per_minute=requests_per_minute,
        )
        .returning(*api_keys.c)
    ).one()
    key = _key(row)
    _append(connection, "key.created", key, actor, now, scopes=sorted(given), namespace=namespace)
    return NewKey(key, str(text))


def authenticate_key(connection: Connection, text: str, now: datetime) -> ApiKey:
    """Return the key that a text proves. One look-up by index and one SHA-256; nothing is written.

    Args:
        connection: Of `Database.read`.
        text: As the program sent it.
        now: When.

    Raises:
        KeyRefused: It is none, or was revoked, or expired. `KeyRefused.key_id` says which, for `record_refused_key`,
            only if the secret was right or at least the prefix is that of a key.
    """
    given = read_key_text(text)
    prefix, secret = given or ("", "")
    row = connection.execute(select(api_keys).where(api_keys.c.prefix == prefix)).first()
    is_right = is_same(digest_of(secret), _NO_DIGEST if row is None else bytes(row.digest))
    if row is None:
        raise KeyRefused
    key = _key(row)
    if not is_right or not key.is_usable(now):
        raise KeyRefused(key.id)
    return key


def record_refused_key(connection: Connection, refused: KeyRefused, *, now: datetime) -> None:
    """Record that a known key was refused, in a transaction of its own; a text that is no key leaves no line."""
    if refused.key_id is not None:
        append(
            connection,
            actor="anonymous",
            action="key.refused",
            subject_type="key",
            subject_id=str(refused.key_id),
            details={},
            now=now,
        )


def find_key(connection: Connection, key_id: int) -> ApiKey:
    """Find a key by number, revoked or not.

    Raises:
        KeyNotFound: There is none.
    """
    row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
    if row is None:
        raise KeyNotFound
    return _key(row)


def list_keys(connection: Connection, *, include_revoked: bool = True) -> list[ApiKey]:
    """List the keys in the order in which they were made."""
    statement = select(api_keys).order_by(api_keys.c.id)
    if not include_revoked:
        statement = statement.where(api_keys.c.revoked_at.is_(None))
    return [_key(row) for row in connection.execute(statement)]


def revoke_key(connection: Connection, key_id: int, *, actor: str, now: datetime) -> ApiKey:
    """Revoke a key for good; one that is revoked stays what it is.

    Raises:
        KeyNotFound: There is none of that number.
    """
    take_change(connection)
    key = find_key(connection, key_id)
    if key.revoked_at is None:
        connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=now))
        _append(connection, "key.revoked", key, actor, now)
    return find_key(connection, key_id)


def note_key_uses(connection: Connection, uses: Mapping[int, datetime]) -> None:
    """Note when keys were used last, many at a time and now and then; only ever forwards.

    Args:
        connection: Of `Database.write`.
        uses: The number of each key, and when it was used.
    """
    for key_id, at in sorted(uses.items()):
        connection.execute(
            update(api_keys)
            .where(api_keys.c.id == key_id, or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < at))
            .values(last_used_at=at)
        )


def _key(row: Row[*tuple[Any, ...]]) -> ApiKey:
    # A scope that a later version no longer gives is not held any more.
    scopes = {str(each): each for each in SCOPES}
    return ApiKey(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        scopes=frozenset(scopes[scope] for scope in json.loads(row.scopes) if scope in scopes),
        namespace=row.namespace,
        created_by=row.created_by,
        created_at=row.created_at,
        requests_per_minute=row.requests_per_minute,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )


def _append(connection: Connection, action: str, key: ApiKey, actor: str, now: datetime, **details: object) -> None:
    append(
        connection,
        actor=actor,
        action=action,
        subject_type="key",
        subject_id=str(key.id),
        details=details,  # type: ignore[arg-type]  # words and lists of words
        now=now,
    )
