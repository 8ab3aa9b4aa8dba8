"""``hedgerow hash`` and ``hedgerow compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from hedgerow.cli.exits import DONE, UNCHECKED, verdict
from hedgerow.cli.options import data_option, jobs_option, json_option, print_json, settings_of, types_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.hashing import MediaHash, Signal
    from hedgerow.hashing.frame_list import FrameList

__all__ = ["compare_command", "hash_command"]


@click.command("hash", short_help="Print the signals of files.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@types_option
@click.option("--exact", is_flag=True, help="Decode JPEG in full: slower, without the few bits of the reduced decode.")
@click.option(
    "--level",
    type=click.Choice(["exact", "standard", "thorough"]),
    help="Also print the variants that a query is looked up under at this level.",
)
@click.option("--variants", is_flag=True, help="The same as --level standard.")
@click.option("--frames", "shows_frames", is_flag=True, help="Also print each frame of a video.")
@click.option(
    "--every-frame", is_flag=True, help="Keep every frame of a video, not one a second and each scene's first."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "vpdq"]),
    default="text",
    show_default=True,
    help="vpdq: the frames of one video in the vPDQ tool's own lines.",
)
@click.option(
    "--front-end",
    type=click.Choice(["full-size", "reference"]),
    default="full-size",
    show_default=True,
    help="Which published PDQ: full-size (pdqhash, HMA …) or reference (Meta's C++ tool).",
)
@jobs_option
@data_option
@json_option
@click.pass_context
def hash_command(
    ctx: click.Context,
    files: tuple[str, ...],
    types: tuple[str, ...],
    exact: bool,
    level: str | None,
    variants: bool,
    shows_frames: bool,
    every_frame: bool,
    form: str,
    front_end: str,
    jobs: int | None,
    data: str | None,
    is_json: bool,
) -> None:
    """Print the signals of each FILE: a pdq of a picture, a vpdq of a video.

    Each file is decoded in a process that can be killed, within the limits of the settings.

    Exit status: 0, or 3 where a file could not be checked.
    """
    from hedgerow import app

    if form == "vpdq" and (len(files) > 1 or is_json):
        raise click.UsageError("--format vpdq prints the frames of one FILE, and no JSON.")
    settings = settings_of(ctx, data, jobs=jobs)
    has_unchecked = False
    for path, result in app.hash_files(
        settings,
        files,
        types=types,
        exact=exact,
        level=level or ("standard" if variants else "exact"),
        front_end=front_end,
        sampling="every frame" if every_frame else None,
    ):
        has_unchecked |= result.unchecked is not None
        if is_json:
            print_json(_hash_object(path, result))
        elif form == "vpdq":
            _print_vpdq(path, result)
        else:
            _print_hash(path, result, shows_frames=shows_frames)
    ctx.exit(UNCHECKED if has_unchecked else DONE)


def _hash_object(path: str, result: MediaHash) -> dict[str, object]:
    from hedgerow import app

    return {
        "path": path,
        "media": app.media_object(result.media),
        "signals": [_signal_object(signal) for signal in result.signals],
        "unchecked": app.unchecked_object(result.unchecked),
    }


def _signal_object(signal: Signal) -> dict[str, object]:
    plain: dict[str, object] = {
        "type": signal.type,
        "value": signal.value,
        "quality": signal.quality,
        "variant": signal.variant,
        "made_by": signal.made_by,
    }
    if signal.frames is not None:
        plain["frames"] = [
            {
                "frame": frame.number,
                "time_s": round(frame.time_s, 3),
                "until_s": round(frame.until_s, 3),
                "value": frame.value,
                "quality": frame.quality,
            }
            for frame in _frames(signal.frames)
        ]
    return plain


class _Frame(NamedTuple):
    """One frame of a list, as plain values."""

    number: int
    time_s: float
    until_s: float
    value: str
    quality: int


def _frames(frames: FrameList) -> Iterator[_Frame]:
    columns = zip(frames.numbers, frames.times_s, frames.until_s, frames.bits, frames.qualities, strict=True)
    for number, time_s, until_s, bits, quality in columns:
        yield _Frame(int(number), float(time_s), float(until_s), bits.tobytes().hex(), int(quality))


def _print_hash(path: str, result: MediaHash, *, shows_frames: bool) -> None:
    for signal in result.signals:
        variant = "" if signal.variant == "as is" else f"  ({signal.variant})"
        if signal.frames is None:
            said = "" if signal.quality is None else f"  quality {signal.quality}"
        else:
            said = f"  {len(signal.frames)} frames of {signal.frames.duration_s:.1f} s"
        click.echo(f"{signal.type} {signal.value}{said}  {path}{variant}")
        if shows_frames and signal.frames is not None:
            for frame in _frames(signal.frames):
                click.echo(f"  {frame.time_s:>9.3f} s  frame {frame.number:<6} {frame.value}  quality {frame.quality}")
    if result.unchecked is not None:
        click.echo(f"hedgerow: {path}: {result.unchecked.detail}", err=True)


def _print_vpdq(path: str, result: MediaHash) -> None:
    """Print the lines of the vPDQ tool: frame, quality, PDQ, seconds (``vpdq/cpp/hashing/filehasher.cpp``)."""
    stored = next((signal.frames for signal in result.signals if signal.frames is not None), None)
    if result.unchecked is not None:
        click.echo(f"hedgerow: {path}: {result.unchecked.detail}", err=True)
    elif stored is None:
        raise click.UsageError("--format vpdq is for videos: this is none.")
    for frame in _frames(stored) if stored is not None else ():
        click.echo(f"{frame.number},{frame.quality},{frame.value},{frame.time_s:.3f}")


@click.command("compare", short_help="Say how alike two pictures or videos are.")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@data_option
@json_option
@click.pass_context
def compare_command(ctx: click.Context, a: str, b: str, data: str | None, is_json: bool) -> None:
    """Say how alike the files A and B are, pictures or videos, under every variant, and what that means.

    A is taken as a bank would hold it, B as it would be looked up. The threshold of the settings (31 bits by default)
    decides what counts as a match.

    Exit status: 0 no match, 1 a match, 3 where a file could not be checked.
    """
    from hedgerow import app

    settings = settings_of(ctx, data)
    comparison = app.compare(settings, a, b)
    if is_json:
        print_json(comparison.as_object())
    else:
        for line in comparison.lines():
            click.echo(line)
    ctx.exit(verdict(has_matches=comparison.is_match, has_unchecked=bool(comparison.unchecked)))
