"""Another Hedgerow: a list that somebody shares, by the protocol ``hedgerow-feed/1`` (decision 17).

The rules:

1. A cursor is a time and the number of a change; the number alone decides where it stands. What changed comes after it,
   deleted things as such.
2. A history has a name, its *epoch*. In another one no cursor means anything: the list is walked through again.
3. An entry that cannot be used here, of a type or with a value that nobody knows, is kept and matches nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from hedgerow.banks.vpdq import read_video
from hedgerow.errors import (
    CheckpointStale,
    InvalidExchange,
    InvalidSignal,
    OpinionRefused,
    PageUnreadable,
    PartnerRefused,
    PartnerUnavailable,
)
from hedgerow.exchanges.model import Field, Opaque, Page, Place, Record, Sayings, Withdrawal
from hedgerow.exchanges.places import place_fields, place_of
from hedgerow.hashing.signal import SIGNAL_TYPES, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hedgerow.exchanges.model import Saying, Session

__all__ = ["HedgerowFeed"]

_PLACES: Final[Mapping[str, Place]] = {
    "simulator": Place("simulator", "http://127.0.0.1:8105", is_production=False),
}
FORMAT: Final = "hedgerow-feed/1"
_PAGE: Final = 1_000
_ABSENT: Final = 404
_GONE: Final = 410
_NOT_THERE: Final = frozenset({404, 409, 422})
_WORDS: Final[Mapping[Sayings, str]] = {
    Sayings.SEEN: "seen",
    Sayings.AGREE: "agree",
    Sayings.DISPUTE: "dispute",
    Sayings.NONE: "none",
}


class HedgerowFeed:
    """The adapter of what another Hedgerow shares."""

    name = "hedgerow"
    title = "Another Hedgerow"
    is_whole = False
    fetch_every_s = 300.0
    opinions = frozenset(_WORDS)
    config_fields: tuple[Field, ...] = (
        *place_fields(_PLACES),
        Field("list", "string", "The name of the list that is shared."),
    )
    credential_fields: tuple[Field, ...] | None = (Field("key", "string", "The key that its owner gave you."),)

    def check(self, config: Mapping[str, Any]) -> None:
        """Accept an address that may be spoken to, and the name of a list."""
        self.place(config)
        name = config["list"]
        if not name or len(name) > 100 or not name.isprintable() or "/" in name:  # noqa: PLR2004  (a bank's name)
            raise InvalidExchange("list must be the name of a list")

    def place(self, config: Mapping[str, Any]) -> Place:
        """Return which installation is meant."""
        return place_of(config.get("environment") or "simulator", config.get("base_url") or "", _PLACES)

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """Give what changed since a checkpoint; see `Partner.pages`."""
        after: str | None = None if checkpoint is None else str(checkpoint["after"])
        epoch: str | None = None if checkpoint is None else str(checkpoint["epoch"])
        while True:
            body = self._asked(session, after, epoch)
            said_epoch, said_after = body.get("epoch"), body.get("checkpoint")
            listed = body.get("entries")
            if not (
                body.get("format") == FORMAT
                and isinstance(said_epoch, str)
                and isinstance(said_after, str)
                and isinstance(listed, list)
            ):
                raise PageUnreadable("it is no page of a feed", _place(after))
            if epoch is not None and said_epoch != epoch:
                raise CheckpointStale("its history was begun anew")
            is_end = body.get("has_more") is not True
            if not is_end and said_after == after:
                raise PageUnreadable("it leads to itself", _place(after))
            items = tuple(_item(each, _place(after)) for each in listed)
            after, epoch = said_after, said_epoch
            yield Page(items, {"after": after, "epoch": epoch}, is_end=is_end)
            if is_end:
                return

    def _asked(self, session: Session, after: str | None, epoch: str | None) -> dict[str, Any]:
        params: dict[str, Any] = {"limit": _PAGE}
        if after is not None:
            params |= {"after": after, "epoch": epoch}
        answer = session.http.get(
            f"/api/v1/sharing/{quote(session.config['list'], safe='')}",
            params=params,
            headers=_key(session),
            allowed=frozenset({_ABSENT, _GONE}),
        )
        if answer.status == _ABSENT:
            raise PartnerRefused(f"it has no list called {session.config['list']}", _ABSENT)
        if answer.status == _GONE:
            raise CheckpointStale("its history was begun anew")
        try:
            body = answer.json()
        except ValueError:
            raise PageUnreadable("it is no JSON", _place(after)) from None
        if not isinstance(body, dict):
            raise PageUnreadable("it is no page of a feed", _place(after))
        return body

    def send(self, session: Session, said: Saying) -> None:
        """Send an opinion; its token lets the other side take it once."""
        number = said.handle.get("id")
        if not isinstance(number, int):
            raise OpinionRefused("nobody knows which entry is meant")
        answer = session.http.ask(
            f"/api/v1/sharing/{quote(session.config['list'], safe='')}/entries/{number}/opinion",
            {"opinion": _WORDS[said.opinion], "reason": said.reason},
            headers={**_key(session), "idempotency-key": said.token},
            allowed=_NOT_THERE,
        )
        if answer.status in _NOT_THERE:
            raise OpinionRefused("the list has no such entry any more")


def _key(session: Session) -> dict[str, str]:
    key = session.credentials.get("key")
    if not key:
        raise PartnerUnavailable("its credentials have no key")
    return {"authorization": f"Bearer {key}"}


def _place(after: str | None) -> str:
    return "at its beginning" if after is None else f"after {after[:60]}"


def _item(said: object, place: str) -> Record | Withdrawal:
    """Read one thing of a page."""
    if not isinstance(said, dict) or type(said.get("id")) is not int:
        raise PageUnreadable("an entry has no number", place)
    key = str(said["id"])
    at = _time(said.get("updated_at"))
    if said.get("deleted") is True:
        return Withdrawal(key, at)
    kind, value = said.get("type"), said.get("value")
    signal, why = _signal(kind, value, said)
    name = kind if isinstance(kind, str) else "unknown"
    return Record(
        key,
        signals=() if signal is None else ((name, signal),),
        opaque=() if signal is not None or why else (Opaque(name[:40], value if isinstance(value, str) else None),),
        contributor=_text(said.get("contributor")),
        category=_text(said.get("category")),
        updated_at=at,
        refused=((name[:40], why),) if why else (),
        handle={"id": said["id"]},
        is_disputed=said.get("is_disputed") is True,
        may_be_redistributed=said.get("may_redistribute") is True,
    )


def _signal(kind: object, value: object, said: Mapping[str, Any]) -> tuple[Signal | None, str | None]:
    """Return the signal, or why it is none; neither for a type that nobody knows here."""
    if not isinstance(kind, str) or kind not in SIGNAL_TYPES:
        return None, None
    quality = said.get("quality")
    if kind == "vpdq":
        video = read_video(value, said.get("frames"))
        return (None, video) if isinstance(video, str) else (video, None)
    try:
        read = Signal.from_text(kind, value if isinstance(value, str) else "")
    except InvalidSignal:
        return None, "it is no signal of its type"
    is_quality = type(quality) is int and 0 <= quality <= 100  # noqa: PLR2004  (PDQ's scale)
    return (Signal(read.type, read.bits, quality) if is_quality else read), None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _time(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
