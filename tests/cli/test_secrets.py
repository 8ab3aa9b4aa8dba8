"""No secret stands in what a command says or logs, whatever it is asked and whatever goes wrong."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Any

import click
import pytest

from hedgerow.cli import root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Those that answer until they are told to stop, or that need minutes; each has tests of its own.
ENDLESS = {"serve", "worker", "simulate", "demo", "evaluate", "selftest"}


def leaves(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        elif command is not None:
            yield (*path, name), command


COMMANDS = {path: command for path, command in leaves(root.hedgerow) if path[0] not in ENDLESS}
KEY = base64.b64encode(b"a canary of two and thirty bytes").decode()
SECRETS = {
    "HEDGEROW_SERVICE_KEY": KEY,
    "HEDGEROW_EVIDENCE_REVIEW_KEY": base64.b64encode(b"another canary, thirty-two bytes").decode(),
    "HEDGEROW_OIDC_ISSUER": "https://login.example",
    "HEDGEROW_OIDC_CLIENT_ID": "hedgerow",
    "HEDGEROW_OIDC_CLIENT_SECRET": "canary-of-the-provider",
}
OPEN = {"https://login.example", "hedgerow"}
TYPED = "canary that was typed"
# Each is wrong in a way of its own, and so are the sections that hold them.
BROKEN = {
    "a service key that is none": {"HEDGEROW_SERVICE_KEY": "canary-no-key"},
    "a review key that is none": {"HEDGEROW_EVIDENCE_REVIEW_KEY": "canary-no-key"},
    "half of a pair": {"HEDGEROW_EVIDENCE_S3_SECRET_KEY": "canary-of-the-store"},
    "a secret without an issuer's name": {
        "HEDGEROW_OIDC_CLIENT_SECRET": "canary-of-the-provider",
        "HEDGEROW_OIDC_ISSUER": "https://login.example",
    },
    "a setting that is none": {"HEDGEROW_OIDC_CLIENT_SECRETS": "canary-misspelt"},
    "a database that nobody serves": {"HEDGEROW_DATABASE_URL": "postgresql+psycopg://joe:canary-word@127.0.0.1:1/x"},
    "a database of a kind that is none": {"HEDGEROW_DATABASE_URL": "postgresq://joe:canary-word@127.0.0.1/x"},
    "a port that is none": {"HEDGEROW_DATABASE_URL": "postgresql://joe:canary-word@127.0.0.1:canary-port/x"},
    "no address at all": {"HEDGEROW_DATABASE_URL": "canary-word"},
}


def _something(parameter: click.Parameter, folder: Path) -> str:
    """Return what a parameter may be given; for a path, a file with a secret in it."""
    kind = parameter.type
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
        return "1"
    if isinstance(kind, click.Path | click.File):
        return str(folder) if getattr(kind, "dir_okay", False) and not kind.file_okay else str(folder / "file.json")
    return "word"


def _arguments(path: tuple[str, ...], command: click.Command, folder: Path) -> list[str]:
    said = list(path)
    for each in command.params:
        if not each.required:
            continue
        given = [_something(each, folder)] * max(each.nargs, 1)
        said += given if isinstance(each, click.Argument) else [each.opts[0], *given]
    return said


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "given"
    made.mkdir()
    (made / "file.json").write_text('{"password": "canary-in-a-file"}')
    return made


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_command_says_none_of_the_secrets_that_it_was_given(
    path: tuple[str, ...],
    run: Callable[..., Any],
    data: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: TYPED)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    said = run("--data", data, *_arguments(path, COMMANDS[path], folder))
    for secret in {*SECRETS.values(), "canary-in-a-file", TYPED} - OPEN:
        assert secret not in said.out + said.err + caplog.text


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize(
    "command",
    [["doctor"], ["bank", "list"], ["user", "list"], ["evidence", "verify"], ["report", "status"]],
    ids=" ".join,
)
def test_a_setting_that_does_not_fit_is_named_and_not_repeated(
    broken: str,
    command: list[str],
    run: Callable[..., Any],
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name, value in BROKEN[broken].items():
        monkeypatch.setenv(name, value)
    said = run("--data", data, *command)
    assert "canary" not in said.out + said.err + caplog.text
    assert "Traceback" not in said.err
