"""Banks, contents and signal types: ``/c``."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from hedgerow.errors import BankExists, BankNotFound, InvalidContent
from hedgerow.hma.rules import check_disable_until, check_metadata, check_note
from hedgerow.hma.types import CONTENT_TYPES, read_signal
from hedgerow.web.hma.looking import text_of
from hedgerow.web.hma.media import at_address, hashed, uploaded
from hedgerow.web.hma.wire import UNCHECKED, Ask, Refused, invalid, json_response, unchecked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from hedgerow.app.hma import Added, Hma
    from hedgerow.app.service import Media
    from hedgerow.hma.model import Content, RatedBank

__all__ = [
    "add_content",
    "add_signals",
    "change_bank",
    "change_content",
    "change_signal_type",
    "content_types",
    "create_bank",
    "delete_bank",
    "delete_content",
    "index_of_types",
    "list_banks",
    "show_bank",
    "show_content",
    "signal_types",
]


class BankCreateRequest(BaseModel):
    """What a bank is created with; the name is HMA's, since its errors quote it."""

    name: str
    enabled_ratio: float | None = None
    enabled: bool | None = None


class BankUpdateRequest(BaseModel):
    """What is to change about a bank."""

    name: str | None = None
    enabled_ratio: float | None = None
    enabled: bool | None = None


class SignalTypeUpdateRequest(BaseModel):
    """What is to change about a signal type."""

    enabled_ratio: float


# ── banks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def bank_object(rated: RatedBank, ratio: float | None = None) -> dict[str, Any]:
    """Return a bank as HMA shows it."""
    return {"matching_enabled_ratio": rated.enabled_ratio if ratio is None else ratio, "name": rated.bank.name}


def list_banks(hma: Hma, ask: Ask) -> Response:  # noqa: ARG001  (a handler's signature)
    """List the banks."""
    return json_response([bank_object(each) for each in hma.list_banks()])


def create_bank(hma: Hma, ask: Ask) -> Response:
    """Create a bank."""
    try:
        wanted = BankCreateRequest.model_validate(ask.json_or_none())
    except ValidationError as error:
        raise invalid(error) from None
    ratio = wanted.enabled_ratio
    if ratio is None:
        ratio = 0.0 if wanted.enabled is False else 1.0
    try:
        return json_response(bank_object(hma.create_bank(wanted.name, ratio, actor=ask.actor)), 201)
    except BankExists:
        raise Refused(403, "Bank already exists") from None


def show_bank(hma: Hma, ask: Ask) -> Response:
    """Show a bank."""
    return json_response(bank_object(_bank(hma, ask)))


def _bank(hma: Hma, ask: Ask) -> RatedBank:
    try:
        return hma.find_bank(ask.path["bank"])
    except BankNotFound as error:
        raise no_bank(error) from None


def no_bank(error: BankNotFound) -> Refused:
    """Return what is said of a bank that is not there."""
    return Refused(404, f"bank '{error.name}' not found")


def change_bank(hma: Hma, ask: Ask) -> Response:
    """Change a bank's name or ratio."""
    try:
        wanted = BankUpdateRequest.model_validate(ask.json_or_none())
    except ValidationError as error:
        raise invalid(error) from None
    ratio: float | None = wanted.enabled_ratio
    if ratio is None and wanted.enabled is not None:
        ratio = 1 if wanted.enabled else 0  # told again as a whole number, as HMA does
    try:
        changed = hma.change_bank(ask.path["bank"], new_name=wanted.name, ratio=ratio, actor=ask.actor)
    except BankNotFound:
        raise Refused(404, "Bank not found") from None
    except BankExists:
        raise Refused(403, "Bank name already exists") from None
    return json_response(bank_object(changed, ratio))


def delete_bank(hma: Hma, ask: Ask) -> Response:
    """Delete a bank; that there is none is no error."""
    hma.delete_bank(ask.path["bank"], actor=ask.actor)
    return json_response({"message": "Done"})


