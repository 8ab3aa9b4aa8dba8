"""The simulated partners as the tests of whole exchanges want them: what happens there, and what is to be held here."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from tests.exchanges.living import START

from hedgerow.simulators.feed import FeedPlay
from hedgerow.simulators.ncmec_hashes import NcmecHashesPlay
from hedgerow.simulators.stopncii import StopNciiPlay, made_up_records
from hedgerow.simulators.threatexchange import ThreatExchangePlay

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exchanges.living import House

__all__ = ["PARTNERS", "Feed", "Ncmec", "StopNcii", "ThreatExchange"]

Drawn = random.Random
Expected = dict[tuple[str, bytes], tuple[str | None, str | None] | None]
"""By type and bits: category and contributor, or None where that is the adapter's own test's."""

# What any partner's service does now and then; ``slow`` and ``huge`` take time and show nothing more here.
STAGE = (
    *("drop_before", "drop_during", "drop_after", "unauthorized", "too_many", "server_error", "bad_gateway"),
    *("unavailable", "truncated", "not_what_was_asked", "redirect"),
)


class Ncmec:
    """NCMEC's industry list, of two members, in pages of three."""

    kind = "ncmec"
    call = "entries"
    # ``unknown_element`` and ``unknown_classification`` are not among them: they change an entry, but not its time.
    faults = (
        *STAGE,
        *("fractional", "empty_page_with_next", "sour_next", "sour_next=404", "sour_next=503"),
        *("malformed_xml", "hot_second=4", "mutate"),
    )
    credentials: ClassVar = {"user": "simulator", "password": "simulator"}
    names = ("e0", "e1", "e2", "made-up-0", "made-up-3", "made-up-5")
    fetches = 2

    def __init__(self, drawing: Drawn) -> None:
        first = START - timedelta(days=2)
        self.play = NcmecHashesPlay(
            page_size=drawing.choice([2, 3, 1000]),
            cursors=drawing.choice(["offset", "kept"]),
            generated={"hashsharing": 9},
            generated_from=first,
            generated_over=timedelta(days=1),
        )
        self.config = {"base_url": "/hashsharing", "most_in_window": drawing.choice([5, 400_000])}

    def edit(self, drawing: Drawn) -> dict[str, Any]:
        name = drawing.choice(self.names)
        do = drawing.choice(["create", "create", "update", "reclassify", "delete", "recreate", "spoil", "mend"])
        said: dict[str, Any] = {"do": do, "member": drawing.choice([42, 43]), "id": name}
        if do in {"create", "update"}:  # now and then two entries have one value
            value = f"{drawing.randrange(6):032x}"
            said["fingerprints"] = {"md5": value.replace("0", "a"), "sha1": f"{drawing.getrandbits(160) | 1:040x}"}
        if do in {"create", "reclassify"}:
            said["classification"] = drawing.choice([None, "A1", "B2"])
        return said

    def mend(self, house: House[Any]) -> None:
        for name in self.names:  # what was deleted may be spoiled too
            for member in (42, 43):
                house.simulator.edit({"do": "mend", "member": member, "id": name})

    def expected(self) -> Expected:
        claims: dict[tuple[str, bytes], list[tuple[bool, str, str, str | None, str]]] = {}
        for (member, name), (category, prints) in self.play.expected().items():
            for element, value in prints:
                if element in {"md5", "sha1", "pdq"}:
                    claim = (category is None, category or "", f"{member}/{name}", category, str(member))
                    claims.setdefault((element, bytes.fromhex(value)), []).append(claim)
        return {value: min(said)[3:] for value, said in claims.items()}


