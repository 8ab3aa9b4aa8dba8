"""What holds on every page: by day, by night, zoomed in, on a telephone, without scripts, and after a mistake.

Pictures of every page are left in the folder that `HEDGEROW_TEST_PICTURES` names, or else in `.pictures`.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyotp
import pytest
from tests.web.console.conftest import PASSWORD, SECRET, House
from tests.web.console.furnishing import ENVIRONMENT, Furnished, furnish, routes_of
from tests.web.languages import Texts, left_over
from tests.web.links import Anatomy, followed, shape

from hedgerow.app.serving.first_run import STEPS
from hedgerow.simulators.cybertipline import CyberTiplineSimulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BY_DAY = {"color_scheme": "light", "reduced_motion": "no-preference"}
LOOKS: dict[str, tuple[dict[str, str], dict[str, int]]] = {
    "light": (BY_DAY, {"width": 1280, "height": 800}),
    "dark": (BY_DAY | {"color_scheme": "dark"}, {"width": 1280, "height": 800}),
    "zoomed": (BY_DAY, {"width": 640, "height": 400}),  # 1280 × 800 at 200 %: half the room in CSS pixels
    "telephone": (BY_DAY | {"reduced_motion": "reduce"}, {"width": 320, "height": 640}),
}
PICTURED = ("light", "dark", "telephone")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
EVERYTHING: dict[str, Any] = {"runOnly": TAGS, "rules": {"target-size": {"enabled": True}}}
LAYOUT = EVERYTHING | {"rules": EVERYTHING["rules"] | {each: {"enabled": False} for each in COLOURS}}
# By night nothing is different but the colours, and in more room nothing but where things are. Contrast takes most of
# the time; a page is looked at for everything once, where there is the least room, and then for what is different.
RULES: dict[str, dict[str, Any]] = {
    "light": LAYOUT,
    "dark": {"runOnly": COLOURS},
    "zoomed": LAYOUT,
    "telephone": EVERYTHING,
}
AXE = """
async (rules) => {
  const asked = { ...rules, resultTypes: ["violations"], preload: false, iframes: false };
  const found = await axe.run(document, asked);
  const said = found.violations.map((each) =>
    [each.id, each.help, each.nodes.slice(0, 3).map((node) => node.html.slice(0, 200))]);
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) said.push(["too wide", `${wide} px`, [...document.querySelectorAll("body *")].filter((each) =>
    each.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !each.closest(".scroll"))
    .slice(0, 3).map((each) => each.outerHTML.slice(0, 200))]);
  return said;
}
"""
MOVING = """
() => [...document.querySelectorAll("*")].filter((each) => ["", "::before", "::after"].some((part) => {
  const style = getComputedStyle(each, part || null);
  return style.animationName !== "none" || !/^(0s(, )?)+$/.test(style.transitionDuration);
})).map((each) => each.outerHTML.slice(0, 100))
"""
SEND = """
([path, said]) => {
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action: path });
  for (const [name, value] of Object.entries({ csrf_token: document.body.dataset.csrf || "", ...said })) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  document.body.append(form);
  form.submit();
}
"""
NO_PAGES = {
    "/static/{edition}/{name}": "a file",
    "/media/{evidence}/tile": "a picture",
    "/media/{evidence}/blurred": "a picture",
    "/media/{evidence}/strip": "a picture",
    "/media/{evidence}/full": "a picture or film, for a moment",
    "/reports/{report}/live": "a few words for a script",
    "/today/live": "a few words for a script",
    "/team/working/live": "a few words for a script",
    "/first-run/picture/{which}": "a picture",
    "/team": "leads to the first of its parts",
    "/login/provider": "leads to the login provider",
    "/login/provider/callback": "leads back from there",
}


@dataclass(frozen=True)
class Stop:
    """A page that is looked at.

    Attributes:
        who: By whom; None for somebody who is not logged in.
        path: Its address.
        form: What is sent there; None where the page is only asked for.
        status: What it answers.
        looks: In which ways.
    """

    who: str | None
    path: str
    form: dict[str, str] | None = None
    status: int = 200
    looks: tuple[str, ...] = tuple(LOOKS)

    def __str__(self) -> str:
        sent = "" if self.form is None else " after a form"
        return f"{self.path}{sent} for {self.who or 'nobody'}"


@pytest.fixture(scope="module")
def house(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give a house with the settings that a furnished one needs."""
    data = shutil.copytree(migrated, tmp_path_factory.mktemp("house") / "data")
    with CyberTiplineSimulator(user="esp", password=SECRET) as simulator:
        made = House(data, simulator, **ENVIRONMENT)
        made.start()
        yield made
        made.stop()


