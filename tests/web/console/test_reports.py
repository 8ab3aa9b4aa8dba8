"""A report before a real browser: from a confirmed case to the authority's receipt, with two people."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.console.conftest import SECRET, picture

if TYPE_CHECKING:
    from collections.abc import Callable

WAIT_MS = 60_000


@pytest.fixture(scope="module", autouse=True)
def _known(house: Any) -> None:
    house.know(picture(1), picture(2))


def confirm(house: Any, page: Any, seed: int, account: str) -> str:
    """Let somebody confirm a case, and return its number once that has taken effect."""
    number = str(house.screen(picture(seed), account=account)["case"]["number"])
    page.goto(f"{house.base}/")
    page.keyboard.press("n")
    page.wait_for_url("**/cases/2*")
    page.keyboard.press("1")
    page.keyboard.press("q")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: not url.endswith(f"/cases/{number}"))
    return number


def enter_credentials(house: Any, visit: Callable[..., Any]) -> None:
    with visit("ada") as page:
        page.goto(f"{house.base}/filing")
        section = page.get_by_role("region", name="Rehearsals", exact=True)
        section.get_by_label("User name at the authority").fill("esp")
        section.get_by_label("Password at the authority").fill(SECRET)
        page.keyboard.press("Enter")
        page.wait_for_url("**/filing?note=entered")
        section.get_by_role("button", name="Ask whether they are accepted").click()
        page.wait_for_url("**/filing?note=accepted")
        assert SECRET not in page.content()


def test_from_a_confirmed_case_to_the_receipt_with_two_people_and_what_was_shown_is_what_arrived(
    house: Any, visit: Callable[..., Any]
) -> None:
    enter_credentials(house, visit)
    with visit("rey") as page:
        case = confirm(house, page, 1, "whole-way")
        page.goto(f"{house.base}/reports/new?case={case}")
        page.get_by_label("Number of the case").press("Enter")
        page.wait_for_url("**/reports/1?note=drafted")
        page.get_by_role("link", name=re.compile("^Mend it ?: Incident › when it happened")).click()
        assert page.evaluate("document.querySelector(':target').name") == "incidentDateTime"
        page.get_by_label("When it happened").fill("2026-01-02 03:04")
        page.get_by_label("Incident type").select_option(label="Child Sex Tourism")
        page.get_by_label("When it happened").press("Enter")
        page.wait_for_url("**/reports/1?note=kept")
        page.wait_for_selector("#checks")
        assert page.get_by_text("Nothing. It can be approved as it is.").is_visible()
        page.keyboard.press("v")
        page.wait_for_url("**/reports/1/preview")
        assert page.get_by_role("button", name="Approve exactly this").count() == 0
    with visit("apo") as page:
        page.goto(f"{house.base}/reports/1")
        page.keyboard.press("v")
        page.wait_for_url("**/reports/1/preview")
        shown = page.locator("#document-sha256").inner_text()
        page.keyboard.press("y")
        page.wait_for_url("**/reports/1?note=approved")
        # Nobody asks again: the page looks by itself until the receipt.
        page.locator("#live-part .mark-of", has_text=re.compile("^Filed$")).wait_for(timeout=WAIT_MS)
        (received,) = house.simulator.reports()
        assert str(received.id) in page.locator("#live-part").inner_text()
        assert hashlib.sha256(received.document).hexdigest() == shown
        assert page.get_by_role("row", name=re.compile("Finish the report")).is_visible()


def test_without_scripts_everything_works_but_for_looking_again_by_hand(house: Any, visit: Callable[..., Any]) -> None:
    with visit("rey") as page:
        case = confirm(house, page, 2, "by-hand")
    with visit("rey", java_script_enabled=False) as page:
        page.goto(f"{house.base}/reports/new?case={case}")
        page.get_by_role("button", name="Draft it").click()
        number = page.url.partition("/reports/")[2].partition("?")[0]
        page.get_by_role("link", name="Change Incident").click()
        page.get_by_label("When it happened").fill("2026-01-02 03:04")
        page.get_by_label("Incident type").select_option(label="Child Sex Tourism")
        page.get_by_role("button", name="Keep").click()
        page.wait_for_url("**?note=kept")
    with visit("apo", java_script_enabled=False) as page:
        page.goto(f"{house.base}/reports/{number}/preview")
        page.get_by_role("button", name="Approve exactly this").click()
        for _ in range(WAIT_MS // 200):
            again = page.get_by_role("link", name="Look again")
            if again.count() == 0:
                break
            again.click()
            page.wait_for_timeout(200)
        assert page.locator("#live-part .mark-of").first.inner_text() == "Filed"
