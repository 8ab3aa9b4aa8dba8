"""The languages that pages are written in. English stands in the pages themselves; each other one is a catalogue.

A catalogue is a gettext file (``translations/es.po``) that people edit as it is: it is compiled when the service
starts. A test takes every sentence out of the templates and the modules, and wants each in every catalogue.
"""

from __future__ import annotations

import gettext
import io
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

if TYPE_CHECKING:
    from fastapi import Request

__all__ = ["DEFAULT_LANGUAGE", "LANGUAGES", "language_asked_for", "locale_of", "marked", "words_of"]

DEFAULT_LANGUAGE: Final = "en"
LANGUAGES: Final = {"en": "English", "es": "Español"}
"""Tag (RFC 5646) → what people who read it call it."""

_MOST_ASKED: Final = 20


def marked(text: str) -> str:
    """Mark a sentence that a page shows in the reader's language, and return it as it is.

    >>> marked("Nothing waits.")
    'Nothing waits.'
    """
    return text


@cache
def words_of(language: str) -> gettext.NullTranslations:
    """Return what turns English sentences into those of a language."""
    if language == DEFAULT_LANGUAGE:
        return gettext.NullTranslations()
    source = resources.files("hedgerow.web.pages").joinpath("translations", f"{language}.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source), locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@cache
def locale_of(language: str) -> Locale:
    """Return how a language writes dates and numbers."""
    return Locale.parse(language)


def language_asked_for(request: Request) -> str:
    """Return the first of our languages that a browser asks for (RFC 9110, 12.5.4); English where it asks for none."""
    asked: list[tuple[float, int, str]] = []
    for place, each in enumerate(request.headers.get("accept-language", "").split(",")[:_MOST_ASKED]):
        tag, _, weight = each.strip().partition(";q=")
        try:
            asked.append((-float(weight or 1), place, tag.partition("-")[0].lower()))
        except ValueError:
            continue  # what is no weight is no wish
    return next((tag for weight, _, tag in sorted(asked) if tag in LANGUAGES and weight < 0), DEFAULT_LANGUAGE)
