"""What Project Arachnid Shield is asked about hashes of cases, when a person asks; silence is never taken for a no."""

from __future__ import annotations

import hashlib
import logging
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from hedgerow.app import shield as app_shield
from hedgerow.app.shield import ShieldDesk
from hedgerow.audit import list_entries
from hedgerow.banks import Attributes, NewEntry
from hedgerow.banks.records import add_entries, create_bank, find_bank
from hedgerow.banks.tables import entries
from hedgerow.cases import ContentSignal, NewMatch, NewSubmission, open_or_join_case, record_submission
from hedgerow.cases.tables import cases, decisions
from hedgerow.database.sealing import ServiceKeys
from hedgerow.errors import CaseNotFound, InvalidExchange, QuestionRefused
from hedgerow.exchanges.exchanging import create_exchange
from hedgerow.exchanges.questions import QuestionState, beside, claim_question, record_answer, record_silence
from hedgerow.exchanges.shield import Known, ShieldAnswer
from hedgerow.exchanges.shield_tables import shield_account, shield_questions
from hedgerow.hashing.signal import Signal
from hedgerow.policy import Outcome, Then, Tier, install_default
from hedgerow.settings import load_settings
from hedgerow.simulators.shield import ShieldPlay
from hedgerow.simulators.stage import Simulator
from hedgerow.workers.model import Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from hedgerow.cases import Case
    from hedgerow.database import Database
    from hedgerow.exchanges.questions import Question

__all__: list[str] = []

KEYS = ServiceKeys((bytes(32),))
ABUSE, HARM, FIXTURE, NOVEL, OTHER = (bytes([number]) * 32 for number in (1, 60, 90, 170, 255))
WORDS = {ABUSE: "csam", HARM: "harmful-abusive-material", FIXTURE: "test", NOVEL: "grave-new-thing"}
ACTOR = "user:1"


class Office:
    """A house with cases, and a desk at which Shield is asked; its clock stands still until it is moved."""

    def __init__(self, database: Database, folder: Path, at: datetime) -> None:
        self.database, self.at = database, at
        self.desk = ShieldDesk(Parts(load_settings(data=folder), database, KEYS))
        self.contents = 0
        with database.write() as connection:
            self.policy = install_default(connection, now=at)
            self.bank = create_bank(connection, "known", now=at).id

    def now(self) -> datetime:
        return self.at

    def opened(self, pdq: bytes | None = ABUSE, *, bank: tuple[int, str] | None = None, account: str = "") -> Case:
        """Submit a medium that matches a bank, and return its case."""
        self.contents += 1
        number, name = bank or (self.bank, "known")
        entry = self._entry(number, name)
        digest = hashlib.sha256(b"content %d" % self.contents).digest()
        match = NewMatch(
            bank_id=number,
            bank_name=name,
            entry_id=entry,
            provenance="person",
            signal_type="pdq",
            distance=0,
            threshold=31,
            variant="as is",
            tier=Tier.EXACT,
            outcome=Outcome("a rule", Then.REVIEW, 2, "known"),
            policy_version=self.policy,
        )
        sent = NewSubmission(
            f"content-{self.contents}", door="api", account_id=account or f"account-{self.contents}", sha256=digest
        )
        with self.database.write() as connection:
            submission = record_submission(connection, sent, now=self.at).submission
            signal = None if pdq is None else ContentSignal(pdq, 100)
            gathered = open_or_join_case(connection, submission, [match], signal=signal, actor="key:1", now=self.at)
        return gathered.case

    def _entry(self, bank: int, name: str) -> int:
        bits = hashlib.sha256(b"entry %d" % self.contents).digest()
        with self.database.write() as connection:
            add_entries(
                connection,
                find_bank(connection, name),
                [NewEntry(Signal("pdq", bits, 100), Attributes("person"))],
                now=self.at,
            )
            found = select(entries.c.id).where(entries.c.bank_id == bank, entries.c.bits == bits)
            return int(connection.execute(found).scalar_one())

    def ask(self, case: Case, position: int = 1) -> Question:
        return self.desk.ask_about(case.number, position, actor=ACTOR).question

    def latest(self, case: Case) -> Question:
        return self.desk.asked_about(case.number)[0].question

    def later(self, **more: float) -> int:
        self.at += timedelta(**more)
        return self.desk.ask_due()

    def switch_on(self, url: str, **more: Any) -> None:
        self.desk.change(is_enabled=True, base_url=url, actor="cli", **more)
        self.desk.set_credentials({"user": "simulator", "password": "simulator"}, actor="cli")

    def lines(self) -> list[str]:
        with self.database.read() as connection:
            return [each.action for each in list_entries(connection) if each.action.startswith("shield.")]


