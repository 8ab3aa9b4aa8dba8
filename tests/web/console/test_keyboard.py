"""The whole way by the keyboard alone, from the login with a code to the authority's receipt; no key by accident."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyotp
import pytest
from tests.web.console.conftest import PASSWORD, SECRET, picture

from hedgerow import accounts
from hedgerow.app import now
from hedgerow.database.sealing import load_service_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.web.console.conftest import House

WAIT_MS = 60_000
FOCUS = """
() => {
  const each = document.activeElement;
  if (!each || each === document.body) return null;
  const words = each.labels?.length ? each.labels[0].textContent : each.getAttribute("aria-label") || each.textContent;
  const box = each.getBoundingClientRect();
  const style = getComputedStyle(each);
  const places = [0.1, 0.5, 0.9].flatMap((x) => [0.2, 0.5, 0.8].map((y) => [x, y]));
  const points = places.map(([x, y]) => [box.left + x * box.width, box.top + y * box.height]);
  return {
    words: (words || each.value || "").trim().replace(/\\s+/g, " "),
    is_marked: each.matches(":focus-visible") && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    is_uncovered: points.some(([x, y]) => each.contains(document.elementFromPoint(x, y))),
  };
}
"""


class Hands:
    """Somebody with a keyboard and nothing else. Wherever the focus goes, it is seen."""

    def __init__(self, page: Any, base: str) -> None:
        self.page = page
        self.base = base
        self.press = page.keyboard.press
        self.type = page.keyboard.type

    def at(self, path: str) -> None:
        """Wait for a page. The focus is at its beginning, at its heading, or at a field that somebody has to fill."""
        self.page.wait_for_url(re.compile(re.escape(self.base) + path), wait_until="load")
        begins = "() => ['BODY', 'H1', 'INPUT'].includes(document.activeElement.tagName)"
        self.page.wait_for_function(begins)

    def tab_to(self, words: str, key: str = "Tab") -> None:
        """Go from element to element until one is called that."""
        passed: list[str] = []
        for _ in range(120):
            self.press(key)
            found = self.page.evaluate(FOCUS)
            if found is None:
                continue
            where = f"{found['words']!r} on {urlsplit(self.page.url).path}"
            assert found["is_marked"], f"the focus is not seen at {where}"
            assert found["is_uncovered"], f"something lies over {where}"
            if re.match(words, found["words"]):
                return
            passed.append(found["words"])
        pytest.fail(f"no way leads to {words!r}; passed were {passed}")

    def log_in(self, name: str, secret: str | None = None) -> None:
        self.page.goto(f"{self.base}/")
        self.tab_to("User name")
        self.type(name)
        self.tab_to("Password")
        self.type(PASSWORD)
        self.press("Enter")
        if secret is not None:
            self.at("/login/code")
            self.tab_to("Code")
            self.type(pyotp.TOTP(secret).now())
            self.press("Enter")
        self.at("/$")

    def go(self, words: str) -> None:
        """Go somewhere by the list of commands."""
        self.press("Control+k")
        self.page.wait_for_selector("#palette[open]")
        self.type(words)
        self.press("Enter")


@pytest.fixture(scope="module")
def secret(house: House) -> str:
    """Give the secret of rey's authenticator."""
    drawn, at = accounts.new_secret(), now() - timedelta(hours=1)
    with house.database.write() as connection:
        accounts.set_up_totp(
            connection,
            house.user("rey"),
            drawn,
            pyotp.TOTP(drawn).at(at),
            service_keys=load_service_keys(house.data),
            actor="cli",
            now=at,
        )
    return drawn


@pytest.fixture(scope="module", autouse=True)
def _furnished(house: House, visit: Callable[..., Any]) -> None:
    """Put known pictures into the house, and let somebody enter the word by which the simulator knows it."""
    house.know(picture(1), picture(2))
    with visit("ada") as page:
        page.goto(f"{house.base}/filing")
        section = page.get_by_role("region", name="Rehearsals", exact=True)
        section.get_by_label("User name at the authority").fill("esp")
        section.get_by_label("Password at the authority").fill(SECRET)
        page.keyboard.press("Enter")
        page.wait_for_url("**/filing?note=entered")


