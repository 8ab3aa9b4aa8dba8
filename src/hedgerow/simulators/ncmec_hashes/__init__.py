"""A stand-in for NCMEC Hash Sharing, version 2: seven lists of made-up entries, and what their members think of them.

An *entry* is what a member says about one picture or video; it has one time, which every change moves. A *tombstone*
is an entry that was deleted. A *vote* is what a member thinks of one fingerprint of another member's entry.
"""

from hedgerow.simulators.ncmec_hashes.model import (
    CALLER_MEMBER,
    ENVIRONMENTS,
    MEMBERS,
    TAKE_IT_DOWN_MEMBER,
    Entry,
    Vote,
)
from hedgerow.simulators.ncmec_hashes.play import Mutation, NcmecHashesPlay

__all__ = [
    "CALLER_MEMBER",
    "ENVIRONMENTS",
    "MEMBERS",
    "TAKE_IT_DOWN_MEMBER",
    "Entry",
    "Mutation",
    "NcmecHashesPlay",
    "Vote",
]
