"""The web door: programs ask here, over HTTP, and people will.

A *caller* is whoever shows an API key or a session; a *route* names the one permission it needs, and calls one function
of the hallway. A *problem* is how an error looks on the wire. Nothing is decided here.
"""

from hedgerow.web.app import create_app

__all__ = ["create_app"]
