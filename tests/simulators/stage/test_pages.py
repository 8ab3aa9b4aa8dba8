"""The inspection page shows what is held, who called and which faults wait; nothing on it acts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hedgerow.simulators.stage import STAGE_FAULTS, Simulator

if TYPE_CHECKING:
    import httpx


def test_the_page_says_that_it_is_a_simulator_and_shows_everything(
    simulator: Simulator[Any], client: httpx.Client
) -> None:
    simulator.faults.add("put:*:upside_down=x")
    client.get("/v1/things", params={"token": "secret-token"})
    page = client.get("/").text
    assert "<strong>SIMULATOR</strong>" in page
    assert "This is not The Shelf." in page
    assert re.search("<title>The Shelf · SIMULATOR</title>", page)
    assert "stands at" in page
    assert "2026-11-22 12:00:00 UTC" in page
    assert "<td>second…</td>" in page
    assert f"<code>{simulator.url}</code>" in page
    assert "<code>GET /v1/things?token=…</code>" in page
    assert "<code>put:*:upside_down=x</code>" in page
    assert all(f"<code>{kind}</code>" in page for kind in [*STAGE_FAULTS, "upside_down"])
    assert "secret-token" not in page


def test_a_page_of_nothing_says_so(simulator: Simulator[Any], client: httpx.Client) -> None:
    simulator.play.things.clear()
    page = client.get("/").text
    assert '<p class="empty">Nothing.</p>' in page
    assert '<p class="empty">Nobody has called yet.</p>' in page


def test_what_is_held_cannot_act_on_the_page(simulator: Simulator[Any], client: httpx.Client) -> None:
    simulator.edit({"do": "create", "thing": "<script>"})
    reply = client.get("/")
    assert "<script" not in reply.text
    assert "&lt;script&gt;" in reply.text
    assert reply.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert client.post("/", content=b"", headers={"Content-Type": "application/json"}).status_code == 405


def test_many_items_are_counted_and_the_first_shown(simulator: Simulator[Any], client: httpx.Client) -> None:
    simulator.play.things += ["more"] * 1200
    page = client.get("/").text
    assert "1,202 in all; the first 50 are shown." in page
    assert page.count("<td>more…</td>") == 48


def test_its_style_asks_for_nothing_from_elsewhere(client: httpx.Client) -> None:
    style = client.get("/style.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert "url(" not in style.text
    assert "@import" not in style.text
