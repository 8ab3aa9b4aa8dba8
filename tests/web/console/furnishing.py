"""A house with something in every list, made through its own doors: what the tests that look at every page look at.

People fill in the forms of the pages themselves, without a browser; the platform sends to the interface. Each text that
anybody can fill in is asked for by its name, so that one test furnishes with plain words and another with markup.
"""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import closing, contextmanager
from datetime import timedelta
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import insert, select, update
from tests.web.console.conftest import PASSWORD, SECRET, House, picture

from hedgerow import accounts, app
from hedgerow.app import now
from hedgerow.app.sharing import Sharings
from hedgerow.app.webhooks import add_webhook, try_webhook
from hedgerow.banks import Attributes
from hedgerow.banks.tables import entries
from hedgerow.cases.tables import cases, clusters, decisions
from hedgerow.database import open_database
from hedgerow.exchanges.exchanging import find_exchange
from hedgerow.exchanges.leases import Ending, claim_due, finish_fetch
from hedgerow.exchanges.model import Applied, FetchMode
from hedgerow.exchanges.shield_tables import shield_questions
from hedgerow.exchanges.tables import exchange_opinions, exchange_pages, exchanges
from hedgerow.hashing.examine import hash_bytes
from hedgerow.hashing.signal import Signal
from hedgerow.web import create_app
from hedgerow.web.routes import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hedgerow.web.routes import WalkedRoute

__all__ = ["ENVIRONMENT", "Fields", "Furnished", "Person", "Platform", "furnish", "plainly", "routes_of"]

ENVIRONMENT = {
    "HEDGEROW_LOOKBACK_ENABLED": "true",
    "HEDGEROW_REPORTS_SEAL_REHEARSED": "true",
    "HEDGEROW_WORKERS_QA_SHARE": "0.5",
    "HEDGEROW_FETCH_ENABLED": "true",
    "HEDGEROW_SERVER_REFUSALS_PER_MINUTE": "1000",
}
"""Settings with which there is something to see everywhere."""
INTERFACES = ("/api/", "/h/", "/m/", "/c/", "/dev/", "/status", "/metrics", "/healthz", "/readyz")
_WAIT_S = 120
_OVER = '<span class="mark-of">(closed|waits for a second review)</span>'
_DRAWN = '<span class="mark-of">waits for a second review</span>'
_PLAIN = {
    "display name": "Robin Meadow",
    "custodian": "Archive of the legal department",
    "file name": "partner-list.csv",
    "webhook path": "hooks/hedgerow",
    "category": "A1",
    "provenance": "exchange:partner",
    "contributor": "member 17",
    "external id": "partner-4711",
}


def plainly(field: str, longest: int = 10_000) -> str:
    """Say something ordinary in a field."""
    return _PLAIN.get(field, f"An ordinary {field}.")[:longest]


