"""Ask an HTTP server as fast as it answers, over connections that stay open; print the rate and the waiting times.

    python benchmarks/http_load.py PORT REQUESTS CLIENTS SECONDS

REQUESTS is a file of prepared requests, each with its length in eight bytes before it. No client library has a part in
it, so that what is measured is the server's time and not the client's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path

_LENGTH_BYTES = 8


def pack(requests: list[bytes]) -> bytes:
    """Write prepared requests one after the other."""
    return b"".join(len(each).to_bytes(_LENGTH_BYTES, "big") + each for each in requests)


def unpack(packed: bytes) -> list[bytes]:
    """Read what `pack` wrote."""
    requests = []
    start = 0
    while start < len(packed):
        size = int.from_bytes(packed[start : start + _LENGTH_BYTES], "big")
        start += _LENGTH_BYTES
        requests.append(packed[start : start + size])
        start += size
    return requests


async def _client(port: int, requests: list[bytes], until: float, waits: list[float], statuses: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for count in range(sys.maxsize):
            if time.perf_counter() >= until:
                return
            began = time.perf_counter()
            writer.write(requests[count % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"\r\ncontent-length:")[2].split(b"\r\n", 1)[0])
            if length:
                await reader.readexactly(length)
            waits.append(time.perf_counter() - began)
            statuses[head[9:12].decode("ascii")] += 1
            if b"\r\nconnection: close" in head.lower():
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
    finally:
        writer.close()


async def load(port: int, requests: list[bytes], clients: int, seconds: float) -> dict[str, object]:
    """Ask with so many clients at once for so long."""
    waits: list[float] = []
    statuses: Counter[str] = Counter()
    began = time.perf_counter()
    until = began + seconds
    # Each client begins elsewhere, so that no two ask the same at once.
    step = max(1, len(requests) // clients)
    await asyncio.gather(
        *(
            _client(port, requests[first * step :] + requests[: first * step], until, waits, statuses)
            for first in range(clients)
        )
    )
    took = time.perf_counter() - began
    waits.sort()
    return {
        "requests": len(waits),
        "rate": len(waits) / took,
        "p50_ms": waits[len(waits) // 2] * 1000,
        "p99_ms": waits[min(len(waits) - 1, int(len(waits) * 0.99))] * 1000,
        "statuses": dict(statuses),
    }


def main() -> None:
    """Read the arguments, ask, and print one JSON object."""
    port, path, clients, seconds = sys.argv[1:]
    requests = unpack(Path(path).read_bytes())
    print(json.dumps(asyncio.run(load(int(port), requests, int(clients), float(seconds)))))


if __name__ == "__main__":
    main()
