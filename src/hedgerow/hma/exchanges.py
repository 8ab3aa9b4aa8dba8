"""What an exchange is, and the two kinds that need no partner.

A kind of exchange is a small object: its name, what its configuration and credentials consist of, and `fetch`, which
gives the signals that the source has now. What is not among them any more is withdrawn from the exchange's bank.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from hedgerow.banks.formats import ReadOptions, open_list
from hedgerow.banks.model import Attributes, NewEntry
from hedgerow.errors import ImportUnreadable, InvalidExchange
from hedgerow.hashing.signal import Signal
from hedgerow.hma.samples import SAMPLE_MD5, SAMPLE_PDQ
from hedgerow.hma.types import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["KINDS", "ExchangeKind", "Field", "LocalFile", "Sample", "check_config", "check_credentials"]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a configuration or credentials consist of.

    Attributes:
        name: What it is called.
        type: ``string``, ``number``, ``boolean``, ``enum``, ``set_of_string`` …: the words of HMA's forms.
        help: One sentence for whoever fills a form.
        is_required: Whether it must be there.
        default: What it is where it is missing.
        choices: What it may be, for an ``enum``.
    """

    name: str
    type: str
    help: str
    is_required: bool = True
    default: Any = None
    choices: tuple[str, ...] | None = None


class ExchangeKind(Protocol):
    """A kind of source. It has no state; threads share it."""

    @property
    def name(self) -> str:
        """What clients call it: ``ncmec``, ``local_file``."""
        ...

    @property
    def config_fields(self) -> tuple[Field, ...]:
        """What its configuration consists of."""
        ...

    @property
    def credential_fields(self) -> tuple[Field, ...] | None:
        """What its credentials consist of; None where it takes none."""
        ...

    def check(self, config: Mapping[str, Any]) -> None:
        """Look at a configuration of which names and types are right.

        Raises:
            InvalidExchange: Its values cannot be used.
        """
        ...

    def fetch(self, config: Mapping[str, Any], folder: Path, source: str) -> Iterator[NewEntry]:
        """Give every signal that the source has now.

        Args:
            config: As it was checked.
            folder: Where files of local exchanges lie.
            source: The provenance that the entries are to have.

        Raises:
            HedgerowError: It cannot be fetched; nothing is changed then.
        """
        ...


class Sample:
    """Signals of a few generated pictures and texts, to try things out with."""

    name = "sample"
    config_fields: tuple[Field, ...] = ()
    credential_fields: tuple[Field, ...] | None = None

    def check(self, config: Mapping[str, Any]) -> None:
        """Accept: there is nothing to configure."""

    def fetch(self, config: Mapping[str, Any], folder: Path, source: str) -> Iterator[NewEntry]:  # noqa: ARG002  (the protocol's)
        """Give the samples."""
        said = Attributes(provenance=source, may_be_redistributed=True)
        for value in SAMPLE_PDQ:
            yield NewEntry(Signal.from_text("pdq", value), said)
        for value in SAMPLE_MD5:
            yield NewEntry(Signal.from_text("md5", value), said)


class LocalFile:
    """A list of signals in a file, as ``hedgerow bank import`` reads it.

    The file lies in the folder ``exchanges`` of the data folder, and nowhere else: whoever may use this door may not
    read every file of the machine.
    """

    name = "local_file"
    config_fields: tuple[Field, ...] = (
        Field("filename", "string", "Name of a file in the folder `exchanges` of the data folder."),
        Field("signal_type", "string", "Type of the signals in it, where its lines do not say.", is_required=False),
    )
    credential_fields: tuple[Field, ...] | None = None

    def check(self, config: Mapping[str, Any]) -> None:
        """Accept a plain file name, and a signal type that there is."""
        name = config["filename"]
        if not name or name.startswith(".") or any(each in name for each in "/\\\0:"):
            raise InvalidExchange("filename must be the plain name of a file in the folder `exchanges`")
        kind = config.get("signal_type")
        if kind is not None and kind not in TYPES:
            raise InvalidExchange(f"signal_type must be one of {', '.join(TYPES)}")

    def fetch(self, config: Mapping[str, Any], folder: Path, source: str) -> Iterator[NewEntry]:
        """Read the file; lines that are no signals are passed over."""
        kind = config.get("signal_type")
        options = ReadOptions(
            signal_type=None if kind is None else TYPES[kind].kind, attributes=Attributes(provenance=source)
        )
        path = folder / config["filename"]
        try:
            if not path.resolve().is_relative_to(folder.resolve()):
                raise ImportUnreadable("it is a link out of the folder")
            with path.open("rb") as stream:
                for _, read in open_list(stream, options).results:
                    if isinstance(read, NewEntry):
                        yield replace(read, attributes=replace(read.attributes, provenance=source))
        except OSError as error:
            raise ImportUnreadable(error.strerror or "the file cannot be read") from error


KINDS: Final[Mapping[str, ExchangeKind]] = {each.name: each for each in (Sample(), LocalFile())}
"""The kinds there are. Those of partners join them here."""

_PYTHON: Final[Mapping[str, Any]] = {"string": str, "enum": str, "number": (int, float), "boolean": bool}


def check_config(kind: ExchangeKind, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the defaults of what it does not say.

    Raises:
        InvalidExchange: A field is missing, or does not fit.

    >>> check_config(KINDS["local_file"], {"filename": "list.txt"})
    {'filename': 'list.txt', 'signal_type': None}
    """
    said = {}
    for field in kind.config_fields:
        if field.name not in config and field.is_required:
            raise InvalidExchange(f'missing value for field "{field.name}"')
        value = config.get(field.name, field.default)
        if value is not None or field.is_required:
            _check_value(field, value)
        said[field.name] = value
    kind.check(said)
    return said


def check_credentials(kind: ExchangeKind, credentials: object) -> None:
    """Look at credentials; no message quotes any of them.

    Raises:
        InvalidExchange: They do not fit, or the kind takes none.
    """
    if kind.credential_fields is None:
        raise InvalidExchange(f"{kind.name} takes no credentials")
    if not isinstance(credentials, dict) or set(credentials) - {field.name for field in kind.credential_fields}:
        raise InvalidExchange("the credentials do not consist of what this exchange takes")
    for field in kind.credential_fields:
        if field.name in credentials or field.is_required:
            _check_value(field, credentials.get(field.name))


def _check_value(field: Field, value: object) -> None:
    of_many, is_many = field.type.removeprefix("set_of_").removeprefix("list_of_"), "_of_" in field.type
    wanted = _PYTHON[of_many]
    values = value if is_many and isinstance(value, list) else [value]
    if (is_many and not isinstance(value, list)) or not all(
        isinstance(each, wanted) and (of_many == "boolean" or not isinstance(each, bool)) for each in values
    ):
        raise InvalidExchange(f'wrong value type for field "{field.name}" - should be {field.type}')
    if field.choices is not None and value not in field.choices:
        raise InvalidExchange(f'the value of field "{field.name}" is none of its choices')
