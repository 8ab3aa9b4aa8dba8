"""Import a partner's list of gigabytes: how fast, and how much memory it takes.

    python benchmarks/lists.py [--gigabytes 2] [--form vic|case|icse] [--on sqlite|postgresql] [--read-only]

Makes a list of random digests in a temporary folder, in the shape that Project VIC's sets have (MD5, SHA-1, a PhotoDNA
that nobody reads, the usual words), and imports it with ``hedgerow bank import`` in a process of its own, whose largest
resident set and processor time the operating system tells; then another list, of `--further` gigabytes, into the same
bank, which holds millions by then, and that one once more. With ``--read-only`` a list is read and not written into a
bank. Not run by tests. Needs about four times the list's size on the disk, in `--folder` and where SQLite keeps its
temporary files (``SQLITE_TMPDIR``).
"""

from __future__ import annotations

import common  # noqa: F401  (first: it sets one thread)

# isort: split
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from common import Result, Table, peer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
TARGET_MB = 200.0
TARGET_PER_S = 8_000.0
_SET = '{"@odata.context":"http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media","value":['
_CASE = (
    '{"@odata.context":"http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Cases",'
    '"value":[{"CaseID":"1","CaseNumber":"1","SourceApplicationName":"benchmark","Media":['
)
_ICSE = (
    "MD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;"
    "Number of submissions;File Available;Media Type;Baseline\r\n"
)
_READ = """
import sys
from hedgerow.banks import NewEntry, ReadOptions
from hedgerow.banks.formats import open_list
with open(sys.argv[1], "rb") as file:
    found = sum(isinstance(result, NewEntry) for _, result in open_list(file, ReadOptions()).results)
print('{"added": 0, "already_there": %d}' % found)
"""


def write_list(file: BinaryIO, form: str, size_bytes: int, seed: int = 7) -> int:
    """Write a list of about so many bytes, and return how many records it has."""
    chance = random.Random(seed)  # noqa: S311  (figures, no secrets)
    begin, end, between = {
        "vic": (_SET.encode(), b"]}", b",\n"),
        "case": (_CASE.encode(), b"]}]}", b",\n"),
        "icse": (
            _ICSE.encode(),
            b"\r\n",
            b"\r\n",
        ),
    }[form]
    file.write(begin)
    written, count = len(begin), 0
    while written < size_bytes:
        count += 1
        record = _row(chance, count) if form == "icse" else _record(chance, count, is_case=form == "case")
        written += file.write((between if count > 1 else b"") + record)
    file.write(end)
    return count


def _record(chance: random.Random, number: int, *, is_case: bool) -> bytes:
    said: dict[str, object] = {
        "MediaID": number,
        "Category": chance.choice((0, 1, 1, 2, 3)),
        "MD5": chance.randbytes(16).hex().upper(),
        "SHA1": chance.randbytes(20).hex().upper(),
        "PhotoDNA": b64encode(chance.randbytes(144)).decode(),
        "MediaSize": chance.randrange(1 << 24),
        "DateUpdated": "2023-06-07T02:31:49.8300Z",
        "IsPrecategorized": "false",
        "Series": None,
        "Tags": "",
        "VictimIdentified": "true",
        "OffenderIdentified": "false",
        "IsDistributed": "true",
    }
    if is_case:
        name = f"IMG_{number:08}.JPG"
        said["RelativeFilePath"] = f"Files\\{name}"
        said["MediaFiles"] = [{"MD5": said["MD5"], "FileName": name, "FilePath": f"C:\\Users\\x\\Pictures\\{name}"}]
        said["Exifs"] = [{"PropertyName": "Make", "PropertyValue": "a camera"}]
    return json.dumps(said).encode()


def _row(chance: random.Random, number: int) -> bytes:
    photo = b64encode(chance.randbytes(144)).decode()
    digests = f"{chance.randbytes(16).hex().upper()};{chance.randbytes(20).hex().upper()}"
    return f"{digests};{photo};{number};True;True;False;a series;3;True;Image;{chance.random() < 0.9}".encode()


class Ran(NamedTuple):
    """What a process took.

    Attributes:
        wall_s: By the clock on the wall.
        processor_s: Of the processor, in it and in the kernel for it.
        most_mb: Its largest resident set, in megabytes.
        said: The object that it printed.
    """

    wall_s: float
    processor_s: float
    most_mb: float
    said: dict[str, int]


def run(command: Sequence[str]) -> Ran:
    """Run a command that prints one JSON object, and measure it."""
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    took_s = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Ran(took_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6, json.loads(printed))


