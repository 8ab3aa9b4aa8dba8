"""How well altered copies are found, and how often something else is: Hedgerow at its levels beside the peers."""

from __future__ import annotations

import common  # noqa: F401  (first: it sets one thread)

# isort: split
import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from charts import Bar, bar_chart
from common import Result, Table, photographs, shared_data, usable_cores
from hedgerow.evaluation import BANDS, ROWS, Plan, background_of, evaluate, recommend
from hedgerow.hashing.signal import LEVELS
from hedgerow.matching.background import Background

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hedgerow.evaluation import Evaluation, Progress, Share

NO_DATA = "the reference media are not there (HEDGEROW_TEST_DATA)"
IMPOSTOR_PAIRS_AT_LEAST = 10_000_000
BANK_ENTRIES = 1_000_000
RULE_OF_THREE = 3.0  # −ln 0.05: with none found among n, a probability above 3/n would show one in 95 % of cases
SOURCE = "ordinary photographs (the reference media), each altered in every way of the evaluation"


def pictures(folder: str | None) -> list[Path]:
    """List what is measured: a folder's files, or the reference photographs, look-alikes and graphics."""
    if folder is not None:
        return sorted(path for path in Path(folder).rglob("*") if path.is_file())
    data = shared_data()
    if data is None:
        return []
    return [*photographs(), *sorted((data / "similar").iterdir()), *sorted((data / "graphics").iterdir())]


def percent(share: Share, *, with_interval: bool = False) -> str:
    """Write a share in percent."""
    if share.value is None:
        return "–"
    low, high = share.interval
    return f"{share.value * 100:.1f}" + (f" ({low * 100:.0f}–{high * 100:.0f})" if with_interval else "")


def rate(value: float) -> str:
    """Write a rate."""
    return "0" if value == 0 else f"{value:.1e}" if value < 0.01 else f"{value:.3g}"


def recall_tables(result: Result, evaluation: Evaluation) -> None:
    """Say what is found, by row, by quality and by transform."""
    methods = evaluation.methods
    shown = [(row, places) for row in ROWS.values() if (places := evaluation.transforms_of(row.name))]
    result.tables.append(
        Table(
            "Copies found, per cent",
            ("what happened", "wanted", *methods),
            tuple(
                (
                    row.name,
                    "–" if row.wanted is None else f"{row.wanted * 100:g} at {row.level}",
                    *(percent(evaluation.recall(places, method)) for method in methods),
                )
                for row, places in shown
            ),
            f"{len(evaluation.pictures)} pictures, {len(evaluation.plan.transforms)} transforms, threshold "
            f"{evaluation.plan.threshold} bits for everything, against the bare full-size PDQ of the original (peers: "
            "their own hash of it). Originals of quality below "
            f"{evaluation.plan.minimum_quality} are no bank entries and do not count.",
        )
    )
    everything = range(len(evaluation.plan.transforms))
    result.tables.append(
        Table(
            "Copies found by quality of the original, all transforms together, per cent",
            ("quality", *methods),
            tuple(
                (
                    band.name,
                    *(
                        percent(evaluation.recall(everything, method, band=band), with_interval=True)
                        for method in methods
                    ),
                )
                for band in BANDS
            ),
            "In brackets the 95 % interval (Wilson). Below 50 a bank takes no entry: what would be found if it did.",
        )
    )
    for place, transform in enumerate(evaluation.plan.transforms):
        shares = {method: evaluation.recall([place], method) for method in methods}
        result.rows.append(
            {"transform": transform.name, "row": transform.row}
            | {method: [share.found, share.of] for method, share in shares.items()}
        )
    highest = evaluation.levels[-1]
    result.tables.append(
        Table(
            "Every transform, per cent found",
            ("what happened", *methods, "found as"),
            tuple(
                (
                    transform.name,
                    *(percent(evaluation.recall([place], method)) for method in methods),
                    next((name for name, _ in evaluation.variants_of(place, highest)), "–"),
                )
                for place, transform in enumerate(evaluation.plan.transforms)
            ),
            f"Found as: the most frequent variant at {highest.removeprefix('hedgerow ')}.",
        )
    )
    result.charts["robustness-recall.svg"] = bar_chart(
        f"Copies found at {evaluation.plan.threshold} bits, per cent",
        [
            (row.name, [_bar(evaluation, places, method) for method in _charted(methods)])
            for row, places in shown
            if row.wanted
        ],
        is_compact=True,
    )


