"""Logins through a provider: a real one over HTTP on this machine, honest and otherwise."""

# ruff: noqa: S106  (nobody's passwords)

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from hedgerow import accounts
from hedgerow.app import now
from hedgerow.errors import SettingsError
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx
    from fastapi import FastAPI

    from hedgerow.accounts import User
    from hedgerow.database import Database

PASSWORD = "kettle orbit lantern moss"  # noqa: S105  (nobody's)
CLIENT, SECRET = "hedgerow-tests", "a secret: with/signs"
SUBJECT = "248289761001"


@pytest.fixture(scope="session")
def rsa_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})


class Provider:
    """A provider that does what it should, unless a test says otherwise.

    Attributes:
        claims: What a test puts into tokens in the place of what is right; None leaves a claim out.
        about: The same for what it says of itself.
        sign: Makes a token of claims, in the place of an honest signature.
        asked: Paths that were asked for.
        slow_s: Seconds that each answer takes.
        hold: Keeps every answer back until it is set.
    """

    def __init__(self, key: RSAKey) -> None:
        self.key = key
        self.keys = [key]
        self.claims: dict[str, Any] = {}
        self.about: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] | None = None
        self.asked: list[str] = []
        self.slow_s = 0.0
        self.hold: threading.Event | None = None
        self.codes: dict[str, dict[str, str]] = {}
        self.errors: list[str] = []
        self.raw: bytes | None = None
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer(self, b"")

            def do_POST(self) -> None:
                provider.answer(self, self.rfile.read(int(self.headers["content-length"])))

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        time.sleep(self.slow_s)
        path = urlsplit(request.path).path
        self.asked.append(path)
        if self.hold is not None:
            self.hold.wait(60)
        if path == "/.well-known/openid-configuration":
            status, said = (
                200,
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    **self.about,
                },
            )
        elif path == "/keys":
            status, said = 200, {"keys": [key.as_dict(private=False) for key in self.keys]}
        elif path == "/token":
            status, said = self.redeem(dict(parse_qsl(body.decode())), request.headers.get("authorization"))
        else:
            status, said = 404, {}
        data = json.dumps(said).encode() if self.raw is None else self.raw
        request.send_response(status)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def authorise(self, address: str) -> dict[str, str]:
        """Let the person log in, and return with what the browser is sent back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert (asked["client_id"], asked["scope"], asked["tenant"]) == (CLIENT, "openid", "1")
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["state"]) >= 43 <= len(asked["nonce"])
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def redeem(self, form: dict[str, str], proof: str | None) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None:
            return 400, {"error": "invalid_grant"}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        expected = base64.b64encode(f"{CLIENT}:a%20secret%3A%20with%2Fsigns".encode()).decode()
        if (
            challenge.decode() != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
            or proof != f"Basic {expected}"
        ):
            self.errors.append("the code was not redeemed as it was asked for")
            return 401, {"error": "invalid_client"}
        present = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": SUBJECT,
            "iat": present,
            "exp": present + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        sign = self.sign or self.honestly
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": sign(claims)}

    def honestly(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)


@pytest.fixture
def provider(rsa_key: RSAKey) -> Iterator[Provider]:
    made = Provider(rsa_key)
    yield made
    made.server.shutdown()
    made.server.server_close()
    assert not made.errors


@pytest.fixture
def oidc(serve: Callable[..., FastAPI], provider: Provider, browser: Any) -> Any:
    """Give a browser of a service that knows the provider."""
    said = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "name": "Example", "wait_s": 2}
    return type(browser)(serve(oidc=said))


@pytest.fixture
def linked(database: Database, provider: Provider, ada: User) -> User:
    with database.write() as connection:
        return accounts.link_oidc(connection, ada.id, provider.issuer, SUBJECT, actor="cli", now=now())


def begun(browser: Any, path: str = "/login/provider") -> str:
    answer = browser.get(path)
    assert answer.status_code == 303
    return answer.headers["location"]


def came_back(browser: Any, said: dict[str, str]) -> httpx.Response:
    return browser.get(f"/login/provider/callback?{urlencode(said)}", headers={"sec-fetch-site": "cross-site"})


def logged_in(browser: Any, provider: Provider) -> httpx.Response:
    return came_back(browser, provider.authorise(begun(browser)))


# ── as it should be ──────────────────────────────────────────────────────────────────────────────────────────────


def test_who_is_linked_logs_in_and_goes_where_they_wanted(
    oidc: Any, provider: Provider, linked: User, actions: Callable[[], list[str]]
) -> None:
    assert 'href="/login/provider?to=%2Faccount"' in oidc.get("/login?to=/account").text
    address = begun(oidc, "/login/provider?to=/account")
    assert address.startswith(f"{provider.issuer}/authorize?tenant=1&")
    done = came_back(oidc, provider.authorise(address))
    assert done.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/account">' in done.text  # a strict cookie needs a page of ours
    assert "SameSite=strict" in next(
        each for each in done.headers.get_list("set-cookie") if each.startswith("hedgerow=")
    )
    assert oidc.get("/account").status_code == 200
    assert oidc.cookies.keys() == {"hedgerow"}
    assert "login.accepted" in actions()


def test_whom_nobody_is_linked_to_is_turned_away_with_a_page_and_no_user_is_made(
    oidc: Any, provider: Provider, ada: User, actions: Callable[[], list[str]]
) -> None:
    page = logged_in(oidc, provider)
    assert page.status_code == 403
    assert "nobody here is linked to you" in page.text
    assert oidc.token is None
    assert actions()[-1] == "login.refused"
    assert actions().count("user.created") == 1


def test_a_disabled_user_is_turned_away(
    oidc: Any, provider: Provider, database: Database, linked: User, add_user: Callable[..., User]
) -> None:
    add_user("second")
    with database.write() as connection:
        accounts.disable_user(connection, linked.id, actor="cli", now=now())
    assert logged_in(oidc, provider).status_code == 403
    assert oidc.token is None


def test_somebody_links_their_own_account_with_their_password_and_takes_it_back(
    oidc: Any, provider: Provider, ada: User, database: Database
) -> None:
    oidc.log_in()
    assert oidc.send("/account/provider", link_password="not mine").status_code == 422
    going = oidc.send("/account/provider", link_password=PASSWORD)
    address = going.text.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    back = came_back(oidc, provider.authorise(address))
    assert "Your account is linked" in back.text
    with database.read() as connection:
        assert accounts.find_user(connection, "ada").oidc_subject == SUBJECT
    oidc.cookies.clear()
    assert logged_in(oidc, provider).status_code == 200
    assert oidc.send("/account/provider/remove", unlink_password="not mine").status_code == 422
    assert oidc.send("/account/provider/remove", unlink_password=PASSWORD).headers["location"] == "/login?note=unlinked"
    assert logged_in(oidc, provider).status_code == 403


def test_one_identity_is_one_user(oidc: Any, provider: Provider, linked: User, add_user: Callable[..., User]) -> None:
    add_user("bob")
    oidc.log_in("bob")
    going = oidc.send("/account/provider", link_password=PASSWORD)
    address = going.text.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    assert came_back(oidc, provider.authorise(address)).status_code == 409


@pytest.mark.sqlite_file
def test_new_keys_of_the_provider_are_found_by_their_name(
    oidc: Any, provider: Provider, linked: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert logged_in(oidc, provider).status_code == 200
    provider.key = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})
    provider.keys = [provider.key]
    assert logged_in(oidc, provider).status_code == 403  # asked for a moment ago: not again, whatever tokens come
    monkeypatch.setattr("hedgerow.app.oidc._KEYS_AGAIN_S", 0.0)
    assert logged_in(oidc, provider).status_code == 200
    assert provider.asked.count("/keys") == 2


@pytest.mark.sqlite_file
def test_without_a_provider_there_is_no_way_to_one(browser: Any) -> None:
    assert "/login/provider" not in browser.get("/login").text
    assert browser.get("/login/provider").status_code == 404
    assert browser.get("/login/provider/callback?code=a&state=b").status_code == 404


# ── attacks ──────────────────────────────────────────────────────────────────────────────────────────────────────

HOUR = 3_600


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"nonce": "another"}, "another login"),
        ({"nonce": None}, "another login"),
        ({"aud": "another-service"}, "another service"),
        ({"aud": None}, "another service"),
        ({"aud": [CLIENT, "another-service"]}, "another service"),
        ({"aud": [CLIENT, "another-service"], "azp": "another-service"}, "another service"),
        ({"azp": "another-service"}, "another service"),
        ({"iss": "https://another.example"}, "another provider"),
        ({"iss": None}, "another provider"),
        ({"exp": int(time.time()) - HOUR}, "too old"),
        ({"exp": None}, "when it holds"),
        ({"exp": "2099"}, "when it holds"),
        ({"iat": int(time.time()) + HOUR}, "from the future"),
        ({"nbf": int(time.time()) + HOUR}, "from the future"),
        ({"sub": None}, "who they are"),
        ({"sub": ""}, "who they are"),
        ({"sub": 7}, "who they are"),
    ],
)
@pytest.mark.sqlite_file
def test_a_token_that_does_not_fit_is_not_believed(
    oidc: Any, provider: Provider, linked: User, claims: dict[str, Any], words: str
) -> None:
    provider.claims = claims
    page = logged_in(oidc, provider)
    assert page.status_code == 403
    assert words in page.text
    assert oidc.token is None


@pytest.mark.sqlite_file
def test_a_token_for_several_services_is_believed_if_it_was_given_to_this_one(
    oidc: Any, provider: Provider, linked: User
) -> None:
    provider.claims = {"aud": [CLIENT, "another-service"], "azp": CLIENT}
    assert logged_in(oidc, provider).status_code == 200


def _part(said: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


@pytest.mark.sqlite_file
def test_a_token_without_a_signature_is_not_believed(oidc: Any, provider: Provider, linked: User) -> None:
    for algorithm in ("none", "None", "NONE", ""):
        provider.sign = lambda claims, name=algorithm: f"{_part({'alg': name})}.{_part(claims)}."
        assert logged_in(oidc, provider).status_code == 403
    provider.sign = lambda claims: f"{_part({'alg': 'RS256', 'kid': 'first'})}.{_part(claims)}."
    assert logged_in(oidc, provider).status_code == 403
    assert oidc.token is None


@pytest.mark.sqlite_file
def test_the_providers_public_key_is_no_secret_to_sign_with(oidc: Any, provider: Provider, linked: User) -> None:
    for secret in (provider.key.as_pem(private=False), provider.key.as_der(private=False), SECRET.encode()):

        def confused(claims: dict[str, Any], secret: bytes = secret) -> str:
            signed = f"{_part({'alg': 'HS256', 'kid': 'first'})}.{_part(claims)}"
            tag = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).rstrip(b"=").decode()
            return f"{signed}.{tag}"

        provider.sign = confused
        assert logged_in(oidc, provider).status_code == 403
    assert oidc.token is None


@pytest.mark.sqlite_file
def test_a_key_that_the_token_brings_along_is_not_believed(oidc: Any, provider: Provider, linked: User) -> None:
    own = RSAKey.generate_key(2048, {"kid": "first"})
    heads = (
        {"alg": "RS256", "kid": "first"},
        {"alg": "RS256", "jwk": own.as_dict(private=False)},
        {"alg": "RS256", "kid": "evil"},
    )
    for head in heads:
        provider.sign = lambda claims, head=head: jwt.encode(head, claims, own)
        assert logged_in(oidc, provider).status_code == 403
    assert oidc.token is None


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "a.b.c.d.e", "..", "é.é.é", "W10.W10.W10"])
@pytest.mark.sqlite_file
def test_what_is_no_token_is_not_believed(oidc: Any, provider: Provider, linked: User, token: str) -> None:
    provider.sign = lambda _: token
    assert logged_in(oidc, provider).status_code == 403


@pytest.mark.sqlite_file
def test_an_altered_token_is_not_believed(oidc: Any, provider: Provider, linked: User) -> None:
    def altered(claims: dict[str, Any]) -> str:
        head, _, tail = provider.honestly({**claims, "sub": "somebody else"}).split(".")
        return f"{head}.{_part(claims)}.{tail}"

    provider.sign = altered
    assert logged_in(oidc, provider).status_code == 403


@pytest.mark.sqlite_file
def test_an_answer_belongs_to_the_browser_that_asked(oidc: Any, provider: Provider, linked: User, browser: Any) -> None:
    said = provider.authorise(begun(oidc))
    other = type(browser)(oidc._app)
    assert came_back(other, said).status_code == 403  # no ticket: a link slipped to somebody else
    begun(other)
    assert came_back(other, said).status_code == 403  # another login's ticket
    assert came_back(oidc, {**said, "state": said["state"][:-1] + "_"}).status_code == 403
    assert came_back(oidc, {"code": said["code"]}).status_code == 403
    assert oidc.token is other.token is None
    assert came_back(oidc, said).status_code == 200


@pytest.mark.sqlite_file
def test_a_code_works_once(oidc: Any, provider: Provider, linked: User) -> None:
    said = provider.authorise(begun(oidc))
    ticket = oidc.cookies["hedgerow-provider"]
    assert came_back(oidc, said).status_code == 200
    assert came_back(oidc, said).status_code == 403  # the ticket is gone
    oidc.cookies["hedgerow-provider"] = ticket
    again = came_back(oidc, said)
    assert (again.status_code, "does not take the code" in again.text) == (403, True)


@pytest.mark.sqlite_file
def test_an_answer_of_another_provider_is_not_taken(oidc: Any, provider: Provider, linked: User) -> None:
    said = provider.authorise(begun(oidc))
    mixed = came_back(oidc, {**said, "iss": "https://another.example"})
    assert (mixed.status_code, "another provider" in mixed.text) == (403, True)
    assert "/token" not in provider.asked  # the code went nowhere
    assert came_back(oidc, {**said, "iss": provider.issuer}).status_code == 200


@pytest.mark.sqlite_file
def test_a_provider_that_says_who_it_is_always_does(oidc: Any, provider: Provider, linked: User) -> None:
    provider.about = {"authorization_response_iss_parameter_supported": True}
    said = provider.authorise(begun(oidc))
    assert came_back(oidc, said).status_code == 403
    assert came_back(oidc, {**said, "iss": provider.issuer}).status_code == 200


@pytest.mark.sqlite_file
def test_what_a_provider_says_is_wrong_is_shown_if_it_is_a_known_word(oidc: Any, provider: Provider) -> None:
    state = provider.authorise(begun(oidc))["state"]
    assert "access_denied" in came_back(oidc, {"error": "access_denied", "state": state}).text
    page = came_back(oidc, {"error": "<b>call this number</b>", "error_description": "evil", "state": state})
    assert page.status_code == 403
    assert "call this number" not in page.text
    assert "evil" not in page.text


@pytest.mark.sqlite_file
def test_a_login_is_not_finished_hours_later(
    oidc: Any, provider: Provider, linked: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow.app.oidc.TICKET_S", -1.0)
    assert logged_in(oidc, provider).status_code == 403


# ── a provider that does not work ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "http://another.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": None},
    ],
)
@pytest.mark.sqlite_file
def test_a_provider_that_describes_itself_wrongly_is_not_used(
    oidc: Any, provider: Provider, about: dict[str, Any]
) -> None:
    provider.about = about
    assert oidc.get("/login/provider").status_code == 503


@pytest.mark.parametrize("raw", [b"", b"no json", b"[]", b"[" * 100_000, b'{"a":"' + b"a" * (1 << 20) + b'"}'])
@pytest.mark.sqlite_file
def test_an_answer_that_cannot_be_read_is_said_to_be_one(oidc: Any, provider: Provider, raw: bytes) -> None:
    provider.raw = raw
    page = oidc.get("/login/provider")
    assert page.status_code == 503
    assert "cannot be used at the moment" in page.text


@pytest.mark.sqlite_file
def test_a_provider_that_is_gone_or_slow_gets_a_page_and_passwords_still_work(
    oidc: Any, provider: Provider, ada: User, serve: Callable[..., FastAPI]
) -> None:
    provider.slow_s = 3
    page = oidc.get("/login/provider")
    assert (page.status_code, "does not answer" in page.text) == (503, True)
    assert oidc.log_in().status_code == 303
    gone = type(oidc)(serve(oidc={"issuer": "http://127.0.0.1:1", "client_id": CLIENT}))
    assert gone.get("/login/provider").status_code == 503
    assert gone.log_in().status_code == 303


@pytest.mark.sqlite_file
def test_no_more_than_a_few_wait_for_a_slow_provider(
    provider: Provider, serve: Callable[..., FastAPI], browser: Any
) -> None:
    app = serve(oidc={"issuer": provider.issuer, "client_id": CLIENT, "wait_s": 60})
    provider.hold = threading.Event()
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(_page(app, browser).status_code)) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(provider.asked) < 4:
        time.sleep(0.01)
    fifth = _page(app, browser)
    assert (fifth.status_code, "too many logins wait" in fifth.text) == (503, True)
    assert type(browser)(app).get("/login").status_code == 200
    provider.hold.set()
    for thread in threads:
        thread.join()
    assert statuses == [303] * 4


def _page(app: FastAPI, browser: Any) -> httpx.Response:
    return type(browser)(app).get("/login/provider")


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "http://provider.example", "client_id": "a"},
        {"issuer": "provider.example", "client_id": "a"},
        {"issuer": "http://127.0.0.1.evil.example", "client_id": "a"},
        {"issuer": "https://provider.example"},
    ],
)
@pytest.mark.sqlite_file
def test_a_provider_is_asked_over_tls_alone_and_knows_us(said: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        load_settings(oidc=said)


def test_the_secret_is_in_no_text_of_the_settings() -> None:
    settings = load_settings(oidc={"issuer": "https://a.example", "client_id": "a", "client_secret": SECRET})
    assert SECRET not in repr(settings)
    assert SECRET not in settings.model_dump_json()
