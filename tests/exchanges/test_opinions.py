"""What people decide is said to the partners: once, the right thing, and however long a partner is away."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update
from tests.exchanges.living import HASTY, KEYS, House, Shared
from tests.exchanges.world import Killed

from hedgerow.accounts.model import Role
from hedgerow.accounts.records import create_user
from hedgerow.app import exchanges as app_exchanges
from hedgerow.app.exchanges import Exchanges
from hedgerow.banks.tables import entries
from hedgerow.cases import (
    ContentSignal,
    NewMatch,
    NewSubmission,
    Statement,
    Verdict,
    claim_case,
    decide,
    find_case,
    open_or_join_case,
    record_submission,
    supersede,
)
from hedgerow.exchanges import fetching
from hedgerow.exchanges.credentials import open_credentials, set_credentials
from hedgerow.exchanges.exchanging import arm_exchange, change_exchange
from hedgerow.exchanges.model import OpinionState, Sayings
from hedgerow.exchanges.opinions import claim_opinion, count_opinions, list_opinions, record_sent
from hedgerow.exchanges.partners.registry import find_partner
from hedgerow.exchanges.tables import exchange_opinions, exchanges
from hedgerow.policy import Outcome, Then, Tier, install_default
from hedgerow.settings import load_settings
from hedgerow.simulators.feed import FeedPlay
from hedgerow.simulators.ncmec_hashes import NcmecHashesPlay
from hedgerow.simulators.stopncii import StopNciiPlay
from hedgerow.simulators.threatexchange import ThreatExchangePlay
from hedgerow.workers.effecting import take_effects
from hedgerow.workers.model import Parts, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hedgerow.cases import Case, Decision
    from hedgerow.database import Database
    from hedgerow.exchanges.model import Opinion

__all__: list[str] = []

PDQ = ["01" * 32, "ab" * 32, "f0" * 32]


class Desk:
    """A house whose partner has one entry for each signal of `PDQ`, and a reviewer who decides about matches."""

    def __init__(self, house: House[Any], folder: Path, call: str, heard: Callable[[], list[str]]) -> None:
        self.house = house
        self.database = house.database
        self.call = call
        self.heard = heard
        self.contents = 0
        self.parts = Parts(load_settings(data=folder / "desk"), self.database, KEYS)
        with self.database.write() as connection:
            self.user = create_user(connection, "ada", roles=[Role.REVIEWER], actor="system", now=self.now).id
            self.policy = install_default(connection, now=self.now)
        self.switch(sends=True)

    @property
    def now(self) -> Any:
        return self.house.simulator.clock.now()

    def switch(self, *, sends: bool) -> None:
        with self.database.write() as connection:
            change_exchange(connection, self.house.name, sends_opinions=sends, actor="user:1", now=self.now)

    def entry(self, number: int) -> int:
        with self.database.read() as connection:
            bits = bytes.fromhex(PDQ[number])
            found = select(entries.c.id).where(entries.c.bits == bits, entries.c.withdrawn_at.is_(None))
            return int(connection.execute(found).scalar_one())

    def opened(self, number: int, *distances: int, account: str | None = None) -> Case:
        """Submit a file for each distance that matches a partner's entry from so far."""
        gathered = None
        for distance in distances or (0,):
            self.contents += 1
            digest = hashlib.sha256(b"content %d" % self.contents).digest()
            tier = Tier.NEAR if distance else Tier.EXACT
            match = NewMatch(
                bank_id=1,
                bank_name=self.house.name,
                entry_id=self.entry(number),
                provenance=f"exchange:{self.house.name}",
                signal_type="pdq",
                distance=distance,
                threshold=31,
                variant="as is",
                tier=tier,
                outcome=Outcome("a rule", Then.REVIEW, 2, "near" if distance else "known"),
                policy_version=self.policy,
            )
            sent = NewSubmission(
                f"content-{self.contents}",
                door="api",
                account_id=account or f"account-{self.contents}",
                media_type="image/jpeg",
                sha256=digest,
            )
            with self.database.write() as connection:
                submission = record_submission(connection, sent, now=self.now).submission
                signal = ContentSignal(digest, 100)
                gathered = open_or_join_case(
                    connection, submission, [match], signal=signal, actor="key:1", now=self.now
                )
        assert gathered is not None
        return gathered.case

    def decided(self, case: Case, verdict: Verdict, reason: str | None = None) -> Decision:
        """Decide, and let it take effect."""
        with self.database.write() as connection:
            claim = claim_case(connection, case.id, self.user, now=self.now)
            version = find_case(connection, case.id).version
            said = Statement(verdict, reason=reason)
            made = decide(connection, claim, said, seen_version=version, cluster_id=None, now=self.now)
        self.take_effects()
        return made[-1]

    def corrected(self, decision: Decision, verdict: Verdict, reason: str | None = None) -> Decision:
        with self.database.write() as connection:
            made = supersede(
                connection, decision.id, Statement(verdict, reason=reason), user_id=self.user, now=self.now
            )
        self.take_effects()
        return made

    def take_effects(self) -> None:
        self.house.wait(minutes=2)
        take_effects(self.parts, Turn(lambda: self.now))

    def send(self, **later: float) -> int:
        self.house.wait(**later)
        return Exchanges(self.parts).send_opinions()

    def opinions(self) -> list[Opinion]:
        """Return them, the oldest first."""
        with self.database.read() as connection:
            return list_opinions(connection)[::-1]

    def states(self) -> list[tuple[str, str]]:
        return [(str(each.opinion), str(each.state)) for each in self.opinions()]


