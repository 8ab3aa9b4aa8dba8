"""The pages that show what the authority would have received."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import SimulatorSupportMissing
from hedgerow.simulators.cybertipline.model import FAULT_KINDS
from hedgerow.simulators.cybertipline.words import indented, sections

if TYPE_CHECKING:
    from hedgerow.simulators.cybertipline.simulator import CyberTiplineSimulator

__all__ = ["HEADERS", "answer"]

HEADERS: Final[dict[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""No script, nothing from elsewhere; and nothing of a rehearsal stays in a cache."""

_HTML: Final = "text/html; charset=utf-8"
_TEXT: Final = "text/plain; charset=utf-8"
_MOST_CALLS: Final = 500
_STATES: Final = {
    "open": "open: not finished yet",
    "finished": "finished",
    "retracted": "retracted by the caller",
    "expired": "deleted: left unfinished for too long",
}


def answer(simulator: CyberTiplineSimulator, method: str, path: str) -> tuple[int, bytes, str]:
    """Answer the request for a page.

    Returns:
        HTTP status, body, and content type.
    """
    parts = path.strip("/").split("/")
    if method != "GET":
        return 405, b"Pages are read only.\n", _TEXT
    match parts:
        case [""]:
            return 200, _page(simulator, "reports.html", reports=simulator.reports()[::-1]), _HTML
        case ["calls"]:
            calls = simulator.calls()[-_MOST_CALLS:][::-1]
            waiting = simulator.faults.waiting()
            return 200, _page(simulator, "calls.html", calls=calls, kinds=FAULT_KINDS, waiting=waiting), _HTML
        case ["style.css"]:
            return 200, files("hedgerow.simulators").joinpath("style.css").read_bytes(), "text/css; charset=utf-8"
        case ["reports", number, *rest] if number.isdecimal():
            return _report(simulator, int(number), rest)
    return 404, _page(simulator, "missing.html"), _HTML


def _report(simulator: CyberTiplineSimulator, number: int, rest: list[str]) -> tuple[int, bytes, str]:
    report = simulator.report(number)
    if report is None:
        return 404, _page(simulator, "missing.html"), _HTML
    match rest:
        case []:
            page = _page(
                simulator,
                "report.html",
                report=report,
                sections=sections(report.document),
                text=indented(report.document),
                sha256=hashlib.sha256(report.document).hexdigest(),
                details={
                    file.id: None if file.details is None else (sections(file.details), indented(file.details))
                    for file in report.files
                },
                calls=simulator.calls(number),
            )
            return 200, page, _HTML
        case ["document"]:
            return 200, report.document, _TEXT
        case ["files", name, "details"]:
            found = next((file.details for file in report.files if file.id == name), None)
            if found is not None:
                return 200, found, _TEXT
    return 404, _page(simulator, "missing.html"), _HTML


@cache
def _templates() -> Any:  # noqa: ANN401  (an environment of Jinja)
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  (only who looks needs it)
    except ImportError:
        raise SimulatorSupportMissing("jinja2") from None
    return Environment(
        loader=PackageLoader("hedgerow.simulators.cybertipline"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _page(simulator: CyberTiplineSimulator, name: str, **said: Any) -> bytes:  # noqa: ANN401  (what the template takes)
    page: str = (
        _templates()
        .get_template(name)
        .render(now=simulator.clock.now(), stands=simulator.clock.stands_at is not None, states=_STATES, **said)
    )
    return page.encode()
