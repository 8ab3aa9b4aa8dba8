"""Replay what HMA 1.1.7 answered, call by call, and compare.

``transcript.jsonl`` holds the calls and HMA's answers. Where ours differ on purpose, `DIFFERENT` says how and why; the
guide ``docs/guides/move-from-hma.md`` has the same list for people.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from PIL import Image

from hedgerow.exchanges.partners.registry import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

__all__: list[str] = []

CALLS = [json.loads(line) for line in (Path(__file__).parent / "transcript.jsonl").read_text("utf-8").splitlines()]
TEXT = b"neutral text, no picture\n"
EMPTY_MD5 = hashlib.md5(b"", usedforsecurity=False).hexdigest()


class Other(NamedTuple):
    """What we answer instead, and why. A body of None is not compared."""

    why: str
    status: int
    body: Any = None
    headers: dict[str, str] = {}  # noqa: RUF012  (read only)


NEAR = "<near P>"
DAMAGED = Other("undecodable media is the client's matter", 400, None, {"Hedgerow-Unchecked": "pdq="})
OUR_FIELDS = Other("fields of our own stand beside HMA's", 200)
RATIO = Other("a ratio is a number from 0 to 1", 400, {"message": "enabled_ratio must be a number from 0 to 1"})
ELSEWHERE = Other("a content of another bank is not there", 404)
POOR = {"Hedgerow-Unchecked": "pdq=low_quality"}

DIFFERENT: dict[str, Other] = {
    # pictures that HMA hashes wrongly, or not at all
    **dict.fromkeys(
        [f"hash-{number:02}" for number in (3, 4, 7, 10, 11, 14, 15, 16, 17)],
        Other("what a viewer would see is what is hashed", 200, {"pdq": NEAR}),
    ),
    **dict.fromkeys(["hash-20", "hash-21", "hash-23", "hash-24", "add-content-09", "lookup-08"], DAMAGED),
    "hash-22": Other("of a cut-off JPEG the part that is there is hashed", 200, None, {"Hedgerow-Unchecked": "pdq="}),
    "hash-18": Other("a header says why there is no hash", 200, {"pdq": ""}, POOR),
    "hash-19": Other("a header says why there is no hash", 200, {"pdq": ""}, POOR),
    # what lies at an address
    **dict.fromkeys(
        ["hash-27", "hash-28", "hash-29", "add-content-13", "lookup-27"],
        Other("our own words, which tell nothing about the network", 400),
    ),
    "add-content-14": DAMAGED,
    "fetch-09": DAMAGED,
    "fetch-02": Other("no content type is no error of ours", 400),
    "fetch-03": Other("where the type is said it need not be told", 200, {"pdq": "<P2>"}),
    "fetch-10": Other("private networks are refused, IPv6 or not", 400),
    # banks
    "banks-11": Other("enabled is honoured", 201, {"matching_enabled_ratio": 0.0, "name": "OFF"}),
    "banks-13": RATIO,
    "banks-14": RATIO,
    "banks-16": Other("as above", 200),
    "exchanges-41": Other("as above", 200),
    # signals
    "add-content-05": Other("our own words", 400),
    "add-signals-08": Other("a signal is read to its end", 400, {"message": "Invalid pdq signal: invalid PDQ hash"}),
    "add-signals-10": Other("an array is no object", 400, {"message": "Request input was not a dict"}),
    "lookup-18": Other("a signal is read to its end", 400, {"message": "invalid signal: invalid PDQ hash"}),
    "contents-08": ELSEWHERE,
    "contents-15": Other("null is no number", 400, {"message": "disable_until_ts must be a non-negative integer"}),
    "poison-hash-02": Other("the index is never behind for long", 200),
    "poison-hash-03": Other("nothing stops the index", 200),
    "poison-hash-04": Other("the poison was never taken", 404),
    "lookup-13": Other("bypass_coinflip counts here too", 200),
    "lookup-28": Other("the digest of an empty file matches nothing", 200, {}),
    "raw_lookup-05": Other("as above", 200, {"matches": []}),
    "index-status-01": Other("as above: it is not counted", 200),
    "index-status-04": Other("as above", 200),
    "compare-02": Other("MD5 can be compared", 200, {"video_md5": [True, {}]}),
    "compare-03": Other("MD5 can be compared", 200, {"video_md5": [False, {}]}),
    # signal types
    "types-03": Other("a type can be switched off", 200, {"enabled_ratio": 0.0, "name": "video_md5"}),
    "types-04": RATIO,
    "types-05": Other("an unknown type is said", 400, {"message": "No such signal type 'nope'"}),
    "types-06": Other("what is missing is said", 422),
    "types-07": Other(
        "it was switched off", 200, [{"enabled_ratio": 1.0, "name": "pdq"}, {"enabled_ratio": 0.0, "name": "video_md5"}]
    ),
    "types-08": Other("it was switched off", 400),
    "cross-bank-01": ELSEWHERE,
    "cross-bank-02": ELSEWHERE,
    "cross-bank-03": Other("it was not deleted through another bank", 200),
    # exchanges
    "exchanges-01": Other("no random signals, and kinds that HMA has not", 200, list(OURS)),
    **dict.fromkeys(["exchanges-06", "exchanges-08", "exchanges-09"], OUR_FIELDS),
    "exchanges-10": Other("random signals are for development alone", 404),
    **dict.fromkeys(["exchanges-12", "exchanges-13"], Other("credentials that do not fit are said", 400)),
    "exchanges-28": Other("our own words", 400),
    "exchanges-14": Other("a kind without credentials takes none", 400, {"message": "sample takes no credentials"}),
    "exchanges-19": Other("a name that is taken is said", 403, {"message": "Bank already exists"}),
    "exchanges-20": Other("a name that is taken is said", 403, {"message": "Bank already exists"}),
    "exchanges-22": Other("a digit first is said", 400, {"message": "Bank names must be UPPER_WITH_UNDERSCORE"}),
    "exchanges-42": Other("there are no pages to lead to", 302),
    "exchanges-45": Other("an exchange goes with its bank", 200, []),
    "exchanges-46": Other("an exchange goes with its bank", 404, {"message": "Exchange 'EX_SAMPLE' not found"}),
}

# The poisoned signal took a number in HMA.
RENUMBERED = {9: 8, 10: 9}
RENUMBERED_FROM = next(at for at, call in enumerate(CALLS) if call["id"] == "add-signals-12")


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _forms(picture: Callable[..., bytes]) -> dict[str, bytes]:
    whole = Image.open(io.BytesIO(picture(1)))

    def saved(image: Image.Image, form: str, **how: Any) -> bytes:
        stream = io.BytesIO()
        image.save(stream, form, **how)
        return stream.getvalue()

    rgb = whole.convert("RGB")
    turned = Image.Exif()
    turned[0x0112] = 6
    jpeg = saved(rgb, "JPEG", quality=20)
    return {
        "rgb.jpg": jpeg,
        "rgb.png": saved(rgb, "PNG"),
        "palette.png": saved(rgb.quantize(64), "PNG"),
        "palette.gif": saved(rgb.quantize(64), "GIF"),
        "gray.png": saved(whole, "PNG"),
        "gray.jpg": saved(whole, "JPEG", quality=20),
        "onebit.png": saved(whole.convert("1"), "PNG"),
        "rgba.png": saved(rgb.convert("RGBA"), "PNG"),
        "la.png": saved(whole.convert("LA"), "PNG"),
        "cmyk.jpg": saved(rgb.convert("CMYK"), "JPEG"),
        "x.webp": saved(rgb, "WEBP"),
        "x.bmp": saved(rgb, "BMP"),
        "x.tiff": saved(rgb, "TIFF"),
        "x.avif": saved(rgb, "AVIF"),
        "gray16.png": saved(whole.convert("I;16").point(lambda value: value * 256), "PNG"),
        "exif6.jpg": saved(rgb.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=turned),
        "anim.gif": saved(rgb.quantize(64), "GIF", save_all=True, append_images=[rgb.quantize(32)]),
        "flat.png": saved(Image.new("RGB", (640, 402), (90, 90, 90)), "PNG"),
        "1x1.png": saved(Image.new("RGB", (1, 1)), "PNG"),
        "empty.jpg": b"",
        "text.jpg": TEXT,
        "trunc.jpg": jpeg[: len(jpeg) * 6 // 10],
        "trunc_hdr.jpg": jpeg[:100],
        "v.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
        "hash.txt": b"just text",
        "c.png": picture(99),
        "test-padded-dimensions.mp4": b"\0\0\0\x18ftypmp42, and no more of it",
    }


@pytest.fixture(scope="module")
def forms(picture: Callable[..., bytes]) -> dict[str, bytes]:
    return _forms(picture)


@pytest.fixture
def pictures_server(forms: dict[str, bytes]) -> Iterator[int]:
    """Serve the pictures on a free port of this machine, with a redirect and a large file."""
    kinds = {"jpg": "image/jpeg", "png": "image/png", "txt": "text/plain"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.strip("/")
            if name == "redir":
                self.send_response(302)
                self.send_header("location", "/rgb.png")
                self.send_header("content-length", "0")
                self.end_headers()
                return
            body = {"noct": forms["rgb.png"], "secret": b"internal", "big": bytes(3_000_000)}.get(name, forms.get(name))
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            kind = {"noct": None, "secret": "text/plain", "big": "image/png"}.get(name, kinds.get(name[-3:]))
            if kind is not None:
                self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


# ── replaying ────────────────────────────────────────────────────────────────────────────────────────────────────


class Replay:
    def __init__(self, client: httpx.Client, forms: dict[str, bytes], port: int) -> None:
        self.client = client
        self.forms = forms
        self.port = port
        one, other = (
            client.post("/h/hash", files={"photo": forms[name]}).json()["pdq"] for name in ("rgb.jpg", "rgb.png")
        )
        assert one != other
        self.words = {"<P>": one, "<P2>": other, "<P upper>": one.upper()}
        self.apart = str((int(one, 16) ^ int(other, 16)).bit_count())
        self.digests = {
            "319cdb6de68695f0dd4c535265718b21": TEXT,
            "749476eb0cd128289f0dec3e062da83c": forms["test-padded-dimensions.mp4"],
            "d1efad72dc5b17dc66a46767c32fff40": b"internal",
        }

    def told(self, text: str) -> str:
        for word, value in self.words.items():
            text = text.replace(word, value)
        for digest, content in self.digests.items():
            text = text.replace(digest, hashlib.md5(content, usedforsecurity=False).hexdigest())
        for port in ("5197", "5198"):
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.port}")
        return text.replace("$I", f"http://127.0.0.1:{self.port}")

    def ask(self, call: dict[str, Any], at: int) -> httpx.Response:
        url = self.told(call["url"])
        if at >= RENUMBERED_FROM and call["id"] != "poison-hash-04":
            url = re.sub(r"/content/(\d+)", lambda found: f"/content/{self.number(int(found[1]))}", url)
        headers = {"content-type": call["content_type"]} if "content_type" in call else {}
        if "form" in call:
            return self.client.request(call["method"], url, files=[self.part(each) for each in call["form"]])
        body = None
        if "data" in call:
            body = self.forms[call["data"][1:]] if call["data"].startswith("@") else self.told(call["data"]).encode()
        return self.client.request(call["method"], url, content=body, headers=headers)

    def part(self, text: str) -> tuple[str, Any]:
        name, _, value = text.partition("=")
        if value.startswith("@"):
            file = Path(value[1:]).name
            return name, (file, self.forms[file])
        return name, (None, value)

    @staticmethod
    def number(number: int) -> int:
        return RENUMBERED.get(number, number)

    def wanted(self, call: dict[str, Any], at: int) -> Any:
        body = json.loads(self.told(json.dumps(call["json"])))
        return self.renumbered(body) if at >= RENUMBERED_FROM else body

    def renumbered(self, body: Any) -> Any:
        if isinstance(body, list):
            return [self.number(each) if isinstance(each, int) else self.renumbered(each) for each in body]
        if not isinstance(body, dict):
            return body
        told = {name: self.renumbered(value) for name, value in body.items()}
        for name in ("id", "bank_content_id"):
            if name in told:
                told[name] = self.number(told[name])
        if told.get("distance") == "2":
            told["distance"] = self.apart
        if told.get("distance") == 2:
            told["distance"] = int(self.apart)
        return told

    def fits(self, answered: Any, wanted: Any) -> bool:
        if wanted == {"pdq": NEAR}:
            return (int(answered["pdq"], 16) ^ int(self.words["<P>"], 16)).bit_count() <= 31
        return plain(answered) == plain(wanted)


def plain(body: Any) -> Any:
    """Leave out what may differ: times, versions of pydantic, the order of matches."""
    if isinstance(body, dict):
        timed = ("built_to", "index_built_to", "newest_db_item", "last_fetch_complete_ts")
        return {
            name: (value is not None and value > 0) if name in timed else plain(value) for name, value in body.items()
        }
    if isinstance(body, list):
        told = [plain(each) for each in body]
        if all(isinstance(each, int) for each in told) or all(
            isinstance(each, dict) and "bank_content_id" in each for each in told
        ):
            return sorted(told, key=str)
        return told
    return re.sub(r"(errors\.pydantic\.dev)/[^/]+/", r"\1/", body) if isinstance(body, str) else body


def is_by_chance(call: dict[str, Any]) -> bool:
    """Tell whether a half-enabled bank is in HMA's answer by chance."""
    return call["id"].startswith("lookup") and "seed" not in call["url"] and "bypass" not in call["url"]


