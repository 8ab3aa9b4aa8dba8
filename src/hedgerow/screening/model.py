"""The nouns of screening: what a platform says beside the media, and what it is told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["Context", "Screened"]


@dataclass(frozen=True, slots=True)
class Context:
    """What a platform says about a submission, beside the media itself.

    Attributes:
        content_id: The platform's own name for the content. The same bytes under the same content id are the same
            submission, however often they come.
        door: Through which it came: ``api``, ``hma``, ``scan``, ``notice``.
        namespace: Of the API key: two platforms may use the same content ids.
        account_id: The platform's own name for the account; cases gather by it.
        surface: Where on the platform it was: ``avatar``, ``direct_message``. A policy may ask for it.
        uploaded_at: When the platform received it.
        ip_event: Address, time and kind of the upload.
        text_context: What was written around it. Shown to reviewers on purpose, never logged.
        more: Whatever else the platform wants to be told again.
    """

    content_id: str
    door: str
    namespace: str = ""
    account_id: str | None = None
    surface: str | None = None
    uploaded_at: datetime | None = None
    ip_event: Mapping[str, object] | None = field(default=None, repr=False)
    text_context: str | None = field(default=None, repr=False)
    more: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Screened:
    """What came of a submission.

    Attributes:
        submission_id: Its number.
        is_repeat: Whether the same was submitted before: then this is the answer of that time.
        outcome: ``no_match``, ``unchecked``, or the gravest outcome of its matches.
        answer: What the platform is told, as canonical JSON.
    """

    submission_id: int
    is_repeat: bool
    outcome: str
    answer: str = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the object that doors show."""
        told: dict[str, Any] = json.loads(self.answer)
        return {**told, "is_repeat": self.is_repeat}
