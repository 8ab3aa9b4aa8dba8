"""The sandbox: nothing that a worker does to itself reaches the parent, and nothing is lost by it."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hedgerow.errors import DecoderCrashed
from hedgerow.media.sandbox import Sandbox
from hedgerow.media.sandbox_nursery import Nursery

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not Sandbox.is_available, reason="watching pipes needs a POSIX system")

WORKER = (sys.executable, str(Path(__file__).with_name("odd_worker.py")))
GENEROUS_S = 20.0
BRIEF_S = 0.6


def sandbox(*, jobs: int = 1, seconds: float = GENEROUS_S, tasks_per_worker: int = 2000) -> Sandbox:
    return Sandbox(WORKER, jobs=jobs, seconds=seconds, memory_bytes=256 * 1024**2, tasks_per_worker=tasks_per_worker)


@pytest.fixture(scope="module")
def one_worker() -> Iterator[Sandbox]:
    with sandbox() as box:
        yield box


def children() -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                status = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if int(status[1]) == os.getpid():
                    found.add(int(entry.name))
    return found


def test_answers_come_in_the_order_of_the_tasks() -> None:
    tasks = [{"do": "nap"} if number % 7 == 0 else {"echo": number} for number in range(60)]
    with sandbox(jobs=2) as box:
        answers = list(box.run(tasks))
    assert [index for index, _ in answers] == list(range(60))
    assert all(answer["done"] for _, answer in answers)
    assert [a["echo"] for i, a in answers if i % 7] == [i for i in range(60) if i % 7]


def test_nothing_queues_behind_a_task_that_has_much_to_read() -> None:
    tasks: list[dict[str, Any]] = [{"do": "pid", "size_bytes": 50_000_000}, *[{"do": "pid"}] * 60]
    with sandbox(jobs=2) as box:
        large, *small = [answer["pid"] for _, answer in box.begin(tasks).answers(iter(()))]
    assert large not in small


def test_tasks_are_taken_only_as_fast_as_they_are_worked_on() -> None:
    taken = 0

    def endless() -> Iterator[dict[str, Any]]:
        nonlocal taken
        while True:
            taken += 1
            yield {"echo": taken}

    with sandbox() as box:
        answers = box.run(endless())
        for _ in range(50):
            next(answers)
        answers.close()
    assert taken <= 50 + 2 * 16


@pytest.mark.parametrize(
    ("deed", "expected"),
    [
        ("segfault", {"error": "crashed", "how": f"signal {signal.SIGSEGV.value}", "name": None, "done": True}),
        ("exit", {"error": "crashed", "how": "exit status 3", "name": None, "done": True}),
        ("allocate", {"error": "memory", "name": None, "done": True}),
        ("bug", {"error": "crashed", "how": "exception ValueError", "name": None, "done": True}),
    ],
)
def test_a_lost_worker_costs_only_the_task_at_fault(one_worker: Sandbox, deed: str, expected: dict[str, Any]) -> None:
    answers = list(one_worker.run([{"echo": 0}, {"do": deed}, {"echo": 2}, {"echo": 3}]))
    assert [index for index, _ in answers] == [0, 1, 2, 3]
    assert answers[1][1] == expected
    assert [answers[at][1]["echo"] for at in (0, 2, 3)] == [0, 2, 3]


@pytest.mark.parametrize("deed", ["hang", "burn"])
def test_a_worker_that_does_not_answer_in_time_is_killed_and_the_queue_goes_on(deed: str) -> None:
    with sandbox(seconds=BRIEF_S) as box:
        started = time.monotonic()
        answers = list(box.run([{"echo": 0}, {"do": deed}, {"echo": 2}]))
        assert time.monotonic() - started < GENEROUS_S
    assert answers[1][1] == {"error": "timeout", "name": None, "done": True}
    assert answers[2][1]["echo"] == 2


def test_members_of_an_archive_are_answered_one_by_one(one_worker: Sandbox) -> None:
    answers = one_worker.call({"members": ["a", "b", "c"]})
    assert [answer.get("did") for answer in answers] == ["a", "b", "c", None]
    assert [answer["done"] for answer in answers] == [False, False, False, True]


def test_the_members_after_one_that_kills_the_worker_are_still_read() -> None:
    members = ["a", "segfault", "c", "hang", "e", "allocate", "bug"]
    with sandbox(seconds=BRIEF_S) as box:
        answers = list(box.run([{"members": members}, {"echo": "next"}]))
    of_archive = [answer for index, answer in answers if index == 0]
    assert [answer.get("did") or answer.get("error") for answer in of_archive] == [
        "a",
        "crashed",
        "c",
        "timeout",
        "e",
        "memory",
        "crashed",
        None,
    ]
    assert [answer["name"] for answer in of_archive if "error" in answer] == [
        "member 1",
        "member 3",
        "member 5",
        "member 6",
    ]
    assert [answer["done"] for answer in of_archive] == [False] * 7 + [True]
    assert answers[-1] == (1, {"echo": "next", "done": True})


def test_an_archive_that_kills_worker_after_worker_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow.media.sandbox._LOSSES_PER_TASK", 4)
    with sandbox() as box:
        answers = box.call({"members": ["exit"] * 40})
    assert [answer["done"] for answer in answers] == [False] * 3 + [True]


def test_what_a_library_prints_does_not_disturb_the_answers(one_worker: Sandbox) -> None:
    assert one_worker.call({"do": "chatter"}) == [{"did": "chatter", "done": True}]


def test_a_worker_cannot_write_files(one_worker: Sandbox, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with sandbox() as box:
        assert box.call({"do": "write"})[0]["how"] == "exception OSError"
    left = tmp_path / "should-not-be"
    assert not left.exists() or left.stat().st_size == 0


def test_a_worker_reads_nothing_from_the_parents_standard_input(one_worker: Sandbox) -> None:
    assert one_worker.call({"do": "read-stdin"})[0]["stdin"] == ""


def test_a_worker_sees_no_credentials_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SERVICE_TOKEN", "opaque")
    with sandbox() as box:
        names = box.call({"do": "environment"})[0]["names"]
    assert "PATH" in names
    assert "SOME_SERVICE_TOKEN" not in names


def test_an_interrupt_is_the_parents_affair(one_worker: Sandbox) -> None:
    assert one_worker.call({"do": "interrupt"})[0]["did"] == "interrupt"


@pytest.mark.parametrize("size", [1, 1 << 16, (1 << 16) + 1, 5_000_000])
def test_raw_bytes_travel_beside_a_task(one_worker: Sandbox, size: int) -> None:
    answers = list(one_worker.run([({"kind": "bytes"}, b"\x07" * size)] * 3))
    assert [answer["bytes"] for _, answer in answers] == [size] * 3


def test_a_path_of_odd_encoding_travels_unchanged(one_worker: Sandbox) -> None:
    odd = os.fsdecode(b"caf\xe9 \xff.jpg")
    assert one_worker.call({"echo": odd})[0]["echo"] == odd


def test_a_worker_is_replaced_after_its_share_of_tasks() -> None:
    with sandbox(tasks_per_worker=4) as box:
        pids = [answer["pid"] for _, answer in box.run([{"do": "pid"}] * 12)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [4, 4, 4]


def test_an_idle_worker_serves_the_next_run(one_worker: Sandbox) -> None:
    assert one_worker.call({"do": "pid"}) == one_worker.call({"do": "pid"})


def test_many_threads_may_call_at_once() -> None:
    with sandbox(jobs=2) as box, ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda number: box.call({"echo": number}), range(60)))
    assert [answer[0]["echo"] for answer in answers] == list(range(60))


def test_closing_leaves_no_process_and_no_descriptor() -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("asks /proc")
    before, descriptors = children(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208  (a plain count)
    with sandbox(jobs=2) as box:
        assert len(list(box.run([{"do": "nap"}] * 4))) == 4
        half = box.run([{"echo": 1}, {"do": "hang"}, {"do": "hang"}])
        next(half)
        box.call({"do": "segfault"})
        half.close()
        box.call({"echo": 2})
        assert children() - before
    assert children() - before == set()
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208  (a plain count)


def test_it_works_beside_thousands_of_open_descriptors() -> None:
    # As a server with many connections has; select(2), for one, knows none above 1023.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4_096:
        pytest.skip("this system lets nobody open so many")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4_096), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1_100)]
    try:
        with sandbox(jobs=2) as box:
            assert {answer["echo"] for _, answer in box.run([{"echo": 1}, {"echo": 2}])} == {1, 2}
            assert box.call({"echo": 3})[0]["echo"] == 3
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_closed_sandbox_serves_nobody() -> None:
    box = sandbox()
    box.close()
    with pytest.raises(RuntimeError, match="closed"):
        box.call({"echo": 1})


def test_workers_that_cannot_start_are_an_error_not_an_endless_loop() -> None:
    command = (sys.executable, "-c", "raise SystemExit(7)")
    with (
        Sandbox(command, jobs=2, seconds=5, memory_bytes=1 << 28) as box,
        pytest.raises(DecoderCrashed, match="exit status 7"),
    ):
        list(box.run([{"echo": number} for number in range(10)]))


def test_a_worker_that_speaks_nonsense_is_lost(one_worker: Sandbox) -> None:
    expected = {"error": "crashed", "how": "it spoke nonsense", "name": None, "done": True}
    assert one_worker.call({"do": "nonsense"}) == [expected]
    assert one_worker.call({"echo": 1})[0]["echo"] == 1


def is_gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("deed", ["nap", "hang"])
def test_everything_ends_when_the_parent_is_killed_even_a_worker_that_hangs(deed: str) -> None:
    code = textwrap.dedent(
        f"""
        from hedgerow.media.sandbox import Sandbox
        box = Sandbox({WORKER!r}, jobs=1, seconds=60, memory_bytes=1 << 28)
        answer = box.call({{"do": "pid"}})[0]
        print(answer["pid"], answer["nursery"], flush=True)
        box.call({{"do": {deed!r}}})
        __import__("time").sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(each) for each in parent.stdout.readline().split()]
        for pid in pids:
            os.kill(pid, 0)
        time.sleep(0.2)
        parent.kill()
    assert [is_gone(pid) for pid in pids] == [True, True]


