"""Run every benchmark, print what came of the targets, and with --docs write docs/benchmarks.md.

    python benchmarks/run.py                      all of them, in about forty minutes
    python benchmarks/run.py --only hashing       one of them (may be given several times)
    python benchmarks/run.py --docs               all, then write the page and its charts
    python benchmarks/run.py --docs --no-run      write the page from the results that are there

Each benchmark is a script that also runs by itself and writes ``benchmarks/results/NAME.json``.
"""

from __future__ import annotations

import common  # first: it sets one thread

# isort: split
import argparse
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from charts import line_chart
from common import RESULTS, ROOT, Result, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PAGE = ROOT / "docs" / "benchmarks.md"
CHARTS = ROOT / "docs" / "benchmarks"

SCRIPTS: dict[str, tuple[str, ...]] = {
    "hashing": (),
    "accuracy": (),
    "formats": (),
    "index": ("--sizes", "1e4,1e5,1e6,1e7"),
    "batch": (),
    "levels": (),
    "scanning": (),
    "robustness": ("--most", "90", "--jobs", "2"),
    "video": (),
    "video_copies": (),
    "service": (),
    "vault": (),
    "console": (),
}
"""Name of the script → what it is given here, in the order of the page."""

_OPTIONAL = ("index-100m",)
"""Results that are shown where they are: `make bench-100m` writes this one."""
_BY_THEMSELVES = ("exchanges", "lists")
"""Benchmarks that take too long to be run here, and are shown where their results are: `make bench-exchanges` …"""

INTRODUCTION = """# Benchmarks

What Hedgerow's targets are, and what was measured beside the tools that people use today. Every figure comes from
`make bench`, which runs the peers in the same run on the same files and prints these tables; `benchmarks/` holds the
scripts. Peers are called as their own documentation calls them, with one thread unless a table says otherwise.
"""


def run_script(name: str, arguments: Sequence[str]) -> bool:
    """Run one benchmark; return whether it ended well."""
    print(f"\n── {name} " + "─" * (70 - len(name)), flush=True)
    began = time.perf_counter()
    script = ROOT / "benchmarks" / f"{name}.py"
    if not script.is_file():
        print(f"{name}: there is no such script.")
        return False
    done = subprocess.run([sys.executable, str(script), *arguments], check=False)
    print(f"({time.perf_counter() - began:.0f} s)", flush=True)
    return done.returncode == 0


def results_of(names: Sequence[str]) -> list[dict[str, Any]]:
    """Read results, those of the index in the shape of the others."""
    found = []
    for name in names:
        path = RESULTS / f"{name}.json"
        if not path.is_file():
            continue
        content = json.loads(path.read_text("utf-8"))
        if name == "index":
            content = index_result(content, _also(path))
        found.append(content)
    return found


def _also(path: Path) -> list[dict[str, Any]]:
    """Read the runs of other sizes that lie beside the index's."""
    found: list[dict[str, Any]] = []
    for name in _OPTIONAL:
        beside = path.with_name(f"{name}.json")
        if beside.is_file():
            found += json.loads(beside.read_text("utf-8"))["results"]
    return found


