"""What requests and answers about banks look like."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (pydantic reads the annotation)
from typing import Any, Literal

from pydantic import Field

from hedgerow.web.api.models import MediaOut, SignalIn, UncheckedOut
from hedgerow.web.api.paging import LARGEST_ID, In, Out, Text

__all__ = [
    "AboutMedia",
    "AddedMediaOut",
    "AddedOut",
    "BankChangeIn",
    "BankOut",
    "CountedBankOut",
    "EntriesIn",
    "EntryIn",
    "EntryOut",
    "ImportOut",
    "LooseEntriesIn",
    "NewBankIn",
    "RefusedOut",
    "RejectionOut",
    "WithdrawalIn",
    "WithdrawnOut",
]

BankLevel = Literal["exact", "standard", "thorough"]


class NewBankIn(In):
    """A bank that is to be made."""

    name: str = Field(
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="1 to 100 letters, digits, dots, dashes and underscores.",
        examples=["partner"],
    )
    threshold: int | None = Field(default=None, ge=0, le=64, description="In bits of 256; a distance up to it matches.")
    minimum_quality: int | None = Field(default=None, ge=0, le=100, description="Of perceptual signals.")
    level: BankLevel = Field(default="standard", description="How many ways a query is looked up in it.")
    note: Text | None = Field(default=None, max_length=4_000, description="For people.")


class BankChangeIn(In):
    """What is to change about a bank; what is left out stays."""

    threshold: int | None = Field(default=None, ge=0, le=64, examples=[24])
    minimum_quality: int | None = Field(default=None, ge=0, le=100)
    level: BankLevel | None = None
    is_enabled: bool | None = Field(default=None, description="Whether it is searched.")
    note: Text | None = Field(default=None, max_length=4_000)


class BankOut(Out):
    """A named set of known signals."""

    name: str = Field(examples=["partner"])
    threshold: int = Field(description="In bits of 256; a distance up to it matches.", examples=[31])
    minimum_quality: int = Field(examples=[50])
    level: BankLevel
    is_enabled: bool = Field(description="Whether it is searched.")
    created_at: datetime
    note: str | None


class CountedBankOut(BankOut):
    """A bank, and how much is in it."""

    live: dict[str, int] = Field(description="Live entries by signal type.", examples=[{"pdq": 1200, "sha256": 900}])
    withdrawn: int = Field(description="Entries that were withdrawn.")


class EntryOut(Out):
    """A known signal in a bank. Its value is shown only where it was asked for, by who may take it out."""

    entry: int = Field(validation_alias="id", description="Its number.")
    type: str = Field(validation_alias="signal_type", examples=["pdq"])
    value: str | None = Field(description="Hex digits; of a video the digest of its frames. Null unless asked for.")
    quality: int | None
    variant: str = Field(description="What was done to the file before.", examples=["as is"])
    provenance: str = Field(examples=["person", "import", "exchange:ncmec"])
    contributor: str | None
    external_id: str | None
    category: str | None
    note: str | None
    may_be_redistributed: bool
    added_at: datetime
    withdrawn_at: datetime | None
    withdrawn_reason: str | None


class EntryIn(SignalIn):
    """A ready-made signal that is to be banked, and what is said about it."""

    provenance: str | None = Field(
        default=None, max_length=100, description="Where it comes from. Without it: `person` or, of a key, `import`."
    )
    contributor: str | None = Field(default=None, max_length=200, description="Who within that source said so.")
    external_id: str | None = Field(default=None, max_length=200, description="The source's own name for it.")
    category: str | None = Field(default=None, max_length=100, examples=["A1"])
    note: str | None = Field(default=None, max_length=4_000)
    may_be_redistributed: bool = Field(default=False, description="Whether its source allows it to be passed on.")


class EntriesIn(In):
    """Ready-made signals that are to be banked; as many as the setting `server.batch` allows."""

    entries: list[EntryIn] = Field(min_length=1)


class RefusedOut(Out):
    """A signal that was not taken."""

    position: int = Field(description="Its place in what was sent, from 0.")
    reason: str = Field(description="Why, without its value.", examples=["all bits are zero"])


class AddedOut(Out):
    """What came of adding signals."""

    added: int = Field(description="How many are new in the bank.")
    already_there: int = Field(description="How many the bank held already.")
    refused: list[RefusedOut] = Field(description="The others, each with its reason.")


class AddedMediaOut(AddedOut):
    """What came of banking media."""

    unchecked: UncheckedOut | None = Field(description="Why not all of it could be looked at; nothing was added then.")
    caution: UncheckedOut | None
    media: MediaOut | None


class WithdrawalIn(In):
    """Which entry is to match nothing any more: by its number, or by its value."""

    entry: int | None = Field(default=None, ge=1, le=LARGEST_ID, examples=[17])
    value: str | None = Field(default=None, max_length=64, pattern=r"^([0-9a-fA-F]{2})+$", description="Hex digits.")
    reason: Text | None = Field(default=None, max_length=4_000, description="For the record.")


class WithdrawnOut(Out):
    """The entries that were withdrawn."""

    withdrawn: list[int] = Field(examples=[[17]])


class RejectionOut(Out):
    """A line that was not taken."""

    line: int = Field(description="From 1.")
    reason: str = Field(examples=["not a signal of any type"])


class ImportOut(Out):
    """What came of importing a list."""

    format: str = Field(description="What it was read as.", examples=["csv"])
    added: int
    already_there: int
    rejected: int
    reasons: dict[str, int] = Field(description="How many were rejected for each reason.")
    rejections: list[RejectionOut] = Field(description="The first of them, up to the setting `imports.rejections`.")
    passed_over: dict[str, int] = Field(
        default_factory=dict,
        description="How many were in order and not for us, for each reason: a PhotoDNA, a category that is not taken.",
    )


class AboutMedia(In):
    """What is said of media that is to be banked."""

    types: str = Field(default="pdq", max_length=100)
    contributor: Text | None = Field(default=None, max_length=200)
    external_id: Text | None = Field(default=None, max_length=200)
    category: Text | None = Field(default=None, max_length=100)
    note: Text | None = Field(default=None, max_length=4_000)


class LooseEntriesIn(In):
    """The same before each of them is looked at."""

    entries: list[Any] = Field(min_length=1)
