"""Exchanges: ``/c/exchanges`` and ``/c/exchange``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from hedgerow.app.exchanges import find_kind, kinds_of_partners
from hedgerow.errors import ExchangeExists, InvalidExchange
from hedgerow.web.hma.wire import Ask, Refused, invalid, json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.app.hma import Hma
    from hedgerow.exchanges.model import Exchange, Field, Partner

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
    return json_response(list(kinds_of_partners()))


def show_kind(hma: Hma, ask: Ask) -> Response:
    """Tell whether a kind takes credentials, and has them."""
    return json_response(_kind_object(hma, _kind(ask)))


def configure_kind(hma: Hma, ask: Ask) -> Response:
    """Set the credentials of a kind; ``{}`` clears them."""
    kind = _kind(ask)
    body = ask.json()
    if not isinstance(body, dict):
        raise Refused(400, "this endpoint expects a json object payload")
    hma.set_kind_credentials(kind.name, body.get("credential_json"), actor=ask.actor)
    return json_response(_kind_object(hma, kind))


def _kind(ask: Ask) -> Partner:
    kind = find_kind(ask.path["api"])
    if kind is None:
        raise Refused(400, f"no such Exchange API '{ask.path['api'][:60]}'")
    return kind


def _kind_object(hma: Hma, kind: Partner) -> dict[str, bool]:
    return {
        "has_set_authentification": hma.has_kind_credentials(kind.name),
        "supports_authentification": kind.credential_fields is not None,
    }


def show_schema(hma: Hma, ask: Ask) -> Response:
    """Tell what the configuration and the credentials of a kind consist of."""
    del hma
    kind = find_kind(ask.path["api"])
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
    if not isinstance(api, str) or find_kind(api) is None:
        raise Refused(400, f"No such exchange type '{str(api)[:60]}'")
    credentials = body.get("credential_json")
    if credentials:
        hma.check_credentials(api, credentials)
    try:
        is_enabled = config.get("enabled", True) is not False
        hma.create_exchange(name, api, config, is_enabled=is_enabled, actor=ask.actor)
    except InvalidExchange as error:
        raise Refused(400, f"Failed to parse `api_json` - {error}") from None
    except ExchangeExists:
        raise Refused(403, "Bank already exists") from None
    if credentials:
        hma.set_credentials(name, credentials, actor=ask.actor)
    return json_response({"message": "Created successfully"}, 201)


def show_exchange(hma: Hma, ask: Ask) -> Response:
    """Show the configuration of an exchange."""
    return _exchange_response(hma.find_exchange(ask.path["exchange"]))


def _exchange_response(exchange: Exchange) -> Response:
    told = {"name": exchange.name, "api": exchange.kind, "enabled": exchange.is_enabled, **exchange.config}
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
    return json_response(_credential_status(hma, hma.find_exchange(ask.path["exchange"])))


def set_credentials(hma: Hma, ask: Ask) -> Response:
    """Set the credentials of one exchange; null and ``{}`` clear them."""
    exchange = hma.find_exchange(ask.path["exchange"])
    body = ask.json()
    if not isinstance(body, dict) or set(body) != {"credential_json"}:
        raise Refused(400, "this endpoint expects a json object with credential_json alone")
    hma.set_credentials(exchange.name, body["credential_json"], actor=ask.actor)
    return json_response(_credential_status(hma, exchange))


def _credential_status(hma: Hma, exchange: Exchange) -> dict[str, Any]:
    kind = find_kind(exchange.kind)
    is_own = hma.has_own_credentials(exchange.name)
    is_shared = not is_own and hma.has_kind_credentials(exchange.kind)
    return {
        "has_credentials": is_own or is_shared,
        "source": "exchange" if is_own else "api" if is_shared else None,
        "supports_auth": kind is not None and kind.credential_fields is not None,
    }
