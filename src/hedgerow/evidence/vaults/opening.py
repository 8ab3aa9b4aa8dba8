"""Which vault the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from hedgerow.evidence.vaults.local import LocalVault

if TYPE_CHECKING:
    from hedgerow.evidence.vaults.vault import Vault
    from hedgerow.settings import Settings

__all__ = ["open_vault"]

_FOLDER: Final = "vault"


def open_vault(settings: Settings) -> Vault:
    """Return the vault of the settings: a folder, or a place in an object store. Nothing is asked of it yet.

    Raises:
        EvidenceSupportMissing: The package obstore is not installed, and the vault is in an object store.
        VaultUnavailable: What the settings say of the object store does not fit together.
    """
    stated = settings.evidence.vault
    scheme, _, rest = stated.partition(":") if stated else ("file", ":", _FOLDER)
    if scheme == "file":
        path = rest.removeprefix("//") if rest.startswith("///") else rest
        return LocalVault(settings.data / Path(path))
    from hedgerow.evidence.vaults.s3 import S3Vault  # noqa: PLC0415  (obstore is of the extra `s3`)

    return S3Vault.of(settings.evidence)
