"""What can be made to go wrong goes wrong as asked, once, at the call that was named, and no other way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from lxml import etree

from hedgerow.errors import InvalidFault
from hedgerow.simulators.cybertipline import FAULT_KINDS, Fault, Faults, fault_from_text

if TYPE_CHECKING:
    from collections.abc import Callable


# ── the script ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_fault_is_played_at_its_call_and_once() -> None:
    faults = Faults([Fault("finish", 2, "drop_after")])
    assert [faults.due(call) for call in ("submit", "finish", "upload")] == [None, None, None]
    assert faults.due("finish") == Fault("finish", 2, "drop_after")
    assert faults.due("finish") is None
    assert faults.waiting() == []


def test_a_fault_of_any_call_counts_them_all() -> None:
    faults = Faults()
    faults.add("*", 3, "slow")
    assert [faults.due(call) is not None for call in ("submit", "upload", "finish", "retract")] == [
        False,
        False,
        True,
        False,
    ]


def test_a_fault_of_each_call_stays() -> None:
    faults = Faults()
    faults.add("submit", None, "1000")
    assert all(faults.due("submit") for _ in range(5))
    faults.clear()
    assert faults.due("submit") is None


def test_two_faults_of_one_call_come_one_after_the_other() -> None:
    faults = Faults()
    faults.add("upload", 1, "1110")
    faults.add("upload", 1, "drop_after")
    played = [faults.due("upload") for _ in range(3)]
    assert [each and each.kind for each in played] == ["1110", "drop_after", None]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("finish:1:drop_after", Fault("finish", 1, "drop_after")),
        ("*:7:server_error", Fault("*", 7, "server_error")),
        ("submit:*:1100", Fault("submit", None, "1100")),
        ("upload:2:slow:0.5", Fault("upload", 2, "slow", wait_s=0.5)),
        ("submit:1:validation:age", Fault("submit", 1, "validation", element="age")),
    ],
)
def test_a_fault_can_be_said_in_one_word(text: str, fault: Fault) -> None:
    assert fault_from_text(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        "finish",
        "finish:1",
        "finish:0:slow",
        "finish:-1:slow",
        "finish:x:slow",
        "finish:1:unheard_of",
        "finish:1:9999",
        "finish:1:0x10",
        "other:1:slow",
        "finish:1:slow:x",
        "finish:1:slow:-1",
        "finish:1:slow:nan",
        "finish:1:drop_after:3",
        "a:b:c:d:e",
    ],
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(InvalidFault):
        fault_from_text(text)


# ── what they do ─────────────────────────────────────────────────────────────────────────────────────────────────


def _do(caller: Any, call: str, report: int) -> httpx.Response:
    """Make a call of a kind about an open report with one file."""
    file = caller.only_report().files[0].id
    calls: dict[str, Callable[[], httpx.Response]] = {
        "status": lambda: caller.client.get("/status"),
        "xsd": lambda: caller.client.get("/xsd"),
        "submit": caller.submit,
        "upload": lambda: caller.upload(report, b"more " * 100_000),
        "fileinfo": lambda: caller.describe(report, file),
        "finish": lambda: caller.finish(report),
        "retract": lambda: caller.retract(report),
    }
    return calls[call]()


def _traces(caller: Any, report: int) -> dict[str, bool]:
    """Say for each call whether it was done."""
    kept = caller.simulator.report(report)
    return {
        "submit": len(caller.simulator.reports()) > 1,
        "upload": len(kept.files) > 1,
        "fileinfo": kept.files[0].details is not None,
        "finish": kept.state == "finished",
        "retract": kept.state == "retracted",
    }


@pytest.fixture
def report(caller: Any) -> int:
    number: int = caller.opened()
    caller.uploaded(number)
    return number


CHANGING = ["submit", "upload", "fileinfo", "finish", "retract"]
ALL = ["status", "xsd", *CHANGING]


@pytest.mark.parametrize("call", ALL)
@pytest.mark.parametrize("kind", ["drop_before", "drop_during"])
def test_a_connection_dropped_before_leaves_nothing_done(kind: str, call: str, caller: Any, report: int) -> None:
    caller.simulator.faults.add(call, 1, kind)
    with pytest.raises(httpx.TransportError):
        _do(caller, call, report)
    assert not any(_traces(caller, report).values())
    noted = caller.simulator.calls()[-1]
    assert (noted.call, noted.status, noted.code, noted.fault) == (call, None, None, kind)
    assert _do(caller, call, report).status_code == 200


@pytest.mark.parametrize("call", CHANGING)
def test_a_connection_dropped_after_leaves_it_done_and_unanswered(call: str, caller: Any, report: int) -> None:
    caller.simulator.faults.add(call, 1, "drop_after")
    with pytest.raises(httpx.TransportError):
        _do(caller, call, report)
    assert [name for name, is_done in _traces(caller, report).items() if is_done] == [call]
    noted = caller.simulator.calls()[-1]
    assert (noted.call, noted.status, noted.code, noted.fault) == (call, None, 0, "drop_after")


@pytest.mark.parametrize("call", ALL)
@pytest.mark.parametrize(
    ("kind", "status"),
    [("unauthorized", 401), ("server_error", 500), ("bad_gateway", 502), ("unavailable", 503), ("too_many", 429)],
)
def test_an_answer_of_http_alone_leaves_nothing_done(
    kind: str, status: int, call: str, caller: Any, report: int
) -> None:
    caller.simulator.faults.add(call, 1, kind)
    reply = _do(caller, call, report)
    assert reply.status_code == status
    assert reply.headers["Request-ID"]
    assert reply.content == b"" if kind == "unauthorized" else b"<html" not in reply.content
    assert ("Retry-After" in reply.headers) == (status in {429, 502, 503})
    assert not any(_traces(caller, report).values())


@pytest.mark.parametrize("call", CHANGING)
def test_a_server_error_afterwards_leaves_it_done(call: str, caller: Any, report: int) -> None:
    caller.simulator.faults.add(call, 1, "server_error_after")
    assert _do(caller, call, report).status_code == 500
    assert [name for name, is_done in _traces(caller, report).items() if is_done] == [call]


@pytest.mark.parametrize("call", CHANGING)
@pytest.mark.parametrize(("kind", "code"), [("1000", 1000), ("1100", 1100), ("1110", 1110), ("unknown_code", 1999)])
def test_a_code_that_is_asked_for_is_answered_and_nothing_is_done(
    kind: str, code: int, call: str, caller: Any, report: int
) -> None:
    caller.simulator.faults.add(call, 1, kind)
    assert caller.code(_do(caller, call, report)) == code
    assert not any(_traces(caller, report).values())


def test_a_refusal_names_the_element_that_is_asked_for(caller: Any, report: int) -> None:
    caller.simulator.faults.add("submit", 1, "validation", element="personOrUserReported/age")
    reply = caller.submit()
    assert caller.code(reply) == 4100
    assert "personOrUserReported/age" in reply.text


@pytest.mark.parametrize("call", ["upload", "fileinfo", "finish", "retract"])
@pytest.mark.parametrize(
    ("kind", "code", "state"),
    [("retracted", 5101, "retracted"), ("finished", 5102, "finished"), ("expired", 5001, "expired")],
)
def test_what_is_said_of_a_report_is_so(kind: str, code: int, state: str, call: str, caller: Any, report: int) -> None:
    caller.simulator.faults.add(call, 1, kind)
    assert caller.code(_do(caller, call, report)) == code
    assert caller.state(report) == state


def test_another_md5_is_answered_and_the_true_one_kept(caller: Any, report: int) -> None:
    caller.simulator.faults.add("upload", 1, "wrong_md5")
    reply = caller.upload(report, b"bytes")
    kept = caller.only_report().files[1]
    said = etree.fromstring(reply.content)
    assert said.findtext("fileId") == kept.id
    assert len(said.findtext("hash") or "") == 32
    assert said.findtext("hash") != kept.md5


@pytest.mark.parametrize("call", CHANGING)
def test_half_a_document_is_no_document(call: str, caller: Any, report: int) -> None:
    caller.simulator.faults.add(call, 1, "truncated_xml")
    reply = _do(caller, call, report)
    assert reply.status_code == 200
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(reply.content)
    assert [name for name, is_done in _traces(caller, report).items() if is_done] == [call]


@pytest.mark.parametrize("call", CHANGING)
def test_a_success_without_numbers_was_done_all_the_same(call: str, caller: Any, report: int) -> None:
    caller.simulator.faults.add(call, 1, "success_without_id")
    reply = _do(caller, call, report)
    said = etree.fromstring(reply.content)
    assert said.findtext("responseCode") == "0"
    assert said.findtext("reportId") is None
    assert said.findtext("fileId") is None
    assert [name for name, is_done in _traces(caller, report).items() if is_done] == [call]


def test_a_huge_answer_is_huge(caller: Any, report: int) -> None:
    caller.simulator.faults.add("status", 1, "huge_reply")
    assert len(caller.client.get("/status").content) > 2 * 1024**2


@pytest.mark.parametrize(("kind", "is_done"), [("slow", False), ("slow_after", True)])
def test_a_slow_answer_comes_too_late_for_who_does_not_wait(kind: str, is_done: bool, caller: Any, report: int) -> None:
    caller.simulator.faults.add("finish", 1, kind, wait_s=30)
    with pytest.raises(httpx.ReadTimeout):
        caller.client.post("/finish", data={"id": str(report)}, timeout=1.0)
    assert _traces(caller, report)["finish"] == is_done


def test_a_slow_answer_that_is_waited_for_is_an_answer(caller: Any, report: int) -> None:
    caller.simulator.faults.add("finish", 1, "slow", wait_s=0.2)
    started = time.monotonic()
    assert caller.code(caller.finish(report)) == 0
    assert time.monotonic() - started >= 0.2


def test_a_fault_waits_until_somebody_logs_in(caller: Any, report: int) -> None:
    caller.simulator.faults.add("status", 1, "server_error")
    assert httpx.get(f"{caller.simulator.url}/status").status_code == 401
    assert caller.client.get("/status").status_code == 500


def test_every_kind_of_fault_is_explained_and_tried_here() -> None:
    source = __import__("pathlib").Path(__file__).read_text("utf-8")
    assert [kind for kind in FAULT_KINDS if f'"{kind}"' not in source] == []
