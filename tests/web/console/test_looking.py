"""What a reviewer sees of media in a real browser: nothing unasked, what was asked for not for long, and once only."""

from __future__ import annotations

import hashlib
import io
import re
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text
from tests.web.console.conftest import House, picture, running

from hedgerow import app, cases
from hedgerow.app import now
from hedgerow.app.serving import exposure
from hedgerow.app.serving.media import signature_of
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REBLUR_S = 6  # longer than a busy machine needs to see what is shown; less than a second is no whole look
CAP = 3
TILE = "figure[data-reveal]"
FULL = ".media-full"
POST = """
async ([path, said]) => {
  const token = document.body.dataset.csrf;
  const isForm = said instanceof Array;
  const body = isForm ? new URLSearchParams([...said, ["csrf_token", token]]) : JSON.stringify(said);
  const headers = isForm ? {} : { "content-type": "application/json", "x-csrf-token": token };
  const answer = await fetch(path, { method: "POST", headers, body });
  return [answer.status, isForm ? null : await answer.json()];
}
"""


@pytest.fixture(scope="module")
def house(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give a house in which pictures are hidden soon, and nobody but rey looks often."""
    limits = {
        "HEDGEROW_EXPOSURE_REBLUR_S": str(REBLUR_S),
        "HEDGEROW_EXPOSURE_DAILY_REVEALS": str(CAP),
        "HEDGEROW_EXPOSURE_REVEALS_UNTIL_BREAK": "1000",
    }
    with running(migrated, tmp_path_factory, **limits) as made:
        made.know(picture(1), picture(2), picture(3))
        exposure.set_cap(made.settings, made.database, made.user("rey"), 1_000, actor="cli")
        yield made


def sent(house: House, seed: int, account: str, to: str | None = None) -> str:
    """Screen a picture, let somebody take its case, and return the case's number."""
    number = str(house.screen(picture(seed), account=account)["case"]["number"])
    if to is not None:
        take(house, number, to)
    return number


def take(house: House, number: str, name: str) -> None:
    with house.database.write() as connection:
        case = cases.find_case_by_number(connection, number)
        cases.claim_case(connection, case.id, house.user(name), now=now())


@pytest.fixture(scope="module")
def case(house: House) -> str:
    """Give the number of a case with two pictures, on which rey works."""
    sent(house, 1, "two pictures")
    return sent(house, 2, "two pictures", to="rey")


def opened(page: Any, house: House, number: str) -> None:
    page.goto(f"{house.base}/cases/{number}")
    page.wait_for_selector(f"{TILE} [data-hold]:visible")


@pytest.fixture
def looking(house: House, visit: Callable[..., Any], case: str) -> Iterator[Any]:
    """Give the page of the case, which its viewer works on."""
    with visit("rey") as page:
        opened(page, house, case)
        page.wait_for_load_state("networkidle")
        yield page


@pytest.fixture
def lasting(looking: Any) -> Any:
    """Give the same page, on which a look ends by no time of its own, so that it is ended by what is tested."""
    looking.route(
        re.compile("/reveals$"),
        lambda route: route.fulfill(response=(answer := route.fetch()), json=answer.json() | {"seconds": 600}),
    )
    return looking


def asked_for(page: Any) -> list[str]:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    return asked


def seen(element: Any) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(element.screenshot(animations="disabled"))).convert("RGB")).astype(int)


def views(house: House) -> list[tuple[str, float]]:
    with house.database.read() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT form, seconds FROM views ORDER BY id"))]


def recorded(house: House, count: int) -> None:
    """Wait until so many rows are on record: the page is ahead of them."""
    until = time.monotonic() + 30
    while len(views(house)) < count and time.monotonic() < until:
        time.sleep(0.02)
    assert len(views(house)) == count


def look(page: Any) -> dict[str, Any]:
    """Look by the key, and return what the page was told."""
    with page.expect_response(re.compile("/reveals$")) as answered:
        page.keyboard.down("r")
        page.wait_for_selector(f".revealed {FULL}")
        page.keyboard.up("r")
    said: dict[str, Any] = answered.value.json()
    return said


