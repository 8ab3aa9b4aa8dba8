from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hedgerow.cases.viewing
from hedgerow.audit import list_entries
from hedgerow.cases import Form, NewView, count_exposures, list_views, record_view, seen_by_us
from hedgerow.errors import InvalidView

if TYPE_CHECKING:
    from conftest import World
    from hedgerow.cases import View


def _view(world: World, form: Form = Form.FULL, seconds: float = 2.0, **others: object) -> View:
    values: dict[str, object] = {"user_id": world.ada, "started_at": world.now} | others
    with world.database.write() as connection:
        return record_view(
            connection,
            NewView(case_id=1, submission_id=1, form=form, seconds=seconds, **values),  # type: ignore[arg-type]  # values of every field
            now=world.now,
        )


def test_a_view_is_found_as_it_was_recorded_with_its_audit_line(world: World) -> None:
    world.opened()
    made = _view(world, reveal="r-1")
    with world.database.read() as connection:
        assert list_views(connection, 1) == [made]
        (line,) = list_entries(connection, action="view.recorded")
    assert (made.share, made.is_complete) == (1.0, True)
    assert (line.actor, line.subject_id, line.details["form"]) == (f"user:{world.ada}", "1", "full")


def test_a_video_is_complete_once_all_of_it_was_played_in_however_many_looks(world: World) -> None:
    world.opened(duration_s=10.0, media_type="video/mp4")
    shares = [_view(world, seconds=6.0, intervals=each) for each in (((0.0, 5.0),), ((9.0, 10.0),), ((4.5, 9.5),))]
    assert [each.is_complete for each in shares] == [False, False, True]
    assert [round(each.share, 3) for each in shares] == [0.5, 0.1, 0.5]
    with world.database.read() as connection:
        assert seen_by_us(connection, 1).is_viewed
        assert [each.view.intervals for each in list_views(connection, 1)] == [
            ((0.0, 5.0),),
            ((9.0, 10.0),),
            ((4.5, 9.5),),
        ]


def test_what_one_began_and_another_ended_nobody_has_seen(world: World) -> None:
    world.opened(duration_s=10.0, media_type="video/mp4")
    _view(world, seconds=6.0, intervals=((0.0, 5.0),))
    assert not _view(world, seconds=6.0, intervals=((5.0, 10.0),), user_id=world.ben).is_complete
    with world.database.read() as connection:
        assert not seen_by_us(connection, 1).is_viewed
        assert len(list_views(connection, 1, user_id=world.ben)) == 1


@pytest.mark.parametrize("form", [Form.TILE, Form.BLURRED, Form.TEXT, Form.EXIF])
def test_no_other_form_is_a_full_view(world: World, form: Form) -> None:
    world.opened()
    assert not _view(world, form, 60.0).is_complete
    with world.database.read() as connection:
        assert seen_by_us(connection, 1) == (False, form is Form.EXIF)


def test_what_is_not_in_the_case_is_not_viewed_there(world: World) -> None:
    world.opened()
    world.opened(account="other")
    with world.database.write() as connection, pytest.raises(InvalidView):
        record_view(connection, NewView(1, 2, world.ada, Form.TILE, world.now), now=world.now)
    with pytest.raises(InvalidView):
        _view(world, reveal="x" * 65)


def test_an_exposure_is_a_reveal_however_many_rows_it_has(world: World) -> None:
    world.opened()
    early = world.now - timedelta(days=1)
    for reveal, form, started in (
        ("a", Form.FULL, world.now),
        ("a", Form.FULL, world.now + timedelta(seconds=3)),
        ("b", Form.FULL, world.now),
        (None, Form.FULL, world.now),
        ("c", Form.BLURRED, world.now),
        ("d", Form.FULL, early),
    ):
        _view(world, form, reveal=reveal, started_at=started)
    with world.database.read() as connection:
        assert count_exposures(connection, world.ada, since=world.now) == 3
        assert count_exposures(connection, world.ada, since=early) == 4
        assert count_exposures(connection, world.ben, since=early) == 0


def test_there_is_no_way_to_change_or_delete_a_view() -> None:
    assert hedgerow.cases.viewing.__file__
    for path in Path(hedgerow.cases.viewing.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"update", "delete"}:
                assert ast.unparse(node.args[0]) != "views"