def without_half(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: without_half(value) for name, value in body.items() if name != "HALF"}
    return body


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_every_call_of_the_transcript_is_answered_as_hma_does_or_better(
    database_kind: str,
    serve: Callable[..., httpx.Client],
    forms: dict[str, bytes],
    pictures_server: int,
    request: pytest.FixtureRequest,
) -> None:
    url = request.getfixturevalue("postgresql_url") if database_kind == "postgresql" else None
    fetch = {
        "enabled": True,
        "private_networks": ["127.0.0.0/8"],
        "ports": [pictures_server, 1],
        "size_bytes": 2_000_000,
    }
    client = serve(url, fetch=fetch)
    replay = Replay(client, forms, pictures_server)
    wrong = []
    for at, call in enumerate(CALLS):
        response = replay.ask(call, at)
        other = DIFFERENT.get(call["id"])
        if call["id"] == "banks-13":  # HMA took it, and goes on with it
            client.post("/c/banks", json={"name": "WILD"}).raise_for_status()
        if call["id"] == "types-08":  # HMA could not switch it off
            client.put("/c/signal_type/video_md5", json={"enabled_ratio": 1}).raise_for_status()
        problem = _problem(replay, call, at, response, other)
        if problem is not None:
            wrong.append(f"{call['id']} {call['method']} {call['url'][:80]}: {problem}")
    assert not wrong, "\n".join(wrong)


