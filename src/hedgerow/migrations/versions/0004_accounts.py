"""Create users, sessions, one-time links, API keys, and the counter of their changes.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hedgerow.database import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _users()
    _sessions()
    op.create_table(
        "api_keys",
        sa.Column("id", _Id, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("prefix", sa.String(20), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("namespace", sa.String(64), nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("last_used_at", UtcDateTime),
        sa.Column("expires_at", UtcDateTime),
        sa.Column("revoked_at", UtcDateTime),
        sa.Column("requests_per_minute", sa.Integer),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_api_keys_digest")),
        sa.CheckConstraint("requests_per_minute > 0", name=op.f("ck_api_keys_requests_per_minute")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
        sqlite_autoincrement=True,
    )
    changes = op.create_table(
        "account_changes",
        sa.Column("id", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_account_changes_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_changes")),
    )
    op.bulk_insert(changes, [{"id": 1, "sequence": 0}])


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", _Id, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("totp_secret", sa.LargeBinary),
        sa.Column("totp_counter", sa.BigInteger),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("failed_logins", sa.Integer, nullable=False),
        sa.Column("locked_until", UtcDateTime),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("last_login_at", UtcDateTime),
        sa.Column("oidc_issuer", sa.String(500)),
        sa.Column("oidc_subject", sa.String(255)),
        sa.CheckConstraint("failed_logins >= 0", name=op.f("ck_users_failed_logins")),
        sa.CheckConstraint("(oidc_issuer IS NULL) = (oidc_subject IS NULL)", name=op.f("ck_users_oidc")),
        sa.CheckConstraint("totp_secret IS NOT NULL OR totp_counter IS NULL", name=op.f("ck_users_totp")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
        sa.UniqueConstraint("oidc_issuer", "oidc_subject", name=op.f("uq_users_oidc_issuer")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "user_roles",
        sa.Column("user_id", _Id, autoincrement=False, nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.CheckConstraint(
            "role IN ('admin', 'lead', 'reviewer', 'approver', 'custodian', 'analyst')",
            name=op.f("ck_user_roles_role"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_roles_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "role", name=op.f("pk_user_roles")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", _Id, nullable=False),
        sa.Column("user_id", _Id, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("used_at", UtcDateTime),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_recovery_codes_digest")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("digest", name=op.f("uq_recovery_codes_digest")),
    )
    op.create_index(op.f("ix_recovery_codes_user_id"), "recovery_codes", ["user_id"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", _Id, nullable=False),
        sa.Column("token_digest", sa.LargeBinary, nullable=False),
        sa.Column("user_id", _Id, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("last_seen_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("ended_at", UtcDateTime),
        sa.CheckConstraint("length(token_digest) = 32", name=op.f("ck_sessions_token_digest")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_sessions_token_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"])
    op.create_table(
        "one_time_links",
        sa.Column("id", _Id, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("user_id", _Id),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("used_at", UtcDateTime),
        sa.Column("withdrawn_at", UtcDateTime),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_one_time_links_digest")),
        sa.CheckConstraint(
            "purpose IN ('first_admin', 'invitation', 'password_reset')", name=op.f("ck_one_time_links_purpose")
        ),
        sa.CheckConstraint("(purpose = 'first_admin') = (user_id IS NULL)", name=op.f("ck_one_time_links_user_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_one_time_links_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_links")),
        sa.UniqueConstraint("digest", name=op.f("uq_one_time_links_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_one_time_links_user_id"), "one_time_links", ["user_id"])


def downgrade() -> None:
    """Forget all accounts; the audit log keeps what they did."""
    for table in (
        "account_changes",
        "api_keys",
        "one_time_links",
        "sessions",
        "recovery_codes",
        "user_roles",
        "users",
    ):
        op.drop_table(table)
