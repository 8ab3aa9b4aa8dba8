"""Exposure: how much somebody has looked at, and what keeps it from becoming too much.

A *look* is one deliberate act by which media is shown as it is; the views of `hedgerow.cases` are its record. A *cap*
is the most looks of one person in any 24 hours. A *break* is a time in which nothing is shown: after so many looks in
a row, or because somebody wants one. Who *opts out* of a category is given no case of it, and is asked for no reason.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow.exposure.model import Break, Limits, Standing, Sum
    from hedgerow.exposure.records import (
        allow_look,
        begin_break,
        begin_look,
        cap_of,
        caps_of,
        end_break,
        end_look,
        known_categories,
        lower_cap,
        note_shown,
        opt_outs_of,
        save_opt_outs,
        set_cap,
        standing_of,
        sum_looks,
    )
    from hedgerow.exposure.rules import FEWEST_PEOPLE, WINDOW

__all__ = [
    "FEWEST_PEOPLE",
    "WINDOW",
    "Break",
    "Limits",
    "Standing",
    "Sum",
    "allow_look",
    "begin_break",
    "begin_look",
    "cap_of",
    "caps_of",
    "end_break",
    "end_look",
    "known_categories",
    "lower_cap",
    "note_shown",
    "opt_outs_of",
    "save_opt_outs",
    "set_cap",
    "standing_of",
    "sum_looks",
]

_MODEL = ("Break", "Limits", "Standing", "Sum")
_RULES = ("FEWEST_PEOPLE", "WINDOW")


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562): who needs but the nouns does not wait for SQLAlchemy.
    if name not in __all__:
        raise AttributeError(f"module 'hedgerow.exposure' has no attribute {name!r}")
    home = "model" if name in _MODEL else "rules" if name in _RULES else "records"
    value = getattr(import_module(f"hedgerow.exposure.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