class Platform:
    """Takes webhooks, and answers each path as it was told: 200 unless another status was set."""

    def __init__(self) -> None:
        self.status: dict[str, int] = {}
        self.came: list[str] = []
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                platform.came.append(self.path)
                found = (status for begin, status in platform.status.items() if self.path.startswith(begin))
                self.send_response(next(found, 200))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Fields(HTMLParser):
    """What can be typed into the forms of a page: the names of its lines and areas, in their order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.typed: list[str] = []
        self.hidden: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        name = said.get("name") or ""
        if tag == "textarea" or (tag == "input" and said.get("type") in {"text", "search"}):
            self.typed.append(name)
        elif tag == "input" and said.get("type") == "hidden":
            self.hidden[name] = said.get("value") or ""


def words_of(page: str) -> str:
    """Return what a page says in its main part, to be shown where it is not what was expected."""
    return " ".join(re.sub("<[^>]*>", " ", page.partition("<main")[2]).split())[:2_000]


class Person:
    """Somebody before the pages, without a browser."""

    def __init__(self, house: House, name: str) -> None:
        self.name = name
        self._http = httpx.Client(
            base_url=house.base,
            headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
            timeout=60,
            trust_env=False,
        )
        self._http.cookies.set("hedgerow", house.session(name))

    def close(self) -> None:
        self._http.close()

    @property
    def _token(self) -> str:
        token = self._http.cookies.get("hedgerow")
        assert token is not None
        return accounts.csrf_token(token)

    def ask(self, path: str) -> httpx.Response:
        return self._http.get(path)

    def get(self, path: str) -> str:
        answer = self._http.get(path)
        assert answer.status_code == 200, (path, answer.status_code, words_of(answer.text))
        return answer.text

    def send(self, path: str, status: int = 303, /, **said: str) -> httpx.Response:
        """Send a form; a field that has the name of an argument is written with a dash for its underscore."""
        answer = self._http.post(path, data={"csrf_token": self._token, **said})
        assert answer.status_code == status, (path, answer.status_code, words_of(answer.text))
        return answer

    def tell(self, path: str, said: Mapping[str, Any], status: int = 204) -> Any:
        """Send what a script sends."""
        answer = self._http.post(path, json=said, headers={"x-csrf-token": self._token})
        assert answer.status_code == status, (path, answer.status_code, words_of(answer.text))
        return answer.json() if answer.content else None

    # ── cases ────────────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, case: str) -> dict[str, str]:
        """Take a case, and return what its form says by itself."""
        self.send(f"/cases/{case}/claim")
        hidden = Fields(self.get(f"/cases/{case}")).hidden
        return {name: hidden[name] for name in ("token", "seen_version")}

    def decide(self, case: str, verdict: str, **said: str) -> None:
        self.send(f"/cases/{case}/decisions", 303, **self.take(case), verdict=verdict, then="stay", **said)

    # ── reports ──────────────────────────────────────────────────────────────────────────────────────────────────

    def draft(self, case: str) -> str:
        """Draft a report that can be sent, and return its number."""
        location = self.send("/reports", 303, case=case).headers["location"]
        number = location.removeprefix("/reports/").partition("?")[0]
        self.write(number, "incidentSummary", incidentType="Child Sex Tourism", incidentDateTime="2026-01-02 03:04")
        return number

    def write(self, report: str, at: str, **said: str) -> None:
        page = self._http.get(f"/reports/{report}/edit", params={"at": at})
        assert page.status_code == 200, (at, page.text)
        hidden = Fields(page.text).hidden
        self.send(f"/reports/{report}/edit", 303, at=hidden["at"], seen=hidden["seen"], **said)

    def approve(self, report: str) -> None:
        hidden = Fields(self.get(f"/reports/{report}/preview")).hidden
        self.send(f"/reports/{report}/approval", revision=hidden["revision"], sha256=hidden["sha256"])

    def stands(self, report: str) -> str:
        return str(self._http.get(f"/reports/{report}/live").json()["state"])


class Furnished:
    """A house with something everywhere, and where that is.

    Attributes:
        house: The house.
        people: Everybody of it, logged in.
        cases: What is so about a case → its number.
        reports: What is so about a report → its number.
        platform: What takes the webhooks.
    """

    def __init__(self, house: House, say: Callable[..., str]) -> None:
        self.house = house
        self.say = say
        self.platform = Platform()
        app.add_user(
            house.settings, "mel", roles=["reviewer"], password=PASSWORD, display_name=say("display name", 100)
        )
        self.people = {name: Person(house, name) for name in ("ada", "lea", "rey", "rob", "apo", "cus", "ana", "mel")}
        self.cases: dict[str, str] = {}
        self.reports: dict[str, str] = {}

    def change(self, statement: Any) -> None:
        """Change a row as only time would."""
        database = open_database(self.house.data)
        with database.write() as connection:
            connection.execute(statement)
        database.close()

    def until(self, holds: Callable[[], Any]) -> Any:
        """Wait until something holds, and return it."""
        until = time.monotonic() + _WAIT_S
        while not (found := holds()):
            assert time.monotonic() < until
            time.sleep(0.05)
        return found

    def close(self) -> None:
        for person in self.people.values():
            person.close()
        self.platform.stop()

    def hurry_decisions(self) -> None:
        """Let the time be over in which what was decided can be taken back."""
        self.change(update(decisions).where(decisions.c.due_at.is_not(None)).values(due_at=now()))


@contextmanager
def furnish(house: House, say: Callable[..., str] = plainly) -> Iterator[Furnished]:
    """Put something into every list of a house that has `ENVIRONMENT`."""
    pytest.importorskip("pyrage", reason="NO PYRAGE: this test checked NOTHING. Install hedgerow[evidence].")
    made = Furnished(house, say)
    try:
        _fill(made)
        yield made
    finally:
        made.close()


def _fill(made: Furnished) -> None:
    _tell_platform(made)
    _fill_banks(made)
    _fill_exchanges(made)
    _trouble_exchanges(made)
    _share(made)
    _screen(made)
    _ask_arachnid(made)
    _decide(made)
    _opine(made)
    _report(made)
    _keep(made)
    _add_people(made)
    made.people["ada"].send("/audit/verify")
    made.people["ada"].send("/audit/export", 200, first="1")


def _tell_platform(made: Furnished) -> None:
    made.platform.status["/broken"] = 500
    for path, events in (("", ()), (f"/broken/{made.say('webhook path', 200)}", ("test", "report.filed"))):
        note = made.say("note of an endpoint", 200)
        add_webhook(made.house.settings, made.platform.url + path, events=events, note=note)
    try_webhook(made.house.settings, 2)


def _fill_banks(made: Furnished) -> None:
    lea, say = made.people["lea"], made.say
    lea.send("/banks", name="partner", note=say("note of a bank", 4_000), threshold="24")
    for seed in (1, 2, 3):
        said = Attributes(
            say("provenance", 100),
            say("contributor", 200),
            say("external id", 200),
            say("category", 100),
            say("note of an entry", 4_000),
        )
        app.add_values(made.house.settings, "known", hash_bytes(picture(seed)).signals, attributes=said)
    lea.send(
        "/banks/known/add/signals",
        signals="md5 " + "ab" * 16,
        external_id=say("external id", 200),
        category=say("category", 100),
        note=say("note of an entry", 4_000),
    )
    entry = re.findall(r'href="/banks/known/entries/(\d+)"', lea.get("/banks/known"))[0]
    lea.send(f"/banks/known/entries/{entry}/withdraw", reason=say("reason of a withdrawal", 4_000))
    made.until(lambda: made.house.match(picture(3)).get("matches"))


def _fill_exchanges(made: Furnished) -> None:
    lea = made.people["lea"]
    lea.send("/exchanges", kind="sample", name="SAMPLES")
    lea.send("/exchanges", kind="local_file", name="PARTNER", **{"config-filename": made.say("file name", 200)})
    database = open_database(made.house.data)
    with database.write() as connection:  # the workers look every ten seconds
        while (claimed := claim_due(connection, now=now())) is not None:
            is_broken = claimed.exchange.name == "PARTNER"
            finish_fetch(
                connection,
                claimed,
                Ending(
                    FetchMode.UPDATE,
                    Applied() if is_broken else Applied(pages=1, records=15, added=12, withdrawn=3),
                    started_at=now(),
                    due_at=now() + timedelta(hours=1),
                    is_current=not is_broken,
                    error="import_unreadable" if is_broken else None,
                    problem=made.say("problem of a fetch", 400) if is_broken else None,
                ),
                now=now(),
            )
    database.close()


def _trouble_exchanges(made: Furnished) -> None:
    """Let one exchange not get past a page, and another stand still because its partner refuses us."""
    lea, later = made.people["lea"], now() + timedelta(hours=1)
    lea.send("/exchanges", kind="sample", name="STUCK")
    lea.send("/exchanges", kind="stop_ncii", name="STOPPED", **{"config-environment": "production"})
    with made.house.database.write() as connection:
        stuck, stopped = (find_exchange(connection, name) for name in ("STUCK", "STOPPED"))
        said = {"tries": 4, "problem": made.say("problem of a page", 400), "place": made.say("place of a page", 300)}
        said |= {"skip": made.say("skip of a page", 300), "skip_to": "{}", "first_at": now(), "latest_at": now()}
        ended = {"ended_at": now(), "ended_how": "skipped", "ended_by": f"user:{made.house.user('lea')}"}
        for each in (ended, {}):
            page = {"exchange_id": stuck.id, "mode": FetchMode.UPDATE, **said, **each}
            connection.execute(insert(exchange_pages).values(page))
        # Whoever is fetching them at this moment has lost them
        taken = {"lease_token": None, "lease_until": None, "due_at": later, "completed_at": now(), "failures": 4}
        errors = {stuck.id: {"last_error": "page_unreadable"}, stopped.id: {"last_error": "partner_refused"}}
        errors[stopped.id] |= {"stopped": "partner_refused", "last_problem": made.say("problem of a partner", 400)}
        for number, values in errors.items():
            connection.execute(update(exchanges).where(exchanges.c.id == number).values(taken | values))


def _share(made: Furnished) -> None:
    """Share two banks: one that a key has read and spoken of, one that is paused."""
    lea, sharings = made.people["lea"], Sharings(made.house.database)
    signal = Signal("md5", b"shared by us now")
    app.add_values(made.house.settings, "partner", [signal], attributes=Attributes("person", may_be_redistributed=True))
    with made.house.database.write() as connection:
        keys = [
            accounts.create_key(connection, name, scopes=["sharing.read"], actor="cli", now=now()).key.id
            for name in ("friends", "others", "nobody yet")
        ]
    lea.send("/sharing", name="for-friends", bank="partner", note=made.say("note of a sharing", 1_000))
    lea.send("/sharing", name="for-nobody", bank="known")
    lea.send("/sharing/for-nobody/switch", enabled="")
    for key in keys[:2]:
        lea.send("/sharing/for-friends/readers", key=str(key), opinions="yes")
    page = sharings.page_object("for-friends", keys[0], after=None, epoch=None, limit=10)
    for said in ("seen", "dispute"):
        reason = made.say("reason of a reader", 1_000)
        sharings.opinion_object(
            "for-friends", page["entries"][0]["id"], key_id=keys[0], opinion=said, reason=reason, token=said
        )


def _ask_arachnid(made: Furnished) -> None:
    """Let Project Arachnid be asked, and let it have said each thing once."""
    ada = made.people["ada"]
    ada.send("/shield/settings", environment="production", base_url="", calls_per_minute="60")
    ada.send("/shield/credentials", **{"secret-user": "us", "secret-password": SECRET})
    ada.send("/shield/switch", enabled="yes")
    said = {"digest": bytes(32), "asked_by": f"user:{made.house.user('rey')}", "asked_at": now(), "attempts": 1}
    told = {"state": "answered", "settled_at": now()}
    states: dict[str, dict[str, Any]] = {
        "open": {**told, "known": "csam", "word": "csam"},
        "claimed": {**told, "known": "no-known-match", "word": "no-known-match"},
        "escalated": {**told, "known": "unknown", "word": made.say("word of Arachnid", 100)},
        "opinion": {**told, "known": "test", "word": "test"},
        "aside": {"state": "waiting", "due_at": now() + timedelta(days=2), "last_error": "unreadable"},
        "undo": {"state": "given_up", "settled_at": now(), "last_error": "too_long"},
    }
    with made.house.database.write() as connection:
        for name, values in states.items():
            found = select(clusters.c.id, clusters.c.case_id).join(cases, cases.c.id == clusters.c.case_id)
            cluster = connection.execute(found.where(cases.c.number == made.cases[name])).first()
            assert cluster is not None
            row = {"cluster_id": cluster.id, "case_id": cluster.case_id, **said, **values}
            connection.execute(insert(shield_questions).values(row))


def _opine(made: Furnished) -> None:
    """Say something of each kind to a partner, because of what was decided."""
    lea = made.people["lea"]
    lea.send("/exchanges", kind="ncmec", name="TOLD")
    lea.send("/exchanges/TOLD/credentials", **{"secret-user": "us", "secret-password": SECRET})
    lea.send("/exchanges/TOLD/opinions", sends="yes")
    lea.send("/exchanges/TOLD/switch", enabled="")
    app.add_values(made.house.settings, "TOLD", hash_bytes(picture(9)).signals, attributes=Attributes("exchange:TOLD"))
    with made.house.database.write() as connection:
        exchange = find_exchange(connection, "TOLD")
        entry = connection.execute(select(entries.c.id).where(entries.c.bank_id == exchange.bank_id)).scalars().first()
        decision = connection.execute(select(decisions.c.id)).scalars().first()
        for number, (state, opinion) in enumerate(
            (("acknowledged", "agree"), ("refused", "dispute"), ("waiting", "none"), ("replaced", "seen"))
        ):
            said = {"exchange_id": exchange.id, "entry_id": entry, "decision_id": decision, "key": f"record {number}"}
            said |= {"handle": "{}", "type": "PDQ", "opinion": opinion, "state": state, "created_at": now()}
            said |= {"reason": "lawful" if opinion == "dispute" else None, "attempts": number}
            said |= {"due_at": now() if state == "waiting" else None}
            said |= {"acknowledged_at": now() if state == "acknowledged" else None}
            said |= {"last_error": "opinion_refused" if state == "refused" else None}
            connection.execute(insert(exchange_opinions).values(said))


def _screen(made: Furnished) -> None:
    """Open cases: those that are decided below, one of many pieces, and one about which much is said."""
    say = made.say
    names = (
        "open",
        "claimed",
        "aside",
        "undo",
        "wrong",
        "escalated",
        "opinion",
        *(f"closed {each}" for each in "abcdef"),
    )
    for number, name in enumerate((*names, "drafted", "filed", "stuck", "given up")):
        sent = made.house.screen(picture(1 + number % 3), account=f"account of {name}")
        made.cases[name] = sent["case"]["number"]
    for seed in (1, 2, 3, 1, 2, 1):
        sent = made.house.screen(picture(seed), account="account of many")
    made.cases["many"] = sent["case"]["number"]
    said = {
        "account": say("account id", 255),
        "surface": say("surface", 100),
        "text_context": say("text context"),
        "context": json.dumps({say("key of a context", 100): say("value of a context"), "account": {"name": "x"}}),
        "ip_event": json.dumps({"ip": "192.0.2.7", "event": say("event of an address", 100)}),
    }
    made.cases["said"] = made.house.screen(picture(2), content_id=say("content id", 255), **said)["case"]["number"]
    made.people["lea"].send("/lookbacks", bank="known", entries="")


def _decide(made: Furnished) -> None:
    lea, rey, rob, mel = (made.people[name] for name in ("lea", "rey", "rob", "mel"))
    cases, say = made.cases, made.say
    closed = [f"closed {each}" for each in "abcdef"]
    for name in (*closed, "drafted", "filed", "stuck", "given up"):
        rey.decide(cases[name], "confirmed", classification="A1", tags="generated fan_art")
    mel.decide(cases["wrong"], "not_a_match", reason=say("reason", 500), note=say("note for colleagues"))
    mel.decide(cases["escalated"], "escalate", reason=say("reason", 500), note=say("note for colleagues"))
    mel.decide(cases["opinion"], "second_opinion", reason=say("reason", 500))
    made.hurry_decisions()
    for name in (*closed, "wrong"):
        made.until(lambda name=name: re.search(_OVER, rey.get(f"/cases/{cases[name]}")))
    # Half of them is drawn for a second review, by their numbers
    drawn = [cases[name] for name in closed if re.search(_DRAWN, rey.get(f"/cases/{cases[name]}"))]
    cases["second"] = drawn[0]
    cases["confirmed"], cases["appealed"] = [cases[name] for name in closed if cases[name] not in drawn][:2]
    lea.send(f"/cases/{cases['appealed']}/appeal", priority="2")
    aside = mel.take(cases["aside"])
    mel.send(
        f"/cases/{cases['aside']}/aside", hours="24", aside_reason=say("reason to wait", 200), token=aside["token"]
    )
    submission = Fields(_opened(rey, cases["said"])).hidden["submission"]
    rey.send(f"/cases/{cases['said']}/text", submission=submission)
    rey.tell(f"/cases/{cases['said']}/draft", {"note": say("draft of a note")})
    rob.take(cases["claimed"])
    rob.send("/break", minutes="15")
    mel.decide(cases["undo"], "confirmed", classification="B2", reason=say("reason", 500))


def _opened(person: Person, case: str) -> str:
    person.take(case)
    return person.get(f"/cases/{case}")


def _report(made: Furnished) -> None:
    ada, rey, apo = (made.people[name] for name in ("ada", "rey", "apo"))
    ada.send("/filing/credentials/test", username="esp", password=SECRET)
    ada.send("/filing/arming")
    recipient = _recipient()
    ada.send("/vault/custodians", custodian=made.say("custodian", 100), recipient=recipient)
    for name in ("filed", "stuck"):
        if name == "stuck":
            made.house.simulator.faults.add("submit", 1, "validation")
        made.reports[name] = rey.draft(made.cases[name])
        apo.approve(made.reports[name])
        state = "needs_person" if name == "stuck" else "filed"
        made.until(lambda name=name, state=state: rey.stands(made.reports[name]) == state)
    made.reports["given up"] = rey.draft(made.cases["given up"])
    rey.send(f"/reports/{made.reports['given up']}/withdraw", reason=made.say("reason to give a report up", 500))
    made.reports["draft"] = rey.draft(made.cases["drafted"])
    for at in ("personOrUserReported[1]", "report"):
        page = rey.get(f"/reports/{made.reports['draft']}/edit?at={at}")
        rey.write(
            made.reports["draft"], at, **{name: made.say("field of a report", 100) for name in Fields(page).typed}
        )


def _recipient() -> str:
    from hedgerow.evidence import new_custodian  # noqa: PLC0415  (only where pyrage is installed)

    return str(new_custodian().recipient)


def _keep(made: Furnished) -> None:
    """Hold evidence, and let two people open and destroy some of it."""
    cus, apo, say = made.people["cus"], made.people["apo"], made.say
    said = {"reason": say("reason about evidence", 2_000), "reference": say("reference", 200)}

    def piece(case: str) -> str:
        return re.findall(r'href="/evidence/(\d+)"', cus.get(f"/evidence?find={made.cases[case]}"))[0]

    held, opened, destroyed = piece("many"), piece("open"), piece("wrong")
    cus.send(f"/evidence/{held}/holds", kind="legal", **said)
    hold = re.findall(rf'action="/evidence/{held}/holds/(\d+)/lifting"', cus.get(f"/evidence/{held}"))[0]
    cus.send(f"/evidence/{held}/holds/{hold}/lifting", **said)
    for number, path in ((opened, "opening"), (destroyed, "destruction")):
        removal = {"removal": "law_enforcement"} if path == "destruction" else {}
        wish = cus.send(f"/evidence/{number}/{path}", 303, **said, **removal).headers["location"].partition("?")[0]
        apo.send(f"{wish}/agreement")
    cus.send(f"/evidence/{held}/opening", **said)


def _add_people(made: Furnished) -> None:
    ada, lea = made.people["ada"], made.people["lea"]
    said = {"display_name": made.say("display name", 100), "role-reviewer": "1"}
    ada.send("/team/people", 200, name="invited", **said)
    ada.send("/team/people", 200, name="gone", **said)
    gone = re.findall(r'href="/team/people/(\d+)">gone<', ada.get("/team/people"))[0]
    ada.send(f"/team/people/{gone}/disable")
    lea.send("/team/exposure", user=re.findall(r'name="user" value="(\d+)"', lea.get("/team/exposure"))[0], cap="20")


def routes_of(house: House) -> list[WalkedRoute]:
    """Return the routes of a house that are no interface's."""
    from hedgerow.app.service import Service  # noqa: PLC0415  (as whoever serves it does)
    from hedgerow.database.sealing import load_service_keys  # noqa: PLC0415  (as above)

    with closing(open_database(house.data)) as database:
        built = create_app(Service(house.settings, database, load_service_keys(house.data)))
        return [each for each in walk(built) if not each.path.startswith(INTERFACES)]
