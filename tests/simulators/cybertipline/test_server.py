"""HTTP as it is spoken: logins, lengths, paths, drops, and bounded memory."""

from __future__ import annotations

import hashlib
import http.client
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hedgerow.errors import RealNameRefused, SimulatorUnusable
from hedgerow.simulators.cybertipline import CyberTiplineSimulator
from hedgerow.simulators.cybertipline.server import REAL_NAMES, is_real_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.mark.parametrize(
    "auth", [None, ("simulator", "wrong"), ("other", "simulator"), ("", ""), ("simulator", "simulator ")]
)
@pytest.mark.parametrize(
    "path", ["/status", "/xsd", "/submit", "/upload", "/fileinfo", "/finish", "/retract", "/nothing"]
)
def test_without_the_right_password_there_is_401_and_an_empty_body(path: str, auth: Any, caller: Any) -> None:
    with httpx.Client(base_url=caller.simulator.url, auth=auth) as client:
        reply = client.get(path) if path in {"/status", "/xsd"} else client.post(path, content=b"x" * 100_000)
    assert (reply.status_code, reply.content) == (401, b"")
    assert reply.headers["WWW-Authenticate"].startswith("Basic")
    assert reply.headers["Request-ID"]


@pytest.mark.parametrize(
    "header", ["Basic", "Basic ///", "Basic c2ltdWxhdG9y", "Bearer c2ltdWxhdG9yOnNpbXVsYXRvcg==", "ä"]
)
def test_a_login_that_cannot_be_read_is_401(header: str, caller: Any) -> None:
    reply = httpx.get(f"{caller.simulator.url}/status", headers={"Authorization": header.encode("latin-1")})
    assert (reply.status_code, reply.content) == (401, b"")


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/submit/more", "/SUBMIT"])
def test_an_unknown_path_is_404_and_1210(path: str, caller: Any) -> None:
    reply = httpx.post(f"{caller.simulator.url}{path}", auth=caller.client.auth, content=b"x")
    assert (reply.status_code, caller.code(reply)) == (404, 1210)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/submit"), ("GET", "/finish"), ("POST", "/status"), ("POST", "/xsd")]
)
def test_another_method_is_405(method: str, path: str, caller: Any) -> None:
    assert caller.client.request(method, path).status_code == 405


def test_a_body_that_does_not_say_how_long_it_is_is_refused(caller: Any) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"<report/>"

    reply = caller.client.post("/submit", content=chunks(), headers={"content-type": "text/xml"})
    assert (reply.status_code, caller.code(reply)) == (411, 4000)


def test_a_document_beyond_8_mib_is_refused(caller: Any) -> None:
    reply = caller.submit(b"<report>" + b" " * (8 * 1024**2) + b"</report>")
    assert (reply.status_code, caller.code(reply)) == (413, 4000)


def test_one_connection_serves_many_calls(caller: Any) -> None:
    host, port = caller.simulator.pages.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port))
    headers = {"Authorization": "Basic c2ltdWxhdG9yOnNpbXVsYXRvcg=="}
    connection.request("GET", "/ispws/status", headers=headers)
    connection.getresponse().read()
    used = connection.sock
    for _ in range(3):
        connection.request("POST", "/ispws/nothing", body=b"y" * 1000, headers=headers)
        assert connection.getresponse().read()
    assert connection.sock is used
    connection.close()


@pytest.mark.parametrize("name", REAL_NAMES)
def test_it_never_answers_under_a_name_of_the_authority(name: str, caller: Any) -> None:
    assert is_real_name(f"report.{name.upper()}.:443")
    with pytest.raises(RealNameRefused):
        CyberTiplineSimulator(host=f"exttest.{name}")
    reply = caller.client.get("/status", headers={"Host": f"report.{name}"})
    assert reply.status_code == 421
    assert caller.simulator.calls() == []


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "notcybertip.org", "cybertip.org.example", ""])
def test_other_names_are_no_names_of_the_authority(name: str) -> None:
    assert not is_real_name(name)


def test_a_port_that_is_taken_is_an_error_that_says_so(simulator: CyberTiplineSimulator) -> None:
    port = int(simulator.pages.rpartition(":")[2])
    with pytest.raises(SimulatorUnusable, match=str(port)):
        CyberTiplineSimulator(port).start()


def test_it_listens_on_this_machine_alone(simulator: CyberTiplineSimulator) -> None:
    assert simulator.url.startswith("http://127.0.0.1:")
    assert simulator.url.endswith("/ispws")


def test_stopping_closes_connections_that_somebody_keeps_open(calling: Callable[[CyberTiplineSimulator], Any]) -> None:
    simulator = CyberTiplineSimulator()
    simulator.start()
    caller = calling(simulator)
    caller.client.get("/status")
    host, port = simulator.pages.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))):
        simulator.stop()
    with pytest.raises(httpx.TransportError):
        caller.client.get("/status")


def test_calls_at_the_same_time_get_numbers_of_their_own(caller: Any) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(caller.opened())) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == len(caller.simulator.reports()) == 12


def test_the_bytes_of_files_are_kept_only_when_asked(
    tmp_path: Path, calling: Callable[[CyberTiplineSimulator], Any]
) -> None:
    folder = tmp_path / "files"
    with CyberTiplineSimulator(keep_files=folder, stands_at=START) as simulator:
        caller = calling(simulator)
        report = caller.opened()
        file = caller.uploaded(report, b"some bytes")
        assert caller.code(caller.upload(7)) == 5001
        simulator.faults.add("upload", 1, "1111")
        caller.upload(report)
        simulator.faults.add("upload", 1, "drop_during")
        with pytest.raises(httpx.TransportError):
            caller.upload(report, b"x" * 1_000_000)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {file: b"some bytes"}


START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINIMAL = (Path(__file__).parent / "examples" / "report_minimal.xml").read_bytes()
_MEASURED = """
import sys
from datetime import UTC, datetime
from hedgerow.simulators.cybertipline import CyberTiplineSimulator
with CyberTiplineSimulator(stands_at=datetime(2026, 11, 22, tzinfo=UTC)) as simulator:
    print(simulator.url, flush=True)
    sys.stdin.readline()
    with open("/proc/self/status") as status:
        print(next(line for line in status if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the memory of a process from /proc")
def test_an_upload_of_200_mb_passes_through_bounded_memory() -> None:
    little, much = _peak_kib(1000), _peak_kib(200 * 1000**2)
    assert much - little < 8 * 1024, (little, much)


def _peak_kib(size_bytes: int) -> int:
    """Upload a file to a simulator in a process of its own, and give the most memory that it ever had."""
    process = subprocess.Popen(
        [sys.executable, "-c", _MEASURED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    piece = b"0123456789abcdef" * 4096
    digest = hashlib.md5(usedforsecurity=False)
    head = (
        b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\n900000001\r\n--b\r\n'
        b'Content-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    )
    tail = b"\r\n--b--\r\n"

    def body() -> Iterator[bytes]:
        yield head
        left = size_bytes
        while left:
            chunk = piece[:left]
            digest.update(chunk)
            yield chunk
            left -= len(chunk)
        yield tail

    headers = {
        "content-type": "multipart/form-data; boundary=b",
        "content-length": str(len(head) + size_bytes + len(tail)),
    }
    with httpx.Client(base_url=url, auth=("simulator", "simulator"), timeout=120) as client:
        client.post("/submit", content=MINIMAL, headers={"content-type": "text/xml"})
        reply = client.post("/upload", content=body(), headers=headers)
    assert digest.hexdigest().encode() in reply.content
    printed, _ = process.communicate("\n")
    return int(printed)
