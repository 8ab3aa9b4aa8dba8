"""Screening: walk one submission through the house, from media to case.

A *submission* is media, or ready-made signals, that a platform sent to be checked, with its *context*: whose it is and
where it was. The *answer* says what matched, what the policy wants, which case people will decide in, and whether
anything could not be checked. Every door screens through here, and every answer is recorded before it is given.
"""

from hedgerow.screening.model import Context, Screened
from hedgerow.screening.screen import Screener

__all__ = ["Context", "Screened", "Screener"]
