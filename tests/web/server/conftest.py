"""A real ``hedgerow serve`` in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hedgerow import app
from hedgerow.hashing import Signal
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Served"]

START_S = 60


class Served:
    """A service that runs, a key for it, and a client that shows the key."""

    def __init__(self, data: Path, *arguments: str, **environment: str) -> None:
        self.data = data
        self.settings = load_settings(data=data)
        scopes = ("hash", "match", "screen", "banks.read", "banks.write", "cases.read", "metrics.read", "hma")
        self.key = app.add_key(self.settings, "tests", scopes=scopes).text
        self._command = [
            str(Path(sys.executable).with_name("hedgerow")),
            "--data",
            str(data),
            "serve",
            "--port",
            "0",
            *arguments,
        ]
        self._environment = {**os.environ, **environment}
        self._log = data / "serve.log"
        self._log.touch()
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def start(self) -> None:
        started = len(self.log())
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=subprocess.STDOUT, env=self._environment, start_new_session=True
            )
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            found = re.search(r"listens on (http://\S+)", self.log()[started:])
            if found and self._answers(found[1]):
                self.address = found[1]
                return
            time.sleep(0.05)
        if self.process.poll() is None:
            self.kill()
        pytest.fail(f"the service did not start:\n{self.log()}")

    def _answers(self, address: str) -> bool:
        try:
            return httpx.get(f"{address}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail("the service did not stop")

    def kill(self) -> None:
        """End every process of the service as a power cut would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def log(self) -> str:
        return self._log.read_text()

    def client(self, **options: Any) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60, trust_env=False, **options)

    @property
    def port(self) -> int:
        return httpx.URL(self.address).port or 80


@pytest.fixture
def prepared(data: Path) -> Path:
    """Give a data folder with a bank of one signal."""
    settings = load_settings(data=data)
    app.create_bank(settings, "known")
    app.add_values(settings, "known", [Signal.from_text("pdq", "f8" * 32)])
    return data


@pytest.fixture
def serving(prepared: Path) -> Callable[..., Any]:
    @contextmanager
    def run(*arguments: str, **environment: str) -> Iterator[Served]:
        served = Served(prepared, *arguments, **environment)
        served.start()
        try:
            yield served
        finally:
            if served.process is not None and served.process.poll() is None:
                served.kill()

    return run
