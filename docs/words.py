"""Take every sentence out of the pages, and bring the catalogues of other languages up to it.

    python docs/words.py            writes translations/*.po: new sentences come in untranslated, dropped ones go
    python docs/words.py --check    writes nothing; tells what is missing, and fails where something is

Sentences are what templates pass to ``_`` and ``ngettext``, and what modules pass to ``marked``. What stands at the
head of a catalogue, before its first empty line, stays as people wrote it.
"""

# ruff: noqa: INP001  (a script beside the pages, no package)

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

if TYPE_CHECKING:
    from collections.abc import Iterator

    from babel.messages.catalog import Message

__all__ = ["FOLDER", "brought_up", "catalogue", "missing", "sentences"]

ROOT: Final = Path(__file__).parent.parent / "src" / "hedgerow" / "web" / "pages"
FOLDER: Final = ROOT / "translations"
_KEYWORDS: Final[dict[str, Any]] = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}
_METHODS: Final = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
_OPTIONS: Final = {"templates/**.html": {"trimmed": "true", "silent": "false"}}
_NAME: Final = re.compile(r"%\(\w+\)s|\{\w+\}")
# Sentences stand in attributes too, and some are put together with marks of HTML.
_SIGNS: Final = frozenset('"<>&')


def sentences() -> Catalog:
    """Return every sentence of the pages."""
    found = Catalog(project="Hedgerow", header_comment="")
    taken = extract_from_dir(str(ROOT), _METHODS, _OPTIONS, _KEYWORDS, ("Translators:",), strip_comment_tags=True)
    for file, _, message, comments, context in sorted(taken, key=lambda each: (each[0], each[1])):
        if message and message != "":
            found.add(message, None, [(file, 0)], auto_comments=comments, context=context)
    return found


def catalogue(language: str) -> Catalog:
    """Return a language's catalogue as it is."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def brought_up(language: str) -> str:
    """Return a catalogue's text with every sentence of the pages and no other, sorted."""
    head = (FOLDER / f"{language}.po").read_text("utf-8").partition("\n\n")[0]
    have = catalogue(language)
    have.update(sentences(), no_fuzzy_matching=True)
    have.obsolete.clear()
    written = io.BytesIO()
    write_po(written, have, width=120, no_location=True, omit_header=True, sort_output=True)
    return f"{head.rstrip()}\n\n{written.getvalue().decode().strip()}\n"


def missing(language: str) -> Iterator[str]:
    """Go through the sentences that a catalogue lacks, or has for nothing, or says with other names or with HTML."""
    wanted, have = sentences(), catalogue(language)
    for message in wanted:
        if not message.id:
            continue
        own = have.get(message.id, message.context)
        said = () if own is None else _texts(own.string)
        if own is None or not all(said) or len(said) != (have.num_plurals if message.pluralizable else 1):
            yield f"not translated: {message.id!r}"
        elif own.fuzzy or list(own.check()) or any(_names(each) not in _wanted_names(message) for each in said):
            yield f"does not fit: {message.id!r}"
        elif any(_SIGNS & set(each) for each in (*_texts(message.id), *said)):
            yield f"holds a sign of HTML: {message.id!r}"
    for message in have:
        if message.id and wanted.get(message.id, message.context) is None:
            yield f"is said nowhere: {message.id!r}"


def _texts(said: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (said or "",) if said is None or isinstance(said, str) else tuple(said)


def _names(text: str) -> list[str]:
    return sorted(_NAME.findall(text))


def _wanted_names(message: Message) -> list[list[str]]:
    return [_names(each) for each in _texts(message.id)]


def main() -> int:
    """Bring the catalogues up to date, or check them."""
    languages = sorted(path.stem for path in FOLDER.glob("*.po"))
    if "--check" in sys.argv[1:]:
        found = [f"{language}: {each}" for language in languages for each in missing(language)]
        print("\n".join(found) or "Every sentence is there.")  # noqa: T201  (a script)
        return int(bool(found))
    for language in languages:
        (FOLDER / f"{language}.po").write_text(brought_up(language), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
