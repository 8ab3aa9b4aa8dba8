"""SFTP through the system's own program: what it is told, and what is made of what it says."""

from __future__ import annotations

import base64
import getpass
import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest
from tests.exchanges.partners.pull_world import Lists, csv_of, hashes

from hedgerow.errors import PageUnreadable, PartnerRefused, PartnerUnavailable, SftpMissing
from hedgerow.exchanges.partners import pull_file_sftp
from hedgerow.exchanges.partners.pull_file import PullFile, PullFileDelta
from hedgerow.exchanges.partners.pull_file_sftp import Sftp, why_host_key_is_refused, why_private_key_is_refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

__all__: list[str] = []


def _host_key(kind: str = "ssh-ed25519") -> str:
    blob = struct.pack(">I", len(kind)) + kind.encode() + bytes(36)
    return f"{kind} {base64.b64encode(blob).decode()}"


def _private_key(cipher: bytes = b"none") -> str:
    blob = b"openssh-key-v1\0" + struct.pack(">I", len(cipher)) + cipher + bytes(40)
    text = base64.b64encode(blob).decode()
    return f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}\n-----END OPENSSH PRIVATE KEY-----\n"


# Plays the program: what it was told is written down, and files come from the folder "served" beside it.
_STUB = r"""#!/bin/sh
here=$(dirname "$0")
echo "$@" >> "$here/commands"; env > "$here/env"; cp key "$here/key"; cp known_hosts "$here/known_hosts"
case $(cat "$here/mode") in
  stranger) echo "Host key verification failed." >&2; exit 255;;
  denied) echo "us@lists.example: Permission denied (publickey)." >&2; exit 255;;
  down) echo "ssh: connect to host lists.example port 22: Connection refused" >&2; exit 255;;
  hangs) exec 9> "$here/alive"; touch "$here/begun"; sleep 600; exit 0;;
esac
while read -r line; do
  echo "sftp> $line"
  eval "set -- $line"
  case "$1 $2" in
    "ls -ln") ls -ln "$here/served$3" 2>/dev/null || { echo "Can't ls: \"$3\" not found" >&2; exit 1; };;
    "ls -1") for each in "$here/served$3"/*; do echo "$3/$(basename "$each")"; done;;
    get*) cat "$here/served$2" > "$3"
      case $(cat "$here/mode") in
        grows) echo more >> "$here/served$2";;
        short) head -c 20 "$here/served$2" > "$3";;
        lost) echo "Connection to lists.example closed by remote host." >&2; exit 255;;
      esac;;
  esac
done
"""


