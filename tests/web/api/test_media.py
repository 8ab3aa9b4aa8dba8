"""Media for people, over the house in which the API is tested: renditions, looks, limits, and who gets what."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

import hedgerow.app.serving.media as serving_media
from hedgerow import cases, evidence, exposure
from hedgerow.accounts import Role
from hedgerow.app import now
from hedgerow.evidence.records import change
from hedgerow.evidence.tables import evidence_derivatives, evidence_intents
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.workers.model import Parts, Turn
from hedgerow.workers.rendering import Renderer

if TYPE_CHECKING:
    from collections.abc import Callable

API = "/api/v1"


def picture(seed: int = 11, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(synthetic_picture(320, 240, seed)).save(file, kind)
    return file.getvalue()


class Looks:
    """A case with a picture, a reviewer who works on it, and whoever else asks."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.service = house.service
        house.bank("known")
        self.user = house.user(Role.REVIEWER)
        self.reviewer = house.person(user=self.user)
        self.number = self.sent(picture())
        self.claim(self.number)

    def sent(self, data: bytes, content_id: str = "post-1", account: str = "ada", media: str = "a.png") -> str:
        """Submit something that a bank knows, and return the number of its case."""
        adding = self.house.key("banks.write")
        entries = [{"type": "sha256", "value": hashlib.sha256(data).hexdigest()}]
        added = adding.post(f"{API}/banks/known/entries", json={"entries": entries})
        assert added.status_code < 300, added.text
        self.house.follow()
        answer = self.house.key("screen").post(
            f"{API}/submissions",
            files={"media": (media, data)},
            data={"content_id": content_id, "account_id": account},
        )
        assert answer.status_code == 200, answer.text
        self.submission = answer.json()["submission"]
        return str(answer.json()["case"]["number"])

    def claim(self, number: str) -> None:
        with self.house.database.write() as connection:
            case = cases.find_case_by_number(connection, number)
            cases.claim_case(connection, case.id, self.user, now=now())

    def piece(self, submission: int | None = None) -> int:
        with self.house.database.read() as connection:
            found = serving_media.shown_of(connection, [submission or self.submission])
        number = found[submission or self.submission].evidence
        assert number is not None
        return number

    def reveal(self, **said: Any) -> Any:
        return self.reviewer.post(f"/cases/{self.number}/reveals", json={"submission": self.submission, **said})

    def hide(self, reveal: str, **said: Any) -> Any:
        return self.reviewer.post(f"/cases/{self.number}/reveals/{reveal}/hidden", json=said)

    def views(self) -> list[cases.View]:
        with self.house.database.read() as connection:
            return cases.list_views(connection, self.submission)

    def seen(self) -> bool:
        with self.house.database.read() as connection:
            return cases.seen_by_us(connection, self.submission).is_viewed

    def derivatives(self) -> list[str]:
        with self.house.database.read() as connection:
            return list(
                connection.execute(select(evidence_derivatives.c.form).order_by(evidence_derivatives.c.id)).scalars()
            )


@pytest.fixture
def looks(house: Any) -> Looks:
    return Looks(house)


def _later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    at = now() + timedelta(seconds=seconds)
    monkeypatch.setattr(serving_media, "now", lambda: at)


# ── what is shown unasked ────────────────────────────────────────────────────────────────────────────────────────


def test_a_tile_is_made_when_first_asked_for_kept_and_found_again(looks: Looks) -> None:
    piece = looks.piece()
    first = looks.reviewer.get(f"/media/{piece}/tile")
    assert (first.status_code, first.headers["content-type"]) == (200, "image/webp")
    assert first.headers["cache-control"] == "private, max-age=300"
    assert looks.derivatives() == ["tile", "blurred"]
    again = looks.reviewer.get(f"/media/{piece}/tile")
    assert again.content == first.content
    assert looks.reviewer.get(f"/media/{piece}/blurred").status_code == 200
    assert looks.derivatives() == ["tile", "blurred"]
    assert Image.open(io.BytesIO(first.content)).size == (320, 240)
    assert looks.views() == []


