from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from hedgerow import app
from hedgerow.accounts.tokens import read_key_text
from hedgerow.cli.root import hedgerow
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Outcome

_PASSWORD = "kettle orbit lantern moss"  # noqa: S105  (nobody's)


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def _actions(run: Callable[..., Outcome]) -> list[str]:
    import json  # noqa: PLC0415  (only here)

    written = run("audit", "export").out.splitlines()[1:]
    return [json.loads(line)["action"] for line in written]


# ── users ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_looking_for_users_creates_nothing(run: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = run("user", "list")
    assert (outcome.status, outcome.out) == (0, "")
    assert "hedgerow user first-admin" in outcome.err
    assert run("key", "list").status == 0
    assert not (tmp_path / "hedgerow-data").exists()


def test_the_first_admin_s_link_is_printed_until_there_is_a_user(run: Callable[..., Outcome]) -> None:
    first, second = run("user", "first-admin", "--json").objects[0], run("user", "first-admin", "--json").objects[0]
    assert first["link"]["path"].startswith("/welcome/")
    assert first["link"]["path"] != second["link"]["path"]
    assert "/welcome/" in run("user", "first-admin").out
    run("user", "add", "ada", "--role", "admin")
    outcome = run("user", "first-admin")
    assert outcome.status == 2
    assert "There are users already" in outcome.err


def test_a_user_is_added_with_an_invitation(run: Callable[..., Outcome]) -> None:
    outcome = run("user", "add", "Robin", "--role", "reviewer", "--role", "lead")
    assert outcome.status == 0
    assert outcome.out.startswith("Added robin (lead, reviewer).\nOpen this path")
    (user,) = run("user", "list", "--json").objects
    assert (user["user"], user["roles"], user["password"]) == ("robin", ["lead", "reviewer"], False)
    assert "no password yet" in run("user", "list").out


def test_a_password_comes_from_standard_input_and_never_out_again(
    run: Callable[..., Outcome], type_in: Callable[[str], None]
) -> None:
    type_in(f"{_PASSWORD}\n")
    outcome = run("user", "add", "robin", "--role", "admin", "--password-stdin", "--json")
    assert outcome.objects[0]["password"] is True
    assert outcome.objects[0]["link"] is None
    assert _PASSWORD not in outcome.out + outcome.err


def test_a_password_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    # click.testing stands in for the terminal, which a test has not
    arguments = ["--data", str(tmp_path), "user", "add", "robin", "--role", "lead", "--ask-password"]
    outcome = CliRunner().invoke(hedgerow, arguments, input=f"{_PASSWORD}\n{_PASSWORD}\n")
    assert outcome.exit_code == 0
    assert "Added robin (lead)." in outcome.output
    assert _PASSWORD not in outcome.output
    assert app.list_users(load_settings(data=tmp_path))[0].has_password


@pytest.mark.parametrize("typed", ["short\n", "password1234\n", "robinrobinrobin\n"])
def test_a_password_that_may_not_be_used_adds_nobody(
    run: Callable[..., Outcome], type_in: Callable[[str], None], typed: str
) -> None:
    type_in(typed)
    outcome = run("user", "add", "robin", "--role", "lead", "--password-stdin")
    assert outcome.status == 2
    assert "cannot be used" in outcome.err
    assert run("user", "list", "--json").objects == []


def test_no_password_on_standard_input_is_a_matter_of_usage(
    run: Callable[..., Outcome], type_in: Callable[[str], None]
) -> None:
    type_in("")
    assert run("user", "add", "robin", "--role", "lead", "--password-stdin").status == 2
    assert run("user", "add", "robin", "--role", "lead", "--password-stdin", "--ask-password").status == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["user", "add", "robin"],
        ["user", "add", "robin", "--role", "service"],
        ["user", "add", "robin", "--role", "emperor"],
        ["user", "add", "no name", "--role", "lead"],
        ["user", "role", "nobody", "lead"],
        ["user", "role", "nobody"],
        ["user", "disable", "nobody"],
        ["user", "enable", "nobody"],
        ["user", "reset", "nobody"],
        ["key", "add", "shop"],
        ["key", "add", "shop", "--scope", "media.view"],
        ["key", "add", "shop", "--scope", "screen", "--expires", "2001-01-01"],
        ["key", "add", "shop", "--scope", "screen", "--requests-per-minute", "0"],
        ["key", "add", "shop", "--scope", "screen", "--namespace", "Not This"],
        ["key", "revoke", "17"],
        ["key", "revoke", "seventeen"],
    ],
)
def test_what_does_not_fit_is_a_matter_of_usage(run: Callable[..., Outcome], arguments: list[str]) -> None:
    outcome = run(*arguments)
    assert outcome.status == 2
    assert outcome.err
    assert "Traceback" not in outcome.err