class Server:
    """A stub in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.served = folder / "served"
        (self.served / "out").mkdir(parents=True)
        program = folder / "sftp"
        program.write_text(_STUB)
        program.chmod(0o755)
        self.mode = ""

    @property
    def mode(self) -> str:
        return (self.folder / "mode").read_text()

    @mode.setter
    def mode(self, mode: str) -> None:
        (self.folder / "mode").write_text(mode)

    def __getitem__(self, name: str) -> str:
        return (self.folder / name).read_text()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server(tmp_path / "stub")
    monkeypatch.setenv("PATH", f"{server.folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nowhere/agent")
    monkeypatch.setattr(pull_file_sftp, "_LOOKED_AFTER_S", 0.01)
    return server


@pytest.fixture
def lists(client: httpx.Client, tmp_path: Path) -> Lists:
    made = Lists(
        PullFile(),
        client,
        tmp_path / "data folder",
        base_url="sftp://lists.example:2222/out",
        host_key=f"lists.example {_host_key()}",
        mapping={"format": "csv", "columns": {"id": "id", "md5": "md5"}},
    )
    made.credentials = {"user": "us", "private_key": _private_key()}
    return made


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "line",
    [
        "",
        "lists.example",
        "lists.example ssh-ed25519",
        "lists.example ssh-ed25519 ????",
        f"lists.example ssh-rsa {_host_key().split()[1]}",
        f"@cert-authority * {_host_key()}",
        f"{_host_key()}\n{_host_key()}",
    ],
)
def test_what_is_no_host_key_is_refused(line: str) -> None:
    assert why_host_key_is_refused(line) is not None


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa", "sk-ssh-ed25519@openssh.com"])
def test_a_host_key_may_stand_behind_names_or_alone(kind: str) -> None:
    assert why_host_key_is_refused(_host_key(kind)) is None
    assert why_host_key_is_refused(f"|1|abc=|def= {_host_key(kind)} a comment\n") is None


def test_a_private_key_must_need_no_passphrase() -> None:
    assert why_private_key_is_refused(_private_key()) is None
    assert why_private_key_is_refused(_private_key(b"aes256-ctr")) == "it has a passphrase"
    pem = "-----BEGIN RSA PRIVATE KEY-----\n{}AAAA\n-----END RSA PRIVATE KEY-----\n"
    assert why_private_key_is_refused(pem.format("")) is None
    assert why_private_key_is_refused(pem.format("Proc-Type: 4,ENCRYPTED\n\n")) == "it has a passphrase"
    assert why_private_key_is_refused("ssh-ed25519 AAAA") == "it is no private key of OpenSSH or in PEM"


@pytest.mark.parametrize("missing", ["user", "private_key"])
def test_without_user_or_key_nothing_is_sent(server: Server, lists: Lists, missing: str) -> None:
    del lists.credentials[missing]
    with pytest.raises(PartnerRefused, match=f"no {missing} .nothing was sent"):
        lists.whole()
    lists.credentials[missing] = "-oProxyCommand=x"
    with pytest.raises(PartnerRefused, match="nothing was sent"):
        lists.whole()
    assert not (server.folder / "commands").exists()


# ── what is fetched ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_list_is_fetched_and_an_unchanged_one_changes_nothing(server: Server, lists: Lists) -> None:
    (server.served / "out" / "list.csv").write_bytes(csv_of(hashes(0, 50)))
    lists.whole()
    assert lists.values() == set(hashes(0, 50))
    assert lists.whole() == 0
    (server.served / "out" / "list.csv").write_bytes(csv_of(hashes(5, 55)))
    lists.whole()
    assert lists.values() == set(hashes(5, 55))


def test_the_program_reads_nothing_but_what_it_is_given(server: Server, lists: Lists) -> None:
    (server.served / "out" / "list.csv").write_bytes(csv_of(hashes(0, 5)))
    lists.whole()
    command = server["commands"]
    for option in (
        "-F none",
        "-b -",
        "-P 2222",
        "-o BatchMode=yes",
        "-o StrictHostKeyChecking=yes",
        "-o GlobalKnownHostsFile=/dev/null",
        "-o UserKnownHostsFile=known_hosts",
        "-o IdentitiesOnly=yes",
        "-o IdentityAgent=none",
        "-o IdentityFile=key",
        "-o PasswordAuthentication=no",
        "-o ProxyCommand=none",
    ):
        assert option in command
    assert command.strip().endswith("-o User=us lists.example")
    assert server["known_hosts"] == f"partner {_host_key()}\n"
    assert server["key"] == _private_key()
    names = {line.partition("=")[0] for line in server["env"].splitlines()}
    assert not names & {"SSH_AUTH_SOCK", "SSH_ASKPASS", "HOME", "HEDGEROW_DATA"}


def test_no_key_is_left_on_disk(server: Server, lists: Lists) -> None:
    (server.served / "out" / "list.csv").write_bytes(csv_of(hashes(0, 5)))
    for mode in ("", "denied"):
        server.mode = mode
        lists.checkpoint = None
        try:
            lists.whole()
        except PartnerRefused:
            assert mode == "denied"
    assert not [each for each in lists.folder.rglob("*") if each.is_file() and b"PRIVATE KEY" in each.read_bytes()]


@pytest.mark.parametrize(
    ("mode", "error", "words"),
    [
        ("stranger", PartnerRefused, "host key is not the one in the configuration .SFTP"),
        ("denied", PartnerRefused, "our credentials .SFTP"),
        ("down", PartnerUnavailable, "status 255"),
        ("lost", PartnerUnavailable, "status 255"),
        ("grows", PartnerUnavailable, "changed while it was fetched"),
        ("short", PartnerUnavailable, "changed while it was fetched"),
    ],
)
def test_what_goes_wrong_is_told_apart_and_nothing_is_taken(
    server: Server, lists: Lists, mode: str, error: type[Exception], words: str
) -> None:
    (server.served / "out" / "list.csv").write_bytes(csv_of(hashes(0, 50)))
    server.mode = mode
    with pytest.raises(error, match=words) as caught:
        lists.whole()
    assert getattr(caught.value, "status", None) == (401 if error is PartnerRefused else None)
    assert "lists.example" not in str(caught.value)
    assert lists.records == {}
    server.mode = ""
    lists.whole()
    assert lists.values() == set(hashes(0, 50))


@pytest.mark.usefixtures("server")
def test_a_file_that_is_not_there_is_an_alarm(lists: Lists) -> None:
    with pytest.raises(PageUnreadable, match="not there"):
        lists.whole()


def test_a_file_that_is_too_large_is_not_taken(server: Server, lists: Lists) -> None:
    lists.config["most_mb"] = 1
    (server.served / "out" / "list.csv").write_bytes(bytes(1024**2 + 1))
    with pytest.raises(PartnerUnavailable, match="too long"):
        lists.whole()


def test_dated_files_are_found_by_one_look_at_the_folder(server: Server, lists: Lists) -> None:
    config = {**lists.config, "path": "/day-{%Y%m%d}.csv", "first_date": "2026-11-01"}
    dated = Lists(PullFileDelta(), lists.client, lists.folder, **config)
    dated.credentials = lists.credentials
    for day, first in (("20261103", 0), ("20261120", 5)):
        (server.served / "out" / f"day-{day}.csv").write_bytes(csv_of(hashes(first, first + 5)))
    for page in dated.pages():
        dated.take(page, set())
    assert dated.values() == set(hashes(0, 10))
    assert len(server["commands"].splitlines()) == 3


# ── how it ends ──────────────────────────────────────────────────────────────────────────────────────────────────


def _sftp(folder: Path, total_s: float, is_stopping: Callable[[], bool] = lambda: False) -> Sftp:
    folder.mkdir(exist_ok=True)
    return Sftp("lists.example", 22, "us", _host_key(), _private_key(), folder, total_s, is_stopping)


def test_what_takes_too_long_is_killed_with_all_that_it_started(server: Server, tmp_path: Path) -> None:
    server.mode = "hangs"
    os.mkfifo(server.folder / "alive")
    alive = os.open(server.folder / "alive", os.O_RDONLY | os.O_NONBLOCK)
    try:
        # We end only when it is known to have begun.
        with pytest.raises(PartnerUnavailable, match="takes too long"):
            _sftp(tmp_path / "work", 60, (server.folder / "begun").exists).names("/out")
        os.set_blocking(alive, True)
        assert os.read(alive, 1) == b""  # nobody holds its other end any more
    finally:
        os.close(alive)
    assert list((tmp_path / "work").iterdir()) == []


def test_its_time_is_bounded(server: Server, tmp_path: Path) -> None:
    server.mode = "hangs"
    (server.folder / "alive").touch()
    with pytest.raises(PartnerUnavailable, match="takes too long"):
        _sftp(tmp_path / "work", 0.0).names("/out")


def test_without_the_program_it_is_said_which_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lists: Lists
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SftpMissing, match="OpenSSH"):
        lists.whole()


# ── the real program ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("sftp") is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
        pytest.skip("NO OPENSSH CLIENT: this test checked NOTHING of the real sftp.")
    monkeypatch.setenv("LC_ALL", "C")


@pytest.mark.usefixtures("real")
def test_the_real_program_knows_every_option(tmp_path: Path) -> None:
    options = [part for option in pull_file_sftp._OPTIONS for part in ("-o", option)]
    shown = subprocess.run(
        ["ssh", "-F", "none", *options, "-o", "UserKnownHostsFile=known_hosts", "-G", "lists.example"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout.lower()
    for line in ("stricthostkeychecking true", "identityagent none", "batchmode yes", "hostkeyalias partner"):
        assert f"\n{line}\n" in f"\n{shown}"


@pytest.mark.usefixtures("real")
def test_the_real_program_that_reaches_nobody_is_unavailable(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        server = Sftp("127.0.0.1", taken.getsockname()[1], "us", _host_key(), _real_key(tmp_path), tmp_path, 60)
        with pytest.raises(PartnerUnavailable, match="status 255"):
            server.names("/")


def _real_key(folder: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "own")], check=True)
    text = (folder / "own").read_text()
    assert why_private_key_is_refused(text) is None
    return text


@pytest.fixture
def sshd(tmp_path: Path, real: None) -> Iterator[dict[str, Any]]:
    """Run a real sshd as ourselves, on a port of this machine."""
    program = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin")
    places = ("/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh", "/usr/libexec", "/usr/lib")
    subsystem = next((Path(each) / "sftp-server" for each in places if (Path(each) / "sftp-server").exists()), None)
    if program is None or subsystem is None:
        pytest.skip("NO SSHD: this test checked NOTHING of SFTP against a real server.")
    key = _real_key(tmp_path)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "host")], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/own.pub\n"
        f"StrictModes no\nUsePAM no\nPidFile none\nSubsystem sftp {subsystem}\n"
    )
    with subprocess.Popen(
        [program, "-D", "-e", "-f", str(tmp_path / "sshd_config")], stderr=subprocess.PIPE
    ) as running:
        assert running.stderr is not None
        told = Event()

        def listen() -> None:
            for line in running.stderr or ():
                if b"listening" in line:
                    told.set()
            told.set()

        listener = Thread(target=listen)
        listener.start()
        told.wait(20)
        yield {"port": port, "user": getpass.getuser(), "private_key": key, "host": (tmp_path / "host.pub").read_text()}
        running.terminate()
        listener.join()


def test_a_list_is_fetched_from_a_real_server(sshd: dict[str, Any], tmp_path: Path) -> None:
    served, work = tmp_path / "served", tmp_path / "work"
    served.mkdir()
    work.mkdir()
    (served / "list.csv").write_bytes(csv_of(hashes(0, 5_000)))
    server = Sftp("127.0.0.1", sshd["port"], sshd["user"], sshd["host"], sshd["private_key"], work, 60)
    assert server.names(str(served)) == {"list.csv"}
    assert server.fetch(f"{served}/list.csv", work / "list.part", 1024**2)
    assert (work / "list.part").read_bytes() == csv_of(hashes(0, 5_000))
    assert not server.fetch(f"{served}/other.csv", work / "list.part", 1024**2)
    stranger = Sftp("127.0.0.1", sshd["port"], sshd["user"], _host_key(), sshd["private_key"], work, 60)
    with pytest.raises(PartnerRefused, match="host key"):
        stranger.names("/")
