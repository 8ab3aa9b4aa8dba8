"""The documentation says what is so: examples run, names are all there, links lead somewhere.

How `console` blocks are read (guides and README):

* A line that begins with ``$`` is run by bash; lines that begin with ``>`` continue it. All commands of a document run
  in one shell, in the folder that ``conftest.py`` describes.
* Its exit status must be 0, unless the line ends with ``# exit status N``.
* The other lines are output. Each must appear in what the command printed, in this order, whatever the white space.
  ``…`` stands for any text. Any number will do before "bits", "s" and "files/s".
* ``pip``, ``git`` and ``make`` lines are not run, and their output is not compared; a target of make must exist.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import inspect
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import pytest

import hedgerow
from hedgerow import errors, settings
from hedgerow.banks.fields import FIELDS, field_named
from hedgerow.cli.root import hedgerow as program
from hedgerow.exchanges.partners.registry import find_partner
from hedgerow.media.archive import ARCHIVE_TYPES
from hedgerow.media.sources import READERS
from hedgerow.policy import read_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted(DOCS.rglob("*.md"))
EVERYTHING = [*PAGES, *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"))]
RUNNABLE = [*sorted((DOCS / "guides").rglob("*.md")), README]

_PARTNER_PAGES = {
    "ncmec": "ncmec.md",
    "stop_ncii": "stopncii.md",
    "fb_threatexchange": "threatexchange.md",
    "pull_file": "pull-file.md",
    "pull_file_delta": "pull-file.md",
    "hedgerow": "hedgerow.md",
    "local_file": "files.md",
}
_MARK = "@@hedgerow-docs@@"
_UNIT = re.compile(r"\d[\d,.]*(?= (?:bits|s|files/s)\b)")
_NOT_RUN = ("pip ", "git ", "make ")


def _generator() -> Any:
    specification = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _blocks(path: Path, language: str) -> list[str]:
    """Give the contents of a document's fenced blocks in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)


