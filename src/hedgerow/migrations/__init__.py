"""Migrations: the steps from one revision of the schema to the next, one numbered file each in ``versions/``.

`open_migrated` opens a database that is up to date; `open_existing` does so only where there is one.
"""

from __future__ import annotations

from hedgerow.migrations.runner import alembic_config, open_existing, open_migrated, upgrade

__all__ = ["alembic_config", "open_existing", "open_migrated", "upgrade"]
