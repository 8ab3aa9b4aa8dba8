"""What every page carries, and what none may hold."""

# ruff: noqa: S106  (nobody's passwords)

from __future__ import annotations

import inspect
import re
from html.parser import HTMLParser
from importlib import resources, util
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from tests.web.links import followed, shape
from tests.web.pages.conftest import Browser

from hedgerow import accounts
from hedgerow import actions as sent
from hedgerow.accounts import Role
from hedgerow.accounts.model import SessionPolicy
from hedgerow.accounts.sessions import begin_session
from hedgerow.app import now
from hedgerow.banks import create_bank
from hedgerow.errors import HedgerowError
from hedgerow.exchanges import exchanging
from hedgerow.web.app import _untold
from hedgerow.web.pages.rendering import local_path
from hedgerow.web.security import POLICY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hedgerow.accounts import User
    from hedgerow.database import Database

pytestmark = pytest.mark.sqlite_file
PUBLIC = ("/login", "/login?note=logged_out", "/problems/login_refused", "/nowhere")
OWN = ("/", "/account", "/account/authenticator")
VOID = {"meta", "link", "input", "path", "rect", "line", "circle", "br", "img"}
PURPOSES = {"username", "current-password", "new-password", "one-time-code", "off"}


class Page(HTMLParser):
    """Takes a page apart: elements with their attributes, and whether each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts = {"script": ""}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.texts:
            self.texts[self.open[-1]] += data

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture
def pages(browser: Any, ada: User) -> list[tuple[str, Page]]:
    """Give every page that somebody sees who may see all, with and without mistakes."""
    found = {path: browser.get(path) for path in PUBLIC}
    found["wrong login"] = browser.log_in("ada", "no such password")
    browser.log_in()
    found |= {path: browser.get(path) for path in OWN}
    found["wrong password"] = browser.send("/account/password", old_password="a", new_password="b", new_again="b")
    return [(path, Page(answer.text)) for path, answer in found.items()]


@pytest.fixture
def everywhere(database: Database, tmp_path: Path, serve: Callable[..., FastAPI]) -> list[tuple[str, Page]]:
    """Give one page of each kind to which links lead anybody, in a house with something in its lists."""
    desk = _desk(database, tmp_path)
    app = serve(reports={"reporter_email": "trust-and-safety@platform.example"})
    report = desk.draft(2)
    desk.approve(desk.drafted(report.case_id, []))
    with database.write() as connection:
        sent.add_endpoint(connection, "https://platform.example/hooks", keys=desk.keys, actor="cli", now=now())
        sent.enqueue(connection, "test", subject_type="webhook", subject_id=1, data={}, actor="cli", now=now())
        bank = create_bank(connection, "PARTNER", now=now())
        exchanging.create_exchange(connection, bank, "sample", {}, actor="cli", now=now())
    found: dict[str, tuple[str, Page]] = {}
    for role in (each for each in Role if each is not Role.SERVICE):
        visitor = Browser(app)
        with database.write() as connection:
            user = accounts.create_user(connection, f"the-{role}", roles=[role], actor="cli", now=now())
            logged_in = begin_session(connection, user, policy=SessionPolicy(), how="password", now=now())
        visitor.cookies["hedgerow"] = logged_in.token
        if role is Role.CUSTODIAN:
            visitor.send("/evidence/1/opening", reason="a court asks")
        if role is Role.REVIEWER:
            visitor.send("/cases/next")
        for path, page in followed(visitor.get):
            found.setdefault(f"{shape(path)} for {role}", (path, Page(page)))
    assert len({each.partition(" ")[0] for each in found}) >= 35
    return [(path, page) for path, (_, page) in found.items()]


def _desk(database: Database, folder: Path) -> Any:
    """Return what tests of reports have: people, a case with evidence, drafts (loaded by its path: it is no module)."""
    path = Path(__file__).parents[2] / "reports" / "conftest.py"
    specification = util.spec_from_file_location("reports_conftest", path)
    assert specification is not None
    assert specification.loader is not None
    module = util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.Desk(database, folder, now())


def test_every_page_comes_with_the_strict_policy_and_is_stored_nowhere(browser: Any, ada: User) -> None:
    browser.log_in()
    for path in (*PUBLIC, *OWN):
        headers = browser.get(path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"


def test_what_nobody_foresaw_carries_the_same_headers_and_says_nothing(
    browser: Any, app: FastAPI, ada: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    browser.log_in()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("private words")

    monkeypatch.setattr("hedgerow.web.pages.today.today", broken)
    answer = browser.get("/")
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-request-id"]
    assert "private words" not in answer.text
    assert "<h1>Internal Server Error</h1>" in answer.text


def test_no_page_has_a_script_a_style_or_an_event_in_it_or_loads_anything_from_elsewhere(
    pages: list[tuple[str, Page]],
) -> None:
    for path, page in pages:
        _loads_nothing_of_others(path, page)
        assert not page.all("img"), path


def test_every_field_has_a_label_a_purpose_and_ids_are_there_once(pages: list[tuple[str, Page]]) -> None:
    for path, page in pages:
        _names_its_fields(path, page)


def test_every_page_says_its_language_has_one_heading_one_main_part_and_a_way_to_skip_to_it(
    pages: list[tuple[str, Page]],
) -> None:
    for path, page in pages:
        _is_in_order(path, page)


def test_every_form_that_changes_something_with_a_session_carries_its_token(pages: list[tuple[str, Page]]) -> None:
    for path, page in pages:
        if path in OWN:
            _proves_its_forms(path, page)


def test_the_same_holds_on_every_page_of_the_console(everywhere: list[tuple[str, Page]]) -> None:
    for path, page in everywhere:
        _loads_nothing_of_others(path, page)
        _names_its_fields(path, page)
        _is_in_order(path, page)
        _proves_its_forms(path, page)


def test_who_tries_too_often_gets_a_page_like_any_other(serve: Callable[..., FastAPI], ada: User) -> None:
    visitor = Browser(serve(server={"refusals_per_minute": 1}))
    for status in (403, 429):
        answer = visitor.log_in("ada", "no such password")
        assert answer.status_code == status
        page = Page(answer.text)
        _loads_nothing_of_others("/login", page)
        _names_its_fields("/login", page)
        _is_in_order("/login", page)


def _loads_nothing_of_others(path: str, page: Page) -> None:
    assert not page.all("style", "iframe", "object", "embed", "base"), path
    for script in page.all("script"):  # our own module, from a file, and nothing written into the page
        assert script.keys() == {"type", "src"}, path
        assert script["type"] == "module"
        assert re.fullmatch(r"/static/[0-9a-f]{12}/console\.js", script["src"] or ""), path
    assert len(page.all("script")) <= 1, path
    assert page.texts["script"] == "", path
    for tag, attributes in page.elements:
        assert not any(name == "style" or name.startswith("on") for name in attributes), (path, tag)
        for name in ("src", "href", "action", "formaction"):
            value = attributes.get(name)
            assert value is None or re.match(r"/(?!/)|[#?]|otpauth:", value), (path, tag, value)
    for picture in page.all("img"):
        assert re.fullmatch(r"/media/\d+/(tile|strip|blurred)", picture["src"] or ""), path


def _names_its_fields(path: str, page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)), (path, [each for each in ids if ids.count(each) > 1])
    labelled = {attributes["for"] for attributes in page.all("label")}
    assert labelled <= set(ids), path
    for field in page.all("input", "select", "textarea"):
        kind = field.get("type")
        if kind == "hidden" or field.get("aria-hidden") == "true":
            continue
        assert field["id"] in labelled, (path, field)
        if kind not in {"radio", "checkbox", "file"} and "type" in field:
            assert field.get("autocomplete") in PURPOSES, (path, field)
    for attributes in (each for _, each in page.elements):
        for name in ("aria-describedby", "aria-labelledby", "aria-controls"):
            assert set((attributes.get(name) or "").split()) <= set(ids), (path, attributes)


def _is_in_order(path: str, page: Page) -> None:
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1, path
    assert page.all("a")[0] == {"class": "skip", "href": "#content"}
    order = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert order[0] == 1, path
    assert all(following <= level + 1 for level, following in pairwise(order)), (path, order)
    assert not any("tabindex" in each and int(each["tabindex"] or 0) > 0 for _, each in page.elements)
    for head in page.all("th"):
        assert head.get("scope") in {"col", "row"}, path


def _proves_its_forms(path: str, page: Page) -> None:
    forms = [each for each in page.all("form") if each.get("method") == "post"]
    tokens = [each for each in page.all("input") if each.get("name") == "csrf_token"]
    assert len(forms) == len(tokens) > 0, path


def test_no_page_asks_a_browser_to_zoom_less(pages: list[tuple[str, Page]]) -> None:
    for _, page in pages:
        (viewport,) = [each for each in page.all("meta") if each.get("name") == "viewport"]
        assert viewport["content"] == "width=device-width, initial-scale=1"


# ── errors for people and for programs ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/nowhere", "text/html", "text/html; charset=utf-8"),
        ("/nowhere", "*/*", "application/problem+json"),
        ("/api/v1/nowhere", "text/html", "application/problem+json"),
        ("/metrics", "text/html", "application/problem+json"),
    ],
)
def test_a_browser_gets_a_page_and_a_program_a_problem(browser: Any, path: str, accept: str, kind: str) -> None:
    answer = browser.get(path, headers={"accept": accept})
    assert answer.headers["content-type"] == kind


def test_who_comes_from_another_site_is_asked_to_come_again_from_here_before_they_have_to_log_in(browser: Any) -> None:
    answer = browser.get("/account?note=linked", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/account?note=linked">' in answer.text
    assert browser.get("/account", headers={"sec-fetch-site": "same-origin"}).status_code == 303


def test_a_method_that_a_page_has_not_keeps_its_header(browser: Any) -> None:
    answer = browser.ask("DELETE", "/login")
    assert (answer.status_code, "GET" in answer.headers["allow"]) == (405, True)
    assert answer.headers["content-type"].startswith("text/html")


def _kinds(kind: type[HedgerowError]) -> Iterator[type[HedgerowError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


def test_every_word_of_a_problem_has_a_page_that_says_what_it_means(browser: Any) -> None:
    reasons = {each.reason for each in _kinds(HedgerowError)} | {"not_found", "method_not_allowed", "internal_error"}
    for reason in reasons:
        page = browser.get(f"/problems/{reason}")
        assert page.status_code == 200, reason
        assert f"<code>{reason}</code>" in page.text
        assert "Args:" not in page.text
    assert browser.get("/problems/no_such_word").status_code == 404


def test_the_first_page_leads_a_program_to_the_state_of_the_service(browser: Any) -> None:
    answer = browser.get("/", headers={"accept": "*/*"})
    assert (answer.status_code, answer.headers["location"]) == (302, "/status")


@pytest.mark.parametrize("path", ["/static/1/nothing.css", "/static/1/..%2frendering.py", "/static/1/%2e%2e/routes.py"])
def test_no_other_file_is_given(browser: Any, path: str) -> None:
    assert browser.get(path).status_code == 404


def test_files_may_be_kept_since_their_address_changes_with_them(browser: Any) -> None:
    page = browser.get("/login").text
    address = re.search(r'href="(/static/[0-9a-f]{12}/hedgerow\.css)"', page)
    assert address is not None
    assert "immutable" in browser.get(address[1]).headers["cache-control"]


def test_a_path_to_go_to_is_ours_or_the_first_page() -> None:
    assert local_path("/cases/2026-00001?tab=1") == "/cases/2026-00001?tab=1"
    for other in (None, "", "account", "//a", "/\\a", "/a\nb", "/ä", "/" + "a" * 600, "/login?to=/login", "/logout"):
        assert local_path(other) == "/"


# ── colours ──────────────────────────────────────────────────────────────────────────────────────────────────────

TEXT = [
    ("ink", "paper"), ("ink", "card"), ("ink", "note-paper"), ("quiet", "paper"), ("quiet", "card"),
    ("accent", "paper"), ("accent", "card"), ("accent-strong", "card"), ("accent-strong", "note-paper"),
    ("on-accent", "accent"), ("on-accent", "accent-strong"), ("bad", "paper"), ("bad", "card"), ("bad", "bad-paper"),
    ("on-bad", "bad"), ("on-bad", "bad-strong"), ("ink", "bad-paper"), ("quiet", "note-paper"),
    ("on-rehearsal", "rehearsal"), ("on-rehearsal", "rehearsal-stripe"),
]  # fmt: skip  # pairs of words
SHAPES = [
    ("edge", "card"),
    ("edge", "paper"),
    ("focus", "paper"),
    ("focus", "card"),
    ("accent", "paper"),
    ("bad", "card"),
]


def _colours(sheet: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", sheet))


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_shapes_stand_out_from_what_is_behind_them(scheme: str) -> None:
    sheet = resources.files("hedgerow.web.pages").joinpath("static", "hedgerow.css").read_text("utf-8")
    light, _, rest = sheet.partition("@media (prefers-color-scheme: dark)")
    colours = _colours(light) if scheme == "light" else _colours(rest.partition("\n}\n")[0])
    for pairs, least in ((TEXT, 4.5), (SHAPES, 3.0)):  # WCAG 2.2, 1.4.3 and 1.4.11
        for one, other in pairs:
            assert _contrast(colours[one], colours[other]) >= least, (scheme, one, other)


def test_the_style_sheets_load_nothing_and_every_colour_of_them_is_a_variable() -> None:
    folder = resources.files("hedgerow.web.pages").joinpath("static")
    sheet = "".join(folder.joinpath(name).read_text("utf-8") for name in ("hedgerow.css", "console.css"))
    assert not re.search(r"url\(|@import|expression", sheet)
    loose = [
        line
        for line in sheet.splitlines()
        if re.search(r"#[0-9a-f]{3,6}\b", line) and not line.strip().startswith("--")
    ]
    assert [line.strip() for line in loose] == [".qr .light { fill: #ffffff; }", ".qr .dark { fill: #000000; }"]


# ── the picture of a secret ──────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_is_drawn_where_the_package_for_it_is_there() -> None:
    pytest.importorskip("segno", reason="NO SEGNO: this test checked NOTHING. Install hedgerow[server].")
    from hedgerow.web.pages.qr import qr_path  # noqa: PLC0415  (only with the package)

    drawn = qr_path("otpauth://totp/Hedgerow:ada?secret=" + "A" * 32 + "&issuer=Hedgerow")
    assert drawn is not None
    dark = {
        (x, int(run[2]))
        for run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", drawn.path)
        for run in [(int(run[0]), int(run[2]), int(run[1]))]
        for x in range(run[0], run[0] + run[1])
    }
    finder = {(4 + x, 4 + y) for x in range(7) for y in range(7) if x in {0, 6} or y in {0, 6}}
    assert finder <= dark  # the frame of the first corner mark
    assert not dark & {(x, y) for x in range(drawn.size) for y in range(4)}  # the quiet zone


def test_without_that_package_the_secret_is_written(browser: Any, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys  # noqa: PLC0415  (only here)

    monkeypatch.setitem(sys.modules, "segno", None)
    browser.log_in()
    page = browser.get("/account/authenticator")
    assert page.status_code == 200
    assert '<svg class="qr"' not in page.text
    assert 'class="secret"' in page.text
    assert "otpauth://totp/Hedgerow:ada" in page.text


def test_how_things_stand_is_told_to_who_may_see_it(browser: Any, database: Database, ada: User) -> None:
    browser.log_in()
    page = browser.get("/").text
    assert "No bank is enabled" in page
    assert "no second factor" in page
    assert "do not let you see cases" in page


def test_the_first_page_does_not_wait_for_what_is_being_hashed(browser: Any, app: FastAPI, ada: User) -> None:
    app.state.service._pool = None  # whoever asks it for anything breaks
    browser.log_in()
    page = browser.get("/")
    assert page.status_code == 200
    assert "indexes do not follow" in page.text  # of this service, which was never started


def test_the_framework_tells_no_telemetry_of_what_is_asked() -> None:
    """It would record exceptions with their words, and addresses with their queries."""
    told = inspect.signature(FastAPI.__init__).parameters
    assert _untold() == (
        {"telemetry": {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}}
        if "telemetry" in told
        else {}
    )
