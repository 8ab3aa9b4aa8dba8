"""Videos are written with the encoders of PyAV's wheel, so that every fact about them is known."""

from __future__ import annotations

import io
import sys
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hedgerow.errors import (
    DecodeTimeout,
    MediaDamaged,
    MediaEmpty,
    MediaUnreadable,
    MediaUnsupported,
    PictureTooLarge,
    VideoSupportMissing,
)
from hedgerow.media import MediaLimits, sniff, video_container
from hedgerow.media.video import _Clock, open_video
from hedgerow.media.video_frame import _orientation

av = pytest.importorskip("av")

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

ROWS, COLUMNS = 120, 160


def moving(frames: int, rows: int = ROWS, columns: int = COLUMNS) -> list[np.ndarray]:
    y, x = np.mgrid[0:rows, 0 : columns + 4 * frames]
    waves = np.sin(x / 17) * np.cos(y / 13)
    wide = np.dstack([127 + 60 * waves, 70 + 110 * y / rows, 127 + 50 * np.sin((x + 2 * y) / 29)])
    return [np.ascontiguousarray(wide[:, 4 * n : 4 * n + columns].astype(np.uint8)) for n in range(frames)]


def write(
    pictures: Iterable[np.ndarray],
    container: str = "mp4",
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    times: Iterable[int] | None = None,
    matrix: tuple[int, ...] | None = None,
    **options: str,
) -> bytes:
    """Encode RGB pictures, 30 a second or at the given thirtieths."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        pictures = list(pictures)
        stream = output.add_stream(codec, rate=30, options=options)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = Fraction(1, 30)
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for time, picture in zip(times or range(len(pictures)), pictures, strict=False):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 30)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def opened(data: bytes, **limits: Any) -> Any:
    return open_video(io.BytesIO(data), MediaLimits(**limits))


def test_frames_come_in_the_order_in_which_they_are_shown_with_numbers_and_times() -> None:
    with opened(write(moving(12), bf="2")) as video:
        seen = [(frame.number, round(frame.time_s * 30)) for frame in video.frames()]
    assert seen == [(n, n) for n in range(12)]
    assert video.unchecked is None
    assert (video.info.type, video.info.width, video.info.height, video.info.frames) == ("video/mp4", 160, 120, 12)
    assert video.info.duration_s == pytest.approx(12 / 30)


def test_times_of_a_variable_frame_rate_are_those_of_presentation() -> None:
    times = [0, 1, 5, 6, 30, 31]
    with opened(write(moving(6), "matroska", times=times)) as video:
        assert [round(frame.time_s * 30) for frame in video.frames()] == times


@pytest.mark.parametrize(
    ("container", "codec", "pixel_format", "options"),
    [
        ("mp4", "libx264", "yuv420p", {}),
        ("mp4", "libx264", "yuvj420p", {}),
        ("mp4", "libx265", "yuv420p10le", {"x265-params": "log-level=none"}),
        ("webm", "libvpx-vp9", "yuv420p", {}),
        ("webm", "libvpx-vp9", "yuva420p", {}),
        ("avi", "mpeg4", "yuv420p", {"q": "2"}),
        ("avi", "mjpeg", "yuvj422p", {"q": "2"}),
        ("avi", "rawvideo", "bgr24", {}),
        ("mov", "png", "rgb24", {}),
        ("mov", "qtrle", "rgb24", {}),
        ("mov", "prores_ks", "yuv422p10le", {}),
        ("mpegts", "mpeg2video", "yuv420p", {"q": "2"}),
        ("mpeg", "mpeg1video", "yuv420p", {"q": "2"}),
        ("flv", "flv", "yuv420p", {"q": "2"}),
        ("asf", "msmpeg4", "yuv420p", {"q": "2"}),
        ("3gp", "libx264", "yuv420p", {}),
    ],
)
def test_the_luma_is_that_of_an_rgb_decode(
    container: str, codec: str, pixel_format: str, options: dict[str, str]
) -> None:
    pictures = moving(3)
    data = write(pictures, container, codec, pixel_format, **options)
    with opened(data) as video:
        lumas = [frame.luma().astype(np.float64) for frame in video.frames()]
    with av.open(io.BytesIO(data)) as plain:
        decoded = [frame.to_ndarray(format="rgb24") for frame in plain.decode(video=0)]
    assert len(lumas) == len(decoded) == 3
    for luma, rgb in zip(lumas, decoded, strict=True):
        difference = np.abs(luma - rgb @ np.array([0.299, 0.587, 0.114]))
        # swscale's RGB is up to two steps too dark; a range taken for the other would be off by eight and more.
        assert difference.mean() < 2
        assert np.percentile(difference, 95) <= 4


def test_a_reduced_luma_is_the_mean_of_what_it_stands_for() -> None:
    with opened(write(moving(1))) as video:
        frame = next(video.frames())
        full, reduced = frame.luma().astype(np.float64), frame.luma(ROWS // 4, COLUMNS // 4)
    assert reduced.shape == (ROWS // 4, COLUMNS // 4)
    means = full.reshape(ROWS // 4, 4, COLUMNS // 4, 4).mean(axis=(1, 3))
    assert np.abs(means - reduced).max() <= 2


def test_a_luma_is_never_enlarged() -> None:
    with opened(write(moving(1))) as video:
        assert next(video.frames()).luma(1000, 1000).shape == (ROWS, COLUMNS)


ONE = 1 << 16
TURNED = {
    1: (ONE, 0, 0, ONE),
    2: (-ONE, 0, 0, ONE),
    3: (-ONE, 0, 0, -ONE),
    4: (ONE, 0, 0, -ONE),
    5: (0, ONE, ONE, 0),
    6: (0, ONE, -ONE, 0),
    7: (0, -ONE, -ONE, 0),
    8: (0, -ONE, ONE, 0),
}


@pytest.mark.parametrize("orientation", TURNED)
def test_the_display_matrix_says_how_a_frame_is_turned(orientation: int) -> None:
    a, b, c, d = TURNED[orientation]
    data = write(moving(2), matrix=(a, b, 0, c, d, 0, 0, 0, 1 << 30))
    with opened(data) as video:
        assert video.info.orientation == next(video.frames()).orientation == orientation
        assert (video.info.width, video.info.height) == ((160, 120) if orientation < 5 else (120, 160))


def test_a_turn_of_no_quarter_counts_as_the_nearest() -> None:
    assert _orientation(int(0.9 * ONE), int(0.4 * ONE), -int(0.4 * ONE), int(0.9 * ONE)) == 1


def test_pixels_that_are_not_square_change_the_reported_size() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=30)
        stream.height, stream.width, stream.pix_fmt = ROWS, COLUMNS, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for picture in moving(2):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    with opened(file.getvalue()) as video:
        assert (video.info.width, video.info.height) == (213, 120)
        assert next(video.frames()).size == (160, 120)


def with_cover() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        cover = output.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 400, 400, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        stream = output.add_stream("libx264", rate=30)
        stream.height, stream.width, stream.pix_fmt = ROWS, COLUMNS, "yuv420p"
        output.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((400, 400, 3), np.uint8), format="rgb24")))
        for picture in moving(3):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(cover.encode(None))
        output.mux(stream.encode(None))
    return file.getvalue()


def test_cover_art_is_no_video() -> None:
    with opened(with_cover()) as video:
        assert [frame.size for frame in video.frames()] == [(COLUMNS, ROWS)] * 3


def with_two_streams(sizes: Sequence[tuple[int, int]], frames: Sequence[int], default: int | None = None) -> bytes:
    """Write streams of (rows, columns), each so many frames long; none or one of them is the default."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        streams = []
        for at, (rows, columns) in enumerate(sizes):
            stream = output.add_stream("libx264", rate=30)
            stream.height, stream.width, stream.pix_fmt = rows, columns, "yuv420p"
            stream.disposition = av.stream.Disposition.default if at == default else av.stream.Disposition(0)
            streams.append(stream)
        for stream, (rows, columns), count in zip(streams, sizes, frames, strict=True):
            for picture in moving(count, rows, columns):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        for stream in streams:
            output.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(("default", "shown"), [(0, (COLUMNS, ROWS)), (1, (320, 240))])
