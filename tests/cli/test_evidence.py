"""``hedgerow evidence``: what is kept is shown, verified, held, opened and destroyed from the command line."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from hedgerow import app, evidence
from hedgerow.accounts import Role
from hedgerow.app import now
from hedgerow.banks import Matcher, NewEntry, add_entries, create_bank
from hedgerow.hashing import MediaHash, Signal
from hedgerow.media import MediaInfo
from hedgerow.migrations import open_migrated
from hedgerow.screening import Context, Screener
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Outcome

    Run = Callable[..., Outcome]

for _package in ("cryptography", "pyrage", "argon2"):
    pytest.importorskip(_package, reason=f"NO {_package.upper()}: this test checked NOTHING.")

WORDS = "a long enough password"
DATA = hashlib.shake_128(b"a picture").digest(50_000)


@pytest.fixture
def data(tmp_path: Path, cheap_passwords: None) -> Path:
    """Give a data folder with two pieces of evidence in one case, a custodian and an approver."""
    settings = load_settings(data=tmp_path / "hedgerow-data", jobs=1)
    database = open_migrated(settings)
    with database.write() as connection:
        bank = create_bank(connection, "known", now=now())
        add_entries(connection, bank, [NewEntry(Signal("pdq", DATA[:32]))], now=now())
    matcher = Matcher(database, settings.data)
    matcher.refresh()
    keeper = evidence.Keeper(database, evidence.open_vault(settings), evidence.load_review_keys(settings))
    screener = Screener(database, matcher.search, lambda: True, keeper=keeper)
    digest = Signal("sha256", hashlib.sha256(DATA).digest())
    media = MediaHash(MediaInfo("image/jpeg", 640, 480), (Signal("pdq", DATA[:32], 90), digest))
    for content in ("post-1", "post-2"):
        screener.screen(
            Context(content, "api", account_id="ada"),
            media,
            fingerprint=digest.bits,
            size_bytes=len(DATA),
            source=lambda: [DATA],
            actor="key:1",
            now=now(),
        )
    database.close()
    for name, role in (("ada", Role.CUSTODIAN), ("ben", Role.APPROVER), ("cem", Role.REVIEWER)):
        app.add_user(settings, name, roles=[str(role)], password=WORDS)
    return settings.data


@pytest.fixture
def run_as(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command of evidence with the password on standard input."""

    def run_(*arguments: object, typed: str = WORDS) -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed + "\n"))
        return run("evidence", *arguments)

    return run_


def of(run_as: Run, number: int) -> dict[str, object]:
    (shown,) = run_as("show", number, "--json").objects
    return shown


def asked(run_as: Run, *arguments: object) -> str:
    outcome = run_as(*arguments, "--reason", "they asked", "--as", "ada", "--password-stdin", "--json")
    assert outcome.status == 0, outcome
    (request,) = outcome.objects
    assert request["state"] == "waiting"
    return str(request["request"])


def agreed(run_as: Run, request: str) -> Outcome:
    return run_as("agree", request, "--as", "ben", "--password-stdin")


def test_what_is_kept_is_listed_and_shown_without_being_opened(run_as: Run) -> None:
    listed = run_as("list", "--json").objects
    assert [(each["evidence"], each["state"], each["size_bytes"]) for each in listed] == [
        (1, "kept", 50_000),
        (2, "kept", 50_000),
    ]
    assert [each["evidence"] for each in run_as("list", "--case", listed[0]["case"], "--json").objects] == [1, 2]
    assert run_as("list", "--state", "sealed").err == "There is no such evidence.\n"
    shown = run_as("show", 1)
    assert hashlib.sha256(DATA).hexdigest() in shown.out
    assert run_as("show", 17).status == 2
    assert run_as("list", "--case", "2026-99999").status == 2


def test_everything_is_verified_and_what_was_altered_is_named(run_as: Run, data: Path) -> None:
    sound = run_as("verify")
    assert (sound.status, sound.out.splitlines()[-1]) == (0, "All is as it was put there.")
    name = str(of(run_as, 2)["object"])
    (path,) = (data / "vault").rglob(name)
    stored = bytearray(path.read_bytes())
    stored[1_000] ^= 1
    path.write_bytes(stored)
    found = run_as("verify", "--json")
    assert found.status == 4
    (said,) = found.objects
    assert [(each["wrong"], each["evidence"], each["object"]) for each in said["findings"]] == [("damaged", 2, name)]


def test_an_object_that_nothing_names_is_told_with_status_3(run_as: Run, data: Path) -> None:
    (data / "vault" / "ff").mkdir(exist_ok=True)
    (data / "vault" / "ff" / ("f" * 32)).write_bytes(b"ciphertext")
    found = run_as("verify")
    assert found.status == 3
    assert found.out.startswith("unknown object: ")


def test_a_hold_is_placed_and_lifted_by_two_people(run_as: Run) -> None:
    held = run_as("hold", 1, "--reason", "a claim", "--until", "2099-01-01")
    assert (held.status, held.out.split()[-1]) == (0, "2099-01-01")
    assert of(run_as, 1)["retain_until"] == "2099-01-01T23:59:59.999999+00:00"
    assert (
        run_as("hold", "--case", of(run_as, 1)["case"], "--kind", "law_enforcement", "--reason", "a letter").status == 0
    )
    assert [each["hold"] for each in of(run_as, 1)["holds"]] == [1, 2]  # type: ignore[attr-defined]  # a list
    alone = run_as("agree", asked(run_as, "release", 2, 3), "--as", "ada", "--password-stdin")
    assert (alone.status, "a second person is needed" in alone.err) == (2, True)
    assert agreed(run_as, "1").status == 0
    assert "lifted" in run_as("show", 2).out
    assert [each["state"] for each in run_as("requests", "--json").objects] == ["done"]


