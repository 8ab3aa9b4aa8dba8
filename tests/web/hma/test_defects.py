"""One test for each defect of HMA 1.1.7 that this door does not have; the numbers are those of the guide."""

from __future__ import annotations

import http.client
import io
import json
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

__all__: list[str] = []

P = "f8f8f0cee0f4a84f0e37022a078f63f0b36e2ed596221e1d33e6339c4e9c9b22"
FAR = "5555555555555555555555555555555555555555555555555555555555555555"
MD5 = "0123456789abcdef0123456789abcdef"


def _bank(client: httpx.Client, name: str = "TEST_BANK", **said: Any) -> None:
    assert client.post("/c/banks", json={"name": name, **said}).status_code == 201


def _add(client: httpx.Client, bank: str = "TEST_BANK", **signals: Any) -> int:
    response = client.post(f"/c/bank/{bank}/signal", json=signals)
    assert response.status_code == 200, response.text
    number: int = response.json()["id"]
    return number


def _found(client: httpx.Client, signal: str = P, kind: str = "pdq", **query: Any) -> Any:
    response = client.get("/m/lookup", params={"signal_type": kind, "signal": signal, **query})
    assert response.status_code == 200, response.text
    return response.json()


# ── 1: one bad signal stops all indexing ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "poison", [f"{P}\n", f"{P} ", P[:-1], f"{P}0", "", "zz" * 32, "ｆ" * 64, P.upper(), None, 5, [P], {"pdq": P}]
)
def test_1_a_malformed_signal_is_refused_and_indexing_goes_on(client: httpx.Client, poison: Any) -> None:
    _bank(client)
    response = client.post("/c/bank/TEST_BANK/signal", json={"pdq": poison})
    assert response.status_code == 400
    assert response.json()["message"].startswith("Invalid pdq signal: ")
    assert _add(client, pdq=P) == 1
    assert _found(client) == {"TEST_BANK": [{"bank_content_id": 1, "distance": "0"}]}


def test_1_a_malformed_row_in_the_table_itself_stops_nothing(serve: Callable[..., httpx.Client]) -> None:
    client = serve()
    _bank(client)
    first = _add(client, pdq=P)
    with client.service.database.write() as connection:  # type: ignore[attr-defined]  # put there by the fixture
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        connection.execute(text("UPDATE bank_changes SET sequence = sequence + 1"))
        connection.execute(
            text("UPDATE entries SET bits = x'00ff', sequence = (SELECT sequence FROM bank_changes) WHERE id = 1")
        )
    second = _add(client, pdq=FAR)
    assert _found(client, FAR) == {"TEST_BANK": [{"bank_content_id": second, "distance": "0"}]}
    assert _found(client) == {}
    assert client.service.matcher.health().quarantined == 1  # type: ignore[attr-defined]  # put there by the fixture
    assert client.get(f"/c/bank/TEST_BANK/content/{first}").status_code == 200


# ── 2: formats ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("form", "mode"), [("GIF", "P"), ("PNG", "P"), ("JPEG", "CMYK"), ("PNG", "1"), ("PNG", "LA"), ("PNG", "RGBA")]
)
def test_2_a_picture_has_the_same_hash_in_every_form(
    client: httpx.Client, picture: Callable[..., bytes], form: str, mode: str
) -> None:
    plain = client.post("/h/hash", files={"photo": picture(3)}).json()["pdq"]
    other = client.post("/h/hash", files={"photo": picture(3, form, mode=mode)}).json()["pdq"]
    assert (int(plain, 16) ^ int(other, 16)).bit_count() <= 31


def test_2_a_picture_turned_by_exif_has_the_hash_of_what_a_viewer_sees(
    client: httpx.Client, picture: Callable[..., bytes]
) -> None:
    image = Image.open(io.BytesIO(picture(4))).transpose(Image.Transpose.ROTATE_90)
    turned = Image.Exif()
    turned[0x0112] = 6
    stream = io.BytesIO()
    image.save(stream, "JPEG", exif=turned, quality=95)
    plain = client.post("/h/hash", files={"photo": picture(4)}).json()["pdq"]
    other = client.post("/h/hash", files={"photo": stream.getvalue()}).json()["pdq"]
    assert (int(plain, 16) ^ int(other, 16)).bit_count() <= 31


def test_2_why_a_picture_has_no_hash_is_said_in_a_header(client: httpx.Client) -> None:
    stream = io.BytesIO()
    Image.new("L", (300, 300), 77).save(stream, "PNG")
    response = client.post("/h/hash", files={"photo": stream.getvalue()})
    assert (response.status_code, response.text) == (200, '{"pdq":""}\n')
    assert response.headers["hedgerow-unchecked"] == "pdq=low_quality"


