from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from hedgerow.migrations import open_migrated
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Outcome

    Run = Callable[..., Outcome]


def test_a_backup_is_made_and_restored_with_the_same_head(run: Run) -> None:
    run("bank", "create", "known")
    run("bank", "add", "known", "--value", f"pdq:{'f8' * 16}{'07' * 16}")
    made = run("backup", "backup.tar")
    assert made.status == 0
    assert made.out.startswith("Backed up: 1 banks, 1 entries; ")
    assert "keys are not in it" in made.err
    restored = run("restore", "backup.tar", "--data", "elsewhere")
    assert restored.status == 0
    head = made.out.splitlines()[1].removesuffix(".")
    assert head in restored.out
    assert run("--data", "elsewhere", "bank", "list").out == run("bank", "list").out


def test_the_objects_say_the_same(run: Run, tmp_path: Path) -> None:
    run("bank", "create", "known")
    (made,) = run("backup", "backup.tar", "--with-keys", "--json").objects
    assert (made["rows"]["banks"], made["keys"], made["database"]) == (1, [], "sqlite")
    assert made["size_bytes"] == (tmp_path / "backup.tar").stat().st_size
    (restored,) = run("restore", "backup.tar", "--data", "elsewhere", "--json").objects
    assert restored["audit_hash"] == made["audit_hash"]
    assert (restored["revision_now"], restored["chain_problem"]) == (made["revision"], None)


def test_what_is_there_is_not_written_over(run: Run) -> None:
    run("bank", "create", "known")
    run("backup", "backup.tar")
    assert run("backup", "backup.tar").status == 2
    assert run("restore", "backup.tar").status == 2
    assert run("restore", "backup.tar", "--replace").status == 0


def test_without_a_database_and_with_what_is_no_backup_it_fails(run: Run, tmp_path: Path) -> None:
    assert run("backup", "backup.tar").status == 4
    (tmp_path / "no.tar").write_bytes(b"no backup")
    failed = run("restore", "no.tar")
    assert failed.status == 4
    assert "nothing was restored" in failed.err
    assert run("restore", "nothing.tar").status == 2


def test_a_chain_that_was_broken_before_is_told(run: Run, tmp_path: Path) -> None:
    run("bank", "create", "known")
    database = open_migrated(load_settings(data=tmp_path / "hedgerow-data"))
    with database.write() as connection:
        connection.execute(text("UPDATE audit_entries SET actor = 'user:9'"))
    database.close()
    run("backup", "backup.tar")
    told = run("restore", "backup.tar", "--data", "elsewhere")
    assert told.status == 3
    assert "was broken when this was backed up" in told.err
