"""The branch of fetching: what an address gives was not taken."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = ["FetchError", "FetchFailed", "FetchTimeout", "FetchTooLarge", "UrlRefused"]


class FetchError(HedgerowError):
    """What an address gives was not taken."""

    reason = "fetch"


class UrlRefused(FetchError):
    """An address that we do not go to. Which one is not said: an address can hold a password.

    Args:
        why: A word for programs, one of `hedgerow.screening.fetching.REFUSALS`.
        problem: The same in words.
    """

    reason = "url_refused"

    def __init__(self, why: str, problem: str) -> None:
        self.why = why
        self.problem = problem
        super().__init__(f"This address is not fetched: {problem}.")


class FetchFailed(FetchError):
    """There was no answer, or none that is media.

    Args:
        problem: What happened, without the address.
    """

    reason = "fetch_failed"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The media could not be fetched: {problem}.")


class FetchTooLarge(FetchError):
    """More bytes than the limit.

    Args:
        limit_bytes: The limit in force.
    """

    reason = "fetch_too_large"

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"The media has more bytes than the limit of {limit_bytes:,}.")


class FetchTimeout(FetchError):
    """It took longer than the limit.

    Args:
        limit_s: The limit in seconds.
    """

    reason = "fetch_timeout"

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        super().__init__(f"Fetching took longer than the limit of {limit_s:g} seconds.")
