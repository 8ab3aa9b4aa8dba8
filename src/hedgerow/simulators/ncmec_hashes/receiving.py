"""Read the votes that callers send, and judge them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from hedgerow.simulators.cybertipline.schema import XmlRefused, parse_document
from hedgerow.simulators.ncmec_hashes.model import NAMESPACE, Vote, reasons_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow.simulators.ncmec_hashes.holdings import Holdings
    from hedgerow.simulators.stage.model import Request

__all__ = ["VoteRefused", "read_vote"]

_NS: Final = f"{{{NAMESPACE}}}"


class VoteRefused(Exception):
    """A vote that does not count; its text says why.

    Args:
        status: Of HTTP.
        why: Without any value.
    """

    def __init__(self, status: int, why: str) -> None:
        self.status = status
        super().__init__(why)


def read_vote(
    holdings: Holdings, caller: int, asked: Sequence[str], element: str | None, request: Request, at_s: int
) -> Vote:
    """Read a vote about one fingerprint of another member's entry.

    Args:
        holdings: The list.
        caller: The member that votes.
        asked: Member, id and type, as the path has them.
        element: The fingerprint's element; None where the path's type is none.
        request: What was sent.
        at_s: Seconds since 1970.

    Raises:
        VoteRefused: It does not count.
    """
    member, entry_id = asked[0], unquote(asked[1])
    entry = holdings.entry((int(member), entry_id)) if member.isdecimal() else None
    if entry is None or entry.is_deleted:
        raise VoteRefused(404, "there is no such entry")
    if element is None or element not in dict(entry.fingerprints):
        raise VoteRefused(404, "the entry has no fingerprint of this type")
    if entry.member == caller:
        raise VoteRefused(403, "nobody votes about an entry of their own")
    if request.headers.get("content-type", "").partition(";")[0].strip().casefold() != "application/xml":
        raise VoteRefused(415, "the content type must be application/xml")
    try:
        root = parse_document(request.body)
    except XmlRefused:
        raise VoteRefused(400, "the document is not well formed") from None
    is_affirmative, reasons = _opinion(root)
    if not is_affirmative and not (reasons and reasons_of(holdings.environment, element).keys() >= set(reasons)):
        raise VoteRefused(400, "a negative vote needs reasons of this type and list")
    return Vote(holdings.environment, caller, entry.member, entry.id, element, is_affirmative, reasons, at_s)


def _opinion(root: Any) -> tuple[bool, tuple[str, ...]]:  # noqa: ANN401  (an element of lxml)
    if root.tag != f"{_NS}feedbackSubmission" or len(root) != 1:
        raise VoteRefused(400, "the document must be a feedbackSubmission with one vote")
    vote = root[0]
    if vote.tag == f"{_NS}affirmative" and not len(vote):
        return True, ()
    if vote.tag != f"{_NS}negative" or [each.tag for each in vote] != [f"{_NS}reasonIds"]:
        raise VoteRefused(400, "a vote is affirmative, or negative with reasonIds")
    if any(each.tag != f"{_NS}guid" for each in vote[0]):
        raise VoteRefused(400, "reasonIds has nothing but guid")
    return False, tuple(dict.fromkeys((each.text or "").strip().lower() for each in vote[0]))
