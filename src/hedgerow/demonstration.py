"""The demonstration: a bank of ordinary pictures and clips, altered copies among unrelated ones, one scan."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hedgerow import app
from hedgerow.errors import NothingToScan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from PIL import Image

    from hedgerow.scanning import FileResult, ScanStatistics
    from hedgerow.settings import Settings

__all__ = ["BANK", "Demonstration", "installed_pictures", "prepare", "scan_folder"]

BANK = "demo"
_FEWEST = 6  # fewer pictures show nothing
_LARGEST_SIDE = 1600  # so that the copies are made in seconds


@dataclass(slots=True)
class Demonstration:
    """What was laid out, and what the scan made of it.

    Attributes:
        folder: Where everything lies.
        known: Names of the banked pictures and clips.
        clips: How many of them are clips.
        unrelated: Names of pictures and clips that are not banked.
        copies: Altered copies made, by alteration.
        found: For each alteration the distances at which a copy was found as its own original.
        variants: For each alteration the variant by which most copies were found.
        wrong: Results that matched something they are no copy of.
        entries: The banked picture or clip of each entry.
    """

    folder: Path
    known: list[str] = field(default_factory=list)
    clips: int = 0
    unrelated: list[str] = field(default_factory=list)
    copies: dict[str, int] = field(default_factory=dict)
    found: dict[str, list[int]] = field(default_factory=dict)
    variants: dict[str, dict[str, int]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    entries: dict[int, str] = field(default_factory=dict)


_NO_PHOTOGRAPHS = {"chessboard_GRAY", "chessboard_RGB", "color", "horse", "logo", "page", "phantom", "text"}
_TWINS = {"motorcycle_right", "microaneurysms"}  # the same scene from the other eye; a part of the retina


def installed_pictures() -> list[Path]:
    """Return the photographs that scikit-image and scikit-learn carry, where they are installed."""
    found: list[Path] = []
    for package, folder in (("skimage", "data"), ("sklearn", "datasets/images")):
        spec = find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec is not None else ():
            found += sorted((Path(place) / folder).glob("*.[jp][pn]g"))
    return [path for path in found if path.stem not in _NO_PHOTOGRAPHS | _TWINS]


def prepare(settings: Settings, folder: Path, pictures: Sequence[Path]) -> Demonstration:
    """Lay out the demonstration below ``folder``: bank every second picture, write altered copies of all.

    Args:
        settings: Their data folder is the demonstration's own.
        folder: Only its sub-folder ``pictures`` is emptied first.
        pictures: Ordinary pictures.

    Raises:
        NothingToScan: There are too few usable pictures.
    """
    from PIL import Image, UnidentifiedImageError

    from hedgerow.hashing import MINIMUM_QUALITY, hash_file
    from hedgerow.testing.alterations import ALTERATIONS

    shown = folder / "pictures"
    shutil.rmtree(shown, ignore_errors=True)
    shown.mkdir(parents=True)
    demonstration = Demonstration(folder)
    usable: list[tuple[str, Image.Image]] = []
    for path in pictures:
        try:
            with Image.open(path) as opened:
                image = opened.convert("RGB")
        except (OSError, UnidentifiedImageError):
            continue  # a folder may hold anything; what is no picture takes no part
        image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
        original = folder / "originals" / f"{path.stem}.png"
        original.parent.mkdir(exist_ok=True)
        image.save(original)
        quality = hash_file(original).signals[0].quality or 0
        if quality >= MINIMUM_QUALITY:
            usable.append((path.stem, image))
    if len(usable) < _FEWEST:
        raise NothingToScan("a folder with at least six photographs")

    app.create_bank(settings, BANK, note="ordinary pictures, for demonstration")
    known = usable[::2]
    files = [str(folder / "originals" / f"{name}.png") for name, _ in known]
    for banked, _, _ in app.add_files(settings, BANK, files):
        demonstration.known.append(Path(banked).stem)
    demonstration.unrelated = [name for name, _ in usable[1::2]]
    for place, (name, image) in enumerate(usable):
        if place % 2:
            image.save(shown / f"{name}.jpg", quality=85)
            continue
        for alteration in ALTERATIONS:
            file = shown / f"{name} ({alteration.name}){alteration.suffix}"
            file.write_bytes(alteration.apply(image))
            demonstration.copies[alteration.name] = demonstration.copies.get(alteration.name, 0) + 1
    _lay_out_clips(settings, demonstration, [image for _, image in usable[1::2]])
    _, entries = app.show_bank(settings, BANK, limit=10 * len(usable))
    demonstration.entries = dict(zip((int(str(entry["entry"])) for entry in entries), demonstration.known, strict=True))
    return demonstration


_CLIPS = 2
_SCENES = 2  # pictures in each clip
_OTHERS = 3  # pictures in the clip that nobody knows


def _lay_out_clips(settings: Settings, demonstration: Demonstration, pictures: Sequence[Image.Image]) -> None:
    """Make clips of pictures that are not banked, bank all but one, and write altered copies; nothing without PyAV."""
    from hedgerow.testing.clips import CLIP_ALTERATIONS, can_write_clips, panning_frames, write_clip

    if not can_write_clips():
        return
    shown, originals = demonstration.folder / "pictures", demonstration.folder / "originals"
    others = panning_frames(pictures[_CLIPS :: _CLIPS + 1][:_OTHERS])
    write_clip(shown / "other clip.mp4", others)
    demonstration.unrelated.append("other clip")
    for number in range(_CLIPS):
        name = f"clip {number + 1}"
        scenes = [*pictures[number :: _CLIPS + 1]] * _SCENES  # where there are few pictures, there and back again
        frames = panning_frames(scenes[:_SCENES])
        write_clip(originals / f"{name}.mp4", frames)
        for _, _, added in app.add_files(settings, BANK, [str(originals / f"{name}.mp4")]):
            demonstration.known += [name] * added.added
            demonstration.clips += added.added
        for alteration in CLIP_ALTERATIONS:
            what = f"clip {alteration.name}"
            alteration.write(shown / f"{name} ({what}){alteration.suffix}", frames, others)
            demonstration.copies[what] = demonstration.copies.get(what, 0) + 1


def scan_folder(
    settings: Settings,
    demonstration: Demonstration,
    report: Path,
    on_progress: Callable[..., None] | None = None,
) -> ScanStatistics:
    """Scan what was laid out and judge every match: is it the copy's own original?"""

    def judge(result: FileResult) -> None:
        name, _, rest = Path(result.path).stem.partition(" (")
        alteration = rest.removesuffix(")")
        for match in result.matches:
            if demonstration.entries.get(match.entry) != name:
                demonstration.wrong.append(result.path)
                continue
            demonstration.found.setdefault(alteration, []).append(match.distance)
            counts = demonstration.variants.setdefault(alteration, {})
            counts[match.variant] = counts.get(match.variant, 0) + 1

    plan = app.ScanPlan((str(demonstration.folder / "pictures"),), reports=(str(report),), is_fresh=True)
    return app.scan(settings, plan, on_result=judge, on_progress=on_progress)


def table(demonstration: Demonstration) -> Iterator[tuple[str, int, int, int | None, str]]:
    """Yield one row an alteration: its name, copies found, copies made, median distance, variant that found most."""
    for name, made in demonstration.copies.items():
        distances = sorted(demonstration.found.get(name, []))
        median = distances[len(distances) // 2] if distances else None
        variants = demonstration.variants.get(name, {})
        yield name, len(distances), made, median, max(variants, key=variants.__getitem__) if variants else ""