def test_a_killed_worker_is_replaced_by_the_same_nursery() -> None:
    with sandbox() as box:
        first = box.call({"do": "pid"})[0]
        os.kill(first["pid"], signal.SIGKILL)
        assert is_gone(first["pid"])
        second = box.call({"do": "pid"})[0]
    assert first["nursery"] == second["nursery"]
    assert first["pid"] != second["pid"]


def test_a_killed_nursery_is_noticed_and_replaced() -> None:
    with sandbox(seconds=BRIEF_S) as box:
        first = box.call({"do": "pid"})[0]
        os.kill(first["nursery"], signal.SIGKILL)
        assert box.call({"echo": 1})[0]["echo"] == 1  # its worker goes on until another one is needed
        box.call({"do": "hang"})
        second = box.call({"do": "pid"})[0]
    assert is_gone(first["pid"])
    assert second["nursery"] != first["nursery"]


def test_a_task_whose_nursery_dies_is_tried_again_a_few_times_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hedgerow.media.sandbox._ORPHANS", 2)
    with sandbox() as box:
        answers = list(box.run([{"echo": 0}, {"do": "kill-nursery"}, {"echo": 2}]))
    assert answers[0][1]["echo"] == 0
    assert answers[1][1] == {"error": "crashed", "how": "no answer", "name": None, "done": True}
    assert answers[2][1]["echo"] == 2


