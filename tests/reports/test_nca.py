"""The second authority: an export that loses nothing, a PDF, a sealed package, and what discharges the duty."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import subprocess
import sys
import zipfile
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pyrage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgerow.errors import DraftUnwritable, EvidenceDamaged, InvalidReport, ViewedCannotBeStated
from hedgerow.reports.authorities import find_authority
from hedgerow.reports.filing_model import Environment, ReportState
from hedgerow.reports.model import Draft, DraftFile, ViewFacts
from hedgerow.reports.nca import (
    FILE_SCHEMA,
    NCA,
    REPORT_SCHEMA,
    PackageFile,
    Priority,
    discharge,
    discharges,
    json_schema,
    priority_of,
    read_package,
    write_package,
    write_pdf,
)
from hedgerow.reports.nca.package import _plain_name
from hedgerow.reports.nca.pdf import MOST_CELL_CHARACTERS, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
QUICK = settings(max_examples=60, suppress_health_check=list(HealthCheck))


def _strategies() -> Any:
    path = Path(__file__).with_name("strategies.py")
    specification = importlib.util.spec_from_file_location("report_strategies_of_nca", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module


MADE = _strategies()
REPORTS = jsonschema.Draft202012Validator(json_schema("report"))
FILES = jsonschema.Draft202012Validator(json_schema("fileDetails"))


def _content() -> dict[str, Any]:
    content: dict[str, Any] = MADE.filled("report")
    return content


def _details() -> dict[str, Any]:
    details = MADE.filled("fileDetails")
    return {name: value for name, value in details.items() if name not in _NOT_TYPED}


_NOT_TYPED = {"reportId", "fileId", "fileViewedByEsp", "exifViewedByEsp"}
PLAIN = {
    "incidentSummary": {
        "incidentType": "Online Enticement of Children for Sexual Acts",
        "incidentDateTime": "2026-03-04T11:22:33Z",
    },
    "reporter": {"reportingPerson": {"email": ["safety@platform.example"]}},
}


def _values(said: Any) -> list[Any]:
    """Give every value that stands anywhere in a tree."""
    if isinstance(said, dict):
        return [value for each in said.values() for value in _values(each)]
    if isinstance(said, list):
        return [value for each in said for value in _values(each)]
    return [said]


# ── the export ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_the_second_authority_of_the_room() -> None:
    found = find_authority("nca")
    assert found is NCA
    assert (found.word, found.is_sent_by_us) == ("nca", False)


@QUICK
@given(MADE.contents("report"))
def test_nothing_that_a_draft_says_is_lost_or_added(content: Any) -> None:
    export = json.loads(NCA.render(content))
    assert sorted(map(repr, _values(export["report"]))) == sorted(map(repr, _values(content)))
    REPORTS.validate(export)


@QUICK
@given(MADE.contents("fileDetails"), st.booleans(), st.sampled_from([True, False, None]))
def test_nothing_that_is_said_of_a_file_is_lost_or_added(details: Any, seen: bool, exif: bool | None) -> None:
    details = {name: value for name, value in details.items() if name not in _NOT_TYPED}
    export = json.loads(NCA.render_file(DraftFile("a", details, ViewFacts(seen, exif))))
    viewed = [seen] if exif is None else [seen, exif]
    assert sorted(map(repr, _values(export["file"]))) == sorted(map(repr, [*_values(details), *viewed]))
    FILES.validate(export)


def test_what_has_every_field_is_exported_by_the_schema() -> None:
    content = _content()
    export = json.loads(NCA.render(content))
    REPORTS.validate(export)
    jsonschema.Draft202012Validator.check_schema(json_schema("report"))
    jsonschema.Draft202012Validator.check_schema(json_schema("fileDetails"))
    assert (export["schema"], export["priority"], export["is_immediate"]) == (REPORT_SCHEMA, 1, True)
    assert export["report"]["reported"][0]["account_id"] == "the espIdentifier"


def test_the_same_content_gives_the_same_bytes_in_whatever_order_it_is() -> None:
    content = _content()
    turned = {name: content[name] for name in reversed(content)}
    turned["incidentSummary"] = dict(reversed(content["incidentSummary"].items()))
    assert NCA.render(turned) == NCA.render(deepcopy(content))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"surprise": 1}, "report/surprise"),
        ({"a b<c>": 1}, "report/…"),
        ({"batchedReport": {"@reason": "VIRAL_POTENTIAL_MEME"}}, "report/batchedReport"),
        ({"incidentSummary": "text"}, "report/incidentSummary"),
        ({"victim": {"victimPerson": {}}}, "report/victim"),
        ({"additionalInfo": 7}, "report/additionalInfo"),
        ({"additionalInfo": {"@x": "y"}}, "report/additionalInfo/@x"),
        ({"additionalInfo": "\ud800"}, "report"),
        ({"victim": [{"victimPerson": {"age": True}}]}, "report/victim/victimPerson/age"),
    ],
)
def test_what_has_no_place_is_refused_and_never_left_out(change: dict[str, Any], field: str) -> None:
    with pytest.raises(DraftUnwritable) as caught:
        NCA.render({**PLAIN, **change})
    assert caught.value.field == field


def test_whether_a_file_was_viewed_cannot_be_typed() -> None:
    with pytest.raises(ViewedCannotBeStated):
        NCA.render_file(DraftFile("a", {"fileViewedByEsp": True}))
    export = json.loads(NCA.render_file(DraftFile("a", {}, ViewFacts(file_viewed=True, exif_viewed=False))))
    assert export == {"schema": FILE_SCHEMA, "file": {"viewed_in_full": True, "metadata_viewed": False}}


def test_numbers_are_filled_in_and_not_a_byte_else_changes() -> None:
    template = NCA.render_file(DraftFile("a", _details(), None))
    filled = NCA.fill(template, "CSEA-2026/001234", "0001-a.jpg")
    ids = b'  "reference": "CSEA-2026/001234",\n  "file_id": "0001-a.jpg",\n'
    assert filled == template[:2] + ids + template[2:]
    FILES.validate(json.loads(filled))
    for report, file in (('x"', "0001"), ("CSEA-1", '",'), ("", "0001")):
        with pytest.raises(DraftUnwritable):
            NCA.fill(template, report, file)
    with pytest.raises(DraftUnwritable):
        NCA.fill(b"<fileDetails/>", "CSEA-1", "0001")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("CSEA-2026/001234", True),
        ("12345", True),
        ("", False),
        ("a b", False),
        ("-x1", False),
        ("x" * 65, False),
        ("12\n", False),
    ],
)
def test_a_reference_is_short_and_plain(text: str, is_one: bool) -> None:
    assert NCA.is_reference(text) == is_one


# ── what must be said ────────────────────────────────────────────────────────────────────────────────────────────


def _violations(content: Any, *files: DraftFile, environment: Environment = Environment.TEST) -> list[tuple[str, str]]:
    found = NCA.violations(Draft(content, files), environment=environment, foreign=(), now=NOW)
    for each in found:
        assert each.message
        assert each.fix
    return [(each.rule, each.path) for each in found]


def test_a_plain_report_breaks_nothing() -> None:
    assert _violations(PLAIN) == []
    assert _violations(_content(), DraftFile("a", _details())) == []


@pytest.mark.parametrize(
    ("change", "rule", "path"),
    [
        (
            {"incidentSummary": {**PLAIN["incidentSummary"], "incidentDateTime": "2026-11-22T12:00:01Z"}},
            "past",
            "report/incidentSummary/incidentDateTime",
        ),
        ({"reporter": {"reportingPerson": {}}}, "missing", "report/reporter/reportingPerson"),
        (
            {"incidentSummary": {**PLAIN["incidentSummary"], "escalateToHighPriority": " "}},
            "blank",
            "report/incidentSummary/escalateToHighPriority",
        ),
        ({"batchedReport": {"@reason": "VIRAL_POTENTIAL_MEME"}}, "unknown", "report/batchedReport"),
        ({"surprise": "x"}, "unknown", "report"),
    ],
)
def test_a_report_that_lacks_what_it_must_say_is_not_exported(change: Any, rule: str, path: str) -> None:
    assert (rule, path) in _violations({**PLAIN, **change})


@pytest.mark.parametrize(
    ("address", "environment", "is_refused"),
    [
        ("safety@platform.example", Environment.PRODUCTION, True),
        ("safety@platform.example", Environment.TEST, False),
        ("safety@hedgerow-platform.org", Environment.PRODUCTION, False),
    ],
)
def test_only_a_rehearsal_may_come_from_an_address_that_is_nobody_s(
    address: str, environment: Environment, is_refused: bool
) -> None:
    content = {**PLAIN, "reporter": {"reportingPerson": {"email": [{"#text": address, "@type": "Work"}]}}}
    found = _violations(content, environment=environment)
    assert found == ([("placeholder", "report/reporter/reportingPerson/email")] if is_refused else [])


def test_an_unknown_time_must_be_stated_by_a_person() -> None:
    content = {**PLAIN, "incidentSummary": {"incidentType": PLAIN["incidentSummary"]["incidentType"]}}
    assert ("missing", "report/incidentSummary/incidentDateTime") in _violations(content)


def test_limits_of_the_cybertipline_are_none_here() -> None:
    content = deepcopy(PLAIN)
    content["incidentSummary"]["platform"] = "x" * 5000
    assert _violations(content) == []
    assert "x" * 5000 in NCA.render(content).decode()


def test_a_telephone_number_is_enough_to_be_reached() -> None:
    assert _violations({**PLAIN, "reporter": {"reportingPerson": {"phone": ["5555550100"]}}}) == []


# ── the duty ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Filed:
    authority: str = "cybertipline"
    environment: Environment = Environment.PRODUCTION
    state: ReportState = ReportState.FILED
    external_id: str | None = "4564654"
    filed_at: datetime | None = NOW


def test_a_report_that_ncmec_has_discharges_the_duty_and_its_number_is_recorded() -> None:
    found = discharge(_Filed())
    assert found is not None
    assert (found.duty, found.authority, found.reference, found.at) == ("uk_nca", "cybertipline", "4564654", NOW)
    assert "4564654" in found.sentence
    assert "70(5)" in found.sentence
    assert discharges(_Filed())


@pytest.mark.parametrize("state", [each for each in ReportState if each is not ReportState.FILED])
def test_a_report_that_is_not_filed_discharges_nothing(state: ReportState) -> None:
    assert not discharges(replace(_Filed(), state=state))


@pytest.mark.parametrize(
    "change",
    [
        {"environment": Environment.TEST},
        {"external_id": None},
        {"external_id": ""},
        {"filed_at": None},
        {"authority": "nca"},
        {"authority": "somebody"},
    ],
)
def test_a_rehearsal_or_a_report_without_a_number_discharges_nothing(change: dict[str, Any]) -> None:
    assert not discharges(replace(_Filed(), **change))


def test_no_other_duty_is_discharged_by_it() -> None:
    assert not discharges(_Filed(), "us_cybertip")
    assert not discharges(_Filed(), "au_ibsa")
    with pytest.raises(InvalidReport):
        discharges(_Filed(), "atlantis")


@pytest.mark.parametrize(
    ("content", "priority"),
    [
        ({}, Priority.SOON),
        ({"incidentSummary": {}}, Priority.SOON),
        ({"incidentSummary": {"escalateToHighPriority": "  "}}, Priority.SOON),
        ({"incidentSummary": {"escalateToHighPriority": "a threat"}}, Priority.IMMEDIATE),
        ({"incidentSummary": "x"}, Priority.SOON),
    ],
)
def test_what_states_why_it_is_urgent_is_priority_1(content: dict[str, Any], priority: Priority) -> None:
    assert priority_of(content) is priority


# ── the PDF ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _pages(pdf: bytes) -> int:
    return pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ")


def test_the_pdf_says_its_title_its_language_and_holds_no_picture() -> None:
    details = [NCA.render_file(DraftFile("a", _details()))]
    pdf = write_pdf(NCA.render(_content()), details, reference="CSEA-1", discharge=discharge(_Filed()))
    assert pdf.startswith(b"%PDF-")
    assert b"/Lang (en-GB)" in pdf
    assert b"/DisplayDocTitle true" in pdf
    assert b"/Title (Report to the National Crime Agency)" in pdf
    assert b"/Outlines" in pdf
    assert b"/Image" not in pdf.replace(b"/ImageB", b"").replace(b"/ImageC", b"").replace(b"/ImageI", b"")
    assert b"/URI" not in pdf
    assert b"/JavaScript" not in pdf
    assert _pages(pdf) > 10


def test_the_pdf_of_the_same_export_is_the_same() -> None:
    document = NCA.render(PLAIN)
    assert write_pdf(document) == write_pdf(document)
    assert _pages(write_pdf(document)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "word " * 20_000,
        "x" * 20_000,
        "line\n" * 2_000,
        "<b>no markup</b> & <img src='x'/> &amp; ]]>",
        "日本語 \u202e turned \x7f",
        "\t\r\n",
        "x" * MOST_CELL_CHARACTERS,
        "\n" * 30,
    ],
)
def test_any_text_can_be_set(text: str) -> None:
    content = {**PLAIN, "additionalInfo": text}
    assert write_pdf(NCA.render(content)).startswith(b"%PDF-")


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(MADE.contents("report"))
def test_any_report_can_be_set(content: Any) -> None:
    assert _pages(write_pdf(NCA.render(content))) >= 1


@QUICK
@given(MADE.contents("report"))
def test_every_value_of_a_report_stands_in_a_row(content: Any) -> None:
    from hedgerow.reports.cybertipline.schema import load_schema  # noqa: PLC0415  (reads the table)

    export = json.loads(NCA.render(content))["report"]
    shown = [value for _, value in rows_of(load_schema().roots["report"], export)]
    for value in _values(export):
        assert {"True": "yes", "False": "no"}.get(str(value), str(value)) in shown


# ── the package ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def key() -> Any:
    return pyrage.x25519.Identity.generate()


def _packed(key: Any, *files: PackageFile) -> bytes:
    into = io.BytesIO()
    document = NCA.render(PLAIN)
    write_package(
        into, document=document, pdf=write_pdf(document), files=files, recipients=[str(key.to_public())], made_at=NOW
    )
    return into.getvalue()


def test_a_package_gives_back_what_went_in_and_its_manifest_names_it(key: Any, tmp_path: Path) -> None:
    content = b"first " * 100_000
    files = [
        PackageFile("holiday photo.jpg", [content[:7], content[7:]], NCA.render_file(DraftFile("a", {}))),
        PackageFile("chat.txt", [b""]),
    ]
    manifest = read_package(io.BytesIO(_packed(key, *files)), str(key), tmp_path / "out")
    names = [each["name"] for each in manifest["entries"]]
    assert names == [
        "report.json",
        "report.pdf",
        "files/0001-holiday-photo.jpg",
        "details/0001.json",
        "files/0002-chat.txt",
    ]
    assert manifest["made_at"] == "2026-11-22T12:00:00+00:00"
    kept = tmp_path / "out"
    assert (kept / "report.json").read_bytes() == NCA.render(PLAIN)
    assert (kept / "files/0001-holiday-photo.jpg").read_bytes() == content
    assert manifest["entries"][2]["md5"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert manifest["entries"][2]["sha256"] == hashlib.sha256(content).hexdigest()
    assert sorted(path.name for path in kept.iterdir()) == [
        "details",
        "files",
        "manifest.json",
        "report.json",
        "report.pdf",
    ]


def test_the_same_package_opens_with_the_usual_tools(key: Any) -> None:
    plain = pyrage.decrypt(_packed(key, PackageFile("a", [b"bytes"])), [key])
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        assert archive.testzip() is None
        assert archive.read("files/0001-a") == b"bytes"


def test_every_recipient_can_open_it(key: Any, tmp_path: Path) -> None:
    other, into = pyrage.x25519.Identity.generate(), io.BytesIO()
    recipients = [str(key.to_public()), f" {other.to_public()}\n"]
    write_package(into, document=b"{}", pdf=b"", recipients=recipients, made_at=NOW)
    for number, each in enumerate((key, other)):
        read_package(io.BytesIO(into.getvalue()), str(each), tmp_path / str(number))


def test_nothing_of_it_can_be_read_without_the_key(key: Any, tmp_path: Path) -> None:
    secret = b"a text that nobody else may read"
    sealed = _packed(key, PackageFile("a-name-that-tells.txt", [secret * 10]))
    assert secret not in sealed
    assert b"tells" not in sealed
    with pytest.raises(InvalidReport, match="does not open"):
        read_package(io.BytesIO(sealed), str(pyrage.x25519.Identity.generate()), tmp_path)
    with pytest.raises(InvalidReport, match="does not open"):
        read_package(io.BytesIO(sealed), "no key", tmp_path)


@pytest.mark.parametrize("where", [0.1, 0.5, 0.99])
def test_one_flipped_bit_is_found(where: float, key: Any, tmp_path: Path) -> None:
    sealed = bytearray(_packed(key, PackageFile("a", [b"x" * 300_000])))
    sealed[int(len(sealed) * where)] ^= 1
    with pytest.raises(InvalidReport):
        read_package(io.BytesIO(bytes(sealed)), str(key), tmp_path / "out")
    assert not (tmp_path / "out" / ".package.zip").exists()


def test_a_package_whose_end_is_missing_is_found(key: Any, tmp_path: Path) -> None:
    sealed = _packed(key, PackageFile("a", [b"x" * 300_000]))
    with pytest.raises(InvalidReport):
        read_package(io.BytesIO(sealed[:-70_000]), str(key), tmp_path)


def _forged(key: Any, entries: dict[str, bytes], manifest: Any) -> io.BytesIO:
    """Seal a ZIP that somebody else made: whoever knows the recipient can."""
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(manifest))
    return io.BytesIO(pyrage.encrypt(plain.getvalue(), [key.to_public()]))


def _line(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize(
    ("entries", "lines"),
    [
        ({"a": b"x"}, []),
        ({}, [_line("a", b"x")]),
        ({"a": b"x"}, [_line("a", b"y")]),
        ({"a": b"x"}, [{**_line("a", b"x"), "size_bytes": 2}]),
        ({"../evil": b"x"}, [_line("../evil", b"x")]),
        ({"/evil": b"x"}, [_line("/evil", b"x")]),
        ({"files/../../evil": b"x"}, [_line("files/../../evil", b"x")]),
        ({"files/.hidden": b"x"}, [_line("files/.hidden", b"x")]),
        ({"a": b"x"}, [_line("a", b"x"), _line("a", b"x")]),
    ],
)
def test_a_package_that_somebody_made_up_leaves_its_folder_alone(
    entries: dict[str, bytes], lines: list[Any], key: Any, tmp_path: Path
) -> None:
    forged = _forged(key, entries, {"schema": "hedgerow-nca-package/1", "entries": lines})
    with pytest.raises(InvalidReport):
        read_package(forged, str(key), tmp_path / "out")
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    "manifest", [{}, {"schema": "other/1", "entries": []}, "x", {"schema": "hedgerow-nca-package/1"}]
)
def test_a_manifest_that_is_none_is_refused(manifest: Any, key: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidReport):
        read_package(_forged(key, {}, manifest), str(key), tmp_path)


@pytest.mark.parametrize("recipients", [[], ["age1"], ["nobody"]])
def test_a_package_for_nobody_is_not_made(recipients: list[str]) -> None:
    with pytest.raises(InvalidReport):
        write_package(io.BytesIO(), document=b"{}", pdf=b"", recipients=recipients, made_at=NOW)


def test_what_cannot_be_read_ends_the_package_by_its_own_name(key: Any) -> None:
    def damaged() -> Iterator[bytes]:
        yield b"a beginning"
        raise EvidenceDamaged("0" * 32, "it does not open")

    with pytest.raises(EvidenceDamaged):
        _packed(key, PackageFile("a", damaged()))


@given(st.integers(1, 9999), st.text(max_size=200))
def test_a_name_in_a_package_is_no_path_and_no_surprise(number: int, name: str) -> None:
    plain = _plain_name(number, name)
    assert plain.startswith(f"{number:04}")
    assert set(plain) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")
    assert ".." not in plain
    assert len(plain) <= 85


_MEASURED = """
import io, sys
from datetime import UTC, datetime
import pyrage
from hedgerow.reports.nca import PackageFile, write_package
class Nowhere(io.RawIOBase):
    size = 0
    def write(self, data): self.size += len(data); return len(data)
piece, count = b"0123456789abcdef" * 4096, int(sys.argv[1])
into, key = Nowhere(), pyrage.x25519.Identity.generate()
write_package(into, document=b"{}", pdf=b"", recipients=[str(key.to_public())], made_at=datetime.now(UTC),
              files=[PackageFile("film.mp4", (piece for _ in range(count)))])
assert into.size > count * len(piece)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


def _peak_kib(pieces: int) -> int:
    done = subprocess.run([sys.executable, "-c", _MEASURED, str(pieces)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the memory of a process from /proc")
@pytest.mark.parametrize(
    "pieces", [3_200, pytest.param(66_000, marks=pytest.mark.slow)], ids=["200 MB", "4.3 GB, beyond what 32 bits count"]
)
def test_a_file_of_any_size_is_packed_in_bounded_memory(pieces: int) -> None:
    assert _peak_kib(pieces) - _peak_kib(1) < 8 * 1024
