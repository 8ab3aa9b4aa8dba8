"""All pages, in the order of their paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgerow.app.oidc import Provider
from hedgerow.web.pages import account, authenticator, explaining, files, logging_in, provider, today, welcome

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["add_pages"]

_ROUTERS = (
    today.router,
    logging_in.router,
    provider.router,
    welcome.router,
    account.router,
    authenticator.router,
    explaining.router,
    files.router,
)


def add_pages(app: FastAPI) -> None:
    """Let an application show the pages; they stand in no OpenAPI document, since no program should read them."""
    oidc = app.state.service.settings.oidc
    app.state.provider = None if oidc.issuer is None else Provider(oidc)
    for router in _ROUTERS:
        app.include_router(router, include_in_schema=False)
