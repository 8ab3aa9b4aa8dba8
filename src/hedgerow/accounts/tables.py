"""The SQL tables of accounts, in one schema for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from hedgerow.database import UtcDateTime, metadata
from hedgerow.database.sealing import SEALED

__all__ = [
    "account_changes",
    "api_keys",
    "one_time_links",
    "recovery_codes",
    "sessions",
    "user_preferences",
    "user_roles",
    "users",
]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")

users = Table(
    "users",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("display_name", String(200), nullable=False),
    # argon2id in the PHC string format; none until a first link was used, and for who comes through OIDC.
    Column("password_hash", Text),
    # Sealed with the service key (hedgerow.database.sealing).
    Column("totp_secret", LargeBinary, info=SEALED),
    # The counter of the latest code that was accepted: it and all before it are used up.
    Column("totp_counter", BigInteger),
    Column("is_active", Boolean, nullable=False),
    Column("failed_logins", Integer, nullable=False),
    Column("locked_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_login_at", UtcDateTime),
    Column("oidc_issuer", String(500)),
    Column("oidc_subject", String(255)),
    UniqueConstraint("oidc_issuer", "oidc_subject", name="uq_users_oidc_issuer"),
    CheckConstraint("failed_logins >= 0", name="failed_logins"),
    CheckConstraint("(oidc_issuer IS NULL) = (oidc_subject IS NULL)", name="oidc"),
    CheckConstraint("totp_secret IS NOT NULL OR totp_counter IS NULL", name="totp"),
    sqlite_autoincrement=True,  # the audit log names users by their id: it is never given out twice
)

user_roles = Table(
    "user_roles",
    metadata,
    Column("user_id", _Id, ForeignKey("users.id"), primary_key=True, autoincrement=False),
    Column("role", String(20), primary_key=True),
    CheckConstraint("role IN ('admin', 'lead', 'reviewer', 'approver', 'custodian', 'analyst')", name="role"),
)

# How somebody wants the pages: nobody's right depends on it, so that it leaves no line in the audit.
user_preferences = Table(
    "user_preferences",
    metadata,
    Column("user_id", _Id, ForeignKey("users.id"), primary_key=True, autoincrement=False),
    Column("language", String(10)),
    Column("uses_keys", Boolean, nullable=False),
    # Command to key, as canonical JSON: only those that differ from the defaults.
    Column("keys", Text, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("user_id", _Id, ForeignKey("users.id"), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("used_at", UtcDateTime),
    CheckConstraint("length(digest) = 32", name="digest"),
)
Index("ix_recovery_codes_user_id", recovery_codes.c.user_id)

sessions = Table(
    "sessions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("token_digest", LargeBinary, nullable=False, unique=True),
    Column("user_id", _Id, ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    CheckConstraint("length(token_digest) = 32", name="token_digest"),
    sqlite_autoincrement=True,
)
Index("ix_sessions_user_id", sessions.c.user_id)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("purpose", String(20), nullable=False),
    Column("user_id", _Id, ForeignKey("users.id")),
    Column("created_by", String(100), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    # When a newer link took its place.
    Column("withdrawn_at", UtcDateTime),
    CheckConstraint("length(digest) = 32", name="digest"),
    CheckConstraint("purpose IN ('first_admin', 'invitation', 'password_reset')", name="purpose"),
    CheckConstraint("(purpose = 'first_admin') = (user_id IS NULL)", name="user_id"),
    sqlite_autoincrement=True,
)
Index("ix_one_time_links_user_id", one_time_links.c.user_id)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(100), nullable=False),
    # The part of the text by which a key is found.
    Column("prefix", String(20), nullable=False, unique=True),
    # SHA-256 of the secret part, which has 256 random bits: see hedgerow.accounts.tokens.
    Column("digest", LargeBinary, nullable=False),
    # A list in canonical JSON.
    Column("scopes", Text, nullable=False),
    Column("namespace", String(64), nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("requests_per_minute", Integer),
    CheckConstraint("length(digest) = 32", name="digest"),
    CheckConstraint("requests_per_minute > 0", name="requests_per_minute"),
    sqlite_autoincrement=True,
)

# One row. `sequence` is the number of the latest change to who may do what: a user's roles or switch, a session that
# was ended, a key. Whoever changes one takes the next number by updating this row and so holds its lock until the
# commit: such changes happen one after another on PostgreSQL too (two admins who disable each other cannot both
# succeed), and a cache that sees the same number as before knows that nothing was revoked.
account_changes = Table(
    "account_changes",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
