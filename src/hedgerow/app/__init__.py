"""The hallway: it knows the settings, opens the database, and hands each *door* what it asks for.

A door calls one function here and shows what comes back; it sees neither SQL nor arrays. Rooms are imported when they
are called, so that a command that needs no database does not wait for one.
"""

from hedgerow.app.accounts import (
    accept_first_admin,
    accept_link,
    add_key,
    add_user,
    change_password,
    change_user_roles,
    first_admin_link,
    list_keys,
    list_users,
    log_in,
    login_policy,
    reseal_secrets,
    reset_user,
    revoke_key,
    rotate_service_key,
    session_policy,
    switch_user,
)
from hedgerow.app.auditing import (
    PublicKey,
    audit_key,
    export_audit,
    list_audit_checkpoints,
    make_audit_checkpoint,
    rotate_audit_key,
    verify_audit,
    verify_audit_file,
)
from hedgerow.app.banks import (
    BankChange,
    add_files,
    add_values,
    change_bank,
    create_bank,
    import_bank,
    list_banks,
    show_bank,
    withdraw,
)
from hedgerow.app.clock import now
from hedgerow.app.comparing import Comparison, compare
from hedgerow.app.exporting import export_bank, export_bank_to, export_videos, verify_manifest
from hedgerow.app.hashing import (
    archive_limits,
    caution_object,
    hash_files,
    hash_options,
    media_object,
    unchecked_object,
)
from hedgerow.app.known_good import make_known_good, show_known_good
from hedgerow.app.matching import match_files, open_matcher
from hedgerow.app.scanning import ScanPlan, early_nursery, group_files, scan

__all__ = [
    "BankChange",
    "Comparison",
    "PublicKey",
    "ScanPlan",
    "accept_first_admin",
    "accept_link",
    "add_files",
    "add_key",
    "add_user",
    "add_values",
    "archive_limits",
    "audit_key",
    "caution_object",
    "change_bank",
    "change_password",
    "change_user_roles",
    "compare",
    "create_bank",
    "early_nursery",
    "export_audit",
    "export_bank",
    "export_bank_to",
    "export_videos",
    "first_admin_link",
    "group_files",
    "hash_files",
    "hash_options",
    "import_bank",
    "list_audit_checkpoints",
    "list_banks",
    "list_keys",
    "list_users",
    "log_in",
    "login_policy",
    "make_audit_checkpoint",
    "make_known_good",
    "match_files",
    "media_object",
    "now",
    "open_matcher",
    "reseal_secrets",
    "reset_user",
    "revoke_key",
    "rotate_audit_key",
    "rotate_service_key",
    "scan",
    "session_policy",
    "show_bank",
    "show_known_good",
    "switch_user",
    "unchecked_object",
    "verify_audit",
    "verify_audit_file",
    "verify_manifest",
    "withdraw",
]
