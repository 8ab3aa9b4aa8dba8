"""The authorities that reports go to: what one has to be able to do, and which there are."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from hedgerow.errors import InvalidReport

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from hedgerow.reports.filing_model import Environment
    from hedgerow.reports.model import Content, Draft, DraftFile, Violation

__all__ = ["AUTHORITIES", "Authority", "find_authority"]


class Authority(Protocol):
    """What is written for an authority, and what it would refuse. Sending is another thing: see `is_sent_by_us`."""

    @property
    def word(self) -> str:
        """What it is called in commands and in the database."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def is_sent_by_us(self) -> bool:
        """Whether it has an interface; else a person takes the export to its portal and records its reference."""

    def render(self, content: Content) -> bytes:
        """Write the document: the same content gives the same bytes, always.

        Raises:
            DraftUnwritable: The content does not fit the document.
        """

    def render_file(self, file: DraftFile) -> bytes:
        """Write what is said of a file, with what the records of viewing say, and without the authority's numbers.

        Raises:
            DraftUnwritable: The details do not fit the document.
        """

    def fill(self, template: bytes, report_id: str, file_id: str) -> bytes:
        """Put the authority's numbers into what `render_file` wrote, and change not a byte else."""

    def violations(
        self, draft: Draft, *, environment: Environment, foreign: Collection[str], now: datetime
    ) -> Sequence[Violation]:
        """Find everything for which a draft cannot be sent.

        Args:
            draft: The report and its files.
            environment: Which of the authority's systems.
            foreign: Numbers that the other system gave, which mean nothing in this one.
            now: What the past ends with.
        """

    def is_reference(self, text: str) -> bool:
        """Tell whether a text can be a number that this authority gives."""


AUTHORITIES: Final = {
    "cybertipline": "hedgerow.reports.cybertipline.authority:CYBERTIPLINE",
    "nca": "hedgerow.reports.nca.authority:NCA",
}
"""Word → where it is."""


def find_authority(word: str) -> Authority:
    """Return the authority of a word.

    Raises:
        InvalidReport: There is none.
    """
    if word not in AUTHORITIES:
        raise InvalidReport(f"there is no such authority; there are {', '.join(AUTHORITIES)}")
    module, _, name = AUTHORITIES[word].partition(":")
    return cast("Authority", getattr(import_module(module), name))
