"""A chain that is verified a few lines at a time is judged as if it had been verified at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow.audit import Head, verify
from hedgerow.audit.verification import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from hedgerow.audit import Checkpoint, Verification

    Chain = Callable[..., list[bytes]]


def in_slices(
    lines: list[bytes], most: int, checkpoints: list[Checkpoint], keys: list[bytes], head: Head
) -> Verification:
    verifier = Verifier(checkpoints, keys)
    verifier.begin(lines[0])
    while verifier.follow(iter(lines[1 + verifier.last :]), most):
        pass
    verifier.finish(head)
    return verifier.result()


@pytest.mark.parametrize("most", [1, 2, 5, 11, 12, 13, 1000])
@pytest.mark.parametrize("how", ["whole", "changed", "missing", "inserted", "moved", "cut off"])
def test_slices_come_to_the_same(chain: Chain, signer: Callable[[int], object], most: int, how: str) -> None:
    lines = chain(12)
    ours = signer(1)
    checkpoints = [ours.checkpoint(lines[number]) for number in (3, 9)]  # type: ignore[attr-defined]  # of the fixture
    keys = [ours.public]  # type: ignore[attr-defined]  # as above
    last = verify(lines).last
    assert last is not None
    if how == "changed":
        lines[6] = lines[6].replace(b"case.viewed", b"case.closed")
    elif how == "missing":
        del lines[6]
    elif how == "inserted":
        lines.insert(7, lines[6])
    elif how == "moved":
        lines[6], lines[7] = lines[7], lines[6]
    elif how == "cut off":
        del lines[8:]
    at_once = verify(lines, checkpoints=checkpoints, public_keys=keys, head=last)
    assert in_slices(lines, most, checkpoints, keys, last) == at_once
    assert at_once.is_sound is (how == "whole")
