from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.policy import (
    MatchFacts,
    Outcome,
    PastMatch,
    SubmissionFacts,
    Then,
    Tier,
    compare,
    decide,
    default_policy_text,
    gravest,
    read_policy,
    tier_of,
)

_MATCH = MatchFacts("ours", "person", None, "pdq", Tier.NEAR, 8)
_NOWHERE = SubmissionFacts()


def _policy(when: str, then: str = "log") -> object:
    return read_policy(f'[[rule]]\nname = "a"\nwhen = {when}\nthen = "{then}"\n[default]\nthen = "ignore"\n')


@pytest.mark.parametrize(
    ("distance", "variant", "tier"),
    [
        (0, "as is", Tier.EXACT),
        (0, "as stored", Tier.EXACT),
        (0, "over black", Tier.EXACT),
        (0, "frame 3, transparency ignored", Tier.EXACT),
        (0, "frame at 1:02:05.0", Tier.EXACT),
        (1, "as is", Tier.NEAR),
        (31, "frame 3", Tier.NEAR),
        (0, "mirrored", Tier.ALTERED),
        (0, "frame 3, mirrored", Tier.ALTERED),
        (9, "cropped 2.5 %", Tier.ALTERED),
        (0, "resized", Tier.ALTERED),
        (0, "", Tier.ALTERED),
    ],
)
def test_a_tier_says_how_surely_it_is_the_known_file(distance: int, variant: str, tier: Tier) -> None:
    assert tier_of(distance, variant) is tier


@pytest.mark.parametrize(
    ("when", "match", "surface", "does_fit"),
    [
        ("{}", {}, None, True),
        ('{ bank = "ours" }', {}, None, True),
        ('{ bank = "our" }', {}, None, False),
        ('{ bank = "ou*" }', {}, None, True),
        ('{ provenance = "exchange:*" }', {"provenance": "exchange:partner"}, None, True),
        ('{ provenance = "exchange:*" }', {}, None, False),
        ('{ category = "A1" }', {"category": "A1"}, None, True),
        ('{ category = "*" }', {}, None, False),
        ('{ signal_type = ["md5", "pdq"] }', {}, None, True),
        ('{ tier = "exact" }', {}, None, False),
        ('{ surface = "avatar" }', {}, "avatar", True),
        ('{ surface = "avatar" }', {}, None, False),
        ("{ distance_at_most = 8 }", {}, None, True),
        ("{ distance_at_most = 7 }", {}, None, False),
        ("{ video_share_at_least = 0.5 }", {"signal_type": "vpdq", "known_share": 0.5}, None, True),
        ("{ video_share_at_least = 0.5 }", {"signal_type": "vpdq", "query_share": 0.9, "known_share": 0.1}, None, True),
        ("{ video_share_at_least = 0.5 }", {"signal_type": "vpdq", "query_share": 0.4}, None, False),
        ("{ video_share_at_least = 0.5 }", {}, None, False),
        ('{ bank = "ours", distance_at_most = 3 }', {}, None, False),
    ],
)
def test_a_rule_fits_when_all_its_conditions_hold(
    when: str, match: dict[str, object], surface: str | None, does_fit: bool
) -> None:
    outcome = decide(_policy(when), replace(_MATCH, **match), SubmissionFacts(surface))  # type: ignore[arg-type]  # what a parametrised test passes on
    assert outcome.rule == ("a" if does_fit else "default")


def test_the_first_rule_that_fits_wins() -> None:
    policy = read_policy(
        '[[rule]]\nname = "a"\nwhen = { distance_at_most = 3 }\nthen = "log"\n'
        '[[rule]]\nname = "b"\nwhen = { distance_at_most = 9 }\nthen = "ignore"\n'
        '[default]\nthen = "ignore"\n'
    )
    assert [decide(policy, replace(_MATCH, distance=each), _NOWHERE).rule for each in (3, 8, 30)] == [
        "a",
        "b",
        "default",
    ]


def test_a_case_goes_to_the_queue_of_its_tier_unless_the_rule_names_one() -> None:
    text = '[[rule]]\nname = "a"\nwhen = { bank = "x" }\nthen = "review"\npriority = 1\nqueue = "escalated"\n'
    policy = read_policy(text + '[default]\nthen = "review"\npriority = 4\n')
    queues = [decide(policy, replace(_MATCH, tier=tier), _NOWHERE).queue for tier in Tier]
    assert queues == ["known", "near", "near"]
    assert decide(policy, replace(_MATCH, bank="x"), _NOWHERE).queue == "escalated"