# ── contents ─────────────────────────────────────────────────────────────────────────────────────────────────────


def add_content(hma: Hma, ask: Ask) -> Response:
    """Hash media and add what it gives to a bank."""
    _bank(hma, ask)
    note, metadata = _said(ask)
    url = ask.query.get("url")
    if url:
        with at_address(hma, ask, url) as (content_type, media):
            return _add_media(hma, ask, content_type, media, note, metadata)
    if not ask.form.files:
        raise Refused(400, "Neither `url` nor multipart file upload was received")
    return _add_media(hma, ask, *uploaded(ask), note, metadata)


def _said(ask: Ask) -> tuple[str | None, dict[str, Any] | None]:
    """Read note and metadata: of a JSON body, or of the fields of a form.

    A client that names ``content_id`` and ``content_uri`` beside the metadata (ROOST Coop does) means them to be in it;
    HMA drops them.
    """
    said: dict[str, Any] = {}
    if ask.form.fields:
        said = dict(ask.form.fields)
        if said.get("metadata") is not None:
            try:
                said["metadata"] = json.loads(said["metadata"])
            except (ValueError, RecursionError):
                raise Refused(400, "metadata form field must be valid JSON") from None
    elif ask.is_json:
        body = ask.json()
        said = body if isinstance(body, dict) else {}
    metadata = check_metadata(said.get("metadata"))
    beside = {name: ask.query.get(name, said.get(name)) for name in ("content_id", "content_uri")}
    given = {name: value for name, value in beside.items() if isinstance(value, str)}
    if given:
        metadata = check_metadata(given | (metadata or {}))
    return check_note(said.get("note")), metadata


def _add_media(
    hma: Hma, ask: Ask, content_type: str, media: Media, note: str | None, metadata: dict[str, Any] | None
) -> Response:
    made = hashed(hma, media, content_type, ask.query.get("types"))
    for name, each in made.items():
        if each.is_poor:
            raise Refused(400, f"Invalid {name} signal: invalid {each.type.label} hash", unchecked(made.values()))
    signals = {name: each.signals for name, each in made.items() if each.signals}
    added = hma.add_content(ask.path["bank"], signals, note=note, metadata=metadata, actor=ask.actor)
    texts = {name: text_of(made[name]) for name in signals}
    return json_response({"id": added.id, "signals": texts}, headers=unchecked(made.values()))


def add_signals(hma: Hma, ask: Ask) -> Response:
    """Add signals that the client made itself."""
    _bank(hma, ask)
    body = ask.json()
    if not isinstance(body, dict):
        raise Refused(400, "Request input was not a dict")
    note = check_note(body.pop("note", None))
    if not body:
        raise Refused(400, "No signals given")
    offered = hma.types()
    signals = {}
    for name, value in body.items():
        if name not in offered:
            raise Refused(400, f"No such signal type {name[:60]}")
        try:
            signals[name] = (read_signal(offered[name], value),)
        except InvalidContent as error:
            raise Refused(400, f"Invalid {name} signal: {error}") from None
    added = hma.add_content(ask.path["bank"], signals, note=note, actor=ask.actor)
    return json_response({"id": added.id, "signals": added.signals}, headers=_aside(added))


def _aside(added: Added) -> dict[str, str]:
    said = [f"{each.signal_type}=says_nothing" for each in added.set_aside]
    return {UNCHECKED: ", ".join(said)} if said else {}


