"""Let a login provider vouch for people: OpenID Connect, the authorization code flow with PKCE.

A login has two halves. `Provider.begin` sends the browser to the provider, with a sealed ticket that remembers what is
expected. `Provider.finish` takes what the browser brings back, has the code turned into an ID token, and believes the
token only if everything in it fits: signature by one of the provider's own keys, issuer, audience, time, nonce
(OpenID Connect Core 1.0, section 3.1.3.7; RFC 9700; RFC 9207). Nothing that the provider says is kept but the pair of
issuer and subject. Who is linked to no user is turned away: a provider says who somebody is, never what they may see.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from hedgerow.app.tickets import open_ticket, seal_ticket
from hedgerow.errors import IdentityUnknown, ProviderRefused, ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from joserfc.jwk import Key

    from hedgerow.accounts import LoggedIn, User
    from hedgerow.database import Database
    from hedgerow.database.sealing import ServiceKeys
    from hedgerow.settings import OidcSettings, Settings

__all__ = ["ALGORITHMS", "Begun", "Identity", "Provider", "link_identity", "log_in_by_identity"]

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
"""Signatures that are believed: those of a key pair alone. With HS256 the provider's public key would do as a secret
(key confusion), and ``none`` is no signature."""

TICKET_S: Final = 600.0
"""Seconds in which somebody has to come back from the provider, second factor and all."""

_PURPOSE: Final = "oidc"
_LONGEST_ANSWER_BYTES: Final = 1 << 20
# How far the provider's clock may be from ours.
_LEEWAY_S: Final = 60.0
# What the provider says of itself is asked for again after this time; new keys are found by an unknown name, though at
# most so often, whatever tokens come.
_KNOWN_S: Final = 600.0
_KEYS_AGAIN_S: Final = 30.0
# Threads that may wait for the provider at a time. The others of the service go on however slow it is.
_AT_ONCE: Final = 4
# RFC 6749, section 4.1.2.1, and OpenID Connect Core 1.0, section 3.1.2.6. What else a provider says is not repeated.
_ERRORS: Final = frozenset(
    """
    access_denied account_selection_required consent_required interaction_required invalid_request invalid_scope
    login_required server_error temporarily_unavailable unauthorized_client unsupported_response_type
    """.split()  # noqa: SIM905  (a paragraph of words)
)
_KEY_KINDS: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that was begun.

    Attributes:
        address: Where the browser goes.
        ticket: What the browser keeps until it comes back.
    """

    address: str = field(repr=False)
    ticket: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whom the provider vouches for.

    Attributes:
        issuer: The provider.
        subject: The provider's own name for them.
        going_to: The path that they wanted before they had to log in.
        user_id: The user who wants to be linked to this identity; None for a login.
    """

    issuer: str
    subject: str = field(repr=False)
    going_to: str
    user_id: int | None


class Provider:
    """The login provider of the settings; share one between threads.

    Args:
        settings: With an issuer.
    """

    def __init__(self, settings: OidcSettings) -> None:
        assert settings.issuer is not None  # noqa: S101  (who makes one has looked)
        self._issuer = settings.issuer
        self._settings = settings
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        self._about: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, list[dict[str, Any]]] | None = None

    def begin(
        self, keys: ServiceKeys, redirect_uri: str, *, going_to: str = "/", user_id: int | None = None, at: datetime
    ) -> Begun:
        """Begin a login.

        Args:
            keys: Those of the service, to seal the ticket.
            redirect_uri: Where the provider sends the browser afterwards.
            going_to: The path that somebody wants.
            user_id: Who wants to be linked; None for a login.
            at: The present.

        Raises:
            ProviderUnavailable: The provider does not answer.
        """
        about = self._describe()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._settings.client_id,
                "redirect_uri": redirect_uri,
                "scope": "openid",
                "state": state,
                "nonce": nonce,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
        )
        endpoint = about["authorization_endpoint"]
        said = {
            "issuer": self._issuer,
            "redirect_uri": redirect_uri,
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "going_to": going_to,
            "user_id": user_id,
        }
        ticket = seal_ticket(keys, _PURPOSE, said, lifetime_s=TICKET_S, at=at)
        return Begun(f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}", ticket)

    def finish(self, keys: ServiceKeys, ticket: str, came: Mapping[str, str], *, at: datetime) -> Identity:
        """Finish a login with what the browser brought back.

        Args:
            keys: Those of the service, to open the ticket.
            ticket: What the browser kept.
            came: The query with which the browser came back.
            at: The present.

        Raises:
            ProviderRefused: Something does not fit, or the provider refused the login.
            ProviderUnavailable: The provider does not answer.
        """
        said = open_ticket(keys, _PURPOSE, ticket, at=at)
        if said is None or said["issuer"] != self._issuer:
            raise ProviderRefused("it was not begun in this browser, or it took more than ten minutes")
        if not hmac.compare_digest(said["state"].encode(), came.get("state", "").encode()):
            raise ProviderRefused("it is not the one that was begun in this browser")
        about = self._describe()
        self._check_sender(about, came)
        if "error" in came:
            error = came["error"]
            raise ProviderRefused(f"the provider says {error if error in _ERRORS else 'no'}")
        if not came.get("code"):
            raise ProviderRefused("the provider sent no code")
        token = self._redeem(about, came["code"], said)
        subject = self._read(about, token, nonce=said["nonce"], at=at)
        return Identity(self._issuer, subject, said["going_to"], said["user_id"])

    def _check_sender(self, about: dict[str, Any], came: Mapping[str, str]) -> None:
        """Make sure that another provider did not send the answer (mix-up; RFC 9207)."""
        sender = came.get("iss")
        if sender is None:
            if about.get("authorization_response_iss_parameter_supported") is True:
                raise ProviderRefused("the answer does not say which provider it is from")
        elif sender != self._issuer:
            raise ProviderRefused("the answer is from another provider")

    def _redeem(self, about: dict[str, Any], code: str, said: dict[str, Any]) -> str:
        """Turn the code into an ID token."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": said["redirect_uri"],
            "code_verifier": said["verifier"],
        }
        headers = {}
        client, secret = self._settings.client_id, self._settings.client_secret
        methods = about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if secret is None:
            form["client_id"] = client
        elif "client_secret_basic" in methods:
            pair = f"{quote(client, safe='')}:{quote(secret.get_secret_value(), safe='')}"  # RFC 6749, section 2.3.1
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form |= {"client_id": client, "client_secret": secret.get_secret_value()}
        status, answer = self._ask("POST", about["token_endpoint"], form=form, headers=headers)
        token = answer.get("id_token")
        if status >= 400 or not isinstance(token, str):  # noqa: PLR2004  (what is no success)
            raise ProviderRefused("the provider does not take the code")
        return token

    # ── the ID token ─────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, about: dict[str, Any], token: str, *, nonce: str, at: datetime) -> str:
        """Return whom an ID token is about, if everything in it fits."""
        claims = self._verified(about, token)
        client, present = self._settings.client_id, at.timestamp()
        if claims.get("iss") != self._issuer:
            raise ProviderRefused("the token is from another provider")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if client not in audiences or (len(audiences) > 1 and claims.get("azp") is None):
            raise ProviderRefused("the token is for another service")
        if claims.get("azp", client) != client:
            raise ProviderRefused("the token is for another service")
        times = [claims.get(name) for name in ("exp", "iat")] + [claims.get("nbf", present)]
        expires, *begins = (float(each) for each in times if isinstance(each, int | float))
        if len(begins) != len(times) - 1:
            raise ProviderRefused("the token does not say when it holds")
        if present >= expires + _LEEWAY_S:
            raise ProviderRefused("the token is too old")
        if max(begins) > present + _LEEWAY_S:
            raise ProviderRefused("the token is from the future: compare the clocks of both machines")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise ProviderRefused("the token belongs to another login")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise ProviderRefused("the token says of nobody who they are")
        return subject

    def _verified(self, about: dict[str, Any], token: str) -> dict[str, Any]:
        """Return the claims of a token that one of the provider's keys signed."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import JWKRegistry

        algorithm, key_id = _signed_by(token)
        for data in self._keys_for(about, algorithm, key_id):
            try:
                key: Key = JWKRegistry.import_key(data)
                return jwt.decode(token, key, algorithms=[algorithm]).claims
            except (JoseError, ValueError, TypeError, KeyError):  # another key, or none that can be read
                continue
        raise ProviderRefused("the token has no signature of the provider")

    def _keys_for(self, about: dict[str, Any], algorithm: str, key_id: str | None) -> list[dict[str, Any]]:
        """Return the provider's public keys that may have signed; ask for them anew where none fits."""
        for limit_s in (_KNOWN_S, _KEYS_AGAIN_S):
            known = self._keys
            if known is None or time.monotonic() - known[0] > limit_s:
                _, answer = self._ask("GET", about["jwks_uri"])
                listed = answer.get("keys")
                if not isinstance(listed, list):
                    raise ProviderUnavailable("its list of keys cannot be read")
                known = (time.monotonic(), [each for each in listed if isinstance(each, dict)])
                self._keys = known
            found = [each for each in known[1] if _fits(each, algorithm, key_id)]
            if found:
                return found
        return []

    # ── asking the provider ──────────────────────────────────────────────────────────────────────────────────────

    def _describe(self) -> dict[str, Any]:
        """Return what the provider says of itself (OpenID Connect Discovery 1.0)."""
        known = self._about
        if known is not None and time.monotonic() - known[0] < _KNOWN_S:
            return known[1]
        status, about = self._ask("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200:  # noqa: PLR2004  (the one that section 4.2 allows)
            raise ProviderUnavailable(f"it does not describe itself (status {status})")
        if about.get("issuer") != self._issuer:
            raise ProviderUnavailable("it calls itself otherwise than oidc.issuer does")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not self._is_safe(about.get(name)):
                raise ProviderUnavailable(f"its {name} is no https address")
        self._about = (time.monotonic(), about)
        return about

    def _is_safe(self, address: object) -> bool:
        if not isinstance(address, str):
            return False
        return address.startswith("https://") or (
            self._issuer.startswith("http://") and urlsplit(address)[:2] == urlsplit(self._issuer)[:2]
        )

    def _ask(
        self, method: str, address: str, *, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Return status and JSON object of one answer. No redirect is followed: a secret may be in what is sent."""
        import httpx

        if not self._places.acquire(blocking=False):
            raise ProviderUnavailable("too many logins wait for it")
        limit_s = self._settings.wait_s
        until = time.monotonic() + limit_s
        try:
            with (
                httpx.Client(timeout=limit_s, follow_redirects=False) as client,
                client.stream(
                    method, address, data=form, headers={"accept": "application/json", **(headers or {})}
                ) as answer,
            ):
                data = b""
                for piece in answer.iter_bytes():
                    data += piece
                    if len(data) > _LONGEST_ANSWER_BYTES or time.monotonic() > until:
                        raise ProviderUnavailable("its answer is too long or too slow")
                said = json.loads(data)
        except (httpx.TimeoutException, httpx.TransportError, httpx.InvalidURL):
            raise ProviderUnavailable("it does not answer") from None
        except (httpx.HTTPError, ValueError, RecursionError):
            raise ProviderUnavailable("its answer cannot be read") from None
        finally:
            self._places.release()
        if not isinstance(said, dict):
            raise ProviderUnavailable("its answer cannot be read")
        return answer.status_code, said


def _signed_by(token: str) -> tuple[str, str | None]:
    """Return by which algorithm and key a token says it is signed; nothing else in its head is believed."""
    head, _, rest = token.partition(".")
    try:
        said = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or rest.count(".") != 1:
        raise ProviderRefused("the token cannot be read")
    algorithm, key_id = said.get("alg"), said.get("kid")
    if algorithm not in ALGORITHMS:
        raise ProviderRefused("the token is not signed in a way that is believed")
    return algorithm, key_id if isinstance(key_id, str) else None


def _fits(key: dict[str, Any], algorithm: str, key_id: str | None) -> bool:
    """Tell whether a key of the provider may have made a signature."""
    return (
        key.get("kty") == _KEY_KINDS[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (key_id is None or key.get("kid", key_id) == key_id)
    )


# ── who that is here ─────────────────────────────────────────────────────────────────────────────────────────────


def log_in_by_identity(settings: Settings, database: Database, identity: Identity, *, at: datetime) -> LoggedIn:
    """Log in whom the provider vouches for.

    Raises:
        IdentityUnknown: No active user is linked to them.
    """
    from hedgerow import accounts
    from hedgerow.app.accounts import session_policy
    from hedgerow.errors import HedgerowError

    with database.write() as connection:
        outcome = accounts.log_in_by_oidc(
            connection, identity.issuer, identity.subject, policy=session_policy(settings), now=at
        )
    if isinstance(outcome, HedgerowError):  # committed first, so that it is on record
        raise IdentityUnknown
    return outcome


def link_identity(database: Database, identity: Identity, *, at: datetime) -> User:
    """Link the user who began it to whom the provider vouches for.

    Raises:
        UserExists: Another user is linked to them.
        UserNotFound: The user is gone or disabled.
        InvalidIdentity: It cannot be kept.
    """
    from hedgerow import accounts
    from hedgerow.errors import UserNotFound

    assert identity.user_id is not None  # noqa: S101  (the door has looked)
    with database.write() as connection:
        user = accounts.find_user_by_id(connection, identity.user_id)
        if not user.is_active:
            raise UserNotFound
        return accounts.link_oidc(connection, user.id, identity.issuer, identity.subject, actor=user.actor, now=at)
