"""The certificates of the public authorities, by which those whom we call over HTTPS are known."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

__all__ = ["public_certificates"]


@cache
def public_certificates() -> ssl.SSLContext:
    """Read them, once in a process: that takes longer than many a call. Others are taken in by a restart."""
    import httpx  # noqa: PLC0415  (only who calls somebody needs it)

    return httpx.create_ssl_context(trust_env=False)
