from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.audit.line import LINE_BYTES, entry_line, hash_of, hashed_text, time_text
from hedgerow.audit.rules import (
    ACTION_LENGTH,
    ACTOR_LENGTH,
    DETAILS_BYTES,
    SUBJECT_ID_LENGTH,
    SUBJECT_TYPE_LENGTH,
    canonical_json,
    check_action,
    check_actor,
    check_details,
    check_subject,
    check_time,
)
from hedgerow.errors import InvalidAuditEntry


@pytest.mark.parametrize("actor", ["user:3", "key:5", "system", "cli", "exchange:partner.example", "one_time_link:a-b"])
def test_an_actor_is_a_word_or_a_word_and_an_id(actor: str) -> None:
    assert check_actor(actor) == actor


@pytest.mark.parametrize(
    "actor", ["", "User:3", "user:", "user 3", "user:3\n", "ü", "user:Ann Example", ":3", "u:" + "3" * 128]
)
def test_anything_else_is_no_actor(actor: str) -> None:
    with pytest.raises(InvalidAuditEntry):
        check_actor(actor)


@pytest.mark.parametrize("action", ["case.opened", "login.failed", "audit.key_rotated", "exchange.member.joined"])
def test_an_action_is_two_or_three_words(action: str) -> None:
    assert check_action(action) == action


@pytest.mark.parametrize(
    "action", ["", "case", "case.", ".opened", "case.Opened", "a.b.c.d", "case opened", "a." + "b" * ACTION_LENGTH]
)
def test_anything_else_is_no_action(action: str) -> None:
    with pytest.raises(InvalidAuditEntry):
        check_action(action)


def test_a_subject_has_a_type_and_any_text_as_id() -> None:
    assert check_subject("case", 17) == ("case", "17")
    assert check_subject("content", "ä b/\n") == ("content", "ä b/\n")
    assert check_subject("audit", None) == ("audit", None)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("", 1), ("Case", 1), ("c" * 41, 1), ("case", ""), ("case", "a\0"), ("case", "\udc80"), ("case", "x" * 256)],
)
def test_anything_else_is_no_subject(kind: str, name: Any) -> None:
    with pytest.raises(InvalidAuditEntry):
        check_subject(kind, name)


def test_a_time_has_a_zone() -> None:
    assert check_time(datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(InvalidAuditEntry):
        check_time(datetime(2026, 1, 1))  # noqa: DTZ001  (that is the point)


def test_details_are_written_one_way() -> None:
    assert check_details({}) == "{}"
    assert check_details({"b": (1, 2), "a": None}) == check_details({"a": None, "b": [1, 2]}) == '{"a":null,"b":[1,2]}'


@pytest.mark.parametrize(
    "details",
    [
        {"": 1},
        {"Name": 1},
        {"a b": 1},
        {"n" * 41: 1},
        {"a": {"b": 1}},
        {"a": [[1]]},
        {"a": b"bytes"},
        {"a": {1, 2}},
        {"a": datetime(2026, 1, 1, tzinfo=UTC)},
        {"a": 2**53},
        {"a": -(2**53)},
        {"a": [2**53]},
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": "\0"},
        {"a": "\ud800"},
        {"a": "x" * 501},
        {"a": list(range(201))},
        {f"a{number}": "x" * 500 for number in range(9)},
        {f"a{number}": "ä" * 500 for number in range(5)},
    ],
)
def test_anything_but_a_small_object_of_scalars_is_no_details(details: Any) -> None:
    with pytest.raises(InvalidAuditEntry):
        check_details(details)


def test_what_is_refused_is_not_repeated() -> None:
    for refused in (lambda: check_actor("Ann Example"), lambda: check_details({"name": {"Ann": "Example"}})):
        with pytest.raises(InvalidAuditEntry) as caught:
            refused()
        assert "Ann" not in str(caught.value)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True), st.floats() | st.text() | st.integers()))
def test_details_that_are_taken_are_canonical_and_read_back_the_same(details: dict[str, Any]) -> None:
    try:
        text = check_details(details)
    except InvalidAuditEntry:
        return
    assert json.loads(text) == details
    assert canonical_json(json.loads(text)) == text


def test_the_longest_entry_that_may_be_appended_is_no_longer_than_a_line_may_be() -> None:
    details = check_details({f"a{number}": "\x01" * 80 for number in range(8)} | {"b": "x" * 180})
    assert DETAILS_BYTES - 10 <= len(details.encode()) <= DETAILS_BYTES
    text = hashed_text(
        sequence=2**63 - 1,
        at=time_text(datetime(2026, 1, 1, tzinfo=UTC)),
        actor=check_actor(f"{'a' * 32}:{'3' * 127}"),
        action=check_action("a." + "b" * (ACTION_LENGTH - 2)),
        subject_type="c" * SUBJECT_TYPE_LENGTH,
        subject_id=check_subject("case", "\x01" * SUBJECT_ID_LENGTH)[1],
        details=details,
        previous="0" * 64,
    )
    assert len("a" * 32 + ":" + "3" * 127) == ACTOR_LENGTH
    assert len(entry_line(text, hash_of(text).hex())) < LINE_BYTES
