"""Actions tell the platform what to do, and do not rest until it has answered.

An *endpoint* is an address of the platform that takes webhooks. A *delivery* is one message to it: written in the
transaction of what it is about, sent afterwards, tried again until the platform confirms it. An *attempt* is one try,
kept with what came of it. A message is signed (`hedgerow.actions.signing`), so that the platform knows who sent it
and that it is not an old one played again.
"""

from hedgerow.actions.deliveries import (
    claim_due,
    deliver_again,
    enqueue,
    find_delivery,
    is_any_due,
    list_attempts,
    list_deliveries,
    record_attempt,
    unconfirmed,
)
from hedgerow.actions.endpoints import add_endpoint, change_endpoint, find_endpoint, list_endpoints, renew_secret
from hedgerow.actions.model import Attempt, Claim, Delivery, DeliveryState, Endpoint, Sent, Unconfirmed
from hedgerow.actions.rules import EVENTS, RETRY_AFTER, retry_delay
from hedgerow.actions.sending import send
from hedgerow.actions.signing import InvalidWebhookSignature, signature, verify

__all__ = [
    "EVENTS",
    "RETRY_AFTER",
    "Attempt",
    "Claim",
    "Delivery",
    "DeliveryState",
    "Endpoint",
    "InvalidWebhookSignature",
    "Sent",
    "Unconfirmed",
    "add_endpoint",
    "change_endpoint",
    "claim_due",
    "deliver_again",
    "enqueue",
    "find_delivery",
    "find_endpoint",
    "is_any_due",
    "list_attempts",
    "list_deliveries",
    "list_endpoints",
    "record_attempt",
    "renew_secret",
    "retry_delay",
    "send",
    "signature",
    "unconfirmed",
    "verify",
]
