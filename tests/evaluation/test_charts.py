from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from hedgerow.evaluation import Share
from hedgerow.evaluation.charts import distance_chart, legend_mark, recall_chart, threshold_chart

HOSTILE = '<b>&"'
CHARTS = {
    "recall": recall_chart(
        [(HOSTILE, [Share(9, 10), Share(0, 0)], 0.97), ("a", [Share(0, 3), Share(3, 3)], None)], ["x", HOSTILE]
    ),
    "threshold": threshold_chart([(HOSTILE, [(0, 0.0), (32, 0.5), (64, 1.0)])], 31, 64),
    "distance": distance_chart([(HOSTILE, [0.0] * 80 + [1e-6] * 49, [1e-15] * 80 + [1e-6] * 49)], 31, 128),
    "no pairs": distance_chart([("a", [0.0] * 129, [1e-15] * 129)], 31, 128),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_well_formed_titled_and_without_scripts_or_styles(name: str) -> None:
    chart = ET.fromstring(CHARTS[name])  # noqa: S314  (our own)
    assert chart.find("title") is not None
    assert chart.find("desc") is not None
    assert chart.get("role") == "img"
    labels = (chart.get("aria-labelledby") or "").split()
    assert labels == [chart[0].get("id"), chart[1].get("id")]
    for element in chart.iter():
        assert not {"style", "onclick", "href"} & set(element.keys())
        assert element.tag in {"svg", "g", "title", "desc", "text", "line", "polyline", "polygon", "circle", "rect"}


def test_every_measured_share_has_its_mark_and_the_wanted_one_its_stroke() -> None:
    chart = ET.fromstring(CHARTS["recall"])  # noqa: S314  (our own)
    assert len(chart.findall(".//line[@class='range']")) == 3  # of nothing there is no share
    assert len(chart.findall(".//line[@class='wanted']")) == 1


def test_methods_are_told_apart_by_shape_too() -> None:
    assert len({legend_mark(place).partition("/>")[2].replace(f"kind-{place}", "") for place in range(4)}) == 4


def test_a_long_name_takes_two_lines() -> None:
    name = "JPEG q20, blur, noise, gamma, contrast, greyscale"
    chart = ET.fromstring(recall_chart([(name, [Share(1, 1)], None)], ["x"]))  # noqa: S314  (our own)
    texts = [element.text or "" for element in chart.findall("text") if element.get("text-anchor") == "end"]
    assert " ".join(texts) == name
    assert len(texts) == 2
