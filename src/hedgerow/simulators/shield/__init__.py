"""A stand-in for Project Arachnid's Shield, as far as it is asked about hashes.

A *breach* is anything sent to it that is not a question about hashes: it is refused and remembered, so that a test can
say that none ever happened.
"""

from hedgerow.simulators.shield.model import CLASSIFICATIONS, NO_KNOWN_MATCH, Breach
from hedgerow.simulators.shield.play import ShieldPlay

__all__ = ["CLASSIFICATIONS", "NO_KNOWN_MATCH", "Breach", "ShieldPlay"]
