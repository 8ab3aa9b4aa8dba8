"""What an endpoint, a delivery and an attempt are."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Attempt", "Claim", "Delivery", "DeliveryState", "Endpoint", "Sent", "Unconfirmed"]


class DeliveryState(StrEnum):
    """How far a delivery is."""

    WAITING = "waiting"
    """It will be tried at `Delivery.due_at`."""
    SENDING = "sending"
    """Somebody holds the lease and tries it now."""
    CONFIRMED = "confirmed"
    """The platform answered that it has it."""
    GIVEN_UP = "given_up"
    """Every try failed; a person must look, and can send it again."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address of the platform that takes webhooks.

    Attributes:
        id: Its number.
        url: Where messages go, by POST.
        events: What it is told of; empty for everything.
        is_active: Whether anything is sent. What was waiting goes on waiting.
        created_at: When it was added.
        note: Whose it is, for people.
    """

    id: int
    url: str
    events: tuple[str, ...]
    is_active: bool
    created_at: datetime
    note: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one endpoint.

    Attributes:
        id: Its number; the message's id on the wire is ``msg_<id>`` and the same at every try.
        endpoint_id: Where to.
        event: What happened, one of `hedgerow.actions.rules.EVENTS`.
        subject_type: What it is about, as the audit names it.
        subject_id: Which one.
        body: The JSON that is sent, byte for byte the same at every try.
        created_at: When it was written.
        due_at: When it is tried next; None once it is confirmed or given up.
        attempts: How often it was tried.
        state: How far it is.
        delivered_at: When the platform confirmed it.
        last_status: The HTTP status of the last try; None where there was no answer.
        last_error: Why the last try failed, in a few words.
    """

    id: int
    endpoint_id: int
    event: str
    subject_type: str
    subject_id: str
    body: str = field(repr=False)
    created_at: datetime
    due_at: datetime | None
    attempts: int
    state: DeliveryState
    delivered_at: datetime | None
    last_status: int | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is ours to try until the lease ends.

    Attributes:
        delivery: What to send.
        endpoint: Where to.
        secret: The endpoint's secret, opened.
        token: Only who holds it may record what came of the try.
        lease_until: After this another may try.
    """

    delivery: Delivery
    endpoint: Endpoint
    secret: bytes = field(repr=False)
    token: str = field(repr=False)
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one try.

    Attributes:
        status: The HTTP status, or None where there was no answer.
        error: Why it failed, in a few words; None where it did not.
        duration_ms: How long it took.
    """

    status: int | None
    error: str | None
    duration_ms: int

    @property
    def outcome(self) -> Literal["confirmed", "failed"]:
        """Whether the platform has it: any 2xx says so."""
        return "confirmed" if self.error is None else "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try that was made.

    Attributes:
        at: When it ended.
        sent: What came of it.
    """

    at: datetime
    sent: Sent


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """What the platform has not confirmed, of one endpoint.

    Attributes:
        endpoint_id: Which endpoint.
        waiting: Messages that will be tried again.
        given_up: Messages that will not, until a person says so.
        oldest_at: When the oldest of them was written.
    """

    endpoint_id: int
    waiting: int
    given_up: int
    oldest_at: datetime
