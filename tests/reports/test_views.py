from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.cases import Form
from hedgerow.errors import ViewedCannotBeStated
from hedgerow.reports.cybertipline.views import refuse_stated_views, view_facts, with_views
from hedgerow.reports.model import ViewFacts

if TYPE_CHECKING:
    from datetime import datetime

    from hedgerow.database import Database

_specification = importlib.util.spec_from_file_location("report_casework", Path(__file__).with_name("casework.py"))
assert _specification is not None
assert _specification.loader is not None
CASEWORK: Any = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(CASEWORK)

NOBODY = ViewFacts(file_viewed=False, exif_viewed=False)


@pytest.fixture
def work(database: Database, now: datetime) -> Any:
    return CASEWORK.Casework(database, now)


def _facts(work: Any, submission: int) -> ViewFacts:
    with work.database.read() as connection:
        return view_facts(connection, submission)


def test_nobody_has_viewed_what_nobody_looked_at(work: Any) -> None:
    case = work.case({})
    assert _facts(work, work.submission_ids(case)[0]) == NOBODY


def test_tiles_blurs_and_glances_are_no_view_of_the_whole(work: Any) -> None:
    case = work.case({})
    submission = work.submission_ids(case)[0]
    for form in (Form.TILE, Form.BLURRED, Form.TEXT):
        work.look(case, submission, form, seconds=60)
    work.look(case, submission, seconds=0.5)
    work.look(case, submission, seconds=60, is_entire=False)
    assert _facts(work, submission) == NOBODY


def test_a_picture_that_one_of_us_saw_in_full_was_viewed(work: Any) -> None:
    case = work.case({}, {})
    first, second = work.submission_ids(case)
    work.look(case, first, seconds=1.0)
    assert _facts(work, first) == ViewFacts(file_viewed=True, exif_viewed=False)
    assert _facts(work, second) == NOBODY


def test_seeking_through_a_video_is_not_viewing(work: Any) -> None:
    case = work.case({"duration_s": 60.0, "media_type": "video/mp4"})
    submission = work.submission_ids(case)[0]
    work.look(case, submission, seconds=40, intervals=((0.0, 1.0), (15.0, 16.0), (30.0, 31.0), (59.0, 60.0)))
    work.look(case, submission, seconds=600)  # the poster, for ten minutes
    work.look(case, submission, seconds=30, intervals=((31.0, 59.0),))
    assert _facts(work, submission) == NOBODY


def test_what_two_people_saw_of_a_video_does_not_add_up(work: Any) -> None:
    case = work.case({"duration_s": 60.0, "media_type": "video/mp4"})
    submission = work.submission_ids(case)[0]
    work.look(case, submission, seconds=30, intervals=((0.0, 30.0),))
    work.look(case, submission, seconds=30, intervals=((30.0, 60.0),), user=work.world.ben)
    assert _facts(work, submission) == NOBODY


def test_a_video_that_was_played_to_its_end_was_viewed(work: Any) -> None:
    case = work.case({"duration_s": 60.0, "media_type": "video/mp4"})
    submission = work.submission_ids(case)[0]
    work.look(case, submission, seconds=20, intervals=((0.0, 30.0),))
    work.look(case, submission, seconds=20, intervals=((29.5, 60.0),))
    assert _facts(work, submission).file_viewed


def test_what_a_file_says_about_itself_counts_beside_the_file_only(work: Any) -> None:
    case = work.case({})
    submission = work.submission_ids(case)[0]
    work.look(case, submission, Form.EXIF)
    # Rule R16: the form has no way to say that the one was seen and the other was not.
    assert _facts(work, submission) == ViewFacts(file_viewed=False, exif_viewed=None)
    work.look(case, submission)
    assert _facts(work, submission) == ViewFacts(file_viewed=True, exif_viewed=True)


# ── nobody states it ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"fileViewedByEsp": True}, "report/fileViewedByEsp"),
        ({"fileViewedByEsp": None}, "report/fileViewedByEsp"),
        ({"exifViewedByEsp": "false"}, "report/exifViewedByEsp"),
        ({"FileViewedByESP": True}, "report/fileViewedByEsp"),
        ({" fileviewedbyesp\n": True}, "report/fileViewedByEsp"),
        ({"files": [{}, {"details": {"exifViewedByEsp": 1}}]}, "report/files[2]/details/exifViewedByEsp"),
        ({"files": ({"fileViewedByEsp": 1},)}, "report/files[1]/fileViewedByEsp"),
        ({"a person's name": {"fileViewedByEsp": 1}}, "report/…/fileViewedByEsp"),
    ],
)
def test_what_states_a_view_is_refused_however_deep_and_however_spelt(content: Any, field: str) -> None:
    with pytest.raises(ViewedCannotBeStated) as raised:
        refuse_stated_views(content)
    assert raised.value.field == field
    assert "cannot be typed" in str(raised.value)


def test_the_word_in_a_text_states_nothing() -> None:
    refuse_stated_views({"additionalInfo": "fileViewedByEsp", "files": ["exifViewedByEsp"], "x": None})


@pytest.mark.parametrize(
    ("facts", "stated"),
    [
        (None, {}),
        (ViewFacts(file_viewed=False, exif_viewed=None), {"fileViewedByEsp": False}),
        (NOBODY, {"fileViewedByEsp": False, "exifViewedByEsp": False}),
        (ViewFacts(file_viewed=True, exif_viewed=True), {"fileViewedByEsp": True, "exifViewedByEsp": True}),
    ],
)
def test_a_file_says_what_the_records_say(facts: ViewFacts | None, stated: dict[str, bool]) -> None:
    details = {"originalFileName": "a.jpg"}
    assert with_views(details, facts) == {"originalFileName": "a.jpg"} | stated
    assert details == {"originalFileName": "a.jpg"}
