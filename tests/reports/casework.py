"""Cases to compose reports from: the world that the tests of cases have, with reviewers who look and decide.

Loaded by path, as `strategies` is.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hedgerow.cases import Classification, Form, NewView, Verdict, case_items_of, record_view

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.cases import Case
    from hedgerow.database import Database

__all__ = ["Casework", "Kept", "load"]

HERE = Path(__file__).parent


def load(name: str, path: Path) -> Any:
    """Load a file of tests that is no module of a package."""
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class Casework:
    """Cases, looks and decisions; each method is one transaction."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.database = database
        self.now = now
        self.world = load("cases_conftest", HERE.parent / "cases" / "conftest.py").World(database, now)

    def case(self, *submissions: dict[str, Any]) -> Case:
        """Open a case with these submissions; each has bytes of its own unless it says otherwise."""
        for number, said in enumerate(submissions):
            case = self.world.opened(said.pop("picture", number), **said)
        return self.world.case(case)  # type: ignore[no-any-return]  # the world was loaded by its path

    def submission_ids(self, case: Case) -> list[int]:
        with self.database.read() as connection:
            return [each.submission_id for each in case_items_of(connection, case.id)]

    def decide(
        self,
        case: Case,
        verdict: Verdict = Verdict.CONFIRMED,
        *,
        classification: str | None = "A1",
        tags: tuple[str, ...] = (),
        number: int | None = None,
    ) -> None:
        """Say something about the whole case, or about what came as its ``number``-th cluster."""
        claim = self.world.claim(case)
        said: dict[str, Any] = {"tags": tags} if verdict is Verdict.CONFIRMED else {}
        if classification and verdict is Verdict.CONFIRMED:
            said["classification"] = Classification(classification)
        cluster = None if number is None else self.cluster_ids(case)[number]
        self.world.say(claim, verdict, cluster=cluster, **said)

    def cluster_ids(self, case: Case) -> list[int]:
        with self.database.read() as connection:
            return list(dict.fromkeys(each.cluster_id for each in case_items_of(connection, case.id)))

    def look(
        self,
        case: Case,
        submission: int,
        form: Form = Form.FULL,
        *,
        seconds: float = 5.0,
        intervals: tuple[tuple[float, float], ...] = (),
        user: int | None = None,
        **others: Any,
    ) -> None:
        view = NewView(case.id, submission, user or self.world.ada, form, self.now, seconds, intervals, **others)
        with self.database.write() as connection:
            record_view(connection, view, now=self.now)


class Kept(NamedTuple):
    """What is kept of a submission, as far as a draft needs it."""

    id: int
    submission_id: int | None = None
    name: str | None = None
    object: str | None = "0" * 32
    md5: bytes | None = bytes(16)
    sha1: bytes | None = bytes(20)
    sha256: bytes | None = bytes(32)
    pdq: bytes | None = None
