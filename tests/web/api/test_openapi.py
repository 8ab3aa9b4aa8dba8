"""Whatever is sent to any route, the answer is one that the OpenAPI document describes, and never our own failure."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hedgerow.accounts import SCOPES, Role
from hedgerow.app.serving import webhooks

if TYPE_CHECKING:
    from starlette.testclient import TestClient

API = "/api/v1"
CHECKS = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
PEOPLE = [role for role in Role if role is not Role.SERVICE]
# A program alone submits.
FOR_PROGRAMS = f"{API}/submissions"


@pytest.fixture
def furnished(house: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a house in which each kind of thing is there once, and from which nothing is sent."""
    httpx = pytest.importorskip("httpx")
    answering = httpx.MockTransport(lambda _request: httpx.Response(204))
    monkeypatch.setattr(webhooks, "client", lambda: httpx.Client(transport=answering))
    house.bank("known", house.value(1), house.value(2))
    house.case_number = house.case(1, account_id="ada")
    lead = house.person(Role.LEAD, Role.ADMIN)
    assert lead.post(f"{API}/exchanges", json={"name": "ours", "kind": "sample"}).status_code == 201
    asked = {"url": "http://platform.example.org/hedgerow"}
    assert lead.post(f"{API}/webhooks", json=asked).status_code == 201
    assert lead.post(f"{API}/webhooks/1/test").status_code == 200
    house.new_key("match")
    house.service.refusals.take = lambda *_: None
    house.service.follower.start()  # so that it is ready
    until = time.monotonic() + 30
    while time.monotonic() < until and house.nobody().get("/readyz").status_code != 200:
        time.sleep(0.05)
    return house


def there(house: Any) -> dict[str, Any]:
    """Return, for each part of a path, something that exists."""
    names = (
        "entry",
        "decision",
        "suppression",
        "delivery",
        "lookback",
        "version",
        "endpoint",
        "number",
        "key",
        "user",
        "piece",
        "wish",
    )
    return {"bank": "known", "exchange": "ours", "case": house.case_number} | dict.fromkeys(names, 1)


def ask(
    house: Any, client: TestClient, examples: int, *, only_programs: bool | None = None
) -> tuple[int, Counter[int]]:
    """Send generated requests to every route; return how many routes there were, and the statuses that came."""
    schema = schemathesis.openapi.from_asgi(f"{API}/openapi.json", house.app)
    schema.config.generation.with_security_parameters = False  # the client shows who it is
    real = there(house)
    routes = 0
    statuses: Counter[int] = Counter()
    failed: list[Exception] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if only_programs is not None and operation.path.startswith(FOR_PROGRAMS) is not only_programs:
            continue
        routes += 1

        @hypothesis.settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(), is_there=st.booleans())
        def answers(case: Any, is_there: bool) -> None:
            if is_there and case.path_parameters:
                case.path_parameters = {name: real.get(name, value) for name, value in case.path_parameters.items()}
            answer = case.call(session=client)
            statuses[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        try:
            answers()
        except Exception as error:  # noqa: BLE001  (all routes are asked, and all that failed are told)
            failed.append(error)
    if failed:
        raise ExceptionGroup(f"{len(failed)} routes", failed)
    return routes, statuses


@pytest.mark.sqlite_file
def test_whatever_people_send_is_answered_as_described(furnished: Any) -> None:
    routes, statuses = ask(furnished, furnished.person(*PEOPLE), 6, only_programs=False)
    assert routes > 50
    assert statuses[200] > sum(statuses.values()) / 10
    assert not statuses[401]


@pytest.mark.sqlite_file
def test_whatever_programs_send_is_answered_as_described(furnished: Any) -> None:
    routes, statuses = ask(furnished, furnished.key(*SCOPES), 12, only_programs=True)
    assert routes == 3
    assert not statuses[401]
    routes, statuses = ask(furnished, furnished.key(*SCOPES), 1, only_programs=False)
    assert not statuses[401]


@pytest.mark.sqlite_file
def test_whatever_nobody_sends_is_answered_as_described(furnished: Any) -> None:
    _, statuses = ask(furnished, furnished.nobody(), 1)
    assert statuses[401] > 50


@pytest.mark.sqlite_file
@pytest.mark.slow
def test_whatever_anybody_sends_for_long_is_answered_as_described(furnished: Any) -> None:
    for client in (furnished.person(*PEOPLE), furnished.key(*SCOPES), furnished.nobody()):
        ask(furnished, client, 40)