@pytest.fixture(scope="module")
def furnished(house: House) -> Iterator[Furnished]:
    with furnish(house) as made:
        yield made


@pytest.fixture(scope="module")
def pictures() -> Path:
    named = os.environ.get("HEDGEROW_TEST_PICTURES")
    folder = Path(named) if named else Path(__file__).parents[3] / ".pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jpg"):
        old.unlink()
    return folder


@pytest.fixture(scope="module")
def led(furnished: Furnished) -> dict[str, dict[str, str]]:
    """Give for each person the pages to which links lead them."""
    return {name: dict(followed(person.ask)) for name, person in furnished.people.items()}


@pytest.fixture(scope="module")
def stops(furnished: Furnished, led: dict[str, dict[str, str]]) -> list[Stop]:
    """Give every page: of each kind the fullest one that anybody sees, and those on which something is special."""
    fullest: dict[str, tuple[int, Stop]] = {}
    for name, pages in led.items():
        for path, page in pages.items():
            found = (len(page), Stop(name, path))
            fullest[shape(path)] = max(fullest.get(shape(path), found), found, key=lambda each: each[0])
    # The rest is looked at by `make soak`: nothing but colours is different by night, and at 200 % nothing that a
    # telephone does not show too.
    kinds = [replace(each, looks=("telephone",)) for _, each in fullest.values()]
    # So are most of the pages after a mistake: each is a page of the others with a sentence more.
    told = special(furnished)
    mistakes = [each for each in told if each.form is not None]
    return kinds + [
        replace(each, looks=("telephone",) if each.form is None or each in mistakes[::4] else ()) for each in told
    ]


