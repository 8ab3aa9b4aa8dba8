"""What the configuration of a list consists of that is fetched as a file, and what it means."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlsplit

from hedgerow.errors import InvalidExchange
from hedgerow.exchanges.http import hosts_of_this_machine
from hedgerow.exchanges.model import Field, Place
from hedgerow.exchanges.partners.pull_file_mapping import READY, FileMapping, read_mapping
from hedgerow.exchanges.partners.pull_file_sftp import why_host_key_is_refused
from hedgerow.exchanges.places import place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CREDENTIALS", "DELTA_FIELDS", "FIELDS", "DeltaPlan", "Plan", "delta_plan_of", "place_of_file", "plan_of"]

_MB: Final = 1024**2
_SAFE_PATH: Final = re.compile(r"/[A-Za-z0-9._~/ @+=,-]*")
_SAFE_URL_PATH: Final = re.compile(r"/[A-Za-z0-9._~/@+=,:;!$&'()*%-]*(?:\?[A-Za-z0-9._~/@+=,:;!$&'()*%?-]*)?")
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,100}")
_PARAMETER: Final = re.compile(r"[A-Za-z0-9_.$-]{1,100}")
_DATED: Final = re.compile(r"\{((?:%[YmdHj]|[._T-])+)\}")
_NOT_OURS: Final = frozenset({"authorization", "host", "range", "if-range", "if-none-match", "if-modified-since"})
_LONGEST: Final = 500
_STEPS: Final = {"day": timedelta(days=1), "hour": timedelta(hours=1)}

FIELDS: Final = (
    Field(
        "base_url",
        "string",
        "https://…, or sftp://host:port/folder; empty for a file in the folder of local sources.",
        is_required=False,
        default="",
    ),
    Field("path", "string", "Where below that the file is, beginning with a slash."),
    Field(
        "login",
        "enum",
        "How we log in over HTTPS. Over SFTP it is always by key.",
        is_required=False,
        default="none",
        choices=("none", "basic", "bearer", "header"),
    ),
    Field("header", "string", "Name of the header that holds the key.", is_required=False, default="x-api-key"),
    Field("host_key", "string", "Key of the SFTP server: a line that ssh-keyscan prints, compared.", is_required=False),
    Field("ready_mapping", "enum", "A mapping that comes with Hedgerow.", is_required=False, choices=READY),
    Field(
        "mapping",
        "object",
        "What the columns mean; without one the list says so itself, as files for `hedgerow bank import` do.",
        is_required=False,
    ),
    Field(
        "shrink_percent",
        "number",
        "A file that would withdraw more than so many percent waits until a person approves it.",
        is_required=False,
        default=30,
    ),
    Field(
        "refused_percent",
        "number",
        "A file of which more than so many percent of the rows cannot be read waits until a person approves it.",
        is_required=False,
        default=20,
    ),
    Field("most_mb", "number", "Most megabytes of a file as it comes.", is_required=False, default=4_096),
    Field("most_unpacked_mb", "number", "Most megabytes of a file, unpacked.", is_required=False, default=20_480),
    Field("most_s", "number", "Most seconds for fetching a file.", is_required=False, default=3_600),
)

DELTA_FIELDS: Final = (
    *FIELDS,
    Field(
        "whole_path",
        "string",
        "Where the whole list is, for walks; empty where the changes since ever are it.",
        is_required=False,
    ),
    Field("since", "string", "Name of the query parameter that asks for what changed since.", is_required=False),
    Field(
        "since_format",
        "enum",
        "How that time is written.",
        is_required=False,
        default="iso",
        choices=("iso", "epoch", "date"),
    ),
    Field("first_date", "string", "Date of the first file, where names hold dates: 2026-01-31.", is_required=False),
    Field(
        "step", "enum", "How often a file with a date is made.", is_required=False, default="day", choices=tuple(_STEPS)
    ),
    Field(
        "overlap_hours",
        "number",
        "Hours before the latest fetch, or the latest whole list, from which changes are asked for again.",
        is_required=False,
        default=24,
    ),
)

CREDENTIALS: Final = (
    Field("user", "string", "Our name, for HTTP Basic and SFTP.", is_required=False),
    Field("password", "string", "Our password, for HTTP Basic.", is_required=False),
    Field("token", "string", "Our token, for the login `bearer`.", is_required=False),
    Field("key", "string", "Our key, for the login `header`.", is_required=False),
    Field("private_key", "string", "Our private key for SFTP, without a passphrase.", is_required=False),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a configuration means.

    Attributes:
        path: Where the file is.
        mapping: What its columns mean.
        shrink_percent: See `FIELDS`.
        refused_percent: See `FIELDS`.
        size_bytes: The most as it comes.
        unpacked_bytes: The most, unpacked.
        total_s: The longest time for fetching.
    """

    path: str
    mapping: FileMapping
    shrink_percent: float
    refused_percent: float
    size_bytes: int
    unpacked_bytes: int
    total_s: float


