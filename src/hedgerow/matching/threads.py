"""Doing independent pieces of array work on several threads."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_Piece = TypeVar("_Piece")
_Result = TypeVar("_Result")


def usable_cores() -> int:
    """Count the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Manner(threading.local):
    """How a thread does its work."""

    is_alone = False


_manner = _Manner()
_BACK: Final = 15
"""Niceness, of 19: measured on two busy cores, the slowest hundredth of searches during merges takes half as long."""


@contextmanager
def alone() -> Iterator[None]:
    """Have `on_threads` use the calling thread only: background work leaves the other cores to searches."""
    before, _manner.is_alone = _manner.is_alone, True
    try:
        yield
    finally:
        _manner.is_alone = before


def step_back() -> None:
    """Let the calling thread go last where several want a core, if the system can do so (Linux).

    It cannot be undone: for threads that end with their work.
    """
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BACK)
    except (AttributeError, OSError):
        return  # then it competes like any other


def on_threads(work: Callable[[_Piece], _Result], pieces: Sequence[_Piece], threads: int) -> list[_Result]:
    """Call ``work`` on every piece, on so many threads, this one included; return the results in order.

    The pieces' work must release the GIL to gain by it. Helpers are daemons, unlike those of
    `concurrent.futures`: a program that ends need not wait for an index being merged.

    Raises:
        BaseException: The first piece's that failed; the pieces not begun by then are left.
    """
    if _manner.is_alone:
        threads = 1
    results: dict[int, _Result] = {}
    failures: list[BaseException] = []
    turns = iter(range(len(pieces)))
    lock = threading.Lock()

    def take_turns() -> None:
        while not failures:
            with lock:
                turn = next(turns, None)
            if turn is None:
                return
            try:
                results[turn] = work(pieces[turn])
            except BaseException as failure:  # noqa: BLE001  (raised again in the calling thread)
                failures.append(failure)

    helpers = [threading.Thread(target=take_turns, daemon=True) for _ in range(min(threads, len(pieces)) - 1)]
    for helper in helpers:
        helper.start()
    take_turns()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]
    return [results[turn] for turn in range(len(pieces))]
