from __future__ import annotations

from typing import Final

import pytest

from hedgerow.errors import InvalidExchange
from hedgerow.exchanges.model import Place
from hedgerow.exchanges.places import place_fields, place_of

__all__: list[str] = []

KNOWN: Final = {
    "simulator": Place("simulator", "http://127.0.0.1:8102/v1", is_production=False),
    "test": Place("test", "https://test.partner.example/v1", is_production=False),
    "production": Place("production", "https://partner.example/v1", is_production=True),
}


@pytest.mark.parametrize("environment", list(KNOWN))
def test_an_environment_is_where_it_usually_is(environment: str) -> None:
    assert place_of(environment, "", KNOWN) == KNOWN[environment]


@pytest.mark.parametrize("environment", list(KNOWN))
def test_what_a_place_is_is_told_by_its_address_and_not_by_its_name(environment: str) -> None:
    assert place_of(environment, "https://partner.example/v1/", KNOWN) == KNOWN["production"]
    assert place_of(environment, "https://test.partner.example/v1", KNOWN) == KNOWN["test"]
    assert place_of(environment, "http://localhost:9/x", KNOWN) == Place(
        "simulator", "http://localhost:9/x", is_production=False
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example",
        "https://partner.example.evil.example/v1",
        "https://127.0.0.1.evil.example",
        "https://localhost.evil.example",
        "https://10.0.0.1/v1",
    ],
)
def test_whatever_is_neither_known_nor_this_machine_must_be_armed(url: str) -> None:
    assert place_of("simulator", url, KNOWN) == Place("custom", url, is_production=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://partner.example/v1",
        "ftp://127.0.0.1/",
        "partner.example",
        "https://",
        "https:///v1",
        "https://[::1",
        "https://partner.example:port/",
        "https://partner.example:0/",
        "https://partner.example:99999/",
        "https://user@partner.example/",
        "https://@partner.example/",
        "https://partner.example/?code=secret",
        "https://partner.example/#secret",
        "https://partner.example/v1/../../secret",
        "https://partner.example/v 1",
        "https://partner.example/\n",
        "https://pärtner.example/",
        "https://partner.example/" + "a" * 300,
        "file:///etc/passwd",
        "//partner.example",
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(InvalidExchange) as caught:
        place_of("simulator", url, KNOWN)
    assert "secret" not in str(caught.value)


def test_an_environment_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidExchange, match="simulator, test, production"):
        place_of("Production", "", KNOWN)


def test_a_form_offers_the_environments_and_needs_none_of_it() -> None:
    environment, base_url = place_fields(KNOWN)
    assert (environment.choices, environment.default) == (tuple(KNOWN), "simulator")
    assert not environment.is_required
    assert not base_url.is_required
