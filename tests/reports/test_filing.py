"""Filing against the authority's simulator: what is sent, what goes wrong, and that it is filed once."""

from __future__ import annotations

import hashlib
import itertools
import logging
import socket
from typing import TYPE_CHECKING, Any, ClassVar

import hypothesis
import pytest
from hypothesis import strategies as st

from hedgerow import evidence
from hedgerow.errors import InvalidReport, ReportRefused, VaultUnavailable
from hedgerow.reports.credentials import standing_of
from hedgerow.reports.cybertipline import filing
from hedgerow.reports.cybertipline.client import Called, Client
from hedgerow.reports.filing_model import ACTIVE, Environment, Preservation, ReportState, Trouble
from hedgerow.reports.finding import earlier_report_ids
from hedgerow.reports.preserving import preserve, preserve_due, sealer
from hedgerow.reports.records import resolve_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection
    from tests.reports.conftest import Desk

    from hedgerow.reports.filing_model import Report
    from hedgerow.simulators.cybertipline import CyberTiplineSimulator


def finished(simulator: CyberTiplineSimulator) -> list[int]:
    return [each.id for each in simulator.reports() if each.state == "finished"]


def still_open(simulator: CyberTiplineSimulator) -> list[int]:
    return [each.id for each in simulator.reports() if each.state == "open"]


def test_what_was_approved_is_what_the_authority_has_byte_for_byte(
    desk: Desk, simulator: CyberTiplineSimulator
) -> None:
    report = desk.run(desk.approved(2))
    (received,) = simulator.reports()
    assert report.state is ReportState.FILED
    assert report.external_id == str(received.id)
    assert hashlib.sha256(received.document).hexdigest() == report.document_sha256
    assert [each.sha256 for each in received.files] == [hashlib.sha256(desk.plain(n)).hexdigest() for n in (1, 2)]
    assert all(b"<fileViewedByEsp>false</fileViewedByEsp>" in (each.details or b"") for each in received.files)
    assert report.preservation is Preservation.SEALED


