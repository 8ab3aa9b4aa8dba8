from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.exchanges.partners.mirror import Mirror, open_session

from hedgerow.errors import (
    CheckpointStale,
    InvalidExchange,
    OpinionRefused,
    PageUnreadable,
    PartnerRefused,
    PartnerUnavailable,
)
from hedgerow.exchanges.configuring import check_config
from hedgerow.exchanges.model import Saying, Sayings
from hedgerow.exchanges.partners.ncmec import TAKE_IT_DOWN, Ncmec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hedgerow.exchanges.model import Session

__all__: list[str] = []

PARTNER = Ncmec()
NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
BASE = "http://127.0.0.1:1/npo"
KEYS = {"user": "a-user", "password": "a-password"}
NS = "https://hashsharing.ncmec.org/hashsharing/v2"
# As HMA's form offers them, in its order.
URLS = (
    "https://report.cybertip.org/hashsharing",
    "https://report.cybertip.org/exploitative-hashsharing",
    "https://lesp.ncmec.org/csam-hashsharing",
    "https://hashsharing.ncmec.org/npo",
    "https://hashsharing.ncmec.org/exploitative",
    "https://hashsharing.ncmec.org/generative-ai-csam",
    "https://hashsharing.ncmec.org/generative-ai-exploitative",
    "https://exttest.cybertip.org/hashsharing",
    "https://exttest.cybertip.org/exploitative-hashsharing",
    "https://betalesp.ncmec.org/csam-hashsharing",
    "https://hashsharing-test.ncmec.org/npo",
    "https://hashsharing-test.ncmec.org/exploitative",
    "https://hashsharing-test.ncmec.org/generative-ai-csam",
    "https://hashsharing-test.ncmec.org/generative-ai-exploitative",
)


def _document(root: str, inside: str = "") -> httpx.Response:
    return httpx.Response(200, text=f'<{root} xmlns="{NS}">{inside}</{root}>')


def _session(
    answer: Callable[[httpx.Request], httpx.Response], now: datetime = NOW, **config: Any
) -> tuple[Session, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def answered(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer(request)

    client = httpx.Client(transport=httpx.MockTransport(answered), verify=False)  # noqa: S501  (nothing is called)
    return open_session(BASE, client, lambda: now, config=config, credentials=KEYS), asked


def _told(answers: Mapping[str, httpx.Response]) -> Callable[[httpx.Request], httpx.Response]:
    """Answer by path; 404 for any other."""
    return lambda request: answers.get(request.url.path.removeprefix("/npo"), httpx.Response(404))


# ── the configuration ────────────────────────────────────────────────────────────────────────────────────────────


def test_every_list_can_be_named_by_its_address_as_hma_does_and_by_a_word() -> None:
    places = [PARTNER.place({"environment": url}) for url in URLS]
    assert [each.base_url for each in places] == list(URLS)
    assert [each.is_production for each in places] == [True] * 7 + [False] * 7
    assert [each.name for each in places] == ["production"] * 7 + ["test"] * 7
    (field,) = (each for each in PARTNER.config_fields if each.name == "environment")
    words = [each for each in field.choices or () if not each.startswith("https://")]
    assert len(words) == 1 + 14
    by_word = {PARTNER.place({"environment": each}).base_url for each in words if each != "simulator"}
    assert by_word == set(URLS)
    for word in words:
        if word.endswith("_test"):
            assert PARTNER.place({"environment": word}).base_url.split("/")[2] in {
                "exttest.cybertip.org",
                "betalesp.ncmec.org",
                "hashsharing-test.ncmec.org",
            }
            assert PARTNER.place({"environment": word.removesuffix("_test")}).is_production


def test_without_a_word_it_is_the_simulator() -> None:
    assert PARTNER.place({}).name == "simulator"
    assert not PARTNER.place({}).is_production
    elsewhere = PARTNER.place({"environment": "industry_csam", "base_url": "http://127.0.0.1:9/npo"})
    assert (elsewhere.name, elsewhere.is_production) == ("simulator", False)
    assert PARTNER.place({"base_url": "https://hashes.example"}).is_production
    assert PARTNER.place({"base_url": URLS[0]}).is_production


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"environment": "npo_csam", "only_esp_ids": [42, 43.0]},
        {"only_members": ["42", TAKE_IT_DOWN], "except_members": ["43"]},
        {"next_life_s": 60, "most_in_window": 1, "take_it_down_member": ""},
    ],
)
def test_a_configuration_that_makes_sense_is_accepted(config: dict[str, Any]) -> None:
    said = check_config(PARTNER, config)
    assert said["environment"] == config.get("environment", "simulator")
    session, _ = _session(_told({"/v2/entries": ENTRIES, "/v2/members": MEMBERS}), **said)
    assert list(PARTNER.pages(session, None))[-1].is_end


