"""Banks for people: what is shown of them, how they are filled, and what is taken back."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.accounts import Role
from hedgerow.app.banks import BankChange
from hedgerow.app.serving import banks, cases
from hedgerow.banks import Attributes
from hedgerow.cases import Queue, Statement, Verdict
from hedgerow.errors import FetchFailed, MediaError
from hedgerow.hashing import MediaHash, Signal, Unchecked
from hedgerow.hashing.examine import hash_bytes
from hedgerow.screening import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from fastapi import FastAPI

    from hedgerow.accounts import User
    from hedgerow.app.service import Media, Service
    from hedgerow.database import Database


def value(number: int, flipped: int = 0) -> str:
    """Make PDQs as hex digits that lie 100 bits and more apart, or near each other by flipping the last bits."""
    bits = int.from_bytes(hashlib.sha256(b"signal %d" % number).digest(), "big")
    return (bits ^ ((1 << flipped) - 1)).to_bytes(32, "big").hex()


class Desk:
    """Somebody before a browser, and the service behind it."""

    def __init__(self, browser: Any, service: Service, user: User) -> None:
        self.browser = browser
        self.service = service
        self.user = user
        assert browser.log_in(user.name).status_code == 303

    def page(self, path: str, status: int = 200) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == status, answer.text
        return str(answer.text)

    def send(self, path: str, **fields: str) -> httpx.Response:
        answer: httpx.Response = self.browser.send(path, **fields)
        return answer

    def upload(self, path: str, content: bytes, **fields: str) -> httpx.Response:
        answer: httpx.Response = self.browser.ask(
            "POST",
            path,
            data={"csrf_token": self.browser.csrf, **fields},
            files={"media": ("chosen", content)},
            headers={"sec-fetch-site": "same-origin"},
        )
        return answer

    def follow(self) -> None:
        self.service.matcher.refresh()
        self.service.matcher.load()

    def submit(self, number: int, flipped: int = 0, content: str = "") -> str:
        """Submit a signal, and return what came of it."""
        said = Context(content or f"post-{number}-{flipped}", "api", account_id=f"account-{number}")
        signal = Signal.from_text("pdq", value(number, flipped), 90)
        return self.service.screen_signals(said, [signal], actor="key:1").outcome

    def decide(self, verdict: Verdict) -> str:
        """Take the next case, decide about it, and return its number."""
        database = self.service.database
        claimed = cases.claim_next(database, list(Queue), user_id=self.user.id)
        assert claimed is not None
        cases.decide(
            database,
            claimed.case.number,
            claimed.claim.token,
            Statement(verdict),
            seen_version=claimed.case.version,
            user_id=self.user.id,
        )
        return claimed.case.number


@pytest.fixture
def desk_of(app: FastAPI, browser: Any, add_user: Callable[..., User]) -> Callable[..., Desk]:
    def make(name: str, *roles: Role) -> Desk:
        browser.cookies.clear()
        return Desk(browser, app.state.service, add_user(name, *roles))

    return make


@pytest.fixture
def lea(desk_of: Callable[..., Desk], database: Database) -> Desk:
    """Give a lead, and a bank of sixty entries."""
    desk = desk_of("lea", Role.LEAD)
    banks.create_bank(desk.service, "known", note="<b>ours</b>", actor="cli")
    for category, numbers in (("A1", range(20)), ("B2", range(20, 60))):
        said = Attributes("exchange:ONE" if category == "A1" else "import", category=category, external_id="<i>x</i>")
        given = [banks.GivenEntry("pdq", value(number), 90, attributes=said) for number in numbers]
        banks.add_entries(database, "known", given, actor="cli")
    desk.follow()
    return desk


def listed(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'href="/banks/known/entries/(\d+)"', page)]


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_says_of_each_bank_whether_and_in_how_much_is_searched(lea: Desk) -> None:
    banks.create_bank(lea.service, "archive", actor="cli")
    banks.change_bank(lea.service.database, "archive", BankChange(is_enabled=False), actor="cli")
    page = lea.page("/banks")
    assert page.index('href="/banks/archive"') < page.index('href="/banks/known"')
    assert "PDQ, of a picture: 60" in page
    assert "Switched off" in page


def test_entries_come_in_pages_the_latest_first_and_markup_in_them_is_text(lea: Desk) -> None:
    first = lea.page("/banks/known")
    assert listed(first) == list(range(60, 10, -1))
    (following,) = re.findall(r'href="([^"]*)" rel="next"', first)
    rest = lea.page(following.replace("&amp;", "&"))
    assert listed(rest) == list(range(10, 0, -1))
    assert 'rel="next"' not in rest
    for page in (first, lea.page("/banks/known/entries/1")):
        assert "<i>x" not in page
        assert "<b>ours" not in page
    assert "&lt;b&gt;ours" in first


def test_entries_are_found_by_what_is_said_of_them_and_by_their_number(lea: Desk) -> None:
    assert listed(lea.page("/banks/known?category=A1")) == list(range(20, 0, -1))
    assert listed(lea.page("/banks/known?provenance=exchange:")) == list(range(20, 0, -1))
    found = lea.page("/banks/known?category=B2&type=pdq")
    assert "category=B2&amp;type=pdq&amp;before=" not in found  # forty fit on a page
    assert len(listed(found)) == 40
    assert "No entry fits." in lea.page("/banks/known?find=61")
    answer = lea.browser.get("/banks/known?find=7")
    assert (answer.status_code, answer.headers["location"]) == (303, "/banks/known/entries/7")


def test_no_page_holds_a_signal(lea: Desk) -> None:
    lea.submit(1, 6)
    shown = [
        lea.page(path)
        for path in (
            "/banks",
            "/banks/known",
            "/banks/known/entries/2",
            "/banks/known/threshold",
            "/banks/known/suppressions",
            "/banks/known/add",
        )
    ]
    assert not any(value(number) in page for number in range(60) for page in shown)


def test_who_may_not_write_sees_no_form_and_is_refused(lea: Desk, desk_of: Callable[..., Desk]) -> None:
    lea.submit(1, 6)
    ana = desk_of("ana", Role.ANALYST)
    page, entry = ana.page("/banks/known"), ana.page("/banks/known/entries/2")
    assert 'action="/banks/known/settings"' not in page
    assert "/cases/" not in entry  # the analyst sees no cases
    assert "Disputes" not in entry
    for path in ("/banks/known/add", "/banks/known/import", "/banks/known/suppressions"):
        ana.page(path, 403)
    for path in ("settings", "threshold", "add/signals", "add/file", "import", "entries/2/withdraw"):
        assert ana.send(f"/banks/known/{path}", reason="no").status_code == 403, path
    rey = desk_of("rey", Role.REVIEWER)
    assert "/cases/" in rey.page("/banks/known/entries/2")
    assert rey.send("/banks/known/suppressions/1/lift").status_code == 403


# ── changing ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_bank_is_created_and_a_refused_form_keeps_what_was_typed(lea: Desk, actions: Callable[[], list[str]]) -> None:
    for name, why in (("known", "already"), ("100% <b>", "is no name for a bank")):
        answer = lea.send("/banks", name=name, threshold="20", minimum_quality="50", level="thorough", note="mine")
        assert answer.status_code == 422
        assert why in answer.text
        assert 'value="mine"' in answer.text
        assert "<title>Error: Banks" in answer.text
    wrong = lea.send("/banks", name="new", threshold="many", minimum_quality="50")
    assert "Enter a whole number." in wrong.text
    made = lea.send("/banks", name="new", threshold="20", minimum_quality="60", level="thorough")
    assert (made.status_code, made.headers["location"]) == (303, "/banks/new?note=created")
    assert "The bank is there." in lea.page("/banks/new?note=created")
    bank = banks.show_bank_alone(lea.service.database, "new")
    assert (bank.threshold, bank.minimum_quality, bank.level) == (20, 60, "thorough")
    assert actions()[-1] == "bank.created"


def test_settings_are_changed_and_a_bank_is_switched_off(lea: Desk) -> None:
    assert lea.send("/banks/known/settings", minimum_quality="500").status_code == 422
    done = lea.send("/banks/known/settings", minimum_quality="40", level="exact", note="other")
    assert done.status_code == 303
    bank = banks.show_bank_alone(lea.service.database, "known")
    assert (bank.minimum_quality, bank.level, bank.note, bank.is_enabled) == (40, "exact", "other", False)
    assert "nothing is looked up in it" in lea.page("/banks/known")


def test_an_entry_is_withdrawn_with_a_reason(lea: Desk, actions: Callable[[], list[str]]) -> None:
    path = "/banks/known/entries/3"
    bare = lea.send(f"{path}/withdraw", reason="  ")
    assert (bare.status_code, "Say why" in bare.text) == (422, True)
    done = lea.send(f"{path}/withdraw", reason="a <mistake> of 100%")
    assert done.headers["location"] == f"{path}?note=withdrawn"
    page = lea.page(done.headers["location"])
    assert "a &lt;mistake&gt; of 100%" in page
    assert "Withdraw the entry" not in page
    assert actions()[-1] == "entry.withdrawn"
    assert 3 not in listed(lea.page("/banks/known?category=A1"))
    assert listed(lea.page("/banks/known?category=A1&withdrawn=yes"))[0] == 3


def test_signals_are_added_line_by_line_and_what_is_refused_stays_in_the_form(lea: Desk) -> None:
    typed = f"pdq {value(100)}\n{value(1)}\nnonsense\n{'00' * 32}\n{'ab' * 16}"
    answer = lea.send("/banks/known/add/signals", signals=typed, category="A2", note="mine")
    assert answer.status_code == 422
    assert "Added: 2. There already: 1." in answer.text
    assert f"nonsense\n{'00' * 32}</textarea>" in answer.text
    assert "its length is that of no signal" in answer.text
    assert "all bits are zero" in answer.text
    done = lea.send("/banks/known/add/signals", signals=value(101), type="sha256")
    assert done.headers["location"] == "/banks/known?added=1&already=0"
    assert "Added: 1. There already: 0." in lea.page(done.headers["location"])
    assert lea.send("/banks/known/add/signals", signals=" \n ").status_code == 422
    assert lea.send("/banks/known/add/signals", signals=value(102), quality="good").status_code == 422
    page = lea.page("/banks/known?category=A2")
    assert len(listed(page)) == 2


def test_a_file_is_hashed_and_added_without_scripts(lea: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def hash_media(media: Media, types: Any = None, **_: Any) -> MediaHash:
        try:
            return hash_bytes(media.data or b"", types=tuple(types or ("pdq",)))
        except MediaError as error:  # as the processes that hash tell it
            return MediaHash(None, (), Unchecked(error.reason, str(error)))

    monkeypatch.setattr(lea.service, "hash_media", hash_media)
    done = lea.upload("/banks/known/add/file", _picture(), category="A1", note="")
    assert done.headers["location"] == "/banks/known?added=1&already=0", done.text
    broken = lea.upload("/banks/known/add/file", b"no picture", category="A1")
    assert (broken.status_code, 'id="media-error"' in broken.text) == (422, True)
    assert lea.upload("/banks/known/add/file", b"").status_code == 422


def _picture() -> bytes:
    import io  # noqa: PLC0415  (only here)

    from PIL import Image  # noqa: PLC0415  (as above)

    from hedgerow.hashing.selftest import synthetic_picture  # noqa: PLC0415  (as above)

    made = io.BytesIO()
    Image.fromarray(synthetic_picture(320, 240, 5)).save(made, "PNG")
    return made.getvalue()


def test_an_address_is_fetched_only_where_fetching_is_on(
    lea: Desk, serve: Callable[..., FastAPI], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "/add/address" not in lea.page("/banks/known/add")
    refused = lea.send("/banks/known/add/address", url="https://media.example.org/a.jpg")
    assert (refused.status_code, "switched off" in refused.text) == (422, True)
    app = serve(fetch={"enabled": True})
    desk = Desk(type(lea.browser)(app), app.state.service, lea.user)

    def fetched(_url: str) -> Any:
        raise FetchFailed("its host cannot be reached")

    monkeypatch.setattr(desk.service, "fetched", fetched)
    failed = desk.send("/banks/known/add/address", url="https://media.example.org/100%")
    assert (failed.status_code, "cannot be reached" in failed.text) == (422, True)
    assert 'value="https://media.example.org/100%"' in failed.text


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_list_is_imported_and_every_line_that_was_not_taken_is_named(
    lea: Desk, actions: Callable[[], list[str]]
) -> None:
    text = f"pdq {value(200)}\npdq {value(1)}\nnonsense\n\nsha256 {'00' * 32}\n".encode()
    answer = lea.upload("/banks/known/import", text, category="B1", provenance="import")
    assert answer.status_code == 200, answer.text
    rows = re.findall(r'<th scope="row" class="number">(\d+)</th><td>([^<]*)</td>', answer.text)
    assert [number for number, _ in rows] == ["3", "5"]
    assert rows[1][1] == "all bits are zero"
    assert "entries.imported" in actions()
    assert len(listed(lea.page("/banks/known?category=B1"))) == 1
    whole = lea.upload("/banks/known/import", f"pdq {value(201)}\n".encode())
    assert (whole.status_code, whole.headers["location"]) == (303, "/banks/known?added=1&already=0")
    for content, why in ((b"\x89PNG\r\n\x1a\n", "a picture"), (b"", "Choose a file.")):
        refused = lea.upload("/banks/known/import", content)
        assert refused.status_code == 422
        assert why in refused.text


def test_a_hash_set_of_project_vic_is_imported_and_what_was_passed_over_is_told(lea: Desk) -> None:
    context = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media"
    records = [{"MediaID": number, "Category": number, "MD5": f"{number + 500:032X}"} for number in (0, 1, 2)]
    content = json.dumps({"@odata.context": context, "value": records}).encode()
    answer = lea.upload("/banks/known/import", content, categories="1, 3")
    assert answer.status_code == 200, answer.text
    assert "The list was read as vic." in answer.text
    assert re.findall(r'<th scope="row">(its category[^<]*)</th><td class="number">(\d+)</td>', answer.text) == [
        ("its category, VIC 0, is none of those that are taken", "1"),
        ("its category, VIC 2, is none of those that are taken", "1"),
    ]
    assert "Lines that were not taken" not in answer.text
    assert len(listed(lea.page("/banks/known?category=VIC+1"))) == 1
    refused = lea.upload("/banks/known/import", content, categories="9")
    assert (refused.status_code, "no category that says what is known" in refused.text) == (422, True)


def test_a_file_is_taken_from_a_page_of_this_session_alone(lea: Desk, desk_of: Callable[..., Desk]) -> None:
    read = f"pdq {value(300)}\n".encode()
    token = lea.browser.csrf
    forged = lea.upload("/banks/known/import", read, csrf_token="x" * len(token))
    assert forged.status_code == 403
    bare = lea.browser.ask("POST", "/banks/known/import", files={"media": ("a", read)})
    assert bare.status_code == 403
    foreign = lea.browser.ask(
        "POST",
        "/banks/known/import",
        data={"csrf_token": token},
        files={"media": ("a", read)},
        headers={"sec-fetch-site": "cross-site"},
    )
    assert foreign.status_code == 403
    none = lea.send("/banks/known/import")
    assert none.status_code == 400
    lea.browser.cookies.clear()
    nobody = lea.browser.ask("POST", "/banks/known/import", data={"csrf_token": token}, files={"media": ("a", read)})
    assert (nobody.status_code, nobody.headers["location"]) == (303, "/login?note=session_over")
    assert banks.show_bank(lea.service.database, "known").live == {"pdq": 60}


def test_of_who_may_not_do_it_no_file_is_read(
    lea: Desk, desk_of: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hedgerow.web.pages import uploads  # noqa: PLC0415  (only here)

    def incoming(*_: object) -> Any:
        raise AssertionError

    monkeypatch.setattr(uploads, "incoming", incoming)
    rey = desk_of("rey", Role.REVIEWER)
    assert rey.upload("/banks/known/import", b"text").status_code == 403


# ── judging ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_not_a_match_raises_the_figure_of_the_bank_and_lifting_it_brings_back_what_was_held(lea: Desk) -> None:
    assert "Nothing that matched was decided yet." in lea.page("/banks/known")
    lea.submit(1, 12)
    case = lea.decide(Verdict.NOT_A_MATCH)
    lea.submit(1, 12, "post-again")
    assert "1 of 1 decided pairs were no match (100%)." in lea.page("/banks/known")
    entry = lea.page("/banks/known/entries/2")
    assert f'href="/cases/{case}"' in entry
    assert "Held back" in entry
    page = lea.page("/banks/known/suppressions")
    assert f'href="/cases/{case}"' in page
    assert "lea" in page
    lifted = lea.send("/banks/known/suppressions/1/lift")
    assert lifted.headers["location"] == "/banks/known/suppressions?brought=1"
    told = lea.page(lifted.headers["location"])
    assert "What it held back is in 1 case now." in told
    assert "Nothing of this bank is suppressed." in told
    assert "Lifted" in lea.page("/banks/known/suppressions?lifted=yes")
    assert lea.send("/banks/known/suppressions/1/lift").status_code == 404


def test_another_threshold_is_tried_on_past_matches_and_then_set(lea: Desk) -> None:
    assert "nothing to try it on" in lea.page("/banks/known/threshold")
    for number, flipped, verdict in ((1, 4, Verdict.CONFIRMED), (2, 24, Verdict.NOT_A_MATCH), (3, 22, None)):
        lea.submit(number, flipped)
        if verdict is not None:
            lea.decide(verdict)
    page = lea.page("/banks/known/threshold?bits=20")
    assert "2 of 3 past matches would not have been found." in page
    assert "0 of them people confirmed" in page
    assert "1 of them were no match" in page
    assert "1 of them are not decided" in page
    assert "style=" not in page
    wider = lea.page("/banks/known/threshold?bits=40")
    assert "between 31 and 40 bits was never recorded" in wider
    assert "would not have been found" in wider
    for wrong in ("65", "-1", "x"):
        assert 'id="bits-error"' in lea.page(f"/banks/known/threshold?bits={wrong}", 422)
    assert lea.send("/banks/known/threshold", threshold="99").status_code == 422
    assert lea.send("/banks/known/threshold", threshold="20").headers["location"] == "/banks/known?note=threshold"
    assert banks.show_bank_alone(lea.service.database, "known").threshold == 20


@pytest.mark.sqlite_file
def test_a_hundred_thousand_entries_are_paged_and_searched_with_few_rows_read(lea: Desk) -> None:
    """Look at what is asked of the database, not at a clock."""
    with lea.service.database.read() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT id FROM entries WHERE bank_id = 1 AND sequence < 50 AND withdrawn_at IS NULL "
            "ORDER BY sequence DESC LIMIT 51"
        ).all()
    assert "ix_entries_bank_id_sequence" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


@pytest.mark.parametrize("path", ["/banks/none", "/banks/none/add", "/banks/known/entries/999"])
def test_what_is_not_there_is_not_found(lea: Desk, path: str) -> None:
    lea.page(path, 404)
