from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Outcome

    Run = Callable[..., Outcome]

pytest.importorskip("httpx", reason="NO HTTPX: this test checked NOTHING. Install hedgerow[server].")
pytest.importorskip("cryptography", reason="NO CRYPTOGRAPHY: this test checked NOTHING. Install hedgerow[server].")

_NOWHERE = "http://127.0.0.1:9/hooks"  # the port of `discard`, where nobody listens


def test_an_endpoint_is_added_listed_changed_and_paused(run: Run) -> None:
    added = run("webhook", "add", _NOWHERE, "--event", "test", "--event", "case.opened", "--note", "the site")
    assert (added.status, added.out[:6]) == (0, "whsec_")
    assert "shown this once" in added.err
    assert run("webhook", "list").out.startswith(f"   1  {_NOWHERE}  case.opened, test\n")
    changed = run("webhook", "change", 1, "--paused", "--every-event")
    assert changed.out == f"   1  {_NOWHERE}  every event  (paused)\n"
    (listed,) = run("webhook", "list", "--json").objects
    assert (listed["events"], listed["active"], listed["note"], listed["waiting"]) == ([], False, "the site", 0)
    assert "whsec" not in run("webhook", "list", "--json").out
    (renewed,) = run("webhook", "renew-secret", 1, "--json").objects
    assert renewed["secret"] != added.out.strip()


def test_a_test_that_nobody_confirms_is_shown_with_its_try_and_sent_again(run: Run) -> None:
    run("webhook", "add", _NOWHERE)
    tried = run("webhook", "test", 1)
    assert (tried.status, tried.out) == (3, "Not confirmed: connect error.\n")
    assert "not confirmed: 1 waiting, 0 given up" in run("webhook", "list").out
    shown = run("webhook", "deliveries", 1).out.splitlines()
    assert "waiting, 1 try  connect error" in shown[0]
    assert "connect error, " in shown[1]
    (delivery,) = run("webhook", "deliveries", "--unconfirmed", "--json").objects
    assert (delivery["state"], delivery["attempts"], delivery["message_id"]) == ("waiting", 1, "msg_1")
    assert run("webhook", "retry", 1).out == "1 will be sent again.\n"
    assert run("webhook", "retry", "--given-up", 1).out == "Nothing was given up.\n"
    (detail,) = run("webhook", "deliveries", 1, "--json").objects
    assert [each["error"] for each in detail["tries"]] == ["connect error"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "ftp://platform.example/"),
        ("add", "https://user:secret@platform.example/"),
        ("add", _NOWHERE, "--event", "report"),
        ("change", "1", "--active"),
        ("change", "1", "--event", "test", "--every-event"),
        ("test", "1"),
        ("retry",),
        ("retry", "1"),
        ("deliveries", "1"),
    ],
)
def test_what_does_not_exist_or_fit_is_a_usage_error(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("webhook", *arguments).status == 2


def test_a_paused_endpoint_is_not_tried(run: Run) -> None:
    run("webhook", "add", _NOWHERE)
    run("webhook", "change", 1, "--paused")
    tried = run("webhook", "test", 1)
    assert tried.status == 2
    assert "webhook change 1 --active" in tried.err