def test_the_shipped_policy_lets_only_what_a_partner_classified_and_matches_exactly_be_confirmed_unseen() -> None:
    policy = read_policy(default_policy_text())
    known = replace(_MATCH, tier=Tier.EXACT, distance=0, provenance="exchange:ncmec", category="A1")
    outcome = decide(policy, known, _NOWHERE)
    assert (outcome.then, outcome.priority, outcome.allows_no_look) == (Then.HOLD_FOR_REVIEW, 1, True)
    unclassified = decide(policy, replace(known, category=None), _NOWHERE)
    assert (unclassified.then, unclassified.priority) == (Then.HOLD_FOR_REVIEW, 1)
    others = {"category": "C9"}, {"category": None}, {"provenance": "person"}, {"tier": Tier.NEAR, "distance": 3}
    for other in others:
        assert not decide(policy, replace(known, **other), _NOWHERE).allows_no_look  # type: ignore[arg-type]  # values of several fields


def test_the_shipped_policy_holds_nothing_back_that_is_disputed() -> None:
    policy = read_policy(default_policy_text())
    known = replace(_MATCH, provenance="exchange:ncmec", category="A1", is_disputed=True)
    for tier in Tier:
        outcome = decide(policy, replace(known, tier=tier), _NOWHERE)
        assert (outcome.rule, outcome.then, outcome.priority, outcome.allows_no_look) == (
            "disputed",
            Then.REVIEW,
            3,
            False,
        )


_FACTS = st.builds(
    MatchFacts,
    st.text(max_size=5),
    st.sampled_from(["person", "import", "exchange:x"]),
    st.none() | st.just("A1"),
    st.sampled_from(["pdq", "vpdq", "md5"]),
    st.sampled_from(list(Tier)),
    st.integers(0, 64),
    st.none() | st.floats(0, 1),
    st.none() | st.floats(0, 1),
)


@given(_FACTS)
def test_whatever_matches_has_an_outcome_and_none_is_a_report(match: MatchFacts) -> None:
    outcome = decide(read_policy(default_policy_text()), match, _NOWHERE)
    assert outcome.opens_case
    assert (outcome.priority is not None, outcome.queue is not None) == (True, True)
    assert "report" not in {each.value for each in Then}


def test_the_gravest_outcome_counts_then_the_most_urgent() -> None:
    log, late, soon, act = (
        Outcome("a", Then.LOG),
        Outcome("b", Then.REVIEW, 3, "near"),
        Outcome("c", Then.REVIEW, 1, "near"),
        Outcome("d", Then.ACTION, 4, "near", ("a.b",)),
    )
    assert gravest([]) is None
    assert gravest([log, late, soon]) is soon
    assert gravest([soon, act, log]) is act


def _past(count: int) -> list[PastMatch]:
    return [PastMatch(number, replace(_MATCH, distance=number % 32), _NOWHERE) for number in range(1, count + 1)]


def test_a_comparison_counts_what_would_change_and_shows_examples() -> None:
    old = read_policy('[default]\nthen = "review"\npriority = 2\n')
    new = read_policy(
        '[[rule]]\nname = "far"\nwhen = { bank = "other" }\nthen = "log"\n'
        '[[rule]]\nname = "close"\nwhen = { distance_at_most = 7 }\nthen = "review"\npriority = 2\n'
        '[default]\nthen = "log"\n'
    )
    found = compare(old, new, _past(64))
    assert (found.considered, found.changed) == (64, 48)
    assert found.by_rule == {"far": 0, "close": 16, "default": 48}
    (difference,) = found.differences
    assert (difference.before, difference.after, difference.count) == ("review, priority 2, near", "log", 48)
    assert difference.examples == tuple(range(8, 18))
    assert found.to_json()["changed"] == 48


@given(st.lists(_FACTS, max_size=20))
def test_a_policy_compared_with_itself_changes_nothing(facts: list[MatchFacts]) -> None:
    policy = read_policy(default_policy_text())
    past = [PastMatch(number, each, _NOWHERE) for number, each in enumerate(facts)]
    found = compare(policy, policy, past)
    assert (found.considered, found.changed, found.differences) == (len(facts), 0, ())
    assert sum(found.by_rule.values()) == len(facts)