def _ncmec() -> tuple[Any, str, dict[str, Any], dict[str, str], str, Callable[[], list[str]]]:
    play = NcmecHashesPlay()
    words = {True: "agree", False: "dispute"}

    def heard() -> list[str]:
        return [words[each.is_affirmative] for each in play.votes("hashsharing") for _ in range(each.times)]

    config = {"base_url": "/hashsharing", "dispute_reason_different_media": "Example Reason 2"}
    return play, "ncmec", config, {"user": "simulator", "password": "simulator"}, "feedback", heard


def _stopncii() -> tuple[Any, str, dict[str, Any], dict[str, str], str, Callable[[], list[str]]]:
    play = StopNciiPlay()
    words = {"PendingReview": "seen", "Blocked": "agree", "NotBlocked": "dispute", "None": "none"}
    keys = {
        "subscription_key": "simulator-subscription",
        "fetch_function_key": "simulator-fetch",
        "feedback_function_key": "simulator-feedback",
    }
    return play, "stop_ncii", {}, keys, "feedback", lambda: [words[each.value] for each in play.feedback]


def _threatexchange() -> tuple[Any, str, dict[str, Any], dict[str, str], str, Callable[[], list[str]]]:
    play = ThreatExchangePlay()
    words = {"+SAW_THIS_TOO": "seen", "+HELPFUL": "agree", "+DISAGREE_WITH_TAGS": "dispute"}

    def heard() -> list[str]:
        return [words[word] for each in play.written for word in each.words if word in words]

    config = {"privacy_group": int(play.group)}
    return play, "fb_threatexchange", config, {"api_token": play.token}, "react", heard


def _feed() -> tuple[Any, str, dict[str, Any], dict[str, str], str, Callable[[], list[str]]]:
    play = FeedPlay()
    return (
        play,
        "hedgerow",
        {"list": "shared"},
        {"key": play.key},
        "opinion",
        lambda: [each.opinion for each in play.stated],
    )


_PARTNERS = {"ncmec": _ncmec, "stop_ncii": _stopncii, "fb_threatexchange": _threatexchange, "hedgerow": _feed}


def _put_in(house: House[Any], kind: str) -> None:
    for number, value in enumerate(PDQ):
        house.simulator.edit(
            {
                "ncmec": {"do": "create", "member": 42, "id": f"e{number}", "fingerprints": {"pdq": value}},
                "stop_ncii": {"do": "create", "hashValue": value},
                "fb_threatexchange": {"do": "create", "value": value},
                "hedgerow": {"do": "create", "type": "pdq", "value": value},
            }[kind]
        )


@pytest.fixture
def desk_of(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Desk]]:
    """Give a function that makes a desk with a partner of a kind."""
    monkeypatch.setattr(fetching, "PartnerHttp", Shared)
    monkeypatch.setattr(Exchanges, "_limits", lambda _: HASTY)
    opened: list[House[Any]] = []

    def made(kind: str) -> Desk:
        play, kind, config, keys, call, heard = _PARTNERS[kind]()
        house = House(database, tmp_path, play, kind, config, keys)
        opened.append(house)
        monkeypatch.setattr(app_exchanges, "now", house.simulator.clock.now)
        _put_in(house, kind)
        house.wait(minutes=1)
        assert house.fetch() is not None
        return Desk(house, tmp_path, call, heard)

    yield made
    for each in opened:
        each.close()


