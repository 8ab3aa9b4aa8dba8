"""What fails stands on Today while it lasts, and goes when it is solved: also on a page that is simply left open."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.console.conftest import SECRET, House, picture
from tests.web.console.furnishing import Person, Platform

from hedgerow.app.webhooks import add_webhook, try_webhook
from hedgerow.simulators.cybertipline import CyberTiplineSimulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Webhooks are tried again after 5 s, exchanges are looked after every 10 s, and an open page asks every 4 s.
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def house(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = shutil.copytree(migrated, tmp_path_factory.mktemp("house") / "data")
    with CyberTiplineSimulator(user="esp", password=SECRET) as simulator:
        made = House(data, simulator)
        made.start()
        yield made
        made.stop()


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    made = Platform()
    yield made
    made.stop()


def trouble(page: Any, kind: str) -> Any:
    return page.locator(f"#stands [data-kind={kind}]")


def test_a_webhook_that_fails_stands_on_an_open_page_until_the_platform_confirms(
    house: House, platform: Platform, visit: Callable[..., Any]
) -> None:
    platform.status["/hook"] = 500
    with visit("lea") as page:
        assert trouble(page, "deliveries_waiting").count() == 0
        endpoint = add_webhook(house.settings, f"{platform.url}/hook").endpoint.id
        try_webhook(house.settings, endpoint)
        trouble(page, "deliveries_waiting").wait_for(timeout=WAIT_MS)
        # It is said to who does not see the page, too
        assert "not confirmed by the platform yet" in page.locator("#live").inner_text()
        trouble(page, "deliveries_waiting").get_by_role("link").focus()
        platform.status["/hook"] = 200
        trouble(page, "deliveries_waiting").wait_for(state="detached", timeout=WAIT_MS)
        # The link on which somebody stood is gone, and they have not lost their place
        assert page.evaluate("document.activeElement.localName") == "main"
        assert len(platform.came) >= 2


def test_an_exchange_that_fails_stands_there_until_a_fetch_succeeds(house: House, visit: Callable[..., Any]) -> None:
    with visit("lea") as page, closing(Person(house, "lea")) as lea:
        lea.send("/exchanges", kind="local_file", name="PARTNER", **{"config-filename": "list.txt"})
        trouble(page, "exchange_failing").wait_for(timeout=WAIT_MS)
        trouble(page, "exchange_failing").get_by_role("link", name="To the exchange").click()
        page.wait_for_url("**/exchanges/PARTNER")
        folder = house.data / "exchanges"
        folder.mkdir(exist_ok=True)
        (folder / "list.txt").write_text("md5 " + "ab" * 16 + "\n")
        page.get_by_role("button", name="Fetch it now").click()
        page.goto(f"{house.base}/")
        trouble(page, "exchange_failing").wait_for(state="detached", timeout=WAIT_MS)


def test_a_report_that_fails_and_an_authority_that_refuses_stand_there_until_somebody_has_mended_it(
    house: House, visit: Callable[..., Any]
) -> None:
    house.know(picture(1))
    case = house.screen(picture(1))["case"]["number"]
    with ExitStack() as stack:
        ada, rey, apo = (stack.enter_context(closing(Person(house, name))) for name in ("ada", "rey", "apo"))
        # Nobody can seal anything yet: an admin, who sees no evidence, is led to where that is mended
        assert '<a href="/vault">To the vault</a>' in ada.get("/")
        rey.decide(case, "confirmed", classification="A1")
        ada.send("/filing/credentials/test", username="esp", password=SECRET)
        first = rey.draft(case)
        house.simulator.faults.add("submit", 1, "validation")
        with visit("apo") as page:
            apo.approve(first)
            trouble(page, "report_needs_person").wait_for(timeout=WAIT_MS)
            trouble(page, "report_needs_person").get_by_role("link").click()
            page.wait_for_url(f"**/reports/{first}")
            apo.send(f"/reports/{first}/resolve", what="again")
            page.goto(f"{house.base}/")
            trouble(page, "report_needs_person").wait_for(state="detached", timeout=WAIT_MS)
            house.simulator.faults.add("*", None, "unauthorized")
            second = rey.draft(case)
            apo.approve(second)
            trouble(page, "authority_stopped").wait_for(timeout=WAIT_MS)
            house.simulator.faults.clear()
            trouble(page, "authority_stopped").get_by_role("link", name="Look after filing").click()
            page.wait_for_url("**/filing")
            ada.send("/filing/credentials/test/mended")
            page.goto(f"{house.base}/")
            assert trouble(page, "authority_stopped").count() == 0
