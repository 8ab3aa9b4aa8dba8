"""Who may do what, and when a login, a session, a link or a key counts. Nothing here knows a database or a clock.

The rules:

1. What is not in `ROLE_PERMISSIONS` is denied. A user may do what any of the user's roles may; a key what its scopes
   say, and scopes are a part of what the role ``service`` may.
2. Who manages accounts and settings (``admin``) neither sees media, nor decides cases, nor opens evidence. The
   ``custodian`` alone asks for evidence to be opened; a second person agrees. The ``approver`` approves reports and
   composes none. Somebody may have several roles, and everybody can see that; that author and approver of one report
   are two people is held by the reports themselves.
3. Nobody changes their own roles, so that a right over accounts does not grow into any other. The command line may:
   whoever has the machine has everything on it.
4. No person has the role ``service``; a user has at least one role.
5. The last active admin can be neither disabled nor turned into something else.
6. A user's name has 1 to 100 small letters, digits and ``. _ - @ +``, and begins with a letter or digit (ASCII, so that
   no name can pass for another).
7. A password has 12 to 256 characters. It is neither the user's name nor made of the commonest passwords alone. There
   are no rules about kinds of characters, and no password grows old (NIST SP 800-63B §5.1.1.2).
8. After `LoginPolicy.attempts` failures in a row a user is locked out, for twice as long after each further failure, up
   to a limit. An attempt is counted when it begins, so that many at once are no more than one after another; a right
   one takes its count back. While the lock holds, the right password is refused like a wrong one, and nothing is
   counted.
9. A session ends on logging out, on a change of the password, with the user's being disabled, after some time without
   a request, and after its whole life.
10. A one-time link works once, until it expires, and until a newer one for the same purpose and user is made. The first
    admin is made by one, and only while there is no user.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hedgerow.accounts.model import Permission, Role
from hedgerow.errors import (
    InvalidDisplayName,
    InvalidIdentity,
    InvalidUserName,
    LastAdmin,
    PasswordRefused,
    PermissionDenied,
    RoleRefused,
    UnknownScope,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hedgerow.accounts.model import LoginPolicy, SessionPolicy

__all__ = [
    "LONGEST_PASSWORD",
    "ROLE_PERMISSIONS",
    "SCOPES",
    "SHORTEST_PASSWORD",
    "check_display_name",
    "check_identity",
    "check_last_admin",
    "check_password",
    "check_permission",
    "check_role_change",
    "check_roles",
    "check_scopes",
    "check_user_name",
    "is_session_over",
    "locked_until",
    "normalise_password",
    "permissions_of",
]

# ── roles and permissions ────────────────────────────────────────────────────────────────────────────────────────

ROLE_PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    Role.ADMIN: frozenset(
        {
            Permission.USERS_MANAGE,
            Permission.KEYS_MANAGE,
            Permission.SETTINGS_WRITE,
            Permission.WEBHOOKS_MANAGE,
            Permission.DELIVERIES_READ,
            Permission.DELIVERIES_RETRY,
            Permission.METRICS_READ,
            Permission.AUDIT_READ,
            Permission.AUDIT_EXPORT,
            Permission.BANKS_READ,
            Permission.EXCHANGES_READ,
            Permission.EXCHANGES_WRITE,
            Permission.POLICY_READ,
            Permission.VAULT_MANAGE,
            Permission.REPORTS_CREDENTIALS,
            Permission.REPORTS_ARM,
            Permission.INSIGHT_READ,
        }
    ),
    Role.LEAD: frozenset(
        {
            Permission.DELIVERIES_READ,
            Permission.DELIVERIES_RETRY,
            Permission.METRICS_READ,
            Permission.AUDIT_READ,
            Permission.BANKS_READ,
            Permission.BANKS_WRITE,
            Permission.BANKS_EXPORT,
            Permission.EXCHANGES_READ,
            Permission.EXCHANGES_WRITE,
            Permission.EXCHANGES_SHARE,
            Permission.HASH,
            Permission.MATCH,
            Permission.LOOKBACK,
            Permission.POLICY_READ,
            Permission.POLICY_WRITE,
            Permission.POLICY_ACTIVATE,
            Permission.CASES_READ,
            Permission.CASES_CLAIM,
            Permission.CASES_DECIDE,
            Permission.CASES_ASK,
            Permission.CASES_ASSIGN,
            Permission.CASES_REOPEN,
            Permission.SUPPRESSIONS_WRITE,
            Permission.QUALITY_SAMPLE,
            Permission.MEDIA_TILE,
            Permission.MEDIA_VIEW,
            Permission.TEXT_VIEW,
            Permission.EXPOSURE_LIMITS,
            Permission.EVIDENCE_READ,
            Permission.REPORTS_READ,
            Permission.REPORTS_DRAFT,
            Permission.NOTICES_READ,
            Permission.NOTICES_DECIDE,
            Permission.INSIGHT_READ,
            Permission.TRANSPARENCY_EXPORT,
        }
    ),
    Role.REVIEWER: frozenset(
        {
            Permission.BANKS_READ,
            Permission.POLICY_READ,
            Permission.CASES_READ,
            Permission.CASES_CLAIM,
            Permission.CASES_DECIDE,
            Permission.CASES_ASK,
            Permission.MEDIA_TILE,
            Permission.MEDIA_VIEW,
            Permission.TEXT_VIEW,
            Permission.REPORTS_READ,
            Permission.REPORTS_DRAFT,
            Permission.NOTICES_READ,
            Permission.NOTICES_DECIDE,
        }
    ),
    Role.APPROVER: frozenset(
        {
            Permission.POLICY_READ,
            Permission.CASES_READ,
            Permission.MEDIA_TILE,
            Permission.TEXT_VIEW,
            Permission.EVIDENCE_READ,
            Permission.EVIDENCE_AGREE,
            Permission.REPORTS_READ,
            Permission.REPORTS_APPROVE,
            Permission.REPORTS_RESOLVE,
            Permission.REPORTS_ARM,
        }
    ),
    Role.CUSTODIAN: frozenset(
        {
            Permission.AUDIT_READ,
            Permission.CASES_READ,
            Permission.EVIDENCE_READ,
            Permission.EVIDENCE_OPEN,
            Permission.EVIDENCE_HOLD,
            Permission.EVIDENCE_DESTROY,
            Permission.EVIDENCE_AGREE,
            Permission.REPORTS_READ,
        }
    ),
    Role.ANALYST: frozenset(
        {
            Permission.BANKS_READ,
            Permission.POLICY_READ,
            Permission.METRICS_READ,
            Permission.INSIGHT_READ,
            Permission.TRANSPARENCY_EXPORT,
        }
    ),
    Role.SERVICE: frozenset(
        {
            Permission.METRICS_READ,
            Permission.DELIVERIES_READ,
            Permission.BANKS_READ,
            Permission.BANKS_WRITE,
            Permission.EXCHANGES_READ,
            Permission.EXCHANGES_WRITE,
            Permission.SHARING_READ,
            Permission.HASH,
            Permission.MATCH,
            Permission.SCREEN,
            Permission.LOOKBACK,
            Permission.HMA,
            Permission.CASES_READ,
            Permission.INSIGHT_READ,
        }
    ),
}
"""Rule 1: the one table. ``docs/reference/permissions.md`` is written from it."""

SCOPES: Final[frozenset[Permission]] = ROLE_PERMISSIONS[Role.SERVICE]
"""What an API key may be given."""


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Return what somebody with these roles may do.

    >>> Permission.MEDIA_VIEW in permissions_of([Role.ADMIN])
    False
    """
    return frozenset().union(*(ROLE_PERMISSIONS[role] for role in roles))


