"""*Conformance suites* for those who write a plug-in: subclass one, name your object, run pytest.

Each suite holds what its protocol owes, so that a stranger's hasher is held to the same promises as ours.
"""

from hedgerow.testing.hasher import PictureHasherConformance

__all__ = ["PictureHasherConformance"]
