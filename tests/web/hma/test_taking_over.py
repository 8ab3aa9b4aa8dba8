"""Banks are taken over through the API of an HMA; a door of ours stands in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hedgerow.app.taking_over import take_over_hma
from hedgerow.errors import HmaUnreadable
from hedgerow.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

__all__: list[str] = []

P = "f8f8f0cee0f4a84f0e37022a078f63f0b36e2ed596221e1d33e6339c4e9c9b22"


def test_banks_are_taken_over_through_the_api(
    client: httpx.Client, serve: Callable[..., httpx.Client], data: Path
) -> None:
    for name in ("ONE", "OTHER"):
        client.post("/c/banks", json={"name": name, "enabled_ratio": 0.5})
    for bank, note in (("ONE", "first"), ("OTHER", None), ("ONE", None), ("OTHER", "last")):
        client.post(f"/c/bank/{bank}/signal", json={"pdq": P} if note is None else {"pdq": P, "note": note})
    client.delete("/c/bank/ONE/content/3")
    client.put("/c/bank/OTHER/content/4", json={"disable_until_ts": 0})
    settings = load_settings(data=data, jobs=1)
    taken = take_over_hma(settings, str(client.base_url), is_api=True, gap=5)
    assert [(each.name, each.contents, each.signals) for each in taken] == [("ONE", 1, 1), ("OTHER", 2, 1)]
    here = serve()
    for path in (
        "/c/banks",
        "/c/bank/ONE/content/1?include_signals=true",
        "/c/bank/OTHER/content/4?include_signals=true",
    ):
        assert here.get(path).json() == client.get(path).json()
    assert here.post("/c/bank/ONE/signal", json={"pdq": P}).json()["id"] == 5


def test_what_is_no_hma_is_said_to_be_none(client: httpx.Client, data: Path) -> None:
    settings = load_settings(data=data, jobs=1)
    for url in ("http://127.0.0.1:1", f"{client.base_url}somewhere", "nonsense"):
        with pytest.raises(HmaUnreadable) as refused:
            take_over_hma(settings, url, is_api=True, gap=5)
        assert "127.0.0.1" not in str(refused.value)
