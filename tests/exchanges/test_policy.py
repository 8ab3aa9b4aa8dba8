"""One hash on five lists: what the guide says of each is what happens."""

from __future__ import annotations

import itertools
import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.exchanges.living import KEYS

from hedgerow.app.exchanges import Exchanges
from hedgerow.banks import Attributes, Matcher, NewEntry, add_entries, create_bank
from hedgerow.hashing.signal import Signal
from hedgerow.policy import MatchFacts, SubmissionFacts, Then, Tier, decide, gravest, read_policy
from hedgerow.policy.rules import in_words
from hedgerow.screening.screen import judge
from hedgerow.settings import load_settings
from hedgerow.simulators.ncmec_hashes import TAKE_IT_DOWN_MEMBER, NcmecHashesPlay
from hedgerow.simulators.stage import Simulator
from hedgerow.simulators.stopncii import StopNciiPlay
from hedgerow.workers.model import Parts

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.database import Database
    from hedgerow.policy import Outcome, Policy

__all__: list[str] = []

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "policy.md"
HASH = "01" * 32
AT = "2025-06-01T12:00:00+00:00"
NCMEC = {"user": "simulator", "password": "simulator"}
STOPNCII = {
    "subscription_key": "simulator-subscription",
    "fetch_function_key": "simulator-fetch",
    "feedback_function_key": "simulator-feedback",
}


@pytest.fixture(scope="module")
def documented() -> str:
    _, _, section = GUIDE.read_text("utf-8").partition("## A policy for partners' lists\n")
    return section.partition("\n## ")[0]


@pytest.fixture(scope="module")
def policy(documented: str) -> Policy:
    (text,) = re.findall(r"```toml\n(.*?)```", documented, re.DOTALL)
    return read_policy(text)


def _entry(play: Any, environment: str, member: int, **more: Any) -> dict[str, Any]:
    about = {"environment": environment, "member": member, "id": "e1"}
    return {"do": "create", **about, "fingerprints": {"pdq": HASH}, "at": AT, **more}


def _fill(database: Database, folder: Path, now: datetime) -> None:
    """Let five lists have one hash: three by way of partners, one that is disputed, and our own."""
    ncmec, stopncii = NcmecHashesPlay(), StopNciiPlay()
    with ExitStack() as stack:
        theirs = stack.enter_context(Simulator(ncmec))
        other = stack.enter_context(Simulator(stopncii))
        theirs.edit(_entry(ncmec, "hashsharing", 42, classification="A1"))
        theirs.edit(_entry(ncmec, "npo", TAKE_IT_DOWN_MEMBER))
        theirs.edit(_entry(ncmec, "exploitative-hashsharing", 42, classification="A1"))
        dispute = {"voter": 45, "type": "pdq", "is_affirmative": False, "reasons": ["Example Reason 1"]}
        theirs.edit({"do": "vote", "environment": "exploitative-hashsharing", "member": 42, "id": "e1", **dispute})
        other.edit({"do": "create", "hashValue": HASH})
        exchanges = Exchanges(Parts(load_settings(data=folder), database, KEYS))
        for name, kind, config, keys in (
            ("ncmec", "ncmec", {"base_url": f"{theirs.url}/hashsharing"}, NCMEC),
            ("take-it-down", "ncmec", {"base_url": f"{theirs.url}/npo", "only_members": ["take_it_down"]}, NCMEC),
            ("ncmec-exploitative", "ncmec", {"base_url": f"{theirs.url}/exploitative-hashsharing"}, NCMEC),
            ("stopncii", "stop_ncii", {"base_url": other.url}, STOPNCII),
        ):
            exchanges.create(name, kind, config, actor="user:1")
            exchanges.set_credentials(name, keys, actor="user:1")
            end = exchanges.fetch_now(name)
            assert end is not None
            assert (end.error, end.applied.added) == (None, 1)
    with database.write() as connection:
        bank = create_bank(connection, "ours", now=now)
        new = NewEntry(Signal.from_text("pdq", HASH), Attributes(provenance="person"))
        add_entries(connection, bank, [new], now=now)


def test_one_hash_on_five_lists_leads_to_the_five_things_that_are_documented(
    database: Database, tmp_path: Path, now: datetime, policy: Policy, documented: str
) -> None:
    _fill(database, tmp_path, now)
    matcher = Matcher(database, tmp_path / "index")
    matcher.load()
    found = matcher.search([Signal.from_text("pdq", HASH)])
    outcomes: dict[str, Outcome] = {each.bank: judge(each, policy, 1, None).outcome for each in found}
    words = {bank: in_words(outcome) for bank, outcome in outcomes.items()}
    assert words == {
        "ncmec": "action, priority 1, known, event content.remove, deadline us_cybertip, no look needed",
        "take-it-down": "hold for review, priority 1, known, deadline us_tida",
        "stopncii": "hold for review, priority 2, known, deadline uk_ncii",
        "ours": "action, priority 2, known, event content.remove",
        "ncmec-exploitative": "review, priority 3, known",
    }
    assert gravest(outcomes.values()) == outcomes["ncmec"]
    rows = re.findall(r"^\| (.*?) \| (.*?) \|$", documented, re.MULTILINE)[2:]
    told = [
        tuple(words[bank].split(", ")[:2])
        for bank in ("ncmec", "take-it-down", "stopncii", "ours", "ncmec-exploitative")
    ]
    assert len(rows) == len(told)
    for (_, said), (then, priority) in zip(rows, told, strict=True):
        assert said.startswith(then)
        assert priority in said


def test_what_nobody_has_verified_is_never_acted_upon(policy: Policy) -> None:
    lists = ("exchange:take-it-down", "exchange:stopncii", "exchange:of-tomorrow", "import")
    for provenance, category, tier, is_disputed in itertools.product(
        lists, (None, "A1", "Active", "Unconfirmed"), Tier, (False, True)
    ):
        facts = MatchFacts("a bank", provenance, category, "pdq", tier, 0, is_disputed=is_disputed)
        outcome = decide(policy, facts, SubmissionFacts())
        assert outcome.then in {Then.REVIEW, Then.HOLD_FOR_REVIEW}
        assert not outcome.allows_no_look
    for category, tier in itertools.product((None, "C9"), Tier):  # nor what NCMEC's members did not classify
        facts = MatchFacts("ncmec", "exchange:ncmec", category, "pdq", tier, 0)
        assert decide(policy, facts, SubmissionFacts()).then is Then.REVIEW
