"""A simulator, somebody who calls it, and documents to send."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from lxml import etree

from hedgerow.simulators.cybertipline import CyberTiplineSimulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hedgerow.simulators.cybertipline import SimulatedReport

__all__ = ["Caller"]

EXAMPLES = Path(__file__).parent / "examples"
XML = {"content-type": "text/xml; charset=utf-8"}
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def example(name: str) -> bytes:
    return (EXAMPLES / f"{name}.xml").read_bytes()


class Caller:
    """Somebody who files reports by hand."""

    def __init__(self, simulator: CyberTiplineSimulator) -> None:
        self.simulator = simulator
        # To read the machine's certificates for each client takes longer than the calls.
        self.client = httpx.Client(
            base_url=simulator.url,
            auth=("simulator", "simulator"),
            timeout=20,
            verify=False,  # noqa: S501  (plain HTTP)
        )

    def code(self, reply: httpx.Response) -> int:
        found = etree.fromstring(reply.content).findtext("responseCode")
        assert found is not None
        return int(found)

    def submit(self, document: bytes | None = None) -> httpx.Response:
        return self.client.post(
            "/submit", content=example("report_minimal") if document is None else document, headers=XML
        )

    def opened(self, document: bytes | None = None) -> int:
        reply = self.submit(document)
        number = etree.fromstring(reply.content).findtext("reportId")
        assert number is not None, reply.text
        return int(number)

    def upload(self, report: object, content: Any = b"some bytes", name: str = "a.jpg") -> httpx.Response:
        return self.client.post("/upload", data={"id": str(report)}, files={"file": (name, content)})

    def uploaded(self, report: int, content: bytes = b"some bytes") -> str:
        file = etree.fromstring(self.upload(report, content).content).findtext("fileId")
        assert file is not None
        return file

    def describe(self, report: object, file: str, inside: str = "") -> httpx.Response:
        document = f"<fileDetails><reportId>{report}</reportId><fileId>{file}</fileId>{inside}</fileDetails>"
        return self.client.post("/fileinfo", content=document.encode(), headers=XML)

    def finish(self, report: object) -> httpx.Response:
        return self.client.post("/finish", data={"id": str(report)})

    def retract(self, report: object) -> httpx.Response:
        return self.client.post("/retract", data={"id": str(report)})

    def state(self, report: int) -> str:
        found = self.simulator.report(report)
        assert found is not None
        return found.state

    def only_report(self) -> SimulatedReport:
        (report,) = self.simulator.reports()
        return report


@pytest.fixture
def simulator() -> Iterator[CyberTiplineSimulator]:
    with CyberTiplineSimulator(stands_at=START) as running:
        yield running


@pytest.fixture
def calling() -> Iterator[Callable[[CyberTiplineSimulator], Caller]]:
    made: list[Caller] = []

    def call(simulator: CyberTiplineSimulator) -> Caller:
        made.append(Caller(simulator))
        return made[-1]

    yield call
    for each in made:
        each.client.close()


@pytest.fixture
def caller(simulator: CyberTiplineSimulator, calling: Callable[[CyberTiplineSimulator], Caller]) -> Caller:
    return calling(simulator)


@pytest.fixture(scope="session")
def reference() -> Path:
    """Give the folder of reference examples and facts: shared/reference/cybertip beside the checkout."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "reference" / "cybertip"
    for place in (folder, Path(__file__).resolve().parents[4] / "shared" / "reference" / "cybertip"):
        if (place / "schema_facts.json").is_file():
            return place
    pytest.skip(f"NO REFERENCE EXAMPLES at {folder}: this test checked NOTHING.")