def test_of_two_streams_the_default_one_is_shown(default: int, shown: tuple[int, int]) -> None:
    with opened(with_two_streams([(ROWS, COLUMNS), (240, 320)], [3, 3], default)) as video:
        assert {frame.size for frame in video.frames()} == {shown}


def test_of_two_streams_of_one_length_the_larger_is_shown() -> None:
    with opened(with_two_streams([(ROWS, COLUMNS), (240, 320), (60, 80)], [3, 3, 3])) as video:
        assert {frame.size for frame in video.frames()} == {(320, 240)}


@pytest.mark.parametrize("threads", [0, 2])
def test_the_number_of_decoder_threads_changes_no_frame(threads: int) -> None:
    data = write(moving(30), bf="2")

    def lumas(count: int) -> list[bytes]:
        with open_video(io.BytesIO(data), threads=count) as video:
            return [frame.luma().tobytes() for frame in video.frames()]

    assert lumas(threads) == lumas(1)


def test_an_exact_decode_is_what_the_codec_defines_and_the_other_is_nearly_that() -> None:
    data = write(moving(30), bf="2", crf="40")
    with av.open(io.BytesIO(data)) as plain:
        defined = [np.asarray(frame.to_ndarray(format="gray"), np.int64) for frame in plain.decode(video=0)]
    for exact, most in ((True, 1.0), (False, 4.0)):  # limited to full range: grey levels are rounded twice
        with open_video(io.BytesIO(data), exact=exact) as video:
            lumas = [frame.luma().astype(np.int64) for frame in video.frames()]
        assert max(float(np.abs(a - b).mean()) for a, b in zip(lumas, defined, strict=True)) < most