def check_permission(held: frozenset[Permission], needed: Permission) -> None:
    """Let pass who has the permission.

    Raises:
        PermissionDenied: It is not among those held.
    """
    if needed not in held:
        raise PermissionDenied(str(needed))


def check_scopes(scopes: Iterable[str]) -> frozenset[Permission]:
    """Return the scopes of a key, of which there is at least one.

    Raises:
        UnknownScope: One is none that a key may have.

    >>> sorted(check_scopes(["screen", "match"]))
    [<Permission.MATCH: 'match'>, <Permission.SCREEN: 'screen'>]
    """
    known = {str(each): each for each in SCOPES}
    wanted = list(scopes)
    for scope in wanted or ("",):
        if scope not in known:
            raise UnknownScope(scope, tuple(sorted(known)))
    return frozenset(known[scope] for scope in wanted)


# ── users ────────────────────────────────────────────────────────────────────────────────────────────────────────

# Widths of the columns (tables.py). OpenID Connect Core 1.0, section 2, allows a subject 255 ASCII characters.
_LONGEST_DISPLAY_NAME = 200
_LONGEST_ISSUER = 500
_LONGEST_SUBJECT = 255

_USER_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")


def check_user_name(name: str) -> str:
    """Return the name in small letters if a user may have it.

    Raises:
        InvalidUserName: It may not (rule 6).

    >>> check_user_name("Robin@example.org")
    'robin@example.org'
    """
    small = name.lower()
    if not _USER_NAME.fullmatch(small):
        raise InvalidUserName
    return small


