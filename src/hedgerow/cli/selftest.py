"""``hedgerow selftest``: published vectors, reproduced here."""

from __future__ import annotations

from pathlib import Path

import click

from hedgerow.cli.options import json_option, print_json
from hedgerow.errors import SelfTestFailed

__all__ = ["selftest_command"]


@click.command("selftest", short_help="Reproduce the published vectors on this machine.")
@click.option(
    "--golden",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Also check hashes made by Meta's C++ tool: a CSV of hash,quality,file.",
)
@click.option(
    "--pictures",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of the pictures that --golden names.",
)
@json_option
def selftest_command(golden: Path | None, pictures: Path | None, *, is_json: bool) -> None:
    """Reproduce the published vectors with this machine's processor, NumPy and decoders.

    Exit status: 0 all reproduced, 4 some not.
    """
    from hedgerow.hashing.selftest import check_golden_file, run_vectors

    if (golden is None) != (pictures is None):
        raise click.UsageError("--golden and --pictures go together.")
    results = list(run_vectors())
    if golden is not None and pictures is not None:
        results += check_golden_file(golden, pictures)
    for result in results:
        if is_json:
            print_json(
                {
                    "vector": result.name,
                    "source": result.source,
                    "passed": result.has_passed,
                    "distance": result.distance,
                    "tolerance": result.tolerance,
                    "problem": result.problem or None,
                }
            )
        elif not result.has_passed:
            found = result.problem or f"{result.distance} bits off, {result.tolerance} allowed"
            click.echo(f"differs: {result.name} ({result.source}): {found}")
    failed = sum(not result.has_passed for result in results)
    if failed:
        raise SelfTestFailed(failed, len(results))
    if not is_json:
        click.echo(f"All {len(results)} published vectors are reproduced on this machine.")
