"""What is said to ThreatExchange: reactions, descriptors of our own, and how each is taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.exchanges.partners.threatexchange_world import World

from hedgerow.errors import OpinionRefused, PartnerRefused, PartnerUnavailable
from hedgerow.exchanges.model import Sayings
from hedgerow.exchanges.partners.threatexchange_opinions import DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEN, AGREE, DISPUTE, NONE = Sayings.SEEN, Sayings.AGREE, Sayings.DISPUTE, Sayings.NONE


@pytest.fixture
def world() -> Iterator[World]:
    opened = World()
    yield opened
    opened.close()


@pytest.fixture
def key(world: World) -> str:
    return world.create(1)[0]


def reactions(world: World, key: str) -> set[str]:
    return {name for name, apps in world.play.expected().reactions.get(key, {}).items() if world.play.app in apps}


def own(world: World, key: str) -> str | None:
    return world.play.expected().opinions[key].get(world.play.app)


@pytest.mark.parametrize(
    ("opinion", "reaction"), [(SEEN, "SAW_THIS_TOO"), (AGREE, "HELPFUL"), (DISPUTE, "DISAGREE_WITH_TAGS")]
)
def test_each_opinion_is_a_reaction_of_its_own(world: World, key: str, opinion: Sayings, reaction: str) -> None:
    world.say(world.saying(opinion, key))
    assert reactions(world, key) == {reaction}
    assert own(world, key) is None


def test_a_later_opinion_takes_the_place_of_the_one_that_it_contradicts(world: World, key: str) -> None:
    world.say(world.saying(SEEN, key))
    world.say(world.saying(AGREE, key, SEEN))
    assert reactions(world, key) == {"SAW_THIS_TOO", "HELPFUL"}
    world.say(world.saying(DISPUTE, key, AGREE))
    assert reactions(world, key) == {"SAW_THIS_TOO", "DISAGREE_WITH_TAGS"}
    world.say(world.saying(NONE, key, DISPUTE))
    assert reactions(world, key) == set()


def test_an_opinion_whose_acknowledgement_was_lost_is_taken_back_as_well(world: World, key: str) -> None:
    """The outbox knows of none before, though the partner took one."""
    agree, dispute = world.saying(AGREE, key), world.saying(DISPUTE, key)
    world.simulator.faults.add("react:2:drop_after")
    with pytest.raises(PartnerUnavailable):
        world.say(agree)
    assert reactions(world, key) == {"HELPFUL"}
    world.say(dispute)
    assert reactions(world, key) == {"DISAGREE_WITH_TAGS"}


def test_every_other_owner_is_told_and_our_own_descriptor_is_not(world: World, key: str) -> None:
    world.simulator.edit({"do": "other_descriptor", "id": key})
    world.simulator.edit({"do": "other_descriptor", "id": key, "owner": world.play.app})
    world.say(world.saying(SEEN, key))
    assert [each.words for each in world.play.written] == [("+SAW_THIS_TOO",)] * 2


def test_a_descriptor_that_is_gone_is_passed_over_and_where_all_are_nobody_hears(world: World, key: str) -> None:
    world.simulator.edit({"do": "other_descriptor", "id": key})
    said = world.saying(AGREE, key)
    world.simulator.edit({"do": "delete", "id": key, "owner": "910000001"})
    world.say(said)
    assert reactions(world, key) == {"HELPFUL"}
    world.simulator.edit({"do": "delete", "id": key})
    with pytest.raises(OpinionRefused, match="nobody else"):
        world.say(said)
    world.say(replace(said, opinion=NONE))  # nothing is left to be taken back


def test_to_agree_publishes_only_where_that_is_wanted_and_is_done_once(world: World, key: str) -> None:
    said = world.saying(AGREE, key)
    for _ in range(2):
        world.say(said, publishes_descriptors=True)
    assert own(world, key) == "MALICIOUS"
    ours = [each for each in world.play._holdings.descriptors.values() if each.owner == world.play.app]
    assert [(each.share_level, each.privacy_type, each.description) for each in ours] == [
        ("RED", "HAS_PRIVACY_GROUP", DESCRIPTION)
    ]
    assert ours[0].groups == {world.play.group}


@pytest.mark.parametrize("opinion", [DISPUTE, NONE])
@pytest.mark.parametrize("publishes", [True, False])
def test_what_was_published_is_deleted_when_it_is_taken_back(
    world: World, key: str, opinion: Sayings, publishes: bool
) -> None:
    """Also where the configuration was changed meanwhile, and where the record as we have it does not show ours yet."""
    before = world.saying(AGREE, key)
    world.say(before, publishes_descriptors=True)
    said = replace(before, opinion=opinion, previous=AGREE)
    for _ in range(2):
        world.say(said, publishes_descriptors=publishes)
        assert own(world, key) is None


def test_what_somebody_published_with_our_app_by_other_means_is_left_as_it_is(world: World, key: str) -> None:
    change = {
        "do": "other_descriptor",
        "id": key,
        "owner": world.play.app,
        "description": "By hand",
        "status": "SUSPICIOUS",
    }
    world.simulator.edit(change)
    for opinion in (AGREE, DISPUTE, NONE):
        world.say(world.saying(opinion, key, AGREE), publishes_descriptors=True)
        assert own(world, key) == "SUSPICIOUS"


def test_a_record_that_only_we_speak_of_is_ours_and_disputes_nothing(world: World) -> None:
    key = world.simulator.edit({"do": "create", "owner": world.play.app, "status": "NON_MALICIOUS"})["id"]
    record = world.record(key)
    assert (record.contributor, record.category, record.is_disputed) == (world.play.app, "NON_MALICIOUS", False)
    assert record.handle["descriptors"] == []
    assert len(record.handle["own"]) == 1
    with pytest.raises(OpinionRefused):
        world.say(world.saying(SEEN, key))


def test_our_own_reaction_disputes_nothing_and_that_of_another_does(world: World, key: str) -> None:
    world.say(world.saying(DISPUTE, key))
    assert not world.record(key).is_disputed
    world.simulator.edit({"do": "react", "id": key, "reaction": "DISAGREE_WITH_TAGS"})
    assert world.record(key).is_disputed


def test_no_value_is_in_an_address_when_something_is_said(world: World, key: str) -> None:
    """Proxies write addresses down."""
    value = world.play.expected().indicators[key][1]
    seen: list[str] = []
    session = world.session(publishes_descriptors=True)
    said = world.saying(AGREE, key)
    assert session.http._client is not None
    session.http._client.event_hooks = {"request": [lambda request: seen.append(str(request.url))]}
    world.partner.send(session, said)
    session.http.close()
    assert len(seen) == 4
    assert not any(value in each or world.play.token.partition("|")[2] in each for each in seen)


def test_a_handle_that_holds_no_numbers_leads_nowhere(world: World, key: str) -> None:
    handle: dict[str, Any] = {"descriptors": ["../me", "12?x=1", None], "indicator": "me/accounts", "own": ["1"]}
    said = replace(world.saying(DISPUTE, key), handle=handle)
    calls = len(world.simulator.transcript())
    with pytest.raises(OpinionRefused):
        world.say(said)
    assert len(world.simulator.transcript()) == calls


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("unauthorized", PartnerRefused),
        ("expired_token", PartnerRefused),
        ("throttled", PartnerUnavailable),
        ("too_many", PartnerUnavailable),
        ("server_error", PartnerUnavailable),
        ("not_what_was_asked", PartnerUnavailable),
        ("drop_before", PartnerUnavailable),
    ],
)
def test_what_fails_is_tried_again_later_or_stops_us_and_is_never_taken_as_done(
    world: World, key: str, fault: str, error: type[Exception]
) -> None:
    said = world.saying(AGREE, key)
    world.simulator.faults.add(f"react:1:{fault}")
    with pytest.raises(error):
        world.say(said)
    world.say(said)
    assert reactions(world, key) == {"HELPFUL"}
