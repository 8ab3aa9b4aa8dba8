"""From an empty data folder to the receipt of a rehearsed report, as three people walk it before a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.simulators.cybertipline.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "kettle orbit lantern moss"  # noqa: S105  (nobody's)
START_S = 60
WAIT_MS = 60_000
ADMINS = (
    "first-run/house",
    "first-run/people",
    "first-run/key",
    "first-run/authority",
    "first-run/next",
    "api-keys",
    "webhooks",
)
LEADS = ("first-run/people", "first-run/bank", "first-run/case", "first-run/report")
AXE = "async () => (await axe.run()).violations.map((each) => [each.id, each.nodes[0].html.slice(0, 160)])"
MOST_FORMS = 17
"""Of some 15 seconds each, so that all of them take no more than five minutes."""
SETTINGS = ("HEDGEROW_DATA", "HEDGEROW_REPORTS_TEST_URL", "HEDGEROW_REPORTS_REPORTER_EMAIL")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("new") / "data"


@pytest.fixture(scope="module")
def link(data: Path) -> Iterator[str]:
    """Start the service on a folder that does not exist, as the README says, and give the link that it prints."""
    data.parent.mkdir(exist_ok=True)
    log = data.parent / "serve.log"
    program = str(Path(sys.executable).with_name("hedgerow"))
    command = [program, "--data", str(data), "serve", "--port", "0", "--first-admin-link"]
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said, env=environment) as process:
        until = time.monotonic() + START_S
        while (found := re.search(r"open (http://\S+) once", log.read_text())) is None:
            assert time.monotonic() < until, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield found[1]
        process.terminate()
        assert process.wait(timeout=60) == 0, log.read_text()


class Walk:
    """Somebody's browser, which counts the forms that they send and keeps a picture of each page."""

    def __init__(self, chromium: Any, pictures: Path | None, **look: Any) -> None:
        self.context = chromium.new_context(viewport={"width": 1280, "height": 800}, **look)
        self.page = self.context.new_page()
        self.forms: list[str] = []
        self.page.on("request", self._count)
        self._pictures = pictures

    def _count(self, request: Any) -> None:
        if request.method == "POST" and request.is_navigation_request():
            self.forms.append(request.url)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()
        self.page.wait_for_load_state()

    def keep(self, name: str) -> None:
        """Keep a picture of the page, where the environment says where to."""
        if self._pictures is not None:
            self.page.wait_for_load_state("networkidle")
            self.page.screenshot(path=str(self._pictures / f"{name}.png"), full_page=True)

    def choose_password(self, address: str, name: str | None = None) -> None:
        self.page.goto(address)
        if name is not None:
            self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_label("Password, once more").fill(PASSWORD)
        self.press("Set the password")

    def log_in(self, name: str) -> None:
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press("Log in")

    def go_on(self) -> None:
        self.page.get_by_role("link", name=re.compile("^Go on: ")).click()


