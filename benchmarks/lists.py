"""Measure an import of a partner's list of gigabytes: how fast, and how much memory it takes.

    python benchmarks/lists.py [--gigabytes 2] [--form vic|case|icse] [--folder FOLDER] [--read-only]

Makes a list of random digests in a temporary folder, in the shape that Project VIC's sets have (MD5, SHA-1, a PhotoDNA
that nobody reads, the usual words), and imports it with ``hedgerow bank import`` in a process of its own, whose largest
resident set the operating system tells. With ``--read-only`` it is read and not written into a bank. Not run by tests.
Needs about three times the list's size on the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

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
    print(sum(isinstance(result, NewEntry) for _, result in open_list(file, ReadOptions()).results), "signals")
"""


def write_list(file: BinaryIO, form: str, size_bytes: int) -> int:
    """Write a list of about so many bytes, and return how many records it has."""
    chance = random.Random(7)  # noqa: S311  (figures, no secrets)
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


def _run(command: list[str]) -> float:
    begun = time.monotonic()
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "0"})
    return time.monotonic() - begun


def main() -> None:
    """Make a list, import it, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--form", choices=["vic", "case", "icse"], default="vic")
    parser.add_argument("--folder", type=Path, help="where to make it (default: a temporary folder)")
    parser.add_argument("--read-only", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path = Path(folder) / "list"
        with path.open("wb") as file:
            count = write_list(file, asked.form, int(asked.gigabytes * 1e9))
        size_bytes = path.stat().st_size
        print(f"{asked.form}: {size_bytes / 1e9:.2f} GB, {count:,} records", flush=True)
        if asked.read_only:
            took_s = _run([sys.executable, "-c", _READ, str(path)])
        else:
            hedgerow = [sys.executable, "-c", "from hedgerow.cli import main; main()", "--data", f"{folder}/data"]
            _run([*hedgerow, "bank", "create", "partner", "--minimum-quality", "0"])
            took_s = _run([*hedgerow, "bank", "import", "partner", str(path)])
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        print(
            f"{took_s:.0f} s, {count / took_s:,.0f} records/s, {size_bytes / took_s / 1e6:.1f} MB/s, "
            f"largest resident set {most / 1e6:.0f} MB"
        )


if __name__ == "__main__":
    main()
