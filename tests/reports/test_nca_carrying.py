"""A report to the agency is carried by a person: approved by two, on record before it leaves, whole or not at all."""

from __future__ import annotations

import base64
import io
import json
import stat
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyrage
import pytest

from hedgerow.app.packaging import package
from hedgerow.app.reports import ReportRoom
from hedgerow.audit import list_entries
from hedgerow.errors import InvalidReport, ReportRefused
from hedgerow.reports.drafting import NewFile, create_report, withdraw_report
from hedgerow.reports.filing_model import Environment, ReportState
from hedgerow.reports.nca import package_report, read_package
from hedgerow.reports.records import resolve_report
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hedgerow.reports.filing_model import Report

KEY = pyrage.x25519.Identity.generate()
RECIPIENT = str(KEY.to_public())


def _drafted(desk: Any, files: int = 2, **said: Any) -> Report:
    case, found = desk.case_with_files(max(files, 1))
    new = [NewFile(each.id, f"picture {each.id}.jpg", {"fileRelevance": "Reported"}) for each in found[:files]]
    report: Report = desk.write(
        lambda connection: create_report(
            connection,
            case,
            authority="nca",
            environment=Environment.TEST,
            content=desk.content(**said),
            files=new,
            deadline_at=desk.clock() + timedelta(hours=24),
            actor=desk.ada,
            now=desk.clock(),
        )
    )
    return report


def _package(desk: Any, report: Report, into: io.BytesIO, **said: Any) -> dict[str, Any]:
    values = {"source": desk.source, "recipients": [RECIPIENT], "actor": desk.ben, "now": desk.clock()}
    return package_report(desk.database, report.id, into, **(values | said))


def test_an_approved_report_is_carried_with_its_files_and_filed_by_its_reference(desk: Any, tmp_path: Path) -> None:
    report = desk.approve(_drafted(desk))
    into = io.BytesIO()
    manifest = _package(desk, report, into)
    into.seek(0)
    assert read_package(into, str(KEY), tmp_path / "out") == manifest
    assert (tmp_path / "out/report.json").read_bytes() == report.document
    assert [path.read_bytes() for path in sorted((tmp_path / "out/files").iterdir())] == [desk.plain(1), desk.plain(2)]
    said = json.loads((tmp_path / "out/details/0001.json").read_bytes())
    assert said["file"]["viewed_in_full"] is False
    filed = desk.write(
        lambda connection: resolve_report(
            connection, report.id, "filed", reference="CSEA-2026-17", actor=desk.ben, now=desk.clock()
        )
    )
    assert (filed.state, filed.external_id) == (ReportState.FILED, "CSEA-2026-17")
    assert desk.actions().index("report.packaged") > desk.actions().index("report.approved")


