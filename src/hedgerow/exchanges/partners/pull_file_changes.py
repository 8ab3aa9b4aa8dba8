"""Lists of changes that come as files: asked for with a time, always the same one, or one for each date.

A checkpoint is a JSON object. ``role`` says whether it belongs to a walk or to updates; ``in`` says how much of which
file was given. Besides, as far as they are known:

    since      when the changes were asked for last (a parameter asks for them)
    known      digest and version of the file taken last
    after      the date of the file taken last, where names hold dates
    passed     dates before that of which there was no file
    approved   digest of the file that a person approved

Dated files are taken in the order of their dates, and a later one is not waited for by name: what has no file before
one that is there is passed over. Should it come after all, somebody has to look, for what it says is older than what
was taken. The file taken last is looked at again, since the file of a day may grow until its end.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import CheckpointStale, PageUnreadable
from hedgerow.exchanges.model import Page
from hedgerow.exchanges.partners.pull_file import FileWork, place_of_shelved
from hedgerow.exchanges.partners.pull_file_config import delta_plan_of
from hedgerow.exchanges.partners.pull_file_keeping import counts_from
from hedgerow.exchanges.partners.pull_file_sources import Nothing, Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hedgerow.exchanges.model import Session
    from hedgerow.exchanges.partners.pull_file_keeping import Shelved

__all__ = ["Changes"]

_WALK: Final = "walk"
_UPDATE: Final = "update"
_WHOLE: Final = "whole"
_MOST_STEPS: Final = 100_000
_LOOKED_AT_AGAIN: Final = 7  # dates without a file that are asked for again: a week of days

_State = dict[str, Any]


class Changes:
    """The changes of one list, during one fetch.

    Args:
        session: What to work with.
        kind: The adapter's name.
    """

    def __init__(self, session: Session, kind: str) -> None:
        self._session = session
        self._kind = kind
        self._plan, self._delta = delta_plan_of(session.config)
        self._now = session.now().astimezone(UTC)

    def pages(self, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """Give what `Partner.pages` gives."""
        state: _State = dict(checkpoint or {"role": _WALK, "began": _text(self._now)})
        is_walk = state.get("role") == _WALK
        self._work = FileWork(self._session, self._kind, str(state.get("role")), self._plan)
        is_dated = self._delta.first is not None
        if is_walk and not state.get("is_whole_given") and (self._delta.whole_path or not is_dated):
            yield from self._whole(state)
            if not is_dated:
                return
            state = {"role": _WALK, "began": state["began"], "is_whole_given": True}
            state["after"] = _text(self._start(_time(state["began"])) - self._delta.step)
        if is_dated:
            yield from self._dated(state, is_walk=is_walk)
        else:
            yield from self._latest(state)

    # ── the whole list ───────────────────────────────────────────────────────────────────────────────────────────

    def _whole(self, state: _State) -> Iterator[Page]:
        """Give the whole list, which begins a walk."""
        begun = state.get("in")
        if begun is not None:
            shelved = self._work.shelf.found()
            if shelved is None or shelved.digest != begun["digest"]:
                raise CheckpointStale("the file of which a part was taken is not here any more")
        else:
            came = self._work.fetch(self._delta.whole_path or self._plan.path, Version(), {})
            shelved = self._there(came, "the whole list")
            if state.get("approved") != shelved.digest:
                skip_to = {**state, "approved": shelved.digest}
                self._work.check_refused(shelved, skip_to)
                self._work.check_gone(shelved, counts_from(self._work.shelf.notes().get("counts")), skip_to)
            if shelved.counts is not None:
                self._work.shelf.note(counts=shelved.counts.as_json())
        if self._delta.first is not None:
            start = self._start(_time(state["began"])) - self._delta.step
            end: _State = {"role": _WALK, "began": state["began"], "is_whole_given": True, "after": _text(start)}
        else:
            end = {"role": _UPDATE, "since": state["began"]}
        yield from self._given(shelved, state, _WHOLE, end, is_end=self._delta.first is None)

    def _start(self, began: datetime) -> datetime:
        """Return from which date on files are taken behind a whole list."""
        first = self._delta.first or began
        return max(first, self._delta.floor(began - self._delta.overlap))

    # ── one file ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _latest(self, state: _State) -> Iterator[Page]:
        """Give the changes since, or those that the one file holds now."""
        known = state.get("known") or {}
        shelved = self._begun(state, "")
        if shelved is None:
            state.pop("in", None)
            state["asked"] = _text(self._now)
            came = self._work.fetch(self._plan.path, self._version(known), self._params(state))
            is_same = not isinstance(came, Nothing) and self._delta.since is None and came.digest == known.get("digest")
            if came is Nothing.UNCHANGED or is_same:
                self._work.shelf.clear()
                state.pop("asked")
                yield Page((), state, is_end=True)
                return
            shelved = self._there(came, "the changes")
            if state.get("approved") != shelved.digest:
                self._work.check_refused(shelved, {**state, "approved": shelved.digest})
        end: _State = {"role": _UPDATE, "since": state["asked"]}
        if self._delta.since is None:
            end["known"] = _known(shelved)
        yield from self._given(shelved, state, "", end, is_end=True)

    def _params(self, state: _State) -> dict[str, str]:
        if self._delta.since is None:
            return {}
        # A clock that was wrong must not ask for what changes in the future: nothing would ever come.
        since = min(_time(state["since"]), self._now) - self._delta.overlap
        return {self._delta.since: self._delta.written(since)}

    # ── a file for each date ─────────────────────────────────────────────────────────────────────────────────────

    def _dated(self, state: _State, *, is_walk: bool) -> Iterator[Page]:
        """Give the files of the dates after the latest one, in their order."""
        names = self._names()
        yield from self._again(state, names)
        self._look_for_late_ones(state, names)
        after = state.get("after")
        at = self._delta.first if after is None else _time(after) + self._delta.step
        absent: list[str] = []
        for _ in range(_MOST_STEPS):
            if at is None or at > self._now:
                break
            shelved = self._begun(state, _text(at)) or self._file_of(at, state, names)
            if shelved is None:
                absent.append(_text(at))
            else:
                if is_walk and after is None and not state.get("is_whole_given"):
                    self._check_first(at, state)
                passed = [*state.get("passed", []), *absent][-_LOOKED_AT_AGAIN:]
                end = {**state, "after": _text(at), "passed": passed, "known": _known(shelved)}
                for gone in ("in", "approved"):
                    end.pop(gone, None)
                yield from self._given(shelved, state, _text(at), end, is_end=False)
                state, absent, after = end, [], _text(at)
            at += self._delta.step
        yield Page((), {**state, "role": _UPDATE} if is_walk else state, is_end=True)

    def _names(self) -> set[str] | None:
        """List the folder, where the source can: a call for each date is spared."""
        path = self._plan.path
        folder = path.rpartition("/")[0]
        return None if "{" in folder else self._work.names(folder or "/")

    def _file_of(self, at: datetime, state: _State, names: set[str] | None) -> Shelved | None:
        """Return the file of a date; None where there is none."""
        path = self._delta.path_at(self._plan.path, at)
        if names is not None and path.rpartition("/")[2] not in names:
            return None
        came = self._work.fetch(path, Version(), {})
        if came is Nothing.ABSENT:
            return None
        left_out = {**state, "after": _text(at), "known": None}
        shelved = self._there(came, f"the file of {_text(at)}", left_out)
        if state.get("approved") != shelved.digest:
            self._work.check_refused(shelved, {**state, "approved": shelved.digest})
        return shelved

    def _again(self, state: _State, names: set[str] | None) -> Iterator[Page]:
        """Look once more at the file taken last; give it again where it has changed."""
        after, known = state.get("after"), state.get("known")
        if after is None or not known:
            return
        shelved = self._begun(state, f"again {after}")
        if shelved is None and state.get("in") is None:
            path = self._delta.path_at(self._plan.path, _time(after))
            if names is not None and path.rpartition("/")[2] not in names:
                return
            came = self._work.fetch(path, self._version(known), {})
            if isinstance(came, Nothing) or came.digest == known["digest"]:
                self._work.shelf.clear()
                return
            shelved = self._there(came, f"the file of {after}", {**state, "known": None})
            if state.get("approved") != shelved.digest:
                self._work.check_refused(shelved, {**state, "approved": shelved.digest})
        if shelved is None:
            return
        end = {**state, "known": _known(shelved)}
        for gone in ("in", "approved"):
            end.pop(gone, None)
        yield from self._given(shelved, state, f"again {after}", end, is_end=False)
        state.clear()
        state.update(end)

    def _look_for_late_ones(self, state: _State, names: set[str] | None) -> None:
        """Raise PageUnreadable where a file came of a date that was passed over."""
        if state.get("in") is not None:
            return  # in the middle of a file, whose place another one would take
        for each in state.get("passed", []):
            path = self._delta.path_at(self._plan.path, _time(each))
            if names is None:
                is_there = not isinstance(self._work.fetch(path, Version(), {}), Nothing)
                self._work.shelf.clear()
            else:
                is_there = path.rpartition("/")[2] in names
            if is_there:
                raise PageUnreadable(
                    "it came after a later one had been taken, and may say what is not true any more",
                    f"the file of {each}",
                    skip="that file; a walk through the whole list takes it in its order",
                    skip_to={**state, "passed": [other for other in state["passed"] if other != each]},
                )

    def _check_first(self, at: datetime, state: _State) -> None:
        """Raise PageUnreadable where the first files of a list are gone: a walk would withdraw what they brought."""
        first = self._work.shelf.notes().get("first")
        if isinstance(first, str) and _time(first) < at and not state.get("is_first_gone"):
            raise PageUnreadable(
                f"files from {first} on were there once, and now the first is that of {_text(at)}",
                "the beginning of the list",
                skip="what stood only in the files that are gone, and is withdrawn",
                skip_to={**state, "is_first_gone": True},
            )
        self._work.shelf.note(first=_text(at))

    # ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begun(self, state: _State, which: str) -> Shelved | None:
        """Return the file of which a part was given already, where it still lies here."""
        begun = state.get("in")
        if begun is None or begun.get("which") != which:
            return None
        shelved = self._work.shelf.found()
        if shelved is not None and shelved.digest == begun["digest"]:
            return shelved
        if state.get("role") == _WALK:
            raise CheckpointStale("the file of which a part was taken is not here any more")
        state.pop("in")  # it is given again from its beginning
        return None

    def _given(self, shelved: Shelved, state: _State, which: str, end: _State, *, is_end: bool) -> Iterator[Page]:
        """Give a file, or the rest of it."""
        begun = state.get("in") or {}
        row = int(begun.get("row", 0)) if begun.get("which") == which else 0

        def middle(row: int) -> _State:
            return {**state, "in": {"which": which, "digest": shelved.digest, "row": row}}

        yield from self._work.pages(shelved, row, middle, end, is_end=is_end)

    @staticmethod
    def _there(came: Shelved | Nothing, place: str, left_out: _State | None = None) -> Shelved:
        """Return a file that is there and can be read to its end; raise PageUnreadable for any other."""
        if isinstance(came, Nothing):
            raise PageUnreadable("it is not there", place)
        if came.counts is None:
            skip = None if left_out is None else "that file"
            problem = came.problem or "it cannot be read"
            raise PageUnreadable(problem, f"{place}, {place_of_shelved(came)}", skip=skip, skip_to=left_out)
        return came

    @staticmethod
    def _version(known: Mapping[str, Any]) -> Version:
        return Version(known.get("etag"), known.get("modified"))


def _known(shelved: Shelved) -> _State:
    return {"digest": shelved.digest, "etag": shelved.version.etag, "modified": shelved.version.modified}


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