# ── 3: access ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_3_without_a_key_nobody_comes_in_unless_somebody_said_so(serve: Callable[..., httpx.Client]) -> None:
    client = serve(hma={})
    for path in ("/c/banks", f"/m/lookup?signal_type=pdq&signal={P}", "/c/exchanges", "/site-map"):
        response = client.get(path)
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
        assert set(response.json()) == {"message"}
    assert client.get("/status").status_code == 200
    assert client.post("/dev/factory_reset").status_code == 404


def test_3_another_site_s_page_cannot_use_an_open_door(client: httpx.Client) -> None:
    for headers in (
        {"origin": "https://elsewhere.example"},
        {"sec-fetch-site": "cross-site"},
        {"host": "rebound.example"},
        {"x-forwarded-for": "203.0.113.5"},
    ):
        assert client.post("/dev/factory_reset", headers=headers).status_code == 401


def test_3_a_reset_is_refused_where_there_is_something_to_lose(serve: Callable[..., httpx.Client]) -> None:
    client = serve()
    _bank(client)
    with client.service.database.write() as connection:  # type: ignore[attr-defined]  # put there by the fixture
        columns = connection.execute(text("SELECT name FROM pragma_table_info('submissions') WHERE \"notnull\"")).all()
        assert columns
    from hedgerow.screening import Context  # noqa: PLC0415  (only here)

    service = client.service  # type: ignore[attr-defined]  # put there by the fixture
    service.screen_unchecked(Context("one", "api"), "empty", "There are no bytes.", actor="cli")
    response = client.post("/dev/factory_reset")
    assert response.status_code == 403
    assert client.get("/c/banks").json() == [{"matching_enabled_ratio": 1.0, "name": "TEST_BANK"}]


# ── 4: notes ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_4_a_note_is_data_and_no_page_shows_it_as_anything_else(client: httpx.Client) -> None:
    _bank(client)
    number = _add(client, pdq=P, note="<img src=x onerror=alert(1)>")
    response = client.get(f"/c/bank/TEST_BANK/content/{number}")
    assert response.json()["note"] == "<img src=x onerror=alert(1)>"
    assert response.headers["content-type"] == "application/json"
    assert client.get("/ui/").status_code == 404  # the console escapes; this door has no pages


# ── 5: addresses ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x.jpg",
        "http://localhost/x.jpg",
        "http://[::1]/x.jpg",
        "http://2130706433/x.jpg",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "http://nonexistent.invalid/x.jpg",
    ],
)
def test_5_an_address_tells_nothing_about_our_network(client: httpx.Client, url: str) -> None:
    answers = {
        (response.status_code, re.sub(r"This address.*", "", response.json()["message"]))
        for response in (
            client.get("/h/hash", params={"url": url}),
            client.get("/h/hash", params={"url": url, "content_type": "video"}),
        )
    }
    assert {status for status, _ in answers} == {400}
    assert not any("refused" in message or "Errno" in message for _, message in answers)


# ── 6: media that cannot be decoded ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/h/hash", "/m/lookup", "/c/bank/TEST_BANK/content"])
@pytest.mark.parametrize("data", [b"", b"neutral text", b"\xff\xd8\xff\xe0 and no more", b"<svg/>"])
def test_6_media_that_cannot_be_decoded_is_said_to_be_such(client: httpx.Client, path: str, data: bytes) -> None:
    _bank(client)
    response = client.post(path, files={"photo": ("x.jpg", data)})
    assert response.status_code == 400
    assert response.json()["message"].startswith("cannot hash this as photo: ")
    assert re.fullmatch(r"pdq=[a-z_]+", response.headers["hedgerow-unchecked"])


# ── 7: one slow request stops the others ─────────────────────────────────────────────────────────────────────────


def test_7_a_slow_upload_stops_nobody_else(client: httpx.Client) -> None:
    host, port = client.base_url.host, client.base_url.port
    slow = http.client.HTTPConnection(host, port)
    slow.putrequest("POST", "/h/hash")
    slow.putheader("content-type", "multipart/form-data; boundary=x")
    slow.putheader("content-length", "100000")
    slow.endheaders(b"--x\r\n")
    begun = time.monotonic()
    assert client.get("/status").text == "I-AM-ALIVE"
    assert _found(client) == {}
    assert time.monotonic() - begun < 20
    slow.close()


# ── 8 and 9: bombs and long uploads ──────────────────────────────────────────────────────────────────────────────


def test_8_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(client: httpx.Client) -> None:
    stream = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, "PNG")
    response = client.post("/h/hash", files={"photo": stream.getvalue()})
    assert response.status_code == 413
    assert response.headers["hedgerow-unchecked"] == "pdq=too_many_pixels"