def _charted(methods: Iterable[str]) -> list[str]:
    wanted = ("hedgerow standard", "hedgerow thorough", "pytx PDQ", "perception PHash 16×16")
    return [method for method in wanted if method in methods]


def _bar(evaluation: Evaluation, places: list[int], method: str) -> Bar:
    share = evaluation.recall(places, method)
    kind = "ours" if method.startswith("hedgerow") else "peer"
    return Bar(method, None if share.value is None else share.value * 100, percent(share), kind)


def false_match_table(result: Result, evaluation: Evaluation, background: Background) -> None:
    """Say how near unrelated pictures came."""
    threshold = evaluation.plan.threshold
    rows = []
    for number, method in enumerate(evaluation.methods):
        impostors = evaluation.impostors[method]
        total, count = evaluation.looks[number].tolist()
        counts = impostors.nearest.sum(axis=0)
        level = next((each for each in LEVELS if method == f"hedgerow {each}"), None)
        estimate = "–" if level is None else rate(background.nearest_probability(threshold, BANK_ENTRIES, level=level))
        rows.append(
            (
                method,
                f"{total / max(1, count):.1f}",
                f"{impostors.pairs:,}",
                f"{impostors.within(threshold):,}",
                f"{int(counts.nonzero()[0][0]) if counts.any() else '–'}",
                rate(impostors.highest_rate_per_million_entries(threshold)),
                estimate,
            )
        )
    scenes = len(evaluation.same_scene)
    result.tables.append(
        Table(
            "Unrelated pictures",
            (
                "",
                "signals a query",
                "impostor pairs",
                f"within {threshold} bits",
                "nearest, bits",
                "at most, a query and million entries (counted, 95 %)",
                "estimated",
            ),
            tuple(rows),
            "An impostor pair is an altered copy and the entry of another picture. "
            f"{scenes} pairs of originals lie within {evaluation.plan.same_scene} bits before anything is done to "
            "them: the same scene, neither impostors nor copies. Estimated: from the curve fitted to the lower tail "
            "of the counts; an extrapolation.",
        )
    )
    met = [(int(counts.nonzero()[0][0]), place) for place, counts in enumerate(evaluation.alike) if counts.any()]
    result.tables.append(
        Table(
            "Unlike pictures that were altered in the same way",
            ("what happened to both", "pairs", f"within {threshold} bits", "nearest, bits"),
            tuple(
                (
                    evaluation.plan.transforms[place].name,
                    f"{int(evaluation.alike[place].sum()):,}",
                    f"{int(evaluation.alike[place][: threshold + 1].sum()):,}",
                    f"{nearest}",
                )
                for nearest, place in sorted(met)[:8]
            ),
            "A bank that holds screenshots meets other screenshots of the same application. Each copy as it is; the "
            "eight transforms whose copies come nearest to each other.",
        )
    )
    for hit in evaluation.impostors[evaluation.levels[-1]].hits[:12]:
        result.notes.append(
            f"{hit.picture} ({hit.transform}) comes within {hit.distance} bits of {hit.entry}, seen {hit.variant}"
        )


def compared_table(result: Result, evaluation: Evaluation) -> None:
    """Say how many signals of strangers every method was really compared with, parts of pictures too."""
    threshold = evaluation.plan.threshold
    rows = []
    for method in evaluation.methods:
        impostors = evaluation.impostors[method]
        compared = impostors.of_rows(threshold)
        rows.append(
            (
                method,
                f"{impostors.queries:,}",
                f"{compared.of / max(1, impostors.queries):,.0f}",
                f"{compared.of:,}",
                f"{compared.found:,}",
                f"{int(impostors.rows.nonzero()[0][0]) if impostors.rows.any() else '–'}",
                rate(compared.interval[1]),
                rate(RULE_OF_THREE / max(1, compared.of)) if not compared.found else "–",
            )
        )
    result.tables.append(
        Table(
            "Signals of unrelated pictures that copies were compared with",
            (
                "",
                "queries",
                "entries each",
                "pairs",
                f"within {threshold} bits",
                "nearest, bits",
                "a pair at most (Wilson, 95 %)",
                "(rule of three)",
            ),
            tuple(rows),
            "A query is an altered copy with all its variants; an entry is a signal that a bank would hold of another "
            "picture: the whole, and for Hedgerow the likely crops that are banked where the bank holds the media. "
            "Crops of one picture are not independent of each other, nor are copies of one picture; the bounds take "
            "them for it.",
        )
    )


