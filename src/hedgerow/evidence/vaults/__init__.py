"""A *vault* keeps *objects*: bytes under a name of 32 hexadecimal digits, written once and whole, and never altered.

It knows nothing of what they mean: everything is encrypted before it comes here (`hedgerow.evidence.stream`). There is
one in a folder and one in an object store; `hedgerow.testing.VaultConformance` holds what every vault owes.
"""

from hedgerow.evidence.vaults.local import LocalVault
from hedgerow.evidence.vaults.opening import open_vault
from hedgerow.evidence.vaults.vault import Stored, Vault, check_name, new_name

__all__ = ["LocalVault", "Stored", "Vault", "check_name", "new_name", "open_vault"]
