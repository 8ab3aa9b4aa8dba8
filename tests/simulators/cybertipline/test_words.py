from __future__ import annotations

from pathlib import Path

import pytest

from hedgerow.simulators.cybertipline.schema import parse_document
from hedgerow.simulators.cybertipline.words import indented, sections, title

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.xml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_value_of_a_document_stands_in_a_row(path: Path) -> None:
    rows = [row for section in sections(path.read_bytes()) for row in section.rows]
    root = parse_document(path.read_bytes())
    said = [value for _, value in rows]
    count = 0
    for element in root.iter("*"):
        values = [value for name, value in element.attrib.items() if not name.startswith("{")]
        if not len(element) and not (element.attrib and not (element.text or "").strip()):
            values.append((element.text or "").strip())
        for value in values:
            assert {"true": "yes", "false": "no", "": "yes"}.get(value, value) in said
        count += len(values)
    assert len(rows) == count


def test_sections_follow_the_document_in_plain_words() -> None:
    titles = [each.title for each in sections(next(p for p in EXAMPLES if p.stem == "report_full").read_bytes())]
    assert titles[0] == "What happened"
    assert titles[-4:] == ["Person or user reported", "Intended recipient", "Victim", "Besides"]


def test_a_name_that_nobody_put_into_words_is_taken_apart() -> None:
    assert title("vehicleDescription") == "vehicle description"


def test_indentation_changes_no_value() -> None:
    document = b"<report><additionalInfo>  two\n  lines </additionalInfo></report>"
    assert parse_document(indented(document).encode()).findtext("additionalInfo") == "  two\n  lines "
