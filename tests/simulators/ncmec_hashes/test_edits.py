"""The edit script: what happens to entries, and that a walk afterwards gives what is expected."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

NS = "{https://hashsharing.ncmec.org/hashsharing/v2}"


def test_an_entry_shows_only_its_latest_state_at_its_latest_time(service: Callable[..., Any]) -> None:
    caller = service(generated=4)
    before = caller.play.expected()[42, "made-up-3"]

    def edit(do: str, **more: Any) -> Any:
        caller.edit(do, member=42, id="made-up-3", **more)
        found = caller.held(caller.walk())
        assert found == caller.play.expected()
        return found.get((42, "made-up-3"))

    one = frozenset({("md5", "0" * 32)})
    assert edit("update", fingerprints={"md5": "0" * 32}) == (before[0], one)
    assert edit("reclassify", classification="B2") == ("B2", one)
    assert edit("reclassify") == (None, one)
    assert edit("delete") is None
    assert edit("recreate", classification="A2") == ("A2", one)
    late = caller.walk("/v2/entries?from=2026-11-22T11:59:59Z&to=2026-11-22T12:00:00Z")
    assert caller.held(late).keys() == {(42, "made-up-3")}


def test_an_edit_says_what_it_did(service: Callable[..., Any]) -> None:
    caller = service()
    done = {"environment": "npo", "member": 61, "id": "entry-1", "timestamp": "2026-11-22T12:00:00Z"}
    assert caller.edit("create", environment="npo") == done
    caller.now += timedelta(seconds=1.9)
    assert caller.edit("delete", environment="npo", member=61, id="entry-1") == {
        **done,
        "timestamp": "2026-11-22T12:00:01Z",
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"do": "burn"}, "Nothing is called"),
        ({}, "Nothing is called"),
        ({"do": "create", "environment": "other"}, "no such list"),
        ({"do": "create", "member": 99}, "no such member"),
        ({"do": "create", "member": 42, "id": "made-up-0"}, "already"),
        ({"do": "update", "member": 42}, "needs the id"),
        ({"do": "update", "member": 42, "id": "made-up-1"}, "no such entry"),
        ({"do": "update", "member": 42, "id": "made-up-0", "kind": "video"}, "takes no kind"),
        ({"do": "create", "kind": "sound"}, "image or video"),
        ({"do": "create", "at": "2026-11-22T12:00:01Z"}, "in the future"),
        ({"do": "create", "categories": ["Unheard of"]}, "no such category"),
        ({"do": "create", "fingerprints": {"not a name": "x"}}, "name of an element"),
        ({"do": "create", "fingerprints": {"videntifier": "no hex"}}, "hexadecimal"),
        ({"do": "create", "classification": 1}, "classification"),
        ({"do": "recreate", "member": 42, "id": "made-up-0"}, "Only what was deleted"),
        ({"do": "spoil", "member": 42, "id": "gone"}, "no such entry"),
        ({"do": "hot_second", "count": 0}, "must lie in"),
    ],
)
def test_an_edit_that_cannot_be_done_says_why_and_changes_nothing(
    change: dict[str, Any], said: str, service: Callable[..., Any]
) -> None:
    caller = service(generated=1)
    before = caller.play.expected()
    with pytest.raises(ValueError, match=said):
        caller.play.edit(change, caller.now)
    assert caller.play.expected() == before


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["create", "update", "reclassify", "delete", "recreate"]),
        st.integers(0, 12),
        st.sampled_from(["A1", "B2", None]),
    ),
    max_size=25,
)


@given(edits=EDITS, page_size=st.integers(1, 5), cursors=st.sampled_from(["offset", "kept"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_was_edited_a_walk_gives_each_entry_once(
    service: Callable[..., Any], edits: list[tuple[str, int, str | None]], page_size: int, cursors: str
) -> None:
    caller = service(generated=9, page_size=page_size, cursors=cursors)
    for do, number, classification in edits:
        caller.now += timedelta(seconds=1)
        about = {} if do == "delete" else {"classification": classification}
        try:
            caller.edit(do, member=(42, 43, 44)[number % 3], id=f"made-up-{number}", **about)
        except ValueError:
            continue
    pages = caller.walk(caller.all.replace("12:00:00Z", f"12:00:{len(edits):02}Z"))
    assert caller.held(pages) == caller.play.expected()
    names = [caller.key(entry) for page in pages for entry in caller.on(page)]
    others = 9 * 6  # what the other lists hold
    assert len(names) == len(set(names)) == len(caller.play.items()) - others
    assert {(each["member"], each["id"]) for each in caller.play.items() if each["list"] == "hashsharing"} == set(names)


def test_items_are_shown_with_their_values_shortened(service: Callable[..., Any]) -> None:
    caller = service(generated=600)
    caller.edit("delete", member=42, id="made-up-0")
    deleted, first, *_ = items = list(caller.play.items()[:600])
    assert (deleted["id"], deleted["kind"], deleted["fingerprints"]) == ("made-up-0", "deleted image", "–")
    _, prints = caller.play.expected()[43, "made-up-1"]
    assert first["fingerprints"] == ", ".join(f"{name} {dict(prints)[name][:8]}…" for name in ("md5", "sha1", "pdq"))
    assert [each["id"] for each in items[1:]] == [f"made-up-{number}" for number in range(1, 600)]
    assert caller.play.items()[511]["fingerprints"] == "videntifier (large)"
    assert caller.play.items()[600]["list"] == "exploitative-hashsharing"
    assert list(caller.play.items()[598:602]) == [caller.play.items()[place] for place in range(598, 602)]
    with pytest.raises(IndexError):
        caller.play.items()[4200]
