from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.hashing import worker

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not say which cores are ours")
@pytest.mark.parametrize(("cores", "is_used"), [({3}, False), ({0, 3}, True)])
def test_time_before_the_first_task_is_used_where_the_parent_has_a_core_of_its_own(
    monkeypatch: pytest.MonkeyPatch, cores: set[int], *, is_used: bool
) -> None:
    told: list[Callable[[], None] | None] = []

    def note(_: object, *, meanwhile: Callable[[], None] | None, **_others: Any) -> None:
        told.append(meanwhile)

    monkeypatch.setattr(worker, "serve", note)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cores)
    worker.main()
    assert [each is not None for each in told] == [is_used]
