"""The files that run Hedgerow elsewhere name only what exists."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from hedgerow.cli.root import COMMANDS
from hedgerow.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
UNIT = (ROOT / "deploy" / "hedgerow.service").read_text("utf-8")


def _is_setting(variable: str) -> bool:
    name = variable.removeprefix("HEDGEROW_").lower()
    if name in Settings.model_fields:
        return True
    section, _, field = name.partition("_")
    held = Settings.model_fields.get(section)
    return held is not None and field in held.annotation.model_fields  # type: ignore[union-attr]  # a section


@pytest.mark.parametrize(
    "text", [(ROOT / "compose.yaml").read_text("utf-8"), DOCKERFILE, UNIT], ids=["compose", "docker", "systemd"]
)
def test_every_variable_that_is_set_is_a_setting(text: str) -> None:
    found = set(re.findall(r"\bHEDGEROW_[A-Z_]+", text))
    assert found
    assert [each for each in found if not _is_setting(each)] == []


def test_every_command_that_is_run_exists() -> None:
    run = [each["command"][0] for each in COMPOSE["services"].values() if "command" in each]
    run += re.findall(r'CMD \["(\w+)"\]', DOCKERFILE)
    run += re.findall(r"ExecStart=/opt/hedgerow/bin/hedgerow (\w+)", UNIT)
    assert len(run) == 4
    assert set(run) <= set(COMMANDS)


def test_every_extra_that_is_installed_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = re.findall(r"'\.\[([\w,]+)\]'", DOCKERFILE + UNIT)
    assert len(named) == 2
    assert {each for group in named for each in group.split(",")} <= set(extras)


def test_what_the_image_is_built_from_is_not_kept_out_of_it() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {name for line in re.findall(r"^COPY (?!--)(.+)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]}
    assert copied
    assert copied <= kept
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("name", ["serve", "worker"])
def test_a_container_runs_without_rights_and_cannot_write_its_system(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.search(r"^USER hedgerow$", DOCKERFILE, re.MULTILINE)


def test_only_this_machine_reaches_the_port_of_the_compose_file() -> None:
    ports = [port for each in COMPOSE["services"].values() for port in each.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    assert not re.findall(r"\$\{\w+:-", text)
    assert {"POSTGRES_PASSWORD", "HEDGEROW_SERVICE_KEY"} == set(re.findall(r"\$\{(\w+):\?", text))


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed: its unit was NOT verified"
)
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "hedgerow.service"
    unit.write_text(UNIT.replace("/opt/hedgerow/bin/hedgerow", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "hedgerow.service" in line] == []
