"""What a report may say about viewing: what the records of viewing show, and nothing else.

``fileViewedByEsp`` says that the provider viewed the *entire* contents of a file, which changes what the authorities
may do without a warrant (review.md §2.9). So there is no way to state it here: it is derived from `hedgerow.cases`, put
in when a file is rendered, and refused wherever it comes in from outside.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import ViewedCannotBeStated
from hedgerow.reports.model import Content, ViewFacts, copied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

__all__ = ["VIEWED", "refuse_stated_views", "view_facts", "with_views"]

VIEWED: Final = ("fileViewedByEsp", "exifViewedByEsp")
"""The fields that nobody can type."""

_WORD = re.compile(r"[A-Za-z0-9]{1,40}")


def view_facts(connection: Connection, submission_id: int) -> ViewFacts:
    """Derive from the views of a submission what a report may say of them.

    To have gone through a video by seeking is not to have seen it: every second has to have been played, by one person.
    To have seen what a file says about itself counts only beside the file (rule R16).

    Args:
        connection: An open connection.
        submission_id: The submission.
    """
    from hedgerow.cases import seen_by_us  # noqa: PLC0415  (rendering needs no database)

    seen = seen_by_us(connection, submission_id)
    if seen.is_exif_viewed and not seen.is_viewed:
        return ViewFacts(file_viewed=False, exif_viewed=None)
    return ViewFacts(file_viewed=seen.is_viewed, exif_viewed=seen.is_exif_viewed)


def with_views(details: Mapping[str, Any], facts: ViewFacts | None) -> Content:
    """Add to what is said of a file what the records say.

    Args:
        details: Without anything about viewing.
        facts: Of `view_facts`; None says nothing.

    Raises:
        ViewedCannotBeStated: The details say something about viewing already.

    >>> with_views({"fileRelevance": "Reported"}, ViewFacts(file_viewed=False, exif_viewed=None))
    {'fileRelevance': 'Reported', 'fileViewedByEsp': False}
    """
    refuse_stated_views(details, "fileDetails")
    found = copied(details)
    if facts is not None:
        stated = {"fileViewedByEsp": facts.file_viewed, "exifViewedByEsp": facts.exif_viewed}
        found |= {name: value for name, value in stated.items() if value is not None}
    return found


def refuse_stated_views(content: object, path: str = "report") -> None:
    """Raise ViewedCannotBeStated where content from outside says anything about viewing, however deep.

    Args:
        content: What was sent, typed or imported.
        path: What to call it.
    """
    if isinstance(content, dict):
        for name, value in content.items():
            field = next((each for each in VIEWED if str(name).strip().lower() == each.lower()), None)
            if field is not None:
                raise ViewedCannotBeStated(f"{path}/{field}")
            # Whoever sent it chose its names: what is no plain word is not repeated.
            word = name if isinstance(name, str) and _WORD.fullmatch(name) else "…"
            refuse_stated_views(value, f"{path}/{word}")
    elif isinstance(content, list | tuple):
        for number, each in enumerate(content, 1):
            refuse_stated_views(each, f"{path}[{number}]")
