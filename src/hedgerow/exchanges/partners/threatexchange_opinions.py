"""Say something to ThreatExchange: reactions to the descriptors of others, and descriptors of our own.

The rules:

1. To agree is the reaction ``HELPFUL``, to dispute ``DISAGREE_WITH_TAGS``, to have seen ``SAW_THIS_TOO``. What was said
   before and contradicts it is taken back first: both at once would say nothing. To take everything back removes the
   three.
2. Nobody can react to a descriptor of one's own, so that we react to those of others. One that is gone is passed over;
   where all are gone, nobody is left to hear it.
3. Where the configuration says so, to agree also makes a descriptor of ours in the group. To dispute, or to take back,
   deletes it. One that somebody made with the same app by other means is left as it is, and not deleted: descriptions
   tell which is which.
4. All of it can be done again without a change, so that an answer that was lost costs nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import OpinionRefused, PartnerUnavailable
from hedgerow.exchanges.model import Sayings
from hedgerow.exchanges.partners.threatexchange_graph import Refused
from hedgerow.exchanges.partners.threatexchange_wire import app_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hedgerow.exchanges.model import Saying
    from hedgerow.exchanges.partners.threatexchange_graph import Graph

__all__ = ["DESCRIPTION", "say"]

DESCRIPTION: Final = "Confirmed by a reviewer. Published by Hedgerow."
"""By this we know a descriptor that we made from one that somebody else made with the same app."""

_REACTIONS: Final[Mapping[Sayings, str]] = {
    Sayings.SEEN: "SAW_THIS_TOO",
    Sayings.AGREE: "HELPFUL",
    Sayings.DISPUTE: "DISAGREE_WITH_TAGS",
}
_REMOVED: Final[Mapping[Sayings, tuple[str, ...]]] = {
    Sayings.SEEN: ("HELPFUL", "DISAGREE_WITH_TAGS"),
    Sayings.AGREE: ("DISAGREE_WITH_TAGS",),
    Sayings.DISPUTE: ("HELPFUL",),
    Sayings.NONE: ("HELPFUL", "DISAGREE_WITH_TAGS", "SAW_THIS_TOO"),
}


def say(graph: Graph, config: Mapping[str, Any], said: Saying) -> None:
    """Send an opinion.

    Raises:
        OpinionRefused: Nobody is left to hear it, or the service takes none of it.
        PartnerError: What a call raises.
    """
    publishes = bool(config.get("publishes_descriptors"))
    heard = [_react(graph, number, said) for number in _numbers(said.handle.get("descriptors"))]
    is_heard = any(heard)
    if said.opinion is Sayings.AGREE and publishes:
        _publish(graph, config, said)
        return
    is_retracted = said.opinion in {Sayings.DISPUTE, Sayings.NONE}
    if is_retracted and (publishes or said.handle.get("own") or said.previous is Sayings.AGREE):
        for number in (each for each, is_published in _own(graph, said) if is_published):
            _done(partial(graph.delete, f"/{number}"))
            is_heard = True
    if said.opinion is not Sayings.NONE and not is_heard:
        raise OpinionRefused("nobody else says anything about it any more")


def _react(graph: Graph, number: str, said: Saying) -> bool:
    """React to a descriptor; tell whether it is there."""
    is_first_sight = said.opinion is Sayings.SEEN and said.previous in {None, Sayings.SEEN}
    if not is_first_sight:
        removed = {"reactions_to_remove": ",".join(_REMOVED[said.opinion])}
        if not _done(partial(graph.post, f"/{number}", removed)):
            return False
    reaction = _REACTIONS.get(said.opinion)
    return reaction is None or _done(partial(graph.post, f"/{number}", {"reactions": reaction}))


def _publish(graph: Graph, config: Mapping[str, Any], said: Saying) -> None:
    """Say ourselves what we agreed to. The service keeps one descriptor of an app for each indicator."""
    if any(not is_published for _, is_published in _own(graph, said)):
        return
    form = {
        "indicator": said.value,
        "type": str(said.handle.get("type") or said.type),
        "description": DESCRIPTION,
        "share_level": str(config.get("share_level") or "RED"),
        "status": "MALICIOUS",
        "review_status": "REVIEWED_MANUALLY",
        "privacy_type": "HAS_PRIVACY_GROUP",
        "privacy_members": str(int(config["privacy_group"])),
    }
    if not _done(partial(graph.post, "/threat_descriptors", form)):
        raise OpinionRefused("it takes no descriptor of ours")


def _own(graph: Graph, said: Saying) -> list[tuple[str, bool]]:
    """Return the descriptors of our app for this indicator, and whether each is one that we published."""
    indicator = _numbers([said.handle.get("indicator")])
    found: list[Any] = []

    def ask(number: str) -> None:
        document = graph.get(f"/{number}", {"fields": "descriptors{id,owner{id},description}"})
        shown = document.get("descriptors") if isinstance(document, dict) else None
        found.extend((shown.get("data") or ()) if isinstance(shown, dict) else ())

    if not indicator or not _done(partial(ask, indicator[0])):
        return []
    app = app_of(graph.token)
    return [
        (number, each.get("description") == DESCRIPTION)
        for each in found
        if isinstance(each, dict) and isinstance(each.get("owner"), dict) and str(each["owner"].get("id")) == app
        for number in _numbers([each.get("id")])
    ]


def _done(call: Callable[[], Any]) -> bool:
    """Make a call; tell whether what it is about is there.

    Raises:
        OpinionRefused: The service does not take what is said.
        PartnerUnavailable: The answer is none of the service's; it is tried again.
        PartnerError: What the call raises.
    """
    try:
        call()
    except Refused as refused:
        if refused.error.is_gone:
            return False
        if refused.error.is_of_a_parameter:
            raise OpinionRefused(f"it answers error {refused.error.code}") from None
        raise refused.as_raised() from None
    except ValueError:
        raise PartnerUnavailable("its answer is no JSON") from None
    return True


def _numbers(values: object) -> Sequence[str]:
    """Return numbers of objects, which may stand in an address; nothing else that a handle may hold."""
    given = values if isinstance(values, list | tuple) else ()
    return [str(each) for each in given if str(each).isascii() and str(each).isdecimal()]
