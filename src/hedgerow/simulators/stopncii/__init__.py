"""A stand-in for StopNCII.org's interface for platforms.

A *case* is a person who asked for a hash to be kept from spreading; a hash may belong to several. A *set* is what
changed since a moment, given out in pages; a *page token* leads from one page to the next and soon ends.
"""

from hedgerow.simulators.stopncii.model import (
    CASE_STATUSES,
    ENDED_STATUSES,
    FEEDBACK_VALUES,
    SIGNAL_TYPES,
    GivenFeedback,
    made_up_records,
)
from hedgerow.simulators.stopncii.play import StopNciiPlay

__all__ = [
    "CASE_STATUSES",
    "ENDED_STATUSES",
    "FEEDBACK_VALUES",
    "SIGNAL_TYPES",
    "GivenFeedback",
    "StopNciiPlay",
    "made_up_records",
]
