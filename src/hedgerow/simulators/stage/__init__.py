"""The stage on which partners' services are played: HTTP, faults, a clock, a page and a transcript.

A *play* is one partner's service; a *simulator* is a play on the stage. A *fault* is a failure that was asked for; a
*call* is a line of the transcript, which has no secrets in it.
"""

from hedgerow.simulators.clock import VirtualClock
from hedgerow.simulators.stage.faults import STAGE_FAULTS, Faults, fault_from_text
from hedgerow.simulators.stage.model import Answer, Call, Fault, Play, Request, json_answer
from hedgerow.simulators.stage.remote import RemoteSimulator
from hedgerow.simulators.stage.simulator import Simulator

__all__ = [
    "STAGE_FAULTS",
    "Answer",
    "Call",
    "Fault",
    "Faults",
    "Play",
    "RemoteSimulator",
    "Request",
    "Simulator",
    "VirtualClock",
    "fault_from_text",
    "json_answer",
]