def special(furnished: Furnished) -> list[Stop]:
    """Give pages that no link leads to, and pages as they are after a mistake."""
    cases, reports = furnished.cases, furnished.reports
    first = next(iter(re.findall(r'href="/evidence/(\d+)"', furnished.people["cus"].get("/evidence"))))
    destroyed = re.findall(r'href="/evidence/(\d+)"', furnished.people["cus"].get("/evidence?state=destroyed"))
    people = dict(re.findall(r'href="/team/people/(\d+)">(\w+)<', furnished.people["ada"].get("/team/people")))
    numbers = {name: number for number, name in people.items()}
    link = furnished.people["ada"].send(f"/team/people/{numbers['invited']}/link", 200).text
    welcome = re.findall(r"(/welcome/[\w-]+)", link)[0]
    token = {"token": "0", "seen_version": "0"}
    return [
        *(Stop(None, each) for each in ("/login", "/login?note=session_over", welcome)),
        Stop(None, "/login", {"name": "rey", "password": "no such password"}, 403),
        Stop(None, "/welcome/none", status=410),
        *(Stop("rey", f"/cases/{cases[each]}") for each in ("open", "many", "undo", "filed", "aside")),
        *(Stop("lea", f"/cases/{cases[each]}") for each in ("escalated", "wrong", "second")),
        Stop("lea", f"/cases/{cases['confirmed']}/more"),
        Stop("apo", f"/reports/{reports['draft']}/preview"),
        *(Stop("apo", f"/reports/{reports[each]}") for each in ("filed", "stuck", "given up")),
        Stop("rey", f"/reports/{reports['draft']}/edit?at=personOrUserReported%5B1%5D"),
        Stop("rey", f"/reports/{reports['draft']}/edit?at=fileDetails%5B1%5D"),
        *(Stop("cus", f"/evidence/{each}") for each in destroyed[:1]),
        Stop("cus", f"/evidence?find={cases['many']}"),
        Stop("lea", "/banks/known/threshold?bits=20"),
        Stop("rob", "/break"),
        Stop("ada", "/first-run"),
        *(Stop("ada", f"/first-run/{each}") for each in STEPS),
        Stop("rey", "/vault", status=403),
        Stop("rey", "/nowhere", status=404),
        Stop("rey", "/problems/permission_denied"),
        Stop("rey", f"/cases/{cases['said']}/decisions", {**token, "note": "typed"}, 422),
        Stop("rey", "/reports", {"case": "none"}, 404),
        Stop("rey", f"/reports/{reports['draft']}/withdraw", {"reason": " "}, 422),
        Stop("rey", "/account/password", {"old_password": "a", "new_password": "b", "new_again": "c"}, 422),
        Stop("rey", "/account/exposure/cap", {"cap": "many"}, 422),
        Stop("rey", "/break", {"minutes": "some"}, 422),
        Stop("apo", f"/reports/{reports['stuck']}/resolve", {"what": "filed", "reference": "none"}, 422),
        Stop("cus", f"/evidence/{first}/holds", {"kind": "legal", "reason": " "}, 409),
        Stop("ada", "/filing/credentials/test", {"username": "a:b", "password": "c"}, 422),
        Stop("ada", "/vault/custodians", {"custodian": "Cato", "recipient": "no key"}, 422),
        Stop("ada", "/team/people", {"name": "no name!", "display_name": "Robin"}, 422),
        Stop("ada", f"/team/people/{numbers['gone']}"),
        Stop("ada", f"/team/people/{numbers['ana']}/link", {}),
        Stop("ada", "/audit?since=no+day", status=422),
        Stop("ana", "/insight/export", {"first": "no day", "last": "", "as": "csv"}, 422),
        Stop("lea", "/team/exposure", {"user": numbers["rob"], "cap": "many"}, 422),
        Stop("lea", f"/team/working/{cases['claimed']}/reassign", {"to": "0"}, 422),
        Stop("lea", f"/cases/{cases['open']}/appeal", {"priority": "2"}, 422),
        Stop("lea", "/banks", {"name": "no name!", "threshold": "far"}, 422),
        Stop("lea", "/banks/known/add/signals", {"signals": "nonsense\nmore of it"}, 422),
        Stop("lea", "/banks/known/add/address", {"url": "http://127.0.0.1/"}, 422),
        Stop("lea", "/exchanges", {"kind": "local_file", "name": "OTHER", "config-filename": "../a"}, 422),
        *(Stop("lea", f"/exchanges/{each}") for each in ("STUCK", "STUCK/skip", "STOPPED", "TOLD", "PARTNER")),
        Stop("lea", "/exchanges/STOPPED/arm", {"name": "OTHER"}, 422),
        Stop("lea", "/exchanges/STUCK/skip", {"page": "0"}, 409),
        Stop("lea", "/exchanges/STUCK/rhythm", {"every_minutes": "often"}, 422),
        Stop("lea", "/exchanges/TOLD/credentials", {}, 422),
        *(Stop("lea", f"/sharing/{each}") for each in ("for-friends", "for-nobody", "for-friends/remove")),
        Stop("lea", "/sharing", {"name": "no name!", "bank": "known"}, 422),
        Stop("lea", "/sharing/for-friends/readers", {"key": "none"}, 422),
        Stop("lea", "/sharing/for-friends/remove", {"name": "another"}, 422),
        Stop("ada", "/shield/arm"),
        Stop("ada", "/shield/arm", {"name": "another"}, 422),
        Stop("ada", "/shield/settings", {"environment": "simulator", "calls_per_minute": "many"}, 422),
        Stop("ada", "/shield/credentials", {"secret-user": "a:b", "secret-password": "c"}, 422),
        Stop("lea", "/lookbacks", {"bank": "known", "entries": "all of them"}, 422),
    ]


