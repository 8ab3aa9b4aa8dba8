"""What PyPI's `threatexchange` does behind a minimal WSGI application: HMA's two matching routes, and nothing else.

HMA itself adds a database to this (hma's own figures are lower); here the peer has the same routes, the same signals in
the same kind of memory, and no database at all.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from threatexchange.signal_type.pdq.signal import PdqSignal

if TYPE_CHECKING:
    from collections.abc import Iterable

_ENTRIES = Path(os.environ["SERVICE_PEER_ENTRIES"]).read_text("ascii").split()
INDEX = PdqSignal.get_index_cls().build([(value, number) for number, value in enumerate(_ENTRIES, 1)])
del _ENTRIES


def _matches(signal: str) -> dict[str, Any]:
    found = INDEX.query(signal)
    return {
        "BANK": [{"bank_content_id": each.metadata, "distance": str(each.similarity_info.distance)} for each in found]
    }


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401  (WSGI)
    """Answer ``GET /m/lookup`` with a signal, and ``POST /m/lookup`` with a picture."""
    if environ["REQUEST_METHOD"] == "GET":
        query = parse_qs(environ["QUERY_STRING"])
        told = _matches(query["signal"][0])
    else:
        data = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        with tempfile.NamedTemporaryFile() as file:  # pytx hashes files
            file.write(data)
            file.flush()
            told = {"pdq": _matches(PdqSignal.hash_from_file(Path(file.name)))}
    body = json.dumps(told, sort_keys=True).encode()
    start_response("200 OK", [("content-type", "application/json"), ("content-length", str(len(body)))])
    return [body]
