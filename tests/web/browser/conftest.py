"""A real browser before a real service: the system's Chromium, led by Playwright."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow import app
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Site"]

PASSWORD = "kettle orbit lantern moss"  # noqa: S105  (nobody's)


# Of a module: while it lives, an event loop runs in this thread, and tests elsewhere start loops of their own.
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


class Site:
    """A service that runs, and what to log in with.

    Attributes:
        base: Its address.
        link: The one-time link of the first admin, not used.
    """

    def __init__(self, data: Path) -> None:
        self._settings = load_settings(data=data)
        command = [str(Path(sys.executable).with_name("hedgerow")), "--data", str(data), "serve", "--port", "0"]
        self._log = (data / "serve.log").open("wb")
        self._process = subprocess.Popen(
            [*command, "--first-admin-link"], stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        assert self._process.stdout is not None
        self.base, self.link = "", ""
        for line in self._process.stdout:
            self.base = self.base or "".join(re.findall(r"listens on (\S+)", line))
            self.link = self.link or "".join(re.findall(r"open (\S+) once", line))
            if self.link:
                return
        pytest.fail("the service did not start")

    def add(self, name: str, *roles: str) -> None:
        app.add_user(self._settings, name, roles=roles, password=PASSWORD)

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=60)
        self._log.close()


@pytest.fixture(scope="module")
def site(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a service without users; the first test that needs one adds it."""
    data = shutil.copytree(migrated, tmp_path_factory.mktemp("site") / "data")
    started = Site(data)
    yield started
    started.stop()


@pytest.fixture(params=["light", "dark", "zoomed"])
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Give how a page is looked at: by day, by night, at 200 % (half the room, each point twice as large)."""
    return {
        "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
        "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
        "zoomed": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
    }[request.param]
