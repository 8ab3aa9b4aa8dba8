"""The *command line*: each command checks what was asked, calls a room, and shows the answer."""

import hedgerow.cli.collecting  # noqa: F401  (for what it does, and first: click alone makes enough to look through)
from hedgerow.cli.root import main

__all__ = ["main"]
