"""The pages that people see: logging in, the first password, one's own account, how things stand today.

A *page* is plain HTML made here, which works without any script; a *form* posts to its own page and proves that it is
of this session. Pages load nothing from elsewhere and hold nothing that their reader may not see.
"""

from hedgerow.web.pages.errors import ErrorPages
from hedgerow.web.pages.routes import add_pages, prepare_pages

__all__ = ["ErrorPages", "add_pages", "prepare_pages"]
