from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Outcome

    Run = Callable[..., Outcome]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file that holds a policy."""
    path = tmp_path / "stricter.toml"
    path.write_text(
        '[[rule]]\nname = "ours"\nwhen = { bank = "ours" }\nthen = "log"\n[default]\nthen = "review"\npriority = 1\n',
        "utf-8",
    )
    return path


def test_a_policy_goes_from_a_file_into_force(run: Run, file: Path) -> None:
    checked = run("policy", "check", file)
    assert (checked.status, checked.out) == (0, f"{file} is a policy of 1 rules and a default.\n")
    assert "names the bank 'ours', which does not exist" in checked.err
    assert run("policy", "add", file).out == "Added as version 1.\n"
    assert run("policy", "add", file).out == "This text is version 1 already.\n"
    refused = run("policy", "activate", 1)
    assert refused.status == 2
    assert "was not tried" in refused.err
    tried = run("policy", "compare", 1)
    assert "Version 1 beside version 2, which is active: of 0 past matches 0 would" in tried.out
    assert "         0  ours\n" in tried.out
    assert run("policy", "activate", 1).out == "Version 1 of the policy is active.\n"
    assert run("policy", "show").out == file.read_text("utf-8")
    listed = run("policy", "list").out.splitlines()
    assert [line.split()[:2] for line in listed] == [["2", "retired"], ["1", "active"]]


def test_the_objects_say_the_same(run: Run, file: Path) -> None:
    (added,) = run("policy", "add", file, "--note", "why", "--json").objects
    assert (added["version"], added["new"], added["note"], added["active"]) == (1, True, "why", False)
    (tried,) = run("policy", "compare", 1, "--days", 7, "--json").objects
    assert (tried["version"], tried["against"], tried["considered"]) == (1, 2, 0)
    assert tried["by_rule"] == {"ours": 0, "default": 0}
    (forced,) = run("policy", "activate", 1, "--json").objects
    assert forced["active"]
    (shown,) = run("policy", "show", 1, "--json").objects
    assert shown["toml"] == file.read_text("utf-8")


def test_all_that_is_wrong_with_a_policy_is_said_a_line_each(run: Run, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text('[[rule]]\nname = "a"\nthen = "report"\n', "utf-8")
    found = run("policy", "check", "wrong.toml")
    assert found.status == 2
    assert len(found.err.splitlines()) >= 2
    (told,) = run("policy", "check", "wrong.toml", "--json").objects
    assert told["problems"] == [line.removeprefix("wrong.toml: ") for line in found.err.splitlines()]
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert run("policy", "check", "binary").status == 2
    assert run("policy", "add", "wrong.toml").status == 2


def test_the_shipped_policy_is_printed_and_is_one(run: Run, tmp_path: Path) -> None:
    shipped = run("policy", "show", "--shipped")
    (tmp_path / "shipped.toml").write_text(shipped.out, "utf-8")
    assert run("policy", "check", "shipped.toml").status == 0
    assert not (tmp_path / "hedgerow-data").exists()


@pytest.mark.parametrize(
    "arguments", [("show",), ("show", "7"), ("compare", "7"), ("activate", "7"), ("show", "--shipped", "1")]
)
def test_a_version_that_does_not_exist_is_a_usage_error(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("policy", *arguments).status == 2
