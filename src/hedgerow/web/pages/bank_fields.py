"""What the pages about banks have in common: their words, and how the fields of their forms are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from hedgerow.banks import Attributes
from hedgerow.web.pages.language import marked

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LEVELS", "NOT_WHOLE", "TYPES", "address", "attributes_of", "line_of", "whole_of"]

TYPES: Final = {
    "pdq": marked("PDQ, of a picture"),
    "vpdq": marked("vPDQ, of a video"),
    "md5": marked("MD5, of a file"),
    "sha1": marked("SHA-1, of a file"),
    "sha256": marked("SHA-256, of a file"),
}
LEVELS: Final = {
    "exact": marked("Exact: as the file is"),
    "standard": marked("Standard: usual alterations too"),
    "thorough": marked("Thorough: rare alterations too"),
}
NOT_WHOLE: Final = marked("Enter a whole number.")
_MOST_DIGITS: Final = 9


def line_of(form: Mapping[str, object], name: str) -> str:
    """Return what was typed, without what no database keeps; empty where nothing was."""
    return str(form.get(name, "")).replace("\0", "").strip()


def whole_of(form: Mapping[str, object], name: str) -> int | None:
    """Return a whole number that was typed; None where it is none.

    >>> whole_of({"bits": " 24 "}, "bits"), whole_of({"bits": "2.5"}, "bits")
    (24, None)
    """
    text = line_of(form, name)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


def attributes_of(form: Mapping[str, object]) -> Attributes:
    """Return what a person says about what they add."""
    return Attributes(
        "person",
        external_id=line_of(form, "external_id"),
        category=line_of(form, "category"),
        note=line_of(form, "note"),
        may_be_redistributed="may_be_redistributed" in form,
    )


def address(path: str, **said: object) -> str:
    """Write the address of a page with what is asked of it; what is empty stays out.

    >>> address("/banks/known", category="A1", before=None)
    '/banks/known?category=A1'
    """
    query = urlencode({name: value for name, value in said.items() if value not in {None, "", False}})
    return f"{path}?{query}" if query else path