# ── what is generated ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", list(_generator().PAGES))
def test_a_generated_page_is_what_the_code_says_now(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == _generator().PAGES[name](), "run `make docs`"


def test_the_examples_in_the_generator_hold() -> None:
    outcome = doctest.testmod(_generator())
    assert outcome.attempted > 0
    assert outcome.failed == 0


# ── nothing is left out ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def text() -> str:
    return "\n".join(path.read_text("utf-8") for path in PAGES)


def test_every_public_name_is_documented(text: str) -> None:
    assert [name for name in hedgerow.__all__ if f"hedgerow.{name}" not in text] == []


def test_every_error_is_documented_with_its_reason(text: str) -> None:
    kinds = [getattr(errors, name) for name in errors.__all__]
    assert [kind.__name__ for kind in kinds if f"`{kind.__name__}` | `{kind.reason}`" not in text] == []


def _commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _commands(inner, click.Context(inner, info_name=name, parent=context))


def test_every_command_and_every_option_is_documented() -> None:
    page = (DOCS / "reference/cli.md").read_text("utf-8")
    sections = dict(re.findall(r"^##+ (hedgerow .*?)\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))
    found = dict(_commands(program, click.Context(program, info_name="hedgerow")))
    del found["hedgerow"]
    assert sorted(sections) == sorted(found)
    for path, command in found.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                for option in (*parameter.opts, *parameter.secondary_opts):
                    assert f"{option}" in sections[path], f"{path} {option}"


def test_every_command_has_its_json_described_or_prints_none() -> None:
    page = (DOCS / "reference/json.md").read_text("utf-8")
    for path, command in _commands(program, click.Context(program, info_name="hedgerow")):
        if any("--json" in parameter.opts for parameter in command.params):
            place = path.removeprefix("hedgerow ")
            assert f"## {path} --json" in page or f"`{place}`" in page, path


def test_every_setting_is_documented(text: str) -> None:
    names = []
    for name, field in settings.Settings.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        names += [name] if inner is None else [f"{name}.{each}" for each in inner]
    for name in names:
        assert f"`{name}`" in text
        assert f"`HEDGEROW_{name.replace('.', '_').upper()}`" in text


def test_every_format_that_is_read_is_documented() -> None:
    page = (DOCS / "reference/media.md").read_text("utf-8")
    assert [kind for kind in READERS if f"`{kind}`" not in page and kind != "image/apng"] == []
    for kind in ARCHIVE_TYPES:
        assert kind.removeprefix("application/").removeprefix("x-") in page


def test_every_make_target_is_explained_and_every_target_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    targets = set(phony[1].split())
    explained = set(re.findall(r"^\| `make ([a-z0-9-]+)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE))
    assert explained == targets - {"help"}
    for path in EVERYTHING:
        for target in re.findall(r"(?:`|^\$ |^)make ([a-z0-9-]+)", path.read_text("utf-8"), re.MULTILINE):
            assert target in targets, f"{_named(path)}: make {target}"


# ── what is said is so ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_defaults_on_the_page_of_limits_are_the_defaults() -> None:
    rows = re.findall(
        r"^\| `([a-z_.]+)` \| ([\d,.]+) \|", (DOCS / "operations/limits.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) > 12
    for name, stated in rows:
        fields = settings.Settings.model_fields
        section, _, inner = name.partition(".")
        field = fields[section].annotation.model_fields[inner] if inner else fields[section]  # type: ignore[union-attr]  # a section
        assert float(stated.replace(",", "")) == field.default, name


def test_the_names_of_columns_in_the_guide_to_banks_are_those_that_are_known() -> None:
    page = (DOCS / "guides/banks.md").read_text("utf-8")
    table = page[page.index("| field | what it holds") :].partition("\n\n")[0]
    named = set()
    for line in table.splitlines()[2:]:
        first, _, also = (cell.strip() for cell in line.strip("|").split("|"))
        fields = re.findall(r"`([^`]+)`", first)
        named |= set(fields)
        for alias in re.findall(r"`([^`]+)`", also):
            assert field_named(alias) in fields, alias
    assert named == set(FIELDS)


@pytest.mark.parametrize("kind", _PARTNER_PAGES)
def test_the_page_about_a_partner_names_every_field_of_its_configuration(kind: str) -> None:
    page = (DOCS / "guides/exchanges" / _PARTNER_PAGES[kind]).read_text("utf-8")
    partner = find_partner(kind)
    fields = (*partner.config_fields, *(partner.credential_fields or ()))
    assert [field.name for field in fields if f"`{field.name}`" not in page] == []


def test_every_policy_that_is_shown_about_a_partner_is_one() -> None:
    rules = [(path, block) for path in (DOCS / "guides/exchanges").glob("*.md") for block in _blocks(path, "toml")]
    assert len(rules) > len(_PARTNER_PAGES) // 2
    for path, block in rules:
        policy = read_policy(f'{block}\n[default]\nthen = "review"\npriority = 3\n')
        assert policy.rules, _named(path)


def test_the_changelog_has_the_version_of_the_package() -> None:
    assert f"## [{hedgerow.__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _links(path: Path) -> list[str]:
    without_code = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", without_code) if "://" not in link]


def _anchors(path: Path) -> set[str]:
    """Give the anchors that Markdown viewers make of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("path", EVERYTHING, ids=_named)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for link in _links(path):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


def test_every_page_can_be_reached_from_the_index() -> None:
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            files = [(page.parent / link.partition("#")[0]).resolve() for link in _links(page)]
            waiting += [file for file in files if file.is_file()]
    assert [_named(page) for page in PAGES if page not in reached] == []


@pytest.mark.parametrize("path", EVERYTHING, ids=_named)
def test_no_page_names_a_package_index_or_a_place_on_somebody_s_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.findall(r"pypi\.org|pythonhosted|anaconda\.org|npmjs|index-url|trusted-host|localhost:\d", text) == []
    assert re.findall(r"(?<![\w.~])/(?:work|root|home|tmp|Users|mnt)/", text) == []


# ── examples ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Step(NamedTuple):
    """One command of a console block."""

    command: str
    status: int
    shown: list[str]


def _steps(path: Path) -> list[Step]:
    steps: list[Step] = []
    for block in _blocks(path, "console"):
        for line in block.splitlines():
            if line.startswith("$ "):
                status = re.search(r"\s+# exit status (\d+)$", line)
                command = line[2 : status.start()] if status else line[2:]
                steps.append(Step(command, int(status[1]) if status else 0, []))
            elif line.startswith("> "):
                steps[-1] = steps[-1]._replace(command=f"{steps[-1].command}\n{line[2:]}")
            else:
                steps[-1].shown.append(line)
    return [step for step in steps if not step.command.startswith(_NOT_RUN)]


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEDGEROW_", "PYTEST_", "LC_"))}
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return kept | {
        "PATH": os.pathsep.join(places),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",  # so that both streams come in the order in which they were written
        "HEDGEROW_JOBS": "1",
    }


def _run(steps: list[Step], folder: Path) -> list[tuple[int, str]]:
    """Run all commands in one shell and give the status and output of each."""
    script = [f"{{\n{step.command}\n}} 2>&1 </dev/null\nprintf '\\n{_MARK} %s\\n' $?\n" for step in steps]
    done = subprocess.run(
        ["bash", "-c", "".join(script)],
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=300,
    )
    pieces = re.split(rf"\n{_MARK} (\d+)\n", done.stdout)
    return [(int(status), output) for output, status in zip(pieces[::2], pieces[1::2], strict=False)]


def _pattern(line: str) -> re.Pattern[str]:
    parts = _UNIT.split(" ".join(line.split()))
    loose = [r".*".join(re.escape(each) for each in part.split("…")) for part in parts]
    return re.compile(r"\d[\d,.]*".join(loose))


def _missing(shown: list[str], printed: str) -> str | None:
    """Give the first shown line that was not printed, or not after the one before."""
    lines = iter([" ".join(line.split()) for line in printed.splitlines()])
    for line in shown:
        if line.strip() not in {"", "…"} and not any(_pattern(line).fullmatch(each) for each in lines):
            return line
    return None


WITH_COMMANDS = [path for path in RUNNABLE if _steps(path)]


_MOST_QUICK = 11  # commands; longer documents are run by `make soak`
_QUICK_PARTNERS = {"ncmec.md"}  # the pages about the others too: each starts a simulator and waits for it


def _is_slow(path: Path) -> bool:
    is_of_another = path.parent.name == "exchanges" and path.name not in _QUICK_PARTNERS
    return is_of_another or len(_steps(path)) > _MOST_QUICK


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=_named(path), marks=[pytest.mark.slow] if _is_slow(path) else []) for path in WITH_COMMANDS],
)
def test_the_console_examples_run_and_print_what_is_shown(path: Path, prepared: Callable[[Path], Path]) -> None:
    steps = _steps(path)
    outcomes = _run(steps, prepared(path))
    assert len(outcomes) == len(steps)
    for step, (status, printed) in zip(steps, outcomes, strict=True):
        assert status == step.status, f"{step.command}\n{printed}"
        missing = _missing(step.shown, printed)
        assert missing is None, f"$ {step.command}\ndid not print: {missing}\nbut:\n{printed}"


@pytest.mark.parametrize("path", [path for path in RUNNABLE if _blocks(path, "python")], ids=_named)
def test_the_python_examples_run(path: Path, prepared: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(prepared(path))
    for name in list(os.environ):
        if name.startswith("HEDGEROW_"):
            monkeypatch.delenv(name)
    namespace: dict[str, Any] = {"__name__": "example"}
    with contextlib.redirect_stdout(io.StringIO()):
        for number, block in enumerate(_blocks(path, "python"), 1):
            code = compile(block, f"{_named(path)}, python block {number}", "exec", dont_inherit=True)
            exec(code, namespace)  # noqa: S102  (our own examples)


@pytest.mark.parametrize("path", [path for path in EVERYTHING if _blocks(path, "bash")], ids=_named)
def test_the_shell_scripts_shown_are_well_formed(path: Path) -> None:
    for block in _blocks(path, "bash"):
        subprocess.run(["bash", "-n", "-c", block], check=True)


def test_output_is_compared_in_order_and_loosely() -> None:
    printed = "one  two\nmatch  3 bits a.jpg\nthe end (0.5 s)\n"
    assert _missing(["one two", "…", "match 17 bits a.jpg", "the … (9 s)"], printed) is None
    assert _missing(["the end (1 s)", "one two"], printed) == "one two"
    assert _missing(["match 3 bits b.jpg"], printed) == "match 3 bits b.jpg"


def test_this_file_tells_the_rules_that_contributors_are_told() -> None:
    rules = inspect.cleandoc(__doc__ or "")
    told = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for word in ("# exit status N", "console", "bits", "files/s"):
        assert word in rules
        assert word in told
