"""Banks in a real browser: a file goes in, a list is reported on, a threshold is tried, nothing is amiss."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import House

WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def _picture(seed: int) -> bytes:
    import io  # noqa: PLC0415  (only here)

    from PIL import Image  # noqa: PLC0415  (as above)

    from hedgerow.hashing.selftest import synthetic_picture  # noqa: PLC0415  (as above)

    made = io.BytesIO()
    Image.fromarray(synthetic_picture(640, 480, seed)).save(made, "JPEG", quality=90)
    return made.getvalue()


def test_a_lead_banks_a_file_with_the_keyboard_or_without_scripts(house: House, visit: Callable[..., Any]) -> None:
    for scripts, seed in ((True, 901), (False, 902)):
        with visit("lea", java_script_enabled=scripts) as page:
            page.goto(f"{house.base}/banks/known/add")
            page.get_by_label("Picture or video").set_input_files(
                {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": _picture(seed)}
            )
            page.get_by_role("button", name="Hash it and add it").press("Enter")
            page.wait_for_url(f"{house.base}/banks/known?added=1&already=0")
            assert "Added: 1." in page.get_by_role("status").first.inner_text()
    until = time.monotonic() + 30
    found: list[Any] = []
    while not found and time.monotonic() < until:  # the service follows its banks within a second
        answer = house.api("POST", "/lookups", files={"media": ("a.jpg", _picture(901))})
        found = answer.json().get("matches", [])
        time.sleep(0.2)
    assert found


def test_the_lines_of_a_list_that_were_not_taken_are_named(house: House, visit: Callable[..., Any]) -> None:
    with visit("lea") as page:
        page.goto(f"{house.base}/banks/known/import")
        listed = b"pdq " + b"f8" * 32 + b"\nnonsense\n"
        page.get_by_label("File", exact=True).set_input_files(
            {"name": "list.txt", "mimeType": "text/plain", "buffer": listed}
        )
        page.get_by_role("button", name="Import the list").click()
        page.get_by_role("heading", name="What came of the list").wait_for()
        rows = page.get_by_role("group", name="Lines that were not taken").get_by_role("row")
        assert rows.nth(1).inner_text().split()[0] == "2"


def test_every_page_about_banks_fits_a_telephone_and_a_zoomed_screen(house: House, visit: Callable[..., Any]) -> None:
    picture = _picture(903)
    house.know(picture)
    house.screen(picture)
    for look in ({"viewport": {"width": 320, "height": 640}}, {"viewport": {"width": 640, "height": 400}}):
        with visit("lea", **look) as page:
            for path in (
                "/banks",
                "/banks/known",
                "/banks/known/entries/1",
                "/banks/known/add",
                "/banks/known/import",
                "/banks/known/threshold?bits=20",
                "/banks/known/suppressions",
                "/lookbacks",
                "/exchanges",
                "/deliveries",
            ):
                page.goto(f"{house.base}{path}")
                assert page.evaluate(WIDE) <= 0, path
