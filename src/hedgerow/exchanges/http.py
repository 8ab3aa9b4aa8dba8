"""Speak to a partner: the one place from which exchanges leave the house.

The rules:

1. Only the place that the exchange was made for is spoken to: whatever a partner answers, no address of its own
   choosing is called, and no redirect is followed.
2. What changes nothing at the partner is tried again, a few times, later and later; what changes something is not,
   since the outbox does that.
3. An answer has a largest size, and a longest time.
4. Neither an address with its query, nor a credential, nor an answer is in any message: a token may stand in a query.
"""

from __future__ import annotations

import base64
import json
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urljoin, urlsplit

from hedgerow.actions.certificates import public_certificates
from hedgerow.errors import PartnerRefused, PartnerUnavailable, ServerSupportMissing
from hedgerow.exchanges.downloads import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import httpx

__all__ = ["Answer", "Downloaded", "Limits", "PartnerHttp", "basic", "hosts_of_this_machine", "is_of_this_machine"]

_Came = TypeVar("_Came")

hosts_of_this_machine: Final = frozenset({"127.0.0.1", "::1", "localhost"})

_TRIED_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_LOGIN_REFUSED: Final = frozenset({401, 403})
_TOO_MANY: Final = 429
_CHUNK_BYTES: Final = 64 * 1024
_WITH_BODY: Final = frozenset({200, 206})
_NOT_THAT_RANGE: Final = 416
_LONGEST_DELTA_DIGITS: Final = 9


def is_of_this_machine(url: str) -> bool:
    """Tell whether an address is one of this machine.

    >>> is_of_this_machine("http://127.0.0.1:8101/npo"), is_of_this_machine("https://example.org")
    (True, False)
    """
    return (urlsplit(url).hostname or "") in hosts_of_this_machine


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of HTTP Basic authentication (RFC 7617)."""
    return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode('ascii')}"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much.

    Attributes:
        timeout_s: For each of connecting, sending, and waiting for the next bytes.
        total_s: For a whole answer.
        size_bytes: Of an answer.
        tries: Of a call that changes nothing.
        first_pause_s: Before the second try; each further pause is twice as long.
        longest_pause_s: What a partner may ask us to wait within a fetch; for longer, the fetch ends and comes again.
        calls_per_minute: None for no limit of ours.
    """

    timeout_s: float = 60.0
    total_s: float = 300.0
    size_bytes: int = 64 * 1024**2
    tries: int = 4
    first_pause_s: float = 0.5
    longest_pause_s: float = 60.0
    calls_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a partner answered, with a status from 200 to 299 or one that was allowed.

    Attributes:
        status: The HTTP status.
        body: All of it.
        headers: Names in lower case.
    """

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    def json(self) -> Any:  # noqa: ANN401  (JSON)
        """Return the body as JSON; ValueError where it is none."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What came of a download.

    Attributes:
        status: 200; 206 where it went on with what was begun; or one that was allowed, and nothing was written.
        headers: Names in lower case.
        size_bytes: Of the file.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    size_bytes: int


