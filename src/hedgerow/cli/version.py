"""``hedgerow version``: what decides the bits of a signal on this machine."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import click

from hedgerow import __version__
from hedgerow.cli.options import json_option, print_json

__all__ = ["version_command"]

_DECISIVE = ("numpy", "pillow", "pillow-heif", "av", "numba", "sqlalchemy")


@click.command("version", short_help="Print the versions that decide what a signal is.")
@json_option
def version_command(*, is_json: bool) -> None:
    """Print Hedgerow's version and those of the libraries that decode and compute."""
    versions = {"hedgerow": __version__, "python": platform.python_version()}
    for name in _DECISIVE:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    if is_json:
        print_json(versions)
        return
    for name, value in versions.items():
        click.echo(f"{name:<12} {value}")
