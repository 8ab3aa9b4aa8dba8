"""``hedgerow report``: from a case to a filed report, with the authority's simulator at the other end."""

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
from hedgerow.simulators.cybertipline import CyberTiplineSimulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Outcome

    Run = Callable[..., Outcome]

for _package in ("cryptography", "argon2", "httpx", "lxml"):
    pytest.importorskip(_package, reason=f"NO {_package.upper()}: this test checked NOTHING.")

WORDS = "a long enough password"
SECRET = "the authority's own word"  # noqa: S105  (of a simulator)
DATA = hashlib.shake_128(b"a picture").digest(50_000)


@pytest.fixture
def simulator() -> Iterator[CyberTiplineSimulator]:
    with CyberTiplineSimulator(user="esp", password=SECRET) as running:
        yield running


@pytest.fixture
def data(
    tmp_path: Path, simulator: CyberTiplineSimulator, cheap_passwords: None, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Give a data folder with a case, three people, and the simulator as the authority's test system."""
    monkeypatch.setenv("HEDGEROW_REPORTS_TEST_URL", simulator.url)
    monkeypatch.setenv("HEDGEROW_REPORTS_REPORTER_EMAIL", "trust-and-safety@platform.example")
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
    screener.screen(
        Context("post-1", "api", account_id="ada"),
        media,
        fingerprint=digest.bits,
        size_bytes=len(DATA),
        source=lambda: [DATA],
        actor="key:1",
        now=now(),
    )
    database.close()
    for name, role in (("ada", Role.REVIEWER), ("ben", Role.APPROVER), ("cem", Role.APPROVER)):
        app.add_user(settings, name, roles=[str(role)], password=WORDS)
    return settings.data


@pytest.fixture
def run_as(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command of reports with something on standard input."""

    def run_(*arguments: object, typed: str = WORDS) -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed + "\n"))
        return run("report", *arguments, "--data", data)

    return run_


def who(name: str) -> tuple[str, ...]:
    return "--as", name, "--password-stdin"


def case_number(run: Run, data: Path) -> str:
    (kept,) = run("evidence", "list", "--json", "--data", data).objects
    return str(kept["case"])


def drafted(run: Run, run_as: Run, data: Path, tmp_path: Path) -> int:
    """Draft a report, say when it happened, and attach the picture."""
    made = run_as("draft", case_number(run, data), "--json", *who("ada"))
    assert made.status == 0, made.err
    number = made.objects[0]["report"]
    (said,) = run_as("status", number, "--content", "--json").objects
    said["content"]["incidentSummary"] |= {
        "incidentType": "Child Pornography (possession, manufacture, and distribution)",
        "incidentDateTime": "2026-01-02T03:04:05Z",
    }
    file = tmp_path / "content.json"
    file.write_text(json.dumps({"content": said["content"], "files": [{"evidence": 1, "name": "a.jpg"}]}))
    edited = run_as("edit", number, "--revision", 1, "--content", file, *who("ada"))
    assert edited.status == 0, edited.err
    return int(number)


def test_from_a_case_to_a_filed_report(
    run: Run, run_as: Run, data: Path, tmp_path: Path, simulator: CyberTiplineSimulator
) -> None:
    number = drafted(run, run_as, data, tmp_path)
    checked = run_as("check", number, "--json")
    assert (checked.status, checked.objects[0]["violations"]) == (0, [])
    (preview,) = run_as("preview", number, "--json").objects
    approval = ("approve", number, "--revision", preview["revision"], "--sha256", preview["sha256"])
    assert run_as(*approval, *who("ada")).status != 0
    assert run_as(*approval, *who("ben"), typed="a wrong password").status != 0
    assert run_as(*approval, *who("ben")).status == 0
    assert run_as("file", number).status == 3  # no credentials yet
    entered = run_as("credentials", "--environment", "test", "--user", "esp", "--stdin", typed=SECRET)
    assert entered.status == 0
    assert SECRET not in entered.out + entered.err
    assert run_as("credentials", "--environment", "test", "--try").status == 0
    assert run_as("file", number).status == 0
    (received,) = simulator.reports()
    (shown,) = run_as("status", number, "--json").objects
    assert (shown["state"], shown["external_id"]) == ("filed", str(received.id))
    assert hashlib.sha256(received.document).hexdigest() == shown["document_sha256"]
    assert received.document.decode() == preview["document"]
    assert received.files[0].sha256 == hashlib.sha256(DATA).hexdigest()
    everything = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert SECRET.encode() not in everything
    backed_up = run("backup", tmp_path / "backup.tar", "--data", data)
    assert backed_up.status == 0
    assert SECRET.encode() not in (tmp_path / "backup.tar").read_bytes()


def test_what_is_wrong_is_named_with_where_to_mend_it(run: Run, run_as: Run, data: Path) -> None:
    number = run_as("draft", case_number(run, data), "--json", *who("ada")).objects[0]["report"]
    checked = run_as("check", number)
    assert checked.status == 1
    assert "incidentDateTime" in checked.out


def test_standing_says_what_is_missing_before_anything_can_be_sent(run_as: Run) -> None:
    standing = run_as("status")
    assert standing.status == 0
    assert "there are no credentials" in standing.out
    assert "real reports are not switched on" in standing.out


def test_real_reports_take_two_people_and_one_switches_them_off(run_as: Run) -> None:
    assert run_as("arm", *who("ada")).status != 0
    assert run_as("arm", *who("ben")).status == 0
    assert run_as("arm", "--agree", *who("ben")).status != 0
    assert run_as("arm", "--agree", *who("cem")).status == 0
    assert "Real reports were switched on by user:" in run_as("status").out
    assert run_as("disarm").status == 0
    assert "real reports are not switched on" in run_as("status").out


def test_a_report_that_needs_a_person_says_what_to_do(
    run: Run, run_as: Run, data: Path, tmp_path: Path, simulator: CyberTiplineSimulator
) -> None:
    number = drafted(run, run_as, data, tmp_path)
    (preview,) = run_as("preview", number, "--json").objects
    run_as("approve", number, "--revision", preview["revision"], "--sha256", preview["sha256"], *who("ben"))
    run_as("credentials", "--environment", "test", "--user", "esp", "--stdin", typed=SECRET)
    simulator.faults.add("submit", 1, "unknown_code")
    assert run_as("file", number).status == 3
    shown = run_as("status", number)
    assert shown.status == 3
    assert "code 1999" in shown.out
    assert "report resolve" in shown.out
    assert run_as("status").status == 3
    assert run_as("resolve", number, "again", *who("cem")).status == 0
    assert run_as("file", number).status == 0
    assert run_as("list", "--state", "filed").out.count("filed") == 1


def test_a_draft_is_given_up_with_a_reason(run: Run, run_as: Run, data: Path) -> None:
    number = run_as("draft", case_number(run, data), "--json", *who("ada")).objects[0]["report"]
    assert run_as("withdraw", number, "--reason", "reported by telephone", *who("ada")).status == 0
    assert run_as("list", "--state", "withdrawn", "--json").objects[0]["report"] == number


@pytest.mark.parametrize("said", ["[]", "{", '{"files": 3}', '{"files": [{"evidence": "1"}]}', '{"content": 7}', "{}"])
def test_a_file_that_is_no_draft_is_refused(run_as: Run, tmp_path: Path, said: str) -> None:
    file = tmp_path / "content.json"
    file.write_text(said)
    assert run_as("edit", 1, "--revision", 1, "--content", file, *who("ada")).status == 2
