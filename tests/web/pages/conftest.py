"""A service on each kind of database, people who may log in, and a browser without a screen."""

from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hedgerow import accounts
from hedgerow.accounts import Role
from hedgerow.accounts.passwords import Argon2Parameters, hash_password
from hedgerow.app import now
from hedgerow.app.service import Service
from hedgerow.audit import list_entries
from hedgerow.database.sealing import ServiceKeys
from hedgerow.settings import load_settings
from hedgerow.web import create_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastapi import FastAPI

    from hedgerow.accounts import User
    from hedgerow.database import Database

__all__ = ["PASSWORD", "Browser"]

PASSWORD = "kettle orbit lantern moss"  # noqa: S105  (nobody's)
CHEAP = Argon2Parameters(passes=1, memory_kib=8, lanes=1, salt_bytes=8, tag_bytes=16)


class Browser:
    """Keeps cookies, asks for HTML, and says where a form comes from, as browsers do.

    Each request runs the application in an event loop of its own, since tests are not asynchronous.
    """

    def __init__(self, app: FastAPI, *, base: str = "http://127.0.0.1", **headers: str) -> None:
        self._app = app
        self.base = base
        self.cookies: dict[str, str] = {}
        self.headers = {"accept": "text/html", **headers}

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**self.headers, **({"cookie": cookies} if cookies else {}), **options.pop("headers", {})}
        address = options.pop("address", "127.0.0.1")

        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False, client=(address, 5))
            async with httpx.AsyncClient(transport=transport, base_url=self.base, headers=headers) as client:
                return await client.request(method, path, **options)

        answer = asyncio.run(run())
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, data: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        headers = {"sec-fetch-site": "same-origin", **options.pop("headers", {})}
        return self.ask("POST", path, data=data or {}, headers=headers, **options)

    def log_in(self, name: str = "ada", password: str = PASSWORD) -> httpx.Response:
        return self.post("/login", {"name": name, "password": password})

    @property
    def token(self) -> str | None:
        return self.cookies.get("__Host-hedgerow") or self.cookies.get("hedgerow")

    @property
    def csrf(self) -> str:
        assert self.token is not None
        return accounts.csrf_token(self.token)

    def send(self, path: str, **fields: str) -> httpx.Response:
        """Post a form of this session."""
        return self.post(path, {"csrf_token": self.csrf, **fields})


@pytest.fixture
def service_keys() -> ServiceKeys:
    return ServiceKeys((b"\x07" * 32,))


@pytest.fixture
def serve(database: Database, tmp_path: Path, service_keys: ServiceKeys) -> Callable[..., Any]:
    """Give what makes an application with settings; nothing in it hashes, since no page needs it."""

    def make(**settings: Any) -> FastAPI:
        service = Service(load_settings(data=tmp_path, jobs=1, **settings), database, service_keys)
        return create_app(service)

    return make


@pytest.fixture
def app(serve: Callable[..., FastAPI]) -> FastAPI:
    return serve()


@pytest.fixture
def browser(app: FastAPI) -> Browser:
    return Browser(app)


@pytest.fixture(scope="session")
def cheap_hash() -> str:
    return hash_password(PASSWORD, CHEAP)


@pytest.fixture
def add_user(database: Database, cheap_hash: str) -> Callable[..., User]:
    def add(name: str = "ada", *roles: Role, has_password: bool = True) -> User:
        with database.write() as connection:
            return accounts.create_user(
                connection,
                name,
                roles=roles or (Role.ADMIN,),
                password_hash=cheap_hash if has_password else None,
                actor="cli",
                now=now(),
            )

    return add


@pytest.fixture
def ada(add_user: Callable[..., User]) -> User:
    return add_user("ada")


@pytest.fixture
def actions(database: Database) -> Callable[[], list[str]]:
    """Give what the audit chain holds, as words."""

    def read() -> list[str]:
        with database.read() as connection:
            return [each.action for each in list_entries(connection)]

    return read


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing here wait for argon2: what it costs is the room's own matter, and its tests look at that."""
    for name in ("hash_password", "verify_password"):
        plain = getattr(accounts, name)
        default = tuple(CHEAP if isinstance(each, Argon2Parameters) else each for each in plain.__defaults__)
        monkeypatch.setattr(plain, "__defaults__", default)
    monkeypatch.setattr(accounts.dummy_hash.__wrapped__, "__defaults__", (CHEAP,))
    accounts.dummy_hash.cache_clear()