def check_display_name(text: str) -> str:
    """Return what others see of a user, if it may be shown.

    Raises:
        InvalidDisplayName: It is empty or too long, or holds a control character.
    """
    if not 1 <= len(text) <= _LONGEST_DISPLAY_NAME or not text.isprintable() or not text.strip():
        raise InvalidDisplayName
    return text


def check_identity(issuer: str, subject: str) -> None:
    """Let pass what an issuer calls somebody, if it can be kept.

    Raises:
        InvalidIdentity: One of them is empty or too long, or holds a control character.
    """
    for text, longest in ((issuer, _LONGEST_ISSUER), (subject, _LONGEST_SUBJECT)):
        if not 1 <= len(text) <= longest or not text.isprintable():
            raise InvalidIdentity


def check_roles(roles: Iterable[Role]) -> frozenset[Role]:
    """Return the roles if a user may have them together.

    Raises:
        RoleRefused: There is none, or one is not for people (rule 4).
    """
    found = frozenset(roles)
    if not found:
        raise RoleRefused("a user has at least one role; disable users who are to do nothing")
    if Role.SERVICE in found:
        raise RoleRefused("service is the role of API keys, not of people")
    return found


def check_role_change(actor: str, user_actor: str) -> None:
    """Let an actor change somebody's roles.

    Raises:
        RoleRefused: They are the actor's own (rule 3).
    """
    if actor == user_actor:
        raise RoleRefused("nobody changes their own roles")


def check_last_admin(*, was_active_admin: bool, is_active_admin: bool, other_active_admins: int) -> None:
    """Let a user's roles or switch change.

    Raises:
        LastAdmin: Nobody would be left to look after accounts (rule 5).
    """
    if was_active_admin and not is_active_admin and not other_active_admins:
        raise LastAdmin


# ── passwords ────────────────────────────────────────────────────────────────────────────────────────────────────

# NIST SP 800-63B §5.1.1.2 asks for 8 at least and 64 at least allowed. 12, since a leaked table is attacked offline;
# 256, so that nobody makes us normalise and hash a book.
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 256
# What must be left of a password once the commonest ones are taken out of it: "Password1234!" leaves one character.
_SHORTEST_REST = 4
# "aaaaaaaaaaaa" has one, "ababababababab" two.
_FEWEST_DIFFERENT_CHARACTERS = 5

