"""Hash files from strangers, on all cores, each in a process that can be killed.

A decoder that crashes, hangs or swells takes its own process with it and nothing else: the file is answered with the
reason, and the files behind it go to a fresh process.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from hedgerow.errors import DecodeMemoryExceeded, DecoderCrashed, DecodeTimeout, MediaError
from hedgerow.hashing.examine import HashOptions, examine_bytes, examine_file
from hedgerow.hashing.signal import MediaHash, Signal, Unchecked
from hedgerow.hashing.worker import options_text
from hedgerow.media import MediaInfo
from hedgerow.media.archive import ArchiveLimits
from hedgerow.media.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

__all__ = ["FileHash", "FileTask", "HashingPool"]

_GRACE_S = 1.0
"""A worker stops by itself between two frames at its limit; only one that does not is killed, a little later."""


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file to be hashed.

    Attributes:
        path: Where it is.
        skip: Answers that are known already: members of an archive to pass over.
    """

    path: str
    skip: int = 0


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
            second that each process takes to load it, and the ten seconds that the very first takes to compile it.

    >>> from pathlib import Path
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
    ) -> None:
        self._options = options
        limits = options.limits
        self._sandbox: Sandbox | None = None
        if Sandbox.is_available:
            command = (
                sys.executable,
                "-m",
                "hedgerow.hashing.worker",
                options_text(options, archive_limits or ArchiveLimits(), is_long=is_long),
            )
            self._sandbox = Sandbox(
                command, jobs=jobs, seconds=limits.seconds + _GRACE_S, memory_bytes=limits.memory_bytes
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

    def results(self, tasks: Iterable[FileTask], *, types: Sequence[str] | None = None) -> Iterator[FileHash]:
        """Hash files and answer in the order given; tasks are taken only as fast as they are worked on.

        Every file is answered, whatever it does to its decoder: see `MediaHash.unchecked`.

        Args:
            tasks: The files.
            types: Signal types, where they are not those of the pool's options.
        """
        options = self._options if types is None else replace(self._options, types=tuple(types))
        if self._sandbox is None:  # no POSIX: in this process, without archives and without the safety
            for task in tasks:
                yield FileHash(task.path, None, 0, examine_file(task.path, options), is_last=True)
            return
        taken: dict[int, FileTask] = {}
        numbers: dict[int, int] = {}

        def requests() -> Iterator[dict[str, Any]]:
            for index, task in enumerate(tasks):
                taken[index] = task
                numbers[index] = task.skip
                yield {"path": os.fspath(task.path), "skip": task.skip, "types": options.types}

        for index, answer in self._sandbox.run(requests()):
            is_last = bool(answer.get("done"))
            number = numbers[index]
            yield FileHash(taken[index].path, _member(answer), number, self._hash(answer), is_last)
            if is_last:
                del taken[index], numbers[index]
            else:
                numbers[index] = number + 1

    def hash_bytes(self, data: bytes) -> MediaHash:
        """Hash bytes in one of the processes; threads may call at once."""
        if self._sandbox is None:
            return examine_bytes(data, self._options)
        return self._hash(self._sandbox.call(({}, data))[-1])

    def _hash(self, answer: dict[str, Any]) -> MediaHash:
        if "error" in answer:
            problem = self._problem(answer)
            return MediaHash(None, (), Unchecked(problem.reason, str(problem)))
        media, unchecked = answer["i"], answer["u"]
        signals = tuple(
            Signal(type_name, bytes.fromhex(value), quality, variant, made_by)
            for type_name, value, quality, variant, made_by in answer["s"]
        )
        return MediaHash(media and MediaInfo(*media), signals, unchecked and Unchecked(*unchecked))

    def _problem(self, answer: dict[str, Any]) -> MediaError:
        limits = self._options.limits
        if answer["error"] == "timeout":
            return DecodeTimeout(limits.seconds)
        if answer["error"] == "memory":
            return DecodeMemoryExceeded(limits.memory_bytes)
        return DecoderCrashed(str(answer.get("how", "unknown")))


def _member(answer: dict[str, Any]) -> str | None:
    member: str | None = answer.get("name") if "error" in answer else answer["m"]
    return member
