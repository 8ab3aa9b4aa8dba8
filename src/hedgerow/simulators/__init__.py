"""Partners' services played on this machine, for rehearsals and tests.

A *simulator* answers as strictly as the real service, and may be told to fail; it shares no judgement with the rooms
that speak to the service.
"""

from hedgerow.simulators.cybertipline import CyberTiplineSimulator

__all__ = ["CyberTiplineSimulator"]
