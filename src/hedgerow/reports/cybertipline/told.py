"""What a platform tells about an account and a file in the ``context`` of a submission: a contract, read strictly.

Each key is read as the field of the report beside it, and only if it would be accepted there. What does not fit is left
out, with a note that names the key (never what it holds): nothing is guessed, corrected or shortened. Other keys of the
context are the platform's own business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hedgerow.reports.cybertipline.codes import UPLOAD
from hedgerow.reports.cybertipline.crossing import CROSSINGS
from hedgerow.reports.cybertipline.formats import moment
from hedgerow.reports.cybertipline.places import Place
from hedgerow.reports.cybertipline.schema import TEXT, load_schema
from hedgerow.reports.cybertipline.shape import check_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hedgerow.reports.cybertipline.schema import Kind
    from hedgerow.reports.model import Content

__all__ = ["ACCOUNT_KEYS", "FILE_KEYS", "PARTS", "Key", "Reader", "best_ip_event", "ip_event_text"]


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is read.

    Attributes:
        name: In the context.
        field: Of the document; ``person/`` before it where it lies in the person of the account.
        parts: Where it is an object: what its own keys are. See `PARTS`.
        meaning: In plain words.
    """

    name: str
    field: str
    meaning: str
    parts: str | None = None


PARTS: Final[dict[str, dict[str, str]]] = {
    "email": {"address": TEXT, "kind": "@type", "is_verified": "@verified", "verified_at": "@verificationDate"},
    "phone": {
        "number": TEXT,
        "kind": "@type",
        "is_verified": "@verified",
        "verified_at": "@verificationDate",
        "country_code": "@countryCallingCode",
        "extension": "@extension",
    },
    "address": {
        "kind": "@type",
        "street": "address",
        "city": "city",
        "postal_code": "zipCode",
        "us_state": "state",
        "other_state": "nonUsaState",
        "country": "country",
    },
    "ip_event": {
        "ip": "ipAddress",
        "event": "eventName",
        "at": "dateTime",
        "is_proxy": "possibleProxy",
        "port": "port",
    },
    "device": {"kind": "idType", "id": "idValue", "event": "eventName", "at": "dateTime"},
    "location": {
        "city": "city",
        "region": "region",
        "country": "countryCode",
        "is_verified": "@verified",
        "at": "@timestamp",
    },
    "disabled": {
        "at": "@disabledDate",
        "user_told": "@userNotified",
        "user_told_at": "@userNotifiedDate",
        "enabled_again_at": "@reenabledDate",
    },
}
"""The keys of objects, each with its place in the document."""

_SHORT: Final[dict[str, type]] = {"email": str, "phone": str, "disabled": bool}
"""What may be told without an object: a bare text, or true."""

ACCOUNT_KEYS: Final = (
    Key("first_name", "person/firstName", "first name"),
    Key("last_name", "person/lastName", "last name"),
    Key("phones", "person/phone", "phone numbers", "phone"),
    Key("emails", "person/email", "e-mail addresses", "email"),
    Key("addresses", "person/address", "postal addresses", "address"),
    Key("age", "person/age", "age in years"),
    Key("date_of_birth", "person/dateOfBirth", "date of birth, such as 1986-01-31"),
    Key("is_compromised", "compromisedAccount", "whether somebody else had taken the account over"),
    Key("screen_name", "screenName", "screen name"),
    Key("display_names", "displayName", "names that were shown"),
    Key("profile_urls", "profileUrl", "addresses of the profile"),
    Key("bio", "profileBio", "text of the profile"),
    Key("ip_events", "ipCaptureEvent", "from where the account was used", "ip_event"),
    Key("devices", "deviceId", "devices", "device"),
    Key("group", "groupIdentifier", "group"),
    Key("disabled_temporarily", "accountTemporarilyDisabled", "that the account was disabled for a time", "disabled"),
    Key("disabled_permanently", "accountPermanentlyDisabled", "that the account was disabled for good", "disabled"),
    Key("location", "estimatedLocation", "where the person is thought to be", "location"),
    Key("has_told_all_emails", "allEmailsReported", "whether these are all e-mail addresses of the account"),
)
"""Of ``context.account``, and of each of ``context.recipients`` and ``context.victims``, which have an ``id``, too."""

