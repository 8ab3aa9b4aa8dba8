"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.settings import Settings

__all__ = ["as_json", "data_option", "jobs_option", "json_option", "print_json", "settings_of", "types_option"]

F = TypeVar("F", bound="Callable[..., Any]")


def data_option(command: F) -> F:
    """Add ``--data DIR``, which may stand before or after the command's name."""
    return click.option(
        "--data",
        metavar="DIR",
        help="Folder of the database and indexes. [env HEDGEROW_DATA; default: ./hedgerow-data]",
    )(command)


def jobs_option(command: F) -> F:
    """Add ``--jobs N``."""
    return click.option(
        "--jobs",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="Hashing processes. [default: the cores this process may use]",
    )(command)


def json_option(command: F) -> F:
    """Add ``--json``."""
    return click.option("--json", "is_json", is_flag=True, help="Print one JSON object a line.")(command)


def types_option(command: F) -> F:
    """Add ``--type pdq,md5,…``."""
    return click.option(
        "--type",
        "types",
        default="pdq",
        show_default=True,
        metavar="TYPE[,TYPE…]",
        help="Signal types: pdq, md5, sha1, sha256. A video has a vpdq in the place of a pdq.",
        callback=lambda _ctx, _option, value: _types(value),
    )(command)


def _types(value: str) -> tuple[str, ...]:
    from hedgerow.hashing.signal import SIGNAL_TYPES

    names = tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
    unknown = [name for name in names if name not in SIGNAL_TYPES]
    if unknown or not names:
        raise click.BadParameter(f"{value!r}: choose from {', '.join(SIGNAL_TYPES)}")
    return names


def settings_of(ctx: click.Context, data: str | None, **overrides: object) -> Settings:
    """Load the settings with what this command line decides."""
    from hedgerow.settings import load_settings

    return load_settings(data=data or ctx.find_root().obj, **overrides)


def as_json(value: object) -> str:
    """Return one line of JSON in ASCII, so that file names in any encoding survive any terminal and pipe."""
    return json.dumps(value, ensure_ascii=True, separators=(", ", ": "))


def print_json(value: object) -> None:
    """Print one JSON object as one line, at once."""
    sys.stdout.write(as_json(value) + "\n")
    sys.stdout.flush()
