from __future__ import annotations

import logging
import re
import threading
from typing import TYPE_CHECKING

from hedgerow.app import add_key
from hedgerow.settings import HmaSettings
from hedgerow.web.hma.access import warn_while_open
from hedgerow.web.hma.app import ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    import pytest

__all__: list[str] = []


def test_a_key_for_this_door_opens_it_and_one_for_others_does_not(serve: Callable[..., httpx.Client]) -> None:
    client = serve(hma={})
    settings = client.service.settings  # type: ignore[attr-defined]  # put there by the fixture
    ours = add_key(settings, "hma client", scopes=["hma"]).text
    other = add_key(settings, "another", scopes=["match"]).text
    for headers in ({"authorization": f"Bearer {ours}"}, {"x-api-key": ours}):
        assert client.get("/c/banks", headers=headers).status_code == 200
    refused = client.get("/c/banks", headers={"authorization": f"Bearer {other}"})
    assert refused.status_code == 403
    assert set(refused.json()) == {"message"}
    assert client.get("/c/banks", headers={"authorization": "Bearer nonsense"}).status_code == 401


def test_every_route_but_the_status_asks_for_a_key(serve: Callable[..., httpx.Client]) -> None:
    client = serve(hma={})
    for route in ROUTES:
        path = re.sub(r"\{\w+\}", "1", route.path)
        status = client.request(route.method, path).status_code
        if route.is_dev:
            assert status == 404
        elif route.is_public:
            assert status in {200, 302}
        else:
            assert status == 401, path


def test_a_key_that_is_shown_counts_even_where_none_is_needed(client: httpx.Client) -> None:
    assert client.get("/c/banks", headers={"x-api-key": "nonsense"}).status_code == 401


def test_development_needs_both_settings(serve: Callable[..., httpx.Client]) -> None:
    for hma in ({"anonymous": True}, {"dev": True}):
        assert serve(hma=hma).post("/dev/factory_reset").status_code == 404


def test_that_the_door_is_open_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    stopped = threading.Event()
    with caplog.at_level(logging.WARNING):
        thread = warn_while_open(HmaSettings(anonymous=True), stopped)
        assert thread is not None
        stopped.set()
        thread.join(10)
    assert "without a key" in caplog.text
    assert warn_while_open(HmaSettings(), stopped) is None


def test_the_openapi_document_has_hma_s_title_and_every_route(client: httpx.Client) -> None:
    document = client.get("/openapi/openapi.json").json()
    assert (document["openapi"], document["info"]["title"]) == ("3.1.0", "Open Media Match API")
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.path, route.method) for route in ROUTES if route.summary and not route.is_dev}


def test_a_path_of_nobody_is_left_to_the_application(client: httpx.Client) -> None:
    response = client.get("/somewhere")
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert client.get("/c/nowhere").headers["content-type"] == "text/html; charset=utf-8"
    assert client.put("/c/banks").headers["allow"] == "GET, HEAD, POST"
