from __future__ import annotations

import multiprocessing
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

import hedgerow.migrations
from hedgerow.banks import NewEntry, add_entries, count_entries, create_bank, find_bank
from hedgerow.database import REVISIONS, Database, metadata, needs_upgrade, open_database
from hedgerow.errors import DatabaseTooNew
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.signal import Signal
from hedgerow.migrations import alembic_config, open_existing, open_migrated, upgrade
from hedgerow.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator


_NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path / "data")
    yield database
    database.close()


def _schema(database: Database) -> dict[str, str]:
    with database.read() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return {name: sql for name, sql in rows}  # noqa: C416  (a row is no pair to the type checker)


def test_the_revisions_that_the_database_room_knows_are_those_there_are(empty: Database) -> None:
    with empty.read() as connection:
        scripts = ScriptDirectory.from_config(alembic_config(connection))
    found = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS


def test_a_migration_s_file_begins_with_its_revision(empty: Database) -> None:
    with empty.read() as connection:
        scripts = ScriptDirectory.from_config(alembic_config(connection))
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"{script.revision}_")


def test_an_upgraded_database_is_what_the_tables_say(empty: Database) -> None:
    upgrade(empty)
    with empty.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_an_upgraded_database_has_the_checks_and_partial_indexes_that_the_tables_say(
    empty: Database, tmp_path: Path
) -> None:
    # compare_metadata looks at neither
    upgrade(empty)
    created = open_database(tmp_path / "created")
    with created.write() as connection:
        metadata.create_all(connection)
    with empty.read() as ours, created.read() as theirs:
        for table in metadata.tables:
            for kind in ("get_check_constraints", "get_indexes", "get_unique_constraints", "get_foreign_keys"):
                assert _sorted(getattr(inspect(ours), kind)(table)) == _sorted(getattr(inspect(theirs), kind)(table))
    created.close()


def _sorted(found: list[dict[str, object]]) -> list[str]:
    return sorted(
        str(
            [
                (key, {name: str(text) for name, text in value.items()} if isinstance(value, dict) else value)
                for key, value in sorted(each.items())
            ]
        )
        for each in found
    )


@pytest.mark.parametrize("number", range(len(REVISIONS)))
def test_each_migration_can_be_undone_and_done_again(empty: Database, number: int) -> None:
    before = "base" if number == 0 else REVISIONS[number - 1]
    with empty.write() as connection:
        command.upgrade(alembic_config(connection), REVISIONS[number])
    schema = _schema(empty)
    with empty.write() as connection:
        command.downgrade(alembic_config(connection), before)
    assert _schema(empty) != schema
    with empty.write() as connection:
        command.upgrade(alembic_config(connection), REVISIONS[number])
    assert _schema(empty) == schema


def test_videos_go_with_the_migration_that_brought_them_and_the_rest_stays(empty: Database) -> None:
    upgrade(empty)
    with empty.write() as connection:
        bank = create_bank(connection, "known", level="thorough", now=_NOW)
        frames = FrameList.of([7] * 32, [90], [0], [0.0], [0.0], 1.0)
        video, picture = Signal("vpdq", frames.digest(), frames=frames), Signal("pdq", bytes(range(32)))
        assert add_entries(connection, bank, [NewEntry(video), NewEntry(picture)], now=_NOW).added == 2
    with empty.write() as connection:
        command.downgrade(alembic_config(connection), "0001")
        assert connection.execute(text("SELECT signal_type FROM entries")).scalars().all() == ["pdq"]
    upgrade(empty)
    with empty.read() as connection:
        assert find_bank(connection, "known").level == "standard"
        assert count_entries(connection, bank) == {"pdq": 1}


def test_a_bank_of_before_levels_is_looked_up_at_the_standard_one(empty: Database) -> None:
    with empty.write() as connection:
        command.upgrade(alembic_config(connection), "0001")
        connection.execute(
            text(
                "INSERT INTO banks (name, threshold, minimum_quality, is_enabled, created_at) "
                "VALUES ('old', 31, 50, 1, '2026-01-01 00:00:00.000000')"
            )
        )
    upgrade(empty)
    with empty.read() as connection:
        assert find_bank(connection, "old").level == "standard"


def test_a_level_that_is_none_is_refused_by_the_database_too(empty: Database) -> None:
    upgrade(empty)
    with empty.write() as connection:
        create_bank(connection, "known", now=_NOW)
    with pytest.raises(IntegrityError), empty.write() as connection:
        connection.execute(text("UPDATE banks SET level = 'lax'"))


def test_every_migration_can_be_written_for_postgresql(capsys: pytest.CaptureFixture[str]) -> None:
    script = ScriptDirectory(str(Path(hedgerow.migrations.__file__).parent))
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "transactional_ddl": True, "target_metadata": metadata}
    )
    with Operations.context(context):
        for revision in reversed(list(script.walk_revisions())):
            revision.module.upgrade()
    written = capsys.readouterr().out
    assert "CREATE TABLE frame_lists" in written
    assert "CONSTRAINT ck_banks_level CHECK (level IN ('exact', 'standard', 'thorough'))" in written


def test_a_migration_that_is_interrupted_leaves_nothing(empty: Database) -> None:
    def interrupted() -> None:
        with empty.write() as connection:
            command.upgrade(alembic_config(connection), REVISIONS[-1])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert _schema(empty) == {}


def test_upgrading_twice_changes_nothing(empty: Database) -> None:
    upgrade(empty)
    with empty.read() as connection:
        epoch = connection.execute(text("SELECT epoch FROM bank_changes")).scalar()
    upgrade(empty)
    with empty.read() as connection:
        assert connection.execute(text("SELECT epoch FROM bank_changes")).scalar() == epoch


def test_a_database_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    database = open_migrated(settings)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    schema = _schema(database)
    with pytest.raises(DatabaseTooNew):
        open_migrated(settings)
    assert _schema(database) == schema
    database.close()


def test_looking_for_a_database_creates_none(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "data")
    assert open_existing(settings) is None
    assert not settings.data.exists()


def test_an_existing_database_is_opened_up_to_date(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    open_database(tmp_path).close()
    database = open_existing(settings)
    assert database is not None
    with database.read() as connection:
        assert not needs_upgrade(connection)
    database.close()


def _open(settings: Settings) -> None:
    open_migrated(settings).close()


def test_several_processes_may_migrate_the_same_database(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_open, args=(settings,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 3
    database = open_database(tmp_path)
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM bank_changes")).scalar() == 1
    database.close()


def test_opening_a_current_database_does_not_load_alembic(tmp_path: Path) -> None:
    _open(load_settings(data=tmp_path))
    code = (
        "import sys; from pathlib import Path; from hedgerow.settings import load_settings; "
        "from hedgerow.migrations import open_migrated; "
        "open_migrated(load_settings(data=Path(sys.argv[1]))); "
        "sys.exit('alembic' in sys.modules or 'numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0
