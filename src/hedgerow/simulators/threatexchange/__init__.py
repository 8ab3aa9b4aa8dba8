"""A stand-in for the part of Meta's Graph API that is called ThreatExchange.

An *indicator* is one known signal. A *descriptor* is what one app (its *owner*) says about an indicator, and to whom it
shows it; a *reaction* is what an app says about the descriptor of another. A *privacy group* is a set of apps; its
*updates* are the indicators that are shared with it, the last changed last, and for a while those that no longer are.
"""

from hedgerow.simulators.threatexchange.model import (
    INDICATOR_TYPES,
    REACTIONS,
    STATUSES,
    TOMBSTONE_LIFE,
    Expected,
    Written,
)
from hedgerow.simulators.threatexchange.play import ThreatExchangePlay

__all__ = [
    "INDICATOR_TYPES",
    "REACTIONS",
    "STATUSES",
    "TOMBSTONE_LIFE",
    "Expected",
    "ThreatExchangePlay",
    "Written",
]
