"""Alembic's environment: runs the migrations on the connection that `upgrade` gives it, in its transaction."""

from __future__ import annotations

from alembic import context

from hedgerow.accounts import tables as account_tables  # noqa: F401  (registers the tables on the metadata)
from hedgerow.actions import tables as action_tables  # noqa: F401  (as above)
from hedgerow.audit import tables as audit_tables  # noqa: F401  (as above)
from hedgerow.banks import tables  # noqa: F401  (as above)
from hedgerow.cases import tables as case_tables  # noqa: F401  (as above)
from hedgerow.database import metadata
from hedgerow.evidence import tables as evidence_tables  # noqa: F401  (as above)
from hedgerow.exchanges import (
    sharing_tables,  # noqa: F401  (as above)
    shield_tables,  # noqa: F401  (as above)
)
from hedgerow.exchanges import tables as exchange_tables  # noqa: F401  (as above)
from hedgerow.exposure import tables as exposure_tables  # noqa: F401  (as above)
from hedgerow.hma import tables as hma_tables  # noqa: F401  (as above)
from hedgerow.ledger import tables as ledger_tables  # noqa: F401  (as above)
from hedgerow.policy import tables as policy_tables  # noqa: F401  (as above)
from hedgerow.reports import tables as report_tables  # noqa: F401  (as above)

__all__: list[str] = []

if hasattr(
    context, "config"
):  # Alembic runs this file; whoever merely imports it (a documentation tool) has no context
    # transactional_ddl: Alembic assumes that SQLite cannot undo DDL, since Python's driver used to commit before it.
    # We begin transactions ourselves (database.connection), so a migration happens whole or not at all there too.
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transactional_ddl=True,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()