@pytest.fixture
def desk(desk_of: Callable[[str], Desk]) -> Desk:
    return desk_of("hedgerow")


_KINDS = pytest.mark.parametrize("kind", _PARTNERS)


@_KINDS
def test_what_is_confirmed_is_agreed_to_and_what_is_not_what_it_should_be_is_disputed_once(
    desk_of: Callable[[str], Desk], kind: str
) -> None:
    desk = desk_of(kind)
    desk.decided(desk.opened(0), Verdict.CONFIRMED)
    desk.decided(desk.opened(1), Verdict.NOT_A_MATCH, "different_media")
    assert desk.heard() == []
    assert [desk.send() for _ in range(2)] == [2, 0]
    assert desk.heard() == ["agree", "dispute"]
    assert [(each.opinion, each.reason, each.state) for each in desk.opinions()] == [
        (Sayings.AGREE, None, OpinionState.ACKNOWLEDGED),
        (Sayings.DISPUTE, "different_media", OpinionState.ACKNOWLEDGED),
    ]


@_KINDS
def test_a_stranger_that_only_looks_alike_disputes_nothing(desk_of: Callable[[str], Desk], kind: str) -> None:
    desk = desk_of(kind)
    desk.decided(desk.opened(0, 12), Verdict.NOT_A_MATCH)
    desk.send()
    assert desk.heard() == (["seen"] if Sayings.SEEN in find_partner(kind).opinions else [])


@_KINDS
def test_a_correction_takes_the_place_of_what_was_said(desk_of: Callable[[str], Desk], kind: str) -> None:
    desk = desk_of(kind)
    first = desk.decided(desk.opened(0), Verdict.CONFIRMED)
    desk.send()
    desk.corrected(first, Verdict.NOT_A_MATCH)
    desk.send()
    assert desk.heard()[-1] == "dispute"
    assert [(each.opinion, each.reason) for each in desk.opinions()] == [("agree", None), ("dispute", "lawful")]


@_KINDS
def test_a_partner_that_is_away_for_a_day_loses_no_opinion(desk_of: Callable[[str], Desk], kind: str) -> None:
    desk = desk_of(kind)
    desk.house.simulator.faults.add(f"{desk.call}:*:unavailable")
    for number in range(3):
        desk.decided(desk.opened(number), Verdict.CONFIRMED)
    for _ in range(24):
        desk.send(hours=1)
    assert desk.heard() == []
    waiting = desk.opinions()
    assert {each.state for each in waiting} == {OpinionState.WAITING}
    assert all(each.due_at is not None for each in waiting)
    assert any(each.last_error == "partner_unavailable" for each in waiting)
    desk.house.simulator.faults.clear()
    desk.send(hours=6)
    assert desk.heard() == ["agree"] * 3
    assert {each.state for each in desk.opinions()} == {OpinionState.ACKNOWLEDGED}


