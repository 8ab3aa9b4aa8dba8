"""How filing stands: credentials, who switched real reports on, and where each system is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from hedgerow.app.clock import now
from hedgerow.app.serving import reports as serving
from hedgerow.app.serving.report_pages import names_of
from hedgerow.errors import AuthorityNotReady
from hedgerow.reports import arming
from hedgerow.reports.arming import DECLARATION
from hedgerow.reports.filing_model import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from hedgerow.app.serving.reports import EnvironmentStanding
    from hedgerow.database import Database
    from hedgerow.reports.arming import SoloRule
    from hedgerow.reports.filing_model import Arming
    from hedgerow.settings import Settings

__all__ = ["FilingShown", "filing"]

_AUTHORITY: Final = "cybertipline"


@dataclass(frozen=True, slots=True)
class FilingShown:
    """How filing stands, for who looks after it.

    Attributes:
        environments: Both systems.
        environment: Into which a new draft goes.
        arming: Who switched real reports on, or has asked for it; None for nobody.
        is_armed: Whether real reports can be sent now.
        solo: What one person alone may do.
        declaration: What one person alone types, word for word.
        agree_within: How long a wish to switch them on waits for the second person.
        on_this_machine: The systems of which the address is of this machine: simulators.
        names: Who is who.
        at: When this was looked at.
    """

    environments: tuple[EnvironmentStanding, ...]
    environment: Environment
    arming: Arming | None
    is_armed: bool
    solo: SoloRule
    declaration: str
    agree_within: timedelta
    on_this_machine: frozenset[str]
    names: Mapping[str, str]
    at: datetime


def filing(settings: Settings, database: Database) -> FilingShown:
    """Look at how filing stands."""
    at = now()
    solo = serving.solo_rule(settings)
    with database.read() as connection:
        environments = serving.environments_of(settings, connection, at)
        found = arming.find_arming(connection, _AUTHORITY, now=at)
        try:
            arming.armed(connection, _AUTHORITY, solo=solo, now=at)
            is_armed = True
        except AuthorityNotReady:
            is_armed = False
        actors = [each.credentials.set_by for each in environments]
        actors += [] if found is None else [found.first_by, found.second_by]
        return FilingShown(
            environments,
            Environment(settings.reports.environment),
            found,
            is_armed,
            solo,
            DECLARATION,
            arming.AGREE_WITHIN,
            frozenset(str(each.environment) for each in environments if _is_of_this_machine(each.address)),
            names_of(connection, actors),
            at,
        )


def _is_of_this_machine(address: str | None) -> bool:
    host = urlsplit(address or "").hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")
