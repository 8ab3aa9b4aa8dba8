"""Serve the web application, in one process or several, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from hedgerow.app.logs import set_up_logging
from hedgerow.app.service import open_service
from hedgerow.app.tracing import set_up_tracing
from hedgerow.settings import load_settings
from hedgerow.web.app import create_app
from hedgerow.web.bodies import incoming_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from fastapi import FastAPI

    from hedgerow.app.service import Service
    from hedgerow.settings import Settings

__all__ = ["application", "listen", "serve", "serve_several"]

_BACKLOG: Final = 2_048
_SILENCE_S: Final = 120
"""A process of several that says nothing for so long is replaced. To load a bank of ten million takes seconds."""
_OVERRIDES: Final = "HEDGEROW_SERVE_SETTINGS"
"""Where the processes of one service find what the command line said."""


def listen(settings: Settings) -> socket.socket:
    """Take the address and port, so that the caller can say which it is before anybody is served.

    Raises:
        OSError: Somebody else has it, or it is none of this machine's.
    """
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
    except OSError:
        taken.close()
        raise
    taken.set_inheritable(True)
    return taken


def serve(service: Service, taken: socket.socket, *, on_ready: Callable[[], None] | None = None) -> None:
    """Answer requests in this process until SIGINT or SIGTERM, then finish what is under way.

    Args:
        service: Started.
        taken: From `listen`.
        on_ready: Called once requests are answered.
    """
    clear_incoming(service.settings)
    raise_file_limit()
    config = _config(service.settings, create_app(service))
    # Uvicorn finishes what is under way and then raises the signal anew; by then it has nothing left to say.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    _Server(config, on_ready).run(sockets=[taken])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._on_ready is not None and not self.should_exit:
            self._on_ready()


def serve_several(settings: Settings, taken: socket.socket, overrides: dict[str, Any]) -> None:
    """Answer requests in several processes, each of which opens the service for itself; one that dies is replaced.

    Args:
        settings: Of this process.
        taken: From `listen`.
        overrides: What the command line said, for the other processes.
    """
    clear_incoming(settings)
    raise_file_limit()
    os.environ[_OVERRIDES] = json.dumps(overrides)
    config = _config(settings, "hedgerow.web.server:application", workers=settings.server.workers, factory=True)
    Multiprocess(config, sockets=[taken]).run()


def application() -> FastAPI:
    """Open a service and return its application: what each of several processes runs."""
    overrides: dict[str, Any] = json.loads(os.environ.get(_OVERRIDES, "{}"))
    settings = load_settings(**overrides)
    set_up_logging(settings)
    set_up_tracing(settings)
    # The cores are shared by all processes.
    share = max(1, settings.jobs // settings.server.workers)
    settings = settings.model_copy(update={"jobs": share})
    held = ExitStack()
    service = held.enter_context(open_service(settings))
    app = create_app(service)

    within = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with within(app):
            yield
        await asyncio.to_thread(held.close)

    app.router.lifespan_context = lifespan
    return app


def _config(settings: Settings, app: FastAPI | str, **more: Any) -> uvicorn.Config:  # noqa: ANN401  (uvicorn's own)
    limits = settings.server
    proxies: Sequence[str] = limits.trusted_proxies
    return _Config(
        app,
        head_s=limits.head_s,
        http=_Protocol,
        loop="uvloop" if _has_uvloop() else "asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # a line for each request would hold addresses of people, and what they asked for
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_keep_alive=max(1, round(limits.idle_s)),
        timeout_graceful_shutdown=max(1, round(limits.shutdown_s)),
        timeout_worker_healthcheck=_SILENCE_S,
        backlog=_BACKLOG,
        **more,
    )


class _Config(uvicorn.Config):
    """Uvicorn's settings, and how long a connection may be silent; it travels to other processes and holds no code."""

    def __init__(self, app: FastAPI | str, *, head_s: float, **more: Any) -> None:  # noqa: ANN401  (uvicorn's own)
        super().__init__(app, **more)
        self.head_s = head_s


def _has_uvloop() -> bool:
    try:
        import uvloop  # noqa: F401, PLC0415  (not on every system)
    except ImportError:
        return False
    return True


class _Protocol(HttpToolsProtocol):
    """HTTP, for connections that say within some seconds what they want: thousands that never do cost nobody else."""

    config: _Config
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        cycle: Any = self.cycle  # None before the first request, whatever uvicorn's annotation says
        if self._head_timer is None and (cycle is None or cycle.response_complete):
            self._await_head()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._forget_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_timer()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.config.head_s, self._give_up)

    def _forget_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()


def clear_incoming(settings: Settings) -> None:
    """Remove what a crash left of media that was being looked at."""
    folder = incoming_folder(settings)
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink(missing_ok=True)


def raise_file_limit() -> None:
    """Allow as many open connections as the system lets this process have."""
    with contextlib.suppress(ImportError):  # not on Windows
        import resource  # noqa: PLC0415  (as said)

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
