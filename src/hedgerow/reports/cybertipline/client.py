"""Speak with the authority: one call, one connection, one answer. This is the one place from which reports leave.

The real system has one address, which is a constant here. A client for it is only made for who shows an `Arming`, and
never with credentials of the test system; a client for the test system is never made with an address of the authority's
real one. So whatever is set, mistyped or restored from a backup, a rehearsal cannot become real by itself.
"""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple, Self
from urllib.parse import urlsplit

from hedgerow.actions.certificates import public_certificates
from hedgerow.errors import HedgerowError, ProductionRefused, ServerSupportMissing, VaultUnavailable
from hedgerow.reports.cybertipline.answers import LARGEST_ANSWER_BYTES, read_answer
from hedgerow.reports.filing_model import Answer, AnswerKind, Arming, Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import httpx

    from hedgerow.reports.credentials import Credentials

__all__ = [
    "PRODUCTION_ADDRESS",
    "TEST_HOST",
    "Called",
    "Client",
    "Destination",
    "check_test_address",
    "multipart",
    "require_client",
]

PRODUCTION_ADDRESS: Final = "https://report.cybertip.org/ispws"
"""The real system (the public documentation; review §2.4)."""

TEST_HOST: Final = "exttest.cybertip.org"
"""The authority's own test system, which discards what it is sent."""

_AUTHORITY_DOMAIN: Final = "cybertip.org"
_WORD: Final = "cybertipline"

_CONNECT_S: Final = 15.0
_WRITE_S: Final = 60.0
_READ_S: Final = 120.0
"""The authority digests a large file before it answers. `hedgerow.reports.rules.LEASE` is twice all of these."""

_XML: Final = "text/xml; charset=utf-8"


def check_test_address(address: str) -> str:
    """Return an address that rehearsals may be sent to, without a slash at its end.

    Raises:
        ProductionRefused: It is none, or may be the authority's real system.

    >>> check_test_address("http://127.0.0.1:8099/ispws/")
    'http://127.0.0.1:8099/ispws'
    """
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").rstrip(".").lower(), parts.port
    except ValueError:
        raise ProductionRefused("the address of the test system cannot be read") from None
    if parts.scheme not in {"https", "http"} or not host or port == 0 or parts.query or parts.fragment:
        raise ProductionRefused("the address of the test system begins with https:// and names a host and a path")
    if parts.username is not None or parts.password is not None or not address.isascii() or "%" in host:
        raise ProductionRefused("the address of the test system holds something that belongs into no address")
    if (host == _AUTHORITY_DOMAIN or host.endswith(f".{_AUTHORITY_DOMAIN}")) and host != TEST_HOST:
        raise ProductionRefused("the address of the test system is one of the authority's real systems")
    if parts.scheme == "http" and not _is_near(host):
        raise ProductionRefused("credentials go over http:// to this machine or a private network alone: use https://")
    return address.rstrip("/")