def test_three_people_walk_from_the_first_link_to_the_receipt(chromium: Any, link: str, data: Path) -> None:
    kept = os.environ.get("HEDGEROW_TEST_PICTURES")
    pictures = None if kept is None else Path(kept)
    base = link.partition("/welcome/")[0]

    # The admin needs no script for any of it.
    ada = Walk(chromium, pictures, java_script_enabled=False)
    ada.choose_password(link, "ada")
    ada.log_in("ada")
    ada.keep("01-today-admin")
    ada.page.get_by_role("link", name="To the first run").click()
    assert ada.page.get_by_role("heading", level=1).inner_text() == "This house"
    ada.keep("02-house")
    ada.go_on()
    ada.page.get_by_label("User name of who leads").fill("lea")
    ada.page.get_by_label("User name of who approves").fill("apo")
    ada.keep("03-people")
    ada.press("Name them, and make their links")
    ada.keep("04-people-links")
    links = ada.page.locator("code.secret").all_inner_texts()
    ada.go_on()
    ada.keep("05-key")
    ada.press("Make the key")
    ada.keep("06-key-made")
    assert "curl" in ada.page.locator("main").inner_text()
    ada.go_on()
    ada.keep("07-authority")
    ada.press("Start the stand-in")
    ada.keep("08-authority-runs")
    assert ada.page.get_by_text("The stand-in runs").is_visible()
    ada.go_on()
    assert "Hand over to lea" in ada.page.locator("main").inner_text()
    ada.keep("09-hand-over")

    lea = Walk(chromium, pictures)
    lea.choose_password(links[0])
    lea.log_in("lea")
    lea.keep("10-today-lead")
    lea.page.get_by_role("link", name="To the first run").click()
    lea.keep("11-bank")
    lea.press("Make the bank, and put the picture into it")
    lea.keep("12-bank-made")
    lea.go_on()
    lea.keep("13-case")
    lea.press("Upload the copy")
    lea.page.wait_for_url("**/cases/2*")
    lea.keep("14-case-opened")
    lea.press("Take this case")
    lea.page.get_by_label("Confirm the match").check()
    lea.page.get_by_label(re.compile("^A1")).check()
    lea.keep("15-case-taken")
    lea.press("Record and go on")
    lea.page.goto(f"{base}/")
    lea.page.get_by_role("link", name="To the first run").click()
    assert lea.page.get_by_label("E-mail address of whoever reports").input_value() == "rehearsal@platform.example"
    lea.keep("16-report")
    lea.press("Draft the report")
    lea.page.wait_for_url("**/reports/1?note=drafted")
    assert lea.page.get_by_text("Nothing. It can be approved as it is.").is_visible()
    lea.keep("17-report-drafted")
    lea.page.goto(f"{base}/first-run")
    assert "Hand over to who approves" in lea.page.locator("main").inner_text()
    lea.keep("18-hand-over")

    apo = Walk(chromium, pictures)
    apo.choose_password(links[1])
    apo.log_in("apo")
    apo.keep("19-today-approver")
    apo.page.get_by_role("link", name="To the first run").click()
    apo.keep("20-report-to-approve")
    apo.page.get_by_role("link", name="Look at the report").click()
    apo.keep("21-preview")
    apo.press("Approve exactly this")
    apo.page.locator("#live-part .mark-of", has_text=re.compile("^Filed$")).wait_for(timeout=WAIT_MS)
    apo.keep("22-filed")
    apo.page.goto(f"{base}/first-run/report")
    receipt = apo.page.locator(".receipt").inner_text()
    apo.keep("23-receipt")

    ada.page.goto(f"{base}/first-run")
    assert ada.page.get_by_role("heading", level=1).inner_text() == "What comes next"
    ada.keep("24-next")

    store = Store(data / "rehearsal" / "received.db")
    (received,) = store.reports()
    store.close()
    assert (received.state, len(received.files)) == ("finished", 1)
    assert str(received.id) in receipt
    assert b"rehearsal of a new installation" in received.document
    forms = [*ada.forms, *lea.forms, *apo.forms]
    assert len(forms) <= MOST_FORMS, forms
    for walk in (ada, lea, apo):
        banner = walk.page.get_by_role("complementary", name="Rehearsal")
        assert banner.is_visible()

    ada.press("Put the stand-in away")
    assert ada.page.get_by_text("The stand-in is put away.").is_visible()
    ada.page.goto(f"{base}/")
    assert ada.page.get_by_role("link", name="To the first run").count() == 0
    for walk in (ada, lea, apo):
        walk.context.close()


@pytest.mark.slow
def test_no_step_is_hard_to_use_on_a_telephone(chromium: Any, link: str) -> None:
    """Look at the pages as the walk before has left them."""
    kept = os.environ.get("HEDGEROW_TEST_PICTURES")
    base = link.partition("/welcome/")[0]
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
    wrong: dict[str, Any] = {}
    for name, pages in (("ada", ADMINS), ("lea", LEADS)):
        walk = Walk(chromium, None if kept is None else Path(kept), bypass_csp=True)
        walk.page.set_viewport_size({"width": 320, "height": 640})
        walk.page.goto(f"{base}/login")
        walk.log_in(name)
        for path in pages:
            walk.page.goto(f"{base}/{path}")
            walk.keep(f"30-{name}-{path.replace('/', '-')}")
            walk.page.evaluate(axe)
            violations = walk.page.evaluate(AXE)
            if violations or walk.page.evaluate("document.documentElement.scrollWidth") > 320:
                wrong[path] = violations
        walk.context.close()
    assert wrong == {}