def index_result(content: dict[str, Any], further: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the index benchmark's figures into tables, targets and charts."""
    sizes = {(each["set"], each["rows"]): each for each in [*content["results"], *further]}
    runs = [sizes[key] for key in sorted(sizes, key=lambda key: (key[0] != "uniform", key[1]))]
    threshold = content["about"]["threshold"]
    result = Result(
        "index",
        "Searching a bank",
        f"One query a call, one thread, threshold {threshold} bits; half of the queries match. FAISS searches the same "
        "rows in the same process, and its answers are checked against ours. *Crowded*: consecutive frames of films, "
        "each up to 4 bits from the one before.",
        rows=runs,
    )
    result.tables = [_index_times(runs), _index_sizes(runs)]
    _index_checks(result, {rows: run for (name, rows), run in sizes.items() if name == "uniform"})
    lines: list[tuple[str, str, list[tuple[float, float]]]] = []
    for label, kind, set_name, key in (
        ("Hedgerow, uniform", "ours", "uniform", "query_ms"),
        ("Hedgerow, crowded", "ours", "crowded", "query_ms"),
        ("FAISS BinaryFlat", "peer", "uniform", "flat_ms"),
        ("FAISS MultiHash 16×16", "peer", "uniform", "multihash_ms"),
    ):
        points = [(float(run["rows"]), float(run[key])) for run in runs if run["set"] == set_name and key in run]
        if points:
            lines.append((label, kind, points))
    if lines:
        result.charts["index.svg"] = line_chart(
            "Time of one query as a bank grows", lines, ("signals in the bank", "milliseconds")
        )
    return vars(result) | {
        "tables": [vars(table) for table in result.tables],
        "checks": [vars(check) | {"verdict": check.verdict} for check in result.checks],
        "machine": common.machine(),
        "versions": common.versions_of(),
        "date": content["about"]["date"],
    }


def _cell(run: dict[str, Any], key: str, form: str = "{:.3g}") -> str:
    return form.format(run[key]) if key in run else "–"


def _times(run: dict[str, Any], key: str) -> str:
    return f"{run[key] / run['query_ms']:,.0f}×" if key in run else "–"


def _index_times(runs: Sequence[dict[str, Any]]) -> Table:
    rows = tuple(
        (
            f"{run['rows']:,}, {run['set']}",
            _cell(run, "query_ms"),
            _cell(run, "mapped_query_ms"),
            _cell(run, "flat_ms"),
            _times(run, "flat_ms"),
            _cell(run, "multihash_ms"),
            _times(run, "multihash_ms"),
        )
        for run in runs
    )
    return Table(
        "Milliseconds a query",
        (
            "signals",
            "hedgerow",
            "from a mapped snapshot",
            "FAISS BinaryFlat",
            "÷ ours",
            "BinaryMultiHash(16, 16)",
            "÷ ours",
        ),
        rows,
        "Medians over queries. A dash: not installed, or not run at this size.",
    )


def _index_sizes(runs: Sequence[dict[str, Any]]) -> Table:
    rows = tuple(
        (
            f"{run['rows']:,}, {run['set']}",
            _cell(run, "bytes_per_row", "{:.0f}"),
            _cell(run, "build_s", "{:.2f}"),
            _cell(run, "save_s", "{:.2f}"),
            _cell(run, "open_ms", "{:.1f}"),
            _cell(run, "first_search_ms", "{:.1f}"),
        )
        for run in runs
    )
    columns = ("signals", "bytes a signal", "build, s", "save, s", "open, ms", "first search, ms")
    note = "Build: all usable cores. The first search of a large snapshot waits for its checksums."
    return Table("Size, building, opening", columns, rows, note)


def _index_checks(result: Result, uniform: dict[int, dict[str, Any]]) -> None:
    million, ten, hundred = (uniform.get(size, {}) for size in (10**6, 10**7, 10**8))

    def ratio(run: dict[str, Any], key: str) -> float | None:
        return run[key] / run["query_ms"] if key in run else None

    why = "FAISS is not installed, or this size was not run"
    result.check("FAISS BinaryFlat ÷ hedgerow, 1 M", "at least", 30, ratio(million, "flat_ms"), unit="×", why=why)
    name = "FAISS BinaryMultiHash(16, 16) ÷ hedgerow, 1 M"
    result.check(name, "at least", 12, ratio(million, "multihash_ms"), unit="×", why=why)
    result.check("FAISS BinaryFlat ÷ hedgerow, 10 M", "at least", 120, ratio(ten, "flat_ms"), unit="×", why=why)
    why = "this size was not run"
    for size, run in (("1 M", million), ("10 M", ten)):
        result.check(f"Bytes a signal, {size}", "at most", 130, run.get("bytes_per_row"), why=why)
    result.check("Build of 10 M", "at most", 6, ten.get("build_s"), unit=" s", why=why)
    result.check("Opening a snapshot of 10 M", "at most", 100, ten.get("open_ms"), unit=" ms", why=why)
    why = "opt-in: make bench-100m"
    result.check("One query in 100 M", "at most", 1.5, hundred.get("query_ms"), unit=" ms", why=why)
    size_gb = hundred["bytes_per_row"] * hundred["rows"] / 1e9 if hundred else None
    result.check("Size of 100 M", "at most", 10, size_gb, unit=" GB", why=why)
    result.check("Build of 100 M", "at most", 120, hundred.get("build_s"), unit=" s", why=why)


def checks_table(results: Sequence[dict[str, Any]]) -> Table:
    """Gather all targets."""
    rows = []
    for result in results:
        for check in result["checks"]:
            unit = check["unit"]
            value = "–" if check["value"] is None else f"{check['value']:,.4g}{unit}"
            sign = "≥" if check["sense"] == "at least" else "≤"
            verdict = check["verdict"] + (f": {check['why']}" if check["value"] is None and check["why"] else "")
            rows.append((check["name"], f"{sign} {check['limit']:g}{unit}", value, verdict))
    return Table("Targets", ("", "target", "measured", ""), tuple(rows))


def page(results: Sequence[dict[str, Any]]) -> str:
    """Write the page."""
    parts = [INTRODUCTION, checks_table(results).markdown().replace("### ", "## ", 1), "## Machine and versions\n"]
    latest = max(results, key=lambda result: result["date"])
    machine, versions = latest["machine"], latest["versions"]
    parts.append("\n".join(f"- {name}: {value}" for name, value in machine.items()))
    dates = sorted({result["date"] for result in results})
    parts.append("- date: " + (dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"))
    parts.append("- versions: " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "\n")
    missing = [name for name, version in versions.items() if version == "not installed"]
    if missing:
        parts.append(f"Not installed, and so not measured: {', '.join(missing)}.\n")
    for result in results:
        parts.append(f"## {result['title']}\n\n{result['introduction']}\n")
        parts += [f"![{_title_of(svg)}](benchmarks/{file})\n" for file, svg in result["charts"].items()]
        parts += [Table(**table).markdown() for table in result["tables"]]
        parts += [f"- {note}" for note in result["notes"]]
        if result["notes"]:
            parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _title_of(svg: str) -> str:
    return svg.partition("<title>")[2].partition("</title>")[0]


def write_docs(results: Sequence[dict[str, Any]]) -> None:
    """Write the page and its charts; charts of before are removed."""
    CHARTS.mkdir(parents=True, exist_ok=True)
    for chart in CHARTS.glob("*.svg"):
        chart.unlink()
    for result in results:
        for file, svg in result["charts"].items():
            (CHARTS / file).write_text(svg, "utf-8")
    PAGE.write_text(page(results), "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)} and {len(list(CHARTS.glob('*.svg')))} charts")


def main() -> None:
    """Run them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[*SCRIPTS], action="append", help="run one benchmark (repeatable)")
    parser.add_argument("--docs", action="store_true", help="write docs/benchmarks.md from all results there are")
    parser.add_argument("--no-run", action="store_true", help="only read the results of earlier runs")
    arguments = parser.parse_args()
    names = arguments.only or [*SCRIPTS]
    began = time.perf_counter()
    failed = [] if arguments.no_run else [name for name in names if not run_script(name, SCRIPTS[name])]
    results = results_of([*SCRIPTS, *_BY_THEMSELVES] if arguments.docs else names)
    if not results:
        print("There are no results.")
        sys.exit(1)
    print("\n" + checks_table(results).markdown())
    missing = [name for name, version in results[-1]["versions"].items() if version == "not installed"]
    if missing:
        print(f"not installed: {', '.join(missing)}")
    for name in failed:
        print(f"{name} failed")
    if not arguments.no_run:
        print(f"{time.perf_counter() - began:.0f} s in all")
    if arguments.docs:
        write_docs(results)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