def test_a_frame_that_claims_to_last_for_ever_is_not_believed() -> None:
    stream: Any = SimpleNamespace(average_rate=Fraction(25), base_rate=None)
    first: Any = SimpleNamespace(pts=0, duration=3_600_000, time_base=Fraction(1, 1000))
    clock = _Clock(stream, first)
    clock.time_of(first)
    assert clock.until_s == pytest.approx(0.04)


def test_a_sound_without_pictures_is_unsupported() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=44100)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44100
        output.mux(stream.encode(silence))
        output.mux(stream.encode(None))
    with pytest.raises(MediaUnsupported):
        opened(file.getvalue())


def test_a_codec_that_is_not_listed_is_never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_container, "DECODERS", video_container.DECODERS - {"h264"})
    with pytest.raises(MediaUnsupported, match="codec"):
        opened(write(moving(2)))


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (write(moving(2), "mpegts", "mpeg2video"), "video/mp2t"),
        (write(moving(2), "mpeg2video", "mpeg2video"), "video/mpeg"),
        (write(moving(2), "3gp"), "video/3gpp"),
        (write(moving(2), "webm", "libvpx-vp9"), "video/webm"),
        (b"".join(bytes([0, 0, 0, n, 0x47]) + bytes(187) for n in range(5)), "video/mp2t"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0mp42isom", "audio/mp4"),
        (b"G" + b"just text" * 100, "text/plain"),
    ],
)
def test_what_a_video_is_is_told_by_its_content(data: bytes, media_type: str | None) -> None:
    assert sniff(data) == media_type


def test_a_bare_mpeg_stream_without_times_gets_rising_times() -> None:
    with opened(write(moving(5), "mpeg2video", "mpeg2video")) as video:
        times = [frame.time_s for frame in video.frames()]
    assert times[0] == 0
    assert all(later > earlier for earlier, later in pairwise(times))


def test_times_rise_whatever_the_container_says() -> None:
    stream: Any = SimpleNamespace(average_rate=Fraction(25), base_rate=None)
    stated = [-50, -10, None, -10, 30, 30, 1000]
    frames: list[Any] = [SimpleNamespace(pts=pts, duration=0, time_base=Fraction(1, 1000)) for pts in stated]
    clock = _Clock(stream, frames[0])
    times = [round(clock.time_of(frame), 3) for frame in frames]
    assert times == [0, 0.04, 0.08, 0.12, 0.16, 0.2, 1.05]
    assert clock.until_s == pytest.approx(1.09)


