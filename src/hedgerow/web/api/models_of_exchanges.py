"""What requests and answers about exchanges look like."""

from __future__ import annotations

import math
from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from hedgerow.app.serving.exchanges import Need, State  # noqa: TC001  (pydantic reads the annotations)
from hedgerow.exchanges.model import FetchMode, OpinionState, Sayings  # noqa: TC001  (as above)
from hedgerow.web.api.paging import LARGEST_ID, In, Out

__all__ = [
    "CredentialsIn",
    "ExchangeChangeIn",
    "ExchangeOut",
    "FetchOut",
    "KindOut",
    "KindsOut",
    "NewExchangeIn",
    "OpinionOut",
    "OpinionsIn",
    "SkipIn",
    "UnreadablePageOut",
    "UnreadablePagesOut",
]

_DEEPEST: Final = 20
_LONGEST_S: Final = 10 * 365 * 86_400.0


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what no database keeps, or what no JSON of ours says: NUL, half a character, infinity."""
    _look_into(value, _DEEPEST)
    return value


def _look_into(value: object, depth: int) -> None:
    parts: list[object] = []
    if isinstance(value, dict):
        parts = [*value, *value.values()]
    elif isinstance(value, list):
        parts = value
    if not (_is_kept(value) and (depth or not parts)):
        raise ValueError
    for each in parts:
        _look_into(each, depth - 1)


def _is_kept(value: object) -> bool:
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= each <= "\udfff" for each in value)
    return not isinstance(value, float) or math.isfinite(value)


_Config = Annotated[dict[str, Any], AfterValidator(_plain), Field(max_length=100)]
_Seconds = Annotated[float, Field(gt=0, le=_LONGEST_S, allow_inf_nan=False)]


class RhythmIn(In):
    """How often an exchange is fetched. What is left out stays; null is what the partner asks for."""

    every_s: _Seconds | None = Field(default=None, description="Seconds between two fetches.", examples=[600])
    reconcile_every_s: _Seconds | None = Field(
        default=None, description="Seconds between two walks through the whole set.", examples=[2_592_000]
    )
    calls_per_minute: int | None = Field(default=None, ge=1, le=100_000, description="The most calls in a minute.")


class NewExchangeIn(In):
    """An exchange that is to be made, and the bank that it fills."""

    name: str = Field(
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Of the exchange and of its bank: 1 to 100 letters, digits, dots, dashes and underscores.",
        examples=["partner"],
    )
    kind: str = Field(max_length=100, description="One of `GET /api/v1/exchange-kinds`.", examples=["local_file"])
    config: _Config = Field(
        default_factory=dict, description="What its kind wants to know.", examples=[{"filename": "list.csv"}]
    )
    rhythm: RhythmIn = Field(default_factory=RhythmIn)
    is_enabled: bool = Field(default=True, description="Whether it is fetched.")


class ExchangeChangeIn(In):
    """What is to change about an exchange; what is left out stays."""

    config: _Config | None = Field(
        default=None, description="Fields to change. Another configuration disarms, and walks through the whole set."
    )
    rhythm: RhythmIn | None = None
    is_enabled: bool | None = Field(
        default=None, description="Whether it is fetched. What it brought goes on matching either way."
    )


class CredentialsIn(In):
    """What the partner knows us by; nobody can read it back."""

    credentials: Annotated[dict[str, str], AfterValidator(_plain), Field(min_length=1, max_length=20)] = Field(
        description="What `credentials` of its kind names.", examples=[{"user": "us", "password": "…"}], repr=False
    )


class SkipIn(In):
    """The page that is to be left out: a person has read what is missing then."""

    page: int = Field(ge=1, le=LARGEST_ID, description="The number of `unreadable_page`.")
    skip: str | None = Field(
        default=None, max_length=1_000, description="What is left out, as it was read: refused if it is another by now."
    )


class OpinionsIn(In):
    """Whether decisions are told to the partner."""

    sends_opinions: bool


class FieldOut(Out):
    """One thing that a configuration or credentials consist of."""

    name: str = Field(examples=["filename"])
    type: str = Field(description="`string`, `number`, `boolean`, `enum`, `object`, `set_of_string` …")
    is_required: bool
    default: Any = Field(description="What it is where it is left out.")
    choices: list[str] | None = Field(description="What it may be, for an `enum`.")
    help: str


class KindOut(Out):
    """A kind of exchange."""

    kind: str = Field(examples=["local_file"])
    title: str = Field(description="What people call the partner.", examples=["NCMEC Hash Sharing"])
    is_whole: bool = Field(description="Whether each fetch brings the whole set, as a file does.")
    fetch_every_s: float = Field(description="Seconds between two fetches, unless an exchange says otherwise.")
    fields: list[FieldOut]
    credentials: list[FieldOut] | None = Field(description="What its credentials consist of; null for none.")
    opinions: list[Sayings] = Field(description="What can be said to it about its records.")


class KindsOut(Out):
    """The kinds of exchanges that there are."""

    kinds: list[KindOut]


class RhythmOut(Out):
    """How often an exchange is fetched; null for what the partner asks for."""

    every_s: float | None
    reconcile_every_s: float | None
    calls_per_minute: int | None


class PlaceOut(Out):
    """Which of the partner's systems an exchange speaks to."""

    name: str = Field(examples=["simulator"])
    host: str = Field(examples=["127.0.0.1:8102"])
    is_production: bool = Field(description="Whether somebody has to arm the exchange first.")