@pytest.mark.parametrize(
    "config",
    [
        {"environment": "production"},
        {"base_url": "http://hashes.example"},
        {"only_esp_ids": [4.5]},
        {"only_esp_ids": [-1]},
        {"only_esp_ids": [float("nan")]},
        {"only_esp_ids": [float("inf")]},
        {"only_members": ["Take It Down"]},
        {"except_members": [""]},
        {"only_esp_ids": [42], "except_members": ["42"]},
        {"next_life_s": 0},
        {"most_in_window": 0},
    ],
)
def test_a_configuration_that_makes_none_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidExchange):
        PARTNER.check(config)


def test_its_credentials_are_called_as_hma_calls_them() -> None:
    assert [each.name for each in PARTNER.credential_fields or ()] == ["user", "password"]


# ── Take It Down ─────────────────────────────────────────────────────────────────────────────────────────────────

MEMBERS = _document("members", '<member id="61">A Hotline</member><member id="77">NCMEC\'s Take It Down user</member>')


def _entry(member: str, name: str) -> str:
    return f'<image><member id="{member}"/><id>{name}</id><fingerprints/></image>'


ENTRIES = _document("queryResult", f"<images>{_entry('61', 'a')}{_entry('77', 'b')}{_entry('7', 'c')}</images>")


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        ({"only_members": [TAKE_IT_DOWN]}, ["77/b"]),
        ({"only_members": [TAKE_IT_DOWN], "only_esp_ids": [7]}, ["77/b", "7/c"]),
        ({"except_members": [TAKE_IT_DOWN]}, ["61/a", "7/c"]),
        ({"only_members": [TAKE_IT_DOWN], "take_it_down_member": "a hotline"}, ["61/a"]),
        ({"only_members": [TAKE_IT_DOWN], "take_it_down_member": "61"}, ["61/a"]),
        ({"only_esp_ids": [61.0]}, ["61/a"]),
    ],
)
def test_take_it_down_is_found_among_the_members(config: dict[str, Any], keys: list[str]) -> None:
    session, asked = _session(_told({"/v2/members": MEMBERS, "/v2/entries": ENTRIES}), **config)
    (page,) = PARTNER.pages(session, None)
    assert [each.key for each in page.items] == keys
    assert ("/npo/v2/members" in {each.url.path for each in asked}) is (TAKE_IT_DOWN in str(config))


def test_where_nobody_is_called_take_it_down_nothing_is_taken_for_it() -> None:
    members = _document("members", '<member id="61">A Hotline</member>')
    session, _ = _session(_told({"/v2/members": members, "/v2/entries": ENTRIES}), only_members=[TAKE_IT_DOWN])
    with pytest.raises(PageUnreadable, match="take_it_down_member") as caught:
        list(PARTNER.pages(session, None))
    assert caught.value.skip_to is None


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────────────────────


def _checkpoint(**config: Any) -> Mapping[str, Any]:
    session, _ = _session(_told({"/v2/entries": ENTRIES}), **config)
    (page,) = PARTNER.pages(session, None)
    assert page.is_end
    return page.checkpoint


@pytest.mark.parametrize(
    "config", [{"only_esp_ids": [61]}, {"except_members": ["61"]}, {"except_categorizations": ["Viral"]}]
)
def test_when_other_entries_are_meant_the_set_is_walked_through_again(config: dict[str, Any]) -> None:
    session, _ = _session(_told({"/v2/entries": ENTRIES}), **config)
    with pytest.raises(CheckpointStale):
        list(PARTNER.pages(session, _checkpoint()))
    assert list(PARTNER.pages(session, _checkpoint(**config)))


def test_after_eight_weeks_without_a_fetch_the_set_is_walked_through_again() -> None:
    checkpoint = _checkpoint()
    session, _ = _session(_told({"/v2/entries": ENTRIES}), NOW + timedelta(days=56))
    assert list(PARTNER.pages(session, checkpoint))
    session, asked = _session(_told({"/v2/entries": ENTRIES}), NOW + timedelta(days=56, seconds=1))
    with pytest.raises(CheckpointStale):
        list(PARTNER.pages(session, checkpoint))
    assert asked == []
    assert list(PARTNER.pages(session, None))


@pytest.mark.parametrize("checkpoint", [{}, {"get_entries_max_ts": 0}, {"version": 1, "from": 0}])
def test_a_checkpoint_of_something_else_is_walked_away_from(checkpoint: dict[str, Any]) -> None:
    session, _ = _session(_told({"/v2/entries": ENTRIES}))
    with pytest.raises(CheckpointStale):
        list(PARTNER.pages(session, checkpoint))


