"""What every partner's adapter owes."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from hedgerow.errors import CheckpointStale, HedgerowError, PageUnreadable

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence

__all__ = ["PartnerConformance", "PartnerWorld"]


class PartnerWorld(Protocol):
    """A partner's service that does what a test tells it, and how it is reached.

    Nothing in it has to be a network: a class that answers from memory is a world, too.
    """

    @property
    def partner(self) -> Any:  # noqa: ANN401  (`hedgerow.exchanges.model.Partner`: this room lies below that one)
        """The adapter under test."""
        ...

    @property
    def secrets(self) -> Collection[str]:
        """What must never be in an error, a log or a repr: credentials, and values of signals that are there now."""
        ...

    def session(self) -> Any:  # noqa: ANN401  (`hedgerow.exchanges.model.Session`)
        """Return a new session, as a process has that was just started."""
        ...

    def create(self, count: int) -> Sequence[str]:
        """Let the partner have so many new records, and return their keys as the adapter names them."""
        ...

    def change(self, key: str) -> None:
        """Let the partner say something else of a record, in such a way that something said before is said no more."""
        ...

    def withdraw(self, key: str) -> None:
        """Let the partner withdraw a record."""
        ...

    def restore(self, key: str) -> None:
        """Let the partner have a record again that it withdrew."""
        ...

    def create_unknown(self) -> str | None:
        """Let the partner have a record of a type or with a word that nobody knows; None where it cannot."""
        ...

    def spoil(self) -> bool:
        """Let every page be one that cannot be read, until `mend`; False where there is no such thing."""
        ...

    def mend(self) -> None:
        """End `spoil`."""
        ...

    def expected(self) -> Mapping[str, Hashable]:
        """Return what the partner has now: by key, what `said` returns of its record."""
        ...

    def said(self, record: Any) -> Hashable:  # noqa: ANN401  (`hedgerow.exchanges.model.Record`)
        """Return what a record says, in the form of `expected`: its signals at the least."""
        ...

    def sayings(self, key: str) -> Mapping[str, Any]:
        """Return a `Saying` about a record for each opinion that the adapter takes, by its word: ``agree``."""
        ...

    def heard(self) -> Hashable:
        """Return what the partner knows of our opinions now; not how often it was told."""
        ...

    def close(self) -> None:
        """End; nothing is asked any more."""
        ...


@dataclass(slots=True)
class _Copy:
    """What somebody has who took in what pages said, and where updates go on."""

    records: dict[str, Any]
    checkpoint: Any

    def frozen(self) -> _Copy:
        return _Copy(dict(self.records), copy.deepcopy(self.checkpoint))


class PartnerConformance:
    """Subclass this in your tests and give `world`; pytest finds the rest.

    >>> class TestMine(PartnerConformance):
    ...     def world(self):
    ...         return MyWorld(MyPartner())  # see `PartnerWorld`
    """

    records: ClassVar[int] = 12
    """How many records a walk goes through. It should be several pages: let the world make its pages small."""

    most_calls: ClassVar[int] = 200
    """How many calls a fetch of these may take, whatever is wrong with what comes."""

    def world(self) -> PartnerWorld:
        """Return a world without records; it is closed at the end of the test."""
        raise NotImplementedError

    # ── tests ────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_walk_gives_the_whole_set(self) -> None:
        """Walk through nothing, then through everything."""
        with self._opened() as world:
            assert self._synchronised(world).records == {}
            world.create(self.records)
            self._hold(world, self._synchronised(world))

    def test_a_checkpoint_is_plain_json_and_every_page_has_one(self) -> None:
        """Look at each page of a walk."""
        with self._opened() as world:
            world.create(self.records)
            pages = list(self._pages(world, None))
            for page in pages:
                assert isinstance(json.loads(json.dumps(dict(page.checkpoint))), dict)
            assert [page.is_end for page in pages] == [False] * (len(pages) - 1) + [True]

    def test_it_goes_on_from_any_checkpoint_that_it_ever_gave(self) -> None:
        """Fetch between changes; then go on from each checkpoint there was, with what was there then."""
        with self._opened() as world:
            there, saved = _Copy({}, None), list[_Copy]()
            keys = list(world.create(self.records))
            for step in range(4):
                self._update(world, there, saved)
                world.change(keys[step])
                world.withdraw(keys[-1 - step])
                if step == 2:  # noqa: PLR2004  (once what was withdrawn at first was fetched as withdrawn)
                    world.restore(keys[-1])
                world.create(1)
            self._update(world, there, saved)
            self._hold(world, there)
            for each in saved:
                self._update(world, each)
                self._hold(world, each)

    def test_killed_after_any_page_it_goes_on_without_a_gap(self) -> None:
        """Stop a walk after each of its pages, let things change, and go on."""
        with self._opened() as world:
            keys = world.create(self.records)
            count = sum(1 for _ in self._pages(world, None))
            for killed_after in range(1, count):
                there = _Copy({}, None)
                for number, page in enumerate(self._pages(world, None), 1):
                    self._take(there, page)
                    if number == killed_after:
                        break
                world.change(keys[0])
                world.change(keys[-1])
                self._settle(world, there)
                self._hold(world, there)

    def test_what_changes_during_a_walk_is_not_lost(self) -> None:
        """Change, withdraw and create while pages come."""
        with self._opened() as world:
            keys = list(world.create(self.records))
            there = _Copy({}, None)
            for number, page in enumerate(self._pages(world, None)):
                self._take(there, page)
                if number < 3:  # noqa: PLR2004  (as long as a change can be before, at and behind the place)
                    world.change(keys[0])
                    world.withdraw(keys.pop(1))
                    world.change(keys[-1])
                    world.create(1)
            self._settle(world, there)
            self._hold(world, there)

    def test_what_is_said_anew_takes_the_place_of_what_was_said(self) -> None:
        """Change a record: nothing of what it said before is left."""
        with self._opened() as world:
            key, *_ = world.create(3)
            there = self._synchronised(world)
            before = world.expected()[key]
            world.change(key)
            assert world.expected()[key] != before, "the world changed nothing"
            self._settle(world, there)
            self._hold(world, there)

    def test_a_withdrawal_arrives_and_the_record_may_come_back(self) -> None:
        """Withdraw a record, and let it come back, with a fetch after each."""
        with self._opened() as world:
            key, *_ = world.create(3)
            there = self._synchronised(world)
            for does, is_there in ((world.withdraw, False), (world.restore, True), (world.withdraw, False)):
                does(key)
                self._settle(world, there)
                assert (key in there.records) is is_there
                self._hold(world, there)

    def test_a_withdrawal_is_told_by_an_update(self) -> None:
        """Withdraw a record: nobody has to walk through the rest. A source without updates owes no such thing."""
        with self._opened() as world:
            if world.partner.is_whole:
                return
            key, *_ = world.create(3)
            there = self._synchronised(world)
            world.withdraw(key)
            told = [each for page in self._pages(world, there.checkpoint) for each in page.items]
            assert [each.key for each in told if not _is_record(each)].count(key) >= 1

    def test_what_nobody_knows_is_kept_and_stops_nothing(self) -> None:
        """Have a record of an unknown type or with an unknown word among others."""
        with self._opened() as world:
            world.create(2)
            unknown = world.create_unknown()
            world.create(2)
            there = self._synchronised(world)
            self._hold(world, there)
            if unknown is not None:
                record = there.records[unknown]
                assert record.opaque or record.category or record.tags, "nothing of it was kept"

    def test_a_page_that_cannot_be_read_is_reported_and_passed_by_nobody(self) -> None:
        """Spoil the pages: each fetch says so after a few calls; when they are mended, the checkpoint goes on."""
        with self._opened() as world:
            world.create(self.records)
            there = self._synchronised(world)
            world.create(3)
            if not world.spoil():
                return
            for _ in range(2):
                before = there.frozen()
                session = world.session()
                try:
                    for page in world.partner.pages(session, there.checkpoint):
                        self._take(there, page)
                except PageUnreadable as error:
                    assert error.place  # noqa: PT017  (no pytest here)
                    assert (error.skip is None) is (error.skip_to is None)  # noqa: PT017  (as above)
                    json.dumps(error.skip_to)
                else:
                    raise AssertionError("PageUnreadable was not raised")
                finally:
                    assert session.http.calls <= self.most_calls
                    session.http.close()
                assert there.records.keys() >= before.records.keys(), "a page that could not be read withdrew something"
            world.mend()
            self._settle(world, there)
            self._hold(world, there)

    def test_no_secret_is_in_an_error_a_log_or_a_repr(self) -> None:
        """Write down everything that can be, with good and with spoilt pages."""
        with self._opened() as world, _written_down() as written:
            keys = world.create(4)
            session = world.session()
            written.write(repr(session))
            for page in world.partner.pages(session, None):
                written.write(repr(page))
                for each in page.items:
                    written.write(f"{each!r} {each.key}")
            session.http.close()
            written.write(repr(list(world.sayings(keys[0]).values())))
            if world.spoil():
                try:
                    list(self._pages(world, None))
                except HedgerowError as error:
                    written.write("".join(traceback.format_exception(error)))
                    written.write(f"{error!r} {vars(error)!r}")
            everything = written.getvalue()
            assert world.secrets, "the world has no secrets to look for"
            assert not [number for number, each in enumerate(world.secrets) if each in everything]

    def test_to_send_the_same_again_changes_nothing(self) -> None:
        """Send each opinion twice; in the end take them back twice."""
        with self._opened() as world:
            key, *_ = world.create(2)
            self._synchronised(world)
            silence = world.heard()
            sayings = dict(world.sayings(key))
            assert set(sayings) == {each.value for each in world.partner.opinions}
            for said in [sayings[name] for name in ("seen", "agree", "dispute") if name in sayings]:
                self._send(world, said)
                heard = world.heard()
                assert heard != silence
                self._send(world, said)
                assert world.heard() == heard
            if "none" in sayings:
                for _ in range(2):
                    self._send(world, sayings["none"])
                    assert world.heard() == silence

    # ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _opened(self) -> Iterator[PartnerWorld]:
        world = self.world()
        try:
            yield world
        finally:
            world.close()

    def _pages(self, world: PartnerWorld, checkpoint: Any) -> Iterator[Any]:  # noqa: ANN401  (JSON, and pages)
        session = world.session()
        try:
            for page in world.partner.pages(session, checkpoint):
                yield page
                assert session.http.calls <= self.most_calls, "it goes round in circles"
        finally:
            session.http.close()

    def _send(self, world: PartnerWorld, said: Any) -> None:  # noqa: ANN401  (`hedgerow.exchanges.model.Saying`)
        session = world.session()
        try:
            world.partner.send(session, said)
        finally:
            session.http.close()

    def _take(self, there: _Copy, page: Any) -> None:  # noqa: ANN401  (`hedgerow.exchanges.model.Page`)
        """Take in a page with its checkpoint, as the runner does."""
        for each in page.items:
            if _is_record(each):
                there.records[each.key] = each
            else:
                there.records.pop(each.key, None)
        there.checkpoint = json.loads(json.dumps(dict(page.checkpoint)))

    def _update(self, world: PartnerWorld, there: _Copy, saved: list[_Copy] | None = None) -> None:
        """Bring updates; walk where the adapter asks for it, or knows nothing else."""
        start = None if world.partner.is_whole else there.checkpoint
        seen: set[str] = set()
        try:
            for page in self._pages(world, start):
                self._take(there, page)
                seen |= {each.key for each in page.items if _is_record(each)}
                if saved is not None and not world.partner.is_whole:
                    saved.append(there.frozen())
        except CheckpointStale:
            there.checkpoint, start = None, None
            for page in self._pages(world, None):
                self._take(there, page)
                seen |= {each.key for each in page.items if _is_record(each)}
        if start is None:
            there.records = {key: each for key, each in there.records.items() if key in seen}

    def _settle(self, world: PartnerWorld, there: _Copy) -> None:
        """Bring updates to their end, and those that came meanwhile."""
        self._update(world, there)
        self._update(world, there)

    def _synchronised(self, world: PartnerWorld) -> _Copy:
        there = _Copy({}, None)
        self._settle(world, there)
        return there

    def _hold(self, world: PartnerWorld, there: _Copy) -> None:
        """Hold that a copy is what the partner has, without showing what that is."""
        expected = world.expected()
        assert set(there.records) == set(expected)
        assert not [key for key, record in there.records.items() if world.said(record) != expected[key]]


def _is_record(item: Any) -> bool:  # noqa: ANN401  (a record or a withdrawal)
    return hasattr(item, "signals")


@contextlib.contextmanager
def _written_down() -> Iterator[io.StringIO]:
    """Collect all that is logged, from the lowest level on."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