# Heads of the list of the 100,000 commonest passwords (UK National Cyber Security Centre and Have I Been Pwned, 2019),
# what keyboards and years suggest, and the words that people put into the password of a tool such as this one. A short
# list does: a password has 12 characters, so that most of the commonest cannot stand alone anyway.
_COMMONEST: Final = tuple(
    sorted(
        """
        password passwort contrasena passw0rd p@ssword p@ssw0rd letmein welcome login admin administrator root
        qwertyuiop qwerty qwertz azerty asdfghjkl asdfgh zxcvbnm 1q2w3e4r5t6y 1q2w3e4r5t 1q2w3e4r 1q2w3e 1qaz2wsx qazwsx
        zaq12wsx 1234567890 0123456789 123456789 987654321 12345678 1234567 123456 12345 1234 123 654321 54321 4321 321
        123123 123321 112233 abcdef abc123 abcd abc iloveyou princess sunshine football baseball basketball monkey
        dragon master shadow superman batman naruto tigger pokemon liverpool chelsea arsenal ashley michael daniel
        jessica charlie jordan michelle andrew blink182 metallica eminem slipknot hello freedom whatever trustno1
        starwars computer internet secret secure security changeme change default temp test demo guest user hedgerow
        moderator reviewer trust safety 2019 2020 2021 2022 2023 2024 2025 2026 2027 2028 111111 000000 666666 888888
        777777
    """.split(),  # noqa: SIM905  (a paragraph of words)
        key=len,
        reverse=True,
    )
)


def normalise_password(password: str) -> str:
    """Return the one spelling of a password, however a keyboard composed its letters (NFKC, SP 800-63B §5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, user_name: str) -> str:
    """Return the password, normalised, if this user may have it.

    Args:
        password: As it was typed.
        user_name: As it is typed at the login.

    Raises:
        PasswordRefused: It may not be used (rule 7).
    """
    normalised = normalise_password(password)
    if len(normalised) < SHORTEST_PASSWORD:
        raise PasswordRefused(f"it has fewer than {SHORTEST_PASSWORD} characters")
    if len(normalised) > LONGEST_PASSWORD:
        raise PasswordRefused(f"it has more than {LONGEST_PASSWORD} characters")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in normalised):
        raise PasswordRefused("it holds a control character")
    small = normalised.casefold()
    if len(set(small)) < _FEWEST_DIFFERENT_CHARACTERS:
        raise PasswordRefused("it repeats a few characters")
    if len(_without(small, (user_name,))) < _SHORTEST_REST:
        raise PasswordRefused("it is the user's name")
    if len(_without(small, (user_name, *_COMMONEST))) < _SHORTEST_REST:
        raise PasswordRefused("it is made of the commonest passwords")
    return normalised


def _without(text: str, pieces: tuple[str, ...]) -> str:
    for piece in pieces:
        text = text.replace(piece, "")
    return text


# ── logins and sessions ──────────────────────────────────────────────────────────────────────────────────────────


def locked_until(failures: int, now: datetime, policy: LoginPolicy) -> datetime | None:
    """Say until when a user is locked out after so many failures in a row (rule 8); None for not at all.

    >>> from datetime import UTC, datetime
    >>> from hedgerow.accounts.model import LoginPolicy
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> [str(locked_until(count, noon, LoginPolicy(5, 30, 900)))[11:19] for count in (4, 5, 6, 99)]
    ['', '12:00:30', '12:01:00', '12:15:00']
    """
    if failures < policy.attempts:
        return None
    # 2 ** 60 seconds is longer than any limit, and a number of failures may be large.
    doublings = min(failures - policy.attempts, 60)
    return now + timedelta(seconds=min(policy.lock_s * 2**doublings, policy.longest_lock_s))


def is_session_over(now: datetime, *, last_seen_at: datetime, expires_at: datetime, policy: SessionPolicy) -> bool:
    """Tell whether a session that nobody ended is over all the same (rule 9)."""
    return now >= expires_at or now >= last_seen_at + timedelta(seconds=policy.idle_s)
