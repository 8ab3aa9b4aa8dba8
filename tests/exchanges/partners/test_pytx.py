"""Exchange classes of python-threatexchange, run by us: on the package where it is installed, and on a stand-in."""

# ruff: noqa: ARG002, ARG003, ARG005  (what stands in for a stranger takes what the stranger would be given)

from __future__ import annotations

import dataclasses
import importlib
import json
import logging
import sys
import types
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.exchanges.partners.mirror import Mirror
from tests.exchanges.partners.pytx_stand_in import is_installed, stand_in

from hedgerow.errors import (
    CheckpointStale,
    InvalidExchange,
    OpinionRefused,
    PageUnreadable,
    PartnerRefused,
    PartnerUnavailable,
    ThreatexchangeMissing,
)
from hedgerow.exchanges.http import PartnerHttp
from hedgerow.exchanges.model import Record, Session
from hedgerow.exchanges.partners import pytx
from hedgerow.exchanges.partners.pytx import PythonThreatexchange, PythonThreatexchangeWhole
from hedgerow.exchanges.partners.pytx_values import built, plain, rebuilt

if TYPE_CHECKING:
    from collections.abc import Callable

PDQ, MD5 = "0f" * 32, "ab" * 16
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Color(Enum):
    RED = "r"
    BLUE = "b"


@dataclasses.dataclass
class Inner:
    url: str
    at: int | None = None


@dataclasses.dataclass
class Held:
    number: int
    inner: Inner | None = None
    color: Color = Color.RED
    many: set[int] = dataclasses.field(default_factory=set)


def _users_module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Return a module in which a user's classes are, and what the package has for them."""
    module = types.ModuleType("a_users_exchanges")
    for name in ("exchanges.signal_exchange_api", "exchanges.fetch_state", "exchanges.collab_config", "exchanges.auth"):
        found = vars(importlib.import_module(f"threatexchange.{name}"))
        vars(module).update({key: value for key, value in found.items() if not key.startswith("_")})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Any:
    if not is_installed():
        pytest.skip("NO THREATEXCHANGE: this test checked NOTHING. Run pip install threatexchange.")
    return _users_module(monkeypatch)