def checks(result: Result, evaluation: Evaluation | None, background: Background | None) -> None:
    """Hold the figures against the targets."""
    for row in ROWS.values():
        if row.wanted is None:
            continue
        share = None
        if evaluation is not None:
            share = evaluation.recall(evaluation.transforms_of(row.name), f"hedgerow {row.level}").value
        value = None if share is None else share * 100
        result.check(f"{row.name}, at {row.level}", "at least", row.wanted * 100, value, unit=" %", why=NO_DATA)
    deep = None
    parts = "hedgerow thorough, parts banked"
    if evaluation is not None and parts in evaluation.methods:
        crops = [f"crop {percent} % per side" for percent in (5, 10, 15)]
        places = [place for place, each in enumerate(evaluation.plan.transforms) if each.name in crops]
        share = evaluation.recall(places, parts).value
        deep = None if share is None else share * 100
    name = "crop 5–15 % per side, at thorough, where the bank holds parts of the media"
    result.check(name, "at least", 90, deep, unit=" %", why=NO_DATA)
    pairs = within = found = estimate = None
    if evaluation is not None and background is not None:
        standard = evaluation.impostors["hedgerow standard"].of_rows(evaluation.plan.threshold)
        pairs, within = standard.of, standard.found
        found = evaluation.impostors["hedgerow thorough"].of_rows(evaluation.plan.threshold).found
        estimate = background.nearest_probability(evaluation.plan.threshold, BANK_ENTRIES, level="thorough")
    result.check("Impostor pairs compared", "at least", IMPOSTOR_PAIRS_AT_LEAST, pairs, why=NO_DATA)
    result.check("False matches among them at standard", "at most", 0, within, why=NO_DATA)
    result.check("False matches among them at thorough", "at most", 0, found, why=NO_DATA)
    name = "False matches at thorough for a query and a million entries, estimated"
    result.check(name, "at most", 1e-6, estimate, why=NO_DATA)


def recommendation_table(result: Result, evaluation: Evaluation, background: Background) -> None:
    """Say which threshold these pictures speak for."""
    rows = []
    for level in LEVELS:
        for entries in (10_000, 1_000_000, 10_000_000):
            found = recommend(evaluation, background, level=level, bank_entries=entries)
            rows.append((level, f"{entries:,}", "–" if found.threshold is None else f"{found.threshold}"))
    result.tables.append(
        Table(
            "Largest threshold with at most one false match in a million queries",
            ("level", "bank entries", "bits"),
            tuple(rows),
            "Extrapolated, and never beyond the nearest pair of the table before. Photographs lie farther apart than "
            "forms and text: measure your own pictures with `hedgerow evaluate` before going beyond 31.",
        )
    )


def tell(progress: Progress) -> None:
    """Show on a terminal how far it is."""
    if sys.stderr.isatty():
        print(f"\r{progress.stage}: {progress.done} of {progress.total}  ", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help="pictures (default: the reference media)")
    parser.add_argument("--most", type=int, help="pictures that are altered at most (default: all)")
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--jobs", type=int, default=usable_cores())
    parser.add_argument("--background", help="also write the background of distances, as the package carries it")
    arguments = parser.parse_args()
    result = Result(
        "robustness",
        "Altered copies",
        "Every picture is altered in many ways, deterministically, and each copy looked up with one threshold. "
        "`hedgerow evaluate` does the same with your pictures.",
    )
    paths = pictures(arguments.folder)
    if not paths:
        checks(result, None, None)
        result.write()
        return
    began = time.perf_counter()
    plan = Plan(sample=arguments.most, with_parts=True, with_peers=not arguments.without_peers, jobs=arguments.jobs)
    evaluation = evaluate(paths, plan, on_progress=tell)
    own = background_of(evaluation, f"{len(evaluation.pictures)} {SOURCE}")
    background = own or Background.default()
    recall_tables(result, evaluation)
    false_match_table(result, evaluation, background)
    compared_table(result, evaluation)
    recommendation_table(result, evaluation, background)
    checks(result, evaluation, background)
    if own is None:
        result.notes.append("Too few pictures for a background of their own: estimates rest on the shipped one.")
    elif arguments.background:
        own.save(arguments.background)
    result.notes.append(
        f"{len(evaluation.entries)} entries, {arguments.jobs} processes, {time.perf_counter() - began:.0f} s"
    )
    result.notes += [f"left out: {name}: {why}" for name, why in evaluation.left_out]
    result.write()


if __name__ == "__main__":
    main()