def test_9_an_upload_has_a_limit(serve: Callable[..., httpx.Client]) -> None:
    client = serve(server={"body_bytes": 100_000})
    response = client.post("/h/hash", files={"photo": bytes(200_000)})
    assert (response.status_code, response.json()) == (413, {"message": "Content too large"})


# ── 10: other banks' contents ────────────────────────────────────────────────────────────────────────────────────


def test_10_a_content_is_reached_through_its_own_bank_only(client: httpx.Client) -> None:
    _bank(client)
    _bank(client, "OTHER")
    number = _add(client, "OTHER", pdq=P)
    path = f"/c/bank/TEST_BANK/content/{number}"
    missing = {"message": f"content '{number}' not found"}
    assert (client.get(path).status_code, client.get(path).json()) == (404, missing)
    assert client.put(path, json={"disable_until_ts": 0}).status_code == 404
    assert client.delete(path).status_code == 404
    assert _found(client) == {"OTHER": [{"bank_content_id": number, "distance": "0"}]}


# ── 11: enabled ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_11_a_bank_that_is_made_disabled_is_disabled(client: httpx.Client) -> None:
    response = client.post("/c/banks", json={"name": "OFF", "enabled": False})
    assert response.json() == {"matching_enabled_ratio": 0.0, "name": "OFF"}
    _add(client, "OFF", pdq=P)
    assert _found(client) == {}


# ── 12: requests that ended in errors of the server ──────────────────────────────────────────────────────────────


def test_12_a_signal_type_can_be_switched_off_and_on(client: httpx.Client) -> None:
    off = client.put("/c/signal_type/video_md5", json={"enabled_ratio": 0.0})
    assert (off.status_code, off.json()) == (200, {"enabled_ratio": 0.0, "name": "video_md5"})
    assert client.get("/c/signal_type").json()[1] == {"enabled_ratio": 0.0, "name": "video_md5"}
    assert client.put("/c/signal_type/video_md5", json={"enabled_ratio": 1}).status_code == 200
    assert client.put("/c/signal_type/nope", json={"enabled_ratio": 1}).status_code == 400


def test_12_an_exchange_that_is_changed_is_shown_as_json(client: httpx.Client) -> None:
    client.post("/c/exchanges", json={"bank": "EX_A", "api": "sample", "api_json": {}})
    response = client.put("/c/exchange/EX_A", json={"enabled": False})
    assert (response.status_code, response.json()) == (200, {"name": "EX_A", "api": "sample", "enabled": False})
    assert client.get("/c/exchange/EX_A").json()["enabled"] is False


def test_12_md5_can_be_compared(client: httpx.Client) -> None:
    response = client.post("/m/compare", json={"video_md5": [MD5, MD5.upper()], "pdq": [P, FAR]})
    assert response.json()["video_md5"] == [True, {}]
    assert response.json()["pdq"][0] is False


def test_12_an_exchange_that_is_there_already_is_refused(client: httpx.Client) -> None:
    wanted = {"bank": "EX_A", "api": "sample", "api_json": {}}
    assert client.post("/c/exchanges", json=wanted).status_code == 201
    assert client.post("/c/exchanges", json=wanted).status_code == 403


def test_12_null_disables_nothing(client: httpx.Client) -> None:
    _bank(client)
    number = _add(client, pdq=P)
    response = client.put(f"/c/bank/TEST_BANK/content/{number}", json={"disable_until_ts": None})
    assert (response.status_code, response.json()) == (
        400,
        {"message": "disable_until_ts must be a non-negative integer"},
    )


@pytest.mark.parametrize("body", ["[1]", "null", "5", '"text"', "{", "[" * 5000])
def test_12_whatever_json_is_sent_no_request_ends_in_an_error_of_the_server(client: httpx.Client, body: str) -> None:
    _bank(client)
    number = _add(client, pdq=P)
    for method, path in (
        ("POST", "/c/bank/TEST_BANK/signal"),
        ("PUT", f"/c/bank/TEST_BANK/content/{number}"),
        ("POST", "/c/banks"),
        ("PUT", "/c/bank/TEST_BANK"),
        ("POST", "/m/compare"),
        ("POST", "/c/exchanges"),
        ("POST", "/c/exchanges/api/sample"),
        ("PUT", "/c/signal_type/pdq"),
    ):
        response = client.request(method, path, content=body, headers={"content-type": "application/json"})
        assert response.status_code in {400, 422}, (method, path, response.text)