@pytest.fixture(params=["stand-in", "package"] if is_installed() else ["stand-in"])
def package(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "stand-in":
        for name in [each for each in sys.modules if each.partition(".")[0] == "threatexchange"]:
            monkeypatch.delitem(sys.modules, name)
        stand_in(monkeypatch)
    return _users_module(monkeypatch)


def made(package: Any, steps: list[Any], **more: Any) -> type:
    """Return a class whose steps are [(updates, place)], and which goes on behind the place that it is given."""

    @dataclasses.dataclass
    class Checkpoint(package.FetchCheckpointBase):  # type: ignore[misc,name-defined]  # of the package
        place: int
        inner: Inner | None = None

        def is_stale(self) -> bool:
            return self.place < 0

    @dataclasses.dataclass
    class Config(package.CollaborationConfigWithDefaults):  # type: ignore[misc,name-defined]  # as above
        wanted: set[int] = dataclasses.field(default_factory=set)

    class Mine(package.SignalExchangeAPIWithSimpleUpdates):  # type: ignore[misc,name-defined]  # as above
        collab: Any = None
        credentials: Any = None

        @classmethod
        def get_name(cls) -> str:
            return "mine"

        @staticmethod
        def get_checkpoint_cls() -> type:
            return Checkpoint

        @staticmethod
        def get_record_cls() -> type:
            found: type = package.FetchedSignalMetadata
            return found

        @staticmethod
        def get_config_cls() -> type:
            return Config

        @classmethod
        def for_collab(cls, collab: Any, credentials: Any = None) -> Any:
            cls.collab, cls.credentials = collab, credentials
            return cls()

        def fetch_iter(self, supported_signal_types: Any, checkpoint: Any) -> Any:
            for updates, place in steps:
                if checkpoint is not None and place <= checkpoint.place:
                    continue
                if isinstance(updates, Exception):
                    raise updates
                yield package.FetchDelta(updates, Checkpoint(place, Inner("u", place)))

    for name, value in more.items():
        setattr(Mine, name, value)
    package.Mine = Mine
    return Mine


@pytest.fixture(autouse=True)
def _offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the classes of these tests be offered, as an installed package offers its own."""
    offered = frozenset({"a_users_exchanges:Mine", "some.module:Class"})
    monkeypatch.setattr(pytx, "allowed_classes", lambda: offered)


def test_a_class_that_nobody_offers_is_not_even_imported(package: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made(package, [])
    monkeypatch.setattr(pytx, "allowed_classes", frozenset)
    with pytest.raises(InvalidExchange, match="entry point"):
        PythonThreatexchange().check(opened().config)


def opened(credentials: dict[str, str] | None = None, **config: Any) -> Session:
    said = {"exchange": "a_users_exchanges:Mine", "environment": "local", **config}
    return Session(said, credentials or {}, PartnerHttp("http://127.0.0.1"), lambda: NOW, Path())


def test_what_a_class_gives_becomes_records_and_withdrawals(package: Any) -> None:
    said = package.FetchedSignalMetadata()
    steps = [
        ({("pdq", PDQ): said, ("video_md5", MD5): said, ("text", "words"): said}, 1),
        ({("pdq", PDQ): None, ("pdq", "nonsense" * 8): said}, 2),
    ]
    made(package, steps)
    mirror = Mirror(PythonThreatexchange())
    assert mirror.fetch(opened())
    records = list(mirror.records.values())
    assert [[(kind, each.value) for kind, each in record.signals] for record in records] == [
        [("video_md5", MD5)],
        [],
        [],
    ]
    assert [each.type for each in records[1].opaque] == ["text"]
    assert records[0].category == "INVESTIGATION_SEED"
    assert not any(value[:12] in key for key in mirror.records for value in (PDQ, MD5, "nonsense"))
    bad = records[2]
    assert bad.refused or bad.opaque  # the package itself leaves it out; another class may not


def test_it_goes_on_from_each_checkpoint_and_they_are_plain_json(package: Any) -> None:
    said = package.FetchedSignalMetadata()
    steps: list[Any] = [({("pdq", f"{number:064x}"): said}, number) for number in range(1, 6)]
    made(package, steps)
    partner = PythonThreatexchange()
    pages = list(partner.pages(opened(), None))
    assert [page.is_end for page in pages] == [False] * 4 + [True]
    assert pages[1].checkpoint["place"] == {"place": 2, "inner": {"url": "u", "at": 2}}
    for number, page in enumerate(pages, 1):
        rest = list(partner.pages(opened(), json.loads(json.dumps(page.checkpoint))))
        assert sum(len(each.items) for each in rest) == 5 - number
        assert rest[-1].is_end
    (end,) = partner.pages(opened(), pages[-1].checkpoint)
    assert (end.items, end.checkpoint) == ((), pages[-1].checkpoint)


def test_a_million_updates_at_once_are_many_pages_and_none_is_lost_when_killed(package: Any) -> None:
    said = package.FetchedSignalMetadata()
    many = {("pdq", f"{number:064x}"): said for number in range(1, 2501)}
    made(package, [(many, 1)])
    partner = PythonThreatexchange()
    pages = list(partner.pages(opened(), None))
    assert [len(page.items) for page in pages] == [1000, 1000, 500]
    assert [page.checkpoint["place"] is None for page in pages] == [True, True, False]
    again = list(partner.pages(opened(), pages[1].checkpoint))  # killed there: the step begins anew
    assert sum(len(page.items) for page in again) == 2500


def test_a_class_that_does_not_go_on_is_one_of_the_other_kind(package: Any) -> None:
    class Whole(package.SignalExchangeAPIWithSimpleUpdates):  # type: ignore[misc,name-defined]  # of the package
        @staticmethod
        def get_checkpoint_cls() -> Any:
            return package.NoCheckpointing

        @staticmethod
        def get_record_cls() -> Any:
            return package.FetchedSignalMetadata

        @staticmethod
        def get_config_cls() -> Any:
            return package.CollaborationConfigBase

        @classmethod
        def for_collab(cls, collab: Any) -> Any:
            return cls()

        def fetch_iter(self, supported_signal_types: Any, checkpoint: Any) -> Any:
            assert checkpoint is None
            yield package.FetchDelta({("pdq", PDQ): package.FetchedSignalMetadata()}, package.NoCheckpointing())

    package.Mine = Whole
    with pytest.raises(InvalidExchange, match="python_threatexchange_whole"):
        PythonThreatexchange().check(opened().config)
    partner = PythonThreatexchangeWhole()
    partner.check(opened().config)
    assert partner.is_whole
    (page,) = partner.pages(opened(), None)
    assert page.is_end
    assert list(partner.pages(opened(), page.checkpoint)) == [page]
    made(package, [])
    with pytest.raises(InvalidExchange, match=r"the kind python_threatexchange$"):
        partner.check(opened().config)


@pytest.mark.parametrize(
    "merge",
    [
        lambda cls, old, new: {**old, **new},
        lambda cls, old, new: old or new,
        lambda cls, old, new: new if old is None else old.merge(new),
        lambda cls, old, new: old,
        lambda cls, old, new: new if old == new else old,
        lambda cls, old, new: [*old, new],
    ],
)
def test_a_class_that_merges_is_refused(package: Any, merge: Any) -> None:
    made(package, [({("pdq", PDQ): package.FetchedSignalMetadata()}, 1)], fetch_value_merge=classmethod(merge))
    with pytest.raises(InvalidExchange, match="only those that replace"):
        list(PythonThreatexchange().pages(opened(), None))


def test_a_class_that_ends_records_by_its_merge_is_understood(package: Any) -> None:
    """As the package's own class for NCMEC does: it tells by the new value."""
    ends = classmethod(lambda cls, old, new: None if new == "deleted" else new)
    made(
        package,
        [({("pdq", PDQ): package.FetchedSignalMetadata()}, 1), ({("pdq", PDQ): "deleted"}, 2)],
        fetch_value_merge=ends,
    )
    first, second = PythonThreatexchange().pages(opened(), None)
    assert isinstance(first.items[0], Record)
    assert not isinstance(second.items[0], Record)
    assert first.items[0].key == second.items[0].key


def test_opinions_of_one_owner_are_named_and_disputes_are_seen(package: Any) -> None:
    category = package.SignalOpinionCategory

    def metadata(*opinions: tuple[str, Any]) -> Any:
        found = package.FetchedSignalMetadata()
        said = []
        for owner, each in opinions:
            opinion = package.SignalOpinion(False, each, {"a tag"})
            opinion.owner_app_id = owner
            said.append(opinion)
        found.get_as_opinions = lambda: said
        return found

    bad, good = category.POSITIVE_CLASS, category.NEGATIVE_CLASS
    made(package, [({("pdq", PDQ): metadata(("7", bad)), ("video_md5", MD5): metadata(("7", bad), ("8", good))}, 1)])
    (page,) = PythonThreatexchange().pages(opened(), None)
    one, two = page.items
    assert isinstance(one, Record)
    assert isinstance(two, Record)
    assert (one.contributor, one.category, one.tags, one.is_disputed) == ("7", "POSITIVE_CLASS", ("a tag",), False)
    assert (two.contributor, two.category, two.is_disputed) == (None, "DISPUTED", True)


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (ValueError(PDQ), PageUnreadable),
        (KeyError(PDQ), PageUnreadable),
        (OSError(PDQ), PartnerUnavailable),
        (type("InvalidAuthException", (Exception,), {})(PDQ), PartnerRefused),
        (type("HTTPError", (OSError,), {"response": types.SimpleNamespace(status_code=403)})(PDQ), PartnerRefused),
        (type("HTTPError", (OSError,), {"response": types.SimpleNamespace(status_code=502)})(PDQ), PartnerUnavailable),
    ],
)
def test_what_a_class_raises_is_named_by_its_kind_only(package: Any, raised: Exception, error: type[Exception]) -> None:
    made(package, [({("pdq", MD5 * 2): None}, 1), (raised, 2)])
    pages = PythonThreatexchange().pages(opened(), None)
    got = []
    with pytest.raises(error) as caught:
        got.extend(pages)
    assert PDQ not in f"{caught.value} {vars(caught.value)}"
    assert caught.value.__suppress_context__