@pytest.fixture
def office(database: Database, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Office:
    made = Office(database, tmp_path, now)
    monkeypatch.setattr(app_shield, "now", made.now)
    return made


@pytest.fixture
def played(office: Office) -> Callable[..., Any]:
    """Give a context in which Shield is played, and the office asks it."""

    @contextmanager
    def play(*faults: str, calls_per_minute: int = 600, **more: Any) -> Iterator[Any]:
        known = {bits.hex(): word for bits, word in WORDS.items()}
        with Simulator(ShieldPlay(known, **more), faults=list(faults)) as simulator:
            office.switch_on(simulator.url, calls_per_minute=calls_per_minute)
            yield simulator
            assert simulator.play.breaches == []  # nothing but hashes was ever sent

    return play


# ── answers ──


@pytest.mark.parametrize(
    ("bits", "known"),
    [
        (ABUSE, Known.CSAM),
        (HARM, Known.HARMFUL),
        (FIXTURE, Known.TEST),
        (NOVEL, Known.UNKNOWN),
        (OTHER, Known.NO_KNOWN_MATCH),
    ],
)
def test_an_answer_stands_with_its_case(office: Office, played: Callable[..., Any], bits: bytes, known: Known) -> None:
    case = office.opened(bits)
    with played():
        question = office.ask(case)
    assert (question.state, question.known) == (QuestionState.ANSWERED, known)
    assert question.word == WORDS.get(bits, "no-known-match")
    assert (question.asked_by, question.asked_at, question.settled_at) == (ACTOR, office.at, office.at)
    assert question.digest == hashlib.sha256(bits).digest()
    assert office.latest(case) == question
    assert office.lines()[-2:] == ["shield.asked", "shield.answered"]


def test_an_answer_decides_nothing_and_changes_nothing_of_the_case(office: Office, played: Callable[..., Any]) -> None:
    case = office.opened()
    with office.database.read() as connection:
        before = connection.execute(select(cases)).all()
    with played():
        office.ask(case)
    with office.database.read() as connection:
        assert connection.execute(select(cases)).all() == before
        assert connection.execute(select(decisions)).all() == []


def test_the_asking_and_the_answer_stand_in_the_timeline_of_the_case(
    office: Office, played: Callable[..., Any]
) -> None:
    case = office.opened()
    with played():
        question = office.ask(case)
    with office.database.read() as connection:
        asked, answered = [each for each in list_entries(connection) if each.action.startswith("shield.a")][-2:]
    assert (asked.subject_type, asked.subject_id, asked.actor) == ("case", str(case.id), ACTOR)
    assert asked.details == {
        "question": question.id,
        "cluster": question.cluster_id,
        "digest": hashlib.sha256(ABUSE).hexdigest(),
    }
    assert (answered.subject_id, answered.details["known"]) == (str(case.id), "csam")


@pytest.mark.parametrize("fault", ["null_answer", "missing_key"])
def test_what_is_left_out_of_an_answer_is_not_answered_and_is_asked_again(
    office: Office, played: Callable[..., Any], fault: str
) -> None:
    case = office.opened(OTHER)
    with played(f"pdq:1:{fault}"):
        question = office.ask(case)
        assert (question.state, question.known, question.last_error) == (QuestionState.WAITING, None, "no_answer")
        assert office.later(seconds=29) == 0
        assert office.later(seconds=2) == 1
    assert office.latest(case).known is Known.NO_KNOWN_MATCH
    assert office.latest(case).attempts == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("too_many", "busy"),
        ("unavailable", "unavailable"),
        ("truncated", "unreadable"),
        ("drop_during", "unavailable"),
    ],
)
def test_a_service_in_trouble_has_not_answered_and_answers_later(
    office: Office, played: Callable[..., Any], fault: str, error: str
) -> None:
    case = office.opened()
    with played(f"pdq:1:{fault}"):
        question = office.ask(case)
        assert (question.state, question.known, question.last_error) == (QuestionState.WAITING, None, error)
        assert question.settled_at is None
        assert office.later(minutes=5) == 1
    assert office.latest(case).known is Known.CSAM


def test_a_null_is_no_match_only_where_somebody_said_so(office: Office, played: Callable[..., Any]) -> None:
    first, second = office.opened(OTHER), office.opened(bytes([254]) * 32)
    with played(is_null_no_match=True):
        assert office.ask(first).known is None
        office.later(seconds=1)
        office.desk.change(is_null_no_match=True, actor="cli")
        assert office.ask(second).known is Known.NO_KNOWN_MATCH


