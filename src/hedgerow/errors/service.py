"""The branch of service: a request that the service does not serve as it came."""

from __future__ import annotations

import math

from hedgerow.errors.root import HedgerowError

__all__ = [
    "InvalidRequest",
    "RequestTooLarge",
    "RequestTooSlow",
    "ServiceBusy",
    "ServiceError",
    "TooManyRequests",
    "TracesSupportMissing",
]


class ServiceError(HedgerowError):
    """A request that the service does not serve as it came."""

    reason = "service"


class InvalidRequest(ServiceError):
    """What was asked cannot be read.

    Args:
        problem: What is wrong with it, without its content.
    """

    reason = "invalid_request"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The request cannot be read: {problem}.")


class RequestTooLarge(ServiceError):
    """It has more bytes than the limit.

    Args:
        limit_bytes: The limit.
    """

    reason = "request_too_large"

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"The request has more than {limit_bytes:,} bytes.")


class RequestTooSlow(ServiceError):
    """It did not arrive in time.

    Args:
        seconds: How long it may take.
    """

    reason = "request_too_slow"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"The request did not arrive within {seconds:g} seconds.")


class TooManyRequests(ServiceError):
    """One caller asks more often than it may.

    Args:
        wait_s: Seconds until the next request is taken.
    """

    reason = "too_many_requests"

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(f"Too many requests came at once; the next is taken in {math.ceil(wait_s)} seconds.")


class ServiceBusy(ServiceError):
    """More is being looked at than there are hands for; nothing was recorded.

    Args:
        wait_s: Seconds after which it is worth another try.
    """

    reason = "service_busy"

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(f"Too much media waits to be looked at; try again in {math.ceil(wait_s)} seconds.")


class TracesSupportMissing(ServiceError):
    """What sends traces is not installed."""

    reason = "traces_support_missing"

    def __init__(self) -> None:
        super().__init__("Traces need OpenTelemetry, which is not installed: run `pip install 'hedgerow[traces]'`.")
