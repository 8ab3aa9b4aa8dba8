"""What a person sees and can do, in a real browser, without a mouse, at any size."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyotp
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "kettle orbit lantern moss"  # noqa: S105  (nobody's)
# Contrast of every text that is shown, against the nearest background behind it that is not transparent.
CONTRAST = """
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
    if (!own || !box.width || box.right < 0 || getComputedStyle(element).visibility === 'hidden') continue;
    const [light, dark] = [luminance(parts(getComputedStyle(element).color)), luminance(behind(element))]
      .sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) found.push([element.tagName, element.textContent.trim().slice(0, 40), contrast]);
  }
  return found;
}
"""
# Targets of at least 24 by 24 points (WCAG 2.2, 2.5.8), links inside sentences excepted.
SMALL = """
() => [...document.querySelectorAll('button, input:not([type=hidden]):not(.unseen), a.button, nav a, summary')]
  .map((each) => [each.textContent.trim(), each.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([text]) => text)
"""
WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@contextmanager
def seen(chromium: Any, site: Any, look: dict[str, Any] | None = None) -> Iterator[Any]:
    """Open a page, and make sure at the end that nothing was asked of anybody else and that nothing broke a policy."""
    context = chromium.new_context(**(look or {}))
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert all(address.startswith((f"{site.base}/", "data:")) for address in asked), asked
    # A browser notes errors that it was answered, and that it forgot what it was told to forget at the logout. What
    # else it notes, of policies, forms or styles, is a mistake of ours.
    usual = ("the server responded with a status of", "Clear-Site-Data header")
    assert [each for each in said if not any(words in each for words in usual)] == []


def log_in(page: Any, site: Any, name: str = "ada") -> None:
    page.goto(f"{site.base}/login")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.base}/")


@pytest.fixture(scope="module")
def ada(chromium: Any, site: Any) -> str:
    """Become the first admin by the link that the service printed, with the keyboard alone."""
    with seen(chromium, site) as page:
        page.goto(site.link)
        for text in ("ada", PASSWORD, PASSWORD):
            while page.evaluate("document.activeElement.tagName") != "INPUT":
                page.keyboard.press("Tab")
            page.keyboard.type(text)
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Set the password"
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site.base}/login?note=password_set")
        assert page.get_by_role("status").inner_text() == "Your password is set. Log in with it."
        page.goto(site.link)
        assert page.get_by_role("heading", level=1).inner_text() == "Gone"
    site.add("lena", "lead")
    return "ada"


@pytest.mark.parametrize("path", ["/login", "/problems/bank_not_found", "/nowhere"])
def test_a_page_for_everybody_is_readable(chromium: Any, site: Any, ada: str, look: dict[str, Any], path: str) -> None:
    with seen(chromium, site, look) as page:
        page.goto(f"{site.base}{path}")
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate(SMALL) == []
        assert page.evaluate(WIDE) <= 0


def test_pages_of_ones_own_are_readable(chromium: Any, site: Any, ada: str, look: dict[str, Any]) -> None:
    with seen(chromium, site, look) as page:
        log_in(page, site, "lena")
        for path in ("/", "/account", "/account/authenticator"):
            page.goto(f"{site.base}{path}")
            assert page.evaluate(CONTRAST) == [], path
            assert page.evaluate(SMALL) == [], path
            assert page.evaluate(WIDE) <= 0, path


def test_on_a_narrow_telephone_nothing_is_cut_off(chromium: Any, site: Any, ada: str) -> None:
    with seen(chromium, site, {"viewport": {"width": 320, "height": 640}}) as page:
        log_in(page, site, "lena")
        for path in ("/", "/account", "/account/authenticator"):
            page.goto(f"{site.base}{path}")
            assert page.evaluate(WIDE) <= 0, path  # WCAG 2.2, 1.4.10


def test_a_mistake_is_told_where_it_was_made_and_the_keyboard_is_there(chromium: Any, site: Any, ada: str) -> None:
    with seen(chromium, site) as page:
        log_in(page, site)
        page.goto(f"{site.base}/account")
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_label("New password", exact=True).fill("short")
        page.get_by_label("New password, once more").fill("short")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site.base}/account/password")
        field = page.get_by_label("New password", exact=True)
        assert page.evaluate("document.activeElement.id") == "new_password"
        assert field.get_attribute("aria-invalid") == "true"
        assert page.title().startswith("Error: ")
        described = field.get_attribute("aria-describedby").split()
        assert "fewer than 12" in page.locator(f"#{described[-1]}").inner_text()
        assert page.evaluate(CONTRAST) == []


def test_the_keyboard_goes_through_a_page_in_the_order_of_reading_and_its_place_is_seen(
    chromium: Any, site: Any, ada: str
) -> None:
    with seen(chromium, site) as page:
        page.goto(f"{site.base}/login")
        visited = []
        for _ in range(5):
            page.keyboard.press("Tab")
            visited.append(page.evaluate("(document.activeElement.id || document.activeElement.textContent).trim()"))
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert visited == ["Skip to the content", "Hedgerow", "name", "password", "Log in"]


def test_who_has_an_authenticator_logs_in_with_its_code_and_logs_out(chromium: Any, site: Any, ada: str) -> None:
    site.add("robin", "reviewer")
    with seen(chromium, site) as page:
        log_in(page, site, "robin")
        page.get_by_role("link", name="Set up an authenticator").click()
        secret = page.locator("code.secret").inner_text().replace(" ", "")
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_label("Code that the authenticator shows now").fill(pyotp.TOTP(secret).now())
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Your recovery codes").wait_for()
        codes = page.locator(".codes code").all_inner_texts()
        assert len(codes) == 10
        page.get_by_role("link", name="I have kept them").click()
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{site.base}/login?note=logged_out")
        page.go_back()
        page.reload()
        page.wait_for_url(f"{site.base}/login?**")
        page.goto(f"{site.base}/account")
        page.get_by_label("User name").fill("robin")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_label("Code").fill(codes[0])
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site.base}/account")


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(chromium: Any, site: Any, ada: str) -> None:
    with seen(chromium, site) as page:
        log_in(page, site)
        (cookie,) = page.context.cookies()
        assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("hedgerow", True, "Strict")
        assert page.evaluate("document.cookie") == ""


def test_a_session_is_ended_from_another_one(chromium: Any, site: Any, ada: str) -> None:
    site.add("sam", "analyst")
    with seen(chromium, site) as first, seen(chromium, site) as second:
        log_in(first, site, "sam")
        log_in(second, site, "sam")
        second.goto(f"{site.base}/account")
        second.get_by_role("button", name="End session").click()
        assert second.locator("p[role=status]").inner_text() == "The session has ended."
        first.goto(f"{site.base}/account")
        assert first.url.startswith(f"{site.base}/login")