# ── 13: lookups ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_13_a_lookup_by_signal_can_bypass_the_draw(client: httpx.Client) -> None:
    _bank(client, enabled_ratio=0.0)
    number = _add(client, pdq=P)
    assert _found(client) == {}
    assert _found(client, bypass_coinflip="true") == {"TEST_BANK": [{"bank_content_id": number, "distance": "0"}]}


@pytest.mark.parametrize("ratio", [7.5, -1, "nan", "inf"])
def test_13_a_ratio_is_a_number_from_0_to_1(client: httpx.Client, ratio: Any) -> None:
    assert client.post("/c/banks", json={"name": "WILD", "enabled_ratio": ratio}).status_code == 400
    _bank(client)
    assert client.put("/c/bank/TEST_BANK", json={"enabled_ratio": ratio}).status_code == 400


def test_13_a_type_that_is_switched_off_is_neither_made_nor_looked_up(client: httpx.Client) -> None:
    client.put("/c/signal_type/video_md5", json={"enabled_ratio": 0})
    response = client.get("/m/lookup", params={"signal_type": "video_md5", "signal": MD5})
    assert (response.status_code, response.json()) == (400, {"message": "SignalType 'video_md5' is not enabled"})
    assert client.post("/h/hash", files={"video": b"any"}).status_code == 400


def test_raw_lookup_leaves_out_what_is_disabled_or_deleted(client: httpx.Client) -> None:
    _bank(client)
    disabled, deleted = _add(client, pdq=P), _add(client, pdq=P)
    query = {"signal_type": "pdq", "signal": P}
    assert client.get("/m/raw_lookup", params=query).json() == {"matches": [disabled, deleted]}
    client.put(f"/c/bank/TEST_BANK/content/{disabled}", json={"disable_until_ts": 0})
    assert client.get("/m/raw_lookup", params=query).json() == {"matches": [deleted]}
    assert client.delete(f"/c/bank/TEST_BANK/content/{deleted}").json() == {"deleted": 1}
    assert client.get("/m/raw_lookup", params=query).json() == {"matches": []}


# ── 14: exchanges and their banks ────────────────────────────────────────────────────────────────────────────────


def test_14_an_exchange_goes_with_its_bank(client: httpx.Client) -> None:
    client.post("/c/exchanges", json={"bank": "EX_A", "api": "sample", "api_json": {}})
    assert client.delete("/c/bank/EX_A").json() == {"message": "Done"}
    assert client.get("/c/exchanges").json() == []
    assert client.get("/c/exchange/EX_A/status").status_code == 404
    assert client.post("/dev/run_fetch").status_code == 302


# ── 15: what is stored ───────────────────────────────────────────────────────────────────────────────────────────


def test_15_nothing_of_this_door_is_ever_unpickled() -> None:
    import hedgerow.app.hma  # noqa: PLC0415  (only here)
    import hedgerow.hma  # noqa: PLC0415  (as above)
    import hedgerow.web.hma  # noqa: PLC0415  (as above)

    folders = [Path(next(iter(each.__path__))) for each in (hedgerow.hma, hedgerow.web.hma)]
    files = [file for folder in folders for file in folder.glob("*.py")] + [Path(hedgerow.app.hma.__file__)]
    assert len(files) > 15
    assert not [file.name for file in files if re.search(r"\b(?:pickle|marshal|shelve)\b", file.read_text("utf-8"))]


def test_15_a_secret_that_is_refused_is_not_told_again(client: httpx.Client) -> None:
    secret = "a-secret-that-is-not-told"  # noqa: S105  (the point of the test)
    for path, body in (
        ("/c/exchanges/api/sample", {"credential_json": {secret: secret}}),
        ("/c/exchanges", {"bank": "EX_A", "api": "sample", "credential_json": {"token": secret}}),
    ):
        response = client.post(path, json=body)
        assert response.status_code == 400
        assert secret not in response.text


# ── 16: several processes ────────────────────────────────────────────────────────────────────────────────────────


def test_16_two_processes_fetch_an_exchange_once(serve: Callable[..., httpx.Client]) -> None:
    first, second = serve(), serve()
    first.post("/c/exchanges", json={"bank": "EX_A", "api": "sample", "api_json": {}})
    counts: list[int] = []
    from hedgerow.app.hma import Hma  # noqa: PLC0415  (only here)

    doors = [Hma(each.service) for each in (first, second)]  # type: ignore[attr-defined]  # put there by the fixture
    threads = [threading.Thread(target=lambda door=door: counts.append(door.fetch_due())) for door in doors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for door in doors:
        door.close()
    assert sorted(counts) == [0, 1]
    status = json.loads(first.get("/c/exchange/EX_A/status").text)
    assert (status["fetched_items"], status["last_fetch_succeeded"], status["up_to_date"]) == (18, True, True)
