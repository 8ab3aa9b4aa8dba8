"""Write what the service answers, as XML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from hedgerow.simulators.ncmec_hashes.model import (
    CATEGORIES,
    LARGE,
    NAMESPACE,
    attribute_of,
    guid_of,
    reasons_of,
    stamp,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hedgerow.simulators.ncmec_hashes.holdings import Holdings
    from hedgerow.simulators.ncmec_hashes.model import Entry, Key, Vote

__all__ = ["categorizations", "document", "entry_text", "members", "page", "reasons", "status"]

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


def document(root: str, inside: str) -> bytes:
    """Write a document of the service's namespace."""
    return f'{_HEAD}<{root} xmlns="{NAMESPACE}">{inside}</{root}>\n'.encode()


def _member(holdings: Holdings, number: int) -> str:
    return f'<member id="{number}">{escape(holdings.members[number])}</member>'


def status(holdings: Holdings, user: str, caller: int) -> bytes:
    """Write who is asking."""
    text = f"<ipAddress>127.0.0.1</ipAddress><username>{escape(user)}</username>{_member(holdings, caller)}"
    return document("status", text)


def members(holdings: Holdings) -> bytes:
    """Write the members of a list."""
    return document("members", "".join(_member(holdings, each) for each in holdings.members))


def categorizations(environment: str) -> bytes:
    """Write the categories of a list."""
    groups = []
    for group, (is_multiple, names) in CATEGORIES.items():
        each = "".join(f'<categorization guid="{guid_of(environment, name)}" name="{name}"/>' for name in names)
        groups.append(f'<group name="{group}" allowMultiple="{str(is_multiple).lower()}">{each}</group>')
    return document("availableCategorizations", "".join(groups))


def _reason(guid: str, name: str, element: str) -> str:
    return f'<reason guid="{guid}" name="{escape(name)}" type="{attribute_of(element)}"/>'


def reasons(environment: str, element: str) -> bytes:
    """Write the reasons that a dispute about a fingerprint may have."""
    known = reasons_of(environment, element)
    return document("availableFeedbackReasons", "".join(_reason(*each, element) for each in known.items()))


def entry_text(holdings: Holdings, entry: Entry, href: Callable[[Entry, str], str], fraction: str) -> str:
    """Write an entry, or its tombstone; a tombstone's parts come in an order of their own.

    Args:
        holdings: The list, for names and votes.
        entry: What to write.
        href: Gives the address of a large fingerprint.
        fraction: What follows the seconds of its timestamp; empty for nothing.
    """
    member, name = _member(holdings, entry.member), escape(entry.id)
    at = f"<timestamp>{stamp(entry.timestamp_s, fraction)}</timestamp>"
    if entry.is_deleted:
        root = f"deleted{entry.kind.title()}"
        return f"<{root}>{member}<id>{name}</id>{at}</{root}>"
    parts = [f"<{entry.kind}>{member}{at}<id>{name}</id>"]
    if entry.classification is not None:
        parts.append(f"<classification>{escape(entry.classification)}</classification>")
    if entry.categories:
        # How the service writes these was not readable anywhere: this is a guess, which a client must live through.
        each = "".join(
            f'<categorization guid="{guid_of(holdings.environment, name)}" name="{name}"/>' for name in entry.categories
        )
        parts.append(f"<categorizations>{each}</categorizations>")
    parts.append("<fingerprints>")
    for element, value in entry.fingerprints:
        if element in LARGE:
            parts.append(f'<{element} rel="self" href="{href(entry, element)}"/>')
        else:
            parts.append(f"<{element}>{escape(value)}</{element}>")
    parts.append(f"</fingerprints>{_feedback(holdings, entry.key)}</{entry.kind}>")
    return "".join(parts)


def _feedback(holdings: Holdings, key: Key) -> str:
    votes = holdings.votes(key)
    if not votes:
        number = holdings.generated.number_of(*key)
        return "<feedback/>" if number is not None and holdings.generated.has_empty_feedback(number) else ""
    written = []
    for is_affirmative in (True, False):
        for element in dict.fromkeys(vote.element for vote in votes):
            of_it = [vote for vote in votes if (vote.element, vote.is_affirmative) == (element, is_affirmative)]
            if of_it:
                written.append(_opinion(holdings, element, of_it))
    last = stamp(max(vote.at_s for vote in votes))
    return f'<feedback lastUpdateTimestamp="{last}">{"".join(written)}</feedback>'


def _opinion(holdings: Holdings, element: str, votes: list[Vote]) -> str:
    root = "affirmativeFeedback" if votes[0].is_affirmative else "negativeFeedback"
    known = reasons_of(holdings.environment, element)
    written = []
    for vote in votes:
        voters = f'<members timestamp="{stamp(vote.at_s)}">{_member(holdings, vote.voter)}</members>'
        why = "".join(_reason(guid, known[guid], element) for guid in vote.reasons)
        written.append(voters if vote.is_affirmative else f"<reasons>{why}{voters}</reasons>")
    last = stamp(max(vote.at_s for vote in votes))
    return f'<{root} type="{attribute_of(element)}" lastUpdateTimestamp="{last}">{"".join(written)}</{root}>'


def page(
    holdings: Holdings,
    places: Iterable[Key | int],
    href: Callable[[Entry, str], str],
    window: tuple[int, int],
    following: str,
    fraction: str,
) -> bytes:
    """Write a page of entries.

    Args:
        holdings: The list.
        places: Keys, or numbers of generated entries.
        href: Gives the address of a large fingerprint.
        window: After when and until when; what has left it by now is left out.
        following: The address of the next page; empty for none.
        fraction: What follows the seconds of timestamps; empty for nothing.
    """
    texts: dict[str, list[str]] = {"image": [], "video": []}
    latest = {"image": 0, "video": 0}
    generated, special = holdings.generated, holdings.special
    after_s, until_s = window
    for place in places:
        if isinstance(place, int) and place not in special and not generated.is_large(place):
            kind = "video" if generated.is_video(place) else "image"
            texts[kind].append(generated.text(place, fraction))
            latest[kind] = max(latest[kind], generated.timestamp_s(place))
            continue
        entry = holdings.entry(holdings.key_of(place))
        if entry is None or not after_s < entry.timestamp_s <= until_s:
            continue
        texts[entry.kind].append(entry_text(holdings, entry, href, fraction))
        latest[entry.kind] = max(latest[entry.kind], entry.timestamp_s)
    written = []
    for kind, each in texts.items():
        if each:
            at = stamp(latest[kind], fraction)
            written.append(f'<{kind}s count="{len(each)}" maxTimestamp="{at}">{"".join(each)}</{kind}s>')
    if not written:
        written.append('<images count="0"/>')
    if following:
        written.append(f"<paging><next>{escape(following)}</next></paging>")
    return document("queryResult", "".join(written))