def test_two_who_make_the_same_rendition_at_once_leave_one_and_nothing_to_sweep(looks: Looks) -> None:
    piece = looks.piece()
    renditions = looks.service.showing.renditions
    with looks.house.database.read() as connection:
        of = evidence.find_evidence(connection, piece)
    # As two processes would, of which neither knows the other's lock.
    threads = [Thread(target=renditions._keep, args=(of, "tile", b"a rendition")) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert looks.derivatives() == ["tile"]
    with looks.house.database.read() as connection:
        assert connection.execute(select(evidence_intents)).all() == []
    assert looks.reviewer.get(f"/media/{piece}/tile").content == b"a rendition"


def test_a_worker_makes_what_a_case_will_show(looks: Looks) -> None:
    service = looks.service
    job = Renderer(Parts(service.settings, looks.house.database, service.keys))
    assert job(Turn(now)) == 1
    assert looks.derivatives() == ["tile", "blurred"]
    assert job(Turn(now)) == 0
    assert job.close(1)


def test_what_cannot_be_seen_has_no_tile_and_stops_no_worker(looks: Looks) -> None:
    piece = looks.piece()
    kept = looks.service.keeper.keep(lambda: [b"no picture at all"], now=now())
    with looks.house.database.write() as connection:
        change(connection, piece, object=kept.object, wrapped=kept.wrapped)
    looks.sent(picture(23), "post-2", "ben")
    job = Renderer(Parts(looks.service.settings, looks.house.database, looks.service.keys))
    assert job(Turn(now)) == 1
    job.close(1)
    assert looks.reviewer.get(f"/media/{piece}/tile").status_code == 422
    assert looks.reviewer.get(f"/media/{looks.piece()}/tile").status_code == 200


def test_a_picture_has_no_strip_and_nothing_has_no_tile(looks: Looks) -> None:
    assert looks.reviewer.get(f"/media/{looks.piece()}/strip").status_code == 409
    assert looks.reviewer.get("/media/999/tile").status_code == 404
    assert looks.reviewer.get("/media/0/tile").status_code == 404


@pytest.mark.parametrize(
    ("role", "tile", "look"),
    [
        (Role.REVIEWER, 200, 409),  # another reviewer, who does not work on it
        (Role.LEAD, 200, 409),
        (Role.APPROVER, 200, 403),
        (Role.ADMIN, 403, 403),
        (Role.CUSTODIAN, 403, 403),
        (Role.ANALYST, 403, 403),
    ],
)
def test_who_sees_tiles_and_who_may_look(looks: Looks, role: Role, tile: int, look: int) -> None:
    somebody = looks.house.person(role)
    assert somebody.get(f"/media/{looks.piece()}/tile").status_code == tile
    asked = somebody.post(f"/cases/{looks.number}/reveals", json={"submission": looks.submission})
    assert asked.status_code == look
    assert looks.views() == []


def test_after_sealing_nothing_is_shown_any_more(looks: Looks) -> None:
    piece = looks.piece()
    looks.reviewer.get(f"/media/{piece}/tile")
    with looks.house.database.write() as connection:
        evidence.add_custodian(connection, "c", evidence.new_custodian().recipient, actor="cli", now=now())
        evidence.seal_filed(
            connection, [piece], report=1, filed_at=now(), keys=looks.service.keeper.keys, actor="system", now=now()
        )
    assert looks.reviewer.get(f"/media/{piece}/tile").status_code == 409
    assert looks.reveal().status_code == 409
    assert looks.views() == []


# ── a look ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_look_is_on_record_before_anything_is_shown_and_its_length_when_it_is_over(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = looks.reveal().json()
    assert (said["kind"], said["seconds"], said["evidence"]) == ("picture", 5.0, looks.piece())
    (begun,) = looks.views()
    assert (begun.view.reveal, begun.view.seconds, begun.view.user_id) == (said["reveal"], 0, looks.user)
    assert not looks.seen()
    shown = looks.reviewer.get(said["address"])
    assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
    copy = np.asarray(Image.open(io.BytesIO(shown.content)).convert("RGB")).astype(int)
    assert np.abs(copy - synthetic_picture(320, 240, 11)).mean() < 12
    _later(monkeypatch, 3)
    assert looks.hide(said["reveal"], seconds=2.5).status_code == 204
    assert looks.views()[1].view.seconds == 2.5
    assert looks.seen()


def test_a_look_never_lasts_longer_than_our_clock_or_the_time_after_which_it_is_hidden(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = looks.reveal().json()
    looks.reviewer.get(said["address"])
    looks.hide(said["reveal"], seconds=100)
    assert looks.views()[-1].view.seconds < 1
    assert not looks.seen()
    said = looks.reveal().json()
    looks.reviewer.get(said["address"])
    _later(monkeypatch, 60)
    looks.hide(said["reveal"], seconds=100)
    assert looks.views()[-1].view.seconds == 5


def test_what_was_never_fetched_was_looked_at_for_nothing(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    said = looks.reveal().json()
    _later(monkeypatch, 4)
    looks.hide(said["reveal"], seconds=4)
    assert looks.views()[-1].view.seconds == 0
    assert not looks.seen()


def test_an_address_works_for_its_session_alone_and_only_while_the_look_goes_on(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = looks.reveal().json()
    address: str = said["address"]
    other = looks.house.person(Role.REVIEWER)
    assert other.get(address).status_code == 403
    assert looks.house.person(user=looks.user).get(address).status_code == 403  # the same person, elsewhere
    assert looks.house.nobody().get(address).status_code == 401
    assert looks.reviewer.get(address.replace("until=", "until=9")).status_code == 403
    piece = looks.piece()
    assert looks.reviewer.get(address.replace(f"/media/{piece}/", f"/media/{piece + 1}/")).status_code == 403
    assert looks.reviewer.get(f"/media/{piece}/full").status_code == 403
    assert looks.reviewer.get(address).status_code == 200
    with monkeypatch.context() as patch:
        _later(patch, 121)
        assert looks.reviewer.get(address).status_code == 403
    looks.hide(said["reveal"])
    assert looks.reviewer.get(address).status_code == 403


def test_nobody_ends_a_look_of_somebody_else(looks: Looks) -> None:
    said = looks.reveal().json()
    other = looks.house.person(Role.REVIEWER)
    path = f"/cases/{looks.number}/reveals/{said['reveal']}/hidden"
    assert other.post(path, json={}).status_code == 403
    assert looks.reviewer.post(f"/cases/2026-99999/reveals/{said['reveal']}/hidden", json={}).status_code == 404
    assert looks.reviewer.post(f"/cases/{looks.number}/reveals/{'0' * 32}/hidden", json={}).status_code == 403
    assert len(looks.views()) == 1


def test_a_look_takes_a_form_token_and_the_claim(looks: Looks) -> None:
    del looks.reviewer.headers["x-csrf-token"]
    assert looks.reveal().status_code == 403
    assert looks.views() == []


def test_a_submission_of_another_case_is_not_shown(looks: Looks) -> None:
    number, submission = looks.number, looks.submission
    looks.sent(picture(29), "post-2", "ben")
    assert looks.reveal().status_code == 422
    looks.number, looks.submission = number, submission
    assert looks.reveal().status_code == 201


def test_the_look_after_the_cap_is_answered_429_and_not_recorded(looks: Looks) -> None:
    lead = looks.house.person(Role.LEAD)
    form = {"content-type": "application/x-www-form-urlencoded"}

    def set_cap(client: Any, cap: int) -> int:
        said = {"user": looks.user, "cap": cap}
        return int(client.post("/team/exposure", data=said, headers=form, follow_redirects=False).status_code)

    assert set_cap(looks.reviewer, 5) == 403
    assert set_cap(lead, 3) == 303
    for _ in range(3):
        assert looks.reveal().status_code == 201
    refused = looks.reveal()
    assert (refused.status_code, refused.json()["reason"]) == (429, "cap_reached")
    assert len(looks.views()) == 3
    page = looks.reviewer.get("/break", headers={"accept": "text/html"})
    assert "That was enough for today" in page.text
    raised = looks.reviewer.post("/account/exposure/cap", data={"cap": 4}, headers=form)
    assert (raised.status_code, "may lower your own limit" in raised.text) == (422, True)
    assert set_cap(lead, 4) == 303
    assert looks.reveal().status_code == 201


def test_during_a_break_nothing_is_shown(looks: Looks) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert looks.reviewer.post("/break", data={"minutes": 10}, headers=form, follow_redirects=False).status_code == 303
    refused = looks.reveal()
    assert (refused.status_code, refused.json()["reason"]) == (429, "break_due")
    assert "You have a break" in looks.reviewer.get("/break").text
    assert looks.reviewer.post(f"{API}/cases/claims", json={"queues": ["known", "near"]}).status_code == 429
    assert looks.reviewer.post("/break/end", data={}, headers=form, follow_redirects=False).status_code == 303
    assert looks.reveal().status_code == 201
    assert looks.reviewer.post("/break", data={"minutes": 7}, headers=form).status_code == 422


def test_what_one_opted_out_of_is_kept_private_and_not_shown(looks: Looks) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    said = {"category-1": "<b>terror</b>"}
    answer = looks.reviewer.post("/account/exposure/categories", data=said, headers=form)
    assert "&lt;b&gt;terror&lt;/b&gt;" in answer.text
    with looks.house.database.read() as connection:
        assert exposure.opt_outs_of(connection, looks.user) == {"<b>terror</b>"}
    lead = looks.house.person(Role.LEAD)
    assert "terror" not in lead.get("/team/exposure").text
    assert looks.reveal().status_code == 201


def test_the_header_counts_for_who_may_look_and_for_nobody_else(looks: Looks) -> None:
    looks.reveal()
    assert "1 of 40 looks today" in looks.reviewer.get("/account/exposure", headers={"accept": "text/html"}).text
    assert "looks today" not in looks.house.person(Role.ADMIN).get("/account", headers={"accept": "text/html"}).text


# ── videos ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def film(film_of: Callable[[int], bytes]) -> bytes:
    return film_of(60)


@pytest.fixture
def film_of() -> Callable[[int], bytes]:
    av = pytest.importorskip("av")

    def make(frames: int) -> bytes:
        file = io.BytesIO()
        with av.open(file, "w", format="mp4") as output:
            stream = output.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
            for number in range(frames):
                shade = np.full((120, 160, 3), 40 + 2 * number, np.uint8)
                shade[:, : 40 + number] = 200
                output.mux(stream.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
            output.mux(stream.encode())
        return file.getvalue()

    return make


def test_a_video_is_played_as_it_is_piece_by_piece_and_seen_in_full_when_all_of_it_was_played(
    looks: Looks, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks.number = looks.sent(film, "film-1", "cem", "film.mp4")
    looks.claim(looks.number)
    assert looks.reviewer.get(f"/media/{looks.piece()}/strip").status_code == 200
    assert looks.derivatives()[-3:] == ["tile", "blurred", "strip"]
    said = looks.reveal().json()
    assert said["kind"] == "video"
    whole = looks.reviewer.get(said["address"])
    assert (whole.content, whole.headers["content-type"]) == (film, "video/mp4")
    piece = looks.reviewer.get(said["address"], headers={"range": "bytes=100-299"})
    assert (piece.status_code, piece.content) == (206, film[100:300])
    assert piece.headers["content-range"] == f"bytes 100-299/{len(film)}"
    assert looks.reviewer.get(said["address"], headers={"range": f"bytes={len(film)}-"}).status_code == 416
    rest = looks.reviewer.get(said["address"], headers={"range": "bytes=500-"})
    assert rest.content == film[500:]
    _later(monkeypatch, 4)
    assert looks.hide(said["reveal"], seconds=3, intervals=[[0, 2.0]]).status_code == 204
    assert looks.seen()


def test_a_video_of_which_a_part_was_played_was_not_seen_in_full(
    looks: Looks, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks.number = looks.sent(film, "film-1", "cem", "film.mp4")
    looks.claim(looks.number)
    said = looks.reveal().json()
    looks.reviewer.get(said["address"])
    _later(monkeypatch, 4)
    assert looks.hide(said["reveal"], seconds=0.1, intervals=[[0, 2.0]]).status_code == 422
    said = looks.reveal().json()
    looks.reviewer.get(said["address"])
    _later(monkeypatch, 8)
    assert looks.hide(said["reveal"], seconds=4, intervals=[[0, 0.7], [1.3, 2]]).status_code == 204
    assert not looks.seen()
