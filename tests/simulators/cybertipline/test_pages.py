"""The pages show what was received, to everybody who looks, and nothing on them acts."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hedgerow.simulators.cybertipline import CyberTiplineSimulator

FULL = (Path(__file__).parent / "examples" / "report_full.xml").read_bytes()
DETAILS = (Path(__file__).parent / "examples" / "filedetails_full.xml").read_text("utf-8")
NASTY = "<script>alert(1)</script>&\"'"


def _shown(simulator: CyberTiplineSimulator, path: str) -> str:
    reply = httpx.get(f"{simulator.pages}{path}")
    assert reply.status_code == 200
    return reply.text


@pytest.fixture
def report(caller: Any) -> int:
    number: int = caller.opened(FULL)
    file = caller.uploaded(number, b"some bytes")
    inside = DETAILS[DETAILS.index("<originalFileName>") : DETAILS.index("</fileDetails>")]
    assert caller.code(caller.describe(number, file, inside)) == 0
    caller.finish(number)
    return number


@pytest.mark.parametrize("path", ["/", "/calls", "/reports/900000001"])
def test_every_page_says_that_this_is_a_simulator(path: str, caller: Any, report: int) -> None:
    page = _shown(caller.simulator, path)
    assert "<strong>SIMULATOR</strong>" in page
    assert "Nothing here was sent to anybody" in page
    assert re.search("<title>.*SIMULATOR</title>", page)


def test_a_report_is_shown_with_its_words_its_digests_and_its_calls(caller: Any, report: int) -> None:
    page = _shown(caller.simulator, f"/reports/{report}")
    kept = caller.only_report()
    assert "Online Enticement of Children for Sexual Acts" in page
    assert "solicitation of abuse material" in page
    assert hashlib.sha256(FULL).hexdigest() in page
    assert kept.files[0].md5 in page
    assert kept.files[0].sha256 in page
    assert "made by generative AI" in page
    assert "&lt;incidentSummary&gt;" in page
    for call in caller.simulator.calls(report):
        assert call.request_id in page


def test_documents_can_be_had_byte_for_byte(caller: Any, report: int) -> None:
    reply = httpx.get(f"{caller.simulator.pages}/reports/{report}/document")
    assert reply.content == FULL
    assert reply.headers["content-type"].startswith("text/plain")
    file = caller.only_report().files[0]
    details = httpx.get(f"{caller.simulator.pages}/reports/{report}/files/{file.id}/details")
    assert details.content == file.details


def test_calls_are_shown_with_codes_faults_and_what_waits(caller: Any, report: int) -> None:
    caller.simulator.faults.add("retract", 1, "server_error")
    caller.retract(report)
    caller.simulator.faults.add("finish", 3, "drop_after")
    caller.submit(b"<report/>")
    page = _shown(caller.simulator, "/calls")
    assert "fault: server_error" in page
    assert "<strong>4100</strong>" in page
    assert "finish:3:drop_after" in page


def test_what_came_is_text_and_never_markup(caller: Any) -> None:
    text = NASTY.replace("&", "&amp;").replace("<", "&lt;")
    number = caller.opened(FULL.replace(b"free text", text.encode()))
    caller.upload(number, b"x", "<img src=x onerror=alert(1)>.jpg")
    page = _shown(caller.simulator, f"/reports/{number}")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_pages_ask_nobody_else_and_run_nothing(caller: Any, report: int) -> None:
    for path in ("/", "/calls", f"/reports/{report}", "/nothing"):
        reply = httpx.get(f"{caller.simulator.pages}{path}")
        assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Cache-Control"] == "no-store"
        assert "<script" not in reply.text
        assert re.findall(r'(?:src|href)="(?!/|#)', reply.text) == []
    assert "url(" not in _shown(caller.simulator, "/style.css")


@pytest.mark.parametrize(
    "path", ["/reports/7", "/reports/99999999999999999999999", "/reports/x", "/x", "/reports/900000001/x"]
)
def test_what_is_not_there_is_404(path: str, caller: Any, report: int) -> None:
    assert httpx.get(f"{caller.simulator.pages}{path}").status_code == 404


def test_pages_are_read_only(caller: Any, report: int) -> None:
    assert httpx.post(f"{caller.simulator.pages}/").status_code == 405


def test_without_reports_the_pages_say_so(simulator: CyberTiplineSimulator) -> None:
    assert "Nothing yet" in _shown(simulator, "/")
    assert "Nobody has called yet" in _shown(simulator, "/calls")


# ── in a browser ─────────────────────────────────────────────────────────────────────────────────────────────────

# Contrast of every text that is shown, against the nearest background behind it that is not transparent (WCAG 1.4.3).
FAINT = """
() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parts(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const box = element.getBoundingClientRect();
    if (!own || !box.width || box.right < 0) continue;
    const [light, dark] = [luminance(parts(getComputedStyle(element).color)), luminance(behind(element))]
      .sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) found.push([element.tagName, element.textContent.trim().slice(0, 40), contrast]);
  }
  return found;
}
"""
WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None or importlib.util.find_spec("playwright") is None:
        pytest.skip("NO BROWSER: this test checked NOTHING. Install Chromium and hedgerow[dev].")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (only where it is installed)

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=program, args=arguments)
        yield started
        started.close()


@pytest.mark.parametrize(
    "look",
    [
        {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
        {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
        {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
        {"viewport": {"width": 320, "height": 480}},
    ],
    ids=["light", "dark", "at 200 %", "at 400 %"],
)
def test_pages_can_be_read_by_everybody(look: dict[str, Any], chromium: Any, caller: Any, report: int) -> None:
    caller.submit(b"<report/>")
    context = chromium.new_context(**look)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    for path, heading in (("/", "Reports received"), (f"/reports/{report}", f"Report {report}"), ("/calls", "Calls")):
        page.goto(f"{caller.simulator.pages}{path}")
        assert page.get_by_role("heading", level=1, name=heading, exact=True).is_visible()
        assert page.get_by_text("SIMULATOR", exact=True).is_visible()
        assert page.evaluate(FAINT) == []
        assert page.evaluate(WIDE) <= 0
        levels = page.evaluate("() => [...document.querySelectorAll('h1,h2,h3,h4')].map((each) => +each.tagName[1])")
        assert all(after <= before + 1 for before, after in pairwise(levels))
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
    context.close()
    assert all(address.startswith(f"{caller.simulator.pages}/") for address in asked)
    assert said == []
