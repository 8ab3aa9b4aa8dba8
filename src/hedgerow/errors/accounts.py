"""The branch of accounts: something about users, sessions, links or keys."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = [
    "AccountError",
    "CodeRefused",
    "FormRefused",
    "IdentityUnknown",
    "InvalidDisplayName",
    "InvalidIdentity",
    "InvalidKey",
    "InvalidPreference",
    "InvalidUserName",
    "KeyNotFound",
    "KeyRefused",
    "LastAdmin",
    "LinkRefused",
    "LoginRefused",
    "LoginSupportMissing",
    "PasswordRefused",
    "PermissionDenied",
    "PersonNeeded",
    "PlainConnection",
    "ProviderRefused",
    "ProviderUnavailable",
    "RoleRefused",
    "SecondFactorNeeded",
    "SessionEnded",
    "UnknownScope",
    "UserExists",
    "UserNotFound",
    "UsersExist",
]


class AccountError(HedgerowError):
    """Something about users, sessions, links or keys."""

    reason = "account"


class LoginRefused(AccountError):
    """Name, password or code is wrong, or there were too many attempts: one sentence, so that nobody learns which."""

    reason = "login_refused"

    def __init__(self) -> None:
        super().__init__(
            "The name, the password or the code is wrong, or there were too many attempts: wait a while and try again."
        )


class SecondFactorNeeded(AccountError):
    """The password is right, and a code is needed."""

    reason = "second_factor_needed"

    def __init__(self) -> None:
        super().__init__("Enter the code of your authenticator as well, or one of your recovery codes.")


class SessionEnded(AccountError):
    """No session, or one that is over."""

    reason = "session_ended"

    def __init__(self) -> None:
        super().__init__("You are not logged in any more: log in again.")


class PermissionDenied(AccountError):
    """Whoever asks may not.

    Args:
        permission: What would be needed.
    """

    reason = "permission_denied"

    def __init__(self, permission: str) -> None:
        self.permission = permission
        super().__init__(f"This needs the permission {permission}.")


class PersonNeeded(AccountError):
    """A program asks for what people alone do."""

    reason = "person_needed"

    def __init__(self) -> None:
        super().__init__("This is for people who have logged in; an API key is a program's.")


class KeyRefused(AccountError):
    """An API key that is none, or does not work any more.

    Args:
        key_id: Which one it is, for the record; None where it is none. The sentence does not tell.
    """

    reason = "key_refused"

    def __init__(self, key_id: int | None = None) -> None:
        self.key_id = key_id
        super().__init__("This API key is not valid.")


class LinkRefused(AccountError):
    """A one-time link that is none, was used, or expired."""

    reason = "link_refused"

    def __init__(self) -> None:
        super().__init__("This link was used, has expired or never was one: ask for a new one.")


class PasswordRefused(AccountError):
    """A password that may not be used.

    Args:
        problem: Why, without repeating it.
    """

    reason = "password_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This password cannot be used: {problem}. Take four words that do not belong together.")


class CodeRefused(AccountError):
    """A code that does not belong to the secret that is being set up."""

    reason = "code_refused"

    def __init__(self) -> None:
        super().__init__("The code is wrong: check the clock of the device that shows it, and enter the next one.")


class UserNotFound(AccountError):
    """There is no such user."""

    reason = "user_not_found"

    def __init__(self) -> None:
        super().__init__("There is no user of that name.")


class UserExists(AccountError):
    """There is a user of that name."""

    reason = "user_exists"

    def __init__(self) -> None:
        super().__init__("There is a user of that name already.")


class UsersExist(AccountError):
    """A first admin where there are users."""

    reason = "users_exist"

    def __init__(self) -> None:
        super().__init__("There are users already: an admin, or `hedgerow user add`, makes more of them.")


class InvalidUserName(AccountError):
    """A name that no user may have."""

    reason = "invalid_user_name"

    def __init__(self) -> None:
        super().__init__(
            "This is no name for a user: use 1 to 100 letters a to z, digits and the signs . _ - @ +, beginning with a "
            "letter or digit."
        )


class InvalidDisplayName(AccountError):
    """What others see of a user does not fit."""

    reason = "invalid_display_name"

    def __init__(self) -> None:
        super().__init__("What others see of a user has 1 to 200 characters, none of them a control character.")


class InvalidPreference(AccountError):
    """How somebody wants the pages, in a way that cannot be.

    Args:
        problem: What is wrong with it, in words.
    """

    reason = "invalid_preference"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This cannot be kept: {problem}.")


class InvalidIdentity(AccountError):
    """What an issuer calls somebody, in a form that cannot be kept."""

    reason = "invalid_identity"

    def __init__(self) -> None:
        super().__init__(
            "An identity has an issuer of 1 to 500 characters and a subject of 1 to 255, without control characters."
        )


class RoleRefused(AccountError):
    """Roles that nobody may have, or may not give themselves.

    Args:
        problem: Why.
    """

    reason = "role_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"These roles cannot be given: {problem}.")


class LastAdmin(AccountError):
    """Nobody would be left to look after accounts."""

    reason = "last_admin"

    def __init__(self) -> None:
        super().__init__("This is the last active admin: make another one first.")


class KeyNotFound(AccountError):
    """There is no such API key."""

    reason = "key_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such API key: `hedgerow key list` shows their numbers.")


class InvalidKey(AccountError):
    """What was said about a new API key does not fit.

    Args:
        problem: What is wrong with it.
    """

    reason = "invalid_key"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This API key cannot be made: {problem}.")


class UnknownScope(AccountError):
    """No scope that an API key may have.

    Args:
        scope: What was asked for.
        known: The scopes there are.
    """

    reason = "unknown_scope"

    def __init__(self, scope: str, known: tuple[str, ...]) -> None:
        self.scope = scope
        self.known = known
        super().__init__(f"An API key cannot have the scope {scope!r}; it has one or more of {', '.join(known)}.")


class PlainConnection(AccountError):
    """A login over a connection that others can read along."""

    reason = "plain_connection"

    def __init__(self) -> None:
        super().__init__(
            "Logins are taken over https, or on this machine itself (localhost). Behind a proxy that speaks https, set "
            "server.public_url to the address that people use."
        )


class FormRefused(AccountError):
    """A form that another site sent, or that belongs to a session that is over."""

    reason = "form_refused"

    def __init__(self) -> None:
        super().__init__("This form does not belong to your session: go back, load the page again and repeat it.")


class ProviderUnavailable(AccountError):
    """The login provider (OpenID Connect) does not answer, or not as one does.

    Args:
        problem: What went wrong.
    """

    reason = "provider_unavailable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"The login provider cannot be used at the moment: {problem}. Try again later, or log in with a password."
        )


class ProviderRefused(AccountError):
    """What the login provider says of somebody is not believed, or it does not vouch for them.

    Args:
        problem: Why, without names or tokens.
    """

    reason = "provider_refused"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The login through the provider was not accepted: {problem}. Begin again at the login page.")


class IdentityUnknown(AccountError):
    """The login provider vouches for somebody whom no user here is linked to."""

    reason = "identity_unknown"

    def __init__(self) -> None:
        super().__init__(
            "The login provider knows you, and nobody here is linked to you. Log in with your password and link your "
            "account on the page Account; if you have none, ask an admin for an invitation."
        )


class LoginSupportMissing(AccountError):
    """What hashes passwords and checks codes is not installed."""

    reason = "login_support_missing"

    def __init__(self) -> None:
        super().__init__(
            "Accounts need argon2-cffi and pyotp, which are not installed: run `pip install 'hedgerow[server]'`."
        )