def show_content(hma: Hma, ask: Ask) -> Response:
    """Show a content of a bank."""
    with_signals = ask.query.get("include_signals") == "true"
    with_metadata = ask.query.get("include_metadata", "true") == "true"
    try:
        rated, content = hma.find_content(ask.path["bank"], ask.path["content"], with_signals=with_signals)
    except BankNotFound as error:
        raise no_bank(error) from None
    told: dict[str, Any] = {
        "bank": bank_object(rated),
        "disable_until_ts": content.disable_until_ts,
        "id": content.id,
        "original_media_uri": None,
    }
    if with_metadata and content.metadata is not None:
        told["metadata"] = {"collab": None, "content_id": None, "content_uri": None, "json": None, **content.metadata}
    if content.note:
        told["note"] = content.note
    if with_signals and content.signals:
        told["signals"] = dict(content.signals)
    aside = [f"{each.signal_type}=says_nothing" for each in content.set_aside]
    return json_response(told, headers={UNCHECKED: ", ".join(aside)} if aside else {})


def change_content(hma: Hma, ask: Ask) -> Response:
    """Change until when a content is disabled, or its note."""
    body = ask.json()
    if not isinstance(body, dict):
        raise Refused(400, "Request input was not a dict")
    changes: dict[str, Any] = {}
    if "disable_until_ts" in body:
        changes["disable_until_ts"] = check_disable_until(body["disable_until_ts"], int(time.time()))
    if "note" in body:
        changes["note"] = check_note(body["note"])
    try:
        rated, content = hma.change_content(ask.path["bank"], ask.path["content"], changes, actor=ask.actor)
    except BankNotFound as error:
        raise no_bank(error) from None
    return json_response(_changed_object(rated, content))


def _changed_object(rated: RatedBank, content: Content) -> Mapping[str, Any]:
    return {
        "bank": bank_object(rated),
        "collab_metadata": {},
        "disable_until_ts": content.disable_until_ts,
        "id": content.id,
        "note": content.note,
        "original_media_uri": None,
        "user_metadata": None if content.metadata is None else dict(content.metadata),
    }


def delete_content(hma: Hma, ask: Ask) -> Response:
    """Delete a content of a bank; that there is none of that number is no error."""
    try:
        was_there = hma.delete_content(ask.path["bank"], ask.path["content"], actor=ask.actor)
    except BankNotFound as error:
        raise no_bank(error) from None
    return json_response({"deleted": int(was_there)})


# ── configuration ────────────────────────────────────────────────────────────────────────────────────────────────


def signal_types(hma: Hma, ask: Ask) -> Response:  # noqa: ARG001  (a handler's signature)
    """List the signal types."""
    return json_response([{"enabled_ratio": ratio, "name": name} for name, ratio in hma.type_ratios().items()])


def change_signal_type(hma: Hma, ask: Ask) -> Response:
    """Switch a signal type on or off."""
    name = ask.path["signal_type"]
    try:
        wanted = SignalTypeUpdateRequest.model_validate(ask.json_or_none())
    except ValidationError as error:
        raise invalid(error) from None
    if name not in hma.types():
        raise Refused(400, f"No such signal type '{name[:60]}'")
    hma.change_type_ratio(name, wanted.enabled_ratio, actor=ask.actor)
    return json_response({"enabled_ratio": wanted.enabled_ratio, "name": name})


def content_types(hma: Hma, ask: Ask) -> Response:
    """List the content types."""
    del hma, ask
    return json_response([{"enabled": True, "name": name} for name in CONTENT_TYPES])


def index_of_types(hma: Hma, ask: Ask) -> Response:
    """Tell how the index stands to the database, by signal type."""
    counts = hma.signal_counts()
    name = ask.query.get("signal_type")
    if name is not None:
        if name not in counts:
            raise Refused(400, f"No such signal type '{name[:60]}'")
        counts = {name: counts[name]}
    is_behind = hma.index_health().lag != 0
    told = {}
    for each, count in counts.items():
        newest = -1 if count.newest_at is None else int(count.newest_at.timestamp())
        told[each] = {
            "db_size": count.count,
            "index_built_to": newest,
            "index_out_of_date": is_behind and count.count > 0,
            "index_size": count.count,
            "newest_db_item": newest,
        }
    return json_response(told)
