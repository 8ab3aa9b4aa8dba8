from __future__ import annotations

import io
import json
import os
import resource
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hedgerow import app
from hedgerow.app.lookbacks import request_look_back, show_look_back
from hedgerow.hashing import Signal
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import httpx

KNOWN = {"signals": [{"type": "pdq", "value": "f8" * 32}]}


def jpeg(seed: int = 1, size: int = 256) -> bytes:
    """Make a smooth picture with something in it."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    picture = Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC)
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=90)
    return held.getvalue()


def test_it_starts_answers_and_stops_when_it_is_told_to(serving: Callable[..., Any]) -> None:
    with serving() as served, served.client() as client:
        assert client.get("/readyz").json()["is_ready"]
        assert len(client.post("/api/v1/lookups", json=KNOWN).json()["matches"]) == 1
        assert served.stop() == 0


def test_several_processes_share_the_port_and_know_what_any_of_them_was_told(serving: Callable[..., Any]) -> None:
    with serving("--workers", "2") as served:
        for _ in range(8):
            with served.client() as client:  # a connection each, so that both processes are asked
                assert len(client.post("/api/v1/lookups", json=KNOWN).json()["matches"]) == 1
        app.add_values(served.settings, "known", [Signal.from_text("pdq", "07" * 32)])
        new = {"signals": [{"type": "pdq", "value": "07" * 32}]}
        until = time.monotonic() + 10
        found = 0
        while found < 8 and time.monotonic() < until:
            with served.client() as client:
                found = found + 1 if client.post("/api/v1/lookups", json=new).json()["matches"] else 0
        assert found == 8
        assert served.stop() == 0


def test_a_taken_port_is_said_in_one_line(serving: Callable[..., Any], prepared: Path) -> None:
    with serving() as served:
        command = [
            str(Path(sys.executable).with_name("hedgerow")),
            "--data",
            str(prepared),
            "serve",
            "--port",
            str(served.port),
        ]
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert second.returncode == 4
        assert second.stderr.strip() == f"hedgerow: 127.0.0.1 port {served.port}: Address already in use."


def test_media_longer_than_what_is_kept_in_memory_is_looked_at_and_leaves_nothing(serving: Callable[..., Any]) -> None:
    padded = jpeg() + b"\0" * (20 * 1024 * 1024)
    with serving() as served, served.client() as client:
        raw = client.post("/api/v1/hashes", content=padded, headers={"content-type": "image/jpeg"}).json()
        form = client.post("/api/v1/hashes", files={"media": padded}).json()
        plain = client.post("/api/v1/hashes", files={"media": jpeg()}).json()
        pdqs = {next(each["value"] for each in told["signals"] if each["type"] == "pdq") for told in (raw, form, plain)}
        assert len(pdqs) == 1
        assert list((served.data / "incoming").iterdir()) == []


def test_a_body_beyond_the_limit_is_refused_before_it_is_read_and_while_it_is(serving: Callable[..., Any]) -> None:
    with serving(HEDGEROW_SERVER_BODY_BYTES="1000000") as served, served.client() as client:
        said = client.post("/api/v1/hashes", content=b"x" * 1_000_001, headers={"content-type": "image/jpeg"})
        assert (said.status_code, said.json()["reason"]) == (413, "request_too_large")

        def pieces() -> Any:
            yield from (b"x" * 100_000 for _ in range(20))

        unsaid = client.post("/api/v1/hashes", content=pieces(), headers={"content-type": "image/jpeg"})
        assert unsaid.status_code == 413
        form = client.post("/api/v1/hashes", files={"media": b"x" * 1_000_001})
        assert form.status_code == 413
        json_text = client.post("/api/v1/lookups", content=b'{"a": "' + b"x" * 1_100_000 + b'"}')
        assert json_text.status_code == 413


def test_a_body_of_300_megabytes_stops_nobody_else(serving: Callable[..., Any]) -> None:
    with serving(HEDGEROW_SERVER_BODY_BYTES=str(400 * 1024**2)) as served:
        came: list[httpx.Response] = []

        def send() -> None:
            with served.client() as client:
                content = (b"\0" * 1024**2 for _ in range(300))
                came.append(client.post("/api/v1/hashes", content=content, headers={"content-type": "video/mp4"}))

        thread = threading.Thread(target=send)
        thread.start()
        answered = 0
        with served.client() as client:
            while thread.is_alive():
                assert client.post("/api/v1/lookups", json=KNOWN).status_code == 200
                answered += 1
        thread.join()
        assert came[0].status_code == 200
        assert came[0].json()["unchecked"] is not None
        assert answered > 5


def test_a_request_that_drips_is_ended_and_holds_nobody_up(serving: Callable[..., Any]) -> None:
    with serving(HEDGEROW_SERVER_BODY_S="1.5", HEDGEROW_SERVER_HEAD_S="1.5") as served:
        dripping = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(40)]
        for each in dripping[:20]:  # a head that never ends
            each.sendall(b"POST /api/v1/hashes HTTP/1.1\r\nhost: x\r\n")
        head = f"POST /api/v1/hashes HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {served.key}\r\n"
        for each in dripping[20:]:  # a body that never ends
            each.sendall(head.encode() + b"content-type: image/jpeg\r\ncontent-length: 1000000\r\n\r\nx")
        with served.client() as client:
            assert client.post("/api/v1/lookups", json=KNOWN).status_code == 200
        for each in dripping:
            each.settimeout(20)
        assert [each.recv(4096)[:12] for each in dripping[:20]] == [b""] * 20
        assert {each.recv(4096)[:12] for each in dripping[20:]} == {b"HTTP/1.1 408"}
        for each in dripping:
            each.close()


def test_ten_thousand_idle_connections_stop_nobody(serving: Callable[..., Any]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 10_000
    if hard < wanted + 500:
        pytest.skip(f"this system allows {hard} open files and 10,000 connections need more")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 500), hard))
    idle: list[socket.socket] = []
    try:
        with serving(HEDGEROW_SERVER_HEAD_S="60") as served:
            idle = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(wanted)]
            with served.client() as client:
                for _ in range(20):
                    assert client.post("/api/v1/lookups", json=KNOWN).status_code == 200
    finally:
        for each in idle:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.shared
def test_hostile_media_is_answered_and_the_service_goes_on(serving: Callable[..., Any], shared_data: Path) -> None:
    files = sorted(path for path in (shared_data / "hostile").rglob("*") if path.is_file())
    chosen = [each for each in files if each.parent.name in {"bombs", "mismatch", "other"}] + files[::29]
    with serving(HEDGEROW_MEDIA_SECONDS="4") as served, served.client() as client:
        for path in chosen:
            answer = client.post(
                "/api/v1/submissions", data={"content_id": path.name}, files={"media": path.read_bytes()}
            )
            assert answer.status_code == 200, path
            told = answer.json()
            assert told["outcome"] in {"no_match", "unchecked"}, path
            assert (told["outcome"] == "unchecked") == (told["unchecked"] is not None), path
        assert client.get("/readyz").json()["is_ready"]


def test_an_entry_that_is_banked_elsewhere_matches_within_moments_and_one_withdrawn_does_not(
    serving: Callable[..., Any],
) -> None:
    asked = {"signals": [{"type": "pdq", "value": "3c" * 32}]}
    with serving() as served, served.client() as client:
        assert client.post("/api/v1/lookups", json=asked).json()["matches"] == []
        app.add_values(served.settings, "known", [Signal.from_text("pdq", "3c" * 32)])
        until = time.monotonic() + 10
        while time.monotonic() < until and not client.post("/api/v1/lookups", json=asked).json()["matches"]:
            time.sleep(0.02)
        assert client.post("/api/v1/lookups", json=asked).json()["matches"]
        app.withdraw(served.settings, "known", "3c" * 32)
        assert client.post("/api/v1/lookups", json=asked).json()["matches"] == []


def test_nothing_that_was_sent_stands_in_the_log(serving: Callable[..., Any]) -> None:
    with serving() as served, served.client() as client:
        picture = jpeg()
        said = {"content_id": "post-of-somebody", "account_id": "account-of-somebody", "text_context": "what was said"}
        assert client.post("/api/v1/submissions", data=said, files={"media": picture}).status_code == 200
        assert (
            client.post("/api/v1/lookups", json={"signals": [{"type": "pdq", "value": "zz" * 32}]}).status_code == 422
        )
        client.get("/api/v1/submissions/999999")
        signals = client.post("/api/v1/hashes", files={"media": picture}).json()["signals"]
        assert served.stop() == 0
        log = served.log()
        for text in ("somebody", "what was said", served.key, "zz" * 32, *(each["value"] for each in signals)):
            assert text not in log


def test_what_a_crash_left_of_media_is_gone_after_a_start(serving: Callable[..., Any], prepared: Path) -> None:
    (prepared / "incoming").mkdir()
    (prepared / "incoming" / "left").write_bytes(b"media")
    with serving():
        assert list((prepared / "incoming").iterdir()) == []


def test_a_service_that_is_told_to_stop_finishes_what_is_under_way(serving: Callable[..., Any]) -> None:
    with serving() as served:
        came: list[int] = []
        begun = threading.Event()

        def send() -> None:
            def pieces() -> Any:
                yield jpeg()
                begun.set()
                time.sleep(1)
                yield b"\0" * 100

            with served.client() as client:
                said = {"content-type": "image/jpeg"}
                came.append(client.post("/api/v1/hashes", content=pieces(), headers=said).status_code)

        thread = threading.Thread(target=send)
        thread.start()
        begun.wait()
        time.sleep(0.2)
        assert served.stop() == 0
        thread.join()
        assert came == [200]


def test_a_database_of_an_older_hedgerow_is_not_touched_unless_asked(
    serving: Callable[..., Any], prepared: Path
) -> None:
    with sqlite3.connect(prepared / "hedgerow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0005'")
    command = [str(Path(sys.executable).with_name("hedgerow")), "--data", str(prepared), "serve", "--port", "0"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    assert refused.returncode == 4
    assert "--migrate" in refused.stderr


def test_the_description_of_the_interface_is_open_api_3_1(serving: Callable[..., Any]) -> None:
    with serving() as served, served.client() as client:
        document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert json.dumps(document).count("/api/v1/submissions") > 0


def test_what_was_uploaded_before_it_was_known_is_found_by_looking_back_altered_too(
    serving: Callable[..., Any], prepared: Path
) -> None:
    def pictures() -> tuple[bytes, bytes]:
        picture = Image.open(io.BytesIO(jpeg(seed=4, size=512)))
        held, turned = io.BytesIO(), io.BytesIO()
        picture.save(held, "PNG")
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(turned, "JPEG", quality=90)
        return held.getvalue(), turned.getvalue()

    original, mirrored = pictures()
    app.change_bank(load_settings(data=prepared), "known", app.BankChange(level="exact"))
    with serving(HEDGEROW_LOOKBACK_ENABLED="true", HEDGEROW_LOOKBACK_PAUSE_S="0") as served, served.client() as client:
        said = {"content_id": "post-1", "account_id": "account-1"}
        assert client.post("/api/v1/submissions", data=said, files={"media": mirrored}).json()["outcome"] == "no_match"
        (prepared / "known.png").write_bytes(original)
        app.create_bank(served.settings, "later")
        [(_, _, added)] = app.add_files(served.settings, "later", [str(prepared / "known.png")])
        assert added.added == 1
        asked = request_look_back(load_settings(data=prepared, lookback={"enabled": True}), "later")
        until = time.monotonic() + 60
        shown = asked.look_back
        while time.monotonic() < until and shown.state not in {"done", "stopped"}:
            time.sleep(0.1)
            shown = show_look_back(served.settings, asked.look_back.id).look_back
        assert (shown.state, shown.found) == ("done", 1)
        case = client.get("/api/v1/cases").json()["items"][0]
        assert case["subject_id"] == "account-1"
