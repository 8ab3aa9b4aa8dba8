"""Fetch files over SFTP with the system's own OpenSSH: what comes with it is looked after by the system.

What it may do is said on its command line, and nothing else is read: no file of the user's configuration, no agent, no
key but the one given, no host but the one whose key stands in the configuration of the exchange. It asks nobody
anything. It is killed when it takes too long, brings too much, or we end.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import shutil
import signal
import struct
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hedgerow.errors import PartnerRefused, PartnerUnavailable, SftpMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Sftp", "why_host_key_is_refused", "why_private_key_is_refused"]

_LOOKED_AFTER_S: Final = 0.1
_SAID_BYTES: Final = 4 * 1024**2
_KEY_TYPE: Final = re.compile(r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+")
_LISTED: Final = re.compile(r"-[rwxsStT-]{9}")
_LOOKS: Final = 2  # before and after
_ALIAS: Final = "partner"
_LOGIN_REFUSED: Final = 401
_PEM: Final = re.compile(r"-----BEGIN ((?:OPENSSH |RSA |EC )?PRIVATE KEY)-----\s(.+?)-----END \1-----", re.DOTALL)
_OPENSSH_MAGIC: Final = b"openssh-key-v1\0"

# What ssh and sftp say (OpenSSH 7 to 10, English), and what that means.
_STRANGER: Final = ("host key verification failed", "host identification has changed", "no matching host key type")
_KEY_REFUSED: Final = ("permission denied (", "too many authentication failures", "load key", "error in libcrypto")
_ABSENT: Final = ("not found", "no such file or directory")

_OPTIONS: Final = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    f"HostKeyAlias={_ALIAS}",
    "CheckHostIP=no",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "PubkeyAuthentication=yes",
    "PasswordAuthentication=no",
    "KbdInteractiveAuthentication=no",
    "GSSAPIAuthentication=no",
    "HostbasedAuthentication=no",
    "ProxyCommand=none",
    "ControlMaster=no",
    "ControlPath=none",
    "CanonicalizeHostname=no",
    "ConnectTimeout=30",
    "ConnectionAttempts=1",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
    "LogLevel=ERROR",
)


def why_host_key_is_refused(line: str) -> str | None:
    """Say why a line is no host key, as ``ssh-keyscan`` and known_hosts have it; None where it is one.

    >>> why_host_key_is_refused("partner.example ssh-ed25519 AAAA")
    'its key is no key of that type'
    """
    return None if isinstance(key := _host_key(line), tuple) else key


def _host_key(line: str) -> tuple[str, str] | str:
    """Return type and key of a line, or why it is none. Names before them do not count: there is one host only."""
    words = line.split()
    at = next((at for at, word in enumerate(words) if _KEY_TYPE.fullmatch(word)), None)
    if "\n" in line.strip() or at is None or len(words) < at + 2:
        return "it must be one line with a type and a key, such as ssh-keyscan prints"
    if words[0].startswith("@"):
        return "a marker such as @cert-authority cannot stand before it"
    try:
        blob = base64.b64decode(words[at + 1], validate=True)
    except (binascii.Error, ValueError):
        return "its key is no base64"
    name = words[at].encode()
    if not blob.startswith(struct.pack(">I", len(name)) + name):
        return "its key is no key of that type"
    return words[at], words[at + 1]


def why_private_key_is_refused(text: str) -> str | None:
    """Say why a text is no private key that can be used without asking anybody; None where it is one."""
    found = _PEM.search(text)
    if found is None:
        return "it is no private key of OpenSSH or in PEM"
    if found[1] != "OPENSSH PRIVATE KEY":
        return "it has a passphrase" if "ENCRYPTED" in text else None
    try:
        blob = base64.b64decode("".join(found[2].split()), validate=True)
    except (binascii.Error, ValueError):
        return "it is no private key of OpenSSH or in PEM"
    # PROTOCOL.key: a magic word, then the name of the cipher, which is "none" where there is no passphrase.
    if not blob.startswith(_OPENSSH_MAGIC):
        return "it is no private key of OpenSSH or in PEM"
    return None if blob[len(_OPENSSH_MAGIC) :].startswith(b"\0\0\0\x04none") else "it has a passphrase"


@dataclass(frozen=True, slots=True)
class Sftp:
    """An SFTP server and how we log in.

    Attributes:
        host: Its name.
        port: Its port.
        user: Our name there.
        host_key: Its key: a line as known_hosts has it.
        private_key: Ours, without a passphrase.
        folder: Ours alone, where keys lie for as long as a connection lasts.
        total_s: The longest time of one connection, in seconds.
        is_stopping: Asked all the time.
    """

    host: str
    port: int
    user: str
    host_key: str = field(repr=False)
    private_key: str = field(repr=False)
    folder: Path
    total_s: float
    is_stopping: Callable[[], bool] = lambda: False

    def fetch(self, path: str, target: Path, size_bytes: int) -> bool:
        """Fetch a file; tell whether it is there.

        Args:
            path: On the server; its characters need no quoting.
            target: Where it is written, in `folder`; only its owner can read it.
            size_bytes: The most.

        Raises:
            SftpMissing: There is no OpenSSH here.
            PartnerUnavailable: It cannot be reached, the file is too large, or it changed meanwhile.
            PartnerRefused: It is not the server that it should be, or does not let us in.
        """
        target.unlink(missing_ok=True)
        target.touch(mode=0o600)
        look = f'ls -ln "{path}"'
        code, said, wrong = self._run(f'{look}\nget "{path}" "../{target.name}"\n{look}\n', target, size_bytes)
        if code:
            if any(word in wrong for word in _ABSENT):
                target.unlink()
                return False
            raise _failure(code, wrong)
        seen = [line for line in said.splitlines() if _LISTED.match(line)]
        size = target.stat().st_size
        # Somebody who uploads writes a file bit by bit: half of it must not be taken for the whole.
        if len(seen) != _LOOKS or seen[0] != seen[1] or seen[0].split()[4:5] != [str(size)]:
            raise PartnerUnavailable("the file changed while it was fetched")
        return True

    def names(self, folder: str) -> set[str]:
        """List the names in a folder. Raises as `fetch` does."""
        code, said, wrong = self._run(f'ls -1 "{folder}"\n', None, 0)
        if code:
            raise _failure(code, wrong)
        return {line.strip().rsplit("/", 1)[-1] for line in said.splitlines() if not line.startswith("sftp>")}

    def _run(self, batch: str, target: Path | None, size_bytes: int) -> tuple[int, str, str]:
        """Run the program; return how it ended, what it printed, and, in lower case, what it complained of."""
        program = shutil.which("sftp")
        if program is None:
            raise SftpMissing
        with self._secrets() as (key, known_hosts, output, complaints):
            options = (*_OPTIONS, f"UserKnownHostsFile={known_hosts.name}", f"IdentityFile={key.name}")
            command = [program, "-F", "none", "-b", "-", "-P", str(self.port)]
            command += [part for option in options for part in ("-o", option)]
            with output.open("wb") as out, complaints.open("wb") as wrong:
                process = subprocess.Popen(  # noqa: S603  (our own command, no shell)
                    [*command, "-o", f"User={self.user}", f"[{self.host}]" if ":" in self.host else self.host],
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=wrong,
                    cwd=key.parent,  # so that no path of ours has to be quoted
                    env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
                    start_new_session=True,
                )
            try:
                self._look_after(process, batch, [(output, _SAID_BYTES), (complaints, _SAID_BYTES)], target, size_bytes)
            finally:
                _end(process)
            return process.returncode, _read(output), _read(complaints).lower()

    @contextlib.contextmanager
    def _secrets(self) -> Iterator[tuple[Path, Path, Path, Path]]:
        """Write down for a while what the program reads; what an earlier process left is removed too."""
        folder = self.folder / "sftp"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            key, known_hosts = folder / "key", folder / "known_hosts"
            for path, text in ((key, self.private_key.strip() + "\n"), (known_hosts, self._known_host())):
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                    stream.write(text)
            yield key, known_hosts, folder / "output", folder / "complaints"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _known_host(self) -> str:
        key = _host_key(self.host_key)
        if isinstance(key, str):
            raise PartnerRefused(f"host_key: {key}", _LOGIN_REFUSED, over="nothing was sent")
        return f"{_ALIAS} {' '.join(key)}\n"

    def _look_after(
        self,
        process: subprocess.Popen[bytes],
        batch: str,
        bounded: list[tuple[Path, int]],
        target: Path | None,
        size_bytes: int,
    ) -> None:
        """Wait for the program's end; leave early where it should not go on."""
        if target is not None:
            bounded = [*bounded, (target, size_bytes)]
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it ended already; its status says why
                process.stdin.write(batch.encode())
                process.stdin.close()
        ends_at = time.monotonic() + self.total_s
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LOOKED_AFTER_S)
            if any(_size(path) > most for path, most in bounded):
                raise PartnerUnavailable("its answer is too long")
            if process.returncode is not None:
                return
            if time.monotonic() > ends_at or self.is_stopping():
                raise PartnerUnavailable("its answer takes too long")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and the ssh that it started."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _failure(code: int, wrong: str) -> PartnerRefused | PartnerUnavailable:
    """Say what a complaint means, without its words: they may hold names."""
    if any(word in wrong for word in _STRANGER):
        return PartnerRefused("its host key is not the one in the configuration", _LOGIN_REFUSED, over="SFTP")
    if any(word in wrong for word in _KEY_REFUSED):
        return PartnerRefused("our credentials", _LOGIN_REFUSED, over="SFTP")
    return PartnerUnavailable(f"sftp ended with status {code}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