# ── a service that refuses, is slow, or asks for patience ──


def test_a_refused_login_stops_everything_until_a_person_acts(office: Office, played: Callable[..., Any]) -> None:
    first, second = office.opened(), office.opened(HARM)
    with played(user="another"):
        assert office.ask(first).last_error == "partner_refused"
        assert office.desk.standing().lacks == "stopped"
        with pytest.raises(QuestionRefused) as refused:
            office.ask(second)
        assert refused.value.why == "stopped"
        assert office.later(days=1) == 0
        office.desk.set_credentials({"user": "another", "password": "simulator"}, actor="cli")
        assert office.later(seconds=1) == 1
    assert office.latest(first).known is Known.CSAM
    assert "shield.stopped" in office.lines()


def test_the_pause_that_it_asks_for_holds_for_every_question(office: Office, played: Callable[..., Any]) -> None:
    first, second = office.opened(), office.opened(HARM)
    with played("pdq:1:too_many=3600") as simulator:
        assert office.ask(first).last_error == "busy"
        assert office.ask(second).attempts == 0  # written down, and not asked
        assert office.later(minutes=59) == 0
        assert len(simulator.transcript()) == 1
        assert office.later(minutes=2) == 1
        assert office.later(minutes=1) == 1
    assert {office.latest(each).known for each in (first, second)} == {Known.CSAM, Known.HARMFUL}


def test_all_processes_together_keep_to_one_pace(office: Office, played: Callable[..., Any]) -> None:
    waiting = [office.opened(bytes([number]) * 32) for number in range(3, 6)]
    with played(calls_per_minute=2) as simulator:
        assert [office.ask(each).attempts for each in waiting] == [1, 0, 0]
        assert [office.later(seconds=29), office.later(seconds=2)] == [0, 1]
        assert office.desk.ask_due() == 0
        assert office.later(seconds=30) == 1
        assert len(simulator.transcript()) == 3


def test_a_question_whose_process_died_is_asked_again(office: Office, played: Callable[..., Any]) -> None:
    case = office.opened()
    with played():
        with office.database.write() as connection:
            connection.execute(update(shield_account).values(next_call_at=office.at + timedelta(seconds=1)))
        office.ask(case)
        office.at += timedelta(seconds=2)
        with office.database.write() as connection:
            lost = claim_question(connection, now=office.at)
        assert lost is not None
        assert office.later(minutes=9) == 0
        assert office.later(minutes=2) == 1
        with office.database.write() as connection:
            answer = ShieldAnswer(Known.NO_KNOWN_MATCH, "no-known-match")
            assert not record_answer(connection, lost, answer, now=office.at)
            assert not record_silence(connection, lost, "no_answer", now=office.at)
    assert office.latest(case).known is Known.CSAM


def test_a_long_silence_is_told_and_given_up_and_never_becomes_a_no(office: Office, played: Callable[..., Any]) -> None:
    case = office.opened()
    with played("pdq:*:unavailable"):
        office.ask(case)
        for _ in range(23):
            office.later(hours=1)
        assert not office.latest(case).is_silent(office.at)
        office.later(hours=2)
        assert office.latest(case).is_silent(office.at)
        office.later(days=7)
    question = office.latest(case)
    assert (question.state, question.known, question.last_error) == (QuestionState.GIVEN_UP, None, "too_long")
    assert question.may_be_asked_again(office.at)
    assert office.lines()[-1] == "shield.given_up"


def test_what_was_asked_about_a_case_that_is_over_is_not_asked_any_more(
    office: Office, played: Callable[..., Any]
) -> None:
    case = office.opened()
    with played("pdq:1:unavailable") as simulator:
        office.ask(case)
        with office.database.write() as connection:
            connection.execute(update(cases).values(state="closed", is_gathering=None))
        assert office.later(hours=1) == 1
        assert len(simulator.transcript()) == 1
        question = office.latest(case)
        assert (question.state, question.last_error) == (QuestionState.GIVEN_UP, "case_over")
        with pytest.raises(QuestionRefused) as refused:
            office.ask(case)
        assert refused.value.why == "over"


# ── what is not asked ──


def test_nobody_is_asked_twice_within_a_day(office: Office, played: Callable[..., Any]) -> None:
    case = office.opened()
    with played() as simulator:
        first = office.ask(case)
        office.at += timedelta(hours=23)
        assert office.ask(case) == first
        office.at += timedelta(hours=2)
        assert office.ask(case).id != first.id
        assert len(simulator.transcript()) == 2


