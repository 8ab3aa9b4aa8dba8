"""A small play for the stage, and somebody who calls it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import pytest

from hedgerow.simulators.stage import Answer, Fault, Request, Simulator, json_answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Shelf:
    """A play: a shelf onto which things are put."""

    name = "shelf"
    title = "The Shelf"
    real_names = ("shelf.example", "shelves.example")
    calls = ("read", "put")
    fault_kinds: ClassVar[dict[str, str]] = {"upside_down": "The answer is upside down."}
    base_path = "/v1"
    shown_query = ("page",)

    def __init__(self) -> None:
        self.things: list[str] = ["first", "second"]
        self.times: list[datetime] = []

    def call_of(self, request: Request) -> str | None:
        return {"GET": "read", "POST": "put"}.get(request.method) if request.path == "/v1/things" else None

    def is_authorized(self, call: str, request: Request) -> bool:  # noqa: ARG002  (the play's signature)
        return request.headers.get("authorization") == "Bearer secret-token" or request.first("token") == "secret-token"

    def refusal(self, call: str, request: Request) -> Answer:  # noqa: ARG002  (as above)
        return Answer(401, b"who?", "text/plain", {"WWW-Authenticate": "Bearer"})

    def answer(self, call: str, request: Request, now: datetime, fault: Fault | None) -> Answer:
        self.times.append(now)
        if fault is not None:
            return Answer(200, b"]", note=f"{fault.kind} {fault.argument}".strip())
        if call == "put":
            thing = json.loads(request.body)
            if thing == "break":
                raise RuntimeError(thing)
            self.things.append(thing)
        return json_answer({"things": self.things, "host": request.host, "pages": request.query.get("page", ())})

    def edit(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        if change.get("do") != "create":
            raise ValueError("A shelf only takes more.")
        self.things.append(str(change["thing"]))
        return {"at": now.isoformat(), "count": len(self.things)}

    def items(self) -> Sequence[Mapping[str, Any]]:
        return [{"number": number, "thing": f"{thing[:8]}…"} for number, thing in enumerate(self.things)]


@pytest.fixture
def simulator() -> Iterator[Simulator[Shelf]]:
    with Simulator(Shelf(), stands_at=NOW) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator[Shelf]) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer secret-token"}
    # To read the machine's certificates takes longer than the calls.
    with httpx.Client(base_url=simulator.pages, headers=headers, timeout=20, verify=False) as caller:  # noqa: S501  (plain HTTP)
        yield caller


@pytest.fixture
def shelf() -> Any:
    """Return a play that is on no stage yet."""
    return Shelf()
