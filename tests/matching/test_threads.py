from __future__ import annotations

import os
import threading

import pytest

from hedgerow.matching.threads import alone, on_threads, step_back, usable_cores


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


def test_what_is_done_alone_is_done_by_the_calling_thread_until_the_block_ends() -> None:
    together = threading.Barrier(2)

    def who(_: int) -> int:
        return threading.get_ident()

    def meet(_: int) -> int:
        return together.wait(30)

    with alone():
        assert set(on_threads(who, range(50), 4)) == {threading.get_ident()}
    assert sorted(on_threads(meet, range(2), 2)) == [0, 1]


def test_a_thread_that_steps_back_leaves_the_others_where_they_are() -> None:
    nice = getattr(os, "getpriority", None)
    if nice is None:
        pytest.skip("this system has no priorities: this test checked NOTHING")
    before = nice(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=step_back)
    thread.start()
    thread.join()
    assert nice(os.PRIO_PROCESS, threading.get_native_id()) == before
