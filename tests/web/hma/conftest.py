"""A real server on a free port, an HMA client for it, and pictures."""

from __future__ import annotations

import contextlib
import io
import shutil
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from PIL import Image

from hedgerow.app.service import open_service
from hedgerow.settings import load_settings
from hedgerow.web.hma import hma_app
from hedgerow.web.problems import add_handlers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hedgerow.app.service import Service

__all__: list[str] = []

OPEN = {"anonymous": True, "dev": True}


def waves(seed: int, size: int = 256) -> np.ndarray:
    """Draw a grey picture of 24 waves, as the samples of the exchange `sample` are drawn."""
    y, x = np.mgrid[0:size, 0:size] / float(size)
    random = np.random.default_rng(seed)
    drawn = np.zeros((size, size))
    for _ in range(24):
        across, down = random.integers(-7, 8, 2)
        phase, height = random.random(2)
        drawn += height * np.cos(2 * np.pi * (across * x + down * y + phase))
    drawn -= drawn.min()
    return (drawn / drawn.max() * 255).round().astype(np.uint8)


def draw_scene(seed: int, width: int = 640, height: int = 402) -> np.ndarray:
    """Draw a grey picture with as much in its details as photographs have, so that PDQ is as steady as with them."""
    random = np.random.default_rng(seed)
    rows = np.fft.fftfreq(height)[:, None] * height
    columns = np.fft.fftfreq(width)[None, :] * width
    waves_there = np.maximum(np.hypot(rows, columns), 1.0)
    spectrum = np.exp(2j * np.pi * random.random((height, width))) / waves_there
    drawn = np.fft.ifft2(spectrum).real
    drawn = (drawn - drawn.mean()) / drawn.std()
    return np.clip(drawn * 45 + 128, 0, 255).astype(np.uint8)


def draw_picture(seed: int, form: str = "PNG", **how: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(draw_scene(seed)).convert(how.pop("mode", "L")).save(stream, form, **how)
    return stream.getvalue()


@contextlib.contextmanager
def served(service: Service) -> Iterator[str]:
    """Serve the door on a free port of this machine."""
    app = FastAPI()
    app.state.service = service
    add_handlers(app)
    door = hma_app(service)
    app.mount("/", door)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(512)
        server = uvicorn.Server(
            uvicorn.Config(app, lifespan="off", log_level="error", access_log=False, http="httptools")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        until = time.monotonic() + 30
        while not server.started and time.monotonic() < until:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)
    door.stop()


def settings_for(data: Path, url: str | None = None, **sections: Any) -> Any:
    sections.setdefault("hma", OPEN)
    return load_settings(data=data, database_url=url, jobs=1, **sections)


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Service]:
    """Give a service on SQLite that tests reset before they use it: to start one takes a second."""
    folder = shutil.copytree(migrated, tmp_path_factory.mktemp("hma") / "data")
    with open_service(settings_for(folder)) as service:
        yield service


@pytest.fixture(scope="session")
def shared_address(shared_service: Service) -> Iterator[str]:
    with served(shared_service) as address:
        yield address


@pytest.fixture
def client(shared_address: str) -> Iterator[httpx.Client]:
    """Give a client of an empty service."""
    with httpx.Client(base_url=shared_address, timeout=60) as client:
        assert client.post("/dev/factory_reset").status_code == 302
        yield client


@pytest.fixture
def serve(data: Path) -> Iterator[Callable[..., httpx.Client]]:
    """Serve a folder of its own with other settings, and give a client of it."""
    with contextlib.ExitStack() as stack:

        def begin(url: str | None = None, **sections: Any) -> httpx.Client:
            service = stack.enter_context(open_service(settings_for(data, url, **sections)))
            address = stack.enter_context(served(service))
            client = stack.enter_context(httpx.Client(base_url=address, timeout=60))
            client.service = service  # type: ignore[attr-defined]  # put there by the fixture
            return client

        yield begin


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """Make the file of a picture: seed, format of Pillow, mode, further options."""
    return draw_picture