def test_every_page_is_met(furnished: Furnished, stops: list[Stop]) -> None:
    asked = [urlsplit(each.path).path for each in stops if each.form is None]
    routes = {each.path for each in routes_of(furnished.house) if each.method == "GET"}
    assert routes >= NO_PAGES.keys()
    missed = [
        path
        for path in sorted(routes - set(NO_PAGES) - {"/login/code"})  # which `test_…second_factor…` looks at
        if not any(re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", path), each) for each in asked)
    ]
    assert missed == []


def test_no_page_leaves_english_over_in_another_language(furnished: Furnished, stops: list[Stop]) -> None:
    of_others = {"event", "platform", "Work", "yes"}  # names and values that the platform and the authority gave
    left = {}
    for stop in (each for each in stops if each.who is not None and each.form is None):
        page = furnished.people[stop.who]._http.get(stop.path, headers={"accept-language": "es"}).text
        assert Texts(page).language == "es", stop
        if found := set(left_over(page, "es")) - of_others:
            left[str(stop)] = found
    assert left == {}


def test_no_link_leads_anybody_where_they_may_not_go(led: dict[str, dict[str, str]]) -> None:
    """Each was followed; what it answered is looked at on the way."""
    assert {name: len(pages) > 5 for name, pages in led.items()} == dict.fromkeys(led, True)


def test_every_form_can_be_sent_and_every_button_does_something_without_scripts(led: dict[str, dict[str, str]]) -> None:
    dead = {path: found for pages in led.values() for path, page in pages.items() if (found := Anatomy(page).dead)}
    assert dead == {}


class Looking:
    """Looks at pages in every way, and takes their pictures."""

    def __init__(self, pictures: Path) -> None:
        self.pictures = pictures
        self.wrong: dict[str, Any] = {}
        self._count = 0

    def at(self, page: Any, said: str, looks: Iterable[str] = LOOKS) -> None:
        self._count += 1
        name = f"{self._count:03}-{re.sub(r'[^a-z0-9]+', '-', said.lower()).strip('-')[:60]}"
        for look, (media, size) in ((look, LOOKS[look]) for look in looks):
            page.emulate_media(**media)
            page.set_viewport_size(size)
            if found := page.evaluate(AXE, RULES[look]):
                self.wrong[f"{said}, {look}"] = found
            if media["reduced_motion"] == "reduce" and (moving := page.evaluate(MOVING)):
                self.wrong[f"{said} moves"] = moving
            if look in PICTURED:
                page.screenshot(path=self.pictures / f"{name}.{look}.jpg", type="jpeg", quality=70, full_page=True)
        page.emulate_media(**LOOKS["light"][0])
        page.set_viewport_size(LOOKS["light"][1])


def go(page: Any, base: str, stop: Stop) -> None:
    """Go where a stop is, and make sure that it answers as it should."""
    if stop.form is not None and stop.who is not None and page.locator("body[data-csrf]").count() == 0:
        page.goto(f"{base}/account/keys")  # a page of nobody's in particular cannot send a form of somebody's
    with page.expect_response(lambda answer: answer.request.is_navigation_request()) as answered:
        if stop.form is None:
            page.goto(base + stop.path)
        else:
            page.evaluate(SEND, [stop.path, stop.form])
    page.wait_for_load_state("load")
    assert answered.value.status == stop.status, stop


@pytest.fixture(scope="module")
def axe() -> str:
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()


def look_at(stops: list[Stop], base: str, visit: Callable[..., Any], looking: Looking, axe: str) -> None:
    for who in dict.fromkeys(each.who for each in stops):
        with visit(who) as page:
            page.context.add_init_script(axe)
            if who is None:
                page.goto(f"{base}/login")
            for stop in (each for each in stops if each.who == who):
                go(page, base, stop)
                looking.at(page, str(stop), stop.looks)


@pytest.mark.slow
def test_no_page_is_hard_to_use_by_night_or_at_200_percent_and_nothing_special_on_a_telephone(
    furnished: Furnished, stops: list[Stop], visit: Callable[..., Any], pictures: Path, axe: str
) -> None:
    looking = Looking(pictures)
    others = [replace(each, looks=tuple(look for look in LOOKS if look not in each.looks)) for each in stops]
    look_at(others, furnished.house.base, visit, looking, axe)
    assert looking.wrong == {}


def test_no_page_is_hard_to_use_in_any_way_of_looking(
    furnished: Furnished, stops: list[Stop], visit: Callable[..., Any], pictures: Path, axe: str
) -> None:
    looking = Looking(pictures)
    look_at([each for each in stops if each.looks], furnished.house.base, visit, looking, axe)
    with visit("ana") as page:
        page.context.add_init_script(axe)
        page.goto(f"{furnished.house.base}/account/authenticator")
        secret = page.locator("input[name=secret]").input_value()
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_label("Code that the authenticator shows now").fill(pyotp.TOTP(secret).now())
        page.get_by_role("button", name="Turn the second factor on").click()
        page.get_by_role("heading", level=1, name="recovery codes").wait_for()
        looking.at(page, "recovery codes")
    with visit(None) as page:
        page.context.add_init_script(axe)
        page.goto(f"{furnished.house.base}/login")
        page.get_by_label("User name").fill("ana")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/login/code*")
        looking.at(page, "a login's second factor")
    assert looking.wrong == {}


def test_a_case_is_taken_decided_and_taken_back_without_scripts(
    furnished: Furnished, visit: Callable[..., Any]
) -> None:
    with visit("lea", java_script_enabled=False) as page:
        page.get_by_role("button", name="Next case").click()
        page.wait_for_url("**/cases/2*")
        case = page.url
        page.get_by_role("radio", name="Confirm the match").check()
        page.get_by_label("Note for colleagues").fill("without scripts")
        page.get_by_role("button", name="Keep for later").click()
        assert page.get_by_label("Note for colleagues").input_value() == "without scripts"
        page.get_by_role("button", name="Record and go on").click()
        page.wait_for_url(lambda address: not address.startswith(case))
        page.get_by_role("button", name="Take it back").click()
        page.wait_for_url("**?note=undone")
        page.get_by_role("button", name="Give it back").click()
        page.wait_for_url("**/cases?note=released")
