from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.exchanges.partners import ncmec_xml
from hedgerow.exchanges.partners.ncmec_xml import Unreadable, read_tree, text_of, within

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__: list[str] = []

_NAMES = st.sampled_from(["queryResult", "image", "a", "n:b", "id"])
_TEXTS = st.sampled_from(["", " ", "\n", "x", "é ", "a&amp;b", "<!-- c -->", "<![CDATA[<d>]]>", "<?pi e?>", "&#65;"])
_ATTRIBUTES = st.sampled_from(["", ' id="1"', ' id="a &lt; b" name="é"', ' n:id="2"', ' xmlns:m="urn:m"'])


def _written(parts: tuple[str, str, list[str], str]) -> str:
    name, attributes, inside, text = parts
    return f"<{name}{attributes}>{text}{text.join(inside)}</{name}>{text}"


_ELEMENTS = st.recursive(
    st.builds(lambda name, attributes, text: _written((name, attributes, [], text)), _NAMES, _ATTRIBUTES, _TEXTS),
    lambda inner: st.builds(
        lambda name, attributes, inside, text: _written((name, attributes, inside, text)),
        _NAMES,
        _ATTRIBUTES,
        st.lists(inner, max_size=4),
        _TEXTS,
    ),
    max_leaves=12,
)


def _said(element: Element) -> object:
    """Return all that is read of a tree: a name with a prefix in an attribute is nobody's."""
    attributes = {name: value for name, value in element.items() if name.isalpha() and name != "xmlns"}
    return element.tag, attributes, element.text or "", [_said(child) for child in element]


@given(st.lists(_ELEMENTS, max_size=3), st.sampled_from(['xmlns="urn:x" xmlns:n="urn:n"', 'xmlns:n="urn:n"', ""]))
def test_the_quick_reader_and_the_thorough_one_make_the_same_of_a_document(inside: list[str], spaces: str) -> None:
    body = f"<queryResult {spaces}>{''.join(inside)}</queryResult>".encode()
    slow = ncmec_xml._read_by_events(body, "queryResult")
    assert _said(read_tree(body, "queryResult")) == _said(slow)
    if spaces:
        assert _said(ncmec_xml._read_in_c(body)) == _said(slow)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_whatever_it_is_it_is_read_or_refused(body: bytes) -> None:
    try:
        tree = read_tree(body, None)
    except Unreadable:
        return
    assert tree.tag


@pytest.mark.parametrize("depth", [31, 32, 33, 5_000])
def test_it_goes_down_so_far_and_no_further(depth: int) -> None:
    body = b"<a>" * depth + b"</a>" * depth
    if depth <= 32:
        assert len(list(read_tree(body, "a").iter())) == depth
    else:
        with pytest.raises(Unreadable, match="32 levels"):
            read_tree(body, "a")


def test_a_document_longer_than_a_piece_is_read_whole() -> None:
    inside = "".join(f"<id>{number} é</id>" for number in range(20_000))
    tree = read_tree(f"<r>{inside}</r>".encode(), "r")
    assert [text_of(each) for each in within(tree, "id")] == [f"{number} é" for number in range(20_000)]


def test_what_is_within_does_not_hold_the_element_itself() -> None:
    tree = read_tree(b"<a><b><a/></b></a>", "a")
    assert [each is tree for each in within(tree, "a")] == [False]
