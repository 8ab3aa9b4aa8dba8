"""Who sits at a command: name, password and code, for what takes a particular person."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.app.reports import ReportRoom

__all__ = ["actor_of", "as_option"]

F = TypeVar("F", bound="Callable[..., Any]")


def as_option(command: F) -> F:
    """Add ``--as NAME`` and ``--password-stdin``: who sits at the command."""
    command = click.option(
        "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
    )(command)
    return click.option(
        "--as", "name", required=True, metavar="NAME", help="Who you are. The password is asked for, and a code."
    )(command)


def actor_of(room: ReportRoom, name: str, permission: str, *, is_read: bool) -> str:
    """Ask for password and code, and return who it is."""
    from hedgerow.accounts import Permission
    from hedgerow.app.reports import prove_person

    def password() -> str:
        if is_read:
            return sys.stdin.readline().rstrip("\r\n")
        typed: str = click.prompt(f"Password of {name}", hide_input=True, err=True)
        return typed

    def code() -> str:
        typed: str = click.prompt(f"Code of {name}", err=True)
        return typed

    return prove_person(room, name, password, code, Permission(permission)).actor
