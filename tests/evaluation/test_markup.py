from __future__ import annotations

from hedgerow.evaluation import Share
from hedgerow.evaluation.markup import in_words, name_cell, percent, rate, share_cell, shown, table


def test_what_could_mislead_the_eye_is_written_as_an_escape() -> None:
    assert shown("a\u202eb\nc\udcff") == r"a\u202eb\nc\udcff"
    assert name_cell("<i>") == '<th scope="row" class="path"><bdi>&lt;i&gt;</bdi></th>'


def test_shares_carry_their_interval_and_nothing_of_nothing() -> None:
    assert "100.0" in share_cell(Share(10, 10))
    assert "<small>72–100</small>" in share_cell(Share(10, 10))
    assert share_cell(Share(0, 0)) == '<td class="number">–</td>'
    assert percent(Share(1, 3)) == "33.3 %"


def test_figures_are_written_as_people_read_them() -> None:
    assert [rate(each) for each in (0.0, 0.001, 12.0, 0.00031)] == ["0", "0.001", "12", "3·10⁻⁴"]
    assert [in_words(each) for each in (3.4, 60, 3599)] == ["3 s", "1 min 0 s", "59 min 59 s"]


def test_a_head_with_a_hash_stands_over_numbers() -> None:
    written = table("Name", ["Word", "#Number"], [])
    assert '<th scope="col">Word</th><th scope="col" class="number">Number</th>' in written
    assert 'aria-label="Name"' in written
