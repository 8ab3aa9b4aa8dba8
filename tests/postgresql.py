"""PostgreSQL for tests: a server of our own, and databases that are migrated and empty.

A database is made once and emptied after each test, which takes a third of the time that making a new one takes. It
gets another name then: what a test has left running finds nothing under the old one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from hedgerow.database import open_database
from hedgerow.migrations import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL

__all__ = ["MigratedDatabases", "own_server", "programs"]

_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %(name)s"
_END_OTHERS = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %(name)s"
_LONGEST_END_S = 10.0

# What is in a database that nobody has used, and how it becomes that again. What a test did to tables, constraints or
# triggers, or a table that it has made large, is not undone: such a database is dropped.
_PRISTINE = r"""
CREATE SCHEMA pristine;
CREATE FUNCTION pristine.shape() RETURNS text LANGUAGE sql AS $$
  SELECT md5(string_agg(said, E'\n' ORDER BY said)) FROM (
    SELECT concat_ws(' ', 'r', relname, relkind, relhastriggers) FROM pg_class
      WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'a', attrelid, attname, atttypid, attnotnull, attisdropped) FROM pg_attribute
      WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) AND attnum > 0
    UNION ALL SELECT concat_ws(' ', 'c', oid, conname, convalidated) FROM pg_constraint
      WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 't', oid, tgenabled) FROM pg_trigger
    UNION ALL SELECT concat_ws(' ', 'p', oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  ) AS every (said)
$$;
CREATE FUNCTION pristine.restore() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  each record;
  is_filled boolean;
BEGIN
  IF pristine.shape() <> (SELECT shape FROM pristine.known) THEN
    RETURN false;
  END IF;
  SET LOCAL session_replication_role = replica;  -- neither keys nor triggers hold a deletion up
  FOR each IN SELECT oid, relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', each.relname) INTO is_filled;
    IF pg_relation_size(each.oid) > 1000000 THEN
      RETURN false;
    ELSIF is_filled THEN
      EXECUTE format('DELETE FROM public.%I', each.relname);
    END IF;
  END LOOP;
  FOR each IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'pristine'::regnamespace
    AND relname NOT IN ('known', 'numbers') LOOP
    EXECUTE format(
      'INSERT INTO public.%I OVERRIDING SYSTEM VALUE SELECT * FROM pristine.%I', each.relname, each.relname
    );
  END LOOP;
  PERFORM setval(format('public.%I', name)::regclass, coalesce(last, first), last IS NOT NULL) FROM pristine.numbers;
  RETURN true;
END $$;
DO $$
DECLARE
  each record;
  is_filled boolean;
BEGIN
  FOR each IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', each.relname) INTO is_filled;
    IF is_filled THEN
      EXECUTE format('CREATE TABLE pristine.%I AS TABLE public.%I', each.relname, each.relname);
    END IF;
  END LOOP;
  CREATE TABLE pristine.numbers AS
    SELECT sequencename AS name, start_value AS first, last_value AS last FROM pg_sequences WHERE schemaname = 'public';
  CREATE TABLE pristine.known AS SELECT pristine.shape() AS shape;
END $$;
"""


class MigratedDatabases:
    """Migrated, empty databases of one server, one at a time.

    Args:
        server: Its address, of a database from which others may be made.
        folder: For what opening a database leaves on disk.
    """

    def __init__(self, server: URL, folder: Path) -> None:
        self._server = server
        self._engine = create_engine(server, isolation_level="AUTOCOMMIT")
        self._template = f"hedgerow_template_{uuid.uuid4().hex}"
        self._waiting: str | None = None
        self._administer(f'CREATE DATABASE "{self._template}"')
        template = server.set(database=self._template)
        database = open_database(folder, template.render_as_string(hide_password=False))
        upgrade(database)
        database.close()
        engine = create_engine(template)
        with engine.begin() as connection:
            connection.connection.cursor().execute(_PRISTINE)
        engine.dispose()

    def lend(self) -> URL:
        """Give the address of a database that is migrated and empty."""
        name = self._waiting
        self._waiting = None
        if name is None:
            name = _new_name()
            self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        return self._server.set(database=name)

    def give_back(self, url: URL) -> None:
        """Take a database back, whoever still uses it."""
        name, new = str(url.database), _new_name()
        with self._engine.connect() as connection:
            connection.exec_driver_sql(_END_OTHERS, {"name": name})
            until = time.monotonic() + _LONGEST_END_S
            while connection.exec_driver_sql(_OTHERS, {"name": name}).scalar() and time.monotonic() < until:
                time.sleep(0.001)
        try:
            self._administer(f'ALTER DATABASE "{name}" RENAME TO "{new}"')
        except (
            SQLAlchemyError
        ):  # somebody who comes again and again; so it goes, as it went before there was a renaming
            self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')
            return
        if self._is_restored(new):
            self._waiting = new
        else:
            self._administer(f'DROP DATABASE "{new}" WITH (FORCE)')

    def close(self) -> None:
        """Drop what there is."""
        for name in filter(None, (self._waiting, self._template)):
            self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')
        self._engine.dispose()

    def _is_restored(self, name: str) -> bool:
        engine = create_engine(self._server.set(database=name))
        try:
            with engine.begin() as connection:
                return bool(connection.exec_driver_sql("SELECT pristine.restore()").scalar())
        except SQLAlchemyError:  # a server that lends us no right to pass over keys and triggers
            return False
        finally:
            engine.dispose()

    def _administer(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)


def _new_name() -> str:
    return f"hedgerow_{uuid.uuid4().hex}"


def programs() -> Path | None:
    """Find the folder of initdb and pg_ctl; Debian keeps them out of the path."""
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4))
    if found and not folders:
        return Path(found).parent
    return folders[-1] if folders and (folders[-1] / "initdb").is_file() else None


@contextlib.contextmanager
def own_server(programs: Path, folder: str) -> Iterator[URL]:
    """Run a server of our own on a socket in a folder: no network, no password, nothing kept safe."""
    # The server refuses to run as root; Debian's package made a user for it.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, *arguments], check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=120
        )

    cluster = f"{folder}/cluster"
    run("initdb", "--pgdata", cluster, "--username", "hedgerow", "--auth", "trust", "--no-sync", "--encoding", "UTF8")
    # No statistics are gathered behind a test's back: the plans of a run are those of the next.
    unsafe = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off -c max_connections=200"
    run(
        "pg_ctl", "--pgdata", cluster, "--wait", "--log", f"{cluster}/log", "-o", f"-h '' -k {folder} {unsafe}", "start"
    )
    try:
        yield make_url(f"postgresql+psycopg://hedgerow@/postgres?host={folder}")
    finally:
        run("pg_ctl", "--pgdata", cluster, "--mode", "immediate", "--wait", "stop")