def test_what_came_before_an_error_is_kept(package: Any) -> None:
    made(package, [({("pdq", PDQ): package.FetchedSignalMetadata()}, 1), (OSError(), 2)])
    mirror = Mirror(PythonThreatexchange())
    with pytest.raises(PartnerUnavailable):
        mirror.fetch(opened())
    assert len(mirror.records) == 1
    assert mirror.checkpoint is not None
    assert mirror.checkpoint["place"]["place"] == 1


def test_no_signal_is_logged_though_the_package_does(package: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made(package, [({("pdq", "nonsense"): package.FetchedSignalMetadata()}, 1)])
    list(PythonThreatexchange().pages(opened(), None))
    assert "nonsense" not in caplog.text
    logging.getLogger().warning("of somebody else")
    assert "of somebody else" in caplog.text


def test_credentials_and_settings_are_made_for_the_class(package: Any) -> None:
    @dataclasses.dataclass
    class Credentials:
        user: str
        password: str

    mine: Any = made(package, [], get_credential_cls=staticmethod(lambda: Credentials))
    given = {"credentials": json.dumps({"user": "u", "password": "p"})}
    list(PythonThreatexchange().pages(opened(given, settings={"wanted": [1, 2]}), None))
    assert (mine.credentials, mine.collab.wanted) == (Credentials("u", "p"), {1, 2})
    for bad in ("secret", "{}", '{"user": "u", "password": 7}'):
        with pytest.raises(PartnerRefused) as caught:
            list(PythonThreatexchange().pages(opened({"credentials": bad}), None))
        assert bad not in str(caught.value)
    with pytest.raises(InvalidExchange, match="unwanted"):
        PythonThreatexchange().check(opened(settings={"unwanted": 1}).config)


def test_a_checkpoint_that_is_stale_or_of_another_class_begins_anew(package: Any) -> None:
    made(package, [({("pdq", PDQ): package.FetchedSignalMetadata()}, 1)])
    (page,) = PythonThreatexchange().pages(opened(), None)
    good = dict(page.checkpoint)
    for bad in (
        good | {"exchange": "another:Class"},
        good | {"version": 2},
        good | {"place": {"nonsense": 1}},
        good | {"place": {"place": -1}},
    ):
        with pytest.raises(CheckpointStale):
            list(PythonThreatexchange().pages(opened(), bad))


def test_a_checkpoint_that_json_does_not_hold_is_refused(package: Any) -> None:
    mine: Any = made(package, [({}, 1)])
    odd = package.FetchDelta({}, mine.get_checkpoint_cls()(object()))
    mine.fetch_iter = lambda self, types, place: iter([odd])
    with pytest.raises(InvalidExchange, match="cannot be kept: a object"):
        list(PythonThreatexchange().pages(opened(), None))


def test_what_is_no_exchange_class_is_refused(package: Any) -> None:
    package.Mine = object
    for path in (
        "a_users_exchanges:Mine",
        "a_users_exchanges:Nowhere",
        "no_such_module_at_all:Mine",
        "os",
        "os:../x",
        ":",
    ):
        with pytest.raises(InvalidExchange):
            PythonThreatexchange().check(opened(exchange=path).config)


def test_it_has_to_be_armed_unless_it_stays_here(package: Any) -> None:
    place = PythonThreatexchange().place({})
    assert place is not None
    assert place.is_production
    assert PythonThreatexchange().place({"environment": "local"}) is None
    with pytest.raises(OpinionRefused):
        PythonThreatexchange().send(opened(), None)  # type: ignore[arg-type]  # any is refused


def test_without_the_package_the_error_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "threatexchange", None)
    monkeypatch.setitem(sys.modules, "threatexchange.exchanges.signal_exchange_api", None)
    with pytest.raises(ThreatexchangeMissing):
        PythonThreatexchange().check({"exchange": "some.module:Class"})


