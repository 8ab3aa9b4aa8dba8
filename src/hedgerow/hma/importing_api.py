"""Read the banks of an HMA through its own API, where its database is out of reach.

HMA lists no contents: each number is asked for, from 1 on, until so many in a row name none. That takes a request for
each number and, where none of it is there, one for each bank.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import HmaUnreadable, ServerSupportMissing
from hedgerow.hma.importing import HmaBank, HmaContent, read_content

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    import httpx

__all__ = ["open_api"]

_TIMEOUT_S: Final = 60.0
_FOUND, _MISSING = 200, 404


@contextmanager
def open_api(url: str, *, gap: int) -> Iterator[_Api]:
    """Give the banks of an HMA.

    Args:
        url: Where it answers, such as ``http://hma.internal:5100``.
        gap: After so many numbers in a row that name no content there are none any more.

    Raises:
        HmaUnreadable: It does not answer, or not as an HMA does.
        ServerSupportMissing: httpx is not installed.
    """
    try:
        import httpx  # noqa: PLC0415  (of the extra `server`)
    except ImportError:
        raise ServerSupportMissing("httpx") from None
    try:
        with httpx.Client(base_url=url.rstrip("/"), timeout=_TIMEOUT_S) as client:
            yield _Api(client, gap)
    except (httpx.HTTPError, httpx.InvalidURL) as error:  # its words may hold the address
        raise HmaUnreadable(f"it does not answer ({type(error).__name__})") from None


class _Api:
    """The banks behind an HMA's API, all of which are read at once."""

    def __init__(self, client: httpx.Client, gap: int) -> None:
        self._client = client
        self._gap = gap
        self._contents: dict[str, list[Any]] | None = None

    def banks(self) -> list[HmaBank]:
        """List the banks."""
        exchanges = set(self._ask("/c/exchanges") or ())
        return [
            HmaBank(number, bank["name"], float(bank["matching_enabled_ratio"]), bank["name"] in exchanges)
            for number, bank in enumerate(self._ask("/c/banks") or (), 1)
        ]

    def contents(self, bank: HmaBank, left_out: Counter[str]) -> Iterator[HmaContent]:
        """Go through the contents of a bank by number."""
        if self._contents is None:
            self._contents = self._read_all([each.name for each in self.banks()])
        for told in self._contents.get(bank.name, ()):
            metadata = told.get("metadata")
            said = {name: value for name, value in (metadata or {}).items() if value is not None}
            yield read_content(
                told["id"], told["disable_until_ts"], told.get("note"), said or None, told.get("signals", {}), left_out
            )

    def _read_all(self, banks: list[str]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        number = missing = 0
        while banks and missing < self._gap:
            number += 1
            missing += 1
            for name in banks:
                told = self._ask(f"/c/bank/{name}/content/{number}?include_signals=true")
                if told is not None:
                    # HMA 1.1.7 shows a content through every bank, and says whose it is.
                    found.setdefault(told["bank"]["name"], []).append(told)
                    banks.insert(0, banks.pop(banks.index(name)))  # the next is likely to be in the same
                    missing = 0
                    break
        return found

    def _ask(self, path: str) -> Any:  # noqa: ANN401  (whatever it answers)
        response = self._client.get(path)
        if response.status_code == _MISSING:
            return None
        if response.status_code != _FOUND:
            raise HmaUnreadable(f"it answers {response.status_code}")
        try:
            return response.json()
        except ValueError:
            raise HmaUnreadable("it answers what is no JSON") from None
