"""A stand-in for another Hedgerow that shares lists (the protocol hedgerow-feed/1).

A *shared list* is a set of entries in the order of their last change, deleted ones too. An *epoch* is the time in which
the numbers of the changes count upwards; when the other side is restored from a backup, another epoch begins, and every
cursor of the one before is gone.
"""

from hedgerow.simulators.feed.model import FORMAT, FeedEntry, FeedKey, FeedOpinion
from hedgerow.simulators.feed.play import FeedPlay
from hedgerow.simulators.feed.shared_list import SharedList

__all__ = ["FORMAT", "FeedEntry", "FeedKey", "FeedOpinion", "FeedPlay", "SharedList"]
