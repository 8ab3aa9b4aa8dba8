"""Partners that installed packages bring: the good ones work, and the broken ones are named and stop nobody."""

# ruff: noqa: ARG002, ARG005  (what stands in for a stranger takes what the stranger would be given)

from __future__ import annotations

import sys
import types
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.errors import InvalidExchange, PartnerUnavailable, PluginBroken
from hedgerow.exchanges.model import Field, Page, Record, Sayings
from hedgerow.exchanges.partners import plugins
from hedgerow.exchanges.partners.plugins import GROUP, broken_plugins, load_plugins, read_plugins
from hedgerow.exchanges.partners.registry import find_partner

if TYPE_CHECKING:
    from collections.abc import Iterator


class Good:
    name = "good"
    title = "A good one"
    config_fields = (Field("list", "string", "Which list."),)
    credential_fields = None
    is_whole = False
    fetch_every_s = 60
    opinions = frozenset({Sayings.SEEN})

    def check(self, config: Any) -> None:
        if config.get("list") == "bad":
            raise ValueError(f"a secret: {config}")

    def place(self, config: Any) -> None:
        return None

    def pages(self, session: Any, checkpoint: Any) -> Iterator[Page]:
        yield Page((Record("1"),), {"at": 1}, is_end=False)
        if session == "breaks":
            raise KeyError("a signal")
        if session == "fails":
            raise PartnerUnavailable("it sleeps")
        yield Page((), {"at": 2}, is_end=True)

    def send(self, session: Any, said: Any) -> None:
        raise OSError("https://partner.example/?token=secret")


class Another(Good):
    name = "another"


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    made = types.ModuleType("stranger_partners")
    made.Good, made.Another = Good, Another  # type: ignore[attr-defined]  # a module made for the test
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


def point(name: str, attribute: str) -> EntryPoint:
    return EntryPoint(name, f"stranger_partners:{attribute}", GROUP)


def variant(**attributes: Any) -> Any:
    return type("Variant", (Good,), attributes)()


def test_a_class_and_an_object_are_loaded(module: Any) -> None:
    module.made = Another()
    found = read_plugins([point("one", "Good"), point("two", "made")])
    assert set(found.partners) == {"good", "another"}
    assert found.broken == ()
    good = found.partners["good"]
    assert (good.title, good.fetch_every_s, good.opinions) == ("A good one", 60, {Sayings.SEEN})
    assert [page.is_end for page in good.pages("a session", None)] == [False, True]  # type: ignore[arg-type]  # any will do
    good.check({})
    assert good.place({}) is None


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({"name": "Not A Word"}, "name is not a short word"),
        ({"title": ""}, "title is not a text"),
        ({"config_fields": [1]}, "config_fields is not a tuple of fields"),
        ({"credential_fields": "user"}, "credential_fields is not a tuple of fields, or None"),
        ({"is_whole": None}, "is_whole is not a boolean"),
        ({"fetch_every_s": 0}, "fetch_every_s is not seconds"),
        ({"opinions": {"seen"}}, "opinions is not a frozenset of what may be said"),
        ({"pages": 7}, "pages is not a method"),
    ],
)
def test_what_is_no_partner_is_named_and_left_out(module: Any, attributes: dict[str, Any], problem: str) -> None:
    module.made = variant(**attributes)
    found = read_plugins([point("broken_one", "made"), point("good", "Good")])
    assert set(found.partners) == {"good"}
    assert [(each.name, each.problem) for each in found.broken] == [("broken_one", f"its {problem}")]
    assert "broken_one" in str(found.broken[0])


def test_one_that_cannot_be_loaded_is_named_by_its_kind_of_error_only(module: Any) -> None:
    def refuses() -> None:
        raise RuntimeError("with a secret in it")

    def ends() -> None:
        raise SystemExit(3)

    module.Refuses = type("Refuses", (Good,), {"__init__": lambda self: refuses()})
    module.Ends = type("Ends", (Good,), {"__init__": lambda self: ends()})
    module.nothing = None
    found = read_plugins(
        [
            EntryPoint("a_missing_module", "no_such_module_at_all:Partner", GROUP),
            point("b_missing_name", "Nowhere"),
            point("c_refuses", "Refuses"),
            point("d_ends", "Ends"),
            point("e_nothing", "nothing"),
            point("f_good", "Good"),
        ]
    )
    assert set(found.partners) == {"good"}
    assert [(each.name, each.problem) for each in found.broken] == [
        ("a_missing_module", "loading it raises ModuleNotFoundError"),
        ("b_missing_name", "loading it raises AttributeError"),
        ("c_refuses", "loading it raises RuntimeError"),
        ("d_ends", "loading it raises SystemExit"),
        ("e_nothing", "it has no name"),
    ]


def test_none_takes_the_name_of_ours_or_of_another(module: Any) -> None:
    found = read_plugins([point("a", "Good"), point("b", "Good"), point("c", "Another")], taken={"another"})
    assert set(found.partners) == {"good"}
    assert [each.name for each in found.broken] == ["b", "c"]
    assert all("already" in each.problem for each in found.broken)


def test_what_a_stranger_raises_becomes_an_error_of_ours_that_quotes_nothing(module: Any) -> None:
    good = read_plugins([point("strange", "Good")]).partners["good"]
    for call in (
        lambda: good.check({"list": "bad"}),
        lambda: good.send(None, None),  # type: ignore[arg-type]  # any will do
        lambda: list(good.pages("breaks", None)),  # type: ignore[arg-type]  # as above
    ):
        with pytest.raises(PluginBroken, match="strange") as caught:
            call()
        assert "secret" not in str(caught.value)
        assert caught.value.__suppress_context__
    with pytest.raises(PartnerUnavailable, match="it sleeps"):
        list(good.pages("fails", None))  # type: ignore[arg-type]  # as above


def test_a_fetch_that_is_left_off_closes_the_stranger_s_pages(module: Any) -> None:
    closed = []

    def pages(self: Any, session: Any, checkpoint: Any) -> Iterator[Page]:
        try:
            yield Page((), {}, is_end=False)
            yield Page((), {}, is_end=True)
        finally:
            closed.append(True)

    module.made = variant(pages=pages)
    for _ in read_plugins([point("one", "made")]).partners["good"].pages(None, None):  # type: ignore[arg-type]  # as above
        break
    assert closed == [True]


def test_who_asks_for_a_broken_one_is_told_why_it_could_not_be_loaded(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module.made = variant(title="")
    found = read_plugins([EntryPoint("hotline", "no_such_module_at_all:Partner", GROUP), point("kept_lists", "made")])
    monkeypatch.setattr(plugins, "_found", lambda: found)
    with pytest.raises(InvalidExchange, match=r"the plug-in hotline is installed .* raises ModuleNotFoundError"):
        find_partner("hotline")
    # What an entry point is called need not be the kind that it brings
    with pytest.raises(
        InvalidExchange, match=r"kind of exchange called 'good'.*: .*kept_lists, its title is not a text"
    ):
        find_partner("good")


def test_who_asks_for_none_hears_of_no_plug_in_where_none_is_broken() -> None:
    with pytest.raises(InvalidExchange) as caught:
        find_partner("no_such_kind")
    assert "there is no kind of exchange called 'no_such_kind'" in str(caught.value)
    assert "plug-in" not in str(caught.value)


def test_the_installed_ones_are_looked_for_once() -> None:
    assert load_plugins() is load_plugins()
    assert broken_plugins() == ()
