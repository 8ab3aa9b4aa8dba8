"""What real clients ask, in their order, against a real server."""

from __future__ import annotations

import io
import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

__all__: list[str] = []


# ── ROOST Coop's HMA service (its address ends with a slash, its paths begin with one) ──────────────────────────


class Coop:
    """Asks as Coop's server does."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def ask(self, method: str, path: str, body: Any = None, **how: Any) -> httpx.Response:
        headers = {"content-type": "application/json"} if body is not None else {}
        content = None if body is None else json.dumps(body)
        return self.client.request(method, f"{self.client.base_url}/{path}", content=content, headers=headers, **how)


@pytest.fixture
def coop(client: httpx.Client) -> Coop:
    return Coop(client)


def test_coop_makes_a_bank_fills_it_looks_up_renames_and_deletes_it(coop: Coop, picture: Callable[..., bytes]) -> None:
    name = "COOP_ORG1_MY_BANK"
    assert coop.ask("GET", f"/c/bank/{name}").status_code == 404
    made = coop.ask("POST", "/c/banks", {"name": name, "enabled_ratio": "1"})  # it sends a text
    assert (made.status_code, made.json()) == (201, {"matching_enabled_ratio": 1.0, "name": name})

    added = coop.ask(
        "POST",
        f"/c/bank/{name}/content",
        files={
            "photo": ("a.png", picture(1), "image/png"),
            "content_id": (None, "content-17"),
            "content_uri": (None, "https://platform.example/17"),
        },
    )
    assert added.status_code == 200
    number, signal = added.json()["id"], added.json()["signals"]["pdq"]
    kept = coop.ask("GET", f"/c/bank/{name}/content/{number}").json()["metadata"]
    assert (kept["content_id"], kept["content_uri"]) == ("content-17", "https://platform.example/17")

    found = coop.ask("GET", "/m/lookup", params={"signal_type": "pdq", "signal": signal}).json()
    assert found == {name: [{"bank_content_id": number, "distance": "0"}]}
    assert [bank for bank in (name, "COOP_ORG1_OTHER") if found.get(bank)] == [name]

    assert coop.ask("GET", f"/c/exchange/{name}").status_code == 404
    renamed = coop.ask("PUT", f"/c/bank/{name}", {"name": "COOP_ORG1_RENAMED", "enabled_ratio": 0.5})
    assert renamed.json() == {"matching_enabled_ratio": 0.5, "name": "COOP_ORG1_RENAMED"}
    coop.ask("POST", "/c/banks", {"name": name, "enabled_ratio": "0.25"})
    assert coop.ask("PUT", "/c/bank/COOP_ORG1_RENAMED", {"name": name}).status_code == 403
    assert coop.ask("DELETE", "/c/bank/COOP_ORG1_RENAMED").json() == {"message": "Done"}
    assert coop.ask("GET", "/c/bank/COOP_ORG1_RENAMED").status_code == 404
    assert coop.ask("GET", "/m/lookup", params={"signal_type": "pdq", "signal": signal}).json() == {}


def test_coop_makes_a_bank_that_an_exchange_fills(coop: Coop) -> None:
    name = "COOP_ORG1_SAMPLE"
    kinds = coop.ask("GET", "/c/exchanges/apis").json()
    assert {"sample", "fb_threatexchange", "ncmec", "stop_ncii", "local_file"} <= set(kinds)
    for kind in kinds:
        takes = coop.ask("GET", f"/c/exchanges/api/{kind}").json()["supports_authentification"]
        schema = coop.ask("GET", f"/c/exchanges/api/{kind}/schema").json()
        assert (schema["credentials_schema"] is not None) is takes
        for field in schema["config_schema"]["fields"]:
            assert set(field) == {"name", "type", "required", "default", "help", "choices"}
    made = coop.ask("POST", "/c/exchanges", {"bank": name, "api": "sample", "api_json": {}})
    assert (made.status_code, made.json()) == (201, {"message": "Created successfully"})
    assert coop.ask("PUT", f"/c/bank/{name}", {"enabled_ratio": 0.5}).status_code == 200
    assert coop.ask("GET", f"/c/exchange/{name}").json() == {"name": name, "api": "sample", "enabled": True}
    status = coop.ask("GET", f"/c/exchange/{name}/status").json()
    assert (status["last_fetch_succeeded"], status["running_fetch_start_ts"]) == (None, None)
    refused = coop.ask("POST", f"/c/exchange/{name}/credentials", {"credential_json": {"user": "u"}})
    assert (refused.status_code, refused.json()) == (400, {"message": "sample takes no credentials"})
    assert coop.ask("POST", "/c/exchange/NOPE/credentials", {"credential_json": {}}).status_code == 404
    assert coop.ask("DELETE", f"/c/exchange/{name}").json() == {"message": "Exchange deleted"}
    assert coop.ask("GET", f"/c/bank/{name}").status_code == 404


def test_coop_is_told_400_for_a_configuration_that_does_not_fit(coop: Coop) -> None:
    wanted = {
        "bank": "COOP_ORG1_X",
        "api": "local_file",
        "api_json": {"filename": "../x"},
        "credential_json": {"a": "b"},
    }
    assert coop.ask("POST", "/c/exchanges", wanted).status_code == 400
    assert coop.ask("GET", "/c/bank/COOP_ORG1_X").status_code == 404


# ── HMA's own seeds and its end-to-end test ─────────────────────────────────────────────────────────────────────


def test_hma_s_seed_of_samples_is_fetched_and_found(client: httpx.Client) -> None:
    assert client.post("/dev/setup_sample_example").status_code == 302
    assert client.get("/c/exchanges").json() == ["SEED_SAMPLE"]
    assert client.post("/dev/run_fetch").status_code == 302
    status = client.get("/c/exchange/SEED_SAMPLE/status").json()
    assert (status["fetched_items"], status["last_fetch_succeeded"], status["up_to_date"]) == (18, True, True)
    assert status["last_fetch_complete_ts"] <= time.time()
    built = client.get("/m/index/status").json()
    assert (built["pdq"]["present"], built["pdq"]["size"], built["video_md5"]["size"]) == (True, 12, 6)
    from hedgerow.exchanges.partners.samples import SAMPLE_MD5, SAMPLE_PDQ  # noqa: PLC0415  (only here)

    for kind, signal in (("pdq", SAMPLE_PDQ[0]), ("video_md5", SAMPLE_MD5[0])):
        query = {"signal": signal, "signal_type": kind}
        plain = client.get("/m/raw_lookup", params=query).json()["matches"]
        told = client.get("/m/raw_lookup", params={**query, "include_distance": True}).json()["matches"]
        assert [each["bank_content_id"] for each in told] == plain
        assert len(plain) == 1
    assert client.post("/dev/setup_sample_example").status_code == 403


def test_hma_s_seed_of_chance_fills_two_banks(client: httpx.Client) -> None:
    assert client.post("/dev/seed_banks").status_code == 302
    assert [bank["name"] for bank in client.get("/c/banks").json()] == ["SEED_BANK_0", "SEED_BANK_1"]
    built = client.get("/c/signal_type/index").json()
    assert (built["pdq"]["db_size"], built["video_md5"]["db_size"]) == (5_000, 5_000)
    assert not built["pdq"]["index_out_of_date"]
    found = client.get("/c/bank/SEED_BANK_1/content/10000", params={"include_signals": "true"}).json()
    (kind, signal), *_ = found["signals"].items()
    told = client.get("/m/lookup", params={"signal_type": kind, "signal": signal}).json()
    assert {"bank_content_id": 10_000, "distance": "-" if kind == "video_md5" else "0"} in told["SEED_BANK_1"]


# ── the curl lines of HMA's documentation ───────────────────────────────────────────────────────────────────────


def _curl(*arguments: str) -> Any:
    answered = subprocess.run(["curl", "-s", *arguments], check=True, capture_output=True, text=True, timeout=60)
    return json.loads(answered.stdout)


def test_the_curl_lines_of_hma_s_documentation(
    client: httpx.Client, picture: Callable[..., bytes], tmp_path: Path
) -> None:
    address = str(client.base_url).rstrip("/")
    file = tmp_path / "example.png"
    file.write_bytes(picture(2))
    client.post("/c/banks", json={"name": "TEST_BANK"})
    hashed = _curl("-X", "POST", "--form", f"photo=@{file}", f"{address}/h/hash")
    assert set(hashed) == {"pdq"}
    added = _curl(
        "-X", "POST", "-H", "Content-Type: application/json", "-d", json.dumps(hashed),
        f"{address}/c/bank/TEST_BANK/signal",
    )  # fmt: skip
    assert added == {"id": 1, "signals": hashed}
    wanted = {"TEST_BANK": [{"bank_content_id": 1, "distance": "0"}]}
    by_file = _curl("-X", "POST", "--form", f"photo=@{file}", f"{address}/m/lookup?bypass_coinflip=false")
    assert by_file == {"pdq": wanted}
    assert _curl("-X", "GET", f"{address}/m/lookup?signal_type=pdq&signal={hashed['pdq']}") == wanted
    paths = _curl("-X", "GET", f"{address}/site-map")
    assert {"/m/lookup", "/c/bank/<bank_name>/content/<int:content_id>", "/status", "/h/hash"} <= set(paths)
    assert paths == sorted(paths)


# ── contents for a time ─────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_disabled_for_a_time_is_found_again_after_it(
    client: httpx.Client, picture: Callable[..., bytes]
) -> None:
    client.post("/c/banks", json={"name": "TEST_BANK"})
    added = client.post("/c/bank/TEST_BANK/content", files={"photo": picture(5)}).json()
    path, query = f"/c/bank/TEST_BANK/content/{added['id']}", {"signal_type": "pdq", "signal": added["signals"]["pdq"]}
    client.put(path, json={"disable_until_ts": int(time.time()) + 2}).raise_for_status()
    assert client.get("/m/lookup", params=query).json() == {}
    time.sleep(2.1)
    assert client.get("/m/lookup", params=query).json() == {
        "TEST_BANK": [{"bank_content_id": added["id"], "distance": "0"}]
    }


def test_an_entry_of_another_door_gets_a_number_when_it_is_found(serve: Callable[..., httpx.Client]) -> None:
    from hedgerow.app import add_values, create_bank  # noqa: PLC0415  (only here)
    from hedgerow.hashing import Signal  # noqa: PLC0415  (as above)

    client = serve()
    settings = client.service.settings  # type: ignore[attr-defined]  # put there by the fixture
    create_bank(settings, "partner-2026")
    add_values(settings, "partner-2026", [Signal("pdq", bytes(range(32)))])
    client.service.matcher.refresh()  # type: ignore[attr-defined]  # put there by the fixture
    for _ in range(2):
        found = client.get("/m/lookup", params={"signal_type": "pdq", "signal": bytes(range(32)).hex()}).json()
        assert found == {"partner-2026": [{"bank_content_id": 1, "distance": "0"}]}
    shown = client.get("/c/bank/partner-2026/content/1?include_signals=true").json()
    assert shown["signals"] == {"pdq": bytes(range(32)).hex()}


def test_where_it_is_offered_a_video_has_a_vpdq_and_is_found_by_it(
    serve: Callable[..., httpx.Client], picture: Callable[..., bytes], tmp_path: Path
) -> None:
    pytest.importorskip("av", reason="NO PYAV: this test checked NOTHING. Install hedgerow[video].")
    from hedgerow.testing.clips import panning_frames, write_clip  # noqa: PLC0415  (they need PyAV)

    looks = [Image.open(io.BytesIO(picture(seed))).convert("RGB") for seed in (11, 12, 13)]
    write_clip(tmp_path / "film.mp4", panning_frames(looks))
    film = (tmp_path / "film.mp4").read_bytes()
    client = serve(hma={"anonymous": True, "vpdq": True})
    client.post("/c/banks", json={"name": "FILMS"})
    added = client.post("/c/bank/FILMS/content", files={"video": film}).json()
    assert set(added["signals"]) == {"video_md5", "vpdq"}
    found = client.post("/m/lookup", files={"video": film}).json()
    assert found["video_md5"] == {"FILMS": [{"bank_content_id": added["id"], "distance": "-"}]}
    assert found["vpdq"] == {"FILMS": [{"bank_content_id": added["id"], "distance": "100%[100%]"}]}
    by_text = client.get("/m/lookup", params={"signal_type": "vpdq", "signal": added["signals"]["vpdq"]}).json()
    assert by_text == found["vpdq"]
