"""The branch of hashing: something about signals or hashers."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = [
    "HashingError",
    "InvalidPixels",
    "InvalidSignal",
    "KnownGoodUnreadable",
    "SelfTestFailed",
    "UnknownSignalType",
]


class HashingError(HedgerowError):
    """Something about signals or hashers."""

    reason = "hashing"


class UnknownSignalType(HashingError):
    """No hasher of that name.

    Args:
        name: What was asked for.
        known: The names there are.
    """

    reason = "unknown_signal_type"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name = name
        self.known = known
        super().__init__(f"There is no signal type {name!r}; there are {', '.join(known)}.")


class InvalidSignal(HashingError):
    """Text or bytes that are no signal of their type.

    Args:
        signal_type: The type they were taken for.
        problem: What is wrong with them, without repeating them.
    """

    reason = "invalid_signal"

    def __init__(self, signal_type: str, problem: str) -> None:
        self.signal_type = signal_type
        self.problem = problem
        super().__init__(f"This is no {signal_type} signal: {problem}.")


class InvalidPixels(HashingError):
    """An array that is no picture.

    Args:
        problem: What is wrong with its shape or type.
    """

    reason = "invalid_pixels"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The array is no picture: {problem}.")


class SelfTestFailed(HashingError):
    """This machine does not reproduce the published vectors.

    Args:
        failed: How many vectors differ.
        total: How many there are.
    """

    reason = "self_test_failed"

    def __init__(self, failed: int, total: int) -> None:
        self.failed = failed
        self.total = total
        super().__init__(f"{failed} of {total} published vectors are not reproduced on this machine.")


class KnownGoodUnreadable(HashingError):
    """A list of known software that cannot be read, or a set made of one that is damaged.

    Args:
        problem: What is wrong with it.
    """

    reason = "known_good_unreadable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The list of known software cannot be used: {problem}.")