class UnreadablePageOut(Out):
    """A page of the partner that could not be read, and what became of it."""

    page: int = Field(validation_alias="id")
    first_at: datetime
    latest_at: datetime
    tries: int
    problem: str = Field(description="What is wrong with it, without its content.")
    place: str = Field(description="Where in the partner's set it stands.")
    skip: str | None = Field(description="What a skip leaves out; null where nothing behind it can be reached.")
    ended_at: datetime | None = Field(description="When it could be read or was skipped; null while it is in the way.")
    ended_how: Literal["read", "skipped"] | None
    ended_by: str | None = Field(description="Who skipped it.")


class UnreadablePagesOut(Out):
    """Pages that could not be read, the newest first."""

    pages: list[UnreadablePageOut]


class ExchangeOut(Out):
    """An exchange, and how it stands."""

    exchange: str = Field(description="Its name, and that of the bank which it fills.", examples=["partner"])
    kind: str = Field(examples=["local_file"])
    title: str = Field(description="What people call its partner.")
    is_enabled: bool
    config: dict[str, Any]
    rhythm: RhythmOut
    every_s: float = Field(description="Seconds between two fetches, as it is.")
    place: PlaceOut | None = Field(description="Null where nothing leaves this machine.")
    armed_by: str | None = Field(description="Who allowed the production system to be spoken to.")
    armed_at: datetime | None
    sends_opinions: bool
    has_credentials: bool = Field(description="Its own, or those of its kind.")
    state: State
    needs: list[Need] = Field(description="What a person should do something about, what weighs most first.")
    is_current: bool = Field(description="Whether the bank held all that the partner had at the latest good fetch.")
    records: int | None = Field(description="How many it holds; null in lists.")
    due_at: datetime
    fetching_since: datetime | None
    completed_at: datetime | None
    succeeded_at: datetime | None
    walking_since: datetime | None
    walked_at: datetime | None = Field(description="When what the partner has no more was last looked for and taken.")
    failures: int = Field(description="Fetches that failed since one ended well.")
    last_error: str | None
    last_problem: str | None
    stopped: str | None = Field(description="Why it is not fetched any more until a person has acted.")
    unreadable_page: UnreadablePageOut | None


class FetchOut(Out):
    """A fetch that ended."""

    fetch: int = Field(validation_alias="id")
    mode: FetchMode
    started_at: datetime
    ended_at: datetime
    pages: int
    records: int = Field(description="Records and withdrawals in them.")
    added: int = Field(description="Entries that are new or match again.")
    changed: int = Field(description="Entries of which something else is said now.")
    withdrawn: int = Field(description="Entries that stopped matching.")
    refused: int = Field(description="Signals that no bank takes.")
    opaque: int = Field(description="Things that this version cannot use; they are kept.")
    error: str | None
    problem: str | None


class OpinionOut(Out):
    """What is said to a partner about one of its records because of a decision."""

    opinion: int = Field(validation_alias="id")
    entry: int = Field(validation_alias="entry_id")
    record: str = Field(validation_alias="key", description="The partner's key of it.")
    decision: int = Field(validation_alias="decision_id")
    said: Sayings = Field(validation_alias="opinion")
    reason: str | None
    state: OpinionState
    created_at: datetime
    due_at: datetime | None
    attempts: int
    acknowledged_at: datetime | None
    last_error: str | None