# ── what can go wrong ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_credentials_go_with_every_call_and_into_no_message() -> None:
    session, asked = _session(lambda _: httpx.Response(401))
    with pytest.raises(PartnerRefused) as caught:
        list(PARTNER.pages(session, None))
    assert caught.value.status == 401
    assert asked[0].headers["authorization"] == "Basic YS11c2VyOmEtcGFzc3dvcmQ="
    assert "a-password" not in f"{caught.value}{session!r}"


def test_a_page_of_html_is_no_page_and_nothing_can_be_skipped() -> None:
    session, asked = _session(lambda _: httpx.Response(200, html="<html><p>Log in<br></html>"))
    with pytest.raises(PageUnreadable) as caught:
        list(PARTNER.pages(session, None))
    assert caught.value.skip_to is None
    assert "2026-11-22 12:29:55 UTC" in caught.value.place
    assert len(asked) == 3  # twice for the page, and once whether it is the service that answers


def test_an_address_of_somebody_else_is_not_called() -> None:
    for path in ("https://elsewhere.invalid/v2/entries", "//elsewhere.invalid/v2", "/../x", "http://127.0.0.1:1/other"):
        leading = _document("queryResult", f"<images>{_entry('61', 'a')}</images><paging><next>{path}</next></paging>")
        session, asked = _session(_told({"/v2/entries": leading}))
        with pytest.raises((PartnerRefused, PageUnreadable)):
            list(PARTNER.pages(session, None))
        assert {(each.url.host, each.url.path) for each in asked} <= {
            ("127.0.0.1", "/npo/v2/entries"),
            ("127.0.0.1", "/npo//elsewhere.invalid/v2"),
        }


def test_a_partner_that_is_away_is_asked_again_later() -> None:
    session, asked = _session(lambda _: httpx.Response(503, headers={"retry-after": "3600"}))
    with pytest.raises(PartnerUnavailable) as caught:
        list(PARTNER.pages(session, None))
    assert caught.value.retry_after_s == 3600
    assert len(asked) == 1


def test_who_we_are_need_not_be_told() -> None:
    disputed = "<feedback><negativeFeedback><members><member id='8'/></members></negativeFeedback></feedback>"
    entry = f'<image><member id="61"/><id>a</id>{disputed}</image>'
    session, asked = _session(_told({"/v2/entries": _document("queryResult", f"<images>{entry * 3}</images>")}))
    mirror = Mirror(PARTNER)
    assert mirror.fetch(session)
    assert mirror.records["61/a"].is_disputed
    assert [each.url.path for each in asked] == ["/npo/v2/entries", "/npo/v2/status"]


def test_no_value_of_a_page_that_cannot_be_read_is_quoted() -> None:
    value = "d35c785545392755e7e4164457657269"
    broken = httpx.Response(200, text=f"<queryResult><images><image><md5>{value}</md5></imag></images></queryResult>")
    session, _ = _session(_told({"/v2/entries": broken}))
    with pytest.raises(PageUnreadable) as caught:
        list(PARTNER.pages(session, None))
    assert value not in str(caught.value)
    assert caught.value.skip == "what last changed in the second before 1970-01-01 00:00:01 UTC"


def test_a_clock_that_is_ahead_of_the_partners_misses_nothing() -> None:
    answer = httpx.Response(200, text=ENTRIES.text, headers={"date": "Sun, 22 Nov 2026 12:00:00 GMT"})
    session, _ = _session(_told({"/v2/entries": answer}))
    (page,) = PARTNER.pages(session, None)
    assert page.is_end
    assert page.checkpoint["from"] == "2026-11-22T11:59:00Z"
    for date in ("soon", "Sun, 22 Nov 2026 13:00:00 GMT", "Sun, 22 Nov 2026 13:00:00 -0000"):
        answer = httpx.Response(200, text=ENTRIES.text, headers={"date": date})
        session, _ = _session(_told({"/v2/entries": answer}))
        (page,) = PARTNER.pages(session, None)
        assert page.checkpoint["from"] == "2026-11-22T12:28:55Z"


# ── feedback ─────────────────────────────────────────────────────────────────────────────────────────────────────

HANDLE = {"member": "42", "id": "a b/c", "types": ["MD5", "PDQ"]}
REASONS = _document(
    "availableFeedbackReasons",
    '<reason guid="g-1" name="Not a Match" type="Pdq"/><reason guid="g-2" name="Legal Content" type="Pdq"/>',
)


