"""Project Arachnid Shield: a second opinion on a hash, from the Canadian Centre for Child Protection.

Shield gives out no list, and so it is no partner of an exchange: it is asked about one PDQ hash after another, and
says what it knows. It is asked about hashes only. Its interface has calls that take media, and one of them keeps what
it is given; this client cannot make them: its place ends in ``/v1/pdq``, and `PartnerHttp` leaves no place downwards
only.

What the caller must do:

1. **An answer that is missing is no answer.** `Shield.look_up` gives None for it, and not `Known.NO_KNOWN_MATCH`. The
   question stays owed: it is written down, due again later and later, and asked again by whoever works off what is
   due; so is every question of a call that raised. After a day of silence a person is told, and decides without it.
2. "No known match" is not "harmless". It changes nothing about what other lists say of the same hash.
3. What is `Known.UNKNOWN` goes to a person, as what is known to be abuse does: the service says that words may be
   added. `Known.TEST` is a picture of the vendor's for trying this out: it is shown as one, and nothing follows.
4. An answer is kept as long as the case that it was asked for, and goes with it; it is put into no bank, no statistics,
   no export, and nothing that learns. Nobody is asked twice about a hash only to have the answer ready.
5. A hash leaves the house. Whoever arms Shield has decided that it may (an authority counts such hashes as personal
   data); a hash of which only a person's own notice speaks is not sent without that person's word.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from hedgerow.errors import InvalidSignal, NotArmed, PartnerUnavailable
from hedgerow.exchanges.http import Limits, PartnerHttp, basic
from hedgerow.exchanges.model import Place
from hedgerow.exchanges.places import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["SHIELD_NAME", "Known", "Shield", "ShieldAnswer", "shield_http", "shield_place"]

SHIELD_NAME: Final = "Project Arachnid Shield"
_PLACES: Final[Mapping[str, Place]] = {
    # The vendor's pictures for trying it out are at the production system; there is no other that is known.
    "simulator": Place("simulator", "http://127.0.0.1:8104", is_production=False),
    "production": Place("production", "https://shield.projectarachnid.com", is_production=True),
}
_PATH: Final = "/v1/pdq"
_PDQ_BYTES: Final = 32
_TEXT: Final = re.compile(r"[A-Za-z0-9+/]{43}=")
_MOST_AT_A_TIME: Final = 100
"""How many hashes one call may ask about is not documented."""
_LONGEST_WORD: Final = 100


class Known(StrEnum):
    """What Shield knows of a hash."""

    CSAM = "csam"
    HARMFUL = "harmful-abusive-material"
    NO_KNOWN_MATCH = "no-known-match"
    TEST = "test"  # a picture of the vendor's own
    UNKNOWN = "unknown"  # a word that we do not know: for a person


@dataclass(frozen=True, slots=True)
class ShieldAnswer:
    """What Shield says of one hash.

    Attributes:
        known: What it is.
        word: Shield's own word for that.
        match_type: Shield's own word for how it matched: ``near``, for a hash always; None where it says none.
    """

    known: Known
    word: str
    match_type: str | None = None

    @property
    def is_for_a_person(self) -> bool:
        """Whether a person must look: all but "no known match" and the vendor's own pictures."""
        return self.known not in {Known.NO_KNOWN_MATCH, Known.TEST}


def shield_place(environment: str = "simulator", base_url: str = "") -> Place:
    """Return which system is meant; see `hedgerow.exchanges.places`.

    Raises:
        InvalidExchange: There is none of that name, or the address cannot be used.

    >>> shield_place("production").is_production
    True
    """
    return place_of(environment, base_url, _PLACES)


def shield_http(
    place: Place,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    *,
    is_armed: bool,
    **more: Any,  # noqa: ANN401  (what `PartnerHttp` takes besides)
) -> PartnerHttp:
    """Return what speaks to Shield's one path, and to nothing else.

    Args:
        place: Where it is.
        limits: How long and how much.
        is_armed: Whether somebody allowed the production system to be spoken to.
        more: What `PartnerHttp` takes besides.

    Raises:
        NotArmed: It is the production system, and nobody did.
    """
    if place.is_production and not is_armed:
        raise NotArmed(SHIELD_NAME, urlsplit(place.base_url).hostname or "")
    return PartnerHttp(f"{place.base_url}{_PATH}", limits, **more)


