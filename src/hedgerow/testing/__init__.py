"""*Conformance suites* for those who write a plug-in: subclass one, name your object, run pytest.

Each suite holds what its protocol owes, so that a stranger's hasher, vault or partner is held to the same
promises as ours.
"""

from hedgerow.testing.hasher import PictureHasherConformance
from hedgerow.testing.partner import PartnerConformance, PartnerWorld
from hedgerow.testing.vault import VaultConformance

__all__ = ["PartnerConformance", "PartnerWorld", "PictureHasherConformance", "VaultConformance"]
