from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.reports.cybertipline.schema import ROOTS, Attribute, Child, Kind, load_schema, walk

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = [(root, path, field) for root in ROOTS for path, field in walk(load_schema().roots[root], root)]


@pytest.fixture(scope="module")
def cybertip(shared_data: Path) -> Path:
    folder = shared_data.parent / "reference" / "cybertip"
    if not (folder / "schema_facts.json").is_file():
        pytest.skip(f"NO FACTS OF THE SCHEMA at {folder}: this test checked NOTHING.")
    return folder


def test_the_table_has_every_field_of_both_documents() -> None:
    assert len([root for root, _, _ in FIELDS if root == "report"]) == 453
    assert len([root for root, _, _ in FIELDS if root == "fileDetails"]) == 42


def test_every_field_has_a_name_in_plain_words() -> None:
    for _, path, field in FIELDS:
        assert field.label, path
        assert not re.search("[a-z][A-Z]|_", field.label), path


def test_elements_are_in_the_order_of_the_schema() -> None:
    report = load_schema().roots["report"]
    assert list(report.children) == [
        "batchedReport",
        "incidentSummary",
        "internetDetails",
        "lawEnforcement",
        "reporter",
        "personOrUserReported",
        "intendedRecipient",
        "victim",
        "additionalInfo",
    ]
    # Where the schema and the documentation disagree about a victim, the schema holds.
    assert list(report.children["victim"].kind.children)[-6:] == [
        "accountTemporarilyDisabled",
        "accountPermanentlyDisabled",
        "estimatedLocation",
        "allEmailsReported",
        "associatedAccount",
        "additionalInfo",
    ]


def test_an_associated_account_has_its_type_and_no_other_attribute() -> None:
    person = load_schema().roots["report"].children["personOrUserReported"].kind
    account = person.children["associatedAccount"].kind
    assert {name: each.is_required for name, each in account.attributes.items()} == {"type": True}
    assert "priorCTReport" in account.children
    assert "priorCTReports" in person.children


def test_annotations_are_there_or_not_and_come_in_any_order() -> None:
    annotations = load_schema().roots["fileDetails"].children["fileAnnotations"].kind
    assert not annotations.is_in_order
    assert len(annotations.children) == 10
    assert all(each.kind.value is not None and each.kind.value.is_fixed_true for each in annotations.children.values())


def test_enumerations_are_whole() -> None:
    words = load_schema().words
    assert len(words["incidentType"]) == 8
    assert len(words["state"]) == 55
    assert len(words["country"]) == 258
    assert {"", "A1", "A2", "O1", "AP", "EU", "FX", "XK"} <= set(words["country"])
    assert not {"AS", "MP"} & set(words["state"])


def test_later_elements_wait_behind_a_flag() -> None:
    now, later = load_schema(), load_schema(is_newer=True)
    paths = {root: {path for path, _ in walk(now.roots[root])} for root in ROOTS}
    added = {path.rpartition("/")[2] for root in ROOTS for path, _ in walk(later.roots[root])} - {
        path.rpartition("/")[2] for each in paths.values() for path in each
    }
    assert added == {"informational", "potentialAggravatingFactors", "instrumentalUse", "ageAssertionDiscrepancy"}
    person = later.roots["report"].children["victim"].kind.children["victimPerson"].kind
    assert list(person.children)[-3:] == ["age", "ageAssertionDiscrepancy", "dateOfBirth"]


@pytest.mark.shared
def test_the_table_is_what_the_published_schema_says(cybertip: Path) -> None:
    facts = json.loads((cybertip / "schema_facts.json").read_text("utf-8"))["schema"]

    def compare(kind: Kind, said: dict[str, Any], path: str) -> int:
        compared = 0
        assert set(kind.attributes) == set(said.get("attributes", {})), path
        for name, each in said.get("attributes", {}).items():
            assert kind.attributes[name].is_required == each["required"], path
            compared += 1
        flat = [
            inner for each in said.get("children", []) for inner in (each["children"] if "group" in each else [each])
        ]
        assert list(kind.children) == [each["name"] for each in flat], path
        for each in flat:
            child = kind.children[each["name"]]
            assert [child.minimum, child.maximum] == each["occurs"], path
            below = (
                facts["elements"][each["name"]]
                if each.get("ref")
                else each.get("inline") or facts["complexTypes"].get(each["type"])
            )
            if below is None:
                simple = facts["simpleTypes"].get(each["type"], {"base": each["type"]})
                value = child.kind.value
                assert value is not None, path
                assert (f"xs:{value.base}", list(value.words), value.pattern) == (
                    simple["base"],
                    simple.get("enum", []),
                    simple.get("pattern"),
                )
                assert value.is_fixed_true == (each.get("fixed") == "true")
                compared += 1
            else:
                compared += 1 + compare(child.kind, below, f"{path}/{each['name']}")
        return compared

    found = sum(compare(load_schema().roots[root], facts["elements"][root], root) for root in ROOTS)
    assert found == 453 + 42


@pytest.mark.shared
def test_every_documented_length_is_in_the_table(cybertip: Path) -> None:
    documented = json.loads((cybertip / "business_rules.json").read_text("utf-8"))["max_length"]
    checked = 0
    for place, limit in documented.items():
        if place == "email(local part)":
            continue  # inside a value: test_checking
        parents, _, names = place.rpartition("/")
        wanted = [(parent, name) for parent in (parents or "").split("|") for name in names.split("|")]
        for parent, name in wanted:
            found = list(_limits(parent, name))
            assert found, place
            assert set(found) == {limit}, place
            checked += len(found)
    assert checked > 150


def _limits(parent: str, name: str) -> list[int | None]:
    """Find the limits of a field wherever it stands: below an element or type of that name, or anywhere for ``*``."""
    found = []
    for root in ROOTS:
        for kind in _kinds(load_schema().roots[root]):
            if (
                parent not in {"", "*", kind.name}
                and not (parent == "originalFileHash" and kind.name == "hash")
                and not (parent == "nameValuePair" and kind.name == "nameValue")
            ):
                continue
            field: Child | Attribute | None = (
                kind.attributes.get(name[1:]) if name.startswith("@") else kind.children.get(name)
            )
            if parent == "" and kind.name == name and kind.value is not None:
                found.append(kind.value.max_length)
            elif parent and isinstance(field, Attribute):
                found.append(field.value.max_length)
            elif parent and isinstance(field, Child) and field.kind.value is not None:
                found.append(field.kind.value.max_length)
    return found


def _kinds(kind: Kind) -> list[Kind]:
    return [kind, *(below for child in kind.children.values() for below in _kinds(child.kind))]