class PartnerHttp:
    """Calls to one partner's place.

    Args:
        base_url: Where it is; every address must lie below it.
        limits: How long and how much.
        sleep: Waits; tests give another.
        is_stopping: Asked before each pause: a process that is to end waits for nothing.
        client: Of httpx; tests give another.
    """

    def __init__(
        self,
        base_url: str,
        limits: Limits = Limits(),
        *,
        sleep: Callable[[float], object] = time.sleep,
        is_stopping: Callable[[], bool] = lambda: False,
        client: httpx.Client | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._limits = limits
        self._sleep = sleep
        self._is_stopping = is_stopping
        self._client = client
        self._next_at = 0.0
        self.calls = 0

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @property
    def is_stopping(self) -> bool:
        """Whether the process is to end, and waits for nothing."""
        return self._is_stopping()

    def address(self, path: str) -> str:
        """Return the address of a path below the place, or raise PartnerRefused where it leads elsewhere.

        Args:
            path: Begins with a slash, or is an absolute address at the same place, as in ``paging.next``.
        """
        try:
            url = f"{self.base_url}{path}" if path.startswith("/") else urljoin(f"{self.base_url}/", path)
            base, asked = urlsplit(self.base_url), urlsplit(url)
            is_same = (base.scheme, base.hostname, base.port) == (asked.scheme, asked.hostname, asked.port)
        except ValueError:  # half an address of IPv6, a port that is none
            raise PartnerRefused("it named an address that is none", 0) from None
        below = asked.path == base.path or asked.path.startswith(f"{base.path.rstrip('/')}/")
        if not is_same or not below or ".." in asked.path.split("/") or asked.username is not None:
            raise PartnerRefused("it named an address that is not its own", 0)
        return url

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        allowed: frozenset[int] = frozenset(),
    ) -> Answer:
        """Ask for something; tried again where that may help.

        Args:
            path: See `address`.
            params: The query, as an addition to one that stands in the path.
            headers: Keys and tokens; see `basic`.
            allowed: Statuses that are returned too instead of raised.

        Raises:
            PartnerUnavailable: It cannot be reached, is too busy, or answered too much.
            PartnerRefused: It refuses us, or the request.
        """
        return self._tried("GET", path, params=params, headers=headers, allowed=allowed)

    def download(
        self,
        path: str,
        target: Path,
        *,
        size_bytes: int,
        total_s: float,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        allowed: frozenset[int] = frozenset(),
    ) -> Downloaded:
        """Ask for something large, and write it to a file as it comes; tried again as `get` is.

        Where the partner names versions, a try goes on where the one before was cut off, and so does a later call with
        the same target. An answer that ended early, or of which nobody can tell where it ends, is none.

        Args:
            path: See `address`.
            target: Where it is written; only its owner can read it. Its folder exists.
            size_bytes: The most.
            total_s: The longest time of one try, in seconds.
            params: As for `get`.
            headers: Keys and tokens, and what makes the call conditional; see `basic`.
            allowed: Statuses that are returned too instead of raised; nothing is written then.

        Raises:
            PartnerUnavailable: It cannot be reached, is too busy, sent too much, or what it sends cannot be written.
            PartnerRefused: It refuses us, or the request.
        """
        part = Part(target, size_bytes)
        url = self.address(path)
        return self._again(lambda: self._download(part, url, total_s, params, headers, allowed))

    def ask(
        self,
        path: str,
        value: object,
        *,
        allowed: frozenset[int] = frozenset(),
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask for something by POST of a JSON value that changes nothing at the partner; tried again as `get` is."""
        body = json.dumps(value).encode()
        return self._tried(
            "POST", path, body=body, headers={"content-type": "application/json", **(headers or {})}, allowed=allowed
        )

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        params: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        allowed: frozenset[int] = frozenset(),
    ) -> Answer:
        """Send something, once. Raises as `get` does."""
        said = {"content-type": content_type, **(headers or {})}
        return self._once(method, path, params=params, body=body, headers=said, allowed=allowed)

    # ── one call ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _tried(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        allowed: frozenset[int] = frozenset(),
    ) -> Answer:
        return self._again(lambda: self._once(method, path, params=params, body=body, headers=headers, allowed=allowed))

    def _again(self, call: Callable[[], _Came]) -> _Came:
        pause_s = self._limits.first_pause_s
        for left in reversed(range(self._limits.tries)):
            try:
                return call()
            except PartnerUnavailable as error:
                wanted_s = max(pause_s, error.retry_after_s or 0.0)
                if not left or wanted_s > self._limits.longest_pause_s or self._is_stopping():
                    raise
                self._sleep(wanted_s)
                pause_s *= 2
        raise AssertionError  # pragma: no cover  (the last try returns or raises)

    def _once(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None,
        body: bytes,
        headers: Mapping[str, str] | None,
        allowed: frozenset[int],
    ) -> Answer:
        url = self.address(path)
        self._wait_for_turn()
        status, said, answered = self._exchange(method, url, params, body, headers)
        _judge(status, said, allowed)
        return Answer(status, answered, said)

    def _download(
        self,
        part: Part,
        url: str,
        total_s: float,
        params: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        allowed: frozenset[int],
    ) -> Downloaded:
        self._wait_for_turn()
        client = self._opened()
        import httpx  # noqa: PLC0415  (who has a client has it)

        ends_at = time.monotonic() + total_s
        asked = _asked(url, params)
        # What is packed on the way cannot be gone on with in the middle.
        said = {"user-agent": "Hedgerow", "accept-encoding": "identity", **(headers or {}), **part.asking()}
        try:
            with client.stream("GET", asked, headers=said) as response:
                answered = {key.lower(): each for key, each in response.headers.items()}
                if response.status_code == _NOT_THAT_RANGE:
                    part.forget()
                    raise PartnerUnavailable("it has not the version any more that was begun")
                _judge(response.status_code, answered, allowed)
                if response.status_code not in _WITH_BODY:
                    return Downloaded(response.status_code, answered, 0)
                part.begin(response.status_code, answered)
                for (
                    piece
                ) in response.iter_raw():  # as it comes: what waited to fill a chunk would be lost with the line
                    part.write(piece)
                    if time.monotonic() > ends_at or self._is_stopping():
                        raise PartnerUnavailable("its answer takes too long")
                return Downloaded(response.status_code, answered, part.complete())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PartnerUnavailable(_in_words(type(error).__name__)) from None
        finally:
            part.close()

    def _exchange(
        self, method: str, url: str, params: Mapping[str, Any] | None, body: bytes, headers: Mapping[str, str] | None
    ) -> tuple[int, dict[str, str], bytes]:
        client = self._opened()
        import httpx  # noqa: PLC0415  (who has a client has it)

        ends_at = time.monotonic() + self._limits.total_s
        asked = _asked(url, params)
        try:
            with client.stream(
                method,
                asked,
                content=body or None,
                headers={"user-agent": "Hedgerow", **(headers or {})},
            ) as response:
                parts, size = [], 0
                for part in response.iter_bytes(_CHUNK_BYTES):
                    size += len(part)
                    if size > self._limits.size_bytes:
                        raise PartnerUnavailable("its answer is too long")
                    if time.monotonic() > ends_at:
                        raise PartnerUnavailable("its answer takes too long")
                    parts.append(part)
                return (
                    response.status_code,
                    {key.lower(): each for key, each in response.headers.items()},
                    b"".join(parts),
                )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The kind of trouble only: its text may quote the address, and a token in it.
            raise PartnerUnavailable(_in_words(type(error).__name__)) from None

    def _opened(self) -> httpx.Client:
        if self._client is None:
            try:
                import httpx  # noqa: PLC0415  (only who speaks to a partner needs it)
            except ImportError:
                raise ServerSupportMissing("httpx") from None
            self._client = httpx.Client(
                timeout=self._limits.timeout_s,
                follow_redirects=False,
                trust_env=False,
                verify=_trusted(self.base_url),
            )
        return self._client

    def _wait_for_turn(self) -> None:
        self.calls += 1
        if self._limits.calls_per_minute is None:
            return
        now = time.monotonic()
        if self._next_at > now:
            self._sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + 60.0 / self._limits.calls_per_minute


def _trusted(base_url: str) -> ssl.SSLContext:
    """Return which certificates are trusted: the usual ones, and none where the place has an address without.

    To read the usual ones takes longer than a simulator takes to answer; and only the place's own addresses are called.
    """
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if urlsplit(base_url).scheme == "http" else public_certificates()


def _judge(status: int, said: Mapping[str, str], allowed: frozenset[int]) -> None:
    """Return where there is an answer, and raise what else a status means."""
    if 200 <= status < 300 or status in allowed:  # noqa: PLR2004  (RFC 9110: successful)
        return
    if status in _TRIED_AGAIN:
        problem = "it asks us to come later" if status == _TOO_MANY else f"it answered {status}"
        raise PartnerUnavailable(problem, retry_after_s=_retry_after_s(said.get("retry-after")), status=status)
    if status in _LOGIN_REFUSED:
        raise PartnerRefused("our credentials", status)
    if 300 <= status < 400:  # noqa: PLR2004  (RFC 9110: redirection)
        raise PartnerRefused("it sends us elsewhere, where we do not go", status)
    raise PartnerRefused("our request", status)


def _asked(url: str, params: Mapping[str, Any] | None) -> httpx.URL:
    import httpx  # noqa: PLC0415  (who has a client has it)

    try:
        asked = httpx.URL(url)
    except httpx.InvalidURL:
        raise PartnerRefused("it named an address that is none", 0) from None
    return asked.copy_merge_params(dict(params)) if params else asked


def _in_words(name: str) -> str:
    """Return the name of an exception as words: ``ConnectTimeout`` is ``connect timeout``."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def _retry_after_s(text: str | None) -> float | None:
    """Read ``Retry-After`` (RFC 9110, section 10.2.3): seconds, or a date; what is neither says nothing."""
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_DELTA_DIGITS:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