def test_two_users_never_have_one_name(run: Callable[..., Outcome]) -> None:
    assert run("user", "add", "robin", "--role", "lead").status == 0
    assert run("user", "add", "ROBIN", "--role", "lead").status == 2


def test_roles_are_replaced(run: Callable[..., Outcome]) -> None:
    run("user", "add", "robin", "--role", "lead")
    assert run("user", "role", "robin", "reviewer", "analyst").out == "robin: analyst, reviewer, may log in.\n"
    assert run("user", "role", "robin", "custodian", "--json").objects[0]["roles"] == ["custodian"]


def test_a_user_is_disabled_and_enabled_but_not_the_last_admin(run: Callable[..., Outcome]) -> None:
    run("user", "add", "robin", "--role", "lead")
    run("user", "add", "ada", "--role", "admin")
    assert run("user", "disable", "robin").out == "robin: lead, disabled.\n"
    assert run("user", "list", "--json").objects[1]["active"] is False
    assert "disabled" in run("user", "list").out
    assert run("user", "enable", "robin", "--json").objects[0]["active"] is True
    outcome = run("user", "disable", "ada")
    assert (outcome.status, outcome.out) == (2, "")
    assert "last active admin" in outcome.err


def test_a_reset_prints_a_link_and_leaves_the_password(
    run: Callable[..., Outcome], type_in: Callable[[str], None]
) -> None:
    type_in(f"{_PASSWORD}\n")
    run("user", "add", "robin", "--role", "lead", "--password-stdin")
    assert "/welcome/" in run("user", "reset", "robin").out
    reset = run("user", "reset", "robin", "--without-totp", "--json").objects[0]
    assert (reset["password"], reset["totp"]) == (True, False)
    assert reset["link"]["path"].startswith("/welcome/")


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_printed_once_alone_on_standard_output(run: Callable[..., Outcome]) -> None:
    outcome = run("key", "add", "shop", "--scope", "screen", "--scope", "match")
    text = read_key_text(outcome.out.strip())
    assert text is not None
    assert "shown this once" in outcome.err
    listed = run("key", "list")
    assert text.prefix in listed.out
    assert text.secret not in listed.out + run("key", "list", "--json").out


def test_a_key_s_object_tells_all_of_it(run: Callable[..., Outcome]) -> None:
    arguments = ["--scope", "hma", "--namespace", "shop-2", "--requests-per-minute", "60", "--expires", "2999-01-31"]
    made = run("key", "add", "shop", *arguments, "--json").objects[0]
    assert made.pop("text").startswith(f"hgk_{made['prefix']}_")
    assert made["expires_at"] == "2999-01-31T00:00:00+00:00"
    assert (made["key"], made["scopes"], made["namespace"], made["requests_per_minute"]) == (1, ["hma"], "shop-2", 60)
    assert run("key", "list", "--json").objects == [made]
    assert "namespace shop-2, 60 a minute, expires 2999-01-31, never used" in run("key", "list").out


def test_a_key_is_revoked(run: Callable[..., Outcome]) -> None:
    run("key", "add", "shop", "--scope", "screen")
    assert run("key", "revoke", 1).out == "Key 1 (shop) is revoked.\n"
    revoked = run("key", "revoke", 1, "--json").objects[0]
    assert revoked["revoked_at"] is not None
    assert "revoked" in run("key", "list").out


# ── the record ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_is_in_the_audit_log(run: Callable[..., Outcome]) -> None:
    run("user", "first-admin")
    run("user", "add", "ada", "--role", "admin")
    run("user", "add", "robin", "--role", "lead")
    run("user", "role", "robin", "analyst")
    run("user", "disable", "robin")
    run("user", "enable", "robin")
    run("key", "add", "shop", "--scope", "screen")
    run("key", "revoke", 1)
    assert _actions(run)[:10] == [
        "link.created",
        "user.created",
        "link.created",
        "user.created",
        "link.created",
        "user.roles_changed",
        "user.disabled",
        "user.enabled",
        "key.created",
        "key.revoked",
    ]
