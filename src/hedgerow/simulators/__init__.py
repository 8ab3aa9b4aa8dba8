"""Partners' services played on this machine, for rehearsals and tests.

A *simulator* answers as strictly as the real service, and may be told to fail; it shares no judgement with the rooms
that speak to the service. The CyberTipline's has its own sockets; all others are plays on the stage.
"""

from hedgerow.simulators.cybertipline import CyberTiplineSimulator
from hedgerow.simulators.stage import Simulator

__all__ = ["CyberTiplineSimulator", "Simulator"]