def hold(page: Any, place: Any, milliseconds: int) -> None:
    place.hover()
    page.mouse.down()
    page.wait_for_timeout(milliseconds)
    page.mouse.up()


# ── nothing unasked ──────────────────────────────────────────────────────────────────────────────────────────────


def test_who_opens_twenty_cases_is_sent_nothing_but_grey_tiles(house: House, visit: Callable[..., Any]) -> None:
    numbers = [sent(house, 1 + each % 3, f"of twenty {each}", to="rob") for each in range(20)]
    originals = {picture(seed) for seed in (1, 2, 3)}
    before = len(views(house))
    with visit("rob") as page:
        page.goto("about:blank")
        got: list[Any] = []
        tiles: list[bytes] = []
        page.on("response", lambda response: got.append(response))  # noqa: PLW0108  (Playwright marks what it calls)
        for number in numbers:
            before_it = len(got)
            opened(page, house, number)
            tiles += [each.body() for each in got[before_it:] if "/media/" in each.url]
        page.wait_for_load_state("networkidle")
        paths = [urlsplit(each.url).path for each in got]
        usual = r"/cases/[\d-]+|/static/\w+/[\w.-]+|/media/\d+/tile"
        assert [each for each in paths if not re.fullmatch(usual, each)] == []
    assert len(tiles) == len(numbers)
    for each in tiles:
        assert each not in originals
        shown = np.asarray(Image.open(io.BytesIO(each)).convert("RGB")).astype(int)
        assert max(shown.shape) <= 320
        assert np.ptp(shown, axis=2).max() <= 2
    assert len(views(house)) == before


def test_no_pointer_shows_anything(looking: Any, house: House) -> None:
    asked, count = asked_for(looking), len(views(house))
    for each in looking.locator(f"{TILE} .media-frame").all():
        looking.mouse.move(0, 0)
        before = seen(each)
        each.hover()
        each.click()
        changed = np.abs(seen(each) - before).max(axis=2) > 8
        assert changed.mean() <= 0.02
    assert [each for each in asked if "/full" in each or "/reveals" in each] == []
    assert len(views(house)) == count


# ── a look ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_held_is_shown_and_a_while_later_it_is_the_blurred_one_again(looking: Any, house: House) -> None:
    tile = looking.locator(TILE).first
    frame = tile.locator(".media-frame")
    before, count = seen(frame), len(views(house))
    hold(looking, tile.locator("[data-hold]"), 150)
    assert len(views(house)) == count
    looking.mouse.down()
    looking.wait_for_selector(f".revealed {FULL}")
    shown = seen(frame)
    looking.mouse.up()
    assert np.abs(shown - before).mean() > 5
    looking.wait_for_selector(FULL, state="detached")
    looking.mouse.move(0, 0)
    recorded(house, count + 2)
    assert np.array_equal(seen(frame)[8:-8, 8:-8], before[8:-8, 8:-8])  # but for the round corners, drawn anew
    (first, second) = views(house)[-2:]
    assert first == ("full", 0)
    assert second[0] == "full"
    assert 0 < second[1] <= REBLUR_S


