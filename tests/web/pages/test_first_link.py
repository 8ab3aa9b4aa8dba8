"""What ``hedgerow serve`` says of the first admin, and to whom."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hedgerow import app
from hedgerow.cli.serve import _welcome
from hedgerow.migrations import open_migrated
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "kettle orbit lantern moss"  # noqa: S105  (nobody's)


def test_the_link_is_printed_where_it_is_asked_for_and_makes_the_first_admin(data: Path) -> None:
    settings = load_settings(data=data)
    said = _welcome(settings, 8080, is_link_shown=True)
    token = re.search(r"open http://127\.0\.0\.1:8080/welcome/(\S+) once", said)
    assert token is not None
    database = open_migrated(settings)
    app.accept_first_admin(database, token[1], "ada", PASSWORD, at=app.now())
    database.close()
    assert "/welcome/" not in _welcome(settings, 8080, is_link_shown=True)


def test_where_what_is_printed_may_end_in_a_log_no_link_is_made(data: Path) -> None:
    settings = load_settings(data=data)
    said = _welcome(settings, 8080, is_link_shown=False)
    assert "/welcome/" not in said
    assert "hedgerow user first-admin" in said
