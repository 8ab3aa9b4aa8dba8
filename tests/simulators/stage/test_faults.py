"""The script of faults: how it is written, and when each is due."""

from __future__ import annotations

import pytest

from hedgerow.errors import InvalidFault
from hedgerow.simulators.stage import STAGE_FAULTS, Fault, Faults, fault_from_text

OWN = {"upside_down": "The answer is upside down."}


def faults(*texts: str) -> Faults:
    return Faults(("read", "put"), OWN, texts)


@pytest.mark.parametrize("kind", [*STAGE_FAULTS, *OWN])
def test_a_fault_is_written_as_it_is_read(kind: str) -> None:
    for text in (f"read:3:{kind}", f"*:*:{kind}"):
        assert str(fault_from_text(text)) == text
        assert faults(text).waiting() == [fault_from_text(text)]


def test_an_argument_may_have_colons_and_equals_signs() -> None:
    fault = fault_from_text("read:1:redirect=http://127.0.0.1:1/?a=b")
    assert fault == Fault("read", 1, "redirect", "http://127.0.0.1:1/?a=b")
    assert str(fault) == "read:1:redirect=http://127.0.0.1:1/?a=b"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("read", "is not CALL:N:KIND"),
        ("read:1", "is not CALL:N:KIND"),
        (":1:slow", "is not CALL:N:KIND"),
        ("read:1:=2", "is not CALL:N:KIND"),
        ("read:one:slow", "a number that is none"),
        ("read:-1:slow", "a number that is none"),
        ("read:0:slow", "must lie in 1"),
        ("burn:1:slow", "no call 'burn'"),
        ("read:1:unheard_of", "no kind 'unheard_of'"),
        ("read:1:slow=long", "needs a number"),
        ("read:1:slow=-1", "must lie in 0"),
        ("read:1:slow=nan", "must lie in 0"),
        ("read:1:huge=5000", "must lie in 0"),
        ("read:1:drop_after=1", "takes nothing more"),
    ],
)
def test_a_fault_that_cannot_be_played_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidFault, match=said):
        faults(text)


def test_a_fault_is_due_at_its_call_and_only_once() -> None:
    script = faults("read:2:slow")
    assert [script.due(call) for call in ("put", "read", "put", "read", "read")] == [
        None,
        None,
        None,
        Fault("read", 2, "slow"),
        None,
    ]
    assert script.waiting() == []


def test_a_fault_for_each_call_stays_until_it_is_cleared() -> None:
    script = faults("*:*:slow")
    assert [script.due(call) for call in ("put", "read")] == [Fault("*", None, "slow")] * 2
    script.clear()
    assert script.due("read") is None


def test_of_two_that_are_due_the_earlier_added_is_played_and_the_other_waits() -> None:
    script = faults("read:1:slow", "*:1:drop_after")
    kinds = [fault.kind for fault in (script.due("read"), script.due("read")) if fault is not None]
    assert kinds == ["slow", "drop_after"]


def test_the_argument_of_a_kind_of_the_play_is_not_judged_here() -> None:
    assert faults("read:1:upside_down=anything at all").waiting()[0].argument == "anything at all"
