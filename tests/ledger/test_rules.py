from __future__ import annotations

from datetime import timedelta

from hedgerow.ledger import MOST_ATTEMPTS, retry_delay


def test_it_waits_longer_each_time_and_never_longer_than_an_hour() -> None:
    delays = [retry_delay(attempts) for attempts in range(MOST_ATTEMPTS + 1)]
    assert delays == sorted(delays)
    assert delays[0] == timedelta(seconds=10)
    assert max(delays) == timedelta(hours=1)
