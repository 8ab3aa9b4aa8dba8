"""Accounts: who may do what, and how they prove who they are.

A *user* is a person with *roles*; a *permission* is one thing that may be done, and one table says which roles have it.
A *session* is what follows a login; a *one-time link* lets its holder choose a password once. An *API key* is what a
program shows; its *scopes* are permissions. What is not permitted is denied, and everything here leaves its line in the
audit chain.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow.accounts.changes import latest_account_change
    from hedgerow.accounts.finding import find_user, find_user_by_id, has_users, list_users
    from hedgerow.accounts.keys import (
        authenticate_key,
        create_key,
        find_key,
        list_keys,
        note_key_uses,
        record_refused_key,
        revoke_key,
    )
    from hedgerow.accounts.links import (
        find_link,
        make_first_admin_link,
        make_link,
        record_refused_link,
        use_first_admin_link,
        use_link,
    )
    from hedgerow.accounts.logins import begin_login, finish_confirmation, finish_login, log_in_by_oidc, set_up_totp
    from hedgerow.accounts.model import (
        ApiKey,
        LinkPurpose,
        LoggedIn,
        LoginAttempt,
        LoginOutcome,
        LoginPolicy,
        NewKey,
        NewLink,
        OneTimeLink,
        PasswordCheck,
        Permission,
        Role,
        Session,
        SessionPolicy,
        User,
    )
    from hedgerow.accounts.passwords import dummy_hash, hash_password, verify_password
    from hedgerow.accounts.preferences import Preferences, preferences_of, save_preferences
    from hedgerow.accounts.records import (
        change_roles,
        create_user,
        disable_user,
        enable_user,
        link_oidc,
        record_denial,
        remove_totp,
        set_password,
        unlink_oidc,
        unlock_user,
    )
    from hedgerow.accounts.rules import ROLE_PERMISSIONS, SCOPES, check_password, check_permission, permissions_of
    from hedgerow.accounts.sessions import (
        end_lapsed_sessions,
        end_session,
        find_session,
        is_worth_noting,
        list_sessions,
        note_request,
    )
    from hedgerow.accounts.tokens import csrf_token, is_csrf_token
    from hedgerow.accounts.totp import enrolment_address, new_secret

__all__ = [
    "ROLE_PERMISSIONS",
    "SCOPES",
    "ApiKey",
    "LinkPurpose",
    "LoggedIn",
    "LoginAttempt",
    "LoginOutcome",
    "LoginPolicy",
    "NewKey",
    "NewLink",
    "OneTimeLink",
    "PasswordCheck",
    "Permission",
    "Preferences",
    "Role",
    "Session",
    "SessionPolicy",
    "User",
    "authenticate_key",
    "begin_login",
    "change_roles",
    "check_password",
    "check_permission",
    "create_key",
    "create_user",
    "csrf_token",
    "disable_user",
    "dummy_hash",
    "enable_user",
    "end_lapsed_sessions",
    "end_session",
    "enrolment_address",
    "find_key",
    "find_link",
    "find_session",
    "find_user",
    "find_user_by_id",
    "finish_confirmation",
    "finish_login",
    "has_users",
    "hash_password",
    "is_csrf_token",
    "is_worth_noting",
    "latest_account_change",
    "link_oidc",
    "list_keys",
    "list_sessions",
    "list_users",
    "log_in_by_oidc",
    "make_first_admin_link",
    "make_link",
    "new_secret",
    "note_key_uses",
    "note_request",
    "permissions_of",
    "preferences_of",
    "record_denial",
    "record_refused_key",
    "record_refused_link",
    "remove_totp",
    "revoke_key",
    "save_preferences",
    "set_password",
    "set_up_totp",
    "unlink_oidc",
    "unlock_user",
    "use_first_admin_link",
    "use_link",
    "verify_password",
]

_HOME = {
    "ROLE_PERMISSIONS": "hedgerow.accounts.rules",
    "SCOPES": "hedgerow.accounts.rules",
    "ApiKey": "hedgerow.accounts.model",
    "LinkPurpose": "hedgerow.accounts.model",
    "LoggedIn": "hedgerow.accounts.model",
    "LoginAttempt": "hedgerow.accounts.model",
    "LoginOutcome": "hedgerow.accounts.model",
    "LoginPolicy": "hedgerow.accounts.model",
    "NewKey": "hedgerow.accounts.model",
    "NewLink": "hedgerow.accounts.model",
    "OneTimeLink": "hedgerow.accounts.model",
    "PasswordCheck": "hedgerow.accounts.model",
    "Permission": "hedgerow.accounts.model",
    "Preferences": "hedgerow.accounts.preferences",
    "Role": "hedgerow.accounts.model",
    "Session": "hedgerow.accounts.model",
    "SessionPolicy": "hedgerow.accounts.model",
    "User": "hedgerow.accounts.model",
    "authenticate_key": "hedgerow.accounts.keys",
    "begin_login": "hedgerow.accounts.logins",
    "change_roles": "hedgerow.accounts.records",
    "check_password": "hedgerow.accounts.rules",
    "check_permission": "hedgerow.accounts.rules",
    "create_key": "hedgerow.accounts.keys",
    "create_user": "hedgerow.accounts.records",
    "csrf_token": "hedgerow.accounts.tokens",
    "disable_user": "hedgerow.accounts.records",
    "dummy_hash": "hedgerow.accounts.passwords",
    "enable_user": "hedgerow.accounts.records",
    "end_lapsed_sessions": "hedgerow.accounts.sessions",
    "end_session": "hedgerow.accounts.sessions",
    "enrolment_address": "hedgerow.accounts.totp",
    "find_key": "hedgerow.accounts.keys",
    "find_link": "hedgerow.accounts.links",
    "find_session": "hedgerow.accounts.sessions",
    "find_user": "hedgerow.accounts.finding",
    "find_user_by_id": "hedgerow.accounts.finding",
    "finish_confirmation": "hedgerow.accounts.logins",
    "finish_login": "hedgerow.accounts.logins",
    "has_users": "hedgerow.accounts.finding",
    "hash_password": "hedgerow.accounts.passwords",
    "is_csrf_token": "hedgerow.accounts.tokens",
    "is_worth_noting": "hedgerow.accounts.sessions",
    "latest_account_change": "hedgerow.accounts.changes",
    "link_oidc": "hedgerow.accounts.records",
    "list_keys": "hedgerow.accounts.keys",
    "list_sessions": "hedgerow.accounts.sessions",
    "list_users": "hedgerow.accounts.finding",
    "log_in_by_oidc": "hedgerow.accounts.logins",
    "make_first_admin_link": "hedgerow.accounts.links",
    "make_link": "hedgerow.accounts.links",
    "new_secret": "hedgerow.accounts.totp",
    "note_key_uses": "hedgerow.accounts.keys",
    "note_request": "hedgerow.accounts.sessions",
    "permissions_of": "hedgerow.accounts.rules",
    "preferences_of": "hedgerow.accounts.preferences",
    "record_denial": "hedgerow.accounts.records",
    "record_refused_key": "hedgerow.accounts.keys",
    "record_refused_link": "hedgerow.accounts.links",
    "remove_totp": "hedgerow.accounts.records",
    "revoke_key": "hedgerow.accounts.keys",
    "save_preferences": "hedgerow.accounts.preferences",
    "set_password": "hedgerow.accounts.records",
    "set_up_totp": "hedgerow.accounts.logins",
    "unlink_oidc": "hedgerow.accounts.records",
    "unlock_user": "hedgerow.accounts.records",
    "use_first_admin_link": "hedgerow.accounts.links",
    "use_link": "hedgerow.accounts.links",
    "verify_password": "hedgerow.accounts.passwords",
}


def __getattr__(name: str) -> object:
    # Looked up on first use (PEP 562): who needs but the nouns does not wait for SQLAlchemy.
    if name not in _HOME:
        raise AttributeError(f"module 'hedgerow.accounts' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
