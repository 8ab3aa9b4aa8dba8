"""For users of python-threatexchange: PDQ by our hasher, and an index on ours, inside their own HMA or ``tx``.

In HMA's configuration file::

    from hedgerow.threatexchange import HedgerowPdqSignal
    SIGNAL_TYPES = [HedgerowPdqSignal, VideoMD5Signal]

It takes the place of ``PdqSignal`` under the same name, ``pdq``, so that banks stay as they are. What changes: a
picture is hashed as a viewer sees it (EXIF, palettes, CMYK, 16 bits); a malformed signal is left out of the index
instead of ending its build; the index is never pickled.

This module can be imported where the package ``threatexchange`` is missing; whoever then asks for one of its classes
gets `hedgerow.errors.ThreatexchangeMissing`.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import re
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from hedgerow.errors import InvalidSignal, MediaError, ThreatexchangeMissing
from hedgerow.hashing import hash_bytes
from hedgerow.matching import DEFAULT_THRESHOLD, HammingIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["HedgerowPdqIndex", "HedgerowPdqSignal"]

_log = logging.getLogger(__name__)

_PDQ: Final = re.compile(r"[0-9a-f]{64}")
_BYTES: Final = 32
_BATCH: Final = 50_000
_FORMAT: Final = "hedgerow-pdq-index/1"
_LONGEST_HEAD: Final = 1_000


def _is_pdq(value: object) -> bool:
    return isinstance(value, str) and _PDQ.fullmatch(value) is not None


if importlib.util.find_spec("threatexchange") is not None:
    from threatexchange.signal_type.index import (  # type: ignore[import-not-found,unused-ignore]  # of the extra `bench`
        IndexMatch,
        SignalSimilarityInfoWithIntDistance,
        SignalTypeIndex,
    )
    from threatexchange.signal_type.pdq.signal import (  # type: ignore[import-not-found,unused-ignore]  # as above
        PdqSignal,
    )

    class HedgerowPdqIndex(SignalTypeIndex):  # type: ignore[misc,unused-ignore]  # no types where it is missing
        """Finds the signals within 31 bits of one, exactly.

        Attributes:
            quarantined: How many signals were left out since they are malformed.
        """

        def __init__(self) -> None:
            self._index = HammingIndex()
            self._rows = bytearray()
            self._said: list[Any] = []
            self.quarantined = 0

        def __len__(self) -> int:
            """Count the signals."""
            return len(self._said)

        def query(self, query: str) -> Sequence[Any]:
            """Return what was said of each signal within 31 bits, and its distance.

            Raises:
                InvalidSignal: It is no PDQ.
            """
            if not _is_pdq(query):
                raise InvalidSignal("pdq", "64 small hex digits are wanted")
            found = self._index.search(query, DEFAULT_THRESHOLD)
            return [
                IndexMatch(SignalSimilarityInfoWithIntDistance(distance), self._said[row])
                for row, distance in zip(found.id.tolist(), found.distance.tolist(), strict=True)
            ]

        def add(self, signal_str: str, entry: Any) -> None:  # noqa: ANN401  (whatever the caller says of it)
            """Add a signal."""
            self.add_all([(signal_str, entry)])

        def add_all(self, entries: Iterable[tuple[object, Any]]) -> None:
            """Add signals, equal ones too; those that are malformed are left out and counted."""
            remaining = iter(entries)
            while batch := list(islice(remaining, _BATCH)):
                good = [(value, said) for value, said in batch if _is_pdq(value)]
                if len(good) < len(batch):
                    self.quarantined += len(batch) - len(good)
                    _log.warning("%d malformed signals were left out of an index.", len(batch) - len(good))
                self._take(bytes.fromhex("".join(str(value) for value, _ in good)), [said for _, said in good])

        def _take(self, rows: bytes, said: list[Any]) -> None:
            if not said:
                return
            import numpy as np  # noqa: PLC0415  (an empty index needs none)

            first = len(self._said)
            self._index.add(np.frombuffer(rows, np.uint8).reshape(-1, _BYTES), range(first, first + len(said)))
            self._rows += rows
            self._said += said

        def serialize(self, fout: BinaryIO) -> None:
            """Write the index: a line about it, the signals, and what is said of them as JSON.

            Raises:
                TypeError: What is said of a signal is nothing that JSON can hold. HMA says numbers.
            """
            said = json.dumps(self._said).encode()
            head = {"format": _FORMAT, "count": len(self._said), "quarantined": self.quarantined}
            fout.write(json.dumps(head).encode() + b"\n")
            fout.write(self._rows)
            fout.write(said)

        @classmethod
        def deserialize(cls, fin: BinaryIO) -> HedgerowPdqIndex:
            """Read what `serialize` wrote. Nothing in it is ever run.

            Raises:
                InvalidSignal: It is no such index.
            """
            try:
                head = json.loads(fin.readline(_LONGEST_HEAD))
                is_ours, count, quarantined = head["format"] == _FORMAT, int(head["count"]), int(head["quarantined"])
                rows = fin.read(max(0, count) * _BYTES)
                said = json.loads(fin.read())
            except (ValueError, KeyError, TypeError, RecursionError):
                raise InvalidSignal("pdq", "this is no index of Hedgerow's") from None
            if not is_ours or not isinstance(said, list) or len(rows) != len(said) * _BYTES:
                raise InvalidSignal("pdq", "this is no whole index of Hedgerow's")
            index = cls()
            index._take(rows, said)
            index.quarantined = quarantined
            return index

    class HedgerowPdqSignal(PdqSignal):  # type: ignore[misc,unused-ignore]  # as above
        """PDQ, hashed and indexed by Hedgerow; named ``pdq``, as the one whose place it takes."""

        @classmethod
        def get_name(cls) -> str:
            """Return the name of the signal type whose place it takes."""
            return "pdq"

        @classmethod
        def get_index_cls(cls) -> type[HedgerowPdqIndex]:
            """Return the index of these signals."""
            return HedgerowPdqIndex

        @classmethod
        def validate_signal_str(cls, signal_str: str) -> str:
            """Return the signal if it is one; a newline at its end is no part of one."""
            if not _is_pdq(signal_str):
                raise ValueError("invalid PDQ hash")
            return signal_str

        @classmethod
        def hash_from_bytes(cls, bytes_: bytes) -> str:
            """Hash a picture as a viewer sees it.

            For pictures from strangers run it in a process that can be killed, as `hedgerow serve` does.

            Returns:
                64 hex digits, or the empty text where there are none, as python-threatexchange wants it.
            """
            try:
                signals = hash_bytes(bytes_, ["pdq"], exact=True).signals
            except MediaError as error:
                _log.warning("A picture was not hashed: %s", error.reason)
                return ""
            first = next((signal for signal in signals if signal.type == "pdq"), None)
            if first is None or (first.quality or 0) < cls.QUALITY_THRESHOLD:
                _log.info("A picture was not hashed: %s", "unsupported" if first is None else "low_quality")
                return ""
            return first.value

elif not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in __all__:
            raise ThreatexchangeMissing
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