def measure(result: Result, kind: str, folder: Path, lists: dict[str, Path]) -> None:
    """Import the lists into one bank on a database, one after the other."""
    from console import postgresql  # noqa: PLC0415  (its PostgreSQL, only where it is asked for)

    folder.mkdir()
    running = (
        postgresql(folder / "server", ("shared_buffers=256MB",)) if kind == "postgresql" else nullcontext((None, 0))
    )
    with running as (url, _):
        os.environ.pop("HEDGEROW_DATABASE_URL", None)
        if url is not None:
            os.environ["HEDGEROW_DATABASE_URL"] = url
        hedgerow = [sys.executable, "-c", "from hedgerow.cli import main; main()", "--data", str(folder / "data")]
        run([*hedgerow, "bank", "create", "partner", "--minimum-quality", "0", "--json"])
        for name, path in lists.items():
            add(
                result,
                f"{KINDS[kind]}: {name}",
                path,
                run([*hedgerow, "bank", "import", "partner", str(path), "--json"]),
            )


def add(result: Result, name: str, path: Path, ran: Ran) -> None:
    """Keep what a list took."""
    signals = ran.said["added"] + ran.said["already_there"]
    row = {"name": name, "size_bytes": path.stat().st_size, "signals": signals, "added": ran.said["added"]}
    row |= {"wall_s": ran.wall_s, "processor_s": ran.processor_s, "most_mb": ran.most_mb}
    result.rows.append(row | {"signals_per_s": signals / ran.wall_s})
    print(
        f"{name}: {signals:,} signals, {ran.wall_s:.0f} s, {ran.processor_s:.0f} s of processor, "
        f"{signals / ran.wall_s:,.0f} signals/s, largest resident set {ran.most_mb:.0f} MB",
        flush=True,
    )


def report(result: Result) -> None:
    """Put the figures into a table, and hold them against the targets."""
    rows = tuple(
        (
            row["name"],
            f"{row['size_bytes'] / 1e9:.2f}",
            f"{row['signals']:,}",
            f"{row['added']:,}",
            f"{row['wall_s']:.0f}",
            f"{row['processor_s']:.0f}",
            f"{row['signals_per_s']:,.0f}",
            f"{row['most_mb']:.0f}",
        )
        for row in result.rows
    )
    columns = ("", "GB", "signals", "new", "seconds", "of processor", "signals a second", "most memory, MB")
    result.tables.append(Table("One process, from start to exit", columns, rows))
    for row in result.rows:
        result.check(f"Memory, {row['name']}", "at most", TARGET_MB, row["most_mb"], unit=" MB")
        result.check(f"Signals a second, {row['name']}", "at least", TARGET_PER_S, row["signals_per_s"])


def main() -> None:
    """Make lists, import them, write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--further", type=float, default=0.3, help="gigabytes of the list after it; 0 for none")
    parser.add_argument("--form", choices=["vic", "case", "icse"], default="vic")
    parser.add_argument("--on", choices=list(KINDS), action="append", help="only this kind of database (repeatable)")
    parser.add_argument("--folder", type=Path, help="where to make them (default: a temporary folder)")
    parser.add_argument("--read-only", action="store_true")
    asked = parser.parse_args()
    result = Result(
        "lists",
        "Importing a list of gigabytes",
        "`hedgerow bank import` of made-up lists in the shape of Project VIC's sets, four of five records in a "
        "category that is taken, each with an MD5 and a SHA-1, into one bank, in one transaction, with every refused "
        "line reported. The further list goes into the bank that holds the first, and then once more.",
    )
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        lists = {"the list": folder / "list"}
        with lists["the list"].open("wb") as file:
            records = write_list(file, asked.form, int(asked.gigabytes * 1e9))
        print(f"{asked.form}: {lists['the list'].stat().st_size / 1e9:.2f} GB, {records:,} records", flush=True)
        if asked.read_only:
            add(result, "only read", lists["the list"], run([sys.executable, "-c", _READ, str(lists["the list"])]))
            return
        if asked.further:
            lists["a further list"] = lists["the same once more"] = folder / "further"
            with lists["a further list"].open("wb") as file:
                write_list(file, asked.form, int(asked.further * 1e9), seed=8)
        for kind in asked.on or KINDS:
            if kind == "postgresql" and not _has_postgresql():
                result.notes.append("PostgreSQL was not measured: it, or its driver, is not installed.")
                continue
            measure(result, kind, folder / kind, lists)
    report(result)
    result.write()


def _has_postgresql() -> bool:
    from console import postgresql_programs  # noqa: PLC0415  (as above)

    return peer("psycopg") is not None and postgresql_programs() is not None


if __name__ == "__main__":
    main()
