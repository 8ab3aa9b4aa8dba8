"""Cases in lists, and the next one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response  # noqa: TC002  (FastAPI reads annotations)

from hedgerow.accounts import Permission
from hedgerow.app.serving import casework
from hedgerow.app.serving.cases import claim_next
from hedgerow.cases.model import Queue, State
from hedgerow.cases.searching import Place
from hedgerow.errors import BreakDue, InvalidRequest, PersonNeeded
from hedgerow.web.api.paging import read_cursor, write_cursor
from hedgerow.web.callers import Caller, allowed, service_of
from hedgerow.web.pages import words_of_cases as words
from hedgerow.web.pages.language import marked
from hedgerow.web.pages.rendering import redirect, render
from hedgerow.web.sessions import form_of

__all__ = ["break_address", "next_case", "router", "user_of"]

router = APIRouter()

_Reader = Annotated[Caller, Depends(allowed(Permission.CASES_READ))]
_Claimer = Annotated[Caller, Depends(allowed(Permission.CASES_CLAIM))]
_Form = Annotated[dict[str, str], Depends(form_of)]
_Cursor = Annotated[str | None, Query(max_length=500, pattern=r"^[A-Za-z0-9_=-]*$")]

_ROWS: Final = 50
_NOTES: Final = {
    "empty": marked("Nothing waits for you."),
    "decided": marked("Your decision is recorded, and nothing else waits for you."),
    "released": marked("The case is back in its queue."),
    "aside": marked("The case is put aside."),
    "given": marked("The case was given to somebody else."),
}
_PAST: Final = (State.DECIDED, State.ACTING, State.CLOSED)
_LONGEST_SEARCH: Final = 255


@dataclass(frozen=True, slots=True)
class _Asked:
    """What list somebody asked for; kept in its address."""

    queue: Queue | None = None
    state: State | None = None
    mine: bool = False
    text: str = ""

    def address(self, cursor: str | None = None) -> str:
        said = {
            "queue": self.queue or "",
            "state": self.state or "",
            "mine": "1" if self.mine else "",
            "q": self.text,
            "cursor": cursor or "",
        }
        query = urlencode({name: value for name, value in said.items() if value})
        return f"/cases?{query}" if query else "/cases"


def user_of(caller: Caller) -> int:
    """Return the person who asks.

    Raises:
        PersonNeeded: It is a program.
    """
    if caller.session is None:
        raise PersonNeeded
    return caller.session.user.id


@router.get("/cases")
def show(
    request: Request,
    caller: _Reader,
    queue: str = "",
    state: str = "",
    mine: str = "",
    q: Annotated[str, Query(max_length=_LONGEST_SEARCH, pattern=r"^[^\x00]*$")] = "",
    cursor: _Cursor = None,
    note: str | None = None,
) -> Response:
    """List cases: those of a queue or in a state, one's own, or what was searched for."""
    user = user_of(caller)
    database = service_of(request).database
    wanted = State(state) if state in set(State) else None
    asked = _Asked(
        Queue(queue) if queue in set(Queue) and wanted not in _PAST else None,
        wanted,
        bool(mine),
        q.strip(),
    )
    following = None
    if asked.text:
        listed = casework.cases_found(database, asked.text, user_id=user)
        if len(listed.rows) == 1 and listed.rows[0].case.number == asked.text:
            return redirect(f"/cases/{asked.text}")
    elif asked.mine:
        listed = casework.cases_of(database, user_id=user)
    elif asked.state in _PAST:
        listed = casework.list_past(database, asked.state, user_id=user, before=_before(cursor), limit=_ROWS)
        if listed.before is not None:
            following = write_cursor(listed.before[0].isoformat(), listed.before[1])
    else:
        listed = casework.list_waiting(
            database, user_id=user, queue=asked.queue, state=asked.state, after=_after(cursor), limit=_ROWS
        )
        if listed.place is not None:
            following = _written(listed.place)
    return render(
        request,
        "cases.html",
        caller=caller,
        listed=listed,
        asked=asked,
        words=words,
        queues=words.QUEUES,
        states=words.STATES,
        next=None if following is None else asked.address(following),
        note=_NOTES.get(note or ""),
    )


def _before(cursor: str | None) -> tuple[datetime, int] | None:
    if cursor is None:
        return None
    at, number = read_cursor(cursor, str, int)
    return _time(at), number


def _after(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    soon, is_soon, priority, due, opened, number = read_cursor(cursor, str, int, int, str, str, int)
    return Place(_time(soon), bool(is_soon), priority, _time(due), _time(opened), number)


def _written(place: Place) -> str:
    times = (place.soon.isoformat(), place.due_at.isoformat(), place.opened_at.isoformat())
    return write_cursor(times[0], int(place.is_soon), place.priority, times[1], times[2], place.id)


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidRequest("the cursor is none of this list")
    return at


# ── the next one ─────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/cases/next")
def take_next(request: Request, caller: _Claimer, form: _Form) -> Response:
    """Claim the most urgent case that somebody may have, of one queue if that was asked for."""
    return next_case(request, caller, form.get("queue", ""))


def next_case(request: Request, caller: Caller, queue: str, *, note: str = "empty") -> Response:
    """Claim the next case and go there; where there is none, to the list.

    Args:
        request: What is answered.
        caller: Who.
        queue: Only of this queue; empty for all of this person's own.
        note: What the list says where nothing waits.
    """
    chosen = Queue(queue) if queue in set(Queue) else None
    queues = casework.own_queues(caller.permissions) if chosen is None else (chosen,)
    try:
        claimed = claim_next(service_of(request).database, queues, user_id=user_of(caller))
    except BreakDue:
        return redirect(break_address("/cases"))
    if claimed is None:
        return redirect(f"/cases?note={note}")
    only = "" if chosen is None else f"?queue={chosen}"
    return redirect(f"/cases/{claimed.case.number}{only}")


def break_address(path: str) -> str:
    """Return where somebody rests, and from where they come back to a page of ours."""
    return f"/break?{urlencode({'back': path})}"
