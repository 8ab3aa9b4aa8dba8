"""What is asked most is answered before the framework: just as the framework would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.web.api import direct_routes
from hedgerow.web.app import API, create_app

if TYPE_CHECKING:
    from conftest import House

PDQ = {"type": "pdq", "value": "0f" * 32}


def test_look_ups_hashes_and_submissions_are_what_is_asked_most() -> None:
    assert {(method, each.path) for each in direct_routes for method in each.methods or ()} == {
        ("POST", "/lookups"),
        ("POST", "/hashes"),
        ("POST", "/submissions"),
    }


@pytest.mark.sqlite_file
@pytest.mark.parametrize(
    ("path", "body", "has_key"),
    [
        ("lookups", {"signals": [PDQ]}, True),
        ("lookups", {"signals": [PDQ]}, False),
        ("lookups", {"signals": [{"type": "pdq", "value": "zz" * 32}]}, True),
        ("lookups", {"signals": [], "more": 1}, True),
        ("lookups", [], True),
        ("submissions", {"content_id": "post-1", "signals": [PDQ]}, True),
        ("submissions", {"content_id": ""}, True),
        ("hashes", {}, True),
    ],
)
def test_it_answers_as_the_framework_would(
    house: House, monkeypatch: pytest.MonkeyPatch, path: str, body: Any, *, has_key: bool
) -> None:
    client = house.key() if has_key else house.nobody()
    direct = client.post(f"{API}/{path}", json=body)
    monkeypatch.setattr("hedgerow.web.app.direct_routes", ())
    house.app = create_app(house.service)
    client = house.key() if has_key else house.nobody()
    usual = client.post(f"{API}/{path}", json=body)
    assert direct.status_code == usual.status_code
    assert {**direct.json(), "is_repeat": None} == {**usual.json(), "is_repeat": None}
    assert direct.headers.keys() == usual.headers.keys()


@pytest.mark.sqlite_file
def test_another_method_on_the_same_path_is_the_frameworks(house: House) -> None:
    assert house.key().get(f"{API}/lookups").status_code == 405


@pytest.mark.sqlite_file
def test_what_nobody_foresaw_is_told_without_its_words(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the signal was 0f0f")

    monkeypatch.setattr(house.service, "is_unknown", fail)
    answer = house.key().post(f"{API}/lookups", json={"signals": [PDQ]})
    assert (answer.status_code, answer.json()["reason"]) == (500, "internal_error")
    assert "0f0f" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
