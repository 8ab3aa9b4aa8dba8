from __future__ import annotations

import importlib.util
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgerow.banks import (
    EXPORT_FORMATS,
    Attributes,
    Bank,
    Exported,
    ImportReport,
    NewEntry,
    ReadOptions,
    add_entries,
    create_bank,
    export_entries,
    export_videos,
    import_entries,
    iterate_entries,
    list_banks,
    withdraw_entry,
)
from hedgerow.errors import ImportUnreadable, NotRedistributable
from hedgerow.hashing.signal import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from hedgerow.banks.exporting import Right
    from hedgerow.database import Database
    from hedgerow.hashing.frame_list import FrameList

FREE = Attributes(may_be_redistributed=True)

# Each example uses the database of its test anew, in a bank of its own.
_shared_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)


def _new_bank(database: Database, now: datetime, *new: NewEntry) -> Bank:
    with database.write() as connection:
        bank = create_bank(connection, f"bank-{len(list_banks(connection))}", now=now)
        assert add_entries(connection, bank, list(new), now=now).refused == ()
    return bank


def _written(database: Database, bank: Bank, name: str, right: Right = "unsaid", **how: Any) -> tuple[str, Exported]:
    target = io.StringIO(newline="")
    with database.read() as connection:
        exported = export_entries(connection, bank, target, format=name, right=right, **how)
    return target.getvalue(), exported


def _import(database: Database, bank: Bank, content: str, now: datetime, **options: Any) -> ImportReport:
    with database.write() as connection:
        return import_entries(connection, bank, io.BytesIO(content.encode()), now=now, options=ReadOptions(**options))


def _said(database: Database, bank: Bank) -> list[tuple[str, bytes, str | None, str | None]]:
    """Return what the formats of others can say: type, bits, the source's own name and category."""
    with database.read() as connection:
        found = [(entry.signal, entry.attributes) for entry in iterate_entries(connection, bank)]
    return [(signal.type, signal.bits, said.external_id, said.category) for signal, said in found]


def _of_types(*types: str, said: Attributes = FREE) -> list[NewEntry]:
    sizes = {"pdq": 32, "sha256": 32, "sha1": 20, "md5": 16}
    return [NewEntry(Signal(kind, bytes([place]) * sizes[kind]), said) for place, kind in enumerate(types, 1)]


# ── what may leave ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_an_export_is_refused_where_anything_may_not_be_passed_on_and_nobody_said_more(
    database: Database, now: datetime, name: str
) -> None:
    bank = _new_bank(database, now, *_of_types("md5"), *_of_types("sha1", "md5", "sha1", said=Attributes()))
    target = io.StringIO()
    with database.read() as connection, pytest.raises(NotRedistributable, match="3 entries may not be passed on"):
        export_entries(connection, bank, target, format=name)
    assert target.getvalue() == ""


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_an_export_holds_what_may_be_passed_on_or_all_that_is_live(
    database: Database, now: datetime, name: str
) -> None:
    new = _of_types("md5", "md5", "md5")
    new[1] = replace(new[1], attributes=Attributes())
    bank = _new_bank(database, now, *new)
    with database.write() as connection:
        withdraw_entry(connection, bank, "01" * 16, now=now)
    everything, count = _written(database, bank, name, "own_backup")
    assert ["01" * 16 in everything, "02" * 16 in everything, "03" * 16 in everything] == [False, True, True]
    assert (count, count.entries) == (Exported({"md5": 2}), 2)
    free, count = _written(database, bank, name, "redistributable")
    assert ["02" * 16 in free, "03" * 16 in free] == [False, True]
    assert count.entries == 1


def test_where_all_may_be_passed_on_nothing_need_be_said(database: Database, now: datetime) -> None:
    bank = _new_bank(database, now, *_of_types("md5", "pdq"))
    assert _written(database, bank, "text")[1].entries == 2


