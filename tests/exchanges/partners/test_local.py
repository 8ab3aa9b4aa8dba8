from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.exchanges.partners.mirror import Mirror, open_session

from hedgerow.errors import InvalidExchange, OpinionRefused, PageUnreadable, PartnerUnavailable
from hedgerow.exchanges.model import Record, Saying, Sayings
from hedgerow.exchanges.partners.local import LocalFile, Sample
from hedgerow.exchanges.partners.samples import SAMPLE_MD5, SAMPLE_PDQ

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow.exchanges.model import Page, Partner, Session

__all__: list[str] = []


def _refuse(request: httpx.Request) -> httpx.Response:
    raise AssertionError(request.url)


def _session(folder: Path, **config: Any) -> Session:
    client = httpx.Client(transport=httpx.MockTransport(_refuse))
    return open_session(
        "http://127.0.0.1", client, lambda: datetime(2026, 11, 22, tzinfo=UTC), config=config, folder=folder
    )


def _pages(folder: Path, partner: Partner | None = None, **config: Any) -> list[Page]:
    return list((partner or LocalFile()).pages(_session(folder, **config), None))


def _records(pages: list[Page]) -> list[Record]:
    return [each for page in pages for each in page.items if isinstance(each, Record)]


@pytest.mark.parametrize("partner", [Sample(), LocalFile()])
def test_each_fetch_gives_the_whole_set_and_leaves_the_machine_for_nothing(partner: Partner) -> None:
    assert partner.is_whole
    assert partner.place({"filename": "x"}) is None
    assert partner.credential_fields is None
    assert partner.opinions == frozenset()


def test_nobody_can_be_told_anything(tmp_path: Path) -> None:
    for partner in (Sample(), LocalFile()):
        with pytest.raises(OpinionRefused):
            partner.send(_session(tmp_path), Saying(Sayings.AGREE, "k", {}, "pdq", "00", None, "t"))


def test_the_samples_are_one_page(tmp_path: Path) -> None:
    (page,) = _pages(tmp_path, Sample())
    assert page.is_end
    assert {signal.value for each in _records([page]) for _, signal in each.signals} == {*SAMPLE_PDQ, *SAMPLE_MD5}
    assert all(each.may_be_redistributed for each in _records([page]))
    assert list(Sample().pages(_session(tmp_path), page.checkpoint)) == [page]


def test_a_local_file_is_read_and_lines_that_are_no_signals_are_told(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"pdq {SAMPLE_PDQ[0]}\nno signal\n{SAMPLE_MD5[0]}\n")
    (page,) = _pages(tmp_path, filename="list.txt", signal_type=None)
    first, second, lines = _records([page])
    assert [(kind, signal.value) for each in (first, second) for kind, signal in each.signals] == [
        ("pdq", SAMPLE_PDQ[0]),
        ("md5", SAMPLE_MD5[0]),
    ]
    assert page.is_end
    assert lines.signals == ()
    assert [line for line, _ in lines.refused] == ["line 2"]


