"""The audit: one hash-chained line for each change, view, denial, export and login.

An *entry* says who did what to which subject and when; it carries the hash of the entry before, so that none can be
changed, taken out or moved unseen. A *checkpoint* is a signed statement of the latest entry, given away so that the
chain cannot be cut off or made anew unseen either. To *verify* takes the exported lines and a public key, nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow.audit.checkpoints import checkpoint_text, read_checkpoints, read_public_key
    from hedgerow.audit.line import lines_of
    from hedgerow.audit.model import AuditEntry, Checkpoint, Finding, Head, Verification, Wrong
    from hedgerow.audit.records import append, entry_lines, list_checkpoints, list_entries, read_head
    from hedgerow.audit.signing import checkpoint_head, current_public_key, rotate_key
    from hedgerow.audit.verification import verify

__all__ = [
    "AuditEntry",
    "Checkpoint",
    "Finding",
    "Head",
    "Verification",
    "Wrong",
    "append",
    "checkpoint_head",
    "checkpoint_text",
    "current_public_key",
    "entry_lines",
    "lines_of",
    "list_checkpoints",
    "list_entries",
    "read_checkpoints",
    "read_head",
    "read_public_key",
    "rotate_key",
    "verify",
]

_HOME = {
    "AuditEntry": "hedgerow.audit.model",
    "Checkpoint": "hedgerow.audit.model",
    "Finding": "hedgerow.audit.model",
    "Head": "hedgerow.audit.model",
    "Verification": "hedgerow.audit.model",
    "Wrong": "hedgerow.audit.model",
    "append": "hedgerow.audit.records",
    "checkpoint_head": "hedgerow.audit.signing",
    "checkpoint_text": "hedgerow.audit.checkpoints",
    "current_public_key": "hedgerow.audit.signing",
    "entry_lines": "hedgerow.audit.records",
    "lines_of": "hedgerow.audit.line",
    "list_checkpoints": "hedgerow.audit.records",
    "list_entries": "hedgerow.audit.records",
    "read_checkpoints": "hedgerow.audit.checkpoints",
    "read_head": "hedgerow.audit.records",
    "read_public_key": "hedgerow.audit.checkpoints",
    "rotate_key": "hedgerow.audit.signing",
    "verify": "hedgerow.audit.verification",
}


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562): who verifies a file does not wait for SQLAlchemy.
    if name not in _HOME:
        raise AttributeError(f"module 'hedgerow.audit' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
