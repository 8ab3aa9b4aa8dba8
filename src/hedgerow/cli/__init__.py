"""The *command line*: each command checks what was asked, calls a room, and shows the answer."""

from hedgerow.cli.root import main

__all__ = ["main"]