@pytest.mark.parametrize("until", ["soon", "2099-01-01T12:00", "1999-01-01"])
def test_a_day_that_is_none_has_no_zone_or_is_over_is_a_usage_error(run_as: Run, until: str) -> None:
    assert run_as("hold", 1, "--reason", "a claim", "--until", until).status == 2
    assert run_as("hold", "--reason", "a claim").status == 2


def test_two_people_open_what_is_sealed_with_an_identity_from_a_file(run_as: Run, data: Path, tmp_path: Path) -> None:
    made = run_as("custodian", "new", "--output", tmp_path / "identity")
    recipient = made.out.strip()
    assert recipient.startswith("age1")
    assert (tmp_path / "identity").stat().st_mode & 0o077 == 0
    assert run_as("custodian", "new", "--output", tmp_path / "identity").status == 2
    assert run_as("custodian", "add", "the safe", recipient).status == 0
    _file(data, 1)
    assert of(run_as, 1)["state"] == "sealed"
    request = asked(run_as, "request", 1)
    out = tmp_path / "copy"
    reading = ("open", request, 1, "--output", out, "--as", "ada", "--password-stdin")
    assert run_as(*reading, "--identity", tmp_path / "identity").status == 2  # nobody has agreed
    assert agreed(run_as, request).status == 0
    assert run_as(*reading).status == 2  # no identity
    assert not out.exists()
    read = run_as(*reading, "--identity", tmp_path / "identity")
    assert (read.status, out.read_bytes()) == (0, DATA)
    assert run_as(*reading, "--identity", tmp_path / "identity").status == 2  # nothing is written over it
    assert run_as("withdraw", request, "--as", "ben", "--password-stdin").status == 0
    again = run_as("open", request, 1, "--output", tmp_path / "2", "--as", "ada", "--password-stdin")
    assert again.status == 2
    sound = run_as("verify", "--identity", tmp_path / "identity", "--json").objects[0]
    assert (sound["sound"], sound["read"], sound["compared"]) == (True, 2, 0)


def _file(data: Path, number: int) -> None:
    settings = load_settings(data=data)
    database = open_migrated(settings)
    keys = evidence.load_review_keys(settings)
    with database.write() as connection:
        evidence.seal_filed(connection, [number], report=1, filed_at=now(), keys=keys, actor="system", now=now())
    database.close()


def test_a_wrong_password_or_a_role_that_may_not_does_nothing(run_as: Run) -> None:
    asking = ("request", 1, "--reason", "why not", "--password-stdin")
    assert run_as(*asking, "--as", "ada", typed="another").status == 2
    refused = run_as(*asking, "--as", "cem")
    assert (refused.status, "evidence.open" in refused.err) == (2, True)
    assert run_as("requests").err == "Nobody has asked for anything.\n"


def test_an_authority_s_request_destroys_and_leaves_a_certificate(run_as: Run, data: Path) -> None:
    assert run_as("hold", 1, "--reason", "a claim").status == 0
    assert run_as("show", 1, "--certificate").status == 2
    request = asked(run_as, "destroy", 1, "--law-enforcement", "--reference", "17")
    assert agreed(run_as, request).status == 0
    certificate = json.loads(run_as("show", 1, "--certificate").out)
    assert (certificate["why"], certificate["reference"]) == ("law_enforcement", "17")
    assert of(run_as, 1)["state"] == "destroyed"
    assert len([path for path in (data / "vault").rglob("*") if path.is_file()]) == 1
    assert run_as("verify").status == 0


def test_a_wish_for_erasure_leaves_what_a_case_needs_and_names_it(run_as: Run) -> None:
    erased = run_as("erase", "--account", "ada", "--json")
    assert (erased.status, erased.objects) == (
        3,
        [
            {
                "destroyed": [],
                "refused": [
                    {"evidence": 1, "reason": "evidence_in_use"},
                    {"evidence": 2, "reason": "evidence_in_use"},
                ],
            }
        ],
    )
    assert run_as("erase", "--account", "nobody").status == 0


def test_after_a_new_service_key_everything_opens_with_that_alone(run: Run, run_as: Run, data: Path) -> None:
    settings = load_settings(data=data)
    app.rotate_service_key(settings)
    file = data / "service.key"
    file.write_text(file.read_text("ascii").splitlines()[0] + "\n", "ascii")
    assert run_as("verify").status == 0
    assert run_as("rewrap", "--json").objects == [{"done": 0, "failed": []}]


def test_a_key_that_is_lost_is_said(run_as: Run, data: Path) -> None:
    (data / "service.key").unlink()
    assert run_as("verify").status == 4
    assert run_as("rewrap", "--json").objects == [{"done": 0, "failed": [1, 2]}]


def test_custodians_are_listed_and_retired_and_an_identity_is_refused(run_as: Run, tmp_path: Path) -> None:
    assert run_as("custodian", "list").err.startswith("There is no custodian yet")
    pair = evidence.new_custodian()
    refused = run_as("custodian", "add", "x", pair.identity)
    assert (refused.status, pair.identity in refused.err) == (2, False)
    (added,) = run_as("custodian", "add", "x", pair.recipient, "--json").objects
    assert run_as("custodian", "retire", added["custodian"]).status == 0
    assert run_as("custodian", "list", "--json").objects == []
    assert [each["name"] for each in run_as("custodian", "list", "--all", "--json").objects] == ["x"]
    assert run_as("custodian", "retire", added["custodian"]).status == 2


def test_without_a_database_nothing_is_said_to_be_well(run: Run) -> None:
    for arguments in (("verify",), ("list",)):
        assert run("--data", "nowhere", "evidence", *arguments).status == 4
