from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hedgerow.hashing import HashOptions, examine_file, pdq
from hedgerow.hashing.examine import examine_bytes
from hedgerow.hashing.pool import FileHash, FileTask, HashingPool
from hedgerow.hashing.selftest import synthetic_picture
from hedgerow.media import MediaLimits
from hedgerow.media.sandbox import start_nursery

if TYPE_CHECKING:
    from pathlib import Path


def png(seed: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(synthetic_picture(120, 90, seed)).save(stream, "PNG")
    return stream.getvalue()


def hashed(pool: HashingPool, *tasks: FileTask) -> list[FileHash]:
    return list(pool.results(tasks))


def test_files_are_answered_in_the_order_given_and_as_in_this_process(tmp_path: Path) -> None:
    paths = []
    for seed in range(20):
        paths.append(tmp_path / f"{seed}.png")
        paths[-1].write_bytes(png(seed))
    (tmp_path / "7.png").write_bytes(b"no picture")
    (tmp_path / "9.png").unlink()
    options = HashOptions(types=("pdq", "sha256"), level="standard")
    with HashingPool(options, jobs=2) as pool:
        answers = hashed(pool, *(FileTask(str(path)) for path in paths))
    assert [answer.path for answer in answers] == [str(path) for path in paths]
    assert [answer.hash for answer in answers] == [examine_file(path, options) for path in paths]
    assert all(answer.is_last and answer.number == 0 and answer.member is None for answer in answers)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_the_members_of_an_archive_are_answered_one_by_one_and_the_archive_last(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"pictures.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for seed in range(4):
                archive.writestr(f"{seed}.png", png(seed))
    else:
        with tarfile.open(path, "w") as tar:
            for seed in range(4):
                info = tarfile.TarInfo(f"{seed}.png")
                info.size = len(png(seed))
                tar.addfile(info, io.BytesIO(png(seed)))
    with HashingPool(HashOptions(archives=True), jobs=1) as pool:
        answers = hashed(pool, FileTask(str(path)))
        rest = hashed(pool, FileTask(str(path), skip=3))
    assert [answer.member for answer in answers] == ["0.png", "1.png", "2.png", "3.png", None]
    assert [answer.number for answer in answers] == [0, 1, 2, 3, 4]
    assert [answer.is_last for answer in answers] == [False] * 4 + [True]
    assert answers[2].hash.signals[0].bits == pdq(synthetic_picture(120, 90, 2)).bits
    assert answers[-1].hash.unchecked is None
    assert rest == answers[3:]


def test_a_member_that_is_no_picture_does_not_stop_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "mixed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "words " * 50)
        archive.writestr("picture.png", png(1))
    with HashingPool(HashOptions(archives=True), jobs=1) as pool:
        text, picture, whole = hashed(pool, FileTask(str(path)))
    assert text.hash.unchecked is not None
    assert text.hash.unchecked.reason == "unsupported"
    assert picture.hash.signals
    assert whole.hash.unchecked is None


def test_without_archives_a_zip_is_no_picture(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("picture.png", png(1))
    with HashingPool(HashOptions(), jobs=1) as pool:
        (answer,) = hashed(pool, FileTask(str(tmp_path / "a.zip")))
    assert answer.hash.unchecked is not None
    assert answer.hash.unchecked.reason == "unsupported"


def test_a_file_that_needs_too_much_memory_is_answered_so_and_the_next_one_is_hashed(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((9000, 9000), np.uint8)).save(tmp_path / "bomb.png")
    (tmp_path / "good.png").write_bytes(png(1))
    options = HashOptions(limits=MediaLimits(memory_bytes=64 * 1024**2))
    with HashingPool(options, jobs=1) as pool:
        bomb, good = hashed(pool, FileTask(str(tmp_path / "bomb.png")), FileTask(str(tmp_path / "good.png")))
    assert bomb.hash.unchecked is not None
    assert bomb.hash.unchecked.reason == "memory"
    assert good.hash.signals


def test_bytes_are_hashed_in_the_pool_too() -> None:
    with HashingPool(HashOptions(), jobs=1) as pool:
        assert pool.hash_bytes(png(3)).signals[0].bits == pdq(synthetic_picture(120, 90, 3)).bits


def test_a_long_run_decodes_with_compiled_kernels_to_the_same_signals(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.fromarray(synthetic_picture(2600, 2500, 1)).save(path, quality=90)
    options = HashOptions(level="standard")
    with HashingPool(options, jobs=1, is_long=True) as pool:
        (answer,) = hashed(pool, FileTask(str(path)))
    assert answer.hash == examine_file(path, options)
    assert answer.hash.signals[0].made_by.endswith("1:8")


def four_files(folder: Path) -> list[FileTask]:
    tasks = []
    for seed in range(4):
        path = folder / f"{seed}.png"
        path.write_bytes(png(seed))
        tasks.append(FileTask(str(path)))
    return tasks


def test_what_was_begun_early_is_answered_in_its_place_and_once(tmp_path: Path) -> None:
    tasks = four_files(tmp_path)
    with HashingPool(HashOptions(), jobs=2) as pool:
        pool.begin(tasks[:2])
        answers = hashed(pool, *tasks)
        again = hashed(pool, *tasks)
    assert [answer.path for answer in answers] == [task.path for task in tasks]
    assert [answer.hash for answer in answers] == [examine_file(task.path, HashOptions()) for task in tasks]
    assert again == answers


@pytest.mark.parametrize("wanted", [[1, 2, 3], [0, 2], [], [3, 2, 1, 0]])
def test_what_was_begun_in_vain_is_not_answered(tmp_path: Path, wanted: list[int]) -> None:
    tasks = four_files(tmp_path)
    asked = [tasks[number] for number in wanted]
    with HashingPool(HashOptions(), jobs=1) as pool:
        pool.begin(tasks[:3])
        answers = hashed(pool, *asked)
    assert [answer.path for answer in answers] == [task.path for task in asked]
    assert [answer.hash for answer in answers] == [examine_file(task.path, HashOptions()) for task in asked]


def test_what_was_begun_for_other_signal_types_is_not_answered(tmp_path: Path) -> None:
    tasks = four_files(tmp_path)
    with HashingPool(HashOptions(), jobs=1) as pool:
        pool.begin(tasks)
        answers = list(pool.results(tasks, types=("pdq", "md5")))
    assert [[signal.type for signal in answer.hash.signals] for answer in answers] == [["pdq", "md5"]] * 4


def test_a_file_begun_early_that_kills_its_process_costs_only_itself(tmp_path: Path) -> None:
    tasks = four_files(tmp_path)
    Image.fromarray(np.zeros((9000, 9000), np.uint8)).save(tmp_path / "1.png")
    with HashingPool(HashOptions(limits=MediaLimits(memory_bytes=64 * 1024**2)), jobs=1) as pool:
        pool.begin(tasks)
        reasons = [answer.hash.unchecked and answer.hash.unchecked.reason for answer in hashed(pool, *tasks)]
    assert reasons == [None, "memory", None, None]


def test_a_pool_may_be_closed_with_work_begun(tmp_path: Path) -> None:
    with HashingPool(HashOptions(), jobs=2) as pool:
        pool.begin(four_files(tmp_path))


def test_a_pool_uses_the_nursery_that_was_started_before_the_options_were_known(tmp_path: Path) -> None:
    nursery = start_nursery("hedgerow.hashing.worker")
    (task, *_) = four_files(tmp_path)
    with HashingPool(HashOptions(types=("md5",)), jobs=1, nursery=nursery) as pool:
        (answer,) = hashed(pool, task)
        assert nursery is not None
        assert not nursery.is_lost
    assert [signal.type for signal in answer.hash.signals] == ["md5"]
    assert nursery.is_lost


def test_one_task_may_be_hashed_in_full_where_the_others_are_not() -> None:
    stream = io.BytesIO()
    Image.fromarray(synthetic_picture(1600, 1200, 3)).save(stream, "JPEG", quality=90)
    data = stream.getvalue()
    with HashingPool(HashOptions(types=("pdq",)), jobs=1) as pool:
        in_full = pool.hash_bytes(data, is_exact=True)
        as_usual = pool.hash_bytes(data)
    assert in_full.signals == examine_bytes(data, HashOptions(types=("pdq",), exact=True)).signals
    assert as_usual.signals == examine_bytes(data, HashOptions(types=("pdq",))).signals