def test_what_goes_well_is_filed_without_a_warning(
    desk: Desk, simulator: CyberTiplineSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    assert desk.run(desk.approved(2)).state is ReportState.FILED
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_a_report_of_nothing_but_text_is_filed(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    report = desk.run(desk.approved(0, additionalInfo="A conversation, told in words."))
    assert finished(simulator) == [int(report.external_id or 0)]


# ── ends of a process, at each of the nine cut points ────────────────────────────────────────────────────────────


class Killed(BaseException):
    """The process ends here: nothing of ours catches it."""


class Mortal(Client):
    """A client in a process that dies before or after one of its calls."""

    cut: tuple[str, bool] | None = None

    def _dies(self, call: str, *, after: bool) -> None:
        if Mortal.cut == (call, after):
            Mortal.cut = None
            raise Killed

    def _around(self, call: str, does: Callable[[], Called]) -> Called:
        self._dies(call, after=False)
        called = does()
        self._dies(call, after=True)
        return called

    def submit(self, document: bytes) -> Called:
        return self._around("submit", lambda: super(Mortal, self).submit(document))

    def upload(self, *arguments: Any, **said: Any) -> Called:
        return self._around("upload", lambda: super(Mortal, self).upload(*arguments, **said))

    def fileinfo(self, document: bytes) -> Called:
        return self._around("fileinfo", lambda: super(Mortal, self).fileinfo(document))

    def finish(self, report_id: str) -> Called:
        return self._around("finish", lambda: super(Mortal, self).finish(report_id))

    def retract(self, report_id: str) -> Called:
        return self._around("retract", lambda: super(Mortal, self).retract(report_id))


def die_once(desk: Desk, report: Report, call: str, *, after: bool) -> None:
    """Let a filer die, and let its lease run out."""
    Mortal.cut = (call, after)
    with pytest.raises(Killed):
        desk.filer(connect=Mortal).run_one(only=report.id)
    assert Mortal.cut is None
    desk.advance(minutes=7)


@pytest.mark.parametrize("call", ["submit", "upload", "fileinfo", "finish"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_process_that_dies_around_a_call_leaves_exactly_one_filed_report(
    desk: Desk, simulator: CyberTiplineSimulator, call: str, after: bool
) -> None:
    report = desk.approved(2)
    die_once(desk, report, call, after=after)
    done = desk.run(report)
    desk.advance(hours=25)
    assert (done.state, finished(simulator)) == (ReportState.FILED, [int(done.external_id or 0)])
    assert still_open(simulator) == []
    assert done.filing.orphans == (1 if call == "submit" else 0)


def test_a_dropped_answer_to_the_finish_is_found_out_by_taking_back(
    desk: Desk, simulator: CyberTiplineSimulator
) -> None:
    simulator.faults.add("finish", 1, "drop_after")
    done = desk.run(desk.approved(2))
    assert (done.state, done.filing.filed_how) == (ReportState.FILED, "retract")
    assert finished(simulator) == [int(done.external_id or 0)]
    assert len(simulator.reports()) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_process_that_dies_around_taking_back_still_files_once(
    desk: Desk, simulator: CyberTiplineSimulator, after: bool
) -> None:
    simulator.faults.add("upload", 2, "drop_after")
    report = desk.approved(2)
    filer = desk.filer()
    filer.run_one()
    desk.advance(minutes=7)
    die_once(desk, report, "retract", after=after)
    done = desk.run(report)
    assert (done.state, finished(simulator)) == (ReportState.FILED, [int(done.external_id or 0)])
    assert still_open(simulator) == []


def test_everything_that_arrives_is_on_record_before_the_next_call(
    desk: Desk, simulator: CyberTiplineSimulator
) -> None:
    report = desk.approved(1)
    die_once(desk, report, "upload", after=False)
    found, calls = desk.look(report), desk.calls(report)
    assert found.external_id == str(simulator.reports()[0].id)
    assert [(str(each.call), each.code) for each in calls] == [("submit", 0), ("upload", None)]
    assert calls[0].request_id
    assert calls[0].duration_ms is not None


# ── what goes wrong on the way ───────────────────────────────────────────────────────────────────────────────────

PASSING = ("drop_before", "drop_during", "drop_after", "server_error", "server_error_after", "bad_gateway")
PASSING += ("unavailable", "too_many", "truncated_xml", "success_without_id", "huge_reply", "1000", "1100", "1300")


def troubles() -> Iterator[Any]:
    """Every kind at every call. The quick run takes what is lost on the way at each, and the rest at one call each."""
    for number, kind in enumerate(PASSING):
        for place, call in enumerate(("submit", "upload", "fileinfo", "finish")):
            is_quick = kind.startswith("drop") or number % 4 == place
            yield pytest.param(call, kind, marks=() if is_quick else pytest.mark.slow)


@pytest.mark.sqlite_file
@pytest.mark.parametrize(("call", "kind"), list(troubles()))
def test_trouble_that_passes_ends_in_one_filed_report(
    desk: Desk, simulator: CyberTiplineSimulator, call: str, kind: str
) -> None:
    simulator.faults.add(call, 1, kind)
    done = desk.run(desk.approved(1))
    desk.advance(hours=25)
    assert (done.state, finished(simulator)) == (ReportState.FILED, [int(done.external_id or 0)])
    assert still_open(simulator) == []


def test_another_digest_once_begins_anew_and_twice_needs_a_person(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    simulator.faults.add("upload", 1, "wrong_md5")
    done = desk.run(desk.approved(1))
    assert (done.state, done.filing.round) == (ReportState.FILED, 2)
    simulator.faults.add("upload", 1, "wrong_md5")
    simulator.faults.add("upload", 2, "wrong_md5")
    stuck = desk.run(desk.draft_next(done))
    assert (stuck.state, stuck.filing.trouble) == (ReportState.NEEDS_PERSON, Trouble.DIGEST_DIFFERS)
    assert finished(simulator) == [int(done.external_id or 0)]
    assert still_open(simulator) == []


def test_a_refusal_names_the_element_and_waits_for_a_person(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    simulator.faults.add("submit", 1, "validation", element="incidentDateTime")
    stuck = desk.run(desk.approved(1))
    assert (stuck.filing.trouble, stuck.filing.element) == (Trouble.REFUSED, "incidentDateTime")
    assert simulator.reports() == []


@pytest.mark.parametrize("call", ["submit", "upload", "fileinfo", "finish"])
def test_an_unknown_code_stops_and_nothing_is_finished(desk: Desk, simulator: CyberTiplineSimulator, call: str) -> None:
    simulator.faults.add(call, 1, "unknown_code")
    stuck = desk.run(desk.approved(1))
    assert (stuck.filing.trouble, stuck.filing.element) == (Trouble.UNKNOWN_CODE, "code 1999")
    assert finished(simulator) == []
    assert "report.needs_person" in desk.actions()


def test_a_report_that_the_authority_took_back_is_begun_anew(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    simulator.faults.add("fileinfo", 1, "retracted")
    done = desk.run(desk.approved(1))
    assert (done.state, finished(simulator)) == (ReportState.FILED, [int(done.external_id or 0)])


def test_finished_at_the_authority_just_as_we_ask_for_it_is_filed(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    simulator.faults.add("finish", 1, "finished")
    done = desk.run(desk.approved(1))
    assert (done.state, done.filing.filed_how) == (ReportState.FILED, "retract")


def test_a_report_that_dissolved_is_begun_anew(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    report = desk.approved(2)
    die_once(desk, report, "upload", after=True)
    desk.advance(hours=30)
    done = desk.run(report)
    assert (done.state, finished(simulator)) == (ReportState.FILED, [int(done.external_id or 0)])
    assert {each.state for each in simulator.reports()} == {"expired", "finished"}


def test_an_upload_that_would_come_too_late_is_not_begun(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    report = desk.approved(1)
    simulator.faults.add("upload", 1, "1110")
    desk.filer().run_one()
    opened = desk.look(report)
    assert opened.state is ReportState.UPLOADING
    desk.advance(hours=23, minutes=55)
    done = desk.run(report)
    assert done.external_id != opened.external_id
    assert [each.state for each in simulator.reports()] == ["retracted", "finished"]


def test_each_upload_has_its_length_and_is_read_piece_by_piece(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    pieces: list[int] = []

    def source(number: int) -> Iterator[bytes]:
        for piece in desk.source(number):
            pieces.append(len(piece))
            yield piece

    done = desk.run(desk.approved(1, size_bytes=5_000_000), filer=desk.filer(source=source))
    assert done.state is ReportState.FILED
    assert max(pieces) <= 64 * 1024
    assert simulator.reports()[0].files[0].size_bytes == 5_000_000


def test_evidence_that_cannot_be_read_needs_a_person_and_leaves_nothing_open(
    desk: Desk, simulator: CyberTiplineSimulator
) -> None:
    report = desk.approved(1)
    stored = desk.read(lambda connection: evidence.find_evidence(connection, 1)).object
    path = next(path for path in desk.vault_folder.rglob(f"*{stored}*") if path.is_file())
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(damaged)
    stuck = desk.run(report)
    assert (stuck.state, stuck.filing.trouble) == (ReportState.NEEDS_PERSON, Trouble.EVIDENCE_UNREADABLE)
    assert [each.state for each in simulator.reports()] == ["retracted"]


def test_nobody_listening_is_tried_again_and_nothing_is_noted_as_opened(desk: Desk) -> None:
    desk.enter_credentials()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        filer = desk.filer(test_address=f"http://127.0.0.1:{taken.getsockname()[1]}/ispws")
        report = desk.approved(0)
        for _ in range(5):
            filer.run_one()
            desk.advance(minutes=40)
    found = desk.look(report)
    assert (found.state, found.filing.round, found.filing.orphans) == (ReportState.APPROVED, 0, 0)
    assert found.filing.failures == 5


# ── leases and fencing ───────────────────────────────────────────────────────────────────────────────────────────


class Stalling(Client):
    """A client whose process is put to sleep around one call, while another process works."""

    call: ClassVar[str] = ""
    is_after: ClassVar[bool] = False
    meanwhile: ClassVar[Callable[[], None]]

    def _around(self, call: str, does: Callable[[], Called]) -> Called:
        if Stalling.call != call:
            return does()
        Stalling.call = ""
        called = does() if Stalling.is_after else None
        Stalling.meanwhile()
        return called or does()

    def submit(self, document: bytes) -> Called:
        return self._around("submit", lambda: super(Stalling, self).submit(document))

    def upload(self, *arguments: Any, **said: Any) -> Called:
        return self._around("upload", lambda: super(Stalling, self).upload(*arguments, **said))

    def fileinfo(self, document: bytes) -> Called:
        return self._around("fileinfo", lambda: super(Stalling, self).fileinfo(document))

    def finish(self, report_id: str) -> Called:
        return self._around("finish", lambda: super(Stalling, self).finish(report_id))


@pytest.mark.parametrize("call", ["submit", "upload", "fileinfo", "finish"])
@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_who_sleeps_past_the_lease_and_wakes_up_files_nothing_a_second_time(
    desk: Desk, simulator: CyberTiplineSimulator, call: str, is_after: bool
) -> None:
    report = desk.approved(2)

    def meanwhile() -> None:
        desk.advance(minutes=7)
        assert desk.run(report, filer=desk.filer()).state is ReportState.FILED

    Stalling.call, Stalling.is_after, Stalling.meanwhile = call, is_after, staticmethod(meanwhile)
    desk.filer(connect=Stalling).run_one()
    done = desk.look(report)
    assert (done.state, finished(simulator)) == (ReportState.FILED, [int(done.external_id or 0)])
    # Even the report that the sleeper opened when nobody waited for it any more is taken back at once.
    assert still_open(simulator) == []


def test_two_filers_do_not_work_on_the_same_report(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    report = desk.approved(1)
    others: list[bool] = []
    Stalling.call, Stalling.is_after = "upload", False
    Stalling.meanwhile = staticmethod(lambda: others.append(desk.filer().run_one()))
    desk.filer(connect=Stalling).run_one()
    assert others == [False]
    assert desk.look(report).state is ReportState.FILED
    assert len(simulator.reports()) == 1


def test_a_long_upload_renews_its_lease(
    desk: Desk, simulator: CyberTiplineSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "_BEAT_S", 0.0)
    report = desk.approved(1)
    seen: list[bool] = []

    def source(number: int) -> Iterator[bytes]:
        for piece in desk.source(number):
            desk.advance(minutes=5)  # each piece takes almost as long as a lease
            seen.append(desk.filer().run_one())
            yield piece

    desk.filer(source=lambda number: itertools.chain(source(number), [])).run_one()
    assert seen
    assert not any(seen)
    assert desk.look(report).state is ReportState.FILED
    assert len(simulator.reports()) == 1


def test_a_person_cannot_interfere_while_it_is_being_sent(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    report = desk.approved(1)
    refused: list[str] = []

    def meanwhile() -> None:
        for what in ("again", "edit", "retract", "filed"):
            with pytest.raises(ReportRefused):
                desk.write(
                    lambda c, what=what: resolve_report(
                        c, report.id, what, reference="12", actor=desk.ben, now=desk.clock()
                    )
                )
            refused.append(what)

    Stalling.call, Stalling.is_after, Stalling.meanwhile = "upload", False, staticmethod(meanwhile)
    desk.filer(connect=Stalling).run_one()
    assert len(refused) == 4
    assert finished(simulator) == [int(desk.look(report).external_id or 0)]


# ── what a person says ───────────────────────────────────────────────────────────────────────────────────────────


def resolve(desk: Desk, report: Report, what: str, reference: str | None = None) -> Report:
    return desk.write(
        lambda c: resolve_report(c, report.id, what, reference=reference, actor=desk.ben, now=desk.clock())
    )


def stuck_report(desk: Desk, simulator: CyberTiplineSimulator, call: str = "upload") -> Report:
    simulator.faults.add(call, 1, "unknown_code")
    stuck = desk.run(desk.approved(1))
    assert stuck.state is ReportState.NEEDS_PERSON
    return stuck


def test_sent_again_the_open_report_is_taken_back_first(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    stuck = stuck_report(desk, simulator)
    resolve(desk, stuck, "again")
    done = desk.run(stuck)
    assert [each.state for each in simulator.reports()] == ["retracted", "finished"]
    assert done.state is ReportState.FILED


def test_to_be_edited_it_is_taken_back_first_and_has_to_be_approved_anew(
    desk: Desk, simulator: CyberTiplineSimulator
) -> None:
    stuck = stuck_report(desk, simulator)
    resolve(desk, stuck, "edit")
    draft = desk.run(stuck)
    assert (draft.state, draft.document, draft.approved_by) == (ReportState.DRAFT, None, None)
    assert [each.state for each in simulator.reports()] == ["retracted"]
    assert desk.run(desk.approve(draft)).state is ReportState.FILED


def test_taken_back_for_good_it_is_not_sent_again(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    stuck = stuck_report(desk, simulator)
    resolve(desk, stuck, "retract")
    assert desk.run(stuck).state is ReportState.RETRACTED
    assert [each.state for each in simulator.reports()] == ["retracted"]
    assert not desk.filer().run_one()


def test_a_person_may_say_that_it_is_filed_under_a_number(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    stuck = stuck_report(desk, simulator)
    with pytest.raises(InvalidReport):
        resolve(desk, stuck, "filed", "not a number")
    done = resolve(desk, stuck, "filed", "4564654")
    assert (done.state, done.external_id, done.filed_by) == (ReportState.FILED, "4564654", desk.ben)
    assert done.filing.filed_how == "person"


def test_what_is_over_cannot_be_resolved(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    done = desk.run(desk.approved(0))
    for what in ("again", "edit", "retract", "filed"):
        with pytest.raises(ReportRefused):
            resolve(desk, done, what, "17")


# ── accounts, environments, preservation ─────────────────────────────────────────────────────────────────────────


def test_several_reports_on_one_account_link_the_earlier_ones_of_the_same_system(
    desk: Desk, simulator: CyberTiplineSimulator
) -> None:
    first = desk.run(desk.approved(1))
    second = desk.run(desk.draft_next(first))
    assert len(finished(simulator)) == 2
    ids = desk.read(lambda c: earlier_report_ids(c, "", "acc", Environment.TEST, "cybertipline"))
    assert ids == [first.external_id, second.external_id]
    assert desk.read(lambda c: earlier_report_ids(c, "", "acc", Environment.PRODUCTION, "cybertipline")) == []
    assert desk.read(lambda c: earlier_report_ids(c, "", "other", Environment.TEST, "cybertipline")) == []


def test_evidence_that_cannot_be_preserved_leaves_the_report_filed_and_is_tried_again(
    desk: Desk, simulator: CyberTiplineSimulator
) -> None:
    def broken(connection: Connection, report: Report) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("hedgerow.evidence.seal_filed", _breaks)
            preserve(connection, report, keys=desk.review_keys, rehearse=True, now=desk.clock())

    done = desk.run(desk.approved(1), filer=desk.filer(seal=broken))
    assert (done.state, done.preservation) == (ReportState.FILED, Preservation.PENDING)
    assert finished(simulator) == [int(done.external_id or 0)]
    desk.advance(minutes=6)
    assert desk.write(lambda c: preserve_due(c, keys=desk.review_keys, rehearse=True, now=desk.clock())) == 1
    assert desk.look(done).preservation is Preservation.SEALED
    held = desk.read(lambda c: evidence.holds_of(c, 1))
    assert [str(each.kind) for each in held] == ["filing"]


def _breaks(*_: Any, **__: Any) -> None:
    raise VaultUnavailable("the disk is gone")


def test_a_rehearsal_seals_nothing_unless_the_settings_say_so(desk: Desk, simulator: CyberTiplineSimulator) -> None:
    done = desk.run(desk.approved(1), filer=desk.filer(seal=sealer(desk.review_keys, rehearse=False, now=desk.clock)))
    assert done.preservation is Preservation.NONE
    assert desk.read(lambda c: evidence.holds_of(c, 1)) == []
    assert finished(simulator)


# ── any script of faults ─────────────────────────────────────────────────────────────────────────────────────────

KINDS = (*PASSING, "wrong_md5", "unknown_code", "validation", "expired", "retracted", "unauthorized", "4200")


@pytest.mark.sqlite_file
@hypothesis.settings(max_examples=6, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(
    script=st.lists(
        st.tuples(
            st.sampled_from(["submit", "upload", "fileinfo", "finish", "retract"]),
            st.integers(1, 4),
            st.sampled_from(KINDS),
        ),
        max_size=8,
    )
)
def test_any_script_of_faults_ends_filed_once_or_with_a_person_and_nothing_finished(
    desk: Desk, simulator: CyberTiplineSimulator, script: list[tuple[str, int, str]]
) -> None:
    check_script(desk, simulator, script)


@pytest.mark.slow
@pytest.mark.sqlite_file
@hypothesis.settings(max_examples=400, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(
    script=st.lists(
        st.tuples(
            st.sampled_from(["submit", "upload", "fileinfo", "finish", "retract"]),
            st.integers(1, 6),
            st.sampled_from(KINDS),
        ),
        max_size=20,
    )
)
def test_any_long_script_of_faults_ends_filed_once_or_with_a_person_and_nothing_finished(
    desk: Desk, simulator: CyberTiplineSimulator, script: list[tuple[str, int, str]]
) -> None:
    check_script(desk, simulator, script)


def check_script(desk: Desk, simulator: CyberTiplineSimulator, script: list[tuple[str, int, str]]) -> None:
    simulator.faults.clear()
    before = set(finished(simulator))
    report = desk.approve(desk.drafted(*desk.case_with_files()))
    for call, n, kind in script:
        simulator.faults.add(call, n, kind)
    filer = desk.filer(seal=None)
    for _ in range(400):
        found = desk.look(report)
        if found.state not in ACTIVE:
            break
        standing = desk.read(lambda c: standing_of(c, "cybertipline", Environment.TEST))
        if standing.stopped_at is not None:
            # Everything stands still until a person has mended the credentials; nothing is finished meanwhile.
            assert not filer.run_one()
            desk.enter_credentials()
        elif not filer.run_one():
            desk.advance(minutes=10)
    new = [number for number in finished(simulator) if number not in before]
    if found.state is ReportState.FILED:
        assert new == [int(found.external_id or 0)]
    else:
        assert found.state is ReportState.NEEDS_PERSON
        assert new == [] or found.filing.trouble is Trouble.UNCERTAIN
    desk.advance(hours=26)
    assert still_open(simulator) == []