@_KINDS
def test_a_death_between_sending_and_writing_it_down_ends_in_the_same_once_more(
    desk_of: Callable[[str], Desk], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of(kind)
    desk.decided(desk.opened(0), Verdict.CONFIRMED)

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr("hedgerow.exchanges.opinions.record_sent", die)
        with pytest.raises(Killed):
            desk.send()
    assert desk.send() == 0  # nobody else sends it while it may be on its way
    assert desk.send(minutes=31) == 1
    assert set(desk.heard()) == {"agree"}
    if kind == "hedgerow":
        assert desk.heard() == ["agree"]  # its token lets it be taken once
    assert desk.states() == [("agree", "acknowledged")]
    assert desk.send(hours=30) == 0


@_KINDS
def test_an_answer_that_was_lost_is_asked_for_again(desk_of: Callable[[str], Desk], kind: str) -> None:
    desk = desk_of(kind)
    for fault in ("drop_after", "server_error", "drop_before"):
        desk.house.simulator.faults.add(f"{desk.call}:1:{fault}")
    desk.decided(desk.opened(0), Verdict.CONFIRMED)
    for _ in range(4):
        desk.send(hours=1)
    assert set(desk.heard()) == {"agree"}
    assert desk.states() == [("agree", "acknowledged")]


# ── what waits ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_opinion_that_was_not_sent_yet_is_never_sent_once_another_was_made(desk: Desk) -> None:
    first = desk.decided(desk.opened(0), Verdict.CONFIRMED)
    desk.corrected(first, Verdict.NOT_A_MATCH)
    desk.send()
    assert desk.heard() == ["dispute"]
    assert desk.states() == [("agree", "replaced"), ("dispute", "acknowledged")]


def test_an_opinion_that_may_have_been_sent_is_taken_back(desk_of: Callable[[str], Desk]) -> None:
    # NCMEC takes no "seen", StopNCII does: what was on its way when the other decision came must not stand.
    desk = desk_of("stop_ncii")
    first = desk.decided(desk.opened(0, 9), Verdict.CONFIRMED)
    with desk.database.write() as connection:
        claimed = claim_opinion(connection, now=desk.now)
    assert claimed is not None
    desk.corrected(first, Verdict.NOT_A_MATCH)
    assert desk.send() == 0  # it does not overtake the one before it
    with desk.database.write() as connection:
        assert record_sent(connection, claimed, error=None, now=desk.now)
    assert desk.send() == 1
    assert desk.heard() == ["seen"]
    assert desk.states() == [("agree", "acknowledged"), ("seen", "acknowledged")]
    assert [each.attempts for each in desk.opinions()] == [1, 1]


def test_one_that_was_replaced_on_its_way_and_failed_is_not_sent_again(desk: Desk) -> None:
    first = desk.decided(desk.opened(0), Verdict.CONFIRMED)
    with desk.database.write() as connection:
        claimed = claim_opinion(connection, now=desk.now)
    assert claimed is not None
    desk.corrected(first, Verdict.NOT_A_MATCH)
    with desk.database.write() as connection:
        record_sent(connection, claimed, error="partner_unavailable", now=desk.now)
    desk.send(hours=1)
    assert desk.heard() == ["dispute"]
    assert desk.states() == [("agree", "replaced"), ("dispute", "acknowledged")]


def test_two_workers_do_not_send_one_opinion_both(desk: Desk) -> None:
    desk.decided(desk.opened(0), Verdict.CONFIRMED)
    with desk.database.write() as connection:
        first = claim_opinion(connection, now=desk.now)
        assert claim_opinion(connection, now=desk.now) is None
    assert first is not None
    desk.house.wait(minutes=31)
    with desk.database.write() as connection:
        second = claim_opinion(connection, now=desk.now)
        assert second is not None
        assert not record_sent(connection, first, error="partner_unavailable", now=desk.now)
        assert record_sent(connection, second, error=None, now=desk.now)
    assert desk.states() == [("agree", "acknowledged")]
    assert desk.send(hours=24) == 0


def test_what_a_paused_exchange_or_one_that_sends_nothing_has_to_say_waits(desk: Desk) -> None:
    desk.decided(desk.opened(0), Verdict.CONFIRMED)
    for column in ("is_enabled", "sends_opinions"):
        with desk.database.write() as connection:
            connection.execute(update(exchanges).values({column: False}))
        assert desk.send(hours=1) == 0
        with desk.database.write() as connection:
            connection.execute(update(exchanges).values({column: True}))
    assert desk.send() == 1


def test_what_may_not_leave_the_house_uses_up_no_try_and_goes_at_once_when_the_exchange_is_armed(desk: Desk) -> None:
    desk.decided(desk.opened(0), Verdict.CONFIRMED)
    for _ in range(9):
        desk.house.wait(hours=2)
        with desk.database.write() as connection:
            claimed = claim_opinion(connection, now=desk.now)
            assert claimed is not None
            assert record_sent(connection, claimed, error="not_armed", now=desk.now)
    (waiting,) = desk.opinions()
    assert (waiting.attempts, waiting.last_error) == (0, "not_armed")
    assert desk.send(minutes=5) == 0
    with desk.database.write() as connection:
        arm_exchange(connection, desk.house.name, actor="user:1", now=desk.now)
    assert desk.send(seconds=0) == 1
    assert desk.states() == [("agree", "acknowledged")]


def test_what_waits_for_credentials_goes_at_once_when_they_are_entered(desk: Desk) -> None:
    desk.decided(desk.opened(0), Verdict.CONFIRMED)
    with desk.database.write() as connection:
        claimed = claim_opinion(connection, now=desk.now)
        assert claimed is not None
        assert record_sent(connection, claimed, error="credentials_missing", now=desk.now)
        credentials = open_credentials(connection, claimed.exchange, keys=KEYS)
    assert desk.send(minutes=5) == 0
    with desk.database.write() as connection:
        set_credentials(connection, claimed.exchange, credentials, keys=KEYS, actor="user:1", now=desk.now)
    assert desk.send(seconds=0) == 1
    assert desk.states() == [("agree", "acknowledged")]


@pytest.mark.parametrize(
    ("reason", "told"),
    [("low_quality", "low_quality"), ("different_media: a lamp", "different_media"), ("a lamp: no more", "lawful")],
)
def test_why_it_is_disputed_is_the_word_at_the_head_of_the_reason(desk: Desk, reason: str, told: str) -> None:
    desk.decided(desk.opened(0), Verdict.NOT_A_MATCH, reason)
    assert [(each.opinion, each.reason) for each in desk.opinions()] == [(Sayings.DISPUTE, told)]


def test_what_is_decided_while_nothing_is_sent_replaces_what_waits_and_says_nothing_new(desk: Desk) -> None:
    first = desk.decided(desk.opened(0), Verdict.CONFIRMED)
    desk.switch(sends=False)
    desk.decided(desk.opened(1), Verdict.CONFIRMED)
    desk.corrected(first, Verdict.NOT_A_MATCH)
    assert desk.send() == 0
    desk.switch(sends=True)
    desk.send()
    assert desk.heard() == ["dispute"]


def test_a_stranger_in_another_case_takes_back_nothing(desk: Desk) -> None:
    desk.decided(desk.opened(0), Verdict.CONFIRMED)
    desk.send()
    desk.decided(desk.opened(0, 9), Verdict.NOT_A_MATCH)
    desk.send()
    assert desk.heard() == ["agree"]


def test_the_same_once_more_is_not_said_again(desk: Desk) -> None:
    for _ in range(2):
        desk.decided(desk.opened(0), Verdict.CONFIRMED)
        desk.send()
    assert desk.heard() == ["agree"]


def test_a_decision_about_several_files_is_one_opinion_on_each_record(desk: Desk) -> None:
    desk.decided(desk.opened(0, 9, 0, 4, account="one"), Verdict.NOT_A_MATCH)
    desk.send()
    assert desk.heard() == ["dispute"]


def test_what_was_withdrawn_and_came_back_is_still_spoken_of(desk: Desk) -> None:
    case = desk.opened(0)
    for do in ("delete", "recreate"):
        desk.house.simulator.edit({"do": do, "id": 1} | ({"type": "pdq", "value": PDQ[0]} if do == "recreate" else {}))
        desk.house.wait(minutes=1)
        desk.house.fetch()
    desk.decided(case, Verdict.CONFIRMED)
    desk.send()
    assert desk.heard() == ["agree"]


def test_what_the_partner_has_no_more_is_refused_and_said_so(desk: Desk) -> None:
    case = desk.opened(0)
    desk.house.simulator.edit({"do": "delete", "id": 1})
    desk.decided(case, Verdict.CONFIRMED)
    assert desk.send() == 1
    (only,) = desk.opinions()
    assert (only.state, only.due_at, only.last_error) == (OpinionState.REFUSED, None, "opinion_refused")
    assert desk.send(hours=100) == 0


def test_a_thousand_opinions_are_not_each_tried_at_a_partner_that_is_away(desk: Desk) -> None:
    for number in range(3):
        desk.decided(desk.opened(number), Verdict.CONFIRMED)
    desk.house.simulator.faults.add("opinion:*:unavailable")
    assert desk.send() == 1
    assert sorted(each.attempts for each in desk.opinions()) == [0, 0, 1]


def test_opinions_of_a_partner_whose_adapter_is_gone_wait(desk: Desk) -> None:
    with desk.database.write() as connection:
        connection.execute(update(exchanges).values(kind="no_such_kind"))
    desk.decided(desk.opened(0), Verdict.CONFIRMED)
    desk.send()
    assert desk.states() == [("agree", "waiting")]
    with desk.database.write() as connection:
        connection.execute(update(exchanges).values(kind="hedgerow"))
        connection.execute(update(exchange_opinions).values(due_at=desk.now))
    desk.send()
    assert desk.heard() == ["agree"]


def test_opinions_are_counted_by_how_they_stand(desk: Desk) -> None:
    desk.decided(desk.opened(0), Verdict.CONFIRMED)
    desk.send()
    desk.decided(desk.opened(1), Verdict.CONFIRMED)
    exchange = Exchanges(desk.parts).find_exchange(desk.house.name)
    with desk.database.read() as connection:
        assert count_opinions(connection, exchange) == {OpinionState.ACKNOWLEDGED: 1, OpinionState.WAITING: 1}
        assert [each.opinion for each in list_opinions(connection, exchange, state=OpinionState.WAITING)] == ["agree"]
