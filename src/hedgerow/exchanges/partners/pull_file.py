"""Lists that come as files: `pull_file` where a file is the whole list, `pull_file_delta` where it is changes.

For lists in the manner of the IWF's, whose members get a file and no protocol: over HTTPS or SFTP, as CSV or JSON,
packed or not; what its columns mean is said by a mapping (`hedgerow.exchanges.partners.pull_file_mapping`).

The rules:

1. A file is fetched to its end, and read to its end, before anything of it is used. What was cut off is never used.
2. A row that is no signal is refused with the reason, and stops nothing. A file of which more than a share of the rows
   is refused, a whole list that is empty, and one that would withdraw more than a share of what the one before brought,
   wait until a person approves that very file.
3. Of a whole list, what is not in it any more is withdrawn, by whoever applies the pages. Of changes, what is marked as
   deleted is; what is not mentioned stays.
4. A file that has not changed costs one call and changes nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from hedgerow.audit.rules import canonical_json
from hedgerow.errors import ImportUnreadable, OpinionRefused, PageUnreadable
from hedgerow.exchanges.model import Page
from hedgerow.exchanges.partners.pull_file_config import CREDENTIALS, DELTA_FIELDS, FIELDS, place_of_file, plan_of
from hedgerow.exchanges.partners.pull_file_config import delta_plan_of as _delta_plan_of
from hedgerow.exchanges.partners.pull_file_keeping import Counts, Shelf, count_items, counts_from, gone_percent
from hedgerow.exchanges.partners.pull_file_reading import read_items
from hedgerow.exchanges.partners.pull_file_sources import Nothing, Version, source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from hedgerow.exchanges.model import Field, Place, Saying, Sayings, Session
    from hedgerow.exchanges.partners.pull_file_config import Plan
    from hedgerow.exchanges.partners.pull_file_keeping import Shelved

__all__ = ["FileWork", "PullFile", "PullFileDelta"]

_PAGE_ITEMS: Final = 1_000
_SHELF_DIGITS: Final = 24
_SHOWN_DIGITS: Final = 8
_DAY_S: Final = 86_400.0


class FileWork:
    """One source of files and one shelf for them, during one fetch.

    Args:
        session: What to work with.
        kind: The adapter's name.
        role: What the files are for: two of them may be at work at once.
        plan: What the configuration means.
    """

    def __init__(self, session: Session, kind: str, role: str, plan: Plan) -> None:
        said = canonical_json([kind, role, dict(session.config)])
        self.shelf = Shelf(session.folder, hashlib.sha256(said.encode()).hexdigest()[:_SHELF_DIGITS])
        self._session = session
        self._plan = plan

    def fetch(self, path: str, known: Version, params: Mapping[str, Any]) -> Shelved | Nothing:
        """Fetch a file to the shelf, and read it to its end; `Nothing` where none came.

        Raises:
            PartnerError: What fetching it raises.
        """
        plan = self._plan
        with self.shelf.held():
            source = source_of(self._session, self.shelf.folder, size_bytes=plan.size_bytes, total_s=plan.total_s)
            return self.shelf.take(
                hashlib.sha256(canonical_json([path, dict(params)]).encode()).hexdigest(),
                lambda target, version: source.fetch(path, target, version, params),
                known,
                self._counted,
            )

    def names(self, folder: str) -> set[str] | None:
        """List the names in a folder of the source; None where nobody can."""
        plan = self._plan
        with self.shelf.held():
            source = source_of(self._session, self.shelf.folder, size_bytes=plan.size_bytes, total_s=plan.total_s)
            return source.names(folder)

    def _counted(self, path: Path) -> Counts | str:
        try:
            return count_items(read_items(path, self._plan.mapping, self._plan.unpacked_bytes))
        except ImportUnreadable as error:
            return error.problem

    def pages(
        self,
        shelved: Shelved,
        row: int,
        middle: Callable[[int], Mapping[str, Any]],
        end: Mapping[str, Any],
        *,
        is_end: bool,
    ) -> Iterator[Page]:
        """Give a file's pages; before the last one the file is removed.

        Args:
            shelved: The file.
            row: How much of it was given already.
            middle: Makes the checkpoint behind a page from how much was given then.
            end: The checkpoint behind the last page.
            is_end: Whether nothing follows the file.
        """
        items = islice(read_items(shelved.path, self._plan.mapping, self._plan.unpacked_bytes), row, None)
        expected = 0 if shelved.counts is None else shelved.counts.items
        try:
            following = tuple(islice(items, _PAGE_ITEMS))
            while True:
                page, following = following, tuple(islice(items, _PAGE_ITEMS))
                row += len(page)
                if not following:
                    break
                yield Page(page, middle(row), is_end=False, expected=max(0, expected - row))
        except (ImportUnreadable, OSError):
            raise PageUnreadable("the file cannot be read any more", place_of_shelved(shelved)) from None
        self.shelf.clear()
        yield Page(page, end, is_end=is_end, expected=0 if is_end else None)

    def check_refused(self, shelved: Shelved, skip_to: Mapping[str, Any]) -> None:
        """Let a file wait of which too many rows cannot be read.

        Args:
            shelved: The file, which was read to its end.
            skip_to: The checkpoint with which it is taken as it is.

        Raises:
            PageUnreadable: It is to wait.
        """
        counts = shelved.counts
        rows = 0 if counts is None else counts.items
        if counts is None or counts.refused * 100 <= rows * self._plan.refused_percent:
            return
        raise PageUnreadable(
            f"{counts.refused:,} of its {rows:,} rows hold nothing that can be read: is it the mapping?",
            place_of_shelved(shelved),
            skip=f"these {counts.refused:,} rows; the others are taken",
            skip_to=skip_to,
        )

    def check_gone(self, shelved: Shelved, before: Counts | None, skip_to: Mapping[str, Any]) -> None:
        """Let a whole list wait that is empty, or would withdraw too much. Raises as `check_refused` does."""
        counts = shelved.counts
        if counts is None:
            return
        gone = 0.0 if before is None else gone_percent(before, counts)
        if counts.live and gone <= self._plan.shrink_percent:
            return
        had = "" if before is None else f", where the one before had {before.live:,}"
        problem = f"it has {counts.live:,} live rows{had}"
        if counts.live:
            problem += f"; at least {gone:.0f} % of what we hold would be withdrawn"
        raise PageUnreadable(
            problem,
            place_of_shelved(shelved),
            skip="nothing: the file is taken as it is, and what is not in it is withdrawn",
            skip_to=skip_to,
        )


def place_of_shelved(shelved: Shelved) -> str:
    """Say in words which file is meant."""
    return f"the file whose SHA-256 begins with {shelved.digest[:_SHOWN_DIGITS]}"


class _Lists:
    """What both kinds have in common."""

    credential_fields: tuple[Field, ...] | None = CREDENTIALS
    opinions: frozenset[Sayings] = frozenset()
    fetch_every_s: float = _DAY_S / 4

    def place(self, config: Mapping[str, Any]) -> Place | None:
        """Say where the list is; None for the folder of local sources."""
        return place_of_file(config)

    def send(self, session: Session, said: Saying) -> None:  # noqa: ARG002  (the protocol's)
        """Refuse: whoever offers a file takes nothing.

        Raises:
            OpinionRefused: Always.
        """
        raise OpinionRefused("it offers a file, and takes no opinions")


class PullFile(_Lists):
    """A list that is one file, whole: what is not in it any more is withdrawn."""

    name: str = "pull_file"
    title: str = "A list as a file (HTTPS, SFTP)"
    config_fields: tuple[Field, ...] = FIELDS
    is_whole: bool = True

    def check(self, config: Mapping[str, Any]) -> None:
        """Look at a configuration; raises InvalidExchange, which names the field."""
        plan_of(config)

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """Give the whole list from its beginning; nothing at all where the file is the one of the checkpoint.

        Raises:
            PageUnreadable: The file is not there, cannot be read to its end, or is one that a person has to look at.
            PartnerError: What fetching it raises.
        """
        plan = plan_of(session.config)
        work = FileWork(session, self.name, "whole", plan)
        before = dict(checkpoint or {})
        approved = before.pop("approved", None)
        # A file of which only a part was given may have changed the bank; then even an unchanged one is given again.
        # Each giving has a name of its own, which is noted as it begins, and stands in the checkpoint at its end.
        began = work.shelf.notes().get("giving")
        is_known = "digest" in before and began in {None, before.get("giving")}
        version = Version(before.get("etag"), before.get("modified")) if is_known else Version()
        shelved = work.fetch(plan.path, version, {})
        if shelved is Nothing.UNCHANGED:
            return
        if isinstance(shelved, Nothing):
            raise PageUnreadable("it is not there", "the file")
        if shelved.counts is None:
            raise PageUnreadable(shelved.problem or "it cannot be read", place_of_shelved(shelved))
        if is_known and shelved.digest == before["digest"]:
            work.shelf.clear()
            return
        if approved != shelved.digest:
            skip_to = {**before, "approved": shelved.digest}
            work.check_refused(shelved, skip_to)
            work.check_gone(shelved, counts_from(before.get("counts")), skip_to)
        giving = secrets.token_hex(8)
        work.shelf.note(giving=giving)
        end = {
            "digest": shelved.digest,
            "giving": giving,
            "etag": shelved.version.etag,
            "modified": shelved.version.modified,
            "counts": shelved.counts.as_json(),
        }
        # Of a whole list only its end counts: cut off before, it is given again.
        yield from work.pages(shelved, 0, lambda _: before, end, is_end=True)


class PullFileDelta(_Lists):
    """A list that is changes: additions, and rows that are marked as deleted."""

    name: str = "pull_file_delta"
    title: str = "Changes of a list as files (HTTPS, SFTP)"
    config_fields: tuple[Field, ...] = DELTA_FIELDS
    is_whole: bool = False

    def check(self, config: Mapping[str, Any]) -> None:
        """Look at a configuration; raises InvalidExchange, which names the field."""
        _delta_plan_of(config)

    def pages(self, session: Session, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """Give what changed since a checkpoint; without one, the whole list.

        Raises:
            CheckpointStale: The file of which a walk had given a part is not here any more, or is another now.
            PageUnreadable: A file is not there, cannot be read to its end, or is one that a person has to look at.
            PartnerError: What fetching it raises.
        """
        from hedgerow.exchanges.partners.pull_file_changes import Changes  # noqa: PLC0415  (it stands on this file)

        yield from Changes(session, self.name).pages(checkpoint)
