"""Workers: what falls due is done, whoever asked for it and whenever that was.

A *job* is one kind of due work with its rhythm; all of them stand in one table (`hedgerow.workers.jobs`). The rows of
the database are the queue: a process that is killed leaves nothing but a lease that runs out, and any number of
processes may work beside one another. *Workers* run every job in a thread of its own, so that none waits for another.
"""

from hedgerow.workers.loop import JobStanding, Workers
from hedgerow.workers.model import Job, Turn, Wiring

__all__ = ["Job", "JobStanding", "Turn", "Wiring", "Workers"]
