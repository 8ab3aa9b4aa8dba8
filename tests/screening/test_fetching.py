"""Local servers and resolvers of our own: nothing here leaves the machine."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import ipaddress
import logging
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hedgerow.errors import FetchError, FetchFailed, FetchTimeout, FetchTooLarge, UrlRefused
from hedgerow.screening.fetching import Fetched, fetch, resolve
from hedgerow.settings import FetchSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    Handler = Callable[[socket.socket, bytes], None]

PICTURE = b"\x89PNG not really" * 100


class Server:
    """A server on a loopback address that gives each connection to a function, and keeps what was asked."""

    def __init__(self, handler: Handler, *, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.create_server((address, 0), family=family)
        self.port: int = self._socket.getsockname()[1]
        self.requests: list[bytes] = []
        self._handler = handler
        self._tls = tls
        self._is_closed = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._is_closed:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with suppress(OSError), connection:
            if self._tls is None:
                self._talk(connection)
            else:
                with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                    self._talk(wrapped)

    def _talk(self, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            part = connection.recv(4096)
            if not part:
                return
            request += part
        self.requests.append(request)
        self._handler(connection, request)
        connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._is_closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def serving(handler: Handler, **others: Any) -> Iterator[Server]:
    server = Server(handler, **others)
    try:
        yield server
    finally:
        server.close()


def answering(
    body: bytes = PICTURE,
    *,
    status: str = "200 OK",
    version: str = "HTTP/1.1",
    length: int | None = None,
    **headers: str,
) -> Handler:
    lines = [f"{version} {status}", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    return answer


def open_for(*servers: Server, **others: Any) -> FetchSettings:
    """Give settings that let loopback addresses and the servers' ports be fetched."""
    values: dict[str, Any] = {
        "enabled": True,
        "ports": tuple(server.port for server in servers),
        "private_networks": ("127.0.0.0/8", "::1/128"),
        "connect_s": 2.0,
        "read_s": 2.0,
        "total_s": 5.0,
    }
    return FetchSettings(**(values | others))


def at(server: Server, path: str = "/a.png?sig=secret", host: str = "127.0.0.1", scheme: str = "http") -> str:
    return f"{scheme}://{host}:{server.port}{path}"


def to(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    return lambda _host, _port: addresses


def never(_host: str, _port: int) -> Sequence[str]:
    raise AssertionError("nothing was to be resolved")


# ── what is fetched ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_permitted_address_gives_is_fetched() -> None:
    with serving(answering(Content_Type="Image/PNG; charset=x")) as server:
        found = fetch(at(server), open_for(server))
    assert found == Fetched(PICTURE, len(PICTURE), "image/png")
    assert "not really" not in repr(found)


def test_the_bytes_can_go_into_a_file(tmp_path: Path) -> None:
    with serving(answering()) as server, (tmp_path / "a").open("wb") as file:
        found = fetch(at(server), open_for(server), into=file)
    assert found == Fetched(None, len(PICTURE), None)
    assert (tmp_path / "a").read_bytes() == PICTURE


def test_what_is_asked_says_nothing_of_us_and_wants_it_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with serving(answering()) as server:
        fetch(at(server, host="media.test"), open_for(server), resolve=to("127.0.0.1"))
    request = server.requests[0].decode().lower()
    assert request.startswith("get /a.png?sig=secret http/1.1\r\n")
    assert f"host: media.test:{server.port}\r\n" in request
    assert "accept-encoding: identity\r\n" in request
    assert not {"cookie", "referer", "authorization", "python"} & set(request.replace(":", " ").split())


def test_an_ipv6_address_is_fetched() -> None:
    try:
        server = Server(answering(), address="::1")
    except OSError:
        pytest.skip("NO IPV6 on this machine: this test checked NOTHING.")
    try:
        assert fetch(at(server, host="[::1]"), open_for(server)).size_bytes == len(PICTURE)
    finally:
        server.close()


def test_without_a_content_type_none_is_told() -> None:
    with serving(answering()) as server:
        assert fetch(at(server), open_for(server)).media_type is None


@pytest.mark.parametrize("said", ["image", "a/b/c", "image/" + "x" * 300, "ïmage/png", ""])
def test_a_content_type_that_is_none_is_not_told(said: str) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Type: " + said.encode() + b"\r\n\r\nx")

    with serving(answer) as server:
        assert fetch(at(server), open_for(server)).media_type is None


def test_an_answer_of_http_1_0_ends_with_its_connection() -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + PICTURE)

    with serving(answer) as server:
        assert fetch(at(server), open_for(server)).content == PICTURE


