"""All pages, in the order of their paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Depends, Request

from hedgerow.app.oidc import Provider
from hedgerow.errors import KeyRefused
from hedgerow.web.callers import permission_of, shown_key
from hedgerow.web.pages import (
    account,
    api_keys,
    audit,
    authenticator,
    bank_filling,
    bank_judging,
    banks,
    case,
    case_questions,
    cases,
    deliveries,
    endpoints,
    evidence,
    evidence_requests,
    exchange_settings,
    exchanges,
    explaining,
    exposure,
    files,
    filing,
    first_run,
    insight,
    logging_in,
    lookbacks,
    media,
    preferences,
    provider,
    report_drafts,
    reports,
    sharing,
    shield,
    team,
    today,
    welcome,
)

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI

__all__ = ["add_pages", "prepare_pages"]

_ROUTERS = (
    today.router,
    cases.router,
    case.router,
    case_questions.router,
    reports.router,
    report_drafts.router,
    filing.router,
    evidence_requests.router,
    evidence.router,
    banks.router,
    bank_filling.router,
    bank_judging.router,
    lookbacks.router,
    exchanges.router,
    exchange_settings.router,
    shield.router,
    sharing.router,
    deliveries.router,
    endpoints.router,
    api_keys.router,
    first_run.router,
    logging_in.router,
    provider.router,
    welcome.router,
    account.router,
    preferences.router,
    authenticator.router,
    explaining.router,
    exposure.router,
    media.router,
    team.router,
    insight.router,
    audit.router,
    files.router,
)


def add_pages(whole: APIRouter) -> None:
    """Put the pages among the routes of an application; they stand in no OpenAPI document: no program should read them.

    Args:
        whole: All of its routes.
    """
    for router in _ROUTERS:
        whole.include_router(router, include_in_schema=False, dependencies=[Depends(people_only)])


def prepare_pages(app: FastAPI) -> None:
    """Give an application what its pages need beside its service."""
    oidc = app.state.service.settings.oidc
    app.state.provider = None if oidc.issuer is None else Provider(oidc)


async def people_only(request: Request) -> None:
    """Refuse programs: a page is for somebody with a session, whatever the scopes of a key would open.

    Raises:
        KeyRefused: A key is shown to a page that asks for a permission.
    """
    if shown_key(request) is not None and permission_of(request.scope["route"]) is not None:
        raise KeyRefused