def test_entries_for_which_a_format_has_no_place_are_counted_and_forbid_nothing(
    database: Database, now: datetime
) -> None:
    bank = _new_bank(database, now, *_of_types("md5", "sha1"), *_of_types("sha256", "pdq", said=Attributes()))
    for name in ("vic", "vic-1.3", "icse"):
        assert _written(database, bank, name)[1] == Exported({"md5": 1, "sha1": 1}, {"pdq": 1, "sha256": 1})


def test_an_export_in_an_unknown_format_is_refused(database: Database, now: datetime) -> None:
    bank = _new_bank(database, now)
    with pytest.raises(ImportUnreadable):
        _written(database, bank, "xml")


# ── there and back ───────────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def _media(draw: st.DrawFn, words: Sequence[str]) -> list[NewEntry]:
    """Make the digests of one picture or video, as they come out of an import."""
    number = draw(st.none() | st.integers(1, 2**63 - 1).map(str))
    said = Attributes(external_id=number, category=draw(st.sampled_from(words)), may_be_redistributed=True)
    types = draw(st.sampled_from([("md5",), ("sha1",), ("md5", "sha1")]))
    sizes = {"md5": 16, "sha1": 20}
    bits = {
        kind: st.binary(min_size=size, max_size=size).filter(lambda value: len(set(value)) > 3)
        for kind, size in sizes.items()
    }
    return [NewEntry(Signal(kind, draw(bits[kind])), said) for kind in types]


def _own_name(media: list[NewEntry]) -> object:
    """Return what tells media from others: two of one name are one record there."""
    return media[0].attributes.external_id or media[0].signal.bits


def _flat(media: list[list[NewEntry]]) -> list[NewEntry]:
    return [each for entries in media for each in entries]


@pytest.mark.parametrize("name", ["vic", "vic-1.3"])
@_shared_fixture
@given(media=st.lists(_media(["VIC 1", "VIC 2", "VIC 3"]), max_size=6, unique_by=_own_name))
def test_a_hash_set_of_project_vic_goes_there_and_back(
    database: Database, now: datetime, name: str, media: list[list[NewEntry]]
) -> None:
    named = [replace(each, attributes=replace(each.attributes, external_id="9")) for each in _flat(media)]
    entries = named if len(media) < 2 else _flat(media)
    entries = [each for each in entries if each.attributes.external_id is not None]
    source, copy = _new_bank(database, now, *entries), _new_bank(database, now)
    content, exported = _written(database, source, name)
    assert json.loads(content)["value"] is not None
    report = _import(database, copy, content, now)
    assert (report.format, report.added, report.rejected, report.passed_over) == ("vic", exported.entries, 0, {})
    assert _said(database, copy) == _said(database, source)
    again = _import(database, copy, f"\ufeff{content}".replace("/", "\\/"), now)
    assert (again.added, again.already_there) == (0, exported.entries)


@_shared_fixture
@given(media=st.lists(_media(["ICSE", "ICSE baseline"]), max_size=6, unique_by=_own_name))
def test_a_table_of_icse_goes_there_and_back(database: Database, now: datetime, media: list[list[NewEntry]]) -> None:
    source, copy = _new_bank(database, now, *_flat(media)), _new_bank(database, now)
    content, exported = _written(database, source, "icse")
    report = _import(database, copy, content, now)
    assert (report.format, report.added, report.rejected) == ("icse", exported.entries, 0)
    assert _said(database, copy) == _said(database, source)
    assert _written(database, copy, "icse", "own_backup")[0] == content


def test_a_record_of_a_set_holds_what_we_know_and_nothing_else(database: Database, now: datetime) -> None:
    said = Attributes(external_id="77", category="VIC 2", note="a person's words", may_be_redistributed=True)
    bank = _new_bank(database, now, *_of_types("md5", "sha1", said=said), *_of_types("sha256"))
    content, _ = _written(database, bank, "vic")
    assert json.loads(content) == {
        "@odata.context": "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/Default/$metadata#Media",
        "value": [{"MediaID": 77, "Category": 2, "MD5": "01" * 16, "SHA1": "02" * 20, "DateUpdated": now.isoformat()}],
    }
    assert next(iter(json.loads(_written(database, bank, "vic-1.3")[0]))) == "odata.metadata"


