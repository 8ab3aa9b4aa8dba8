from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import PolicyInvalid
from hedgerow.policy import Then, Tier, default_policy_text, read_policy, unknown_banks

_DEFAULT = '[default]\nthen = "review"\npriority = 3\n'


def _rule(lines: str, name: str = "a rule") -> str:
    return f'[[rule]]\nname = "{name}"\n{lines}\n\n'


def _problems(text: str) -> str:
    with pytest.raises(PolicyInvalid) as caught:
        read_policy(text)
    return "\n".join(caught.value.problems)


def test_the_shipped_policy_is_one_and_opens_a_case_for_whatever_matches() -> None:
    policy = read_policy(default_policy_text())
    assert {each.then for each in (*policy.rules, policy.default)} == {Then.REVIEW, Then.HOLD_FOR_REVIEW}
    assert unknown_banks(policy, []) == []


def test_every_key_is_read() -> None:
    policy = read_policy(
        "format = 1\n"
        + _rule(
            'when = { bank = ["ours", "p-*"], provenance = "exchange:*", category = "A1", signal_type = "vpdq",'
            ' tier = ["exact", "near"], surface = "avatar", distance_at_most = 20, video_share_at_least = 0.25 }\n'
            'then = "action"\npriority = 2\nqueue = "escalated"\nevents = ["content.remove"]\ndeadline = "us_tida"\n'
            'note = "why"'
        )
        + _DEFAULT
    )
    (rule,) = policy.rules
    assert rule.when.bank == ("ours", "p-*")
    assert rule.when.tier == (Tier.EXACT, Tier.NEAR)
    assert (rule.when.distance_at_most, rule.when.video_share_at_least) == (20, 0.25)
    assert (rule.then, rule.priority, rule.queue) == (Then.ACTION, 2, "escalated")
    assert (rule.events, rule.deadline, rule.note) == (("content.remove",), "us_tida", "why")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('then = "review"\npriority 1', "line 2: expected '=' after a key"),
        (_rule('then = "ignore"\nwehn = {}') + _DEFAULT, "line 4: unknown key 'wehn' in 'a rule'"),
        (_rule('then = "ignore"\nwhen = { bnak = "x" }') + _DEFAULT, "line 4: unknown key 'bnak'"),
        ("other = 1\n" + _DEFAULT, "line 1: unknown key 'other'"),
        (_rule('then = "ignore"\nwhen = { tier = "exact" }'), "there is no [default]"),
        (_rule('when = { tier = "exact" }\nthen = "report"\npriority = 1') + _DEFAULT, "cannot lead to a report"),
        (
            _rule('when = { tier = "exact" }\nthen = "action"\npriority = 1\nevents = ["report.file"]') + _DEFAULT,
            "cannot lead to a report",
        ),
        (_rule('then = "erase"\nwhen = { tier = "exact" }') + _DEFAULT, "leads to one of ignore, log, review"),
        (_rule('when = { tier = "exact" }') + _DEFAULT, "line 1: 'a rule' does not say what then"),
        (_rule('then = "review"\nwhen = { tier = "exact" }') + _DEFAULT, "needs a priority from 1"),
        (_rule('then = "review"\npriority = true\nwhen = { tier = "exact" }') + _DEFAULT, "needs a priority from 1"),
        (_rule('then = "review"\npriority = 5\nwhen = { tier = "exact" }') + _DEFAULT, "line 4: 'a rule' needs a pri"),
        (_rule('then = "log"\npriority = 1\nwhen = { tier = "exact" }') + _DEFAULT, "opens no case, so it has no pri"),
        (
            _rule('then = "review"\npriority = 1\nqueue = "qa"\nwhen = { tier = "near" }') + _DEFAULT,
            "queue of 'a rule'",
        ),
        (
            _rule('then = "review"\npriority = 1\ndeadline = "never"\nwhen = { tier = "near" }') + _DEFAULT,
            "the deadline of 'a rule' is one of us_cybertip",
        ),
        (_rule('then = "action"\npriority = 1\nwhen = { tier = "near" }') + _DEFAULT, "needs the names of events"),
        (
            _rule('then = "log"\nevents = ["a.b"]\nwhen = { tier = "near" }') + _DEFAULT,
            "sends no events: only what leads to action does",
        ),
        (
            _rule('then = "action"\npriority = 1\nevents = ["Remove"]\nwhen = { tier = "near" }') + _DEFAULT,
            "is no name such as content.remove",
        ),
        (
            _rule('then = "review"\npriority = 1\nno_look = true\nwhen = { tier = "near" }') + _DEFAULT,
            'needs tier = "exact"',
        ),
        (_rule('then = "log"\nwhen = { tier = "nearly" }') + _DEFAULT, "tier of 'a rule' is one of exact, near"),
        (_rule('then = "log"\nwhen = { signal_type = "phash" }') + _DEFAULT, "signal_type of 'a rule' is one of pdq"),
        (_rule('then = "log"\nwhen = { bank = [] }') + _DEFAULT, "bank of 'a rule' is a text or a list of texts"),
        (_rule('then = "log"\nwhen = { bank = "a*b" }') + _DEFAULT, "can have a * only at its end"),
        (_rule('then = "log"\nwhen = { distance_at_most = 65 }') + _DEFAULT, "a whole number of bits from 0 to 64"),
        (_rule('then = "log"\nwhen = { distance_at_most = true }') + _DEFAULT, "a whole number of bits from 0 to 64"),
        (_rule('then = "log"\nwhen = { video_share_at_least = 0 }') + _DEFAULT, "a share above 0, at most 1"),
        (_rule('then = "log"\nwhen = { tier = "near", signal_type = "md5" }') + _DEFAULT, "can never fit"),
        (_rule('then = "log"\nwhen = { tier = "near", distance_at_most = 0 }') + _DEFAULT, "can never fit"),
        (_rule('then = "log"\nwhen = { signal_type = "pdq", video_share_at_least = 0.1 }') + _DEFAULT, "can never fit"),
        (_rule('then = "log"', "default") + _DEFAULT, "the name 'default' is taken"),
        (_rule('then = "log"\nwhen = { bank = "a" }') * 2 + _DEFAULT, "the name 'a rule' is taken"),
        ('[[rule]]\nthen = "log"\n' + _DEFAULT, "a rule has a name of 1 to 100 characters"),
        ("rule = 3\n" + _DEFAULT, "rules are written as [[rule]]"),
        ("format = 2\n" + _DEFAULT, "line 1: this is format 1 of a policy, not 2"),
        ("default = 1", "the default is written as [default]"),
        (_DEFAULT + "when = {}", "the default has no when"),
        (_rule("then = 'log'\nwhen = 3") + _DEFAULT, "are a table: when = "),
        ("# " + "x" * 70_000, "the limit is 65,536"),
    ],
)
def test_what_a_person_cannot_have_meant_is_refused_in_plain_words(text: str, said: str) -> None:
    assert said in _problems(text)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{}", '{ bank = "x" }'),
        ('{ tier = "exact" }', '{ tier = "exact", bank = "x" }'),
        ('{ bank = "p-*" }', '{ bank = ["p-1", "p-2*"] }'),
        ("{ distance_at_most = 10 }", "{ distance_at_most = 8 }"),
        ("{ distance_at_most = 0 }", '{ signal_type = "md5" }'),
        ("{ video_share_at_least = 0.2 }", "{ video_share_at_least = 0.5 }"),
    ],
)
def test_a_rule_of_which_nothing_is_left_is_refused_with_the_name_of_what_takes_it(first: str, second: str) -> None:
    rules = [_rule(f'when = {when}\nthen = "log"', name) for when, name in ((first, "first"), (second, "second"))]
    assert _problems("".join(rules) + _DEFAULT) == (
        "line 6: 'second' is never reached: 'first' before it takes all it could fit"
    )
    read_policy("".join(reversed([_rule(f'when = {first}\nthen = "log"', "f"), rules[1]])) + _DEFAULT)


