from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text
from tests.reports.conftest import PASSWORD, USER

from hedgerow.database.sealing import ServiceKeys, reseal
from hedgerow.errors import AuthorityNotReady, CredentialsRefused, ProductionRefused, SealBroken
from hedgerow.reports.credentials import open_credentials, resume_environment, standing_of
from hedgerow.reports.cybertipline.client import Client, Destination
from hedgerow.reports.filing_model import Environment, ReportState
from hedgerow.reports.tables import report_credentials

if TYPE_CHECKING:
    from tests.reports.conftest import Desk

    from hedgerow.simulators.cybertipline import CyberTiplineSimulator


def opened(desk: Desk, environment: Environment = Environment.TEST, keys: ServiceKeys | None = None) -> object:
    return desk.read(lambda c: open_credentials(c, "cybertipline", environment, keys=keys or desk.keys))


def test_they_are_sealed_and_told_to_nobody(desk: Desk) -> None:
    desk.enter_credentials()
    row = desk.read(lambda c: c.execute(select(report_credentials)).one())
    for secret in (USER, PASSWORD):
        assert secret.encode() not in bytes(row.username) + bytes(row.password)
    assert USER not in repr(opened(desk))
    assert PASSWORD not in repr(opened(desk))
    standing = desk.read(lambda c: standing_of(c, "cybertipline", Environment.TEST))
    assert PASSWORD not in str(standing)


def test_those_of_one_system_are_not_those_of_the_other(desk: Desk) -> None:
    desk.enter_credentials(Environment.TEST)
    with pytest.raises(AuthorityNotReady) as refused:
        opened(desk, Environment.PRODUCTION)
    assert refused.value.word == "no_credentials"


def test_a_row_that_is_moved_to_the_other_system_does_not_fit_a_destination(desk: Desk) -> None:
    desk.enter_credentials(Environment.PRODUCTION)
    found = desk.read(lambda c: open_credentials(c, "cybertipline", Environment.PRODUCTION, keys=desk.keys))
    with pytest.raises(ProductionRefused):
        Destination(Environment.TEST, "http://127.0.0.1:1/ispws", found)


def test_a_sealed_secret_opens_in_its_own_row_alone(desk: Desk) -> None:
    desk.enter_credentials(Environment.TEST)
    desk.enter_credentials(Environment.PRODUCTION, "other", "another")
    first = desk.read(lambda c: c.execute(select(report_credentials).order_by(report_credentials.c.id)).first())
    desk.write(
        lambda c: c.execute(
            report_credentials.update()
            .where(report_credentials.c.environment == "production")
            .values(password=first.password, username=first.username)
        )
    )
    with pytest.raises(SealBroken):
        opened(desk, Environment.PRODUCTION)


def test_they_are_sealed_anew_with_a_new_service_key(desk: Desk) -> None:
    desk.enter_credentials()
    newer = ServiceKeys((b"\x07" * 32, *desk.keys.keys))
    assert desk.write(lambda c: reseal(c, newer)) == 2
    found = desk.read(
        lambda c: open_credentials(c, "cybertipline", Environment.TEST, keys=ServiceKeys((b"\x07" * 32,)))
    )
    assert (found.username, found.password) == (USER, PASSWORD)


@pytest.mark.parametrize(("username", "password"), [("", "x"), ("a:b", "x"), ("a", ""), ("a\n", "x"), ("a", "x\0")])
def test_what_can_be_no_credentials_is_refused(desk: Desk, username: str, password: str) -> None:
    with pytest.raises(CredentialsRefused):
        desk.enter_credentials(Environment.TEST, username, password)


@pytest.mark.parametrize("kind", ["unauthorized", "2000", "3000", "3100", "3300"])
def test_refused_credentials_stop_every_report_of_the_system_and_alarm_once(
    desk: Desk, simulator: CyberTiplineSimulator, kind: str
) -> None:
    reports = [desk.approve(desk.drafted(*desk.case_with_files())) for _ in range(3)]
    simulator.faults.add("submit", 1, kind)
    filer = desk.filer()
    while filer.run_one():
        pass
    assert len(simulator.calls()) == 1
    assert {desk.look(each).state for each in reports} == {ReportState.APPROVED}
    assert desk.actions().count("report.stopped") == 1
    desk.write(lambda c: resume_environment(c, "cybertipline", Environment.TEST, actor=desk.ben, now=desk.clock()))
    desk.advance(minutes=5)
    assert desk.run(reports[0]).state is ReportState.FILED


def test_refused_in_the_middle_the_same_report_goes_on_once_they_are_mended(
    desk: Desk, simulator: CyberTiplineSimulator
) -> None:
    report = desk.approved(1)
    simulator.faults.add("fileinfo", 1, "unauthorized")
    filer = desk.filer()
    assert filer.run_one()
    assert not filer.run_one()
    desk.enter_credentials()
    done = desk.run(report)
    assert (done.state, done.filing.round, len(simulator.reports())) == (ReportState.FILED, 1, 1)


def test_no_secret_stands_in_logs_audit_calls_or_the_database(
    desk: Desk, simulator: CyberTiplineSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for fault in ("unauthorized", "truncated_xml", "drop_after", "validation"):
        simulator.faults.add("submit", 1, fault)
    report = desk.approved(1)
    filer = desk.filer()
    for _ in range(12):
        if not filer.run_one():
            desk.enter_credentials()
            desk.advance(minutes=40)
    assert desk.calls(report)
    written = caplog.text + repr(desk.calls(report)) + _everything(desk)
    import base64  # noqa: PLC0415  (of this test alone)

    header = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for secret in (USER, PASSWORD, header):
        assert secret not in written


def _everything(desk: Desk) -> str:
    """Return every text of every table, as a dump would hold it."""
    from hedgerow.database import metadata  # noqa: PLC0415  (of this function alone)

    with desk.database.read() as connection:
        return "".join(
            str([str(value) for value in row])
            for table in metadata.sorted_tables
            for row in connection.execute(text(f'SELECT * FROM "{table.name}"'))  # noqa: S608  (our names)
        )


def test_a_defect_shows_no_secret_either(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    found = desk.read(lambda c: open_credentials(c, "cybertipline", Environment.TEST, keys=desk.keys))
    destination = Destination(Environment.TEST, simulator.url, found)
    assert PASSWORD not in repr(destination)
    with Client(destination) as client:
        assert PASSWORD not in repr(vars(client))