class Shield:
    """Ask Shield about hashes.

    Args:
        http: Of `shield_http`.
        user: Of the account.
        password: Of the account.
        most_at_a_time: How many hashes one call asks about.
        is_null_no_match: Whether null stands for "no known match". The service's client says so in words, and breaks
            at one; whoever has an account can find out. Until then null is no answer.

    Raises:
        ValueError: ``http`` would speak to more than Shield's one path.
    """

    def __init__(
        self,
        http: PartnerHttp,
        user: str,
        password: str,
        *,
        most_at_a_time: int = _MOST_AT_A_TIME,
        is_null_no_match: bool = False,
    ) -> None:
        if not http.base_url.endswith(_PATH):
            raise ValueError(f"Shield is spoken to at {_PATH} and nowhere else")
        self._http = http
        self._headers = {**basic(user, password), "accept": "application/json"}
        self._most_at_a_time = most_at_a_time
        self._is_null_no_match = is_null_no_match

    def look_up(self, pdq_bits: Sequence[bytes]) -> dict[bytes, ShieldAnswer | None]:
        """Return what Shield says of hashes; None of those that it did not answer.

        Args:
            pdq_bits: 32 bytes each.

        Raises:
            InvalidSignal: One is no PDQ; nothing was sent.
            PartnerUnavailable: It does not answer now. What was asked is still to be asked.
            PartnerRefused: It refuses our account or our question. The same holds.
        """
        return {bits: each for answers in self.batches(pdq_bits) for bits, each in answers.items()}

    def batches(self, pdq_bits: Sequence[bytes]) -> Iterator[dict[bytes, ShieldAnswer | None]]:
        """Give the answers call by call, so that those of earlier ones are kept when a later one fails.

        Raises as `look_up` does.
        """
        texts = {bits: _written(bits) for bits in pdq_bits}  # all are looked at before any is sent
        asked = list(texts)
        for first in range(0, len(asked), self._most_at_a_time):
            together = asked[first : first + self._most_at_a_time]
            told = self._asked([texts[bits] for bits in together])
            yield {bits: self._answer(told, texts[bits]) for bits in together}

    def _asked(self, texts: list[str]) -> Mapping[str, object]:
        answer = self._http.ask("/", {"hashes": texts}, headers=self._headers)
        try:
            document = answer.json()
        except (ValueError, RecursionError):
            raise PartnerUnavailable("its answer is no JSON", status=answer.status) from None
        if not isinstance(document, dict):
            raise PartnerUnavailable("its answer is no JSON object", status=answer.status)
        told = document.get("scanned_hashes")
        if told and not isinstance(told, dict):
            raise PartnerUnavailable("its answer has no scanned hashes", status=answer.status)
        return told or {}

    def _answer(self, told: Mapping[str, object], text: str) -> ShieldAnswer | None:
        if text in told and told[text] is None and self._is_null_no_match:
            return ShieldAnswer(Known.NO_KNOWN_MATCH, Known.NO_KNOWN_MATCH.value)
        # Only what was asked is looked for: what it says besides is nobody's question.
        return _read(told.get(text))


def _written(bits: object) -> str:
    """Return a hash as it is sent: 44 characters of base64, and nothing else ever."""
    text = base64.b64encode(bits).decode("ascii") if isinstance(bits, bytes) and len(bits) == _PDQ_BYTES else ""
    if _TEXT.fullmatch(text) is None:
        raise InvalidSignal("pdq", "Shield is asked about 32 bytes, and about nothing else")
    return text


def _read(told: object) -> ShieldAnswer | None:
    word = told.get("classification") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(word, str) or not word:
        return None
    try:
        known = Known(word)
    except ValueError:
        known = Known.UNKNOWN
    how = told.get("match_type")
    has_details = bool(told.get("near_match_details"))
    if known is Known.NO_KNOWN_MATCH and has_details:
        known = Known.UNKNOWN  # it contradicts itself
    return ShieldAnswer(known, word[:_LONGEST_WORD], how[:_LONGEST_WORD] if isinstance(how, str) else None)
