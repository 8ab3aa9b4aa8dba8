"""A whole house before a real browser: a service with people, banks and cases, and the authority's simulator.

Everything is made through the service's own doors. Pictures are generated; texts are neutral.
"""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image

from hedgerow import accounts, app
from hedgerow.accounts.model import SessionPolicy
from hedgerow.accounts.sessions import begin_session
from hedgerow.database import Database, open_database
from hedgerow.hashing.examine import hash_bytes
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.settings import load_settings
from hedgerow.simulators.cybertipline import CyberTiplineSimulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["PASSWORD", "PEOPLE", "SECRET", "House", "picture", "running"]

PASSWORD = "kettle orbit lantern moss"  # noqa: S105  (nobody's)
SECRET = "the authority's own word"  # noqa: S105  (of a simulator)
PEOPLE = {
    "ada": "admin",
    "lea": "lead",
    "rey": "reviewer",
    "rob": "reviewer",
    "apo": "approver",
    "cus": "custodian",
    "ana": "analyst",
}
"""Name → role; all with the same password."""
_START_S = 60


@cache
def picture(seed: int, width: int = 640, height: int = 480, kind: str = "JPEG") -> bytes:
    """Return an ordinary generated picture, always the same one for a seed."""
    made = io.BytesIO()
    Image.fromarray(synthetic_picture(width, height, seed)).save(made, kind, quality=90)
    return made.getvalue()


@cache
def _hashed() -> str:
    """Hash the one password once: it is made to take long."""
    return accounts.hash_password(PASSWORD)


class House:
    """A service that runs, with people, a bank of known pictures, and the simulator of the authority.

    Attributes:
        base: Its address.
        data: Its data folder.
        settings: What it runs with.
        simulator: The authority's.
        key: An API key that may screen.
        database: The database of the service, for what has no door: what is long past, and leases that end.
    """

    def __init__(self, data: Path, simulator: CyberTiplineSimulator, **environment: str) -> None:
        self.data = data
        self.simulator = simulator
        self.environment = {
            "HEDGEROW_REPORTS_TEST_URL": simulator.url,
            "HEDGEROW_REPORTS_REPORTER_EMAIL": "trust-and-safety@platform.example",
            **environment,
        }
        self.settings = load_settings(data=data)
        self.database: Database = open_database(data)
        with self.database.write() as connection:
            for name, role in PEOPLE.items():
                given = {"roles": [accounts.Role(role)], "password_hash": _hashed(), "actor": "cli"}
                accounts.create_user(connection, name, now=app.now(), **given)
        scopes = ("hash", "match", "screen", "banks.read", "banks.write", "cases.read", "metrics.read")
        self.key = app.add_key(self.settings, "platform", scopes=scopes).text
        app.create_bank(self.settings, "known")
        self.base = ""
        self._log = (data / "serve.log").open("wb")
        self._process: subprocess.Popen[bytes] | None = None
        self._sent = 0

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("hedgerow")), "--data", str(self.data), "serve", "--port", "0"]
        self._process = subprocess.Popen(
            command, stdout=self._log, stderr=subprocess.STDOUT, env={**os.environ, **self.environment}
        )
        until = time.monotonic() + _START_S
        while time.monotonic() < until and self._process.poll() is None:
            found = re.search(r"listens on (http://\S+)", (self.data / "serve.log").read_text())
            if found:
                self.base = found[1]
                return
            time.sleep(0.05)
        pytest.fail(f"the service did not start:\n{(self.data / 'serve.log').read_text()}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
        self.database.close()
        self._log.close()

    def user(self, name: str) -> int:
        """Return the number of somebody."""
        with self.database.read() as connection:
            return accounts.find_user(connection, name).id

    def session(self, name: str) -> str:
        """Begin a session of somebody, and return its token: argon2 is waited for where the login is looked at."""
        with self.database.write() as connection:
            user = accounts.find_user(connection, name)
            begun = begin_session(connection, user, policy=SessionPolicy(), how="password", now=app.now())
        return begun.token

    def know(self, *pictures: bytes, bank: str = "known") -> None:
        """Put pictures into a bank; the service finds them within a moment."""
        for each in pictures:
            path = self.data / "known.jpg"
            path.write_bytes(each)
            app.add_values(self.settings, bank, hash_bytes(each).signals)
        until = time.monotonic() + _START_S
        while not self.match(pictures[-1])["matches"]:
            assert time.monotonic() < until, "the service does not follow its banks"
            time.sleep(0.1)

    def match(self, media: bytes) -> dict[str, Any]:
        """Look a picture up, as a platform does that keeps nothing."""
        answer = self.api("POST", "/lookups", files={"media": ("a.jpg", media)})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.request(
            method, f"{self.base}/api/v1{path}", headers=headers, timeout=60, trust_env=False, **options
        )

    def screen(self, media: bytes, account: str = "account-1", **fields: str) -> dict[str, Any]:
        """Send a picture as a platform does, under a content id of its own."""
        self._sent += 1
        said = {"content_id": f"post-{self._sent}", "account_id": account, **fields}
        answer = self.api("POST", "/submissions", data=said, files={"media": ("upload.jpg", media)})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None or importlib.util.find_spec("playwright") is None:
        pytest.skip(
            "NO BROWSER: this test checked NOTHING. Install Chromium (Debian: apt-get install chromium) and "
            "hedgerow[dev]."
        )
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (only where it is installed)

    with sync_playwright() as playwright:
        # A container's root has no sandbox to give; the only pages that it sees are our own.
        started = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        yield started
        started.close()


@contextmanager
def running(migrated: Path, folders: pytest.TempPathFactory, **environment: str) -> Iterator[House]:
    """Give a house that runs with these variables in its environment."""
    data = shutil.copytree(migrated, folders.mktemp("house") / "data")
    with CyberTiplineSimulator(user="esp", password=SECRET) as simulator:
        made = House(data, simulator, **environment)
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def house(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give a house of this module's own; its tests share what they put into it."""
    with running(migrated, tmp_path_factory) as made:
        yield made


@pytest.fixture(scope="module")
def visit(chromium: Any, house: House) -> Iterator[Callable[..., Any]]:
    """Give what opens a browser of its own for somebody, logged in, and looks at the end whether anything was amiss.

    Amiss is: a request to anybody but the house, a violation of the Content Security Policy, an error in a script.
    """
    said: list[str] = []
    asked: list[str] = []
    contexts = []

    @contextmanager
    def open_(name: str | None = "rey", **look: Any) -> Iterator[Any]:
        context = chromium.new_context(**({"viewport": {"width": 1280, "height": 800}} | look))
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        if name is not None:
            cookie = {"name": "hedgerow", "value": house.session(name), "url": house.base}
            context.add_cookies([{**cookie, "httpOnly": True, "sameSite": "Strict"}])
            page.goto(f"{house.base}/")
        yield page
        context.close()

    yield open_
    assert all(address.startswith((f"{house.base}/", "data:", "blob:")) for address in asked), asked
    usual = ("the server responded with a status of", "Clear-Site-Data header")
    assert [each for each in said if not any(words in each for words in usual)] == []
