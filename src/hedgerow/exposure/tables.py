"""The SQL tables of exposure, in one schema for SQLite and PostgreSQL. The looks stand in the views of cases."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, String, Table

from hedgerow.database import UtcDateTime, metadata

__all__ = ["exposure_breaks", "exposure_caps", "exposure_looks", "exposure_opt_outs"]

# SQLite numbers rows by itself only in a column that is declared INTEGER, which holds 64 bits there.
_Id = BigInteger().with_variant(Integer, "sqlite")

# Of who has a cap of their own.
exposure_caps = Table(
    "exposure_caps",
    metadata,
    Column("user_id", _Id, ForeignKey("users.id"), primary_key=True, autoincrement=False),
    Column("cap", Integer, nullable=False),
    Column("set_by", String(160), nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
    CheckConstraint("cap BETWEEN 0 AND 1000", name="cap"),
)

# The latest break of one's own: nobody keeps a list of them.
exposure_breaks = Table(
    "exposure_breaks",
    metadata,
    Column("user_id", _Id, ForeignKey("users.id"), primary_key=True, autoincrement=False),
    Column("until", UtcDateTime, nullable=False),
)

# Looks that go on, whichever process of the service shows them. Seen is something from when it was shown.
exposure_looks = Table(
    "exposure_looks",
    metadata,
    Column("reveal", String(64), primary_key=True),
    Column("begun_at", UtcDateTime, nullable=False, index=True),
    Column("shown_at", UtcDateTime),
)

# Nobody's business but the person's own: it leaves no line in the audit, and no page shows it to others.
exposure_opt_outs = Table(
    "exposure_opt_outs",
    metadata,
    Column("user_id", _Id, ForeignKey("users.id"), primary_key=True, autoincrement=False),
    Column("category", String(100), primary_key=True),
)
