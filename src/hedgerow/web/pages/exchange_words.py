"""The words of exchanges for people: states, opinions, and what the partners' adapters say of their fields.

Adapters know no pages: they say in English what a field is for, and pages say it in the reader's language. A test wants
each sentence of ours here; what an installed package brings stays as it is.
"""

from __future__ import annotations

import json
from typing import Final

from hedgerow.web.pages.language import marked

__all__ = ["ENDS", "FIELDS", "HELPS", "MODES", "OPINION_STATES", "REASONS", "SAYINGS", "STATES", "TITLES", "typed"]

STATES: Final = {
    "off": (marked("Switched off"), ""),
    "stopped": (marked("Stopped"), "bad"),
    "unreadable": (marked("A page cannot be read"), "bad"),
    "failed": (marked("Failed"), "bad"),
    "fetching": (marked("Being fetched"), ""),
    "new": (marked("Waits"), ""),
    "partial": (marked("Holds a part"), ""),
    "current": (marked("Holds everything"), "good"),
}
"""State → what people call it, and how it is marked."""
MODES: Final = {"update": marked("What changed"), "walk": marked("Walk through everything")}
SAYINGS: Final = {
    "seen": marked("Seen here"),
    "agree": marked("Agreed with"),
    "dispute": marked("Disputed"),
    "none": marked("Taken back"),
}
REASONS: Final = {
    "different_media": marked("it is another picture or film"),
    "lawful": marked("it is lawful"),
    "low_quality": marked("the signal is poor"),
}
OPINION_STATES: Final = {
    "waiting": (marked("Waits"), ""),
    "acknowledged": (marked("Accepted"), "good"),
    "refused": (marked("Refused"), "bad"),
    "replaced": (marked("Replaced before it was sent"), ""),
}
ENDS: Final = {"read": marked("Could be read later"), "skipped": marked("Left out")}

TITLES: Final = (
    marked("Samples"),
    marked("A file of this machine"),
    marked("A list as a file (HTTPS, SFTP)"),
    marked("Changes of a list as files (HTTPS, SFTP)"),
    marked("Another Hedgerow"),
    marked("A class of python-threatexchange"),
    marked("A class of python-threatexchange that keeps no place"),
)
"""What adapters call their partners, where that is no name."""

FIELDS: Final = {
    "api_token": marked("Access token"),
    "base_url": marked("Another address"),
    "environment": marked("System"),
    "exchange": marked("Class"),
    "feedback_function_key": marked("Key for feedback"),
    "fetch_function_key": marked("Key for fetching"),
    "filename": marked("File"),
    "key": marked("Key"),
    "list": marked("List"),
    "login": marked("Way of logging in"),
    "mapping": marked("Columns"),
    "page_size": marked("Records at a time"),
    "password": marked("Password"),
    "path": marked("Path"),
    "privacy_group": marked("Privacy group"),
    "private_key": marked("Private key"),
    "ready_mapping": marked("Ready-made columns"),
    "signal_type": marked("Signal type"),
    "submit_function_key": marked("Key for submitting"),
    "subscription_key": marked("Subscription key"),
    "token": marked("Token"),
    "user": marked("User name"),
}
"""Field → what people call it; any other is shown as programs have it."""