def test_the_keyboard_alone_leads_from_the_login_to_the_receipt(
    house: House, visit: Callable[..., Any], secret: str
) -> None:
    case = str(house.screen(picture(1), account="whole way")["case"]["number"])
    with visit(None) as page:
        rey = Hands(page, house.base)
        rey.log_in("rey", secret)

        # Takes the case, and writes a note in which every letter is somebody's command.
        rey.press("n")
        rey.at(f"/cases/{case}$")
        page.wait_for_function("() => document.activeElement.tagName === 'H1'")
        rey.press("1")
        rey.press("q")
        rey.press("e")
        rey.type("2345wasdnuxrhjkoptvyb? and 1q")
        assert page.url == f"{house.base}/cases/{case}"
        said = page.evaluate("Object.fromEntries(new FormData(document.querySelector('.decision')))")
        assert said["note"] == "2345wasdnuxrhjkoptvyb? and 1q"
        assert (said["verdict"], said["classification"]) == ("confirmed", "A1")
        assert page.locator(".media-full, dialog[open]").count() == 0
        rey.tab_to("Tags", "Shift+Tab")
        rey.press("Enter")
        rey.tab_to("drawn or virtual")
        rey.press(" ")
        rey.press("Control+Enter")
        rey.at(r"/cases\?note=decided$")

        # Drafts the report, and says what is missing.
        rey.tab_to("Case, account or content")
        rey.type(case)
        rey.press("Enter")
        rey.at(f"/cases/{case}$")
        rey.press("p")
        rey.at("/reports/new")
        rey.tab_to("Draft it")
        rey.press("Enter")
        rey.at(r"/reports/1\?note=drafted")
        rey.tab_to("Mend it: Incident › when it happened")
        rey.press("Enter")
        rey.at("/reports/1/edit")
        assert page.evaluate(FOCUS)["words"].startswith("When it happened")
        rey.type("2026-01-02 03:04")
        rey.tab_to("Incident type")
        rey.type("Child Sex T")
        rey.press("Control+Enter")
        rey.at(r"/reports/1\?note=kept$")
        rey.press("v")
        rey.at("/reports/1/preview$")
        rey.press("y")  # is not offered to who wrote it
        shown = page.locator("#document-sha256").inner_text()
    with visit(None) as page:
        apo = Hands(page, house.base)
        apo.log_in("apo")
        apo.tab_to("To the reports")
        apo.press("Enter")
        apo.at("/reports")
        apo.tab_to("Report 1")
        apo.press("Enter")
        apo.at("/reports/1$")
        apo.press("v")
        apo.at("/reports/1/preview$")
        assert page.locator("#document-sha256").inner_text() == shown
        apo.press("y")
        apo.at(r"/reports/1\?note=approved$")
        page.locator("#live-part .mark-of", has_text=re.compile("^Filed$")).wait_for(timeout=WAIT_MS)
        (received,) = house.simulator.reports()
        assert str(received.id) in page.locator("#live-part").inner_text()
        assert b"animeDrawingVirtualHentai" in b"".join(each.details or b"" for each in received.files)


def test_a_key_that_somebody_chose_survives_and_the_list_of_commands_leads_everywhere(
    house: House, visit: Callable[..., Any]
) -> None:
    case = str(house.screen(picture(2), account="another key")["case"]["number"])
    with visit(None) as page:
        rob = Hands(page, house.base)
        rob.log_in("rob")
        rob.press("?")
        rob.at("/account/keys$")
        rob.tab_to("Take the next case")
        rob.type("m")
        rob.press("Enter")
        rob.at(r"/account/keys\?note=")
        page.reload()
        rob.go("today")
        rob.at("/$")
        rob.press("n")
        rob.press("m")
        rob.at(f"/cases/{case}$")
        rob.press("x")
        rob.at(r"/cases\?note=released$")
        rob.press("Control+k")
        page.wait_for_selector("#palette[open]")
        rob.type("no such thing")
        assert page.locator("#palette-none").is_visible()
        rob.press("Escape")
        rob.press("Control+k")
        rob.type("cases")
        rob.press("ArrowDown")
        rob.press("ArrowUp")
        rob.press("Enter")
        rob.at("/cases$")
        rob.go("log out")
        rob.at("/login")
