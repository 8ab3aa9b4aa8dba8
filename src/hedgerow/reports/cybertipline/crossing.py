"""The rules by which fields of one element have to do with each other: R10 to R14."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from hedgerow.reports.cybertipline.formats import moment
from hedgerow.reports.cybertipline.schema import TEXT, Child, load_schema, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from hedgerow.reports.cybertipline.places import Place
    from hedgerow.reports.cybertipline.schema import Kind
    from hedgerow.reports.cybertipline.shape import Crossing
    from hedgerow.reports.model import Violation

__all__ = ["CROSSINGS"]


def _below(place: Place, kind_of: str, name: str) -> Place:
    """Go to a child or an attribute of an element, wherever in the document that is."""
    kind = _kind_named(kind_of)
    return place.attribute(kind.attributes[name[1:]]) if name.startswith("@") else place.child(kind.children[name])


@cache
def _kind_named(name: str) -> Kind:
    below = (each.kind for _, each in walk(load_schema().roots["report"]) if isinstance(each, Child))
    return next(kind for kind in below if kind.name == name)


def _phone(said: Mapping[str, Any], place: Place, _now: datetime) -> Iterator[Violation]:
    code, number = said.get("@countryCallingCode"), said.get(TEXT)
    if isinstance(code, str) and isinstance(number, str):
        digits = re.sub(r"[^0-9+]", "", number)
        if code.lstrip("+") and re.match(rf"\+|(?:00)?{re.escape(code.lstrip('+'))}", digits):
            yield place.breaks(
                "R10",
                "it begins with the country calling code, which is stated beside it: leave the code out in one of the "
                "two places",
            )
    yield from _verified("phone", said, place)


def _email(said: Mapping[str, Any], place: Place, _now: datetime) -> Iterator[Violation]:
    yield from _verified("email", said, place)


def _verified(kind: str, said: Mapping[str, Any], place: Place) -> Iterator[Violation]:
    if "@verificationDate" in said and said.get("@verified") is not True:
        yield _below(place, kind, "@verified").breaks("R11", "it has to be true where it is stated when that was")


def _disabled(kind: str) -> Crossing:
    def check(said: Mapping[str, Any], place: Place, _now: datetime) -> Iterator[Violation]:
        disabled, told, again = (
            moment(said.get(name)) for name in ("@disabledDate", "@userNotifiedDate", "@reenabledDate")
        )
        if disabled is None:
            return
        if told is not None and told < disabled:
            yield _below(place, kind, "@userNotifiedDate").breaks("R12", "it lies before the account was disabled")
        if again is not None and again <= disabled:
            yield _below(place, kind, "@reenabledDate").breaks("R12", "it does not lie after the account was disabled")

    return check


def _location(said: Mapping[str, Any], place: Place, _now: datetime) -> Iterator[Violation]:
    country, region = said.get("countryCode"), said.get("region")
    if not country:
        yield _below(place, "estimatedLocation", "countryCode").breaks("R13", "a location has to have its country")
    if country != "US":
        return
    where = _below(place, "estimatedLocation", "region")
    if region is None:
        if said.get("city") is not None:
            yield where.breaks("R13", "a city in the United States has to have its state")
    elif not region or region not in load_schema().words["state"]:
        yield where.breaks("R13", "in the United States it is a state, in two upper-case letters")


def _associated_account(said: Mapping[str, Any], place: Place, _now: datetime) -> Iterator[Violation]:
    if "approximateAge" in said and "dateOfBirth" in said:
        where = _below(place, "associatedAccount", "approximateAge")
        yield where.breaks("R14", "it cannot be there beside the date of birth")


CROSSINGS: Final[dict[str, Crossing]] = {
    "phone": _phone,
    "email": _email,
    "accountTemporarilyDisabled": _disabled("accountTemporarilyDisabled"),
    "accountPermanentlyDisabled": _disabled("accountPermanentlyDisabled"),
    "estimatedLocation": _location,
    "associatedAccount": _associated_account,
}
"""By the name of a kind."""