HELPS: Final = (
    # files, and what several have
    marked("Name of a file in the folder `exchanges` of the data folder."),
    marked("Type of the signals in it, where its lines do not say."),
    marked("Which of the partner's systems."),
    marked("Another address of it, such as that of a simulator; empty for the usual one."),
    # NCMEC
    marked("Take only the entries of the members with these numbers; of all members, where none is given."),
    marked("The same; besides numbers, take_it_down stands for the member of Take It Down."),
    marked("Take no entries of these members: numbers, or take_it_down."),
    marked("What the member of Take It Down is called, or its number, where its name does not say so."),
    marked("Take only entries that have one of these categorizations, by name or GUID."),
    marked("Take no entry that has one of these categorizations, such as those that nobody has confirmed."),
    marked("What NCMEC calls the reason different media, by name or GUID; else its first is given."),
    marked("What NCMEC calls the reason lawful, by name or GUID; else its first is given."),
    marked("What NCMEC calls the reason low quality, by name or GUID; else its first is given."),
    marked("For how many seconds the address of a next page is good."),
    marked("How many entries are walked through at most before what was seen is complete."),
    marked("User name of the list, as NCMEC gave it; each list has its own."),
    marked("Password of that user."),
    # StopNCII
    marked("How many records to ask for at a time."),
    marked("How many seconds of the partner's changes are left out when a page that cannot be read is skipped."),
    marked("Statuses whose hashes are matched, besides Active. Withdrawn and Deleted never are."),
    marked("Tags that go with the feedback Blocked."),
    marked("Whether hashes of our own may be submitted. Whether the service takes them is not known."),
    marked("Key of the function FetchHashes."),
    marked("Key of the subscription; it goes with every call."),
    marked("As HMA names it. The address is part of the configuration here (`base_url`): the same, or empty."),
    marked("Key of the function SubmitFeedback."),
    marked("Key of the function SubmitHashes."),
    # ThreatExchange
    marked("Number of the privacy group."),
    marked("Version of the Graph API."),
    marked("Types of indicators that are fetched, such as HASH_PDQ; all where it is empty."),
    marked("Only what is tagged with one of these counts."),
    marked("Only what one of these apps says counts."),
    marked("How many updates to ask for at a time."),
    marked("Whether the access token is sent in the query instead of a header."),
    marked("Whether to agree also makes a descriptor of our own in the group, so that others see the signal as ours."),
    marked("How far the others may pass on what we publish."),
    marked("Access token of the app that is in the group, such as 1234567890|secret."),
    # lists as files
    marked("https://…, or sftp://host:port/folder; empty for a file in the folder of local sources."),
    marked("Where below that the file is, beginning with a slash."),
    marked("How we log in over HTTPS. Over SFTP it is always by key."),
    marked("Name of the header that holds the key."),
    marked("Key of the SFTP server: a line that ssh-keyscan prints, compared."),
    marked("A mapping that comes with Hedgerow."),
    marked("What the columns mean; without one the list says so itself, as files for `hedgerow bank import` do."),
    marked("A file that would withdraw more than so many percent waits until a person approves it."),
    marked("A file of which more than so many percent of the rows cannot be read waits until a person approves it."),
    marked("Most megabytes of a file as it comes."),
    marked("Most megabytes of a file, unpacked."),
    marked("Most seconds for fetching a file."),
    marked("Our name, for HTTP Basic and SFTP."),
    marked("Our password, for HTTP Basic."),
    marked("Our token, for the login `bearer`."),
    marked("Our key, for the login `header`."),
    marked("Our private key for SFTP, without a passphrase."),
    marked("Where the whole list is, for walks; empty where the changes since ever are it."),
    marked("Name of the query parameter that asks for what changed since."),
    marked("How that time is written."),
    marked("Date of the first file, where names hold dates: 2026-01-31."),
    marked("How often a file with a date is made."),
    marked("Hours before the latest fetch, or the latest whole list, from which changes are asked for again."),
    # others
    marked("The name of the list that is shared."),
    marked("The key that its owner gave you."),
    marked("The class, as module:Class."),
    marked("What the class's own configuration says."),
    marked("Whether the class speaks to somebody, or stays on this machine."),
    marked("What the class's own credentials say, as a JSON object."),
)
"""What adapters say of their fields."""


def typed(value: object) -> str:
    """Return a value of a configuration as somebody types it into a form.

    >>> typed([1, 2]), typed(None), typed(True), typed({"a": 1})
    ('1, 2', '', 'yes', '{"a": 1}')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