def test_an_answer_in_chunks_is_put_together() -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    with serving(answer) as server:
        assert fetch(at(server), open_for(server)).content == b"abcde"


def test_the_next_address_is_tried_where_the_first_does_not_answer() -> None:
    with serving(answering(), address="127.0.0.1") as server:
        found = fetch(
            at(server, host="media.test"), open_for(server), resolve=to("127.0.0.2", "127.0.0.3", "127.0.0.1")
        )
    assert found.content == PICTURE


# ── where it does not go ─────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_off_unless_somebody_turns_it_on() -> None:
    assert not FetchSettings().enabled
    with pytest.raises(UrlRefused) as caught:
        fetch("https://media.example/", FetchSettings(), resolve=never)
    assert caught.value.why == "off"


_INSIDE = [
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "017700000001",
    "127.1",
    "0.0.0.0",  # noqa: S104  (nothing is bound to it)
    "169.254.169.254",
    "10.0.0.1",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[fd00::1]",
    "[fe80::1]",
    "[2002:7f00:1::]",
]


@pytest.mark.parametrize("host", _INSIDE)
def test_no_spelling_of_an_address_inside_is_fetched(host: str) -> None:
    for port in ("", ":443"):
        with pytest.raises(UrlRefused) as caught:
            fetch(f"http://{host}{port}/", FetchSettings(enabled=True), resolve=never)
        assert caught.value.why == "not_public"


@pytest.mark.parametrize("host", _INSIDE)
def test_no_name_of_an_address_inside_is_fetched(host: str) -> None:
    address = host.strip("[]")
    if address.count(".") == 1 or address.isdecimal():
        address = "127.0.0.1"
    for addresses in ([address], ["93.184.215.14", address], [address, "93.184.215.14"]):
        with pytest.raises(UrlRefused) as caught:
            fetch("http://media.test/", FetchSettings(enabled=True), resolve=to(*addresses))
        assert caught.value.why == "not_public"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST"])
def test_localhost_is_inside_by_the_system_s_own_resolver(host: str) -> None:
    with pytest.raises(UrlRefused) as caught:
        fetch(f"http://{host}/", FetchSettings(enabled=True))
    assert caught.value.why == "not_public"


def test_a_name_that_resolves_differently_the_second_time_gains_nothing() -> None:
    asked = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    def refuse(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")

    with serving(answering()) as good, serving(refuse, address="127.0.0.2") as inner:
        limits = open_for(good, inner, private_networks=("127.0.0.1/32",))
        assert fetch(at(good, host="rebinding.test"), limits, resolve=rebinding).content == PICTURE
        assert asked == ["rebinding.test"]
        with pytest.raises(UrlRefused):
            fetch(at(inner, host="rebinding.test"), limits, resolve=rebinding)
    assert inner.requests == []


def test_a_redirect_to_the_same_name_is_resolved_and_checked_anew() -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    with (
        serving(answering(b"", status="302 Found", Location="/latest/meta-data")) as server,
        pytest.raises(UrlRefused) as caught,
    ):
        fetch(at(server, host="media.test"), open_for(server), resolve=lambda *_: next(answers))
    assert caught.value.why == "not_public"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://169.254.169.254/latest/meta-data/", "not_public"),
        ("http://[fd00:ec2::254]/", "not_public"),
        ("http://10.0.0.1/", "not_public"),
        ("http://2852039166/", "not_public"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://127.0.0.1:70/_x", "scheme"),
        ("ftp://127.0.0.1/", "scheme"),
        ("http://127.0.0.1:6379/", "port"),
        ("http://user:word@127.0.0.1/", "credentials"),
        ("http://localhost./", "host"),
    ],
)
def test_a_redirect_leads_nowhere_that_an_address_does_not(location: str, why: str) -> None:
    with (
        serving(answering(b"", status="301 Moved Permanently", Location=location)) as server,
        pytest.raises(UrlRefused) as caught,
    ):
        fetch(at(server), open_for(server))
    assert caught.value.why == why


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
def test_a_redirect_that_may_be_followed_is_followed(status: str) -> None:
    with serving(answering()) as there, serving(answering(b"x", status=status, Location=at(there))) as here:
        assert fetch(at(here), open_for(here, there)).content == PICTURE