def _is_near(host: str) -> bool:
    """Tell whether a host is this machine, a private address, or a name without dots, as containers have."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or "." not in host


@dataclass(frozen=True, slots=True)
class Destination:
    """Where calls go, with what, and by whose leave; one that does not fit together cannot be made.

    Attributes:
        environment: Which of the authority's systems.
        address: Its base address.
        credentials: For this very system.
        arming: For the real system: that two people switched it on.
    """

    environment: Environment
    address: str
    credentials: Credentials
    arming: Arming | None = None

    def __post_init__(self) -> None:
        """Refuse what does not fit together.

        Raises:
            ProductionRefused: Credentials, address and arming are not of one system.
        """
        if self.credentials.authority != _WORD or self.credentials.environment is not self.environment:
            raise ProductionRefused("these credentials are for another system")
        if self.environment is not Environment.PRODUCTION:
            check_test_address(self.address)
            return
        if self.address != PRODUCTION_ADDRESS:
            raise ProductionRefused("real reports go to the authority's own address alone")
        arming = self.arming
        is_armed = (
            isinstance(arming, Arming)
            and arming.authority == _WORD
            and arming.second_by is not None
            and arming.effective_at is not None
            and arming.disarmed_at is None
            and (arming.is_solo or arming.second_by != arming.first_by)
        )
        if not is_armed:
            raise ProductionRefused("two people have to switch real reports on first")


class Called(NamedTuple):
    """What came of a call.

    Attributes:
        answer: What came of it.
        duration_ms: How long it took.
    """

    answer: Answer
    duration_ms: int


def require_client() -> None:
    """Let pass who can make calls at all.

    Raises:
        ServerSupportMissing: The package httpx is not installed.
    """
    try:
        import httpx  # noqa: F401, PLC0415  (only who sends needs it)
    except ImportError:
        raise ServerSupportMissing("httpx") from None


class Client:
    """Makes calls to one system of the authority.

    Args:
        destination: Which; checked when it was made.
        read_s: Most seconds to wait for an answer.

    Raises:
        ServerSupportMissing: The package httpx is not installed.
    """

    def __init__(self, destination: Destination, *, read_s: float = _READ_S) -> None:
        require_client()
        import httpx  # noqa: PLC0415  (only who sends needs it)

        self._destination = destination
        self._read_s = read_s
        said = destination.credentials
        self._http = httpx.Client(
            auth=httpx.BasicAuth(said.username, said.password),
            timeout=httpx.Timeout(read_s, connect=_CONNECT_S, write=_WRITE_S),
            follow_redirects=False,
            trust_env=False,
            verify=public_certificates(),
            # A connection that was kept may be closed at the other end by now: its loss would look like a lost answer.
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={"user-agent": "Hedgerow", "accept": "text/xml, application/xml"},
        )

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection."""
        self._http.close()

    def status(self) -> Called:
        """Ask whether the credentials are accepted."""
        return self._call("GET", "/status")

    def submit(self, document: bytes) -> Called:
        """Open a report."""
        return self._call("POST", "/submit", content=document, content_type=_XML)

    def fileinfo(self, document: bytes) -> Called:
        """Say something of a file."""
        return self._call("POST", "/fileinfo", content=document, content_type=_XML)

    def finish(self, report_id: str) -> Called:
        """Ask for the report to be taken for good."""
        return self._form("/finish", report_id)

    def retract(self, report_id: str) -> Called:
        """Take an open report back."""
        return self._form("/retract", report_id)

    def upload(
        self,
        report_id: str,
        name: str,
        size_bytes: int,
        source: Iterable[bytes],
        *,
        beat: Callable[[], None] = lambda: None,
    ) -> Called:
        """Send a file as it comes from its source, never the whole of it in memory.

        Args:
            report_id: Of the open report.
            name: What the file is called.
            size_bytes: How much the source gives.
            source: Gives the bytes, each piece after it was verified.
            beat: Is called between two pieces; what it raises ends the call.

        Raises:
            Exception: Whatever `beat` raises.
        """
        head, tail, content_type = multipart([("id", report_id)], ("file", name))
        length = len(head) + size_bytes + len(tail)
        content = _counted(head, source, tail, size_bytes, beat)
        return self._call("POST", "/upload", content=content, content_type=content_type, length=length)

    def _form(self, path: str, report_id: str) -> Called:
        head, _, content_type = multipart([("id", report_id)])
        return self._call("POST", path, content=head, content_type=content_type)

    def _call(
        self,
        method: str,
        path: str,
        *,
        content: bytes | Iterator[bytes] | None = None,
        content_type: str | None = None,
        length: int | None = None,
    ) -> Called:
        import httpx  # noqa: PLC0415  (who has a client has it)

        headers = {} if content_type is None else {"content-type": content_type}
        if length is not None:
            headers["content-length"] = str(length)
        began = monotonic()
        try:
            with self._http.stream(method, self._destination.address + path, content=content, headers=headers) as said:
                body = self._read(said)
                found = {name.lower(): value for name, value in said.headers.items()}
                answer = read_answer(said.status_code, body, found)
        except _SourceBroken as error:
            answer = Answer(AnswerKind.LOST if error.may_pass else AnswerKind.SOURCE, problem=error.problem)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            answer = Answer(AnswerKind.NOT_SENT, problem=_in_words(error))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            answer = Answer(AnswerKind.LOST, problem=_in_words(error))
        return Called(answer, round((monotonic() - began) * 1000))

    def _read(self, response: httpx.Response) -> bytes:
        """Read an answer up to what one can be, and no longer than one may take."""
        body, until = b"", monotonic() + self._read_s
        for piece in response.iter_bytes():
            body += piece
            if len(body) > LARGEST_ANSWER_BYTES or monotonic() > until:
                return b""
        return body


class _SourceBroken(Exception):
    """What was to be sent could not be read to its end.

    Args:
        problem: Why, in a few words.
        may_pass: Whether it may be better the next time.
    """

    def __init__(self, problem: str, *, may_pass: bool) -> None:
        self.problem = problem
        self.may_pass = may_pass
        super().__init__(problem)


def _counted(
    head: bytes, source: Iterable[bytes], tail: bytes, size_bytes: int, beat: Callable[[], None]
) -> Iterator[bytes]:
    """Give the parts of a form; what is too short or too long breaks off, so that it is never taken for whole."""
    yield head
    left = size_bytes
    try:
        for piece in source:
            left -= len(piece)
            if left < 0:
                break
            beat()
            yield piece
    except HedgerowError as error:
        if error.reason == "report_lease_lost":
            raise
        raise _SourceBroken(error.reason, may_pass=isinstance(error, VaultUnavailable)) from error
    if left:
        raise _SourceBroken("another size than recorded", may_pass=False)
    yield tail


def multipart(fields: Iterable[tuple[str, str]], file: tuple[str, str] | None = None) -> tuple[bytes, bytes, str]:
    """Write a form (RFC 7578) around one file that is sent in between.

    Args:
        fields: Names and values.
        file: The name of the field, and that of the file.

    Returns:
        What comes before the file (the whole form where there is none), what comes after it, and the content type.
    """
    boundary = secrets.token_hex(16)
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields
    )
    end = f"--{boundary}--\r\n"
    if file is not None:
        # As browsers write it (WHATWG HTML, multipart/form-data encoding); other controls cannot stand in a name.
        name = file[1].replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{file[0]}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        end = f"\r\n{end}"
    else:
        head += end
    return head.encode(), end.encode(), f"multipart/form-data; boundary={boundary}"


def _in_words(error: Exception) -> str:
    """Return the name of an exception as words: ``ConnectTimeout`` is ``connect timeout``. Its text may quote."""
    name = type(error).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
