"""Banks: named sets of known signals, and who said so.

A *bank* has a threshold, a minimum quality and a switch. An *entry* is one signal in a bank with its provenance; it is
never changed and never deleted, only *withdrawn*, and then it matches nothing. A *match* is an entry within its bank's
threshold of something that was looked up.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow.banks.exporting import EXPORT_FORMATS, export_entries, export_videos
    from hedgerow.banks.following import Follower
    from hedgerow.banks.formats import FORMATS, ReadOptions
    from hedgerow.banks.health import IndexHealth, IndexState
    from hedgerow.banks.held import entries_since, list_banks
    from hedgerow.banks.importing import import_entries
    from hedgerow.banks.index import Matcher
    from hedgerow.banks.model import (
        Added,
        Attributes,
        Bank,
        BankSummary,
        Change,
        Entry,
        Exported,
        ImportReport,
        Match,
        NewEntry,
        PassedOver,
        Refusal,
        Rejection,
    )
    from hedgerow.banks.quarantine import Quarantined
    from hedgerow.banks.records import (
        add_entries,
        change_bank,
        count_entries,
        create_bank,
        find_bank,
        find_entry,
        iterate_entries,
        withdraw_entry,
    )
    from hedgerow.banks.rules import MAXIMUM_THRESHOLD

__all__ = [
    "EXPORT_FORMATS",
    "FORMATS",
    "MAXIMUM_THRESHOLD",
    "Added",
    "Attributes",
    "Bank",
    "BankSummary",
    "Change",
    "Entry",
    "Exported",
    "Follower",
    "ImportReport",
    "IndexHealth",
    "IndexState",
    "Match",
    "Matcher",
    "NewEntry",
    "PassedOver",
    "Quarantined",
    "ReadOptions",
    "Refusal",
    "Rejection",
    "add_entries",
    "change_bank",
    "count_entries",
    "create_bank",
    "entries_since",
    "export_entries",
    "export_videos",
    "find_bank",
    "find_entry",
    "import_entries",
    "iterate_entries",
    "list_banks",
    "withdraw_entry",
]

_HOME = {
    "EXPORT_FORMATS": "hedgerow.banks.exporting",
    "FORMATS": "hedgerow.banks.formats",
    "MAXIMUM_THRESHOLD": "hedgerow.banks.rules",
    "Added": "hedgerow.banks.model",
    "Attributes": "hedgerow.banks.model",
    "Bank": "hedgerow.banks.model",
    "BankSummary": "hedgerow.banks.model",
    "Change": "hedgerow.banks.model",
    "Entry": "hedgerow.banks.model",
    "Exported": "hedgerow.banks.model",
    "Follower": "hedgerow.banks.following",
    "ImportReport": "hedgerow.banks.model",
    "IndexHealth": "hedgerow.banks.health",
    "IndexState": "hedgerow.banks.health",
    "Match": "hedgerow.banks.model",
    "Matcher": "hedgerow.banks.index",
    "NewEntry": "hedgerow.banks.model",
    "PassedOver": "hedgerow.banks.model",
    "Quarantined": "hedgerow.banks.quarantine",
    "ReadOptions": "hedgerow.banks.formats",
    "Refusal": "hedgerow.banks.model",
    "Rejection": "hedgerow.banks.model",
    "add_entries": "hedgerow.banks.records",
    "change_bank": "hedgerow.banks.records",
    "count_entries": "hedgerow.banks.records",
    "create_bank": "hedgerow.banks.records",
    "entries_since": "hedgerow.banks.held",
    "export_entries": "hedgerow.banks.exporting",
    "export_videos": "hedgerow.banks.exporting",
    "find_bank": "hedgerow.banks.records",
    "find_entry": "hedgerow.banks.records",
    "import_entries": "hedgerow.banks.importing",
    "iterate_entries": "hedgerow.banks.records",
    "list_banks": "hedgerow.banks.held",
    "withdraw_entry": "hedgerow.banks.records",
}


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562): who needs but the nouns, such as a scan that hands its first files out, does not
    # wait for SQLAlchemy.
    if name not in _HOME:
        raise AttributeError(f"module 'hedgerow.banks' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
