"""A bank in its simplest form: what pages said, by key. It goes on from any checkpoint, and dies anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgerow.errors import CheckpointStale
from hedgerow.exchanges.http import Limits, PartnerHttp
from hedgerow.exchanges.model import Page, Record, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    import httpx

    from hedgerow.exchanges.model import Partner

__all__ = ["Mirror", "open_session"]


def open_session(
    base_url: str,
    client: httpx.Client,
    now: Callable[[], datetime],
    *,
    config: Mapping[str, Any] | None = None,
    credentials: Mapping[str, str] | None = None,
    folder: Path = Path(),
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> Session:
    """Return a session that waits for nothing."""
    http = PartnerHttp(base_url, limits, sleep=lambda _: None, client=client)
    return Session(config or {}, credentials or {}, http, now, folder)


class Mirror:
    """Holds what a partner said.

    Attributes:
        records: By key.
        checkpoint: Where updates go on; None before the first walk has ended.
        saved: Every checkpoint of updates that there ever was.
    """

    def __init__(self, partner: Partner) -> None:
        self.partner = partner
        self.records: dict[str, Record] = {}
        self.checkpoint: dict[str, Any] | None = None
        self.saved: list[dict[str, Any]] = []

    def apply(self, page: Page) -> None:
        """Take in a page, as the runner does."""
        for each in page.items:
            if isinstance(each, Record):
                self.records[each.key] = each
            else:
                self.records.pop(each.key, None)

    def fetch(self, session: Session, *, dies_after: int | None = None) -> bool:
        """Bring updates, and return whether there is nothing more.

        Args:
            session: What to work with.
            dies_after: So many pages are taken in; a further one is read and lost. None for all.
        """
        try:
            for number, page in enumerate(self.partner.pages(session, self.checkpoint)):
                if number == dies_after:
                    return False
                self.apply(page)
                # A checkpoint lies in a database between two fetches: what JSON does not keep is not kept.
                self.checkpoint = json.loads(json.dumps(dict(page.checkpoint)))
                self.saved.append(dict(self.checkpoint or {}))
                if page.is_end:
                    return True
        except CheckpointStale:
            self.checkpoint = None
            self.walk(session)
            return False
        return False

    def walk(self, session: Session) -> None:
        """Walk through the whole set, and forget what was not seen; updates bring what changed meanwhile."""
        seen: set[str] = set()
        for page in self.partner.pages(session, None):
            self.apply(page)
            seen |= {each.key for each in page.items}
            if page.is_end:
                if self.checkpoint is None:
                    self.checkpoint = json.loads(json.dumps(dict(page.checkpoint)))
                break
        self.records = {key: each for key, each in self.records.items() if key in seen}

    def matched(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """Return what is matched: by key, the partner's type and the value of each signal."""
        return {
            key: tuple((kind, signal.value) for kind, signal in each.signals)
            for key, each in self.records.items()
            if each.signals
        }
