"""As much of python-threatexchange as its exchange classes need, where the package itself is not installed.

The tests of the adapter run on this, and on the package where there is one: what holds here must hold there.
"""

# ruff: noqa: ARG003, ARG005  (what stands in for a stranger takes what the stranger would be given)

from __future__ import annotations

import dataclasses
import importlib.util
import logging
import sys
import types
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

__all__ = ["is_installed", "stand_in"]


def is_installed() -> bool:
    return importlib.util.find_spec("threatexchange") is not None


class Category(IntEnum):
    NEGATIVE_CLASS = 0
    INVESTIGATION_SEED = 1
    POSITIVE_CLASS = 2


class Aggregate(IntEnum):
    NEGATIVE_CLASS = 0
    INVESTIGATION_SEED = 1
    POSITIVE_CLASS = 2
    DISPUTED = 3


@dataclasses.dataclass
class SignalOpinion:
    is_mine: bool
    category: Category
    tags: set[str]


@dataclasses.dataclass
class FetchedSignalMetadata:
    def get_as_opinions(self) -> list[SignalOpinion]:
        return [SignalOpinion(False, Category.INVESTIGATION_SEED, set())]

    def get_as_aggregate_opinion(self) -> Any:
        found = {each.category for each in self.get_as_opinions()}
        is_disputed = Category.NEGATIVE_CLASS in found and len(found) > 1
        return types.SimpleNamespace(category=Aggregate.DISPUTED if is_disputed else Aggregate(max(found)))


@dataclasses.dataclass
class FetchCheckpointBase:
    def is_stale(self) -> bool:
        return False


class NoCheckpointing(FetchCheckpointBase):
    def is_stale(self) -> bool:
        return True


@dataclasses.dataclass
class FetchDelta:
    updates: dict[Any, Any]
    checkpoint: Any


@dataclasses.dataclass
class CollaborationConfigBase:
    name: str
    api: str
    enabled: bool


@dataclasses.dataclass
class CollaborationConfigWithDefaults(CollaborationConfigBase):
    api: str = ""
    enabled: bool = True


class SignalExchangeAPI:
    @classmethod
    def for_collab(cls, collab: Any) -> Any:
        raise NotImplementedError

    @classmethod
    def get_name(cls) -> str:
        return cls.__name__.lower()

    @classmethod
    def fetch_value_merge(cls, old: Any, new: Any) -> Any:
        return new


class SignalExchangeAPIWithSimpleUpdates(SignalExchangeAPI):
    @classmethod
    def naive_convert_to_signal_type(cls, signal_types: Any, collab: Any, fetched: Any) -> Any:
        shown: dict[Any, dict[str, Any]] = {}
        for (name, value), metadata in fetched.items():
            for each in signal_types:
                if each.get_name() == name and metadata is not None:
                    logging.warning("Invalid fingerprint: %s", value)  # noqa: LOG015  (what the package does)
                    shown.setdefault(each, {})[value] = metadata
        return shown


class CredentialHelper:
    pass


def _type(name: str) -> Any:
    return type(name, (), {"get_name": classmethod(lambda cls: name)})


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let these modules be imported under the package's names, until the test ends."""
    modules = {
        "threatexchange": {},
        "threatexchange.exchanges": {},
        "threatexchange.exchanges.signal_exchange_api": {
            "SignalExchangeAPI": SignalExchangeAPI,
            "SignalExchangeAPIWithSimpleUpdates": SignalExchangeAPIWithSimpleUpdates,
        },
        "threatexchange.exchanges.fetch_state": {
            each.__name__: each
            for each in (FetchCheckpointBase, NoCheckpointing, FetchDelta, FetchedSignalMetadata, SignalOpinion)
        }
        | {"SignalOpinionCategory": Category},
        "threatexchange.exchanges.collab_config": {
            "CollaborationConfigBase": CollaborationConfigBase,
            "CollaborationConfigWithDefaults": CollaborationConfigWithDefaults,
        },
        "threatexchange.exchanges.auth": {"CredentialHelper": CredentialHelper},
        "threatexchange.signal_type": {},
        "threatexchange.signal_type.pdq": {},
        "threatexchange.signal_type.pdq.signal": {"PdqSignal": _type("pdq")},
        "threatexchange.signal_type.md5": {"VideoMD5Signal": _type("video_md5")},
    }
    for name, held in modules.items():
        module = types.ModuleType(name)
        module.__file__ = __file__
        vars(module).update(held)
        monkeypatch.setitem(sys.modules, name, module)