@pytest.mark.parametrize("how", ["Escape", "h", "r", "blur", "hidden"])
def test_what_is_shown_is_hidden_in_every_way(lasting: Any, house: House, how: str) -> None:
    count = len(views(house))
    look(lasting)
    if how == "blur":
        lasting.evaluate("window.dispatchEvent(new Event('blur'))")
    elif how == "hidden":
        lasting.evaluate(
            "Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
    else:
        lasting.keyboard.press(how)
    lasting.wait_for_selector(FULL, state="detached")
    recorded(house, count + 2)


def test_the_address_of_a_look_is_of_its_session_alone_and_of_its_time(
    lasting: Any, house: House, visit: Callable[..., Any]
) -> None:
    count = len(views(house))
    said = look(lasting)
    address = house.base + said["address"]
    own = lasting.context.request
    answer = own.get(address)
    assert (answer.status, answer.headers["content-type"]) == (200, "image/webp")
    assert answer.headers["cache-control"] == "no-store"
    assert "attachment" not in answer.headers["content-disposition"]
    (token,) = [each["value"] for each in lasting.context.cookies() if each["name"] == "hedgerow"]
    over = int((now() - timedelta(seconds=1)).timestamp())
    late = signature_of(token, said["evidence"], said["reveal"], over)
    path = f"{house.base}/media/{said['evidence']}/full?reveal={said['reveal']}"
    assert own.get(f"{path}&until={over}&signature={late}").status == 403
    changed = address[:-1] + ("0" if address[-1] != "0" else "1")
    assert own.get(changed).status == 403
    for name in ("rob", "rey"):  # somebody else, and the same person in another session
        with visit(name) as page:
            assert page.context.request.get(address).status == 403
    assert httpx.get(address, trust_env=False).status_code == 401
    lasting.keyboard.press("Escape")
    recorded(house, count + 2)
    assert own.get(address).status == 403


def test_while_somebody_writes_the_key_writes(looking: Any, house: House) -> None:
    count = len(views(house))
    looking.locator("textarea").first.focus()
    looking.keyboard.down("r")
    looking.wait_for_timeout(600)
    looking.keyboard.up("r")
    assert looking.locator(FULL).count() == 0
    assert len(views(house)) == count


def test_larger_is_blurred_too_until_somebody_looks(lasting: Any) -> None:
    asked = asked_for(lasting)
    lasting.locator(f"{TILE} [data-zoom]").first.click()
    stage = lasting.locator("#media-stage")
    stage.locator("img").wait_for()
    lasting.wait_for_load_state("networkidle")
    assert [each for each in asked if "/full" in each] == []
    assert [each for each in asked if each.endswith("/blurred")]
    shown = seen(stage.locator(".media-frame img"))
    assert np.ptp(shown[8:-8, 8:-8], axis=2).max() <= 8  # the frame has its own colour, the picture none
    look(lasting)
    assert stage.locator(FULL).is_visible()
    lasting.keyboard.press("Escape")
    stage.locator(FULL).wait_for(state="detached")
    assert stage.is_visible()
    lasting.keyboard.press("Escape")
    stage.wait_for(state="hidden")


def test_who_cannot_hold_presses_twice(looking: Any, house: House) -> None:
    count = len(views(house))
    button = looking.locator(f"{TILE} [data-hold]").first
    button.evaluate("each => each.click()")
    looking.wait_for_function("() => document.getElementById('live').textContent.includes('once more')")
    assert len(views(house)) == count
    button.evaluate("each => each.click()")
    looking.wait_for_selector(".revealed")
    looking.keyboard.press("Escape")


def film() -> bytes:
    """Make a second of moving picture, as browsers play it."""
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as output:
        stream = output.add_stream("libvpx", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(25):
            shade = np.full((240, 320, 3), 60, np.uint8)
            shade[:, : 12 * number] = 220
            output.mux(stream.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
        output.mux(stream.encode())
    return file.getvalue()


def test_a_video_stands_still_and_silent_until_somebody_plays_it_and_what_was_played_is_on_record(
    house: House, visit: Callable[..., Any]
) -> None:
    moving = film()
    app.add_values(house.settings, "known", [Signal("sha256", hashlib.sha256(moving).digest())])
    until = time.monotonic() + 60
    while not house.match(moving)["matches"] and time.monotonic() < until:
        time.sleep(0.1)
    number = house.screen(moving, account="moving")["case"]["number"]
    take(house, number, "rey")
    count = len(views(house))
    with visit("rey") as page:
        asked = asked_for(page)
        opened(page, house, number)
        assert [each for each in asked if each.endswith("/strip")]
        assert [each for each in asked if "/full" in each] == []
        look(page)
        shown = page.locator(f"video{FULL}")
        stands = "each => [each.muted, each.paused, each.autoplay, each.currentTime, each.controlsList.value]"
        assert shown.evaluate(stands) == [True, True, False, 0, "nodownload noplaybackrate noremoteplayback"]
        assert "/blurred" in shown.evaluate("each => each.poster")
        menu = "each => each.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true }))"
        assert shown.evaluate(menu) is False
        shown.evaluate("each => each.play()")
        page.wait_for_function("() => document.querySelector('video').ended")
        page.keyboard.press("Escape")
        recorded(house, count + 2)
    with house.database.read() as connection:
        last = connection.execute(text("SELECT intervals, is_complete FROM views ORDER BY id DESC")).first()
    assert last is not None
    assert last.intervals.startswith("[[0")
    assert last.is_complete == 1


# ── once only ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_fifty_copies_of_one_picture_are_one_case_one_look_and_one_decision(
    house: House, visit: Callable[..., Any]
) -> None:
    whole = Image.open(io.BytesIO(picture(3)))
    copies = [picture(3)]
    for width, height in ((600, 450), (512, 384), (400, 300), (320, 240)):
        file = io.BytesIO()
        whole.resize((width, height)).save(file, "JPEG", quality=85)
        copies.append(file.getvalue())
    numbers = {house.screen(copies[each % 5], account="fifty")["case"]["number"] for each in range(50)}
    (number,) = numbers
    take(house, number, "rey")
    count = len(views(house))
    with visit("rey") as page:
        opened(page, house, number)
        assert page.locator(TILE).count() == 1
        assert "49 copies collapsed" in page.locator(TILE).inner_text()
        look(page)
        recorded(house, count + 2)
        page.reload()
        assert page.get_by_text("You have seen it in full.").is_visible()
        page.keyboard.press("1")
        page.keyboard.press("d")
        page.wait_for_url("**/cases?note=decided")
    assert len(views(house)) == count + 2
    later = now() + timedelta(minutes=5)
    with house.database.write() as connection:
        case = cases.find_case_by_number(connection, number)
        (decision,) = cases.decisions_of(connection, case.id)
        cases.take_effect(connection, decision.id, now=later)
        closed = cases.finish_case(connection, case.id, now=later)
        (cluster,) = cases.case_clusters(connection, case.id)
    assert (closed.state, cluster.count, cluster.verdict) == ("closed", 50, "confirmed")


def test_the_look_after_the_last_leads_to_a_break_and_only_another_person_of_another_role_allows_more(
    house: House, visit: Callable[..., Any]
) -> None:
    number = sent(house, 1, "enough", to="rob")
    raising = ["/team/exposure", [["user", str(house.user("rob"))], ["cap", "9"]]]
    with visit("rob") as page:
        opened(page, house, number)
        for _ in range(CAP):
            look(page)
            page.keyboard.press("Escape")
            page.wait_for_selector(FULL, state="detached")
        submission = page.locator(TILE).get_attribute("data-submission")
        refused = page.evaluate(POST, [f"/cases/{number}/reveals", {"submission": int(submission)}])
        assert (refused[0], refused[1]["reason"]) == (429, "cap_reached")
        page.keyboard.down("r")
        page.wait_for_url(f"{house.base}/break?back=%2Fcases%2F{number}")
        page.keyboard.up("r")
        assert page.locator("h1").inner_text() == "That was enough for today"
        assert f"{CAP} of {CAP} looks today" in page.locator(".own").inner_text()
        assert page.evaluate(POST, raising)[0] == 403
        assert page.evaluate(POST, ["/account/exposure/cap", [["cap", "9"]]])[0] == 422
        with visit("lea") as lead:
            lead.goto(f"{house.base}/team/exposure")
            assert lead.evaluate(POST, ["/team/exposure", [["user", str(house.user("lea"))], ["cap", "9"]]])[0] == 422
            lead.get_by_label("New limit of rob").fill("9")
            lead.keyboard.press("Enter")
            lead.wait_for_url("**/team/exposure?note=set")
        page.get_by_role("link", name="Back to where you were").click()
        page.wait_for_selector(f"{TILE} [data-hold]:visible")
        look(page)
