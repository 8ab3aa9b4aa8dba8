"""The inspection page: what the partner holds, who called, and which faults wait."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from hedgerow.errors import SimulatorSupportMissing
from hedgerow.simulators.stage.model import Answer

if TYPE_CHECKING:
    from hedgerow.simulators.stage.simulator import Simulator

__all__ = ["answer"]

_HEADERS: Final[dict[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""No script, nothing from elsewhere; and nothing of a rehearsal stays in a cache."""

_MOST_ITEMS: Final = 50
_MOST_CALLS: Final = 50


def answer(simulator: Simulator[Any], method: str, path: str) -> Answer:
    """Answer the request for a page."""
    if method != "GET":
        return Answer(405, b"Pages are read only.\n", "text/plain; charset=utf-8", _HEADERS)
    if path == "/style.css":
        style = files("hedgerow.simulators").joinpath("style.css").read_bytes()
        return Answer(200, style, "text/css; charset=utf-8", _HEADERS)
    with simulator.lock:
        items = simulator.play.items()
        count, shown = len(items), list(items[:_MOST_ITEMS])
    page: str = (
        _templates()
        .get_template("stage.html")
        .render(
            title=simulator.play.title,
            url=simulator.url,
            now=simulator.clock.now(),
            stands=simulator.clock.stands_at is not None,
            count=count,
            items=shown,
            columns=list(dict.fromkeys(name for each in shown for name in each)),
            calls=simulator.transcript()[-_MOST_CALLS:][::-1],
            call_count=simulator.call_count,
            kinds=simulator.faults.kinds,
            words=simulator.play.calls,
            waiting=[str(each) for each in simulator.faults.waiting()],
        )
    )
    return Answer(200, page.encode(), "text/html; charset=utf-8", _HEADERS)


@cache
def _templates() -> Any:  # noqa: ANN401  (an environment of Jinja)
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  (only who looks needs it)
    except ImportError:
        raise SimulatorSupportMissing("jinja2") from None
    return Environment(
        loader=PackageLoader("hedgerow.simulators.stage"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
