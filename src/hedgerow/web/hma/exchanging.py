"""Exchanges: ``/c/exchanges`` and ``/c/exchange``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from hedgerow.errors import ExchangeExists, InvalidExchange
from hedgerow.hma.exchanges import KINDS, check_config, check_credentials
from hedgerow.web.hma.wire import Ask, Refused, invalid, json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.app.hma import Hma
    from hedgerow.hma.exchanges import ExchangeKind, Field
    from hedgerow.hma.model import Exchange

__all__ = [
    "change_exchange",
    "configure_kind",
    "create_exchange",
    "delete_exchange",
    "list_exchanges",
    "list_kinds",
    "set_credentials",
    "show_credentials",
    "show_exchange",
    "show_kind",
    "show_schema",
    "show_status",
]

_NAME = re.compile(r"[A-Z0-9_]+")


class ExchangeUpdateRequest(BaseModel):
    """What is to change about an exchange."""

    enabled: bool | None = None


# ── kinds ────────────────────────────────────────────────────────────────────────────────────────────────────────


def list_kinds(hma: Hma, ask: Ask) -> Response:
    """List the kinds of exchanges."""
    del hma, ask
    return json_response(list(KINDS))


def show_kind(hma: Hma, ask: Ask) -> Response:
    """Tell whether a kind takes credentials, and has them."""
    del hma
    return json_response(_kind_object(_kind(ask)))


def configure_kind(hma: Hma, ask: Ask) -> Response:
    """Set the credentials of a kind; ``{}`` clears them."""
    del hma
    kind = _kind(ask)
    body = ask.json()
    if not isinstance(body, dict):
        raise Refused(400, "this endpoint expects a json object payload")
    if body.get("credential_json"):
        check_credentials(kind, body["credential_json"])
    return json_response(_kind_object(kind))


def _kind(ask: Ask) -> ExchangeKind:
    kind = KINDS.get(ask.path["api"])
    if kind is None:
        raise Refused(400, f"no such Exchange API '{ask.path['api'][:60]}'")
    return kind


def _kind_object(kind: ExchangeKind) -> dict[str, bool]:
    return {"has_set_authentification": False, "supports_authentification": kind.credential_fields is not None}


def show_schema(hma: Hma, ask: Ask) -> Response:
    """Tell what the configuration and the credentials of a kind consist of."""
    del hma
    kind = KINDS.get(ask.path["api"])
    if kind is None:
        raise Refused(404, f"Exchange API '{ask.path['api'][:60]}' not found")
    credentials = kind.credential_fields
    return json_response(
        {
            "config_schema": {"fields": _field_objects(kind.config_fields)},
            "credentials_schema": None if credentials is None else {"fields": _field_objects(credentials)},
        }
    )


def _field_objects(fields: Sequence[Field]) -> list[dict[str, Any]]:
    return [
        {
            "choices": None if each.choices is None else list(each.choices),
            "default": each.default,
            "help": each.help,
            "name": each.name,
            "required": each.is_required,
            "type": each.type,
        }
        for each in fields
    ]


# ── exchanges ────────────────────────────────────────────────────────────────────────────────────────────────────


def list_exchanges(hma: Hma, ask: Ask) -> Response:  # noqa: ARG001  (a handler's signature)
    """List the names of the exchanges."""
    return json_response([each.name for each in hma.list_exchanges()])


def create_exchange(hma: Hma, ask: Ask) -> Response:
    """Create an exchange and the bank that it fills."""
    body = ask.json()
    if not isinstance(body, dict):
        raise Refused(400, "Request input was not a dict")
    name, api, config = body.get("bank"), body.get("api"), body.get("api_json", {})
    if name is None:
        raise Refused(400, "bank is required")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Refused(400, "Field `bank` must match /^[A-Z0-9_]+$/")
    if not isinstance(config, dict):
        raise Refused(400, "Field `api_json` must be object")
    if api is None:
        raise Refused(400, "Field `api_type` is required")
    if not isinstance(api, str) or api not in KINDS:
        raise Refused(400, f"No such exchange type '{str(api)[:60]}'")
    if body.get("credential_json"):
        check_credentials(KINDS[api], body["credential_json"])
    try:
        check_config(KINDS[api], config)
        is_enabled = config.get("enabled", True) is not False
        hma.create_exchange(name, api, config, is_enabled=is_enabled, actor=ask.actor)
    except InvalidExchange as error:
        raise Refused(400, f"Failed to parse `api_json` - {error}") from None
    except ExchangeExists:
        raise Refused(403, "Bank already exists") from None
    return json_response({"message": "Created successfully"}, 201)


def show_exchange(hma: Hma, ask: Ask) -> Response:
    """Show the configuration of an exchange."""
    return _exchange_response(hma.find_exchange(ask.path["exchange"]))


def _exchange_response(exchange: Exchange) -> Response:
    told = {"name": exchange.name, "api": exchange.api, "enabled": exchange.is_enabled, **exchange.config}
    return Response(json.dumps(told, indent=2), media_type="application/json")


def change_exchange(hma: Hma, ask: Ask) -> Response:
    """Switch the fetching of an exchange on or off."""
    try:
        wanted = ExchangeUpdateRequest.model_validate(ask.json_or_none())
    except ValidationError as error:
        raise invalid(error) from None
    name = ask.path["exchange"]
    if wanted.enabled is None:
        return _exchange_response(hma.find_exchange(name))
    return _exchange_response(hma.switch_exchange(name, is_enabled=wanted.enabled, actor=ask.actor))


def delete_exchange(hma: Hma, ask: Ask) -> Response:
    """Delete an exchange with its bank; that there is none is no error."""
    hma.delete_exchange(ask.path["exchange"], actor=ask.actor)
    return json_response({"message": "Exchange deleted"})


def show_status(hma: Hma, ask: Ask) -> Response:
    """Tell what became of the fetches of an exchange."""
    status = hma.fetch_status(ask.path["exchange"])
    return json_response(
        {
            "checkpoint_ts": None,
            "fetched_items": status.fetched_items,
            "last_fetch_complete_ts": None if status.completed_at is None else int(status.completed_at.timestamp()),
            "last_fetch_succeeded": status.has_succeeded,
            "running_fetch_start_ts": None if status.started_at is None else int(status.started_at.timestamp()),
            "up_to_date": status.is_up_to_date,
        }
    )


# ── credentials of one exchange (HMA after 1.1.7; ROOST Coop asks for them) ──────────────────────────────────────


def show_credentials(hma: Hma, ask: Ask) -> Response:
    """Tell whether an exchange takes credentials of its own, and has them."""
    kind = KINDS[hma.find_exchange(ask.path["exchange"]).api]
    return json_response(_credential_status(kind))


def set_credentials(hma: Hma, ask: Ask) -> Response:
    """Set the credentials of one exchange; null and ``{}`` clear them."""
    kind = KINDS[hma.find_exchange(ask.path["exchange"]).api]
    body = ask.json()
    if not isinstance(body, dict) or set(body) != {"credential_json"}:
        raise Refused(400, "this endpoint expects a json object with credential_json alone")
    if body["credential_json"]:
        check_credentials(kind, body["credential_json"])
    return json_response(_credential_status(kind))


def _credential_status(kind: ExchangeKind) -> dict[str, Any]:
    return {"has_credentials": False, "source": None, "supports_auth": kind.credential_fields is not None}
