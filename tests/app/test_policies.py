from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow import app
from hedgerow.app.policies import (
    activate_policy,
    add_policy,
    check_policy,
    compare_policy,
    list_policies,
    show_policy,
)
from hedgerow.audit import list_entries
from hedgerow.errors import DryRunMissing, NoActivePolicy, PolicyInvalid, PolicyNotFound
from hedgerow.policy import default_policy_text
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow.database import Database
    from hedgerow.settings import Settings

_STRICTER = '[default]\nthen = "review"\npriority = 1\n'
_ABOUT_A_BANK = f'[[rule]]\nname = "ours"\nwhen = {{ bank = "ours" }}\nthen = "log"\n{_STRICTER}'


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    url = database.engine.url.render_as_string(hide_password=False)
    return load_settings(data=tmp_path / "folder", database_url=url)


def test_a_policy_is_activated_after_it_was_tried_beside_the_shipped_one(
    database: Database, settings: Settings
) -> None:
    added = add_policy(settings, _STRICTER, note="from today on")
    assert added.is_new
    with pytest.raises(NoActivePolicy):
        show_policy(settings)
    with pytest.raises(DryRunMissing):
        activate_policy(settings, added.version.version)
    tried = compare_policy(settings, added.version.version, actor="user:3")
    assert show_policy(settings, tried.against).toml == default_policy_text()
    assert tried.comparison.considered == 0
    assert activate_policy(settings, added.version.version, actor="user:4").is_active
    assert show_policy(settings).toml == _STRICTER
    with database.read() as connection:
        done = [(entry.action, entry.actor) for entry in list_entries(connection)]
    assert done[-2:] == [("policy.tried", "user:3"), ("policy.activated", "user:4")]


def test_a_policy_that_was_tried_beside_another_one_is_tried_again(settings: Settings) -> None:
    first = add_policy(settings, _STRICTER).version.version
    second = add_policy(settings, _ABOUT_A_BANK).version.version
    compare_policy(settings, first)
    compare_policy(settings, second)
    activate_policy(settings, first)
    with pytest.raises(DryRunMissing):
        activate_policy(settings, second)
    compare_policy(settings, second)
    assert activate_policy(settings, second).is_active


def test_a_forced_activation_is_called_so_in_the_audit(database: Database, settings: Settings) -> None:
    activate_policy(settings, add_policy(settings, _STRICTER).version.version, is_forced=True)
    with database.read() as connection:
        assert list_entries(connection)[-1].details == {"before": None, "is_forced": True}


def test_the_same_text_is_the_same_version(settings: Settings) -> None:
    first, second = add_policy(settings, _STRICTER), add_policy(settings, _STRICTER)
    assert (second.version.version, second.is_new) == (first.version.version, False)
    assert len(list_policies(settings)) == 1


def test_a_text_that_is_no_policy_is_not_kept(settings: Settings) -> None:
    with pytest.raises(PolicyInvalid):
        add_policy(settings, '[default]\nthen = "report"\n')
    assert list_policies(settings) == []


def test_a_bank_that_does_not_exist_is_a_warning_until_it_does(settings: Settings) -> None:
    assert check_policy(settings, _ABOUT_A_BANK).warnings == ["rule 'ours' names the bank 'ours', which does not exist"]
    app.create_bank(settings, "ours")
    assert check_policy(settings, _ABOUT_A_BANK).warnings == []


def test_looking_at_policies_creates_nothing(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "nothing")
    assert list_policies(settings) == []
    assert check_policy(settings, _ABOUT_A_BANK).warnings
    with pytest.raises(NoActivePolicy):
        show_policy(settings)
    with pytest.raises(PolicyNotFound):
        show_policy(settings, 3)
    assert not (tmp_path / "nothing").exists()