def test_a_set_states_no_verdict_that_nobody_gave(database: Database, now: datetime) -> None:
    bank = _new_bank(database, now, *_of_types("md5", said=replace(FREE, category="A1", external_id="ref-1")))
    [stated] = json.loads(_written(database, bank, "vic")[0])["value"]
    assert (stated["Category"], stated["MediaID"]) == (None, 1)
    [stated] = json.loads(_written(database, bank, "vic", category=2)[0])["value"]
    assert stated["Category"] == 2


def test_a_second_digest_under_one_name_is_another_record(database: Database, now: datetime) -> None:
    said = replace(FREE, external_id="5", category="VIC 1")
    bank = _new_bank(database, now, *_of_types("md5", "sha1", "md5", said=said))
    stated = json.loads(_written(database, bank, "vic")[0])["value"]
    assert [sorted(set(each) & {"MD5", "SHA1"}) for each in stated] == [["MD5", "SHA1"], ["MD5"]]


# ── python-threatexchange ────────────────────────────────────────────────────────────────────────────────────────


def test_python_threatexchange_reads_our_text(
    database: Database, now: datetime, tmp_path: Path, film: Callable[..., FrameList]
) -> None:
    if importlib.util.find_spec("threatexchange") is None:
        pytest.skip("NO THREATEXCHANGE: this test checked NOTHING. Run pip install threatexchange.")
    from threatexchange.exchanges.impl import file_api  # noqa: PLC0415  (where it is installed)

    video = film(1, 3)
    new = [*_of_types("pdq", "md5", "sha1"), NewEntry(Signal("vpdq", video.digest(), frames=video), FREE)]
    bank = _new_bank(database, now, *new)
    (tmp_path / "list.txt").write_text(_written(database, bank, "text")[0], "utf-8")
    config = file_api.FileCollaborationConfig(name="ours", filename=str(tmp_path / "list.txt"))
    [delta] = file_api.LocalFileSignalExchangeAPI.for_collab(config).fetch_iter([], None)
    read = dict(delta.updates)
    assert {("pdq", "01" * 32), ("md5", "02" * 16), ("sha1", "03" * 20)} < set(read)
    [frames] = [json.loads(value) for kind, value in read if kind == "vpdq"]
    assert [frame.split(",")[0] for frame in frames] == [bits.tobytes().hex() for bits in video.bits]


# ── videos ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["vpdq", "vpdq-json"])
def test_videos_are_written_a_file_each_and_read_back_with_its_name(
    database: Database, bank: Bank, now: datetime, tmp_path: Path, film: Callable[..., FrameList], name: str
) -> None:
    videos = [film(1, 3), film(2, 5)]
    with database.write() as connection:
        new = [NewEntry(Signal("vpdq", each.digest(), frames=each)) for each in videos]
        add_entries(connection, bank, [*new, NewEntry(Signal("pdq", bytes(range(32))))], now=now)
    with database.read() as connection:
        assert len(export_videos(connection, bank, tmp_path / "videos", format=name, right="own_backup")) == 2
        assert export_videos(connection, bank, tmp_path / "none", format=name, right="redistributable") == []
        with pytest.raises(NotRedistributable, match="2 entries"):
            export_videos(connection, bank, tmp_path / "no", format=name)
        with pytest.raises(ImportUnreadable):
            export_videos(connection, bank, tmp_path, format="csv")
    assert not (tmp_path / "no").exists()
    copy = _new_bank(database, now)
    with database.write() as connection:
        for path in sorted((tmp_path / "videos").iterdir()):
            assert import_entries(connection, copy, path, now=now).added == 1
    with database.read() as connection:
        found = list(iterate_entries(connection, copy, with_frames=True))
    bits = [None if each.signal.frames is None else each.signal.frames.bits.tolist() for each in found]
    assert bits == [each.bits.tolist() for each in videos]
    assert [each.attributes.external_id for each in found] == ["known-1", "known-2"]
