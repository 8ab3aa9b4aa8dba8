from __future__ import annotations

import threading

import pytest

from hedgerow.matching.threads import on_threads, usable_cores


@pytest.mark.parametrize("threads", [0, 1, 2, 9])
def test_results_come_in_the_order_of_the_pieces(threads: int) -> None:
    assert on_threads(lambda piece: piece * 2, range(50), threads) == [piece * 2 for piece in range(50)]
    assert on_threads(lambda piece: piece, [], threads) == []


def test_a_failure_is_raised_in_the_calling_thread_and_no_thread_is_left() -> None:
    before = threading.active_count()

    def fail(piece: int) -> int:
        if piece == 3:
            raise KeyError(piece)
        return piece

    with pytest.raises(KeyError):
        on_threads(fail, range(100), 4)
    assert threading.active_count() == before


def test_there_is_a_core_to_run_on() -> None:
    assert usable_cores() >= 1
