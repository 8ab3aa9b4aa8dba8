"""Hash files from strangers, on all cores, each in a process that can be killed.

A decoder that crashes, hangs or swells takes its own process with it and nothing else: the file is answered with the
reason, and the files behind it go to a fresh process.
"""

from __future__ import annotations

import os
from base64 import b85decode
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Self

from hedgerow.errors import DecodeMemoryExceeded, DecoderCrashed, DecodeTimeout, MediaError
from hedgerow.hashing.frame_list import FrameList
from hedgerow.hashing.options import greeting_of
from hedgerow.hashing.signal import MediaHash, Signal, Unchecked
from hedgerow.media import MediaInfo
from hedgerow.media.archive import ArchiveLimits
from hedgerow.media.sandbox import BEGUN_TASKS, Begun, Sandbox
from hedgerow.media.sandbox_nursery import command_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    from hedgerow.hashing.options import HashOptions
    from hedgerow.hashing.signal import Level
    from hedgerow.media.sandbox_nursery import Nursery

__all__ = ["FileHash", "FileTask", "HashingPool"]

_GRACE_S = 1.0
"""A worker stops by itself between two frames at its limit; only one that does not is killed, a little later."""


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file to be hashed.

    Attributes:
        path: Where it is.
        skip: Answers that are known already: members of an archive to pass over.
        size_bytes: How large it is, where that is known: large files are then spread evenly.
    """

    path: str
    skip: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class FileHash:
    """What came of one file, or of one member of an archive.

    Attributes:
        path: The file.
        member: Name inside the archive; None for a plain file, and for the archive itself, which comes last.
        number: Position among the file's answers, from 0.
        hash: The signals, or why there are none.
        is_last: Whether this is the file's last answer.
    """

    path: str
    member: str | None
    number: int
    hash: MediaHash
    is_last: bool


class HashingPool:
    """A few processes that hash. Use it as a context manager.

    Args:
        options: How to hash; ``options.archives`` opens zips and tars.
        jobs: Processes at once.
        archive_limits: How far archives are read.
        is_long: Whether there is so much to do (a gigabyte, say) that compiled decoding of large JPEGs is worth the
            second that it takes to load it, and the ten seconds that the very first time takes to compile it.
        nursery: From `hedgerow.media.sandbox.start_nursery` of `hedgerow.hashing.worker`, where one was started
            beforehand; the pool owns it from now on.

    >>> from hedgerow.hashing.options import HashOptions
    >>> with HashingPool(HashOptions(types=("md5",)), jobs=1) as pool:
    ...     [(answer.number, answer.is_last) for answer in pool.results([FileTask(__file__)])]
    [(0, True)]
    """

    def __init__(
        self,
        options: HashOptions,
        jobs: int,
        archive_limits: ArchiveLimits | None = None,
        *,
        is_long: bool = False,
        nursery: Nursery | None = None,
    ) -> None:
        self._options = options
        limits = options.limits
        self._jobs = jobs
        self._begun: tuple[HashOptions, tuple[FileTask, ...], Begun] | None = None
        self._sandbox: Sandbox | None = None
        if Sandbox.is_available:
            self._sandbox = Sandbox(
                command_of("hedgerow.hashing.worker"),
                jobs=jobs,
                seconds=limits.seconds + _GRACE_S,
                memory_bytes=limits.memory_bytes,
                greeting=greeting_of(options, archive_limits or ArchiveLimits(), is_long=is_long),
                nursery=nursery,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill every process."""
        if self._sandbox is not None:
            self._sandbox.close()

    def start(self) -> None:
        """Start all processes now, without waiting for them: a caller has other things to load meanwhile."""
        if self._sandbox is not None:
            self._sandbox.start()

    def begin(
        self, tasks: Iterable[FileTask], *, types: Sequence[str] | None = None, level: Level | None = None
    ) -> None:
        """Begin with the first files before `results` asks for them, as far as the processes come meanwhile.

        They must be the first tasks of `results`, in the same order and to be hashed in the same way; from the first
        one on that is not, what was begun is thrown away.

        Args:
            tasks: The files; so many are taken as half a second is enough for.
            types: As for `results`.
            level: As for `results`.
        """
        if self._sandbox is not None:
            options = self._as_asked(types, level)
            first = tuple(islice(tasks, BEGUN_TASKS * self._jobs))
            self._begun = options, first, self._sandbox.begin([_request(task, options) for task in first])

    def results(
        self, tasks: Iterable[FileTask], *, types: Sequence[str] | None = None, level: Level | None = None
    ) -> Iterator[FileHash]:
        """Hash files and answer in the order given; tasks are taken only as fast as they are worked on.

        Every file is answered, whatever it does to its decoder: see `MediaHash.unchecked`.

        Args:
            tasks: The files.
            types: Signal types, where they are not those of the pool's options.
            level: Level of query variants, where it is not that of the pool's options.
        """
        options = self._as_asked(types, level)
        if self._sandbox is None:  # no POSIX: in this process, without archives and without the safety
            from hedgerow.hashing.examine import examine_file  # noqa: PLC0415  (the workers load decoders)

            for task in tasks:
                yield FileHash(task.path, None, 0, examine_file(task.path, options), is_last=True)
            return
        rest = iter(tasks)
        begun, begun_count, taken, unlike = self._begun_as(options, rest)
        numbers = {index: task.skip for index, task in taken.items()}

        def requests() -> Iterator[dict[str, Any]]:
            for index, task in enumerate(chain(unlike, rest), begun_count):
                taken[index], numbers[index] = task, task.skip
                yield _request(task, options)

        for index, answer in begun.answers(requests()):
            if index not in taken:
                continue  # begun in vain
            is_last = bool(answer.get("done"))
            number = numbers[index]
            yield FileHash(taken[index].path, _member(answer), number, self._hash(answer), is_last)
            if is_last:
                del taken[index], numbers[index]
            else:
                numbers[index] = number + 1

    def _as_asked(
        self, types: Sequence[str] | None, level: Level | None, *, is_exact: bool | None = None
    ) -> HashOptions:
        own = self._options
        exact = own.exact if is_exact is None else is_exact
        return replace(own, types=tuple(types or own.types), level=level or own.level, exact=exact)

    def _begun_as(
        self, options: HashOptions, tasks: Iterator[FileTask]
    ) -> tuple[Begun, int, dict[int, FileTask], list[FileTask]]:
        """Compare what was begun with the tasks that are asked for.

        Returns:
            What goes on, how many tasks were begun in it, those that are asked for by their position, and the first
            one asked for that was not begun.
        """
        assert self._sandbox is not None  # noqa: S101  (the callers know)
        as_begun, early, begun = self._begun if self._begun is not None else (options, (), self._sandbox.begin([]))
        self._begun = None
        taken: dict[int, FileTask] = {}
        unlike: list[FileTask] = []
        for index, task in enumerate(early if options == as_begun else ()):
            unlike = list(islice(tasks, 1))
            if unlike != [task]:
                break
            taken[index] = unlike.pop()
        if early and not taken:
            begun.cancel()
            return self._sandbox.begin([]), 0, taken, unlike
        return begun, len(early), taken, unlike

    def hash_bytes(
        self,
        data: bytes,
        *,
        types: Sequence[str] | None = None,
        level: Level | None = None,
        is_exact: bool | None = None,
    ) -> MediaHash:
        """Hash bytes in one of the processes; threads may call at once.

        Args:
            data: The bytes.
            types: As for `results`.
            level: As for `results`.
            is_exact: Whether JPEG is decoded in full, where it is not as in the pool's options.
        """
        options = self._as_asked(types, level, is_exact=is_exact)
        if self._sandbox is None:
            from hedgerow.hashing.examine import examine_bytes  # noqa: PLC0415  (as above)

            return examine_bytes(data, options)
        return self._hash(self._sandbox.call((_way(options), data))[-1])

    def hash_file(
        self,
        path: str,
        *,
        types: Sequence[str] | None = None,
        level: Level | None = None,
        is_exact: bool | None = None,
    ) -> MediaHash:
        """Hash a file in one of the processes; threads may call at once. The rest is as for `hash_bytes`."""
        options = self._as_asked(types, level, is_exact=is_exact)
        if self._sandbox is None:
            from hedgerow.hashing.examine import examine_file  # noqa: PLC0415  (as above)

            return examine_file(path, options)
        return self._hash(self._sandbox.call(_request(FileTask(path), options))[-1])

    def _hash(self, answer: dict[str, Any]) -> MediaHash:
        if "error" in answer:
            problem = self._problem(answer)
            return MediaHash(None, (), Unchecked(problem.reason, str(problem)))
        media, unchecked = answer["i"], answer["u"]
        signals = tuple(_signal(*values) for values in answer["s"])
        return MediaHash(
            media and MediaInfo(*media),
            signals,
            unchecked and Unchecked(*unchecked),
            is_known_good=bool(answer.get("k")),
        )

    def _problem(self, answer: dict[str, Any]) -> MediaError:
        limits = self._options.limits
        if answer["error"] == "timeout":
            return DecodeTimeout(limits.seconds)
        if answer["error"] == "memory":
            return DecodeMemoryExceeded(limits.memory_bytes)
        return DecoderCrashed(str(answer.get("how", "unknown")))


def _request(task: FileTask, options: HashOptions) -> dict[str, Any]:
    size = {"size_bytes": task.size_bytes} if task.size_bytes else {}
    return {"path": os.fspath(task.path), "skip": task.skip, **size, **_way(options)}


def _way(options: HashOptions) -> dict[str, Any]:
    """Return what may be another for each task."""
    return {"types": options.types, "level": options.level, "exact": options.exact}


def _signal(
    type_name: str, value: str, quality: int | None, variant: str, made_by: str, level: Level, frames: str | None
) -> Signal:
    listed = None if frames is None else FrameList.unpack(b85decode(frames))
    return Signal(type_name, bytes.fromhex(value), quality, variant, made_by, level, listed)


def _member(answer: dict[str, Any]) -> str | None:
    member: str | None = answer.get("name") if "error" in answer else answer["m"]
    return member
