"""Deadlines as data: each row of the table means what its source says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import InvalidReport
from hedgerow.policy.deadlines import DEADLINES
from hedgerow.reports.jurisdictions import (
    CONFIDENCES,
    alarms,
    due,
    must_be_gone_by,
    profile_named,
    profiles,
    read_profiles,
    stays_until,
)

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_table_has_every_profile_that_the_design_names() -> None:
    assert list(profiles()) == [
        "us_cybertip",
        "ncmec_open_report",
        "us_tida",
        "uk_nca",
        "uk_ncii",
        "eu_art16",
        "eu_interim",
        "au_ibsa",
        "tx_groups",
        "stopncii",
    ]
    for each in profiles().values():
        assert each.source
        assert each.confidence in CONFIDENCES


def test_what_the_policy_says_of_a_deadline_is_said_once() -> None:
    for name, deadline in DEADLINES.items():
        profile = profile_named(name)
        assert (profile.clock, profile.limit, profile.alarms) == (deadline.clock, deadline.limit, deadline.alarms)
        assert profile.source == deadline.source
        assert deadline.is_certain or not profile.is_certain


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("us_cybertip", None),
        ("us_tida", 48),
        ("uk_nca", None),
        ("uk_ncii", 48),
        ("eu_art16", None),
        ("eu_interim", None),
        ("au_ibsa", 24),
        ("tx_groups", 85 * 24),
        ("stopncii", 30 * 24),
        ("ncmec_open_report", 24),
    ],
)
def test_each_limit_is_the_one_of_its_source(name: str, limit: int | None) -> None:
    assert due(profile_named(name), AT) == (None if limit is None else AT + limit * HOUR)


def test_a_threat_to_life_in_the_united_kingdom_is_due_at_once() -> None:
    profile = profile_named("uk_nca")
    assert due(profile, AT, priority=1) == AT
    assert due(profile, AT, priority=2) is None
    assert alarms(profile, AT, AT, priority=1) == 1
    assert alarms(profile, AT, AT, priority=2) == 0
    assert alarms(profile, AT, AT + HOUR, priority=1) == 2


def test_an_open_report_lives_until_the_later_of_both_limits() -> None:
    profile = profile_named("ncmec_open_report")
    assert due(profile, AT, touched_at=AT + 2 * HOUR) == AT + 24 * HOUR
    assert due(profile, AT, touched_at=AT + 23.5 * HOUR) == AT + 24.5 * HOUR


def test_an_alarm_gets_louder_at_each_step_and_each_day_after_the_last() -> None:
    profile = profile_named("us_tida")
    hours = (0, 23, 24, 46, 48, 71, 72, 96)
    assert [alarms(profile, AT, AT + each * HOUR) for each in hours] == [0, 0, 1, 2, 3, 3, 4, 5]


def test_a_clock_that_goes_backwards_is_quiet() -> None:
    for profile in profiles().values():
        assert alarms(profile, AT, AT - timedelta(days=400)) == 0


@given(
    st.sampled_from(list(profiles())),
    st.lists(st.integers(0, 200 * 3600), min_size=2, max_size=2).map(sorted),
    st.sampled_from([None, 1, 2]),
)
def test_an_alarm_never_gets_quieter(name: str, seconds: list[int], priority: int | None) -> None:
    early, late = (alarms(profile_named(name), AT, AT + timedelta(seconds=each), priority=priority) for each in seconds)
    assert 0 <= early <= late


@given(st.sampled_from(list(profiles())), st.integers(-14 * 60, 14 * 60))
def test_the_zone_in_which_a_time_is_written_changes_nothing(name: str, minutes: int) -> None:
    there = AT.astimezone(timezone(timedelta(minutes=minutes)))
    assert due(profile_named(name), there) == due(profile_named(name), AT)
    assert alarms(profile_named(name), there, AT + 30 * HOUR) == alarms(profile_named(name), AT, AT + 30 * HOUR)


def test_what_was_reported_stays_for_a_calendar_year() -> None:
    for name in ("us_cybertip", "uk_nca"):
        profile = profile_named(name)
        assert stays_until(profile, AT) == AT.replace(year=2027)
        assert stays_until(profile, datetime(2028, 2, 29, 8, tzinfo=UTC)) == datetime(2029, 3, 1, 8, tzinfo=UTC)
        assert stays_until(profile, datetime(2027, 3, 1, tzinfo=UTC)) == datetime(2028, 3, 1, tzinfo=UTC)


def test_other_retentions_are_those_of_their_sources() -> None:
    assert stays_until(profile_named("eu_art16"), AT) == AT + timedelta(days=183)
    assert stays_until(profile_named("us_tida"), AT) is None
    assert must_be_gone_by(profile_named("eu_interim"), AT) == AT + timedelta(days=365)
    assert stays_until(profile_named("eu_interim"), AT) is None
    assert must_be_gone_by(profile_named("uk_nca"), AT) is None


def test_only_the_duty_of_the_united_kingdom_is_discharged_by_another_report() -> None:
    assert {name: each.discharged_by for name, each in profiles().items() if each.discharged_by} == {
        "uk_nca": ("cybertipline",)
    }
    assert "70(5)" in profile_named("uk_nca").discharge_source


def test_a_profile_that_is_none_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(InvalidReport, match="us_cybertip"):
        profile_named("atlantis")


GOOD = """
[x]
jurisdiction = "X"
clock = "receipt"
limit_hours = 48
alarm_hours = [24, 46]
source = "Act 1"
confidence = "high"
"""


def test_a_good_table_is_read() -> None:
    assert read_profiles(GOOD)["x"].limit == 48 * HOUR


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[x]", "x =", "cannot be read"),
        ("[x]", "y = 1\n[x]", "y: it is no table"),
        ('confidence = "high"', "", "confidence"),
        ('confidence = "high"', 'confidence = "sure"', "confidence"),
        ('jurisdiction = "X"', "", "jurisdiction"),
        ('source = "Act 1"', "", "source"),
        ("limit_hours = 48", "limit_hours = 0", "hours"),
        ("limit_hours = 48", 'limit_hours = "two days"', "hours"),
        ("limit_hours = 48", "limit_hours = true", "hours"),
        ("limit_hours = 48", "limit_hours = 40", "before the limit"),
        ("limit_hours = 48", "touched_hours = 1", "touched_hours"),
        ("[24, 46]", "[46, 24]", "follow"),
        ("[24, 46]", "[24]\nmood = 1", "mood"),
        ("[24, 46]", '[24]\ndeadline = "us_tida"', "not said again"),
        ("[24, 46]", "[24]\nretention = { years = 1 }", "retained_from"),
        ("[24, 46]", '[24]\nretained_from = "filing"\nretention = { years = 1, days = 2 }', "retention"),
        ("[24, 46]", '[24]\nretained_from = "filing"\nretention = { weeks = 1 }', "retention"),
        ("[24, 46]", '[24]\nretained_from = "filing"\nretention = { years = -1 }', "retention"),
        ("[24, 46]", '[24]\ndischarged_by = ["cybertipline"]', "source"),
    ],
)
def test_a_table_with_a_mistake_is_refused_and_the_mistake_is_named(old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidReport, match=said):
        read_profiles(GOOD.replace(old, new))


def test_a_deadline_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidReport, match="atlantis"):
        read_profiles('[x]\njurisdiction = "X"\ndeadline = "atlantis"\nconfidence = "low"\n')