def test_redirects_in_a_circle_and_too_many_of_them_are_refused() -> None:
    def onward(connection: socket.socket, request: bytes) -> None:
        number = int(request.split(b"?n=")[1].split(b" ")[0])
        connection.sendall(f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /?n={number + 1}\r\n\r\n".encode())

    with serving(onward) as server:
        with pytest.raises(UrlRefused) as caught:
            fetch(at(server, "/?n=0"), open_for(server, redirects=3))
        assert caught.value.why == "redirects"
        assert len(server.requests) == 4
    with serving(answering(b"", status="302 Found", Location="/a.png?sig=secret#again")) as server:
        with pytest.raises(UrlRefused) as caught:
            fetch(at(server), open_for(server, redirects=20))
        assert caught.value.why == "redirects"
        assert len(server.requests) == 1


def test_a_redirect_is_followed_only_as_often_as_the_setting_says() -> None:
    with serving(answering(b"", status="302 Found", Location="/there")) as server, pytest.raises(UrlRefused):
        fetch(at(server), open_for(server, redirects=0))
    assert len(server.requests) == 1


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_more_bytes_than_the_limit_are_refused_by_their_announcement() -> None:
    with serving(answering(b"x", length=10**12)) as server, pytest.raises(FetchTooLarge) as caught:
        fetch(at(server), open_for(server, size_bytes=1_000))
    assert caught.value.limit_bytes == 1_000


def test_more_bytes_than_the_limit_are_refused_as_they_come(tmp_path: Path) -> None:
    def endless(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65_536))

    with serving(endless) as server, (tmp_path / "a").open("wb") as file:
        patient = open_for(server, size_bytes=1_000_000, connect_s=60.0, read_s=60.0, total_s=120.0)
        with pytest.raises(FetchTooLarge):
            fetch(at(server), patient, into=file)
    assert (tmp_path / "a").stat().st_size <= 1_000_000


def test_exactly_the_limit_is_taken() -> None:
    with serving(answering(bytes(1_000))) as server:
        assert fetch(at(server), open_for(server, size_bytes=1_000)).size_bytes == 1_000


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip"])
def test_what_is_packed_is_not_unpacked(encoding: str) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    with serving(answering(bomb, Content_Encoding=encoding)) as server, pytest.raises(FetchFailed, match="packed"):
        fetch(at(server), open_for(server, size_bytes=1_000_000))


