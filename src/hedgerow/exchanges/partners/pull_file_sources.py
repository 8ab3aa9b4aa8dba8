"""Where a partner's file lies: on a web server, on an SFTP server, or, for rehearsal, in a folder of this machine."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from hedgerow.errors import PageUnreadable, PartnerRefused, PartnerUnavailable
from hedgerow.exchanges.http import basic
from hedgerow.exchanges.partners.pull_file_sftp import Sftp, why_private_key_is_refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hedgerow.exchanges.http import PartnerHttp
    from hedgerow.exchanges.model import Session

__all__ = ["Came", "Nothing", "Source", "Version", "source_of"]

_NOT_SENT: Final = "nothing was sent"
_LOGIN_REFUSED: Final = 401
_UNCHANGED: Final = 304
_ABSENT: Final = frozenset({404, 410})
_WHOLE: Final = frozenset({200, 206})
_SFTP_PORT: Final = 22
_WIDEST_VERSION: Final = 1_000


class Nothing(Enum):
    """Why no file came."""

    UNCHANGED = "unchanged"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Version:
    """The partner's words for a version of a file.

    Attributes:
        etag: ``ETag``; None where it says none.
        modified: ``Last-Modified``; None where it says none.
    """

    etag: str | None = None
    modified: str | None = None

    def headers(self) -> dict[str, str]:
        """Return what asks for another version only (RFC 9110, section 13.1)."""
        said = {"if-none-match": self.etag, "if-modified-since": self.modified}
        return {name: value for name, value in said.items() if value is not None}


Came = Version | Nothing


class Source(Protocol):
    """Where files are fetched from."""

    def fetch(self, path: str, target: Path, version: Version, params: Mapping[str, Any]) -> Came:
        """Fetch a file whole, or raise.

        Args:
            path: Which.
            target: Where it is written, in the folder that the source was made with.
            version: The one that is here already.
            params: A query, for sources that take one.
        """
        ...

    def names(self, folder: str) -> set[str] | None:
        """List the names in a folder; None where nobody can."""
        ...


def source_of(session: Session, folder: Path, *, size_bytes: int, total_s: float) -> Source:
    """Return the source that a configuration means.

    Args:
        session: What to work with.
        folder: Ours alone: files are written there.
        size_bytes: The most of one file.
        total_s: The longest time for one, in seconds.

    Raises:
        PartnerRefused: There is no secret to log in with, or none that can be used.
    """
    config = session.config
    split = urlsplit(str(config.get("base_url") or ""))
    if not split.scheme:
        return _Local(session.folder, size_bytes)
    if split.scheme != "sftp":
        return _Https(session.http, _login(session), size_bytes, total_s)
    key = _secret(session, "private_key")
    problem = why_private_key_is_refused(key)
    if problem is not None:
        raise PartnerRefused(f"private_key: {problem}", _LOGIN_REFUSED, over=_NOT_SENT)
    user = _secret(session, "user")
    if user.startswith("-") or any(each.isspace() for each in user):
        raise PartnerRefused("user: no name for SFTP", _LOGIN_REFUSED, over=_NOT_SENT)
    server = Sftp(
        host=split.hostname or "",
        port=split.port or _SFTP_PORT,
        user=user,
        host_key=str(config.get("host_key") or ""),
        private_key=key,
        folder=folder,
        total_s=total_s,
        is_stopping=lambda: session.http.is_stopping,
    )
    return _OverSftp(server, split.path.rstrip("/"), size_bytes)


def _secret(session: Session, name: str) -> str:
    value = session.credentials.get(name)
    if not value:
        raise PartnerRefused(f"the credentials have no {name}", _LOGIN_REFUSED, over=_NOT_SENT)
    return value


def _login(session: Session) -> dict[str, str]:
    way = session.config.get("login") or "none"
    if way == "none":
        return {}
    if way == "basic":
        return basic(_secret(session, "user"), _secret(session, "password"))
    secret = _secret(session, "token" if way == "bearer" else "key")
    if not secret.isascii() or not secret.isprintable():
        raise PartnerRefused("what a header cannot hold stands in the credentials", _LOGIN_REFUSED, over=_NOT_SENT)
    if way == "bearer":
        return {"authorization": f"Bearer {secret}"}
    return {str(session.config.get("header") or "x-api-key"): secret}


@dataclass(frozen=True, slots=True)
class _Https:
    """A web server."""

    http: PartnerHttp
    login: Mapping[str, str] = field(repr=False)
    size_bytes: int
    total_s: float

    def fetch(self, path: str, target: Path, version: Version, params: Mapping[str, Any]) -> Came:
        """Fetch a file; one that is unchanged costs one call and no body."""
        answer = self.http.download(
            path,
            target,
            size_bytes=self.size_bytes,
            total_s=self.total_s,
            params=params,
            headers={"accept": "*/*", **self.login, **version.headers()},
            allowed=_ABSENT | {_UNCHANGED},
        )
        if answer.status == _UNCHANGED:
            return Nothing.UNCHANGED
        if answer.status in _ABSENT:
            return Nothing.ABSENT
        if answer.status not in _WHOLE:
            raise PartnerUnavailable(f"it answered {answer.status} and no file", status=answer.status)
        said = (answer.headers.get("etag"), answer.headers.get("last-modified"))
        return Version(*(each if each and len(each) <= _WIDEST_VERSION else None for each in said))

    def names(self, folder: str) -> set[str] | None:  # noqa: ARG002  (the protocol's)
        """Say that a web server lists nothing."""
        return None


@dataclass(frozen=True, slots=True)
class _OverSftp:
    """An SFTP server. It has no word for a version that could be trusted: its times are of whole minutes."""

    server: Sftp
    base: str
    size_bytes: int

    def fetch(self, path: str, target: Path, version: Version, params: Mapping[str, Any]) -> Came:  # noqa: ARG002  (the protocol's)
        """Fetch a file."""
        is_there = self.server.fetch(f"{self.base}{path}", target, self.size_bytes)
        return Version() if is_there else Nothing.ABSENT

    def names(self, folder: str) -> set[str] | None:
        """List a folder."""
        return self.server.names(f"{self.base}{folder}")


@dataclass(frozen=True, slots=True)
class _Local:
    """The folder of local sources. Whoever may configure an exchange may not read every file of the machine."""

    folder: Path
    size_bytes: int

    def fetch(self, path: str, target: Path, version: Version, params: Mapping[str, Any]) -> Came:  # noqa: ARG002  (the protocol's)
        """Copy a file, so that nobody changes it while it is read."""
        source = self.folder / path.lstrip("/")
        try:
            if not source.resolve().is_relative_to(self.folder.resolve()):
                raise PageUnreadable("it is a link out of the folder", "the file of this machine")
            with source.open("rb") as stream:
                before = os.fstat(stream.fileno())
                if before.st_size > self.size_bytes:
                    raise PartnerUnavailable("its answer is too long")
                with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy:
                    shutil.copyfileobj(stream, copy, 1024**2)
                after = os.fstat(stream.fileno())
        except (FileNotFoundError, NotADirectoryError):
            return Nothing.ABSENT
        except OSError as error:
            raise PartnerUnavailable(f"the file cannot be read ({error.strerror})") from None
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise PartnerUnavailable("the file changed while it was read")
        return Version()

    def names(self, folder: str) -> set[str] | None:
        """List a folder; none where there is none."""
        try:
            return {each.name for each in (self.folder / folder.lstrip("/")).iterdir()}
        except OSError:
            return set()