@dataclass(frozen=True, slots=True)
class DeltaPlan:
    """What is meant besides, where a file holds changes.

    Attributes:
        whole_path: Where the whole list is; None where it is all changes since ever.
        since: The query parameter; None where there is none.
        since_format: How a time is written in it.
        first: The time of the first file, where names hold dates; None where they hold none.
        step: Between two of these.
        overlap: See `DELTA_FIELDS`.
    """

    whole_path: str | None
    since: str | None
    since_format: str
    first: datetime | None
    step: timedelta
    overlap: timedelta

    def path_at(self, path: str, at: datetime) -> str:
        """Return the path of the file of a date."""
        return _DATED.sub(lambda found: at.strftime(found[1]), path)

    def written(self, at: datetime) -> str:
        """Return a time as the parameter takes it."""
        if self.since_format == "epoch":
            return str(int(at.timestamp()))
        return at.strftime("%Y-%m-%d" if self.since_format == "date" else "%Y-%m-%dT%H:%M:%SZ")

    def floor(self, at: datetime) -> datetime:
        """Return the beginning of the step in which a time lies."""
        hour = at.hour if self.step < timedelta(days=1) else 0
        return at.replace(hour=hour, minute=0, second=0, microsecond=0)


def place_of_file(config: Mapping[str, Any]) -> Place | None:
    """Say where a configuration leads; None where nothing leaves this machine.

    Raises:
        InvalidExchange: Nowhere.
    """
    url = str(config.get("base_url") or "")
    if not url:
        return None
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        _refuse("base_url", "must be an address such as https://partner.example or sftp://partner.example:22/lists")
    if split.scheme != "sftp":
        return place_of("custom", url, {"custom": Place("custom", "https://", is_production=True)})
    is_plain = not (split.query or split.fragment or split.username is not None or split.password is not None)
    host = split.hostname or ""
    if not is_plain or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}|[0-9a-f:]{2,39}", host) or port == 0:
        _refuse("base_url", "must be such as sftp://partner.example:22/lists: no user, no query, no fragment")
    if split.path and (not _SAFE_PATH.fullmatch(split.path) or ".." in split.path.split("/")):
        _refuse("base_url", "has a folder with characters that are not taken over SFTP")
    is_here = host in hosts_of_this_machine
    return Place("simulator" if is_here else "custom", url.rstrip("/"), is_production=not is_here)