def test_a_nursery_has_one_thread_and_a_worker_only_its_own_descriptors() -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("asks /proc")
    with sandbox(jobs=2) as box:
        answers = [answer for _, answer in box.run([{"do": "nap"}, {"do": "descriptors"}, {"do": "nap"}] * 4)]
        assert box.call({"do": "threads"})[0]["threads"] == 1
    counts = {len(answer["descriptors"]) for answer in answers if "descriptors" in answer}
    assert counts == {6}  # the three standard ones, two pipes, and the listing itself


def test_a_nursery_started_beforehand_is_greeted_and_used() -> None:
    nursery = Nursery(WORKER)
    with Sandbox(
        WORKER, jobs=1, seconds=GENEROUS_S, memory_bytes=1 << 28, greeting={"kind": "hello"}, nursery=nursery
    ) as box:
        assert box.call({"do": "greeting"})[0]["greeting"] == [{"kind": "hello"}]
        assert not nursery.is_lost
        nursery.close()
        answers = list(box.run([{"do": "greeting"}]))
        assert answers[0][1]["greeting"] == [{"kind": "hello"}]  # so is the one that took its place


def _with_meanwhile(place: Path, naps_s: float) -> tuple[str, ...]:
    program = f"""
        import time
        from pathlib import Path
        from hedgerow.media.sandbox_worker import serve
        time.sleep({naps_s})
        serve(lambda request: iter([request.body]), meanwhile=Path({str(place)!r}).touch)
    """
    return (sys.executable, "-c", textwrap.dedent(program))


def test_a_nursery_of_which_nobody_asks_anything_yet_makes_use_of_the_time(tmp_path: Path) -> None:
    place = tmp_path / "meanwhile"
    command = _with_meanwhile(place, naps_s=0)
    nursery = Nursery(command)
    until = time.monotonic() + GENEROUS_S
    while not place.exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    with Sandbox(command, jobs=1, seconds=GENEROUS_S, memory_bytes=1 << 28, nursery=nursery) as box:
        assert box.call({"echo": 1})[0]["echo"] == 1


def test_a_nursery_that_is_asked_for_a_worker_does_nothing_else_first(tmp_path: Path) -> None:
    place = tmp_path / "meanwhile"
    with Sandbox(_with_meanwhile(place, naps_s=1), jobs=1, seconds=GENEROUS_S, memory_bytes=1 << 28) as box:
        assert box.call({"echo": 1})[0]["echo"] == 1
    assert not place.exists()


def test_a_nursery_closes_twice_and_before_it_has_started() -> None:
    nursery = Nursery(WORKER)
    nursery.close()
    nursery.close()
    number, tasks, answers = nursery.bear()
    assert os.read(answers, 1) == b""
    assert nursery.kill(number) is None
    os.close(tasks)
    os.close(answers)


def test_modules_in_the_current_folder_are_not_imported_by_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    code = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
    with Sandbox((sys.executable, "-c", code, WORKER[1]), jobs=1, seconds=5, memory_bytes=1 << 28) as box:
        assert box.call({"echo": 1})[0]["echo"] == 1


def test_answers_that_wait_are_bounded_while_one_task_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow.media.sandbox._WAITING_ANSWERS", 20)
    tasks: list[Any] = [{"members": ["nap"] * 10}, *({"members": ["a"] * 300} for _ in range(6)), {"do": "segfault"}]
    with sandbox(jobs=2) as box:
        answers = list(box.run(tasks))
    counts = [sum(1 for index, _ in answers if index == task) for task in range(8)]
    assert counts == [11, 301, 301, 301, 301, 301, 301, 1]
    assert [index for index, _ in answers] == sorted(index for index, _ in answers)