class StopNcii:
    """StopNCII's set, shuffled or not."""

    kind = "stop_ncii"
    call = "fetch"
    faults = (
        *STAGE,
        "zeros",
        "empty_array",
        "corrupt_page",
        "expired_token",
        "mutate",
        "mutate=ahead",
        "empty_page",
        "repeated",
        "unknown_type",
        "unknown_enum",
        "unknown_enum=hashStatus",
    )
    credentials: ClassVar = {
        "subscription_key": "simulator-subscription",
        "fetch_function_key": "simulator-fetch",
        "feedback_function_key": "simulator-feedback",
        "submit_function_key": "simulator-hashes",
    }
    fetches = 2

    def __init__(self, drawing: Drawn) -> None:
        self.play = StopNciiPlay(
            made_up_records(5), is_shuffled=drawing.random() < 0.5, overlap_s=drawing.choice([0, 20])
        )
        self.config = {"page_size": drawing.randint(1, 5)}

    def edit(self, drawing: Drawn) -> dict[str, Any]:
        kind, value = drawing.choice([("ImagePDQ", "01" * 32), ("ImagePDQ", "AB" * 32), ("VideoMD5", "01" * 16)])
        do = drawing.choice(
            ["create", "create", "update", "withdraw_case", "delete", "reactivate", "feedback", "corrupt", "mend"]
        )
        said = {"do": do, "signalType": kind, "hashValue": value}
        if do == "feedback":
            said["feedbackValue"] = "NotBlocked"
        if do == "create" and drawing.random() < 0.3:
            said["status"] = "Received"
        return said

    def mend(self, house: House[Any]) -> None:
        house.simulator.edit({"do": "mend"})

    def expected(self) -> Expected:
        types = {"ImagePDQ": "pdq", "VideoMD5": "md5"}
        return {
            (types[kind], bytes.fromhex(value)): None for kind, value in self.play.expected({"Active"}) if kind in types
        }


class ThreatExchange:
    """A privacy group of two other members."""

    kind = "fb_threatexchange"
    call = "threat_updates"
    faults = (
        *STAGE,
        "expired_token",
        "throttled",
        "missing_descriptors",
        "empty_array",
        "missing_owner",
        "oscillating",
        "unknown_type",
        "unknown_status",
        "mutate",
        "shuffled",
        "foreign_next",
        "sour_cursor",
    )
    fetches = 2

    def __init__(self, drawing: Drawn) -> None:
        self.play = ThreatExchangePlay(page_limit=drawing.randint(1, 4))
        self.config = {"privacy_group": int(self.play.group)}
        self.credentials = {"api_token": self.play.token}

    def edit(self, drawing: Drawn) -> dict[str, Any]:
        items = [each for each in self.play.items() if each["group"] == self.play.group]
        do = drawing.choice(["create", "update", "delete", "recreate", "react", "other_descriptor"])
        if do == "create" or not items:
            kinds = ["HASH_PDQ", "HASH_MD5", "HASH_VIDEO_MD5", "HASH_SHA256", "TEXT_STRING"]
            return {"do": "create", "count": drawing.randint(1, 4), "type": drawing.choice(kinds)}
        said = {"do": do, "id": drawing.choice(items)["id"]}
        if do in {"update", "other_descriptor"}:
            said["status"] = drawing.choice(["MALICIOUS", "SUSPICIOUS", "NON_MALICIOUS", "UNKNOWN"])
        return said

    def mend(self, house: House[Any]) -> None:
        pass

    def expected(self) -> Expected:
        types = {"HASH_PDQ": "pdq", "HASH_MD5": "md5", "HASH_VIDEO_MD5": "md5", "HASH_SHA256": "sha256"}
        shared = self.play.expected().indicators.values()
        return {(types[kind], bytes.fromhex(value)): None for kind, value in shared if kind in types}


class Feed:
    """A list that another Hedgerow shares, and now and then restores from a backup."""

    kind = "hedgerow"
    call = "entries"
    faults = (*STAGE, "epoch_gone", "unknown_type", "unknown_field", "mutate", "shuffled_within_page", "busy")
    config: ClassVar = {"list": "shared"}
    fetches = 2

    def __init__(self, drawing: Drawn) -> None:
        self.play = FeedPlay(seed=drawing.randrange(100))
        self.credentials = {"key": self.play.key}

    def edit(self, drawing: Drawn) -> dict[str, Any]:
        do = drawing.choice(["create", "create", "update", "delete", "recreate", "restore"])
        if do == "restore":
            return {"do": do, "steps": drawing.randint(1, 3)}
        if do == "create":
            kind = drawing.choice(["pdq", "md5", "sha256", "sha1"])
            return {"do": do, "type": kind, "count": drawing.randint(1, 3), "category": drawing.choice([None, "A1"])}
        said = {"do": do, "id": drawing.randint(1, 8)}
        return said | {"category": drawing.choice(["A1", "B2"])} if do == "update" else said

    def mend(self, house: House[Any]) -> None:
        pass

    def expected(self) -> Expected:
        held = [each for each in self.play.expected().values() if each.kind in {"pdq", "md5", "sha256", "sha1"}]
        return {(each.kind, bytes.fromhex(each.value)): (each.category, each.contributor) for each in held}


PARTNERS: tuple[Callable[[Drawn], Any], ...] = (Ncmec, StopNcii, ThreatExchange, Feed)
