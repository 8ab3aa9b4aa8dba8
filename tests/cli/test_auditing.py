from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.app import now
from hedgerow.audit import append, checkpoint_text, read_checkpoints, read_public_key
from hedgerow.migrations import open_migrated
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Any]

pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give the current folder of `run`, in whose data folder the chain has five entries."""
    database = open_migrated(load_settings(data=tmp_path / "hedgerow-data"))
    with database.write() as connection:
        for number in range(5):
            append(connection, actor="user:3", action="case.viewed", subject_type="case", subject_id=number, now=now())
    database.close()
    return tmp_path


@pytest.fixture
def exported(place: Path, run: Run) -> Path:
    """Give the folder with key.pem, checkpoint.txt and audit.jsonl: six entries that are signed, and the export."""
    (place / "key.pem").write_text(run("audit", "key", "--pem").out, "utf-8")
    assert run("audit", "checkpoint", "-o", "checkpoint.txt").status == 0
    assert run("audit", "export", "-o", "audit.jsonl") == (0, "", "7 exported.\n")
    return place


_HELD = ("--public-key", "key.pem", "--checkpoint", "checkpoint.txt")


def test_an_export_is_verified_against_a_checkpoint(exported: Path, run: Run) -> None:
    found = run("audit", "verify", "audit.jsonl", *_HELD)
    assert found.status == 0
    assert found.out.startswith("7 entries, each following from the one before; the last is 7.\nhash ")
    assert found.out.endswith("1 checkpoint holds.\n")
    assert json.loads((exported / "audit.jsonl").read_text("utf-8").splitlines()[-1])["action"] == "audit.exported"


def test_without_a_checkpoint_it_is_said_what_cannot_be_seen(exported: Path, run: Run) -> None:
    found = run("audit", "verify", "audit.jsonl")
    assert found.status == 0
    assert "No checkpoint" in found.out


def test_an_export_is_verified_without_database_settings_or_sqlalchemy(exported: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "hedgerow.toml").write_text("this is no TOML", "utf-8")
    for name in ("audit.jsonl", "key.pem", "checkpoint.txt"):
        (elsewhere / name).write_bytes((exported / name).read_bytes())
    code = (
        f"import sys; sys.argv = ['hedgerow', 'audit', 'verify', 'audit.jsonl', *{_HELD!r}]\n"
        "from hedgerow.cli.root import main\n"
        "try:\n    main()\nexcept SystemExit as left:\n    assert not left.code, left.code\n"
        "assert not {'sqlalchemy', 'pydantic', 'numba', 'sqlite3'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=elsewhere, check=True)
    assert sorted(path.name for path in elsewhere.iterdir()) == [
        "audit.jsonl", "checkpoint.txt", "hedgerow.toml", "key.pem",
    ]  # fmt: skip


def test_an_export_comes_from_a_pipe(exported: Path) -> None:
    command = [sys.executable, "-c", "from hedgerow.cli import main; main()", "audit", "verify", "-", "--json"]
    text = (exported / "audit.jsonl").read_bytes()
    done = subprocess.run(command, cwd=exported, input=text, capture_output=True, check=True)
    assert json.loads(done.stdout)["entries"] == 7


def test_the_first_line_that_is_wrong_is_named_with_status_4(exported: Path, run: Run) -> None:
    file = exported / "audit.jsonl"
    whole = file.read_text("utf-8")
    file.write_text(whole.replace('"subject_id":"2"', '"subject_id":"4"'), "utf-8")
    found = run("audit", "verify", "audit.jsonl")
    assert found.status == 4
    assert found.out.startswith("line 4, entry 3: changed: ")
    lines = whole.splitlines(keepends=True)
    file.write_text("".join(lines[:-2]), "utf-8")
    found = run("audit", "verify", "audit.jsonl", *_HELD, "--json")
    assert found.status == 4
    (finding,) = found.objects[0]["findings"]
    assert finding == {
        "wrong": "truncated",
        "line": 6,
        "entry": 5,
        "detail": "entry 5 is the last, but there was an entry 6 when a checkpoint was made of it",
    }
    assert (found.objects[0]["sound"], found.objects[0]["entries"], found.objects[0]["checkpoints"]) == (False, 5, [])


def test_a_checkpoint_whose_key_is_not_given_is_unchecked_with_status_3(exported: Path, run: Run) -> None:
    found = run("audit", "verify", "audit.jsonl", "--checkpoint", "checkpoint.txt")
    assert found.status == 3
    assert "key unknown" in found.out
    assert "7 entries" in found.out


def test_a_key_may_be_given_as_hex(exported: Path, run: Run) -> None:
    public_key = run("audit", "key").out.strip()
    assert len(public_key) == 64
    assert run("audit", "verify", "audit.jsonl", "--public-key", public_key, *_HELD[2:]).status == 0
    assert run("audit", "verify", "audit.jsonl", "--public-key", "0" * 64, *_HELD[2:]).status == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("audit", "verify", "nothing.jsonl"),
        ("audit", "verify", "audit.jsonl", "--checkpoint", "nothing.txt"),
        ("audit", "verify", "audit.jsonl", "--checkpoint", "key.pem"),
        ("audit", "verify", "audit.jsonl", "--public-key", "nothing.pem"),
        ("audit", "verify", "audit.jsonl", "--public-key", "audit.jsonl"),
        ("audit", "export", "--from", "99"),
        ("audit", "key", "--lost"),
    ],
)
def test_what_cannot_be_used_is_usage(exported: Path, run: Run, arguments: tuple[str, ...]) -> None:
    found = run(*arguments)
    assert found.status == 2
    assert found.out == ""
    assert found.err


def test_a_part_is_exported_and_verified(exported: Path, run: Run) -> None:
    part = run("audit", "export", "--from", "6")
    (exported / "part.jsonl").write_text(part.out, "utf-8")
    found = run("audit", "verify", "part.jsonl", *_HELD, "--json")
    assert found.status == 0
    assert (found.objects[0]["first"], found.objects[0]["last"], found.objects[0]["checkpoints"]) == (6, 8, [6])


def test_the_database_is_verified_against_its_head_and_its_checkpoints(exported: Path, run: Run) -> None:
    found = run("audit", "verify", "--json")
    assert (found.status, found.objects[0]["entries"], found.objects[0]["checkpoints"]) == (0, 7, [6])
    assert run("audit", "verify", *_HELD).status == 0
    database = open_migrated(load_settings(data=exported / "hedgerow-data"))
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE audit_entries SET actor = 'user:4' WHERE sequence = 4")
    database.close()
    found = run("audit", "verify", "--json")
    assert found.status == 4
    assert [(each["wrong"], each["line"], each["entry"]) for each in found.objects[0]["findings"]] == [
        ("changed", None, 4)
    ]
    assert run("audit", "verify").out.startswith("entry 4: changed: ")


def test_where_there_is_no_database_nothing_passes_for_sound(run: Run, tmp_path: Path) -> None:
    for command in ("verify", "export"):
        found = run("audit", command)
        assert (found.status, found.out) == (4, "")
        assert "there is none in the data folder" in found.err
    assert list(tmp_path.iterdir()) == []


def test_a_chain_without_entries_says_so(run: Run, tmp_path: Path) -> None:
    open_migrated(load_settings(data=tmp_path / "hedgerow-data")).close()
    found = run("audit", "verify")
    assert (found.status, found.out.partition("\n")[0]) == (0, "There is no entry.")


def test_a_key_that_was_given_is_trusted_instead_of_those_in_the_data_folder(exported: Path, run: Run) -> None:
    assert run("audit", "verify", "--public-key", "0" * 64).status == 3


def test_a_key_is_replaced_and_the_old_one_vouches(exported: Path, run: Run) -> None:
    old = run("audit", "key").out.strip()
    rotated = run("audit", "key", "--rotate", "--json").objects[0]
    (vouching,) = read_checkpoints(rotated["checkpoint"])
    assert vouching.key_id != rotated["key"]
    assert read_public_key(rotated["pem"]).hex() == rotated["public_key"] == run("audit", "key").out.strip() != old
    assert [path.suffix for path in sorted((exported / "hedgerow-data/audit-keys").iterdir())].count(".key") == 1
    everything = run("audit", "checkpoint", "--all", "-o", "all.txt")
    assert everything.status == 0
    made = read_checkpoints((exported / "all.txt").read_text("utf-8"))
    assert [each.key_id for each in made] == [vouching.key_id, vouching.key_id, rotated["key"]]
    (exported / "later.jsonl").write_text(run("audit", "export").out, "utf-8")
    held = run("audit", "verify", "later.jsonl", "--public-key", old, "--checkpoint", "all.txt", "--json")
    assert (held.status, held.objects[0]["checkpoints"]) == (0, [6, 8, 8])
    (exported / "last.txt").write_text(checkpoint_text(made[-1]), "utf-8")
    assert run("audit", "verify", "later.jsonl", "--public-key", old, "--checkpoint", "last.txt").status == 3


def test_what_the_rotation_prints_is_the_key_and_the_checkpoint(place: Path, run: Run) -> None:
    run("audit", "key")
    key, _, rest = run("audit", "key", "--rotate").out.partition("\n")
    assert key == run("audit", "key").out.strip()
    assert len(read_checkpoints(rest)) == 1
    first = run("audit", "key", "--rotate", "--lost")
    assert first.status == 0
