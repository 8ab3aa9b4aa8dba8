"""A process that forks filers on demand, so that a test can kill one at any moment without waiting for imports.

On standard input: one JSON object with where everything is, then the number of a report on each line. On standard
output: the child's process id, and once it has ended its status, each on a line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgerow import evidence
from hedgerow.database import open_database
from hedgerow.database.sealing import ServiceKeys
from hedgerow.evidence import ReviewKeys
from hedgerow.evidence.vaults import LocalVault
from hedgerow.reports.arming import SoloRule
from hedgerow.reports.cybertipline.client import require_client
from hedgerow.reports.cybertipline.filing import Filer
from hedgerow.reports.filing_model import ACTIVE
from hedgerow.reports.finding import find_report
from hedgerow.reports.preserving import sealer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FASTER", "LEASE", "work"]

FASTER = 600
"""Our clock's seconds in a real one: a lease of ten minutes is a second."""

LEASE = timedelta(minutes=10)

_GIVES_UP_S = 60.0


def work(said: dict[str, Any], number: int) -> None:
    """File a report until there is nothing more to do for it."""
    base, began = datetime.fromisoformat(said["base"]), said["began"]

    def now() -> datetime:
        return base + timedelta(seconds=(time.time() - began) * FASTER)

    database = open_database(Path(said["data"]), said["url"])
    keys = ServiceKeys((bytes(range(32)),))
    review_keys, vault = ReviewKeys.of_service(keys), LocalVault(Path(said["vault"]))

    def source(evidence_id: int) -> Iterator[bytes]:
        with database.read() as connection:
            found = evidence.find_evidence(connection, evidence_id)
        return evidence.open_evidence(found, vault, review_keys)

    filer = Filer(
        database,
        keys,
        source,
        seal=sealer(review_keys, rehearse=False, now=now),
        test_address=said["address"],
        solo=SoloRule(),
        now=now,
        lease=LEASE,
    )
    until = time.monotonic() + _GIVES_UP_S
    while time.monotonic() < until:
        with database.read() as connection:
            if find_report(connection, number).state not in ACTIVE:
                return
        if not filer.run_one(only=number):
            time.sleep(0.01)
    raise SystemExit(9)


def main() -> None:
    require_client()
    said = json.loads(sys.stdin.readline())
    for line in sys.stdin:
        child = os.fork()
        if not child:
            status = 1
            try:
                work(said, int(line))
                status = 0
            finally:
                os._exit(status)
        print(child, flush=True)  # noqa: T201  (what the test waits for)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201  (as above)


if __name__ == "__main__":
    main()
