"""A stand-in for NCMEC's CyberTipline reporting interface.

It judges every call and document as strictly as the public documentation says, forgets nothing, sends nothing on, and
fails when it is asked to. A *fault* is a failure that was asked for; a *simulated report* is what the authority would
have received.
"""

from hedgerow.simulators.clock import VirtualClock
from hedgerow.simulators.cybertipline.control import RemoteSimulator
from hedgerow.simulators.cybertipline.faults import Faults
from hedgerow.simulators.cybertipline.model import (
    CALLS,
    CODES,
    FAULT_KINDS,
    Fault,
    SimulatedCall,
    SimulatedFile,
    SimulatedReport,
    fault_from_text,
)
from hedgerow.simulators.cybertipline.simulator import CyberTiplineSimulator

__all__ = [
    "CALLS",
    "CODES",
    "FAULT_KINDS",
    "CyberTiplineSimulator",
    "Fault",
    "Faults",
    "RemoteSimulator",
    "SimulatedCall",
    "SimulatedFile",
    "SimulatedReport",
    "VirtualClock",
    "fault_from_text",
]