def test_an_answer_that_drips_ends_with_the_time_for_all_of_it() -> None:
    def drip(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
        for _ in range(500):
            connection.sendall(b"x")
            time.sleep(0.02)

    with serving(drip) as server, pytest.raises(FetchTimeout) as caught:
        fetch(at(server), open_for(server, total_s=0.5))
    assert caught.value.limit_s == 0.5


def test_a_head_that_drips_ends_with_the_time_for_all_of_it() -> None:
    def drip(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(500):
            connection.sendall(b"x")
            time.sleep(0.02)

    with serving(drip) as server, pytest.raises(FetchTimeout):
        fetch(at(server), open_for(server, total_s=0.5))


def test_an_answer_of_unknown_length_that_drips_is_not_taken_for_whole() -> None:
    def drip(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        for _ in range(500):
            connection.sendall(b"x")
            time.sleep(0.02)

    with serving(drip) as server, pytest.raises(FetchTimeout):
        fetch(at(server), open_for(server, total_s=0.5))


def test_silence_ends_with_the_time_for_one_read() -> None:
    with serving(lambda *_: time.sleep(3)) as server, pytest.raises(FetchTimeout) as caught:
        fetch(at(server), open_for(server, read_s=0.3))
    assert caught.value.limit_s == 0.3


def test_a_handshake_that_never_ends_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        limits = FetchSettings(
            enabled=True, ports=(port,), private_networks=("127.0.0.0/8",), connect_s=0.3, total_s=2.0
        )
        with pytest.raises(FetchTimeout):
            fetch(f"https://127.0.0.1:{port}/", limits)


def test_a_resolver_that_does_not_answer_is_not_waited_for() -> None:
    def slow(*_: object) -> Sequence[str]:
        time.sleep(1)
        return []

    with pytest.raises(FetchTimeout):
        fetch("http://media.test/", FetchSettings(enabled=True, connect_s=0.2), resolve=slow)


# ── what is no answer ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content", "401 U", "404 Not Found", "500 Oh"])
def test_any_other_status_is_no_answer(status: str) -> None:
    with serving(answering(status=status)) as server, pytest.raises(FetchFailed, match=status[:3]):
        fetch(at(server), open_for(server))


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b"\x00" * 200]
)
def test_what_is_no_whole_answer_of_http_is_none(said: bytes) -> None:
    with serving(lambda connection, _: connection.sendall(said)) as server, pytest.raises(FetchFailed):
        fetch(at(server), open_for(server))


def test_a_redirect_without_a_place_is_no_answer() -> None:
    with serving(answering(status="302 Found")) as server, pytest.raises(FetchFailed, match="302"):
        fetch(at(server), open_for(server))


def test_a_host_that_does_not_answer_or_is_not_known() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    limits = FetchSettings(enabled=True, ports=(port,), private_networks=("127.0.0.0/8",))
    with pytest.raises(FetchFailed, match="reached"):
        fetch(f"http://127.0.0.1:{port}/", limits)

    def unknown(*_: object) -> Sequence[str]:
        raise socket.gaierror

    for none in (unknown, to()):
        with pytest.raises(FetchFailed, match="no address"):
            fetch("http://media.test/", limits, resolve=none)


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for one name, and give the server's context and one that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = dt.datetime.now(dt.UTC)
    alternatives: list[x509.GeneralName] = [x509.DNSName(name)]
    with suppress(ValueError):
        alternatives = [x509.IPAddress(ipaddress.ip_address(name))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=str(folder / "certificate.pem"))


def test_the_certificate_is_that_of_the_name_although_the_address_is_connected_to(tmp_path: Path) -> None:
    server_side, trusting = _certificate(tmp_path, "media.test")
    names: list[str | None] = []
    server_side.sni_callback = lambda _socket, name, _context: names.append(name)
    with serving(answering(), tls=server_side) as server:
        found = fetch(
            at(server, host="media.test", scheme="https"), open_for(server), resolve=to("127.0.0.1"), tls=trusting
        )
    assert found.content == PICTURE
    assert names == ["media.test"]


def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    server_side, trusting = _certificate(tmp_path, "media.test")
    with serving(answering(), tls=server_side) as server:
        for host in ("other.test", "127.0.0.1"):
            with pytest.raises(FetchFailed, match="prove who it is"):
                fetch(at(server, host=host, scheme="https"), open_for(server), resolve=to("127.0.0.1"), tls=trusting)
    assert server.requests == []


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    server_side, _ = _certificate(tmp_path, "media.test")
    with serving(answering(), tls=server_side) as server, pytest.raises(FetchFailed, match="prove who it is"):
        fetch(at(server, host="media.test", scheme="https"), open_for(server), resolve=to("127.0.0.1"))


def test_it_never_goes_from_https_to_http(tmp_path: Path) -> None:
    server_side, trusting = _certificate(tmp_path, "media.test")
    with serving(answering()) as plain:
        onward = answering(b"", status="302 Found", Location=at(plain, host="media.test"))
        with serving(onward, tls=server_side) as server, pytest.raises(UrlRefused) as caught:
            fetch(
                at(server, host="media.test", scheme="https"),
                open_for(server, plain),
                resolve=to("127.0.0.1"),
                tls=trusting,
            )
    assert caught.value.why == "downgrade"
    assert plain.requests == []


# ── what is not said ─────────────────────────────────────────────────────────────────────────────────────────────


def test_no_error_and_no_log_holds_the_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    onward = answering(b"", status="302 Found", Location="http://10.0.0.1/?sig=secret-too")
    said = []
    for handler in (answering(status="500 Oh"), onward, lambda connection, _: connection.sendall(b"x")):
        with serving(handler) as server:
            try:
                fetch(at(server, "/private-name.png?sig=secret"), open_for(server))
            except FetchError as error:
                said.append(f"{error} {error!r} {error.__cause__!r}")
    with serving(answering()) as server:
        fetch(at(server, "/private-name.png?sig=secret"), open_for(server), into=io.BytesIO())
    assert len(said) == 3
    assert "secret" not in "".join(said) + caplog.text
    assert "private-name" not in "".join(said) + caplog.text


def test_the_system_s_resolver_gives_each_address_once() -> None:
    found = resolve("127.0.0.1", 80)
    assert found == ["127.0.0.1"]