def test_rules_that_take_everything_only_together_are_seen_too() -> None:
    rules = [_rule(f'when = {{ tier = "{tier}" }}\nthen = "log"', tier) for tier in Tier]
    text = "".join(rules) + _rule('when = { bank = "x" }\nthen = "log"', "late") + _DEFAULT
    assert "'late' is never reached: 'exact', 'near', 'altered' before it" in _problems(text)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        read_policy(_rule('then = "log"\nx = 1') + _rule('then = "log"\ny = 1', "b"))
    assert len(caught.value.problems) == 3


def test_a_bank_that_does_not_exist_is_a_warning() -> None:
    policy = read_policy(_rule('when = { bank = ["here", "gone", "no*"] }\nthen = "log"') + _DEFAULT)
    assert unknown_banks(policy, ["here"]) == [
        "rule 'a rule' names the bank 'gone', which does not exist",
        "rule 'a rule' names the bank 'no*', which does not exist",
    ]
    assert unknown_banks(policy, ["here", "gone", "nothing"]) == []


@given(st.text(max_size=300))
def test_whatever_the_text_it_is_a_policy_or_refused(text: str) -> None:
    with pytest.raises(PolicyInvalid):
        read_policy(text.replace("default", ""))


@given(
    st.dictionaries(
        st.sampled_from(["name", "when", "then", "priority", "queue", "events", "deadline", "no_look", "note", "zz"]),
        st.sampled_from(['"x"', "1", "true", "[]", "{}", '["a"]', "1979-05-27", "-1", "inf", "{ tier = 1 }"]),
    )
)
def test_values_of_any_kind_are_refused_and_never_trip_the_reader(table: dict[str, str]) -> None:
    text = "[[rule]]\n" + "".join(f"{key} = {value}\n" for key, value in table.items()) + _DEFAULT
    with pytest.raises(PolicyInvalid):
        read_policy(text)