FILE_KEYS: Final = (
    Key("file_name", "originalFileName", "what the file was called"),
    Key("url", "locationOfFile", "where the file was"),
    Key("is_public", "publiclyAvailable", "whether everybody could see it"),
    Key("ip_events", "ipCaptureEvent", "from where it was uploaded, beside ip_event of the submission", "ip_event"),
    Key("devices", "deviceId", "from which devices it was uploaded", "device"),
)
"""Of ``context`` itself."""

_WORD = re.compile(r"[a-z0-9_]{1,40}")


class Reader:
    """Reads what was told, and notes what it leaves out.

    Args:
        now: What the past ends with.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.notes: list[str] = []

    def account(self, said: object, role: str, person: str, origin: str) -> Content:
        """Read an account into what `personOrUserReported`, `intendedRecipient` or `victim` holds.

        Args:
            said: What was told.
            role: Which of the three.
            person: The name of the person within it.
            origin: What to call it in notes: ``context.account of submission 17``.
        """
        if said is None:
            return {}
        if not isinstance(said, dict):
            self._leave_out(origin, "it is no object")
            return {}
        kind = load_schema().roots["report"].children[role].kind
        self._note_unknown(said, {each.name for each in ACCOUNT_KEYS} | {"id"}, origin)
        content: Content = {}
        inner: Content = {}
        for key in ACCOUNT_KEYS:
            if said.get(key.name) is None:
                continue
            is_inner = key.field.startswith("person/")
            at, field = (kind.children[person].kind, key.field[7:]) if is_inner else (kind, key.field)
            where = f"{key.name} of {origin}"
            if field not in at.children:
                self._leave_out(where, "the report has no such field there")
                continue
            value = self._field(said[key.name], key, at, field, where)
            if value not in (None, []):
                (inner if is_inner else content)[field] = value
        if "id" in said:
            identifier = self._fitting(said["id"], kind.children["espIdentifier"].kind, f"id of {origin}")
            content |= {} if identifier is None else {"espIdentifier": identifier}
        return content | ({person: inner} if inner else {})

    def file(self, context: Mapping[str, Any], origin: str) -> Content:
        """Read what was told about a file; its IP events are a list, of which the document takes one."""
        kind = load_schema().roots["fileDetails"]
        content: Content = {}
        for key in FILE_KEYS:
            said = context.get(key.name)
            if said is None:
                continue
            where = f"{key.name} of {origin}"
            if key.field == "ipCaptureEvent":
                content[key.field] = self.ip_events(said, where)
                continue
            value = self._field(said, key, kind, key.field, where)
            if value not in (None, []):
                content[key.field] = value
        return content

    def ip_events(self, said: object, origin: str) -> list[Content]:
        """Read IP events."""
        kind = load_schema().roots["fileDetails"].children["ipCaptureEvent"].kind
        found = [self._object(each, "ip_event", kind, where) for each, where in _numbered(said, origin)]
        return [each for each in found if each is not None]

    def upload_event(self, said: object, origin: str) -> list[Content]:
        """Read the IP event of a submission: it is of the upload, unless it says something else."""
        if said is None:
            return []
        found = self.ip_events(said if isinstance(said, list) else [said], origin)
        return [{**each, "eventName": each.get("eventName", UPLOAD)} for each in found]

    def web_pages(self, said: object, origin: str) -> list[str]:
        """Read addresses of pages."""
        page = load_schema().roots["report"].children["internetDetails"].kind.children["webPageIncident"].kind
        found = [self._fitting(each, page.children["url"].kind, where) for each, where in _numbered(said, origin)]
        return [each for each in found if isinstance(each, str)]

    def _field(self, said: object, key: Key, kind: Kind, field: str, origin: str) -> Any:  # noqa: ANN401  (any part of content)
        child = kind.children[field]

        def one(value: object, where: str) -> Any:  # noqa: ANN401  (as above)
            if key.parts is None:
                return self._fitting(value, child.kind, where)
            return self._object(value, key.parts, child.kind, where)

        if not child.is_repeated:
            return one(said, origin)
        found = [one(each, where) for each, where in _numbered(said, origin)]
        return [each for each in found if each is not None]

    def _object(self, said: object, parts: str, kind: Kind, origin: str) -> Any:  # noqa: ANN401  (as above)
        """Read an object part by part: a part that does not fit is left out alone, if the rest can stand without it."""
        if isinstance(said, _SHORT.get(parts, ())):
            return self._fitting(said, kind, origin)
        if not isinstance(said, dict):
            self._leave_out(origin, "it is no object")
            return None
        names = PARTS[parts]
        self._note_unknown(said, set(names), origin)
        content: Content = {TEXT: True} if parts == "disabled" else {}
        for name, target in names.items():
            if said.get(name) is None:
                continue
            where = f"{name} of {origin}"
            if target.startswith("@"):
                attribute = kind.attributes.get(target[1:])
                bare = None if attribute is None else _bare(attribute.value)
            elif target == TEXT:
                bare = None if kind.value is None else _bare(kind.value)
            else:
                bare = kind.children[target].kind
            if bare is None:
                self._leave_out(where, "the report has no such field there")
                continue
            value = self._fitting(said[name], bare, where)
            if value is not None:
                content[target] = value
        return self._fitting(content, kind, origin) if content else None

    def _fitting(self, value: object, kind: Kind, origin: str) -> Any:  # noqa: ANN401  (as above)
        """Return a value that the document takes; None, with a note, where it does not."""
        if kind.is_plain and isinstance(value, dict):
            self._leave_out(origin, "it is an object, where one text or number is expected")
            return None
        place = Place(origin, (origin,), "")
        problem = next(check_shape(kind, value, place, now=self._now, crossings=CROSSINGS), None)
        if problem is None:
            return value
        self._leave_out(origin, problem.message.partition(": ")[2].rstrip("."))
        return None

    def _leave_out(self, origin: str, problem: str) -> None:
        self.notes.append(f"{origin[:1].upper()}{origin[1:]} was left out: {problem}.")

    def _note_unknown(self, said: Mapping[str, Any], known: set[str], origin: str) -> None:
        unknown = sorted(str(each) for each in said if each not in known)
        if unknown:
            named = [each for each in unknown if _WORD.fullmatch(each)]
            shown = ", ".join(named) if named else "some keys"
            self.notes.append(f"Of {origin}, {shown} was left out: no report takes it.")


def _bare(value: Any) -> Kind:  # noqa: ANN401  (a Value)
    from hedgerow.reports.cybertipline.schema import Kind  # noqa: PLC0415  (the annotation's own)

    return Kind("", value, {}, {})


def _numbered(said: object, origin: str) -> list[tuple[object, str]]:
    """Give each of a list, or the one, with what to call it."""
    if not isinstance(said, list):
        return [(said, origin)]
    return [(each, f"{origin} ({number})") for number, each in enumerate(said, 1)]


# ── IP events of a file ──────────────────────────────────────────────────────────────────────────────────────────


def best_ip_event(events: Sequence[Content], uploaded_at: datetime | None) -> tuple[Content | None, list[Content]]:
    """Choose the one IP event that the document takes of a file, and give the others.

    An Upload comes before anything else, then what lies nearest to the upload, then what has a time at all.

    >>> best, others = best_ip_event([{"ipAddress": "192.0.2.1", "eventName": "Login"},
    ...                               {"ipAddress": "192.0.2.2", "eventName": "Upload"}], None)
    >>> best["ipAddress"], [each["ipAddress"] for each in others]
    ('192.0.2.2', ['192.0.2.1'])
    """

    def rank(event: Content) -> tuple[bool, bool, float]:
        at = moment(event.get("dateTime"))
        gap = 0.0 if at is None or uploaded_at is None else abs((at - uploaded_at).total_seconds())
        return event.get("eventName") != UPLOAD, at is None, gap

    if not events:
        return None, []
    best = min(range(len(events)), key=lambda number: rank(events[number]))
    return events[best], [each for number, each in enumerate(events) if number != best]


def ip_event_text(event: Mapping[str, Any]) -> str:
    """Write an IP event as a phrase.

    >>> ip_event_text({"ipAddress": "192.0.2.1", "eventName": "Login", "port": 443, "possibleProxy": True})
    '192.0.2.1, port 443 (Login, possibly a proxy)'
    """
    port = f", port {event['port']}" if "port" in event else ""
    proxy = "possibly a proxy" if event.get("possibleProxy") else ""
    about = [str(event.get(name)) for name in ("eventName", "dateTime") if event.get(name)] + ([proxy] if proxy else [])
    return f"{event['ipAddress']}{port}" + (f" ({', '.join(about)})" if about else "")
