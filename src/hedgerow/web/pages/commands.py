"""What can be done with a single key, and which key that is. Everybody may choose others, or none (WCAG 2.2, 2.1.4).

A page names a command on the button, link or field that carries it out (``data-command``); `keys.js` finds it there.
A command that a page does not show does nothing, and no key does anything while somebody types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hedgerow.web.pages.language import marked

if TYPE_CHECKING:
    from hedgerow.accounts import Preferences

__all__ = ["COMMANDS", "Command", "keys_of"]


@dataclass(frozen=True, slots=True)
class Command:
    """Something that a key stands for.

    Attributes:
        name: What pages call it.
        label: What it does, for people.
        key: Its usual key.
    """

    name: str
    label: str
    key: str


COMMANDS: Final = (
    Command("today", marked("Go to the first page"), "t"),
    Command("next", marked("Take the next case"), "n"),
    Command("confirm", marked("Confirm the match"), "1"),
    Command("not-a-match", marked("Not a match"), "2"),
    Command("escalate", marked("Escalate"), "3"),
    Command("second-opinion", marked("Ask for a second opinion"), "4"),
    Command("skip", marked("Skip, with a reason"), "5"),
    Command("class-a1", marked("Class A1"), "q"),
    Command("class-a2", marked("Class A2"), "w"),
    Command("class-b1", marked("Class B1"), "a"),
    Command("class-b2", marked("Class B2"), "s"),
    Command("note", marked("Write a note"), "e"),
    Command("decide", marked("Record the decision and go on"), "d"),
    Command("undo", marked("Take the last decision back"), "u"),
    Command("release", marked("Give the case back"), "x"),
    Command("reveal", marked("Show the media (hold the key)"), "r"),
    Command("hide", marked("Hide the media"), "h"),
    Command("previous-media", marked("The media before"), "j"),
    Command("next-media", marked("The next media"), "k"),
    Command("text", marked("Open the text"), "o"),
    Command("report", marked("Draft a report"), "p"),
    Command("preview", marked("Look at the report as it will be sent"), "v"),
    Command("approve", marked("Approve the report"), "y"),
    Command("break", marked("Take a break"), "b"),
    Command("keys", marked("Show the keys"), "?"),
)
"""In the order in which they are shown."""


def keys_of(preferences: Preferences) -> dict[str, str]:
    """Return which key stands for which command; empty for who wants none.

    A key that somebody gave to one command no longer stands for the one it usually does.

    >>> from hedgerow.accounts import Preferences
    >>> keys_of(Preferences(keys={"next": "m"}))["next"], keys_of(Preferences(uses_keys=False))
    ('m', {})
    """
    if not preferences.uses_keys:
        return {}
    chosen = {each.name: preferences.keys[each.name] for each in COMMANDS if each.name in preferences.keys}
    taken = set(chosen.values())
    return {
        each.name: chosen.get(each.name, each.key) for each in COMMANDS if each.name in chosen or each.key not in taken
    }
