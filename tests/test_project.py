"""Promises of the project as a whole."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import hedgerow

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src/hedgerow").rglob("*.py"))


def test_the_public_names_are_exactly_these() -> None:
    assert sorted(hedgerow.__all__) == [
        "DigestIndex",
        "HammingIndex",
        "Match",
        "Matches",
        "MediaHash",
        "MediaInfo",
        "MediaLimits",
        "Signal",
        "Unchecked",
        "__version__",
        "errors",
        "hash_bytes",
        "hash_file",
        "pdq",
    ]
    for name in hedgerow.__all__:
        assert getattr(hedgerow, name) is not None


def test_the_version_is_stated_once_more_and_equal() -> None:
    import tomllib  # noqa: PLC0415  (only here)

    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert hedgerow.__version__ == stated


def test_importing_hedgerow_imports_nothing_heavy() -> None:
    code = (
        "import sys, hedgerow\n"
        "heavy = {'numpy', 'numba', 'PIL', 'sqlalchemy', 'pydantic', 'click', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_hashing_and_a_small_search_do_not_compile() -> None:
    code = (
        "import sys, numpy, hedgerow\n"
        "index = hedgerow.HammingIndex()\n"
        "index.add(numpy.zeros((100, 32), numpy.uint8))\n"
        "assert len(index.search(numpy.zeros((5, 32), numpy.uint8), 3)) == 500\n"
        "hedgerow.pdq(numpy.zeros((50, 50), numpy.uint8))\n"
        "assert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_is_typed_and_carries_its_vectors() -> None:
    assert (ROOT / "src/hedgerow/py.typed").exists()
    assert (ROOT / "src/hedgerow/hashing/vectors/vectors.json").exists()


def test_nothing_is_pickled_and_no_error_is_swallowed_unseen() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                assert not {"pickle", "marshal", "shelve"} & set(names), path
            if isinstance(node, ast.ExceptHandler):
                is_bare = node.type is None
                assert not is_bare, f"{path}:{node.lineno}"


def test_every_module_says_what_it_is() -> None:
    for path in SOURCES:
        if "versions" not in path.parts:
            assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path


def test_the_constraints_name_no_index_and_no_host() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert not line or line.startswith("#") or "==" in line
        assert "://" not in line
        assert "@" not in line


def test_every_dependency_is_constrained() -> None:
    import re  # noqa: PLC0415  (only here)
    import tomllib  # noqa: PLC0415  (only here)

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted += extra
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    }
    for requirement in wanted:
        name = re.split(r"[><=\[ ]", requirement)[0].lower()
        assert name in pinned, name
