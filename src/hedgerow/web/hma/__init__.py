"""The door for clients of Meta's Hasher-Matcher-Actioner: its paths, its shapes, and not its defects.

An *ask* is a request that was read; a *handler* takes it and answers. What differs from HMA stands in
``docs/guides/move-from-hma.md``, with a test for each line of it.
"""

from hedgerow.web.hma.app import HmaApp, InFront, hma_app

__all__ = ["HmaApp", "InFront", "hma_app"]
