"""Banks: named sets of known signals, and who said so.

A *bank* has a threshold, a minimum quality and a switch. An *entry* is one signal in a bank with its provenance; it is
never changed and never deleted, only *withdrawn*, and then it matches nothing. A *match* is an entry within its bank's
threshold of something that was looked up.
"""

from __future__ import annotations

from hedgerow.banks.formats import FORMATS, ReadOptions
from hedgerow.banks.importing import EXPORT_FORMATS, export_entries, export_videos, import_entries
from hedgerow.banks.index import Matcher
from hedgerow.banks.model import (
    Added,
    Attributes,
    Bank,
    BankSummary,
    Change,
    Entry,
    ImportReport,
    Match,
    NewEntry,
    Refusal,
    Rejection,
)
from hedgerow.banks.records import (
    add_entries,
    change_bank,
    count_entries,
    create_bank,
    entries_since,
    find_bank,
    find_entry,
    iterate_entries,
    list_banks,
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
    "ImportReport",
    "Match",
    "Matcher",
    "NewEntry",
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
