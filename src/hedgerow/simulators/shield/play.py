"""The service itself: ``POST /v1/pdq``, and a refusal for whatever else is sent."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from typing import TYPE_CHECKING, Any, Final, Literal

from hedgerow.simulators.shield.model import NO_KNOWN_MATCH, Breach, Known, pdq_from_base64, pdq_from_text
from hedgerow.simulators.stage.model import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hedgerow.simulators.stage.model import Fault, Request

__all__ = ["ShieldPlay"]

_READING_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_EDITS: Final[Mapping[str, frozenset[str]]] = {
    "create": frozenset({"hash", "classification"}),
    "update": frozenset({"hash", "classification"}),
    "delete": frozenset({"hash"}),
}
_FAULT_KINDS: Final[Mapping[str, str]] = {
    "null_answer": "Answer null for the first hash, or for =all of them.",
    "missing_key": "Leave the first hash out of the answer, or =all of them.",
    "unknown_classification": "Classify the first hash as something that is documented nowhere (=WORD).",
}
_ALL: Final = "all"


class ShieldPlay:
    """Project Arachnid's Shield, played: it is asked about hashes, and never given media.

    Args:
        known: What it knows: classifications by PDQ hashes (64 hexadecimal characters, or 44 of base64).
        user: Who may ask.
        password: With which password.
        near_bits: How far from a known hash another still is that picture, in bits, inclusive. Not documented; 31 is
            what the makers of PDQ advise.
        details: Whether ``near_match_details`` is ``one`` object, as both of the service's own clients read it, or a
            ``list`` of them, as it is for media.
        is_null_no_match: Whether null stands for "no known match", as the service's client says of it in words (but
            would break at); otherwise the classification says so.
        most_hashes: How many hashes one call may ask about; not documented, None for any number.

    Attributes:
        breaches: What was sent that is no question about hashes, the oldest first. A test asserts that it is empty.
        asked_count: How many hashes were asked about and answered.
    """

    name = "shield"
    title = "Project Arachnid Shield"
    base_path = ""
    real_names: tuple[str, ...] = ("projectarachnid.com", "projectarachnid.ca", "protectchildren.ca", "c3p.ca")
    calls: tuple[str, ...] = ("pdq", "breach")
    shown_query: tuple[str, ...] = ()
    fault_kinds: Mapping[str, str] = _FAULT_KINDS

    def __init__(
        self,
        known: Mapping[str, str] | None = None,
        *,
        user: str = "simulator",
        password: str = "simulator",  # noqa: S107  (of a simulator on this machine; it guards nothing)
        near_bits: int = 31,
        details: Literal["one", "list"] = "one",
        is_null_no_match: bool = False,
        most_hashes: int | None = None,
    ) -> None:
        self._known: dict[int, Known] = {}
        for text, classification in (known or {}).items():
            bits = pdq_from_text(text)
            self._known[bits] = Known(bits, classification)
        self._credentials = f"{user}:{password}".encode()
        self._near_bits = near_bits
        self._details = details
        self._is_null_no_match = is_null_no_match
        self._most_hashes = most_hashes
        self.breaches: list[Breach] = []
        self.asked_count = 0

    # ── what a test may ask ──

    def expected(self, text: str) -> str:
        """Return how a hash is classified when nothing goes wrong."""
        found = self._nearest(pdq_from_text(text))
        return NO_KNOWN_MATCH if found is None else found.classification

    # ── what the stage asks ──

    def call_of(self, request: Request) -> str | None:
        """Say which call a request is; whatever else is sent is a breach.

        It is remembered here, before credentials are looked at and before any fault: nothing may hide one.
        """
        if request.method == "POST" and request.path in {"/v1/pdq", "/v1/pdq/"}:
            problem = _problem(request.body)
            if problem is not None:
                self._remember(request, problem)
            return "pdq"
        if request.method in _READING_METHODS:
            return None
        self._remember(request, "only hashes may be sent, to /v1/pdq")
        return "breach"

    def is_authorized(self, call: str, request: Request) -> bool:
        """Say whether user and password are right; a breach is refused as one whoever sent it."""
        if call == "breach":
            return True
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.casefold() != "basic":
            return False
        try:
            return hmac.compare_digest(base64.b64decode(given.strip(), validate=True), self._credentials)
        except (binascii.Error, ValueError):
            return False

    def refusal(self, call: str, request: Request) -> Answer:  # noqa: ARG002  (the stage's signature)
        """Answer a caller who may not."""
        answer = _detail("The API username and password are needed in the Authorization header", 401)
        return Answer(401, answer.body, headers={"WWW-Authenticate": 'Basic realm="simulator"'}, note=answer.note)

    def answer(self, call: str, request: Request, now: datetime, fault: Fault | None) -> Answer:  # noqa: ARG002  (as above)
        """Answer a call."""
        if call == "breach":
            return _detail("Only hashes may be sent", 403)
        problem = _problem(request.body)
        if problem is not None:
            return _detail(problem, 400)
        asked: list[str] = json.loads(request.body)["hashes"]
        if self._most_hashes is not None and len(asked) > self._most_hashes:
            return _detail(f"At most {self._most_hashes} hashes may be asked about", 400)
        told = {text: self._told(text) for text in asked}
        if fault is not None:
            _spoil(told, fault)
        self.asked_count += len(asked)
        answer = json_answer({"scanned_hashes": told})
        return Answer(200, answer.body, note=f"{len(asked)} hashes")

    def edit(self, change: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:  # noqa: ARG002  (as above)
        """Change what is known.

        ``create`` and ``update`` take a ``hash`` and its ``classification``; ``delete`` takes a ``hash``.

        Returns:
            ``known``: how many hashes are.

        Raises:
            ValueError: It cannot be done.
        """
        do = change.get("do")
        if not isinstance(do, str) or do not in _EDITS:
            raise ValueError(f"an edit must do one of {', '.join(_EDITS)}")
        unknown = set(change) - _EDITS[do] - {"do"}
        if unknown:
            raise ValueError(f"{do} does not take {', '.join(sorted(unknown))}")
        bits = pdq_from_text(change.get("hash"))
        if (bits in self._known) == (do == "create"):
            raise ValueError("this hash is known already" if do == "create" else "this hash is not known")
        if do == "delete":
            del self._known[bits]
        else:
            classification = change.get("classification")
            if not isinstance(classification, str) or classification in {"", NO_KNOWN_MATCH}:
                raise ValueError(f"classification must be a text, and not {NO_KNOWN_MATCH}")
            self._known[bits] = Known(bits, classification)
        return {"known": len(self._known)}

    def items(self) -> Sequence[Mapping[str, Any]]:
        """Return what is known, for people; then the breaches."""
        known = [
            {"hash": f"{each.bits:064x}"[:8] + "…", "classification": each.classification}
            for each in self._known.values()
        ]
        breaches = [
            {"hash": "none", "classification": f"BREACH: {each.method} {each.path[:80]}, {each.size_bytes:,} bytes"}
            for each in self.breaches
        ]
        return known + breaches

    # ── answers ──

    def _told(self, text: str) -> dict[str, Any] | None:
        bits = pdq_from_base64(text)
        found = None if bits is None else self._nearest(bits)
        if found is None:
            none = {"classification": NO_KNOWN_MATCH, "match_type": None, "near_match_details": None}
            return None if self._is_null_no_match else none
        details = found.details()
        return {
            "classification": found.classification,
            "match_type": "near",  # for hashes always, also where the bits are the same
            "near_match_details": [details] if self._details == "list" else details,
        }

    def _nearest(self, bits: int) -> Known | None:
        """Return the gravest of the near ones, as a video is what the gravest of its frames is; then the nearest."""
        near = [(each.gravity, (each.bits ^ bits).bit_count(), each.bits) for each in self._known.values()]
        _, _, found = min((each for each in near if each[1] <= self._near_bits), default=(0, 0, None))
        return None if found is None else self._known[found]

    def _remember(self, request: Request, problem: str) -> None:
        self.breaches.append(Breach(request.method, request.path, len(request.body), problem))


def _problem(body: bytes) -> str | None:
    """Say what in a body is not a question about hashes; None where it is one."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return "The body is no JSON"
    if not isinstance(told, dict) or set(told) != {"hashes"}:
        return "The body must have hashes, and nothing else"
    hashes = told["hashes"]
    if not isinstance(hashes, list) or not hashes:
        return "hashes must be an array, and not empty"
    if any(pdq_from_base64(each) is None for each in hashes):
        return "Each hash must be 32 bytes in base64"
    return None


def _spoil(told: dict[str, Any], fault: Fault) -> None:
    """Play a fault of the play's own."""
    chosen = list(told) if fault.argument == _ALL else list(told)[:1]
    if fault.kind == "unknown_classification":
        details = {"match_type": "near", "near_match_details": None}
        told[chosen[0]] = {"classification": fault.argument or "something-new", **details}
        return
    for text in chosen:
        if fault.kind == "missing_key":
            del told[text]
        else:
            told[text] = None


def _detail(text: str, status: int) -> Answer:
    answer = json_answer({"detail": f"{text} (SIMULATOR)."}, status)
    return Answer(status, answer.body, note=text)
