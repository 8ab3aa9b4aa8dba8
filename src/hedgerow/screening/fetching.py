"""Fetch media from an address that a platform names, without being led to where nobody outside should reach.

The danger is that whoever chooses the address makes us ask our own network (server-side request forgery). So we read
the address ourselves, resolve its host ourselves, once, check every address that comes back
(`hedgerow.screening.addresses`), and connect to one of exactly those: nothing resolves the name again, so that a
resolver which answers differently the second time (DNS rebinding) gains nothing. TLS and the Host field keep the name.
Redirects are followed here, one at a time, each checked from the beginning. Proxies, cookies, passwords and the
environment have no part in it.

No message and no log holds an address: its query may be a signature that opens it to anybody.
"""

from __future__ import annotations

import logging
import re
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self

from hedgerow.actions.certificates import public_certificates
from hedgerow.errors import FetchFailed, FetchTimeout, FetchTooLarge, ServerSupportMissing
from hedgerow.screening.addresses import Target, check_addresses, check_url, redirected, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from ipaddress import IPv4Address, IPv6Address

    import httpcore

    from hedgerow.settings import FetchSettings

    Resolve = Callable[[str, int], Sequence[str]]

__all__ = ["Fetched", "fetch", "resolve"]

_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_OK: Final = 200
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,50}/[a-z0-9!#$&^_.+-]{1,49}", re.ASCII)
_LOGGERS: Final = ("httpcore.connection", "httpcore.http11")
"""They write addresses, and the headers of redirects, when a program asks for its debug log."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address gave.

    Attributes:
        content: The bytes; None where they were written into a file.
        size_bytes: How many.
        media_type: What the other side says they are; None where it says nothing that can be read. For people only:
            what they are is told from the bytes.
    """

    content: bytes | None = field(repr=False)
    size_bytes: int
    media_type: str | None


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver for the addresses of a host, each once, in its order.

    Raises:
        OSError: It knows none.
    """
    # A scope id, for an address that counts on one network card only, stands behind the address (RFC 4007).
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def fetch(
    url: str,
    limits: FetchSettings,
    *,
    into: BinaryIO | None = None,
    resolve: Resolve = resolve,
    tls: ssl.SSLContext | None = None,
) -> Fetched:
    """Fetch what an address gives.

    Args:
        url: The address.
        limits: What may be fetched, how much, and for how long: the settings ``fetch``.
        into: Where the bytes are written; without it they are returned. After an error a part may be there.
        resolve: What finds the addresses of a host.
        tls: How certificates are verified; without it as the public network does.

    Raises:
        UrlRefused: Nothing is fetched there, or fetching is switched off.
        FetchFailed: There was no answer, or none that is media.
        FetchTooLarge: It gives more than the limit.
        FetchTimeout: It takes longer than one of the limits.
        ServerSupportMissing: httpx is not installed.
    """
    if not limits.enabled:
        raise refused("off")
    try:
        import httpcore  # noqa: PLC0415  (httpx's engine, which only who fetches needs)
    except ImportError:
        raise ServerSupportMissing("httpx") from None
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    target = check_url(url, ports=limits.ports, hosts=limits.hosts)
    seen = {target.url}
    with _Deadline(limits.total_s) as deadline:
        for _ in range(limits.redirects + 1):
            visit = _Visit(httpcore, target, limits, deadline, resolve, tls)
            answered = visit.ask(into)
            if isinstance(answered, Fetched):
                return answered
            target = redirected(target, answered, ports=limits.ports, hosts=limits.hosts)
            if target.url in seen:
                break
            seen.add(target.url)
    raise refused("redirects")


class _Deadline:
    """The end of all patience: when it comes, connections are shut, whatever somebody waits for at that moment.

    Time limits of single reads do not end an answer that drips, nor a handshake that does.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._at = monotonic() + limit_s
        self._lock = threading.Lock()
        self._guarded: list[socket.socket] = []
        self._timer = threading.Timer(limit_s, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for guarded in self._guarded:
                guarded.close()
            self._guarded.clear()

    @property
    def left_s(self) -> float:
        """Seconds that are left.

        Raises:
            FetchTimeout: None are.
        """
        left_s = self._at - monotonic()
        if left_s <= 0:
            raise FetchTimeout(self.limit_s)
        return left_s

    def guard(self, connected: socket.socket) -> None:
        """Shut this connection when the time is over. It is held by a handle of its own, since TLS takes the other."""
        with self._lock:
            self._guarded.append(connected.dup())
        if self._at <= monotonic():
            self._shut()

    def _shut(self) -> None:
        with self._lock:
            for guarded in self._guarded:
                with suppress(OSError):  # it is closed already
                    guarded.shutdown(socket.SHUT_RDWR)


class _Visit:
    """One request to one checked address."""

    def __init__(
        self,
        httpcore: Any,  # noqa: ANN401  (the module)
        target: Target,
        limits: FetchSettings,
        deadline: _Deadline,
        resolve: Resolve,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._httpcore = httpcore
        self._target = target
        self._limits = limits
        self._deadline = deadline
        self._resolve = resolve
        self._tls = tls

    def ask(self, into: BinaryIO | None) -> Fetched | str:
        """Ask, and return what came, or where it leads."""
        target, limits = self._target, self._limits
        addresses = check_addresses(self._addresses(), private_networks=limits.private_networks)
        if not addresses:
            raise FetchFailed("its host has no address")
        core = self._httpcore
        with (
            self._translated(),
            core.ConnectionPool(
                ssl_context=self._tls or public_certificates(),
                network_backend=_pinned(core, addresses, self._deadline),
                max_connections=1,
                retries=0,
            ) as pool,
            pool.stream(
                "GET",
                core.URL(
                    scheme=target.scheme.encode(),
                    host=target.host.encode(),
                    port=target.port,
                    target=target.path.encode(),
                ),
                headers={
                    "Host": target.authority,
                    "User-Agent": "Hedgerow",
                    "Accept": "*/*",
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                },
                extensions={"timeout": self._timeouts()},
            ) as response,
        ):
            headers: dict[bytes, str] = {name.lower(): value.decode("latin-1") for name, value in response.headers}
            if response.status in _REDIRECTS and b"location" in headers:
                return headers[b"location"]
            return self._take(response, headers, into)

    def _addresses(self) -> Sequence[str]:
        if self._target.literal is not None:
            return [str(self._target.literal)]
        limit_s = min(self._limits.connect_s, self._deadline.left_s)
        found: list[Sequence[str]] = []

        def ask() -> None:
            with suppress(OSError, UnicodeError):  # no such name; a label that no resolver takes
                found.append(self._resolve(self._target.host, self._target.port))

        # The system's resolver has no time limit of its own.
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(limit_s)
        if asking.is_alive():
            raise FetchTimeout(self._limits.connect_s)
        return found[0] if found else ()

    def _timeouts(self) -> dict[str, float]:
        left_s = self._deadline.left_s
        connect_s, read_s = min(self._limits.connect_s, left_s), min(self._limits.read_s, left_s)
        return {"connect": connect_s, "read": read_s, "write": read_s, "pool": connect_s}

    def _take(self, response: httpcore.Response, headers: dict[bytes, str], into: BinaryIO | None) -> Fetched:
        if response.status != _OK:
            raise FetchFailed(f"the host answered {response.status}")
        if headers.get(b"content-encoding", "identity").strip().lower() not in {"identity", ""}:
            raise FetchFailed("the host packed it although it was asked not to")
        limit = self._limits.size_bytes
        stated = headers.get(b"content-length", "")
        if stated.isdecimal() and len(stated) < 20 and int(stated) > limit:  # noqa: PLR2004  (2^64 has 20 digits)
            raise FetchTooLarge(limit)
        out = BytesIO() if into is None else into
        size_bytes = 0
        for part in response.iter_stream():
            size_bytes += len(part)
            if size_bytes > limit:
                raise FetchTooLarge(limit)
            out.write(part)
            _ = self._deadline.left_s
        _ = self._deadline.left_s  # an answer that ends with its connection ends when we shut that, too
        media_type = headers.get(b"content-type", "").partition(";")[0].strip().lower()
        return Fetched(
            out.getvalue() if isinstance(out, BytesIO) and into is None else None,
            size_bytes,
            media_type if _MEDIA_TYPE.fullmatch(media_type) else None,
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the engine's errors into ours, which say nothing of the address."""
        core = self._httpcore
        try:
            yield
        except core.ConnectTimeout:
            raise FetchTimeout(min(self._limits.connect_s, self._deadline.limit_s)) from None
        except core.TimeoutException:
            _ = self._deadline.left_s
            raise FetchTimeout(self._limits.read_s) from None
        except core.ConnectError as error:
            _ = self._deadline.left_s
            is_untrusted = isinstance(error.__context__, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError)
            problem = "its host cannot prove who it is" if is_untrusted else "its host cannot be reached"
            raise FetchFailed(problem) from None
        except (core.NetworkError, core.ProtocolError, core.UnsupportedProtocol):
            _ = self._deadline.left_s
            raise FetchFailed("the answer broke off, or is no HTTP") from None


def _pinned(core: Any, addresses: Sequence[IPv4Address | IPv6Address], deadline: _Deadline) -> Any:  # noqa: ANN401  (a module, and one of its kinds, which is there only where it is installed)
    """Make what connects to the checked addresses and to nothing else, whatever host it is asked for."""

    class Pinned(core.NetworkBackend):  # type: ignore[misc]  # its base is loaded here
        def connect_tcp(
            self,
            host: str,  # noqa: ARG002  (the name is not resolved a second time)
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,  # noqa: ARG002  (never asked for)
            socket_options: Any = None,  # noqa: ANN401  (the engine's own)
        ) -> Any:  # noqa: ANN401  (a stream of the engine)
            backend = core.SyncBackend()
            for position, address in enumerate(addresses):
                is_last = position == len(addresses) - 1
                limit_s = min(timeout or deadline.limit_s, deadline.left_s)
                try:
                    stream = backend.connect_tcp(str(address), port, limit_s, None, socket_options)
                except (core.ConnectError, core.ConnectTimeout):
                    if is_last:
                        raise
                    continue
                deadline.guard(stream.get_extra_info("socket"))
                return stream
            raise core.ConnectError

        def connect_unix_socket(self, *_: object, **__: object) -> Any:  # noqa: ANN401  (as above)
            raise core.ConnectError

        def sleep(self, seconds: float) -> None:  # noqa: ARG002  (nothing is tried again)
            raise core.ConnectError

    return Pinned()