def _saying(opinion: Sayings, reason: str | None = None, *, kind: str = "PDQ", **handle: Any) -> Saying:
    return Saying(opinion, "42/a b/c", {**HANDLE, **handle}, kind, "00", reason, "token")


def _sent(answers: Mapping[str, httpx.Response], said: Saying, **config: Any) -> list[tuple[str, str, str]]:
    session, asked = _session(_told(answers), **config)
    PARTNER.send(session, said)
    return [(each.method, each.url.raw_path.decode(), each.content.decode()) for each in asked]


TAKES = {"/v2/entries/42/a b/c/PDQ/feedback": httpx.Response(200), "/v2/feedback/PDQ/reasons": REASONS}


def test_agreement_is_an_affirmative_vote_about_the_fingerprint_that_matched() -> None:
    ((method, path, body),) = _sent(TAKES, _saying(Sayings.AGREE))
    assert (method, path) == ("PUT", "/npo/v2/entries/42/a%20b%2Fc/PDQ/feedback")
    assert "<affirmative/>" in body


@pytest.mark.parametrize(
    ("reason", "config", "guid"),
    [
        ("lawful", {}, "g-1"),
        (None, {}, "g-1"),
        ("lawful", {"dispute_reason_lawful": "legal content"}, "g-2"),
        ("lawful", {"dispute_reason_lawful": "G-2"}, "g-2"),
        ("lawful", {"dispute_reason_lawful": "No Such Reason"}, "g-1"),
        ("different_media", {"dispute_reason_lawful": "Legal Content"}, "g-1"),
    ],
)
def test_a_dispute_has_the_reason_that_the_configuration_names(
    reason: str | None, config: dict[str, Any], guid: str
) -> None:
    (asked, (method, _, body)) = _sent(TAKES, _saying(Sayings.DISPUTE, reason), **config)
    assert asked[:2] == ("GET", "/npo/v2/feedback/PDQ/reasons")
    assert method == "PUT"
    assert f"<negative><reasonIds><guid>{guid}</guid></reasonIds></negative>" in body


@pytest.mark.parametrize("reasons", [_document("availableFeedbackReasons"), httpx.Response(404)])
def test_without_a_reason_there_is_no_dispute(reasons: httpx.Response) -> None:
    session, asked = _session(_told({**TAKES, "/v2/feedback/PDQ/reasons": reasons}))
    with pytest.raises(OpinionRefused):
        PARTNER.send(session, _saying(Sayings.DISPUTE, "lawful"))
    assert [each.method for each in asked] == ["GET"]


@pytest.mark.parametrize("opinion", [Sayings.NONE, Sayings.SEEN])
def test_what_the_protocol_has_no_word_for_is_refused_and_nothing_else_is_said(opinion: Sayings) -> None:
    session, asked = _session(_told(TAKES))
    with pytest.raises(OpinionRefused):
        PARTNER.send(session, _saying(opinion))
    assert asked == []
    assert opinion not in PARTNER.opinions


@pytest.mark.parametrize(
    "said",
    [
        _saying(Sayings.AGREE, kind="SHA1"),
        _saying(Sayings.AGREE, types=[]),
        _saying(Sayings.AGREE, id=".."),
        _saying(Sayings.AGREE, member=""),
        Saying(Sayings.AGREE, "42/a", {}, "PDQ", "00", None, "token"),
    ],
)
def test_an_opinion_without_an_entry_to_be_about_is_refused(said: Saying) -> None:
    session, asked = _session(_told(TAKES))
    with pytest.raises(OpinionRefused):
        PARTNER.send(session, said)
    assert asked == []


@pytest.mark.parametrize("status", [400, 404, 409, 410, 422])
def test_an_opinion_that_is_not_taken_is_refused_for_good(status: int) -> None:
    session, _ = _session(lambda _: httpx.Response(status))
    with pytest.raises(OpinionRefused):
        PARTNER.send(session, _saying(Sayings.AGREE))


@pytest.mark.parametrize(("own", "problem"), [("42", "our own"), ("1", "does not let us")])
def test_a_vote_that_is_not_allowed_does_not_stop_the_exchange(own: str, problem: str) -> None:
    status = _document("status", f'<member id="{own}">Us</member>')
    session, _ = _session(lambda request: status if request.method == "GET" else httpx.Response(403))
    with pytest.raises(OpinionRefused, match=problem):
        PARTNER.send(session, _saying(Sayings.AGREE))


def test_credentials_that_ended_are_told_from_a_vote_that_is_not_allowed() -> None:
    session, _ = _session(lambda request: httpx.Response(401 if request.method == "GET" else 403))
    with pytest.raises(PartnerRefused):
        PARTNER.send(session, _saying(Sayings.AGREE))
