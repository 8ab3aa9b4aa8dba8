from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow.cases import find_draft, save_draft
from hedgerow.errors import CaseNotFound, InvalidDecision

if TYPE_CHECKING:
    from conftest import World


def test_everybody_has_a_draft_of_their_own(world: World) -> None:
    case = world.opened()
    with world.database.write() as connection:
        save_draft(connection, case.id, world.ada, "{}", now=world.now)
    with world.database.read() as connection:
        assert find_draft(connection, case.id, world.ada) == "{}"
        assert find_draft(connection, case.id, world.ben) is None


def test_a_draft_fits_and_belongs_to_a_case(world: World) -> None:
    case = world.opened()
    with world.database.write() as connection:
        for body in ("x" * 65_537, "\0"):
            with pytest.raises(InvalidDecision):
                save_draft(connection, case.id, world.ada, body, now=world.now)
        with pytest.raises(CaseNotFound):
            save_draft(connection, 99, world.ada, "{}", now=world.now)
