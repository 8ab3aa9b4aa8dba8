from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from sqlalchemy import text

from hedgerow import app, evidence
from hedgerow.app import doctor
from hedgerow.app.doctor import Check, Standing, examine
from hedgerow.app.webhooks import add_webhook
from hedgerow.audit import append, checkpoint_head
from hedgerow.audit.keys import FOLDER
from hedgerow.banks import Matcher
from hedgerow.database.sealing import new_service_key
from hedgerow.hashing import MediaHash, Signal
from hedgerow.migrations import open_migrated
from hedgerow.screening import Context, Screener
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow.database import Database
    from hedgerow.settings import Settings

pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")


@pytest.fixture(autouse=True)
def _only_once(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Leave the vectors and the hashing processes, which take seconds, to the tests about them."""
    if "hashing" not in request.node.name:
        monkeypatch.setattr(doctor, "_hashing", lambda _settings: iter(()))


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    """Give the settings of a data folder with a bank, an endpoint and a checkpoint."""
    url = database.engine.url.render_as_string(hide_password=False)
    (tmp_path / "folder").mkdir(mode=0o700)
    settings = load_settings(data=tmp_path / "folder", database_url=url, jobs=1)
    _fill(settings, database)
    return settings


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    """Give the same on SQLite in the data folder."""
    settings = load_settings(data=tmp_path / "small", jobs=1, index={"small_bank_entries": 5})
    _fill(settings, None)
    return settings


def _fill(settings: Settings, database: Database | None) -> None:
    app.create_bank(settings, "known")
    app.add_values(settings, "known", [Signal("pdq", hashlib.sha256(bytes([n])).digest()) for n in range(10)])
    add_webhook(settings, "https://platform.example/")
    app.make_audit_checkpoint(settings)


def _found(settings: Settings, name: str) -> list[Check]:
    return [each for each in examine(settings) if each.name == name]


def _run(settings: Settings, statement: str) -> None:
    with closing(sqlite3.connect(settings.data / "hedgerow.db", isolation_level=None)) as driver:
        driver.execute("PRAGMA ignore_check_constraints = ON")
        driver.execute(statement)


def _only(settings: Settings, name: str) -> tuple[Standing, str]:
    (check,) = _found(settings, name)
    assert (check.advice is None) is (check.standing is Standing.OK)
    return check.standing, check.sentence


def test_a_healthy_installation_is_well_in_every_respect(settings: Settings) -> None:
    found = list(examine(settings))
    assert [each for each in found if each.standing is not Standing.OK] == []
    assert [each.name for each in found] == [
        "settings", "disk", "permissions", "database", "indexes", "clock", "keys", "webhooks", "exchanges", "evidence",
        "reports",
    ]  # fmt: skip


def test_looking_makes_no_key_and_no_folder(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "nothing")
    assert _only(settings, "database")[0] is Standing.CAUTION
    assert not (tmp_path / "nothing").exists()


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"hma": {"dev": True}}, "hma.dev is on without hma.anonymous"),
        ({"hma": {"anonymous": True}, "server": {"host": "192.0.2.1"}}, "beyond this machine"),
        ({"hma": {"anonymous": True, "dev": True}}, "delete every bank"),
        ({"lookback": {"on_bank": True}}, "without lookback.enabled"),
        ({"server": {"workers": 4}}, "4 processes answer on SQLite"),
    ],
)
def test_settings_that_contradict_one_another_are_told(tmp_path: Path, stated: dict[str, Any], told: str) -> None:
    standing, sentence = _only(load_settings(data=tmp_path / "nothing", **stated), "settings")
    assert standing is Standing.CAUTION
    assert told in sentence


def test_a_variable_that_is_no_setting_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEROW_TRESHOLD", "20")
    monkeypatch.setenv("HEDGEROW_THRESHOLD", "20")
    assert _only(load_settings(data=tmp_path / "nothing"), "settings") == (
        Standing.CAUTION,
        "The variable HEDGEROW_TRESHOLD is no setting and changes nothing.",
    )


def test_a_database_that_is_not_used_is_told(small: Settings) -> None:
    other = load_settings(data=small.data, database_url=f"sqlite:///{small.data}/other.db")
    assert any("one that is not used" in each.sentence for each in _found(other, "settings"))


# ── disk and permissions ─────────────────────────────────────────────────────────────────────────────────────────


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(("free", "standing"), [(1_000_000, Standing.WRONG), (300_000_000, Standing.CAUTION)])
def test_a_disk_that_is_nearly_full_is_told(
    small: Settings, monkeypatch: pytest.MonkeyPatch, free: int, standing: Standing
) -> None:
    with (small.data / "large").open("wb") as file:
        file.truncate(400_000_000)  # a hole: it takes no room
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - free, free))
    assert _only(small, "disk")[0] is standing


@pytest.mark.parametrize("kind", ["service", "audit"])
def test_a_key_that_others_can_read_is_wrong(small: Settings, kind: str) -> None:
    pattern = "service.key" if kind == "service" else f"{FOLDER}/*.key"
    next(small.data.glob(pattern)).chmod(0o644)
    standing, sentence = _only(small, "permissions")
    assert standing is Standing.WRONG
    assert ".key" in sentence


def test_a_folder_or_database_that_others_can_read_is_told(small: Settings) -> None:
    small.data.chmod(0o755)
    assert _only(small, "permissions")[0] is Standing.CAUTION
    (small.data / "hedgerow.db").chmod(0o644)
    assert _only(small, "permissions") == (Standing.WRONG, "Others on this machine can read the database.")


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_damaged_database_is_found(small: Settings) -> None:
    app.add_values(small, "known", [Signal("pdq", hashlib.sha256(b"%d" % number).digest()) for number in range(5_000)])
    _run(small, "PRAGMA wal_checkpoint(TRUNCATE)")
    with (small.data / "hedgerow.db").open("r+b") as file:
        file.seek(4096 * 60)
        file.write(b"\xa5" * 4096 * 200)
    standing, _ = _only(small, "database")
    assert standing is Standing.WRONG


def test_a_file_that_is_no_database_is_told(small: Settings) -> None:
    (small.data / "hedgerow.db").write_bytes(b"no database at all" * 1_000)
    for name in ("hedgerow.db-wal", "hedgerow.db-shm"):
        (small.data / name).unlink(missing_ok=True)
    assert _only(small, "database")[0] is Standing.WRONG


def test_a_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path, database_url="postgresql+psycopg://127.0.0.1:9/none?connect_timeout=2")
    assert _only(settings, "database")[0] is Standing.WRONG


def test_an_older_and_a_newer_schema_are_told(settings: Settings, database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    standing, sentence = _only(settings, "database")
    assert standing is Standing.WRONG
    assert "has schema 0003" in sentence
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert _only(settings, "database")[0] is Standing.WRONG


def test_a_restore_that_did_not_end_is_told(small: Settings) -> None:
    (small.data / "restoring").touch()
    standing, sentence = _only(small, "database")
    assert standing is Standing.WRONG
    assert "hedgerow restore" in sentence


def test_a_database_that_somebody_is_writing_is_well(small: Settings) -> None:
    with closing(sqlite3.connect(small.data / "hedgerow.db", isolation_level=None)) as driver:
        driver.execute("BEGIN IMMEDIATE")
        assert _only(small, "database")[0] is Standing.OK


# ── indexes ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_malformed_row_is_told_and_keeps_nothing_from_being_searched(small: Settings) -> None:
    _run(small, "UPDATE entries SET bits = x'00ff' WHERE id = 3")
    _run(small, "UPDATE bank_changes SET sequence = sequence + 1")
    standing, sentence = _only(small, "indexes")
    assert standing is Standing.CAUTION
    assert "of known" in sentence


def test_a_damaged_snapshot_is_told(small: Settings) -> None:
    list(examine(small))  # writes it
    (array, *_) = sorted((small.data / "indexes").rglob("generation-*/*"), key=lambda path: -path.stat().st_size)
    content = bytearray(array.read_bytes())
    content[len(content) // 2] ^= 1
    array.write_bytes(content)
    standing, sentence = _only(small, "indexes")
    assert (standing, "is damaged" in sentence) == (Standing.CAUTION, True)


def test_a_snapshot_of_another_database_is_told(small: Settings) -> None:
    list(examine(small))
    _run(small, "UPDATE bank_changes SET epoch = 'another'")
    standing, sentence = _only(small, "indexes")
    assert (standing, "of another database" in sentence) == (Standing.CAUTION, True)


# ── the clock ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_clock_that_was_set_back_is_told(database: Database, settings: Settings) -> None:
    with database.write() as connection:
        later = app.now() + timedelta(hours=3)
        append(connection, actor="cli", action="case.viewed", subject_type="case", subject_id=1, now=later)
    assert any("in the future" in each.sentence for each in _found(settings, "clock"))


@pytest.mark.parametrize(("seconds", "standing"), [(20, Standing.CAUTION), (120, Standing.WRONG)])
def test_a_clock_that_differs_from_the_server_s_is_told(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int, standing: Standing
) -> None:
    settings = load_settings(data=tmp_path, database_url=postgresql_url)
    ahead = app.now() + timedelta(seconds=seconds)
    monkeypatch.setattr(doctor, "now", lambda: ahead)
    assert _only(settings, "clock")[0] is standing


def test_a_clock_that_jumps_is_told(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1_000.0, 1_000.0 + 3_600])
    monkeypatch.setattr(doctor.time, "time", lambda: next(times, 5_000.0))
    assert any("jumps" in each.sentence for each in _found(small, "clock"))


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_sealed_secrets_without_their_key_are_wrong_and_no_other_is_made(settings: Settings) -> None:
    (settings.data / "service.key").unlink()
    assert _only(settings, "keys") == (Standing.WRONG, "There are 1 sealed secrets and no service key.")
    assert not (settings.data / "service.key").exists()


def test_another_service_key_is_wrong(settings: Settings) -> None:
    (settings.data / "service.key").write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", "ascii")
    assert _only(settings, "keys") == (Standing.WRONG, "The service key does not open 1 of 1 sealed secrets.")


def test_a_lost_audit_key_is_wrong(settings: Settings) -> None:
    next((settings.data / FOLDER).glob("*.key")).unlink()
    assert _only(settings, "keys")[0] is Standing.WRONG


def test_an_audit_key_that_others_signed_with_is_wrong(settings: Settings, tmp_path: Path) -> None:
    other = load_settings(data=tmp_path / "other")
    stranger = app.audit_key(other)
    for path in (settings.data / FOLDER).glob("*.pub"):
        path.write_text(stranger.pem, "ascii")
    assert _only(settings, "keys") == (Standing.WRONG, "The last checkpoint was not signed with its key.")


def test_a_record_that_differs_from_the_last_checkpoint_is_wrong(database: Database, settings: Settings) -> None:
    with database.write() as connection:
        checkpoint_head(connection, settings.data / FOLDER, actor="cli", now=app.now())
        connection.execute(text("UPDATE audit_entries SET hash = previous_hash"))
    standing, sentence = _only(settings, "keys")
    assert standing is Standing.WRONG
    assert "audit verify" in next(each.advice or "" for each in _found(settings, "keys"))
    assert "is not what the last checkpoint says" in sentence


# ── hashing and webhooks ─────────────────────────────────────────────────────────────────────────────────────────


def test_hashing_is_tried_for_real(small: Settings) -> None:
    standing, sentence = _only(small, "hashing")
    assert (standing, "published vectors are reproduced" in sentence) == (Standing.OK, True)


def test_hashing_processes_that_cannot_work_are_wrong(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "nothing", media={"pixels": 100})
    standing, sentence = _only(settings, "hashing")
    assert (standing, sentence) == (Standing.WRONG, "The processes that hash do not work: too_many_pixels.")


def test_hashing_that_differs_from_the_published_vectors_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hedgerow.hashing import selftest  # noqa: PLC0415  (only here)

    results = [*selftest.run_vectors()]
    object.__setattr__(results[0], "distance", 99)
    monkeypatch.setattr(selftest, "run_vectors", lambda: iter(results))
    assert any("not reproduced" in each.sentence for each in _found(load_settings(data=tmp_path / "no"), "hashing"))


def test_what_webhooks_need_is_told(database: Database, settings: Settings) -> None:
    from hedgerow.actions import enqueue  # noqa: PLC0415  (only here)

    add_webhook(settings, "http://platform.example/")
    long_ago = app.now() - timedelta(hours=2)
    with database.write() as connection:
        enqueue(connection, "test", subject_type="test", subject_id=1, data={}, actor="cli", now=long_ago)
        connection.execute(
            text("UPDATE deliveries SET gave_up_at = created_at, due_at = NULL WHERE endpoint_id = 1"),
        )
    found = {each.sentence: each.standing for each in _found(settings, "webhooks")}
    assert found == {
        "Messages to endpoint 2 go over the network unencrypted.": Standing.CAUTION,
        "1 messages to endpoint 1 were given up.": Standing.WRONG,
        "1 messages to endpoint 2 are not confirmed for over an hour.": Standing.CAUTION,
    }


def test_what_a_check_did_not_foresee_is_wrong_and_ends_no_other(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("what nobody foresaw")

    monkeypatch.setattr(doctor, "_clock", broken)
    assert _only(small, "clock") == (Standing.WRONG, "This could not be looked at (RuntimeError).")
    assert _only(small, "webhooks")[0] is Standing.OK


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("standing", "status"), [(Standing.OK, 0), (Standing.CAUTION, 1), (Standing.WRONG, 4)])
def test_the_exit_status_is_that_of_the_worst(
    monkeypatch: pytest.MonkeyPatch, standing: Standing, status: int, tmp_path: Path
) -> None:
    from click.testing import CliRunner  # noqa: PLC0415  (only here)

    from hedgerow.cli.root import hedgerow  # noqa: PLC0415  (as above)

    found = [Check("disk", standing, "So it is.", "Do this."), Check("keys", Standing.OK, "Well.")]
    monkeypatch.setattr(doctor, "examine", lambda _: iter(found))
    outcome = CliRunner().invoke(hedgerow, ["--data", str(tmp_path / "no"), "doctor"])
    assert outcome.exit_code == status
    assert "So it is." in outcome.output
    assert (
        '"standing": "ok"' in CliRunner().invoke(hedgerow, ["--data", str(tmp_path / "no"), "doctor", "--json"]).output
    )


def test_settings_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    from click.testing import CliRunner  # noqa: PLC0415  (only here)

    from hedgerow.cli.root import hedgerow  # noqa: PLC0415  (as above)

    (tmp_path / "hedgerow.toml").write_text("treshold = 3\n", "utf-8")
    outcome = CliRunner().invoke(hedgerow, ["--data", str(tmp_path), "doctor"])
    assert outcome.exit_code == 4
    assert "treshold" in outcome.output


# ── evidence ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _keep(settings: Settings, *, is_taken: bool = True) -> int:
    """Screen what the bank knows, and return the number of its evidence."""
    database = open_migrated(settings)
    matcher = Matcher(database, settings.data)
    matcher.refresh()
    vault = evidence.open_vault(settings)
    keeper = evidence.Keeper(database, vault, evidence.load_review_keys(settings))
    if not is_taken:
        (settings.data / "vault").write_bytes(b"")
    known = hashlib.sha256(bytes([1])).digest()
    Screener(database, matcher.search, lambda: True, keeper=keeper).screen(
        Context("post-1", "api"),
        MediaHash(None, (Signal("pdq", known),)),
        fingerprint=known,
        size_bytes=7,
        source=lambda: [b"a photo"],
        actor="key:1",
        now=app.now(),
    )
    if not is_taken:
        (settings.data / "vault").unlink()
    with database.read() as connection:
        [piece] = evidence.list_evidence(connection)
    database.close()
    return piece.id


def test_evidence_without_a_custodian_is_a_caution_and_reported_without_one_is_wrong(small: Settings) -> None:
    number = _keep(small)
    assert _only(small, "evidence")[0] is Standing.CAUTION
    database = open_migrated(small)
    keys = evidence.load_review_keys(small)
    with database.write() as connection:
        at = app.now()
        evidence.seal_filed(connection, [number], report=1, filed_at=at, keys=keys, actor="system", now=at)
    database.close()
    standing, sentence = _only(small, "evidence")
    assert (standing, "since there is no custodian" in sentence) == (Standing.WRONG, True)


def test_a_file_that_the_vault_did_not_take_is_wrong(small: Settings) -> None:
    _keep(small, is_taken=False)
    assert any("did not take 1 files" in each.sentence for each in _found(small, "evidence"))


def test_a_vault_that_takes_nothing_is_wrong(small: Settings) -> None:
    (small.data / "vault").write_bytes(b"")
    standing, sentence = _only(small, "evidence")
    assert (standing, "The vault cannot be used" in sentence) == (Standing.WRONG, True)


def test_data_keys_under_an_older_key_are_a_caution(small: Settings) -> None:
    _keep(small)
    file = small.data / "service.key"
    file.write_text(f"{new_service_key()}\n{file.read_text('ascii')}", "ascii")
    assert any("under an older review key" in each.sentence for each in _found(small, "evidence"))
    app.reseal_secrets(small)
    assert not any("under an older review key" in each.sentence for each in _found(small, "evidence"))


def test_looking_at_the_vault_leaves_nothing_in_it(small: Settings) -> None:
    assert _only(small, "evidence")[0] is Standing.OK
    assert [path for path in (small.data / "vault").rglob("*") if path.is_file()] == []
