"""Asking the play of ThreatExchange as the stage does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hedgerow.simulators.stage import Answer, Request, fault_from_text
from hedgerow.simulators.threatexchange import ThreatExchangePlay

if TYPE_CHECKING:
    from collections.abc import Mapping

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FIELDS = "id,indicator,type,last_updated,should_delete,descriptors{id,reactions,owner{id},tags,status}"
HERE = "127.0.0.1:8101"
VALUE = "0f" * 32


def later(**step: float) -> datetime:
    return START + timedelta(**step)


def ask(  # noqa: PLR0913  (the parts of a request)
    play: ThreatExchangePlay,
    path: str,
    query: Mapping[str, object] | None = None,
    *,
    method: str = "GET",
    now: datetime = START,
    fault: str = "",
    token: str | None = None,
    version: str = "/v26.0",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """Ask as the stage does."""
    read = {name: (str(each),) for name, each in (query or {}).items()}
    if token != "":
        read["access_token"] = (play.token if token is None else token,)
    request = Request(method, f"{version}{path}", read, headers or {}, body, HERE)
    call = play.call_of(request)
    if call is None:
        return Answer(404)
    if not play.is_authorized(call, request):
        return play.refusal(call, request)
    return play.answer(call, request, now, fault_from_text(f"{call}:1:{fault}") if fault else None)


def value_of(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def error_of(answer: Answer) -> tuple[int, int]:
    """Return the HTTP status and the code of an error."""
    assert answer.status != 200
    error = json.loads(answer.body)["error"]
    assert error["message"]
    assert error["fbtrace_id"]
    assert error["type"].endswith("Exception")
    return answer.status, error["code"]


def updates(play: ThreatExchangePlay, now: datetime = START, fault: str = "", **query: object) -> dict[str, Any]:
    found: dict[str, Any] = value_of(
        ask(play, f"/{play.group}/threat_updates/", {"fields": FIELDS, **query}, now=now, fault=fault)
    )
    return found


def walk(play: ThreatExchangePlay, now: datetime = START, **query: object) -> list[dict[str, Any]]:
    page = updates(play, now, **query)
    found = list(page["data"])
    while "next" in page.get("paging", {}):
        page = updates(play, now, **{**query, "after": page["paging"]["cursors"]["after"]})
        found += page["data"]
    return found


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [each["id"] for each in found]


def filled(count: int = 5, **more: Any) -> ThreatExchangePlay:
    play = ThreatExchangePlay(**more)
    for second in range(count):
        play.edit({"do": "create"}, later(seconds=second))
    return play


def submission(play: ThreatExchangePlay, **more: str) -> dict[str, str]:
    return {
        "indicator": VALUE,
        "type": "HASH_PDQ",
        "description": "Seen here.",
        "share_level": "AMBER",
        "status": "MALICIOUS",
        "privacy_type": "HAS_PRIVACY_GROUP",
        "privacy_members": play.group,
        **more,
    }