def test_a_truncated_video_gives_what_decodes_and_says_so() -> None:
    data = write(moving(60), "matroska", g="10")
    with opened(data[: len(data) // 2]) as video:
        frames = list(video.frames())
    assert 10 < len(frames) < 50
    assert video.unchecked is not None
    assert video.unchecked[0] == "truncated"
    assert video.info.is_truncated


def test_a_video_with_damage_in_the_middle_goes_on_behind_it() -> None:
    data = bytearray(write(moving(60), "matroska", g="10"))
    middle = len(data) // 2
    data[middle : middle + 1500] = bytes(1500)
    with opened(bytes(data)) as video:
        last = [frame.time_s for frame in video.frames()][-1]
    assert last > 1.5
    assert video.unchecked is not None


def test_an_mp4_that_lost_its_index_is_damaged() -> None:
    data = write(moving(30))
    with pytest.raises(MediaDamaged, match="video"):
        opened(data[: len(data) // 2])


def test_empty_missing_and_other_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(MediaEmpty):
        opened(b"")
    with pytest.raises(MediaUnreadable):
        open_video(tmp_path / "nothing.mp4")
    with pytest.raises(MediaUnsupported):
        opened(b"GIF89a" + bytes(100))


def test_a_path_is_opened_as_a_stream_is(tmp_path: Path) -> None:
    (tmp_path / "v.bin").write_bytes(write(moving(4)))
    with open_video(str(tmp_path / "v.bin")) as video:
        assert len(list(video.frames())) == 4


def test_a_time_limit_leaves_what_was_seen_until_then() -> None:
    with opened(write(moving(200)), video_seconds=60.0) as video:
        frames = video.frames()
        next(frames)
        video._reader.until = 0.0
        assert len(list(frames)) == 0
    assert video.unchecked is not None
    assert video.unchecked[0] == "time_limit"
    assert video.info.duration_s == pytest.approx(200 / 30)


def test_no_time_at_all_is_a_timeout() -> None:
    with pytest.raises(DecodeTimeout):
        opened(write(moving(3)), video_seconds=-1.0)


def test_only_so_much_of_a_long_video_is_looked_at() -> None:
    with opened(write(moving(60)), video_duration_s=1.0) as video:
        assert [frame.number for frame in video.frames()][-1] == 30
    assert video.unchecked is not None
    assert video.unchecked[0] == "duration_limit"


def test_frames_of_too_many_pixels_are_refused() -> None:
    with pytest.raises(PictureTooLarge):
        opened(write(moving(2)), pixels=ROWS * COLUMNS - 1)


PLAYLISTS = (
    b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
    b"ffconcat version 1.0\nfile /etc/hostname\n",
)


@pytest.mark.parametrize("playlist", PLAYLISTS)
def test_a_playlist_named_mp4_is_text(playlist: bytes) -> None:
    with pytest.raises(MediaUnsupported):
        opened(playlist)


@pytest.mark.parametrize("demuxer", ["hls", "concat"])
def test_ffmpeg_gets_no_other_file_even_from_a_demuxer_that_wants_one(
    demuxer: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    segment = tmp_path / "v.ts"
    segment.write_bytes(write(moving(3), "mpegts", "mpeg2video"))
    playlist = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{segment}\n#EXT-X-ENDLIST\n",
        "concat": f"ffconcat version 1.0\nfile {segment}\n",
    }[demuxer].encode()
    monkeypatch.setitem(video_container.DEMUXERS, "video/3gpp", demuxer)
    reader = video_container.Reader(io.BytesIO(playlist), float("inf"))
    with pytest.raises((MediaDamaged, MediaUnsupported)):
        video_container.choose_stream(video_container.open_container(reader, b"", "video/3gpp", MediaLimits()))


def test_without_pyav_a_video_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = write(moving(2))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(VideoSupportMissing, match=r"hedgerow\[video\]"):
        opened(data)


@pytest.mark.shared
def test_rotated_phone_clips_are_reported_as_they_are_shown(shared_data: Path) -> None:
    expected = {"0": (568, 320, 1), "90": (320, 568, 6), "180": (568, 320, 3), "270": (320, 568, 8)}
    for name, size in expected.items():
        with open_video(shared_data / "videos" / f"decord__video_{name}.mov") as video:
            assert (video.info.width, video.info.height, video.info.orientation) == size
