from __future__ import annotations

from datetime import timedelta

import pytest

from hedgerow.policy import DEADLINES, deadline_named


@pytest.mark.parametrize(("name", "hours"), [("us_tida", 48), ("uk_ncii", 48), ("au_ibsa", 24)])
def test_a_limit_is_the_law_s(name: str, hours: int) -> None:
    assert DEADLINES[name].due_after == timedelta(hours=hours)


def test_what_has_no_limit_has_alarms() -> None:
    for profile in DEADLINES.values():
        assert profile.limit is not None or profile.alarms
        assert profile.due_after is not None
        assert list(profile.alarms) == sorted(profile.alarms)


def test_every_profile_says_where_it_comes_from() -> None:
    assert all(len(profile.source) > 20 for profile in DEADLINES.values())
    assert deadline_named("nowhere") is None