def test_what_a_file_says_of_a_signal_is_kept(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        f"md5,category,contributor,external_id,note,may_be_redistributed,added_at\n"
        f"{SAMPLE_MD5[0]},A1,someone,image7,seen twice,yes,2026-01-02T03:04:05Z\n"
    )
    (record,) = _records(_pages(tmp_path, filename="list.csv"))
    assert (record.category, record.contributor, record.tags) == ("A1", "someone", ("image7", "seen twice"))
    assert record.may_be_redistributed
    assert record.updated_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_type_that_lines_do_not_say_is_the_configured_one(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{SAMPLE_MD5[0]}\n")
    (record,) = _records(_pages(tmp_path, filename="list.txt", signal_type="video_md5"))
    assert record.signals[0][1].type == "md5"
    (record,) = _records(_pages(tmp_path, filename="list.txt", signal_type="pdq"))
    assert record.signals == ()
    assert record.refused


def test_keys_are_stable_and_tell_no_value(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{SAMPLE_PDQ[0]}\n{SAMPLE_MD5[0]}\n")
    (tmp_path / "b.txt").write_text(f"{SAMPLE_MD5[0].upper()}\n{SAMPLE_PDQ[0]}\n")
    one, other = (_records(_pages(tmp_path, filename=name)) for name in ("a.txt", "b.txt"))
    assert {each.key for each in one} == {each.key for each in other}
    assert len({each.key for each in one}) == 2
    assert not any(each.signals[0][1].value[:12] in repr(each) for each in one)


@pytest.mark.parametrize(("lines", "pages"), [(0, 1), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (2_500, 3)])
def test_a_long_list_comes_in_pages_of_which_the_last_is_the_end(tmp_path: Path, lines: int, pages: int) -> None:
    (tmp_path / "list.txt").write_text("".join(f"{number:032x}\n" for number in range(1, lines + 1)))
    found = _pages(tmp_path, filename="list.txt", signal_type="video_md5")
    assert [each.is_end for each in found] == [False] * (pages - 1) + [True]
    assert len({each.key for each in _records(found)}) == len(_records(found)) == lines
    assert all(len(each.items) <= 1_000 for each in found)


def test_a_list_of_nonsense_comes_in_pages_too(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("nonsense\n" * 2_500)
    found = _pages(tmp_path, filename="list.txt")
    assert [len(each.refused) for each in _records(found)] == [1_000, 1_000, 500]
    assert len({each.key for each in _records(found)}) == 3


def test_a_checkpoint_begins_at_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("".join(f"{number:032x}\n" for number in range(1, 2_001)))
    mirror, session = Mirror(LocalFile()), _session(tmp_path, filename="list.txt")
    assert not mirror.fetch(session, dies_after=1)
    path.write_text(f"{7:032x}\n")
    mirror.walk(session)
    assert [signal.value for each in mirror.records.values() for _, signal in each.signals] == [f"{7:032x}"]


def test_a_file_that_is_being_written_is_no_whole_list(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("".join(f"{number:032x}\n" for number in range(1, 3_001)))
    pages = LocalFile().pages(_session(tmp_path, filename="list.txt"), None)
    next(pages)
    with path.open("a") as stream:
        stream.write(f"{5:032x}\n")
    with pytest.raises(PartnerUnavailable, match="changed"):
        list(pages)


def test_a_file_that_is_replaced_is_read_to_its_own_end(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("".join(f"{number:032x}\n" for number in range(1, 3_001)))
    pages = LocalFile().pages(_session(tmp_path, filename="list.txt"), None)
    first = next(pages)
    (tmp_path / "new.txt").write_text(f"{5:032x}\n")
    os.replace(tmp_path / "new.txt", path)  # noqa: PTH105  (the system call that is meant)
    rest = list(pages)
    assert rest[-1].is_end
    assert len(_records([first, *rest])) == 3_000


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", ".hidden", "", "a\0b", "C:\\x"])
def test_a_local_file_lies_in_its_folder(name: str) -> None:
    with pytest.raises(InvalidExchange):
        LocalFile().check({"filename": name})


def test_a_type_is_one_of_hmas() -> None:
    for kind in (None, "pdq", "video_md5", "vpdq"):
        LocalFile().check({"filename": "x", "signal_type": kind})
    with pytest.raises(InvalidExchange, match="video_md5"):
        LocalFile().check({"filename": "x", "signal_type": "md5"})


def test_a_file_that_is_not_there_is_looked_for_again(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("folder", "missing.txt"):
        with pytest.raises(PartnerUnavailable) as caught:
            _pages(tmp_path, filename=name)
        assert str(tmp_path) not in str(caught.value)


def test_what_is_no_list_is_unreadable_and_cannot_be_skipped(tmp_path: Path) -> None:
    (tmp_path / "exchanges").mkdir()
    (tmp_path / "secret.txt").write_text(f"{SAMPLE_MD5[0]}\n")
    (tmp_path / "exchanges" / "link.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "exchanges" / "picture.jpg").write_bytes(b"\xff\xd8\xff")
    for name in ("link.txt", "picture.jpg"):
        with pytest.raises(PageUnreadable) as caught:
            _pages(tmp_path / "exchanges", filename=name)
        assert (caught.value.place, caught.value.skip_to) == (f"the file {name}", None)
        assert str(tmp_path) not in str(caught.value)


def test_what_is_in_order_and_not_for_us_is_counted_apart(tmp_path: Path) -> None:
    records = [
        {"MediaID": 1, "Category": 1, "MD5": SAMPLE_MD5[0]},
        {"MediaID": 2, "MD5": SAMPLE_MD5[1]},
    ]
    document = {"@odata.context": "http://github.com/VICSDataModel/ProjectVic/DataModels/2.0.xml", "value": records}
    (tmp_path / "list.json").write_text(json.dumps(document))
    first, lines = _records(_pages(tmp_path, filename="list.json"))
    assert [signal.value for _, signal in first.signals] == [SAMPLE_MD5[0]]
    assert lines.refused == ()
    assert len(lines.opaque) == 1
