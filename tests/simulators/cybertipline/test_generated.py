"""The simulator's judgement beside that of the room of reports, which shares nothing with it: both must agree.

The documents come from ``tests/reports/strategies.py``, which makes them from the room's table of the schema.
"""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgerow.reports.cybertipline.document import render
from hedgerow.simulators.cybertipline.rules import batch_problem, file_problem, report_problem
from hedgerow.simulators.cybertipline.schema import parse_document, schema_problem

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SLOW_TO_MAKE = settings(max_examples=200, suppress_health_check=list(HealthCheck))


def _strategies() -> Any:
    path = Path(__file__).resolve().parents[2] / "reports" / "strategies.py"
    specification = importlib.util.spec_from_file_location("report_strategies_of_simulators", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module


MADE = _strategies()


def _problem(xml: bytes) -> str | None:
    root = parse_document(xml)
    problem = schema_problem(root)
    if problem is None:
        found = (report_problem if root.tag == "report" else file_problem)(root, NOW)
        problem = None if found is None else str(found)
    if problem is None and root.tag == "fileDetails":
        found = batch_problem(parse_document(b"<report/>"), [root])
        problem = None if found is None else str(found)
    return problem


@pytest.mark.parametrize("root", ["report", "fileDetails"])
@SLOW_TO_MAKE
@given(st.data())
def test_generated_content_is_accepted(root: str, data: Any) -> None:
    xml = render(root, data.draw(MADE.contents(root)))  # type: ignore[arg-type]  # one of the two words
    assert _problem(xml) is None


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(MADE.supplements())
def test_generated_supplements_are_accepted(content: Any) -> None:
    assert _problem(render("fileDetails", content)) is None


@pytest.mark.parametrize("root", ["report", "fileDetails"])
def test_content_that_has_every_field_is_accepted(root: Any) -> None:
    assert _problem(render(root, MADE.filled(root))) is None


@pytest.mark.parametrize("root", ["report", "fileDetails"])
def test_every_single_fault_of_it_is_refused(root: Any) -> None:
    faults = MADE.every_mutation(root)
    assert {each.kind for each in faults} == {"order", "enum", "length", "cardinality"}
    assert len(faults) > (700 if root == "report" else 50)
    assert [str(each) for each in faults if _problem(each.xml) is None] == []


@pytest.mark.parametrize("root", ["report", "fileDetails"])
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_fault_of_generated_content_is_refused(root: str, data: Any) -> None:
    fault = data.draw(MADE.mutations(root))
    assert _problem(fault.xml) is not None, str(fault)
