"""The whole application over a real service, programs with chosen scopes, and people with chosen roles."""

from __future__ import annotations

import hashlib
import warnings
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

import hedgerow.app.service
import hedgerow.web.callers
from hedgerow.accounts import Role, create_key, create_user, csrf_token, find_user_by_id
from hedgerow.accounts.model import SessionPolicy
from hedgerow.accounts.sessions import begin_session
from hedgerow.app import now
from hedgerow.app.keyring import RateLimits
from hedgerow.app.service import Service
from hedgerow.database.sealing import load_service_keys
from hedgerow.hashing.options import HashOptions
from hedgerow.hashing.pool import HashingPool
from hedgerow.settings import load_settings
from hedgerow.web import create_app

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have a successor of httpx, which is not what people use today
    from starlette.testclient import TestClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

    from hedgerow.database import Database

__all__ = ["House", "far_value"]

USUAL_SCOPES = ("screen", "match", "hash", "banks.read", "banks.write", "cases.read", "lookback", "deliveries.read")


def far_value(number: int, flipped: int = 0) -> str:
    """Make PDQs as hex digits that lie 100 bits and more apart, or near each other by flipping the last bits."""
    bits = int.from_bytes(hashlib.sha256(b"signal %d" % number).digest(), "big")
    return (bits ^ ((1 << flipped) - 1)).to_bytes(32, "big").hex()


class House:
    """A service, its application, and whoever asks it."""

    value = staticmethod(far_value)

    def __init__(self, service: Service) -> None:
        self.service = service
        self.database = service.database
        self.app: FastAPI = create_app(service)
        self._names = count(1)

    # ── who asks ─────────────────────────────────────────────────────────────────────────────────────────────────

    def nobody(self) -> TestClient:
        return TestClient(self.app, base_url="http://localhost")

    def key(self, *scopes: str, namespace: str = "") -> TestClient:
        """Return a client that shows an API key with these scopes, or with the usual ones."""
        return self.with_key(self.new_key(*scopes, namespace=namespace))

    def new_key(self, *scopes: str, namespace: str = "") -> str:
        with self.database.write() as connection:
            made = create_key(
                connection, "tests", scopes=scopes or USUAL_SCOPES, namespace=namespace, actor="system", now=now()
            )
        self.service.keyring.refresh()
        return made.text

    def with_key(self, text: str) -> TestClient:
        client = self.nobody()
        client.headers["authorization"] = f"Bearer {text}"
        return client

    def user(self, *roles: Role) -> int:
        with self.database.write() as connection:
            name = f"person-{next(self._names)}"
            return create_user(connection, name, roles=roles, actor="system", now=now()).id

    def person(self, *roles: Role, user: int | None = None) -> TestClient:
        """Return a client with the session of a person who has these roles."""
        number = self.user(*roles) if user is None else user
        with self.database.write() as connection:
            found = find_user_by_id(connection, number)
            logged_in = begin_session(connection, found, policy=SessionPolicy(), how="password", now=now())
        client = self.nobody()
        client.cookies.set("hedgerow", logged_in.token)
        client.headers.update({"x-csrf-token": csrf_token(logged_in.token), "sec-fetch-site": "same-origin"})
        return client

    # ── what there is ────────────────────────────────────────────────────────────────────────────────────────────

    def bank(self, name: str = "known", *values: str, **said: Any) -> None:
        """Make a bank of these values, and let the service see it."""
        writer = self.key("banks.write")
        assert writer.post("/api/v1/banks", json={"name": name, **said}).status_code == 201
        if values:
            entries = [{"type": "pdq", "value": value, "quality": 90} for value in values]
            answer = writer.post(f"/api/v1/banks/{name}/entries", json={"entries": entries})
            assert answer.json()["added"] == len(values)
        self.follow()

    def follow(self) -> None:
        """Let the service see what changed, at once."""
        self.service.matcher.refresh()
        self.service._types = (float("-inf"), ())

    def submit(self, value: str, content_id: str = "post-1", **said: Any) -> dict[str, Any]:
        signals = [{"type": "pdq", "value": value, "quality": 90}]
        asked = {"content_id": content_id, "signals": signals, **said}
        answer = self.key("screen").post("/api/v1/submissions", json=asked)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def case(self, number: int = 1, **said: Any) -> str:
        """Submit something that a bank knows, and return the number of its case."""
        return str(self.submit(far_value(number), f"post-{number}", **said)["case"]["number"])


class _SharedPool(HashingPool):
    """Processes that outlive one service: to start them takes a second."""

    def start(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture(scope="session")
def hashing_pool() -> Iterator[HashingPool]:
    pool = _SharedPool(HashOptions(limits=load_settings().media_limits()), 1)
    HashingPool.start(pool)
    yield pool
    HashingPool.close(pool)


@pytest.fixture
def service(
    database: Database, tmp_path: Path, hashing_pool: HashingPool, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    monkeypatch.setattr(hedgerow.app.service, "_pool", lambda _settings: hashing_pool)
    monkeypatch.setattr(hedgerow.web.callers, "_denials", RateLimits())  # those of other tests count elsewhere
    settings = load_settings(data=tmp_path / "data", jobs=1)
    settings.data.mkdir(exist_ok=True)
    opened = Service(settings, database, load_service_keys(settings.data))
    # Not started: nothing happens behind a test's back, and `House.follow` does what else a thread would.
    opened.matcher.refresh()
    opened.matcher.load()
    opened.keyring.refresh()
    yield opened
    opened.stop()


@pytest.fixture
def house(service: Service) -> House:
    return House(service)
