"""Let claims go without foreign keys: to check them was a quarter of PostgreSQL's work in a list's first fetch.

Revision ID: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEYS = (
    ("fk_exchange_claims_record_id_exchange_records", "record_id", "exchange_records"),
    ("fk_exchange_claims_entry_id_entries", "entry_id", "entries"),
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _copy_on_sqlite()
        return
    for name, _, _ in _KEYS:
        op.drop_constraint(name, "exchange_claims", type_="foreignkey")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        keys = (sa.ForeignKeyConstraint([column], [f"{of}.id"], name=op.f(name)) for name, column, of in _KEYS)
        _copy_on_sqlite(*keys)
        return
    for name, column, of in _KEYS:
        op.create_foreign_key(name, "exchange_claims", of, [column], ["id"])


def _copy_on_sqlite(*constraints: sa.ForeignKeyConstraint) -> None:
    """Put another table in its place: no table of SQLite's loses or gets a constraint."""
    op.create_table(
        "exchange_claims_of_0017",
        sa.Column("record_id", _Id, nullable=False, autoincrement=False),
        sa.Column("entry_id", _Id, nullable=False, autoincrement=False),
        sa.Column("type", sa.String(40), nullable=False),
        *constraints,
        sa.PrimaryKeyConstraint("record_id", "entry_id", name=op.f("pk_exchange_claims")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO exchange_claims_of_0017 (record_id, entry_id, type) "
        "SELECT record_id, entry_id, type FROM exchange_claims ORDER BY record_id, entry_id"
    )
    op.drop_table("exchange_claims")
    op.rename_table("exchange_claims_of_0017", "exchange_claims")
    op.create_index("ix_exchange_claims_entry_id", "exchange_claims", ["entry_id"])