def test_a_question_that_waits_is_the_question(office: Office, played: Callable[..., Any]) -> None:
    case = office.opened()
    with played("pdq:*:unavailable"):
        first = office.ask(case)
        assert office.ask(case).id == first.id
    with office.database.read() as connection:
        assert len(connection.execute(select(shield_questions)).all()) == 1


def test_nothing_is_asked_until_a_person_has_switched_it_on_and_entered_credentials(office: Office) -> None:
    case = office.opened()

    def why() -> str:
        with pytest.raises(QuestionRefused) as refused:
            office.ask(case)
        return refused.value.why

    assert why() == "off"
    office.desk.change(is_enabled=True, actor="cli")
    assert why() == "credentials"
    office.desk.set_credentials({"user": "us", "password": "secret"}, actor="cli")
    office.desk.change(environment="production", actor="cli")
    assert why() == "credentials"  # they were the simulator's
    office.desk.set_credentials({"user": "us", "password": "secret"}, actor="cli")
    assert why() == "arming"
    office.desk.arm(actor="cli")
    assert office.desk.standing().lacks is None
    office.desk.disarm(actor="cli")
    assert why() == "arming"
    office.desk.change(is_enabled=False, actor="cli")
    assert why() == "off"
    with office.database.read() as connection:
        assert connection.execute(select(shield_questions)).all() == []


def test_another_place_disarms_and_takes_the_credentials_away(office: Office) -> None:
    office.switch_on("https://shield.example")
    office.desk.arm(actor="user:1")
    assert office.desk.standing().armed_by == "user:1"
    moved = office.desk.change(base_url="https://elsewhere.example", actor="cli")
    assert (moved.armed_by, moved.has_credentials, moved.is_enabled) == (None, False, True)
    assert moved.place.is_production


def test_a_medium_without_a_pdq_or_of_another_case_is_not_asked_about(
    office: Office, played: Callable[..., Any]
) -> None:
    case, other = office.opened(None), office.opened()
    with played() as simulator:
        with pytest.raises(QuestionRefused) as refused:
            office.ask(case)
        assert refused.value.why == "no_hash"
        with pytest.raises(QuestionRefused) as refused:
            office.ask(other, position=2)
        assert refused.value.why == "no_such_media"
        with office.database.read() as connection:
            strange = beside(connection, case.id, [1, 2]).askable
        with pytest.raises(QuestionRefused) as refused:
            office.desk.ask(case.number, max(strange), actor=ACTOR)
        assert refused.value.why == "no_such_media"
        with pytest.raises(CaseNotFound):
            office.desk.ask("2026-99999", 1, actor=ACTOR)
        assert simulator.transcript() == []


def test_a_hash_of_which_only_persons_own_notices_speak_is_not_sent(office: Office, played: Callable[..., Any]) -> None:
    with office.database.write() as connection:
        bank = create_bank(connection, "INTIMATE", now=office.at)
        create_exchange(connection, bank, "stop_ncii", {}, actor="cli", now=office.at)
    noticed = office.opened(ABUSE, bank=(bank.id, "INTIMATE"))
    with played() as simulator:
        with pytest.raises(QuestionRefused) as refused:
            office.ask(noticed)
        assert refused.value.why == "own_notice"
        assert simulator.transcript() == []


# ── secrets ──


def test_neither_hash_nor_credentials_are_in_any_log_line_audit_or_error(
    office: Office, played: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    password = "a password that nobody may ever see"  # noqa: S105  (nobody's)
    case = office.opened()
    with played("pdq:1:truncated", password=password):
        office.desk.set_credentials({"user": "simulator", "password": password}, actor="cli")
        office.ask(case)
        office.later(minutes=5)
    assert office.latest(case).known is Known.CSAM
    with office.database.read() as connection:
        said = caplog.text + "".join(repr(each) for each in list_entries(connection)) + repr(office.desk.standing())
        stored = connection.execute(select(shield_account.c.credentials)).scalar_one()
    said += repr(office.latest(case))
    for secret in (ABUSE.hex(), "AQEBAQEB", repr(ABUSE)[2:-1], password):
        assert secret not in said
    assert password.encode() not in bytes(stored)


@pytest.mark.parametrize(
    "credentials",
    [
        {},
        {"user": "us"},
        {"user": "us", "password": ""},
        {"user": "u:s", "password": "x"},
        {"user": 1, "password": "x"},
    ],
)
def test_credentials_that_do_not_fit_are_refused_unquoted(office: Office, credentials: dict[str, Any]) -> None:
    with pytest.raises(InvalidExchange):
        office.desk.set_credentials(credentials, actor="cli")
    assert not office.desk.standing().has_credentials
