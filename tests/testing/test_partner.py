"""The conformance suite of partners: the example of the guide passes it, and whoever breaks a promise does not."""

from __future__ import annotations

import inspect
import json
import re
import types
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.errors import PageUnreadable, PartnerUnavailable
from hedgerow.exchanges.model import Opaque, Page, Record, Saying, Sayings, Session, Withdrawal
from hedgerow.testing import PartnerConformance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "write-a-partner.md"
_KEY = "a-key-that-is-a-secret"
_SIZE = 3


def _of_the_guide() -> Any:
    """Return the adapter that the guide shows, with opinions besides."""
    code = re.search(r"```python\n(from collections.*?)```", _GUIDE.read_text(), re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)  # noqa: S102  (our own guide)
    return names["ListsPartner"]


class _Http:
    def __init__(self, world: ListsWorld) -> None:
        self._world, self.calls = world, 0

    def get(self, path: str, *, params: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        self.calls += 1
        assert path == "/lists/one"
        assert headers == {"authorization": f"Bearer {_KEY}"}
        body = b"<html>" if self._world.is_spoilt else self._world.answer(int(params["after"]))
        return types.SimpleNamespace(json=lambda: json.loads(body), body=body)

    def send(self, key: str, word: str) -> None:
        self.calls += 1
        self._world.told.append((key, word))

    def close(self) -> None:
        pass


class ListsWorld:
    """A service that keeps changes in their order, and shows each record's latest only."""

    def __init__(self, partner: Any) -> None:
        self.partner = partner
        self.is_spoilt = False
        self.told: list[tuple[str, str]] = []
        self._made = 0
        self._changes: list[dict[str, Any]] = []

    @property
    def secrets(self) -> list[str]:
        return [_KEY, *(each["md5"] for each in self._changes if "md5" in each)]

    def session(self) -> Any:
        return Session({"list": "one"}, {"key": _KEY}, _Http(self), lambda: None, Path())  # type: ignore[arg-type]  # stands in

    def answer(self, after: int) -> bytes:
        latest = {each["id"]: each for each in self._changes}
        left = [each for each in latest.values() if each["seq"] > after]
        left.sort(key=lambda each: int(each["seq"]))
        page = left[:_SIZE]
        end = page[-1]["seq"] if page else after
        return json.dumps({"changes": page, "after": end, "is_end": len(left) <= _SIZE}).encode()

    def _say(self, key: str, **said: Any) -> None:
        self._made += 1
        self._changes.append({"id": key, "seq": self._made, "is_gone": False, "md5": f"{self._made:032x}", **said})

    def create(self, count: int) -> list[str]:
        keys = [f"r{self._made + number}" for number in range(count)]
        for key in keys:
            self._say(key)
        return keys

    def change(self, key: str) -> None:
        self._say(key)

    def withdraw(self, key: str) -> None:
        self._say(key, is_gone=True)

    def restore(self, key: str) -> None:
        self._say(key)

    def create_unknown(self) -> str | None:
        self._say("unknown", kind="of tomorrow")
        return "unknown"

    def spoil(self) -> bool:
        self.is_spoilt = True
        return True

    def mend(self) -> None:
        self.is_spoilt = False

    def expected(self) -> dict[str, str]:
        latest = {each["id"]: each for each in self._changes}
        return {key: each["md5"] for key, each in latest.items() if not each["is_gone"]}

    def said(self, record: Record) -> str:
        if record.opaque:
            return record.opaque[0].value or ""
        assert len(record.signals) == 1
        return record.signals[0][1].value

    def sayings(self, key: str) -> dict[str, Saying]:
        return {each.value: Saying(each, key, {}, "MD5", "00" * 16, None, "token") for each in self.partner.opinions}

    def heard(self) -> frozenset[tuple[str, str]]:
        heard: dict[str, str] = {}
        for key, word in self.told:
            heard[key] = word
            if word == "none":
                del heard[key]
        return frozenset(heard.items())

    def close(self) -> None:
        pass


class Good(_of_the_guide()):  # type: ignore[misc]  # made of text
    """The guide's adapter, which also keeps what it does not know, and tells opinions."""

    opinions = frozenset({Sayings.AGREE, Sayings.NONE})

    def _item(self, said: Mapping[str, Any]) -> Record | Withdrawal:
        if "kind" in said and not said["is_gone"]:
            return Record(said["id"], opaque=(Opaque(said["kind"], said["md5"]),))
        item: Record | Withdrawal = super()._item(said)
        return item

    def send(self, session: Any, said: Saying) -> None:
        session.http.send(said.key, said.opinion.value)


class TestGood(PartnerConformance):
    def world(self) -> Any:
        return ListsWorld(Good())


# ── what the suite must find ─────────────────────────────────────────────────────────────────────────────────────


class _Merges(Good):
    def __init__(self) -> None:
        self._kept: dict[str, Record] = {}

    def _item(self, said: Mapping[str, Any]) -> Record | Withdrawal:
        item = super()._item(said)
        if isinstance(item, Record):
            before = self._kept.get(item.key)
            item = replace(item, signals=(*(before.signals if before else ()), *item.signals))
            self._kept[item.key] = item
        return item


class _TellsNoWithdrawal(Good):
    def pages(self, session: Any, checkpoint: Any) -> Iterator[Page]:
        for page in super().pages(session, checkpoint):
            yield replace(page, items=tuple(each for each in page.items if isinstance(each, Record)))


class _KeepsItsPlaceInMemory(Good):
    after = 0

    def pages(self, session: Any, checkpoint: Any) -> Iterator[Page]:
        for page in super().pages(session, None if checkpoint is None else {"after": self.after}):
            type(self).after = page.checkpoint["after"]
            yield page


class _ChecksPointsTooEarly(Good):
    """Its checkpoint is that of the page behind: whoever is killed in between has lost one."""

    def pages(self, session: Any, checkpoint: Any) -> Iterator[Page]:
        for page in super().pages(session, checkpoint):
            yield replace(page, checkpoint={"after": page.checkpoint["after"] + (0 if page.is_end else _SIZE)})


class _PassesOver(Good):
    def pages(self, session: Any, checkpoint: Any) -> Iterator[Page]:
        try:
            yield from super().pages(session, checkpoint)
        except PageUnreadable:
            yield Page((), {"after": 0 if checkpoint is None else checkpoint["after"]}, is_end=True)


class _TriesForEver(Good):
    def pages(self, session: Any, checkpoint: Any) -> Iterator[Page]:
        for _ in range(1000):
            try:
                yield from super().pages(session, checkpoint)
            except PageUnreadable as error:
                last = error
            else:
                return
        raise last


class _Quotes(Good):
    def pages(self, session: Any, checkpoint: Any) -> Iterator[Page]:
        try:
            yield from super().pages(session, checkpoint)
        except PageUnreadable as error:
            raise PageUnreadable(f"with {session.credentials['key']}", error.place) from None


class _KeysAreValues(Good):
    def _item(self, said: Mapping[str, Any]) -> Record | Withdrawal:
        return replace(super()._item(said), key=said["md5"])


class _DiesOfTheUnknown(Good):
    def _item(self, said: Mapping[str, Any]) -> Record | Withdrawal:
        if "kind" in said:
            raise PartnerUnavailable("what is that?")
        return super()._item(said)


class _DropsTheUnknown(Good):
    def _item(self, said: Mapping[str, Any]) -> Record | Withdrawal:
        return Record(said["id"]) if "kind" in said else super()._item(said)


class _TellsEachTimeAnew(Good):
    told = 0

    def send(self, session: Any, said: Saying) -> None:
        self.told += 1
        session.http.send(said.key, f"{said.opinion.value}{self.told}")


class _GivesNoEnd(Good):
    def pages(self, session: Any, checkpoint: Any) -> Iterator[Page]:
        for page in super().pages(session, checkpoint):
            yield replace(page, is_end=False)


_FOUND_BY = {
    _Merges: "takes_the_place",
    _TellsNoWithdrawal: "told_by_an_update",
    _KeepsItsPlaceInMemory: "any_checkpoint",
    _ChecksPointsTooEarly: "killed",
    _PassesOver: "cannot_be_read",
    _TriesForEver: "cannot_be_read",
    _Quotes: "no_secret",
    _KeysAreValues: "no_secret",
    _DiesOfTheUnknown: "nobody_knows",
    _DropsTheUnknown: "nobody_knows",
    _TellsEachTimeAnew: "send",
    _GivesNoEnd: "plain_json",
}


@pytest.mark.parametrize("broken", list(_FOUND_BY), ids=lambda each: each.__name__)
def test_an_adapter_that_breaks_a_promise_is_found(broken: type[Any]) -> None:
    class Suite(PartnerConformance):
        def world(self) -> Any:
            return ListsWorld(broken())

    tests = dict(inspect.getmembers(Suite(), inspect.ismethod))
    (found_by,) = [name for name in tests if name.startswith("test_") and _FOUND_BY[broken] in name]
    test: Callable[[], None] = tests[found_by]
    with pytest.raises((AssertionError, PartnerUnavailable)):
        test()


def test_a_world_without_secrets_is_no_world_to_look_for_them() -> None:
    class Suite(PartnerConformance):
        def world(self) -> Any:
            world = ListsWorld(Good())
            return types.SimpleNamespace(
                **{name: value for name, value in inspect.getmembers(world) if name[0] != "_" and name != "secrets"},
                secrets=[],
            )

    with pytest.raises(AssertionError, match="no secrets"):
        Suite().test_no_secret_is_in_an_error_a_log_or_a_repr()
