"""The hallway: it knows the settings, opens the database, and hands each *door* what it asks for.

A door calls one function here and shows what comes back; it sees neither SQL nor arrays. Rooms are imported when they
are called, so that a command that needs no database does not wait for one.
"""

from hedgerow.app.banks import (
    BankChange,
    add_files,
    add_values,
    change_bank,
    create_bank,
    export_bank,
    export_videos,
    import_bank,
    list_banks,
    show_bank,
    withdraw,
)
from hedgerow.app.clock import now
from hedgerow.app.comparing import Comparison, compare
from hedgerow.app.hashing import (
    archive_limits,
    caution_object,
    hash_files,
    hash_options,
    media_object,
    unchecked_object,
)
from hedgerow.app.matching import match_files, open_matcher
from hedgerow.app.scanning import ScanPlan, early_nursery, group_files, scan

__all__ = [
    "BankChange",
    "Comparison",
    "ScanPlan",
    "add_files",
    "add_values",
    "archive_limits",
    "caution_object",
    "change_bank",
    "compare",
    "create_bank",
    "early_nursery",
    "export_bank",
    "export_videos",
    "group_files",
    "hash_files",
    "hash_options",
    "import_bank",
    "list_banks",
    "match_files",
    "media_object",
    "now",
    "open_matcher",
    "scan",
    "show_bank",
    "unchecked_object",
    "withdraw",
]
