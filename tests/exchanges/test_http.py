"""How partners are spoken to: whom is trusted, and what is written of it."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, NoReturn

import pytest

from hedgerow.actions.certificates import public_certificates
from hedgerow.app.logs import set_up_logging
from hedgerow.exchanges.http import Limits, PartnerHttp
from hedgerow.settings import load_settings
from hedgerow.simulators.feed import FeedPlay
from hedgerow.simulators.stage import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("httpx", reason="NO HTTPX: this test checked NOTHING. Install hedgerow[server].")

_ONCE = Limits(timeout_s=20, tries=1)


@pytest.fixture
def simulator() -> Iterator[Simulator[FeedPlay]]:
    with Simulator(FeedPlay()) as made:
        yield made


def _keys(simulator: Simulator[FeedPlay]) -> dict[str, str]:
    return {"authorization": f"Bearer {simulator.play.key}"}


def test_no_certificates_are_read_for_a_place_that_has_none(
    simulator: Simulator[FeedPlay], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object, **_named: object) -> NoReturn:
        raise AssertionError("certificates are read")

    monkeypatch.setattr(ssl, "create_default_context", refuse)
    public_certificates.cache_clear()
    http = PartnerHttp(simulator.url, _ONCE)
    assert http.get("/api/v1/sharing", headers=_keys(simulator)).status == 200
    http.close()
    # By this the test would have seen it
    with pytest.raises(AssertionError, match="certificates"):
        PartnerHttp("https://127.0.0.1:9", _ONCE).get("/")


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_query_with_a_secret_in_it_is_in_no_line_of_the_log(
    simulator: Simulator[FeedPlay], kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root, levels = logging.getLogger(), {name: logging.getLogger(name).level for name in ("httpx", "httpcore")}
    handlers, level = list(root.handlers), root.level
    try:
        for name in levels:
            logging.getLogger(name).setLevel(logging.NOTSET)
        set_up_logging(load_settings(server={"log": kind}))
        logging.getLogger("hedgerow").info("It writes.")
        http = PartnerHttp(simulator.url, _ONCE)
        asked = {"access_token": "a-token-that-nobody-may-read"}
        assert http.get("/api/v1/sharing", params=asked, headers=_keys(simulator)).status == 200
        http.close()
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)
    written = capsys.readouterr().err
    assert "It writes." in written
    assert "a-token-that-nobody-may-read" not in written
    assert simulator.url not in written
