"""The script of what goes wrong: which call, the how-manieth, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hedgerow.errors import InvalidFault
from hedgerow.simulators.script import Script
from hedgerow.simulators.stage.model import ANY, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["STAGE_FAULTS", "Faults", "fault_from_text", "seconds_of"]

STAGE_FAULTS: Final[Mapping[str, str]] = {
    "drop_before": "Close the connection before anything is done.",
    "drop_during": "Do what was asked, and close the connection in the middle of the answer.",
    "drop_after": "Do what was asked, then close the connection without an answer.",
    "slow": "Wait before doing what was asked; =SECONDS, 2 where it does not say.",
    "unauthorized": "Refuse the credentials, as if they had ended; nothing is done.",
    "too_many": "HTTP 429 with Retry-After (=SECONDS, 1 where it does not say); nothing is done.",
    "server_error": "HTTP 500 with a page of HTML; nothing is done.",
    "bad_gateway": "HTTP 502 with a page of HTML, as a proxy answers; nothing is done.",
    "unavailable": "HTTP 503 with Retry-After (=SECONDS, 1 where it does not say); nothing is done.",
    "truncated": "Do what was asked, and answer half of the body, with 200 and a Content-Length that is right for it.",
    "not_what_was_asked": "HTTP 200 with a page of HTML, as a captive portal answers; nothing is done.",
    "huge": "Do what was asked, and answer with blanks after the body; =MEBIBYTES, 64 where it does not say.",
    "redirect": "HTTP 302 to another host (=ADDRESS, https://elsewhere.invalid/ where it does not say).",
}
"""What the stage plays for every partner."""

_SECONDS: Final = {"slow": 2.0, "too_many": 1.0, "unavailable": 1.0}
_MOST_WAIT_S: Final = 3600.0
_MOST_N: Final = 1_000_000
_MOST_MIB: Final = 4096


def fault_from_text(text: str) -> Fault:
    """Read ``CALL:N:KIND`` or ``CALL:N:KIND=ARGUMENT``.

    Raises:
        InvalidFault: It is none.

    >>> fault_from_text("entries:2:slow=0.5")
    Fault(call='entries', n=2, kind='slow', argument='0.5')
    >>> str(fault_from_text("*:*:drop_after"))
    '*:*:drop_after'
    """
    call, first, rest = text.partition(":")
    number, second, what = rest.partition(":")
    kind, _, argument = what.partition("=")
    if not (call and first and second and kind):
        raise InvalidFault(f"{text!r} is not CALL:N:KIND")
    if number == ANY:
        return Fault(call, None, kind, argument)
    if not (number.isascii() and number.isdecimal()):
        raise InvalidFault(f"{text!r} has a number that is none")
    return Fault(call, int(number), kind, argument)


def seconds_of(fault: Fault) -> float:
    """Return the seconds that a fault of the stage speaks of."""
    return float(fault.argument) if fault.argument else _SECONDS[fault.kind]


class Faults(Script[Fault]):
    """The faults that wait for their call. Each is played once, unless it is for each call.

    Args:
        calls: The calls that there are.
        kinds: The kinds of the play's own, besides the stage's.
        faults: Those to begin with.

    Raises:
        InvalidFault: One of them cannot be played.
    """

    def __init__(self, calls: Iterable[str], kinds: Mapping[str, str], faults: Iterable[Fault | str] = ()) -> None:
        super().__init__()
        self._calls = frozenset({*calls, ANY})
        self.kinds: Mapping[str, str] = {**STAGE_FAULTS, **kinds}
        for each in faults:
            self.add(each)

    def add(self, fault: Fault | str) -> Fault:
        """Let something go wrong.

        Raises:
            InvalidFault: It cannot be read, or there is no such call or kind.
        """
        read = fault_from_text(fault) if isinstance(fault, str) else fault
        self._check(read)
        self._append(read)
        return read

    def _check(self, fault: Fault) -> None:
        if fault.call not in self._calls:
            raise InvalidFault(f"there is no call {fault.call!r}; the calls are {', '.join(sorted(self._calls))}")
        if fault.n is not None and not 1 <= fault.n <= _MOST_N:
            raise InvalidFault(f"the number of the call must lie in 1–{_MOST_N:,}")
        if fault.kind not in self.kinds:
            raise InvalidFault(f"there is no kind {fault.kind!r}; the kinds are {', '.join(self.kinds)}")
        if not fault.argument or fault.kind not in STAGE_FAULTS:
            return
        if fault.kind in _SECONDS:
            _in_range(fault, _MOST_WAIT_S)
        elif fault.kind == "huge":
            _in_range(fault, _MOST_MIB)
        elif fault.kind != "redirect":
            raise InvalidFault(f"{fault.kind} takes nothing more")


def _in_range(fault: Fault, most: float) -> None:
    try:
        number = float(fault.argument)
    except ValueError:
        raise InvalidFault(f"{fault.kind} needs a number") from None
    if not 0 <= number <= most:
        raise InvalidFault(f"the number of {fault.kind} must lie in 0–{most:,.0f}")
