"""What doors need around screening."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.screening import Context

__all__ = ["given_context"]


def given_context(said: Mapping[str, Any], *, door: str) -> Context:
    """Return what a platform said as the screening room takes it.

    Args:
        said: By the names of the API: ``content_id``, ``account_id``, …, and ``context`` for whatever else.
        door: Through which it came.
    """
    from hedgerow.screening import Context

    return Context(
        content_id=said["content_id"],
        door=door,
        account_id=said.get("account_id"),
        surface=said.get("surface"),
        uploaded_at=said.get("uploaded_at"),
        ip_event=said.get("ip_event"),
        text_context=said.get("text_context"),
        more=said.get("context") or {},
    )