# ── the package's own classes ────────────────────────────────────────────────────────────────────────────────────


def test_the_package_s_sample_and_its_local_file_are_read(real: Any, tmp_path: Path) -> None:
    name = "threatexchange.exchanges.impl.static_sample:StaticSampleSignalExchangeAPI"
    partner = PythonThreatexchangeWhole()
    partner.check(opened(exchange=name).config)
    (page,) = partner.pages(opened(exchange=name), None)
    assert {kind for each in page.items if isinstance(each, Record) for kind, _ in each.signals} >= {"pdq", "video_md5"}
    (tmp_path / "list.txt").write_text(f"pdq {PDQ}\nvideo_md5 {MD5}\nurl https://example.org\n")
    name = "threatexchange.exchanges.impl.file_api:LocalFileSignalExchangeAPI"
    session = opened(exchange=name, settings={"filename": str(tmp_path / "list.txt")})
    partner.check(session.config)
    (page,) = partner.pages(session, None)
    assert [len(each.signals) for each in page.items if isinstance(each, Record)] == [1, 1, 0]


def test_the_package_s_class_for_ncmec_keeps_its_place_in_plain_json(
    real: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("threatexchange.exchanges.impl.ncmec_api")
    place = module.NCMECCheckpoint(5, module._NCMECPagingInfo("/v2/entries?start=2", 7, 6))
    assert plain(place) == {
        "get_entries_max_ts": 5,
        "paging_info": {"paging_url": "/v2/entries?start=2", "paging_end_ts": 7, "paging_url_ts": 6},
    }
    assert rebuilt(module.NCMECCheckpoint, json.dumps(plain(place))) == place
    client = importlib.import_module("threatexchange.exchanges.clients.ncmec.hash_api")
    entries = [
        client.NCMECEntryUpdate("image1", 42, client.NCMECEntryType.image, False, "A1", {"md5": MD5, "pdq": PDQ}, []),
        client.NCMECEntryUpdate("image2", 43, client.NCMECEntryType.image, True, None, {}, []),
    ]
    monkeypatch.setattr(
        module.NCMECSignalExchangeAPI,
        "fetch_iter",
        lambda self, types, checkpoint: iter(
            [real.FetchDelta({f"{each.member_id}-{each.id}": each for each in entries}, place)]
        ),
    )
    environment = next(iter(client.NCMECEnvironment)).value
    session = opened(
        {"credentials": '{"user": "u", "password": "p"}'},
        exchange="threatexchange.exchanges.impl.ncmec_api:NCMECSignalExchangeAPI",
        settings={"environment": environment, "only_esp_ids": [42]},
    )
    PythonThreatexchange().check(session.config)
    (page,) = PythonThreatexchange().pages(session, None)
    one, two = page.items
    assert isinstance(one, Record)
    assert (one.key, one.contributor) == ("42-image1", "42")
    assert [(kind, each.value) for kind, each in one.signals] == [("pdq", PDQ)]
    assert two.key == "43-image2"
    assert not isinstance(two, Record)


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dataclass_is_plain_json_and_comes_back() -> None:
    for held in (Held(1), Held(2, Inner("u", 3))):
        said = {key: value for key, value in vars(held).items() if key not in {"color", "many"}}
        assert rebuilt(Held, plain(said)) == held
    assert built(Held, {"number": 1, "color": "BLUE", "many": [1, 1]}) == Held(1, None, Color.BLUE, {1})
    assert built(Held, {"number": 1, "color": "b"}).color is Color.BLUE


def _with_more() -> Any:
    held = Inner("u")
    held.more = 1  # type: ignore[attr-defined]  # the point
    return held


@pytest.mark.parametrize(
    "make",
    [
        object,
        lambda: {1},
        lambda: b"bytes",
        lambda: float("nan"),
        lambda: {1: 2},
        lambda: Held(1),
        _with_more,
        lambda: NOW,
    ],
)
def test_what_is_not_plain_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"^a "):
        plain(make())


def test_nesting_without_an_end_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="too deeply"):
        plain(endless)


@pytest.mark.parametrize(
    "said", [{}, {"number": "1"}, {"number": True}, {"more": 1, "number": 1}, {"number": 1, "color": "green"}]
)
def test_values_that_do_not_fit_are_refused_without_being_quoted(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"missing|should be|there is no|choices"):
        built(Held, said)
