from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from hedgerow.audit import list_entries
from hedgerow.cases import (
    NewSubmission,
    account_submissions,
    answer_submission,
    find_earlier,
    find_submission,
    record_submission,
)
from hedgerow.errors import InvalidSubmission, SubmissionNotFound

if TYPE_CHECKING:
    from conftest import World
    from hedgerow.cases.submissions import Recorded

_ONE, _OTHER = (hashlib.sha256(each).digest() for each in (b"one", b"other"))


def _record(world: World, **values: object) -> Recorded:
    new = NewSubmission(**({"content_id": "c", "door": "api", "sha256": _ONE} | values))  # type: ignore[arg-type]  # values of every field
    with world.database.write() as connection:
        return record_submission(connection, new, now=world.now)


def test_a_submission_is_found_as_it_was_sent(world: World) -> None:
    new = NewSubmission(
        content_id="c",
        door="hma",
        namespace="site",
        account_id="a",
        surface="avatar",
        uploaded_at=datetime(2026, 11, 1, tzinfo=UTC),
        ip_event={"ip": "192.0.2.1"},
        text_context="words",
        context={"likes": 3, "é": None},
        media_type="video/mp4",
        width=640,
        height=480,
        frames=250,
        duration_s=10.5,
        size_bytes=12_345,
        md5=bytes(16),
        sha1=bytes(20),
        sha256=_ONE,
        policy_version=world.policy,
    )
    with world.database.write() as connection:
        recorded = record_submission(connection, new, now=world.now)
    with world.database.read() as connection:
        found = find_submission(connection, recorded.submission.id)
        assert account_submissions(connection, "site", "a") == [found]
    assert found.sent == replace(new, fingerprint=_ONE)
    assert (found.revision, found.received_at, found.outcome) == (1, world.now, None)


def test_the_same_bytes_under_the_same_content_id_are_the_same_submission(world: World) -> None:
    first = _record(world)
    again = _record(world, account_id="somebody")
    assert (first.is_new, again.is_new) == (True, False)
    assert again.submission == first.submission


def test_other_bytes_are_a_new_revision_and_the_first_ones_are_still_the_first(world: World) -> None:
    first, second = _record(world), _record(world, sha256=_OTHER)
    assert (second.is_new, second.submission.revision) == (True, 2)
    assert _record(world).submission == first.submission
    assert _record(world, sha256=_OTHER).submission == second.submission


def test_another_namespace_has_its_own_content_ids(world: World) -> None:
    assert _record(world).submission.id != _record(world, namespace="other").submission.id


def test_signals_without_media_are_told_apart_by_their_fingerprint(world: World) -> None:
    first = _record(world, sha256=None, fingerprint=bytes(32))
    assert not _record(world, sha256=None, fingerprint=bytes(32)).is_new
    assert _record(world, sha256=None, fingerprint=bytes([1] * 32)).submission.revision == first.submission.revision + 1


def test_what_could_not_be_checked_can_be_tried_again(world: World) -> None:
    first = _record(world, unchecked_reason="timeout")
    assert not _record(world, unchecked_reason="timeout").is_new
    checked = _record(world)
    assert (checked.is_new, checked.submission.revision) == (True, 2)
    # and once it was checked, that is its answer
    assert _record(world, unchecked_reason="timeout").submission == checked.submission
    assert first.submission.sent.unchecked_reason == "timeout"


def test_what_never_arrived_is_one_submission_for_each_reason(world: World) -> None:
    first = _record(world, sha256=None, unchecked_reason="unreadable")
    assert _record(world, sha256=None, unchecked_reason="unreadable").submission == first.submission
    assert _record(world, sha256=None, unchecked_reason="too_large").submission.revision == 2
    with world.database.read() as connection:
        assert find_earlier(connection, "", "c", None) is None


@pytest.mark.parametrize(
    "values",
    [
        {"content_id": ""},
        {"content_id": "x" * 256},
        {"content_id": "a\0b"},
        {"content_id": "\ud800"},
        {"account_id": ""},
        {"door": ""},
        {"text_context": "x" * 70_000},
        {"text_context": "\0"},
        {"context": {"x": "y" * 17_000}},
        {"context": {"x": object()}},
        {"context": {"x": float("nan")}},
        {"context": {"x": "\ud800"}},
        {"uploaded_at": datetime(2026, 1, 1)},  # noqa: DTZ001  (without a zone, on purpose)
    ],
)
def test_what_does_not_fit_is_refused(world: World, values: dict[str, object]) -> None:
    with pytest.raises(InvalidSubmission):
        _record(world, **values)


def test_the_answer_is_given_once_with_its_audit_line(world: World) -> None:
    submission = _record(world).submission
    for is_first in (True, False):
        with world.database.write() as connection:
            if is_first:
                answer_submission(
                    connection, submission, outcome="review", answer={"b": 1, "a": "é"}, matches=2, actor="key:1",
                    now=world.now,
                )  # fmt: skip
            else:
                with pytest.raises(SubmissionNotFound):
                    answer_submission(
                        connection, submission, outcome="log", answer={}, matches=0, actor="key:1", now=world.now
                    )
    with world.database.read() as connection:
        found = find_submission(connection, submission.id)
        last = list_entries(connection)[-1]
    assert (found.outcome, found.answer) == ("review", '{"a":"é","b":1}')
    assert json.loads(found.answer or "") == {"a": "é", "b": 1}
    assert (last.action, last.actor, last.details["matches"]) == ("submission.screened", "key:1", 2)


def test_a_submission_that_does_not_exist_is_not_found(world: World) -> None:
    with world.database.read() as connection, pytest.raises(SubmissionNotFound):
        find_submission(connection, 99)


def test_writers_that_come_at_once_with_the_same_content_make_one(world: World) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: _record(world), range(8)))
    assert sum(each.is_new for each in made) == 1
    assert len({each.submission.id for each in made}) == 1


def test_writers_that_come_at_once_with_different_bytes_make_a_revision_each(world: World) -> None:
    digests = [hashlib.sha256(b"%d" % number).digest() for number in range(4)]
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda each: _record(world, sha256=each), digests))
    assert sorted(each.submission.revision for each in made) == [1, 2, 3, 4]


def test_a_transaction_that_is_cut_off_leaves_nothing(world: World) -> None:
    def interrupted() -> None:
        with world.database.write() as connection:
            record_submission(connection, NewSubmission("c", "api", sha256=_ONE), now=world.now)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with world.database.read() as connection:
        assert find_earlier(connection, "", "c", _ONE) is None