def _problem(
    replay: Replay, call: dict[str, Any], at: int, response: httpx.Response, other: Other | None
) -> str | None:
    status = call["status"] if other is None else other.status
    if response.status_code != status:
        return f"{response.status_code}, not {status}: {response.text[:200]}"
    if other is not None:
        for name, value in other.headers.items():
            if not response.headers.get(name, "").startswith(value):
                return f"the header {name} is {response.headers.get(name)}"
        if other.body is not None and not replay.fits(response.json(), json.loads(replay.told(json.dumps(other.body)))):
            return f"{response.text[:300]}, not {other.body}"
        return None
    if response.headers["content-type"] != call["kind"]:
        return f"it is {response.headers['content-type']}"
    if "text" in call:
        return None if response.text.rstrip("\n") == call["text"] else f"{response.text!r}, not {call['text']!r}"
    answered, wanted = response.json(), replay.wanted(call, at)
    if is_by_chance(call):
        answered, wanted = without_half(answered), without_half(wanted)
    return None if replay.fits(answered, wanted) else f"{response.text[:300]}, not {json.dumps(wanted)[:300]}"


def test_json_has_sorted_names_no_spaces_and_one_newline(client: httpx.Client) -> None:
    response = client.post("/c/banks", json={"name": "TEST_BANK"})
    assert response.text == '{"matching_enabled_ratio":1.0,"name":"TEST_BANK"}\n'


def test_what_is_said_to_differ_differs() -> None:
    assert set(DIFFERENT) <= {call["id"] for call in CALLS}