def plan_of(config: Mapping[str, Any], *, is_dated: bool = False) -> Plan:
    """Return what a configuration means.

    Args:
        config: Of which names and types are right.
        is_dated: Whether the path may hold a date.

    Raises:
        InvalidExchange: A value cannot be used. The message names the field.
    """
    place = place_of_file(config)
    scheme = "" if place is None else urlsplit(place.base_url).scheme
    path = str(config.get("path") or "")
    _check_path("path", _DATED.sub("", path) if is_dated else path, scheme)
    header = str(config.get("header") or "x-api-key")
    if not _HEADER.fullmatch(header) or header.lower() in _NOT_OURS:
        _refuse("header", "must be the name of a header of the partner's own, such as x-api-key")
    if (config.get("login") or "none") != "none" and scheme not in {"https", "http"}:
        _refuse("login", "is for https; over SFTP we log in by key")
    if scheme == "sftp":
        line = config.get("host_key")
        problem = why_host_key_is_refused(str(line)) if line else "it must be given: who answers has to be known before"
        if problem is not None:
            _refuse("host_key", f"cannot be used: {problem}")
    ready = config.get("ready_mapping")
    return Plan(
        path,
        read_mapping(config.get("mapping"), None if ready is None else str(ready)),
        _number(config, "shrink_percent", 30, 0, 100),
        _number(config, "refused_percent", 20, 0, 100),
        int(_number(config, "most_mb", 4_096, 1, 1_048_576) * _MB),
        int(_number(config, "most_unpacked_mb", 20_480, 1, 1_048_576) * _MB),
        _number(config, "most_s", 3_600, 1, 86_400),
    )


def delta_plan_of(config: Mapping[str, Any]) -> tuple[Plan, DeltaPlan]:
    """Return what the configuration of a list of changes means.

    Raises:
        InvalidExchange: A value cannot be used. The message names the field.
    """
    plan = plan_of(config, is_dated=True)
    place = place_of_file(config)
    scheme = "" if place is None else urlsplit(place.base_url).scheme
    whole = str(config.get("whole_path") or "") or None
    if whole is not None:
        _check_path("whole_path", whole, scheme)
    since = str(config.get("since") or "") or None
    if since is not None and (not _PARAMETER.fullmatch(since) or scheme not in {"https", "http"}):
        _refuse("since", "must be the name of a query parameter, and base_url an address of the web")
    step = _STEPS[str(config.get("step") or "day")]
    first = _first(config, plan.path, step, is_since=since is not None)
    if first is None and since is None and whole is None:
        # A walk through a file that holds but the latest changes would withdraw all others.
        _refuse("whole_path", "must be given where the path holds no date and since is empty")
    overlap = timedelta(hours=_number(config, "overlap_hours", 24, 0, 24 * 366))
    return plan, DeltaPlan(whole, since, str(config.get("since_format") or "iso"), first, step, overlap)


def _first(config: Mapping[str, Any], path: str, step: timedelta, *, is_since: bool) -> datetime | None:
    dated = _DATED.findall(path)
    said = config.get("first_date")
    if not dated:
        if said:
            _refuse("first_date", "is for a path with a date, such as /changes-{%Y-%m-%d}.csv")
        return None
    needed = "%H" if step < timedelta(days=1) else ""
    pattern = "".join(dated)
    names_day = "%Y" in pattern and ("%j" in pattern or ("%m" in pattern and "%d" in pattern))
    if len(dated) > 1 or not names_day or needed not in pattern:
        _refuse("path", "must hold one whole date in braces, such as {%Y-%m-%d}, and %H where step is hour")
    if is_since:
        _refuse("since", "cannot be given where the path holds a date")
    try:
        first = datetime.fromisoformat(str(said or ""))
    except ValueError:
        _refuse("first_date", "must be the date of the first file, such as 2026-01-31")
    return first.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)


def _check_path(name: str, path: str, scheme: str) -> None:
    is_web = scheme in {"https", "http"}
    safe = _SAFE_URL_PATH if is_web else _SAFE_PATH
    parts = path.partition("?")[0].split("/")
    if not safe.fullmatch(path) or len(path) > _LONGEST or ".." in parts:
        _refuse(name, "must begin with a slash, and hold plain characters and no ..")
    if not scheme and any(part.startswith(".") for part in parts):
        _refuse(name, "must hold no name that begins with a dot")


def _number(config: Mapping[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = config.get(name)
    number = float(default if value is None else value)
    if not math.isfinite(number) or not least <= number <= most:
        _refuse(name, f"must be a number from {least:,} to {most:,}")
    return number


def _refuse(name: str, problem: str) -> NoReturn:
    raise InvalidExchange(f"{name} {problem}")
