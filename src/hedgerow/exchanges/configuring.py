"""Look at what people say of a partner: its configuration and its credentials. No message quotes a credential."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import InvalidExchange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hedgerow.exchanges.model import Field, Partner

__all__ = ["check_config", "check_credentials"]

_PYTHON: Final[Mapping[str, Any]] = {
    "string": str,
    "enum": str,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
}
_LONGEST_TEXT: Final = 4_000


def check_config(partner: Partner, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the defaults of what it does not say; what nobody asked for is left out.

    Raises:
        InvalidExchange: A field is missing, or does not fit.
    """
    said = {}
    for field in partner.config_fields:
        if field.name not in config and field.is_required:
            raise InvalidExchange(f'missing value for field "{field.name}"')
        value = config.get(field.name, field.default)
        if value is not None or field.is_required:
            _check_value(field, value)
        said[field.name] = value
    partner.check(said)
    return said


def check_credentials(partner: Partner, credentials: object) -> dict[str, str]:
    """Return credentials as they are stored.

    Raises:
        InvalidExchange: They do not fit, or the partner takes none.
    """
    if partner.credential_fields is None:
        raise InvalidExchange(f"{partner.name} takes no credentials")
    names = {field.name for field in partner.credential_fields}
    if not isinstance(credentials, dict) or set(credentials) - names:
        raise InvalidExchange("the credentials do not consist of what this exchange takes")
    for field in partner.credential_fields:
        if field.name in credentials or field.is_required:
            _check_value(field, credentials.get(field.name))
    return {name: str(value) for name, value in credentials.items() if value is not None}


def _check_value(field: Field, value: object) -> None:
    of_many, is_many = field.type.removeprefix("set_of_").removeprefix("list_of_"), "_of_" in field.type
    wanted = _PYTHON[of_many]
    values = value if is_many and isinstance(value, list) else [value]
    if (is_many and not isinstance(value, list)) or not all(
        isinstance(each, wanted) and (of_many == "boolean" or not isinstance(each, bool)) for each in values
    ):
        raise InvalidExchange(f'wrong value type for field "{field.name}" - should be {field.type}')
    if any(isinstance(each, str) and len(each) > _LONGEST_TEXT for each in values):
        raise InvalidExchange(f'the value of field "{field.name}" is too long')
    if field.choices is not None and value not in field.choices:
        raise InvalidExchange(f'the value of field "{field.name}" is none of its choices')