def test_who_takes_it_for_whom_is_on_record_before_the_first_byte(desk: Any) -> None:
    report = desk.approve(_drafted(desk))

    class Refusing(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        _package(desk, report, Refusing())
    (line,) = desk.read(
        lambda connection: [each for each in list_entries(connection) if each.action == "report.packaged"]
    )
    assert line.actor == desk.ben
    assert line.details == {"files": 2, "document": report.document_sha256, "recipients": RECIPIENT}
    assert desk.look(report).state is ReportState.APPROVED


def test_a_report_of_text_alone_is_carried(desk: Any, tmp_path: Path) -> None:
    into = io.BytesIO()
    _package(desk, desk.approve(_drafted(desk, 0, additionalInfo="a conversation")), into)
    into.seek(0)
    manifest = read_package(into, str(KEY), tmp_path / "out")
    assert [each["name"] for each in manifest["entries"]] == ["report.json", "report.pdf"]


def test_what_is_not_approved_is_not_carried(desk: Any) -> None:
    with pytest.raises(ReportRefused, match="not approved"):
        _package(desk, _drafted(desk), io.BytesIO())


def test_a_report_to_an_authority_with_an_interface_is_not_carried(desk: Any) -> None:
    with pytest.raises(ReportRefused, match="nobody carries it"):
        _package(desk, desk.approved(), io.BytesIO())


def test_an_approval_that_does_not_count_yet_is_waited_for(desk: Any) -> None:
    report = desk.approve(_drafted(desk))
    with pytest.raises(ReportRefused, match="counts from"):
        _package(desk, report, io.BytesIO(), now=desk.clock() - timedelta(seconds=1))


def test_what_is_not_what_was_approved_any_more_is_not_carried(desk: Any) -> None:
    report = desk.approve(_drafted(desk, incidentSummary=desk.content()["incidentSummary"]))
    desk.clock.advance(days=-4)  # so that the incident lies in the future: a rule speaks that did not before
    with pytest.raises(ReportRefused):
        _package(desk, report, io.BytesIO())


def test_another_file_in_the_vault_ends_the_package(desk: Any) -> None:
    report = desk.approve(_drafted(desk))

    def other(number: int) -> Iterator[bytes]:
        yield from desk.source(number)
        yield b"more"

    with pytest.raises(ReportRefused, match="file 1 in the vault"):
        _package(desk, report, io.BytesIO(), source=other)


@pytest.mark.parametrize("recipients", [[], ["nobody"]])
def test_without_a_recipient_nothing_is_on_record_and_nothing_leaves(desk: Any, recipients: list[str]) -> None:
    report = desk.approve(_drafted(desk))
    with pytest.raises(InvalidReport):
        _package(desk, report, io.BytesIO(), recipients=recipients)
    assert "report.packaged" not in desk.actions()


def _room(desk: Any, folder: Path) -> ReportRoom:
    """Give what a command is run on, with the desk's own vault and keys."""
    settings = load_settings(
        data=folder,
        service_key=base64.b64encode(desk.keys.keys[0]).decode(),
        evidence={"vault": f"file:{desk.vault_folder}"},
    )
    return ReportRoom(settings, desk.database, desk.keys)


def test_a_command_writes_the_package_whole_and_for_its_owner_alone(
    desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow.app.clock.now", desk.clock)
    report = desk.approve(_drafted(desk))
    path = tmp_path / "report.age"
    manifest = package(_room(desk, tmp_path), report.id, path, recipients=[RECIPIENT], actor=desk.ben)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open("rb") as sealed:
        assert read_package(sealed, str(KEY), tmp_path / "out") == manifest
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        package(_room(desk, tmp_path), report.id, path, recipients=[RECIPIENT], actor=desk.ben)
    assert path.read_bytes() == before
    assert not path.with_name("report.age.part").exists()


def test_a_command_that_is_refused_leaves_no_file(desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow.app.clock.now", desk.clock)
    path = tmp_path / "report.age"
    with pytest.raises(ReportRefused):
        package(_room(desk, tmp_path), _drafted(desk).id, path, recipients=[RECIPIENT], actor=desk.ben)
    assert [each for each in tmp_path.iterdir() if each.name.startswith("report.age")] == []


@pytest.mark.parametrize(("environment", "discharges"), [(Environment.PRODUCTION, True), (Environment.TEST, False)])
def test_a_report_that_ncmec_has_for_good_discharges_this_one(
    desk: Any, environment: Environment, discharges: bool
) -> None:
    owed = _drafted(desk, 0)
    reporter = {"reportingPerson": {"email": ["safety@hedgerow-platform.org"]}}
    other = desk.approve(desk.drafted(owed.case_id, [], environment=environment, reporter=reporter))
    desk.write(
        lambda connection: resolve_report(
            connection, other.id, "filed", reference="4564654", actor=desk.ben, now=desk.clock()
        )
    )

    def withdraw(connection: Any) -> Report:
        return withdraw_report(
            connection, owed.id, reason="reported to NCMEC", discharged_by=other.id, actor=desk.ben, now=desk.clock()
        )

    if not discharges:
        with pytest.raises(ReportRefused):
            desk.write(withdraw)
        return
    assert desk.write(withdraw).state is ReportState.WITHDRAWN
