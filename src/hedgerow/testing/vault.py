"""What every vault owes."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from hedgerow.errors import HedgerowError, InvalidObject, ObjectExists, ObjectMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["VaultConformance"]

_ONE, _OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2
# Around a segment and its tag, a part of an upload, and two of them.
_SIZES = (1, 64, 65_600, 65_601, 5 * 1024**2, 8 * 1024**2, 8 * 1024**2 + 1, 20 * 1024**2 + 7)
_NO_NAMES = ("", "0", _ONE.upper(), f"{_ONE}\n", f"../{_ONE[:29]}", _ONE[:31], f"{_ONE}0", "/" + _ONE[:31])
# A disk or a store on another machine may have another clock.
_CLOCKS = timedelta(minutes=15)


class _Stored(NamedTuple):
    name: str
    size_bytes: int
    stored_at: datetime


class _Vault(Protocol):
    """The protocol `hedgerow.evidence.vaults.Vault`, as far as it is tried here: this room lies below that one."""

    def put(self, name: str, chunks: Iterable[bytes]) -> int: ...
    def read(self, name: str) -> Iterator[bytes]: ...
    def size(self, name: str) -> int: ...
    def delete(self, name: str) -> None: ...
    def stored(self) -> Iterable[tuple[str, int, datetime]]: ...
    def sweep(self, before: datetime) -> int: ...


class VaultConformance:
    """Subclass this in your tests and give `vault`; pytest finds the rest.

    >>> import pytest
    >>> from hedgerow.evidence.vaults import LocalVault
    >>> class TestLocal(VaultConformance):
    ...     @pytest.fixture(autouse=True)
    ...     def _folder(self, tmp_path):
    ...         self.folder = tmp_path
    ...
    ...     def vault(self):
    ...         return LocalVault(self.folder)
    """

    objects_listed: ClassVar[int] = 1_100
    """How many objects are listed: more than one answer of a store holds. Fewer take less time with a slow one."""

    def vault(self) -> _Vault:
        """Return a handle on the vault under test, a new one at each call; within one test all on the same vault.

        At the begin of each test the vault is empty.
        """
        raise NotImplementedError

    def test_what_was_put_is_read_by_another_handle(self) -> None:
        """Put objects of awkward sizes, in awkward pieces."""
        vault = self.vault()
        contents = {f"{size:032x}": _content(size) for size in _SIZES}
        for name, content in contents.items():
            assert vault.put(name, _pieces(content)) == len(content)
        for name, content in contents.items():
            assert b"".join(self.vault().read(name)) == content
            assert self.vault().size(name) == len(content)

    def test_a_reader_is_given_pieces_that_fit_any_memory(self) -> None:
        """Read a large object: no piece is larger than 16 MiB."""
        vault = self.vault()
        vault.put(_ONE, _pieces(_content(40 * 1024**2)))
        assert max(len(chunk) for chunk in vault.read(_ONE)) <= 16 * 1024**2

    def test_a_name_is_written_once(self) -> None:
        """Put under a name that is taken: small on small, large on small, small on large."""
        vault = self.vault()
        small, large = _content(100), _content(20 * 1024**2)
        for name, first, second in ((_ONE, small, large), (_OTHER, large, small)):
            vault.put(name, _pieces(first))
            for again in (first, second):
                with _raises(ObjectExists):
                    self.vault().put(name, _pieces(again))
            assert b"".join(vault.read(name)) == first

    def test_of_many_that_put_one_name_exactly_one_wins(self) -> None:
        """Put different objects of both sizes under one name at the same time."""
        for round_ in range(4):
            name = f"{round_:032x}"
            contents = [_content(size + each) for each in range(3) for size in (100, 9 * 1024**2)]
            start = threading.Barrier(len(contents))
            with ThreadPoolExecutor(len(contents)) as threads:
                won = list(threads.map(lambda each: self._wins(name, each, start), contents))  # noqa: B023  (all end within the round)
            assert won.count(True) == 1
            assert b"".join(self.vault().read(name)) == contents[won.index(True)]

    def _wins(self, name: str, content: bytes, start: threading.Barrier) -> bool:
        vault = self.vault()
        start.wait(timeout=60)
        try:
            vault.put(name, _pieces(content))
        except ObjectExists:
            return False
        return True

    def test_what_is_not_there_is_missing(self) -> None:
        """Ask for what was never put; it is said at the call, before a piece is asked for."""
        vault = self.vault()
        for ask in (vault.read, vault.size):
            with _raises(ObjectMissing):
                ask(_ONE)
        assert list(vault.stored()) == []

    def test_an_object_is_not_there_before_it_is_whole(self) -> None:
        """Look while a put is under way."""
        for size in (1_000, 20 * 1024**2):
            vault, name, seen = self.vault(), f"{size:032x}", self.vault()

            def chunks(content: bytes, name: str, seen: _Vault) -> Iterator[bytes]:
                for piece in _pieces(content):
                    yield piece
                    with _raises(ObjectMissing):
                        seen.read(name)
                    with _raises(ObjectMissing):
                        seen.size(name)
                    assert name not in {each[0] for each in seen.stored()}

            vault.put(name, chunks(_content(size), name, seen))
            assert name in {each[0] for each in seen.stored()}

    def test_a_put_whose_source_fails_leaves_nothing(self) -> None:
        """Fail early and late; the failure comes through as it is, and the name is free."""
        for size in (1_000, 20 * 1024**2):
            for failure in (FileNotFoundError("the source"), ValueError("the source"), KeyError("the source")):
                vault, name = self.vault(), f"{size:032x}"
                try:
                    vault.put(name, _failing(_content(size), failure))
                except type(failure) as error:
                    assert error is failure  # noqa: PT017  (no pytest here)
                else:
                    raise AssertionError("the failure of the source did not come through")
                with _raises(ObjectMissing):
                    vault.size(name)
            vault.put(name, [b"now"])
            assert b"".join(vault.read(name)) == b"now"

    def test_what_was_deleted_is_gone(self) -> None:
        """Delete, and delete again; others stay."""
        vault = self.vault()
        vault.put(_ONE, [b"one"])
        vault.put(_OTHER, [b"other"])
        for _ in range(2):
            vault.delete(_ONE)
            with _raises(ObjectMissing):
                self.vault().read(_ONE)
        assert [each[0] for each in vault.stored()] == [_OTHER]
        assert b"".join(vault.read(_OTHER)) == b"other"

    def test_all_objects_are_listed(self) -> None:
        """List many, with sizes and times."""
        vault = self.vault()
        sizes = {f"{number * 0x123456789ABCDEF:032x}": number % 7 + 1 for number in range(self.objects_listed)}
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda each: self.vault().put(each[0], [bytes(each[1])]), sizes.items()))
        listed = [_Stored(*each) for each in self.vault().stored()]
        assert {each.name: each.size_bytes for each in listed} == sizes
        assert len(listed) == len(sizes)
        now = datetime.now(UTC)
        assert all(now - _CLOCKS < each.stored_at < now + _CLOCKS for each in listed)
        assert vault.size(listed[0].name) == listed[0].size_bytes

    def test_sweeping_leaves_objects_alone(self) -> None:
        """Sweep with a time that is later than everything."""
        vault = self.vault()
        vault.put(_ONE, [b"one"])
        vault.put(_OTHER, _pieces(_content(20 * 1024**2)))
        assert vault.sweep(datetime.now(UTC) + timedelta(days=1)) == 0
        assert {each[0] for each in vault.stored()} == {_ONE, _OTHER}

    def test_names_of_another_form_are_refused(self) -> None:
        """Try what leads out of a folder, and what is nearly a name."""
        vault = self.vault()
        for name in _NO_NAMES:
            with _raises(InvalidObject):
                vault.put(name, [b"bytes"])
            for ask in (vault.read, vault.size, vault.delete):
                with _raises(InvalidObject):
                    ask(name)
        assert list(vault.stored()) == []

    def test_an_object_without_bytes_is_refused(self) -> None:
        """Put nothing, in two ways; the name stays free."""
        vault = self.vault()
        for nothing in ([], [b"", b""]):
            with _raises(InvalidObject):
                vault.put(_ONE, nothing)
        vault.put(_ONE, [b"", b"something", b""])
        assert b"".join(vault.read(_ONE)) == b"something"


def _content(size: int) -> bytes:
    return random.Random(size).randbytes(size)  # noqa: S311  (bytes to be recognised)


def _pieces(content: bytes) -> Iterator[bytes]:
    """Cut content at odd places, some of them far apart."""
    start, size = 0, 1
    while start < len(content):
        yield content[start : start + size]
        start, size = start + size, size * 3 % 1_300_021 + 1


def _failing(content: bytes, failure: Exception) -> Iterator[bytes]:
    yield from _pieces(content)
    raise failure


@contextmanager
def _raises(kind: type[HedgerowError]) -> Iterator[None]:
    """Hold that something raises this error; pytest is not needed to import this room."""
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")
